"""Transfer learning: a frozen network of about 150 layers with a small trained head.

The backbone's weights are random here, because nothing is downloaded; use ``weights="imagenet"``
in practice. Look at the frozen parameters beside the trained ones.
"""

import keras
import numpy as np
from _arguments import arguments
from keras import layers

import pipetrace


def rows(count: int = 128, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Images of 32 x 32 pixels from 0 to 255 with a fading colour, which is the class."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 3, count)
    fading = np.linspace(0.6, 1, 32) * rng.uniform(0.7, 1, (count, 32, 1))
    colour = np.eye(3)[kind][:, None, None] * 180
    images = 30 + fading[..., None] * colour + rng.normal(0, 8, (count, 32, 32, 3))
    return images.clip(0, 255).astype("float32"), kind


def build(seed: int = 0) -> keras.Model:
    """MobileNetV2 without its top, frozen, and a head."""
    keras.utils.set_random_seed(seed)
    backbone = keras.applications.MobileNetV2(
        weights=None, input_shape=(32, 32, 3), alpha=0.35, include_top=False, name="backbone"
    )
    for layer in backbone.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = 0.0
    backbone(
        rows()[0] / 127.5 - 1, training=True
    )  # its normalizations get to know the images, once
    backbone.trainable = False
    inputs = keras.Input((32, 32, 3), name="image")
    x = layers.Rescaling(1 / 127.5, offset=-1, name="scale")(inputs)
    x = backbone(x, training=False)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    outputs = layers.Dense(3, activation="softmax", name="colour")(x)
    model = keras.Model(inputs, outputs, name="frozen_backbone")
    model.compile(
        optimizer=keras.optimizers.Adam(0.01),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def main() -> None:
    """Train the model and record it."""
    args = arguments(epochs=4, rows=128)
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
