"""Sentences as strings: the model itself splits them into words and numbers them.

Look at the stage where text becomes numbers, and at the zeros that pad short sentences.
"""

import keras
import numpy as np
import tensorflow as tf
from _arguments import arguments
from keras import layers

import pipetrace


def rows(count: int = 256, seed: int = 0) -> tuple[tf.Tensor, np.ndarray]:
    """Short reviews; 1 where the reviewer was pleased."""
    rng = np.random.default_rng(seed)
    things = ["The soup", "Our room", "The long journey", "This little book", "The service at noon"]
    pleased = ["was a delight.", "was warm and lovely!", "made us happy.", "is the best we know."]
    displeased = ["was a bore.", "was cold and dirty!", "made us angry.", "is the worst we know."]
    y = rng.integers(0, 2, count)
    sentences = [
        f"{rng.choice(things)} {rng.choice(pleased if good else displeased)}" for good in y
    ]
    return tf.constant(sentences), y.astype("float32")


def build(seed: int = 0) -> keras.Model:
    """Words, vectors, their mean, one unit."""
    keras.utils.set_random_seed(seed)
    words = layers.TextVectorization(max_tokens=60, output_sequence_length=8, name="words")
    words.adapt(rows()[0])
    inputs = keras.Input((), dtype="string", name="sentence")
    x = layers.Embedding(60, 8, name="vectors")(words(inputs))
    x = layers.GlobalAveragePooling1D(name="mean")(x)
    x = layers.Dense(8, activation="relu", name="hidden")(x)
    outputs = layers.Dense(1, activation="sigmoid", name="pleased")(x)
    model = keras.Model(inputs, outputs, name="text")
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
