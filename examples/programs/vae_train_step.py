"""A variational autoencoder with its own ``train_step`` and no ``call``, as in the Keras gallery.

Encoder, sampling and decoder are models of their own; three trackers report the losses.
"""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)
x = np.zeros((1024, 12, 12, 1), "float32")
for image, height, top, left in zip(x, *rng.integers(3, 8, (3, 1024)), strict=True):
    image[top - 3 : top - 3 + height, left - 3 : left] = rng.uniform(0.6, 1)


class Sampling(layers.Layer):
    """A draw from the normal distribution that the encoder gives."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.seed_generator = keras.random.SeedGenerator(1337)

    def call(self, inputs: Any) -> Any:
        """From mean and logarithm of the variance, each ``(rows, 2)``, to ``(rows, 2)``."""
        mean, log_variance = inputs
        noise = keras.random.normal(ops.shape(mean), seed=self.seed_generator)
        return mean + ops.exp(0.5 * log_variance) * noise


image = keras.Input((12, 12, 1))
flow = layers.Conv2D(8, 3, activation="relu", strides=2, padding="same")(image)
flow = layers.Conv2D(16, 3, activation="relu", strides=2, padding="same")(flow)
flow = layers.Dense(16, activation="relu")(layers.Flatten()(flow))
mean, log_variance = layers.Dense(2, name="z_mean")(flow), layers.Dense(2, name="z_log_var")(flow)
encoder = keras.Model(image, [mean, log_variance, Sampling()([mean, log_variance])], name="encoder")

latent = keras.Input((2,))
flow = layers.Reshape((3, 3, 16))(layers.Dense(3 * 3 * 16, activation="relu")(latent))
flow = layers.Conv2DTranspose(16, 3, activation="relu", strides=2, padding="same")(flow)
flow = layers.Conv2DTranspose(8, 3, activation="relu", strides=2, padding="same")(flow)
rebuilt = layers.Conv2DTranspose(1, 3, activation="sigmoid", padding="same")(flow)
decoder = keras.Model(latent, rebuilt, name="decoder")


class VAE(keras.Model):
    """Reconstruction and divergence are summed to the loss that trains both models."""

    def __init__(self, encoder: keras.Model, decoder: keras.Model, **options: Any) -> None:
        super().__init__(**options)
        self.encoder, self.decoder = encoder, decoder
        self.total_loss_tracker = keras.metrics.Mean(name="total_loss")
        self.reconstruction_loss_tracker = keras.metrics.Mean(name="reconstruction_loss")
        self.kl_loss_tracker = keras.metrics.Mean(name="kl_loss")

    @property
    def metrics(self) -> list[keras.Metric]:
        """What is set back between the epochs."""
        return [
            self.total_loss_tracker,
            self.reconstruction_loss_tracker,
            self.kl_loss_tracker,
        ]

    def train_step(self, data: Any) -> dict[str, Any]:
        """One update of encoder and decoder."""
        with tf.GradientTape() as tape:
            z_mean, z_log_var, z = self.encoder(data)
            pixels = keras.losses.binary_crossentropy(data, self.decoder(z))
            reconstruction_loss = ops.mean(ops.sum(pixels, axis=(1, 2)))
            divergence = 1 + z_log_var - ops.square(z_mean) - ops.exp(z_log_var)
            kl_loss = ops.mean(ops.sum(-0.5 * divergence, axis=1))
            total_loss = reconstruction_loss + kl_loss
        grads = tape.gradient(total_loss, self.trainable_weights)
        self.optimizer.apply_gradients(zip(grads, self.trainable_weights, strict=True))
        self.total_loss_tracker.update_state(total_loss)
        self.reconstruction_loss_tracker.update_state(reconstruction_loss)
        self.kl_loss_tracker.update_state(kl_loss)
        return {
            "loss": self.total_loss_tracker.result(),
            "reconstruction_loss": self.reconstruction_loss_tracker.result(),
            "kl_loss": self.kl_loss_tracker.result(),
        }


vae = VAE(encoder, decoder, name="vae_train_step")
vae.compile(optimizer=keras.optimizers.Adam(0.003))
vae.fit(x, epochs=8, batch_size=64, verbose=0)
means, _, _ = vae.encoder.predict(x[:64], verbose=0)
vae.decoder.predict(means, verbose=0)
