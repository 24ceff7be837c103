"""A variational autoencoder: a curve becomes two numbers with an uncertainty, and a curve again.

Look at the sampling, which draws anew each time, and at the loss that its layer adds.
"""

from typing import Any

import keras
import numpy as np
from _arguments import arguments
from keras import layers, ops

import pipetrace


class Sampling(layers.Layer):
    """A draw from a normal distribution; adds its divergence from the standard normal as a loss."""

    def __init__(self, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.generator = keras.random.SeedGenerator(seed)

    def call(self, mean: Any, log_variance: Any) -> Any:
        """From twice ``(rows, n)`` to ``(rows, n)``."""
        divergence = -0.5 * ops.sum(
            1 + log_variance - ops.square(mean) - ops.exp(log_variance), axis=-1
        )
        self.add_loss(0.01 * ops.mean(divergence))
        drawn = keras.random.normal(ops.shape(mean), seed=self.generator)
        return mean + drawn * ops.exp(0.5 * log_variance)


def rows(count: int = 256, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Waves of 20 points with random height and shift; the target is the input."""
    rng = np.random.default_rng(seed)
    height = rng.uniform(0.5, 1.5, (count, 1))
    shift = rng.uniform(0, np.pi, (count, 1))
    waves = height * np.sin(np.linspace(0, 2 * np.pi, 20) + shift) + rng.normal(
        0, 0.05, (count, 20)
    )
    return waves.astype("float32"), waves.astype("float32")


def build(seed: int = 0) -> keras.Model:
    """Encoder, sampling, decoder."""
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((20,), name="wave")
    x = layers.Dense(16, activation="relu", name="encode")(inputs)
    mean = layers.Dense(2, name="mean")(x)
    log_variance = layers.Dense(2, name="log_variance")(x)
    z = Sampling(seed, name="sampling")(mean, log_variance)
    x = layers.Dense(16, activation="relu", name="decode")(z)
    outputs = layers.Dense(20, name="wave_again")(x)
    model = keras.Model(inputs, outputs, name="vae")
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
