"""Binary classification with one sigmoid unit: two interleaved half moons.

Look at the last stage, one number from 0 to 1, and at the rows near 0.5.
"""

import keras
import numpy as np
from _arguments import arguments
from keras import layers

import pipetrace


def rows(count: int = 256, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Points on two half moons."""
    rng = np.random.default_rng(seed)
    lower = rng.integers(0, 2, count)
    angle = rng.uniform(0, np.pi, count)
    across = np.where(lower, 1 - np.cos(angle), np.cos(angle))
    up = np.where(lower, 0.5 - np.sin(angle), np.sin(angle))
    points = np.stack([across, up], axis=-1) + rng.normal(0, 0.12, (count, 2))
    return points.astype("float32"), lower


def build(seed: int = 0) -> keras.Model:
    """Two hidden layers, one unit."""
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((2,), name="point"),
            layers.Dense(16, activation="relu", name="hidden_1"),
            layers.Dense(16, activation="relu", name="hidden_2"),
            layers.Dense(1, activation="sigmoid", name="lower"),
        ],
        name="binary_sigmoid",
    )
    model.compile(
        optimizer=keras.optimizers.Adam(0.01), loss="binary_crossentropy", metrics=["accuracy"]
    )
    return model


def main() -> None:
    """Train the model and record it."""
    args = arguments(epochs=8)
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
