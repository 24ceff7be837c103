"""A small U-Net that finds a bright disk in a noisy image.

Look at the skip connections: a joined stage receives the fine image and the coarse one.
"""

import keras
import numpy as np
from _arguments import arguments
from keras import layers

import pipetrace


def rows(count: int = 256, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Images of 16 x 16 pixels with one disk each, and the mask of the disk."""
    rng = np.random.default_rng(seed)
    row, column = np.mgrid[:16, :16]
    top, left = rng.uniform(4, 12, (2, count, 1, 1))
    radius = rng.uniform(2, 5, (count, 1, 1))
    mask = (row - top) ** 2 + (column - left) ** 2 < radius**2
    images = mask + rng.normal(0, 0.4, mask.shape)
    return images[..., None].astype("float32"), mask[..., None].astype("float32")


def build(seed: int = 0) -> keras.Model:
    """Two levels down, two levels up, a skip at each."""
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((16, 16, 1), name="image")
    fine = layers.Conv2D(6, 3, padding="same", activation="relu", name="down_1")(inputs)
    middle = layers.MaxPooling2D(name="pool_1")(fine)
    middle = layers.Conv2D(12, 3, padding="same", activation="relu", name="down_2")(middle)
    bottom = layers.MaxPooling2D(name="pool_2")(middle)
    bottom = layers.Conv2D(16, 3, padding="same", activation="relu", name="bottom")(bottom)
    x = layers.UpSampling2D(name="up_2")(bottom)
    x = layers.Concatenate(name="skip_2")([middle, x])
    x = layers.Conv2D(12, 3, padding="same", activation="relu", name="merge_2")(x)
    x = layers.Conv2DTranspose(6, 2, strides=2, name="up_1")(x)
    x = layers.Concatenate(name="skip_1")([fine, x])
    x = layers.Conv2D(6, 3, padding="same", activation="relu", name="merge_1")(x)
    outputs = layers.Conv2D(1, 1, activation="sigmoid", name="mask")(x)
    model = keras.Model(inputs, outputs, name="unet")
    model.compile(
        optimizer=keras.optimizers.Adam(0.01), loss="binary_crossentropy", metrics=["accuracy"]
    )
    return model


def main() -> None:
    """Train the model and record it."""
    args = arguments(epochs=4)
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
