"""Sentences padded with zeros, read by a bidirectional LSTM that skips the padding.

Look at the mask of the embedding: how many positions are real words.
"""

import keras
import numpy as np
from _arguments import arguments
from keras import layers

import pipetrace


def rows(count: int = 256, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Sentences of 3 to 10 words from 1 to 20, padded; 1 if most words are above 10."""
    rng = np.random.default_rng(seed)
    words = rng.integers(1, 21, (count, 10))
    real = np.arange(10) < rng.integers(3, 11, (count, 1))
    above = ((words > 10) & real).sum(axis=1) > real.sum(axis=1) / 2
    return np.where(real, words, 0), above.astype("float32")


def build(seed: int = 0) -> keras.Model:
    """Embedding with a mask, both directions, one unit."""
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((10,), dtype="int64", name="words"),
            layers.Embedding(21, 6, mask_zero=True, name="vectors"),
            layers.Bidirectional(layers.LSTM(6), name="both_ways"),
            layers.Dense(1, activation="sigmoid", name="mostly_high"),
        ],
        name="bidirectional",
    )
    model.compile(
        optimizer=keras.optimizers.Adam(0.02), loss="binary_crossentropy", metrics=["accuracy"]
    )
    return model


def main() -> None:
    """Train the model and record it."""
    args = arguments(epochs=5)
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
