"""A model inside a model inside a model.

Look at the paths of the stages, such as ``encoder/stem/soften``: they say where each one sits.
"""

import keras
import numpy as np
from _arguments import arguments
from keras import layers

import pipetrace


def rows(count: int = 256, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Images of 12 x 12 pixels with a bright spot; the class is the quarter that it lies in."""
    rng = np.random.default_rng(seed)
    quarter = rng.integers(0, 4, count)
    row, column = np.mgrid[:12, :12]
    top = (rng.uniform(1, 4, count) + 6 * (quarter // 2))[:, None, None]
    left = (rng.uniform(1, 4, count) + 6 * (quarter % 2))[:, None, None]
    spot = np.exp(-((row - top) ** 2 + (column - left) ** 2) / 3)
    return (spot + rng.normal(0, 0.1, spot.shape))[..., None].astype("float32"), quarter


def encoder() -> keras.Model:
    """From an image to eight numbers."""
    stem = keras.Sequential(
        [
            keras.Input((12, 12, 1)),
            layers.Conv2D(4, 3, padding="same", activation="relu", name="soften"),
            layers.MaxPooling2D(3, name="shrink"),
        ],
        name="stem",
    )
    inputs = keras.Input((12, 12, 1), name="encoder_input")
    x = layers.Flatten(name="flat")(stem(inputs))
    return keras.Model(inputs, layers.Dense(8, activation="relu", name="code")(x), name="encoder")


def build(seed: int = 0) -> keras.Model:
    """The encoder and a head."""
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((12, 12, 1), name="image")
    outputs = layers.Dense(4, activation="softmax", name="quarter")(encoder()(inputs))
    model = keras.Model(inputs, outputs, name="nested_model")
    model.compile(
        optimizer=keras.optimizers.Adam(0.01),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
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
