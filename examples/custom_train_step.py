"""A model with its own ``train_step``: it adds noise in training only and clips large gradients.

The noise is not part of any layer. Look at the data flow, which shows the rows without noise.
"""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from _arguments import arguments
from keras import layers

import pipetrace


class NoisyTraining(keras.Model):
    """A functional model that trains on noisy inputs."""

    def __init__(self, *args: Any, noise: float = 0.1, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.noise = noise
        self.generator = keras.random.SeedGenerator(seed)
        self.error = keras.metrics.Mean(name="loss")

    def train_step(self, data: Any) -> dict[str, Any]:
        """One step: add noise, go forward and back, cut, apply."""
        x, y = data
        x += self.noise * keras.random.normal(keras.ops.shape(x), seed=self.generator)
        with tf.GradientTape() as tape:
            loss = self.compute_loss(x=x, y=y, y_pred=self(x, training=True))
        gradients = tape.gradient(loss, self.trainable_weights)
        gradients, _ = tf.clip_by_global_norm(gradients, 1.0)
        self.optimizer.apply(gradients, self.trainable_weights)
        self.error.update_state(loss)
        return {"loss": self.error.result()}

    def test_step(self, data: Any) -> dict[str, Any]:
        """Validation, without noise."""
        x, y = data
        self.error.update_state(self.compute_loss(x=x, y=y, y_pred=self(x, training=False)))
        return {"loss": self.error.result()}

    @property
    def metrics(self) -> list[keras.Metric]:
        """What is set back between the epochs."""
        return [self.error]


def rows(count: int = 256, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Two measurements; the number is a smooth hill over them."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-2, 2, (count, 2))
    hill = np.exp(-(x**2).sum(axis=1, keepdims=True) / 2)
    return x.astype("float32"), (3 * hill).astype("float32")


def build(seed: int = 0) -> keras.Model:
    """Two hidden layers in the model above."""
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((2,), name="place")
    x = layers.Dense(16, activation="relu", name="hidden_1")(inputs)
    x = layers.Dense(16, activation="relu", name="hidden_2")(x)
    outputs = layers.Dense(1, name="hill")(x)
    model = NoisyTraining(inputs, outputs, seed=seed, name="custom_train_step")
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss="mse")
    return model


def main() -> None:
    """Train the model and record it."""
    args = arguments(epochs=8)
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
