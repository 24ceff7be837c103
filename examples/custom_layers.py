"""Custom layers with two inputs, with a tuple as output, and with a dictionary as output.

Look at which output of the split each branch received, and at the two values of the moments.
"""

from typing import Any

import keras
import numpy as np
from _arguments import arguments
from keras import layers, ops

import pipetrace


class Split(layers.Layer):
    """The first half and the second half of the last axis, as a tuple."""

    def call(self, inputs: Any) -> tuple[Any, Any]:
        """From shape ``(rows, 2 n)`` to twice ``(rows, n)``."""
        first, second = ops.split(inputs, 2, axis=-1)
        return first, second


class Moments(layers.Layer):
    """Mean and spread of the last axis, as a dictionary."""

    def call(self, inputs: Any) -> dict[str, Any]:
        """From shape ``(rows, n)`` to twice ``(rows, 1)``."""
        return {
            "mean": ops.mean(inputs, axis=-1, keepdims=True),
            "spread": ops.std(inputs, axis=-1, keepdims=True),
        }


class Compare(layers.Layer):
    """How two vectors agree, each number weighted by a learned weight."""

    def build(self, left_shape: Any, right_shape: Any) -> None:
        """One weight for each number."""
        if left_shape != right_shape:
            raise ValueError(
                f"Expected two inputs of one shape. Received: {left_shape}, {right_shape}"
            )
        self.weight = self.add_weight(shape=left_shape[-1:], initializer="ones", name="weight")

    def call(self, left: Any, right: Any) -> Any:
        """From twice ``(rows, n)`` to ``(rows, n)``."""
        return left * right * self.weight


def rows(count: int = 256, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Two signals of 8 points one after the other; 1 where they go together."""
    rng = np.random.default_rng(seed)
    first = rng.normal(0, 1, (count, 8))
    together = rng.integers(0, 2, count)
    second = np.where(together[:, None], first, rng.normal(0, 1, (count, 8))) + rng.normal(
        0, 0.5, (count, 8)
    )
    return np.hstack([first, second]).astype("float32"), together.astype("float32")


def build(seed: int = 0) -> keras.Model:
    """Split, compare, and the moments of the comparison."""
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((16,), name="signals")
    first, second = Split(name="split")(inputs)
    compared = Compare(name="compare")(first, second)
    moments = Moments(name="moments")(compared)
    joined = layers.Concatenate(name="joined")([moments["mean"], moments["spread"]])
    hidden = layers.Dense(6, activation="relu", name="hidden")(joined)
    outputs = layers.Dense(1, activation="sigmoid", name="together")(hidden)
    model = keras.Model(inputs, outputs, name="custom_layers")
    model.compile(
        optimizer=keras.optimizers.Adam(0.02), loss="binary_crossentropy", metrics=["accuracy"]
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
