"""A GAN with its own ``train_step`` and no ``call``: one model makes points, the other judges them.

Look at the data flow, which shows the calls of both models in one training step, and at the two
losses and optimizers.
"""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from _arguments import arguments
from keras import layers

import pipetrace

NOISE = 4
"""Random numbers from which the generator makes a point."""


class Gan(keras.Model):
    """Trains the discriminator, then the generator, in each step."""

    def __init__(self, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.generator = keras.Sequential(
            [keras.Input((NOISE,)), layers.Dense(16, "relu", name="spread"), layers.Dense(2)],
            name="generator",
        )
        self.discriminator = keras.Sequential(
            [keras.Input((2,)), layers.Dense(16, "relu", name="look"), layers.Dense(1)],
            name="discriminator",
        )
        self.judged = keras.losses.BinaryCrossentropy(from_logits=True)
        self.seeds = keras.random.SeedGenerator(seed)
        self.trackers = [
            keras.metrics.Mean(f"{each}_loss") for each in ("discriminator", "generator")
        ]

    def compile(self, **optimizers: Any) -> None:
        """Take ``discriminator_optimizer`` and ``generator_optimizer``."""
        super().compile()
        self.discriminator_optimizer = optimizers["discriminator_optimizer"]
        self.generator_optimizer = optimizers["generator_optimizer"]

    @property
    def metrics(self) -> list[keras.Metric]:
        """What is set back between the epochs."""
        return self.trackers

    def made(self, count: Any) -> Any:
        """So many points of the generator's."""
        return self.generator(keras.random.normal((count, NOISE), seed=self.seeds))

    def train_step(self, real: Any) -> dict[str, Any]:
        """One step of each model; real points are to be judged 1, made ones 0."""
        count = tf.shape(real)[0]
        one, zero = tf.ones((count, 1)), tf.zeros((count, 1))
        with tf.GradientTape() as tape:
            scores = self.discriminator(tf.concat([real, self.made(count)], 0))
            judged = self.judged(tf.concat([one, zero], 0), scores)
        weights = self.discriminator.trainable_weights
        self.discriminator_optimizer.apply(tape.gradient(judged, weights), weights)
        with tf.GradientTape() as tape:
            fooled = self.judged(one, self.discriminator(self.made(count)))
        weights = self.generator.trainable_weights
        self.generator_optimizer.apply(tape.gradient(fooled, weights), weights)
        for tracker, loss in zip(self.trackers, (judged, fooled), strict=True):
            tracker.update_state(loss)
        return {tracker.name: tracker.result() for tracker in self.trackers}


def rows(count: int = 256, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Points on a circle, and their angles, of which the GAN is not told."""
    rng = np.random.default_rng(seed)
    angle = rng.uniform(0, 2 * np.pi, (count, 1))
    points = np.concatenate([np.cos(angle), np.sin(angle)], 1) + rng.normal(0, 0.05, (count, 2))
    return points.astype("float32"), angle.astype("float32")


def dataset(count: int = 256) -> tf.data.Dataset:
    """The points in batches."""
    return tf.data.Dataset.from_tensor_slices(rows(count)[0]).batch(16)


def build(seed: int = 0) -> keras.Model:
    """Generator and discriminator, each with its own Adam."""
    keras.utils.set_random_seed(seed)
    model = Gan(seed, name="gan")
    model.compile(
        discriminator_optimizer=keras.optimizers.Adam(0.003),
        generator_optimizer=keras.optimizers.Adam(0.003),
    )
    return model


def main() -> None:
    """Train the model and record it."""
    args = arguments(epochs=8)
    model = build()
    pipetrace.watch(model, args.trace)
    model.fit(dataset(args.rows), epochs=args.epochs)


if __name__ == "__main__":
    main()
