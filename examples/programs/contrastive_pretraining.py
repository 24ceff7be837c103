"""Self-supervised pretraining with its own ``train_step``, two losses and two optimizers (SimCLR).

One loss compares two noisy views of each row; the other trains a linear probe on the encoder.
"""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)
centers = rng.normal(size=(4, 16)).astype("float32")
classes = rng.integers(0, 4, 512)
x = (centers[classes] + rng.normal(0, 0.5, (512, 16))).astype("float32")


class Contrastive(keras.Model):
    """An encoder, a projection that the contrastive loss sees, and a probe."""

    def __init__(self) -> None:
        super().__init__(name="contrastive_pretraining")
        self.encoder = keras.Sequential(
            [
                keras.Input((16,)),
                layers.Dense(32, activation="relu", name="encode"),
                layers.Dense(16, activation="relu", name="represent"),
            ],
            name="encoder",
        )
        self.projection = keras.Sequential(
            [keras.Input((16,)), layers.Dense(8, name="project")], name="projection"
        )
        self.probe = keras.Sequential(
            [keras.Input((16,)), layers.Dense(4, name="classify")], name="probe"
        )
        self.contrastive_loss = keras.metrics.Mean(name="contrastive_loss")
        self.probe_loss = keras.metrics.Mean(name="probe_loss")
        self.probe_accuracy = keras.metrics.SparseCategoricalAccuracy(name="probe_accuracy")
        self.noise = keras.random.SeedGenerator(0)

    def compile(self, optimizer: Any, probe_optimizer: Any) -> None:
        """Two optimizers; Keras knows the first one."""
        super().compile(optimizer=optimizer)
        self.probe_optimizer = probe_optimizer

    def similarity_loss(self, first: Any, second: Any) -> Any:
        """Cross-entropy over the other rows of the batch (Chen et al. 2020), one way."""
        first, second = (ops.normalize(each, axis=1) for each in (first, second))
        similarity = ops.matmul(first, ops.transpose(second)) / 0.2
        own = ops.arange(ops.shape(first)[0])
        return ops.mean(
            keras.losses.sparse_categorical_crossentropy(own, similarity, from_logits=True)
        )

    def train_step(self, data: Any) -> dict[str, Any]:
        """One step of both: views, contrastive loss, then the probe on the frozen encoder."""
        rows, labels = data
        views = [
            rows + 0.2 * keras.random.normal(ops.shape(rows), seed=self.noise) for _ in range(2)
        ]
        with tf.GradientTape() as tape:
            first, second = (self.projection(self.encoder(each)) for each in views)
            loss = self.similarity_loss(first, second)
        weights = self.encoder.trainable_weights + self.projection.trainable_weights
        self.optimizer.apply(tape.gradient(loss, weights), weights)
        with tf.GradientTape() as tape:
            logits = self.probe(self.encoder(rows))
            probe_loss = ops.mean(
                keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)
            )
        weights = self.probe.trainable_weights
        self.probe_optimizer.apply(tape.gradient(probe_loss, weights), weights)
        self.contrastive_loss.update_state(loss)
        self.probe_loss.update_state(probe_loss)
        self.probe_accuracy.update_state(labels, logits)
        return {each.name: each.result() for each in self.metrics}


model = Contrastive()
model.compile(keras.optimizers.Adam(0.003), keras.optimizers.Adam(0.01))
model.fit(x, classes, batch_size=64, epochs=6, verbose=0)
