"""Rows from ``tf.data``: mapped, shuffled, batched and prefetched.

Look at what the model received: the output of the map, not the original arrays.
"""

import keras
import numpy as np
import tensorflow as tf
from _arguments import arguments
from keras import layers

import pipetrace


def rows(count: int = 256, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Images of 8 x 8 pixels from 0 to 255; the class is the brighter side: left, right or none."""
    rng = np.random.default_rng(seed)
    side = rng.integers(0, 3, count)
    slope = np.array([-12, 12, 0])[side][:, None, None] * (np.arange(8) - 3.5)
    images = 128 + slope + rng.normal(0, 25, (count, 8, 8))
    return images.clip(0, 255).astype("uint8")[..., None], side


def scaled(image: tf.Tensor, side: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The same pixels from -1 to 1."""
    return tf.cast(image, tf.float32) / 127.5 - 1, side


def dataset(count: int = 256, seed: int = 0) -> tf.data.Dataset:
    """Batches of 32."""
    data = tf.data.Dataset.from_tensor_slices(rows(count, seed))
    return data.map(scaled).shuffle(count, seed=seed).batch(32).prefetch(2)


def build(seed: int = 0) -> keras.Model:
    """One convolution, one dense layer, a head."""
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1), name="image"),
            layers.Conv2D(4, 3, activation="relu", name="conv"),
            layers.Flatten(name="flat"),
            layers.Dense(12, activation="relu", name="hidden"),
            layers.Dense(3, activation="softmax", name="side"),
        ],
        name="tf_data",
    )
    model.compile(
        optimizer=keras.optimizers.Adam(0.01),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def main() -> None:
    """Train the model and record it."""
    args = arguments(epochs=5)
    model = build()
    pipetrace.watch(model, args.trace)
    model.fit(dataset(args.rows), epochs=args.epochs, shuffle=False)


if __name__ == "__main__":
    main()
