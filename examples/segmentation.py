"""A class for every pixel: background, disk or square, with dilated convolutions.

Look at the last stage, which holds three probabilities for each pixel.
"""

import keras
import numpy as np
from _arguments import arguments
from keras import layers

import pipetrace


def rows(count: int = 256, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Images of 16 x 16 pixels with a dim disk and a bright square, and the class of each pixel."""
    rng = np.random.default_rng(seed)
    row, column = np.mgrid[:16, :16]
    top, left, low, right = rng.uniform(3, 13, (4, count, 1, 1))
    classes = np.where((row - top) ** 2 + (column - left) ** 2 < 12, 1, 0)
    classes = np.where((abs(row - low) < 3) & (abs(column - right) < 3), 2, classes)
    images = classes * 0.5 + rng.normal(0, 0.15, classes.shape)
    return images[..., None].astype("float32"), classes


def build(seed: int = 0) -> keras.Model:
    """Three convolutions with gaps of 1, 2 and 4."""
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((16, 16, 1), name="image")
    x = inputs
    for gap in (1, 2, 4):
        x = layers.Conv2D(
            8, 3, padding="same", dilation_rate=gap, activation="relu", name=f"gap_{gap}"
        )(x)
    outputs = layers.Conv2D(3, 1, activation="softmax", name="pixel_class")(x)
    model = keras.Model(inputs, outputs, name="segmentation")
    model.compile(
        optimizer=keras.optimizers.Adam(0.01),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
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
