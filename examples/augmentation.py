"""A classifier of small colour images with augmentation, batch normalization and dropout.

Look at the stages that behave differently in training and in prediction.
"""

import keras
import numpy as np
from _arguments import arguments
from keras import layers

import pipetrace


def rows(count: int = 256, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Images of 16 x 16 pixels: a disk, a ring or a bar, in any colour and place."""
    rng = np.random.default_rng(seed)
    shape = rng.integers(0, 3, count)
    row, column = np.mgrid[:16, :16]
    down, across = rng.uniform(5, 11, (2, count, 1, 1)) - np.stack([row, column])[:, None]
    distance = np.hypot(down, across)
    shapes = np.stack(
        [distance < 4.5, abs(distance - 4) < 1.0, (abs(down) < 1.2) & (abs(across) < 6)]
    )
    colour = rng.uniform(0.5, 1, (count, 1, 1, 3))
    images = shapes[shape, np.arange(count)][..., None] * colour + rng.normal(
        0, 0.1, (count, 16, 16, 3)
    )
    return images.astype("float32"), shape


def build(seed: int = 0) -> keras.Model:
    """Augmentation, two convolutions with batch normalization, dropout."""
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((16, 16, 3), name="image"),
            layers.RandomFlip("horizontal", seed=seed, name="flip"),
            layers.RandomRotation(0.25, seed=seed, name="turn"),
            layers.Conv2D(12, 3, use_bias=False, name="conv_1"),
            layers.BatchNormalization(momentum=0.8, name="norm_1"),
            layers.ReLU(name="relu_1"),
            layers.MaxPooling2D(name="pool"),
            layers.Conv2D(16, 3, use_bias=False, name="conv_2"),
            layers.BatchNormalization(momentum=0.8, name="norm_2"),
            layers.ReLU(name="relu_2"),
            layers.GlobalAveragePooling2D(name="average"),
            layers.Dropout(0.2, seed=seed, name="drop"),
            layers.Dense(3, activation="softmax", name="shape"),
        ],
        name="augmentation",
    )
    model.compile(
        optimizer=keras.optimizers.Adam(0.01),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
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
