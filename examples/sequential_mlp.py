"""A plain stack of dense layers that separates three rings of points.

Look at how two numbers become sixteen and then three.
"""

import keras
import numpy as np
from _arguments import arguments

import pipetrace


def rows(count: int = 256, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Points in the plane; the class is the ring that a point lies on."""
    rng = np.random.default_rng(seed)
    ring = rng.integers(0, 3, count)
    radius = ring + 1 + rng.normal(0, 0.15, count)
    angle = rng.uniform(0, 2 * np.pi, count)
    points = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1)
    return points.astype("float32"), ring


def build(seed: int = 0) -> keras.Model:
    """Two hidden layers."""
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.Dense(16, activation="relu", name="hidden_1"),
            keras.layers.Dense(16, activation="relu", name="hidden_2"),
            keras.layers.Dense(3, activation="softmax", name="ring"),
        ],
        name="sequential_mlp",
    )
    model.compile(
        optimizer=keras.optimizers.Adam(0.01),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def main() -> None:
    """Train the model and record it."""
    args = arguments(epochs=10)
    x, y = rows(args.rows)
    model = build()
    model.fit(
        x,
        y,
        epochs=args.epochs,
        validation_split=0.25,
        callbacks=[pipetrace.Recorder(args.trace, x, y)],
    )


if __name__ == "__main__":
    main()
