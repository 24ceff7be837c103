"""Operations without layers in a functional model: slices, ``x * 2 + 1``, a mean, a concatenation.

Each is a stage with the name that Keras gave it. None has parameters.
"""

import keras
import numpy as np
from _arguments import arguments
from keras import layers, ops

import pipetrace


def rows(count: int = 256, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Eight readings of a rising or falling quantity; 1 if it rises."""
    rng = np.random.default_rng(seed)
    rises = rng.integers(0, 2, count)
    slope = np.where(rises, 1, -1)[:, None] * rng.uniform(0.02, 0.2, (count, 1))
    readings = (
        rng.uniform(0, 1, (count, 1)) + slope * np.arange(8) + rng.normal(0, 0.05, (count, 8))
    )
    return readings.astype("float32"), rises.astype("float32")


def build(seed: int = 0) -> keras.Model:
    """Halves, their means, everything joined, one hidden layer."""
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((8,), name="readings")
    scaled = inputs * 2 + 1
    early, late = scaled[:, :4], scaled[:, 4:]
    means = [ops.mean(half, axis=-1, keepdims=True) for half in (early, late)]
    joined = ops.concatenate([*means, ops.tanh(late - early)], axis=-1)
    x = layers.Dense(8, activation="relu", name="hidden")(joined)
    outputs = layers.Dense(1, activation="sigmoid", name="rises")(x)
    model = keras.Model(inputs, outputs, name="ops_functional")
    model.compile(
        optimizer=keras.optimizers.Adam(0.02), loss="binary_crossentropy", metrics=["accuracy"]
    )
    return model


def main() -> None:
    """Train the model and record it."""
    args = arguments(epochs=6)
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
