"""Regression with two outputs: how far a thrown ball lands and how high it flies.

Look at the errors in the units of the targets, and at the row with the largest error.
"""

import keras
import numpy as np
from _arguments import arguments
from keras import layers

import pipetrace


def rows(count: int = 256, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Speed (10 m/s), angle (radians) and wind (10 m/s) of a throw; distance and height in 10 m."""
    rng = np.random.default_rng(seed)
    speed, angle = rng.uniform(0.5, 2.5, count), rng.uniform(0.3, 1.3, count)
    wind = rng.normal(0, 0.2, count)
    aloft = 2 * speed * np.sin(angle) / 0.981
    far = (speed * np.cos(angle) + wind) * aloft
    high = (speed * np.sin(angle)) ** 2 / (2 * 0.981)
    return np.stack([speed, angle, wind], axis=-1).astype("float32"), np.stack(
        [far, high], axis=-1
    ).astype("float32")


def build(seed: int = 0) -> keras.Model:
    """Two hidden layers, two plain numbers."""
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((3,), name="throw"),
            layers.Dense(24, activation="tanh", name="hidden_1"),
            layers.Dense(24, activation="tanh", name="hidden_2"),
            layers.Dense(2, name="far_and_high"),
        ],
        name="regression",
    )
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss="mae", metrics=["mse"])
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
