"""Denoising diffusion: a small U-Net learns to tell the noise in an image (Ho et al. 2020).

The model has its own ``train_step``, a moving average of the network, and a callback that makes
images after each epoch.
"""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

STEPS, SIZE = 50, 12
keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)
x = np.full((768, SIZE, SIZE, 1), -1, "float32")
for image, top, left in zip(x, *rng.integers(0, 7, (2, 768)), strict=True):
    image[top : top + 5, left : left + 5] = 1


class TimeEmbedding(layers.Layer):
    """Sines and cosines of the time."""

    def call(self, time: Any) -> Any:
        """From ``(rows,)`` to ``(rows, 16)``."""
        angles = ops.cast(time, "float32")[:, None] * ops.exp(-ops.arange(8, dtype="float32"))
        return ops.concatenate([ops.sin(angles), ops.cos(angles)], axis=-1)


def block(flow: Any, embedding: Any, width: int) -> Any:
    """Two convolutions with the time added between them, around a shortcut."""
    shortcut = layers.Conv2D(width, 1)(flow)
    flow = layers.Conv2D(width, 3, padding="same", activation="swish")(flow)
    flow = layers.Add()([flow, layers.Dense(width)(embedding)[:, None, None, :]])
    flow = layers.Conv2D(width, 3, padding="same", activation="swish")(flow)
    return layers.Add()([flow, shortcut])


def build_network(name: str) -> keras.Model:
    """Noisy images and their times in, the noise out."""
    image, time = keras.Input((SIZE, SIZE, 1)), keras.Input((), dtype="int32")
    embedding = layers.Dense(32, activation="swish")(TimeEmbedding()(time))
    wide = block(image, embedding, 16)
    narrow = block(layers.AveragePooling2D(2)(wide), embedding, 32)
    flow = layers.Concatenate()([layers.UpSampling2D()(narrow), wide])
    flow = block(flow, embedding, 16)
    return keras.Model([image, time], layers.Conv2D(1, 1)(flow), name=name)


class Diffusion(keras.Model):
    """Adds noise to images, and trains a network to tell it from them."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.network, self.ema_network = build_network("network"), build_network("ema_network")
        self.ema_network.set_weights(self.network.get_weights())
        beta = np.linspace(1e-3, 0.1, STEPS, dtype="float32")
        self.beta, self.signal = beta, np.cumprod(1 - beta)
        self.noise_loss_tracker = keras.metrics.Mean(name="noise_loss")

    @property
    def metrics(self) -> list[keras.Metric]:
        """What is set back between the epochs."""
        return [self.noise_loss_tracker]

    def train_step(self, images: Any) -> dict[str, Any]:
        """One update of the network, which the moving average follows."""
        count = ops.shape(images)[0]
        time = tf.random.uniform((count,), 0, STEPS, dtype="int32")
        noise = tf.random.normal(ops.shape(images))
        share = ops.take(self.signal, time)[:, None, None, None]
        noisy = ops.sqrt(share) * images + ops.sqrt(1 - share) * noise
        with tf.GradientTape() as tape:
            loss = self.loss(noise, self.network([noisy, time], training=True))
        weights = self.network.trainable_weights
        self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        for weight, average in zip(self.network.weights, self.ema_network.weights, strict=True):
            average.assign(0.99 * average + 0.01 * weight)
        self.noise_loss_tracker.update_state(loss)
        return {each.name: each.result() for each in self.metrics}

    def generate(self, count: int) -> Any:
        """Images from noise, step by step."""
        images = tf.random.normal((count, SIZE, SIZE, 1))
        for step in reversed(range(STEPS)):
            noise = self.ema_network([images, tf.fill((count,), step)], training=False)
            scale = self.beta[step] / np.sqrt(1 - self.signal[step])
            images = (images - scale * noise) / np.sqrt(1 - self.beta[step])
            if step:
                images += np.sqrt(self.beta[step]) * tf.random.normal(images.shape)
        return images


class Images(keras.callbacks.Callback):
    """Makes a few images when training is over."""

    def on_train_end(self, logs: Any = None) -> None:  # noqa: ARG002 Keras' signature
        """Keep them."""
        self.images = self.model.generate(2).numpy()


model = Diffusion(name="ddpm")
model.compile(loss=keras.losses.MeanSquaredError(), optimizer=keras.optimizers.Adam(1e-3))
model.fit(x, epochs=6, batch_size=32, callbacks=[Images()], verbose=0)
