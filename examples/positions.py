"""A transformer block over words with learned positions, which all rows share.

Look at the table of positions in the data flow: it has no axis of rows.
"""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from _arguments import arguments
from keras import layers

import pipetrace

LENGTH, WORDS, WIDTH = 10, 20, 8


class Positions(layers.Layer):
    """Adds a learned vector of its position to the vector of each word."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.word = layers.Embedding(WORDS, WIDTH, name="word")
        self.position = layers.Embedding(LENGTH, WIDTH, name="position")

    def call(self, words: Any) -> Any:
        """From ``(rows, length)`` to ``(rows, length, width)``."""
        return self.word(words) + self.position(tf.range(tf.shape(words)[-1]))


def rows(count: int = 256, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Ten words; the answer is whether the first one comes again."""
    rng = np.random.default_rng(seed)
    words = rng.integers(1, WORDS, (count, LENGTH))
    return words, (words[:, 1:] == words[:, :1]).any(axis=1).astype("int64")


def build(seed: int = 0) -> keras.Model:
    """Words and positions, self-attention, and a yes or no."""
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((LENGTH,), dtype="int64", name="words")
    x = Positions(name="positions")(inputs)
    x = layers.LayerNormalization(name="norm")(
        x + layers.MultiHeadAttention(2, WIDTH, name="attention")(x, x)
    )
    x = layers.GlobalMaxPooling1D(name="largest")(x)
    outputs = layers.Dense(1, activation="sigmoid", name="again")(x)
    model = keras.Model(inputs, outputs, name="positions")
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
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
