"""A convolutional autoencoder. Its loss is the mean squared error of the pixels.

Look at the narrowest stage, and compare the last stage with the first.
"""

import keras
import numpy as np
from _arguments import arguments
from keras import layers

import pipetrace


def rows(count: int = 256, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Soft crosses in 12 x 12 pixels; the target is the input."""
    rng = np.random.default_rng(seed)
    row, column = np.mgrid[:12, :12]
    top, left = rng.uniform(2, 10, (2, count, 1, 1))
    cross = np.maximum(np.exp(-((row - top) ** 2)), np.exp(-((column - left) ** 2)))
    images = cross[..., None].astype("float32")
    return images, images


def build(seed: int = 0) -> keras.Model:
    """Two convolutions down, two up."""
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((12, 12, 1), name="image"),
            layers.Conv2D(8, 3, strides=2, padding="same", activation="relu", name="down_1"),
            layers.Conv2D(4, 3, strides=2, padding="same", activation="relu", name="down_2"),
            layers.Conv2DTranspose(8, 3, strides=2, padding="same", activation="relu", name="up_1"),
            layers.Conv2DTranspose(8, 3, strides=2, padding="same", activation="relu", name="up_2"),
            layers.Conv2D(1, 3, padding="same", activation="sigmoid", name="picture_again"),
        ],
        name="autoencoder",
    )
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss="mse")
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
