"""Regression on a table with very different scales, with an adapted ``Normalization`` layer.

Look at the columns before and after that layer.
"""

import keras
import numpy as np
from _arguments import arguments
from keras import layers

import pipetrace


def rows(count: int = 256, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Flats: square metres, rooms, year, metres to the station; the rent in hundreds."""
    rng = np.random.default_rng(seed)
    metres = rng.uniform(25, 140, count)
    rooms = np.round(metres / 30 + rng.uniform(0, 1.5, count))
    year = rng.integers(1890, 2025, count)
    station = rng.exponential(900, count)
    rent = (
        2
        + 0.08 * metres
        + 0.4 * rooms
        + 0.02 * (year - 1950)
        - 0.001 * station
        + rng.normal(0, 0.3, count)
    )
    return np.stack([metres, rooms, year, station], axis=-1).astype("float32"), rent.astype(
        "float32"
    )


def build(seed: int = 0) -> keras.Model:
    """The scale, two hidden layers, a number."""
    keras.utils.set_random_seed(seed)
    scale = layers.Normalization(name="scale")
    scale.adapt(rows()[0])
    inputs = keras.Input((4,), name="flat")
    x = layers.Dense(16, activation="relu", name="hidden_1")(scale(inputs))
    x = layers.Dense(16, activation="relu", name="hidden_2")(x)
    outputs = layers.Dense(1, name="rent")(x)
    model = keras.Model(inputs, outputs, name="normalization")
    model.compile(optimizer=keras.optimizers.Adam(0.02), loss="mse", metrics=["mae"])
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
