"""The program that ``pipetrace selfcheck`` runs by default: a recorder could disturb all of it.

Dropout and a shuffled source draw random numbers in each step, BatchNormalization has moving
averages, Adam has a state, and validation has its own metrics. It learns which column of a noisy
image is bright.
"""

import keras
import numpy as np
import tensorflow as tf

ROWS, VALIDATION, EPOCHS = 320, 100, 3


def main() -> None:
    """Train from arrays, then once more from a dataset, as two calls of ``fit``."""
    generator = np.random.default_rng(0)
    y = generator.integers(10, size=ROWS + VALIDATION)
    x = generator.random((len(y), 28, 28, 1), np.float32)
    x[np.arange(len(y)), :, 2 * y] += 1
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input(x.shape[1:]),
            layers.Conv2D(8, 3, strides=2, use_bias=False, name="conv"),
            layers.BatchNormalization(name="norm"),
            layers.ReLU(name="relu"),
            layers.MaxPooling2D(name="pool"),
            layers.Flatten(name="flatten"),
            layers.Dropout(0.3, name="drop"),
            layers.Dense(10, activation="softmax", name="scores"),
        ],
        name="digits",
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    validation = x[ROWS : ROWS + VALIDATION], y[ROWS : ROWS + VALIDATION]
    model.fit(x[:ROWS], y[:ROWS], validation_data=validation, epochs=EPOCHS, batch_size=32)
    dataset = (
        tf.data.Dataset.from_tensor_slices((x[:ROWS], y[:ROWS])).shuffle(ROWS).batch(32).prefetch(1)
    )
    model.fit(dataset, validation_data=validation, epochs=EPOCHS)


if __name__ == "__main__":
    main()
