"""A training loop with ``GradientTape``: no ``fit``, so the loop tells of its steps and epochs."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from _arguments import arguments
from keras import layers

import pipetrace

BATCH = 16


def rows(count: int = 256, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Three measurements; the class is the one that is largest without noise."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, count)
    x = np.eye(3)[y] + rng.normal(0, 0.4, (count, 3))
    return x.astype("float32"), y


def build(seed: int = 0) -> keras.Model:
    """One hidden layer and three scores."""
    keras.utils.set_random_seed(seed)
    scores = layers.Dense(3, name="scores")
    hidden = layers.Dense(16, activation="relu", name="hidden")
    return keras.Sequential([keras.Input((3,)), hidden, scores], name="own_loop")


def train(
    model: keras.Model,
    x: Any,
    y: Any,
    step: Callable[..., None],
    epoch: Callable[..., None],
    epochs: int,
) -> None:
    """Train a model for some epochs; say so after each step and epoch."""
    for _ in range(epochs):
        for at in range(0, len(x), BATCH):
            with tf.GradientTape() as tape:
                loss = LOSS(y[at : at + BATCH], model(x[at : at + BATCH], training=True))
            weights = model.trainable_variables
            model.optimizer.apply(tape.gradient(loss, weights), weights)
            step(loss=loss)
        epoch()


LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def main() -> None:
    """Train the model and record it."""
    args = arguments(epochs=8)
    x, y = rows(args.rows)
    model = build()
    model.compile(keras.optimizers.Adam(0.01), LOSS)
    with pipetrace.recording(model, args.trace, x, y, epochs=args.epochs, batch_size=BATCH) as run:
        train(model, x, y, run.step, run.epoch, args.epochs)


if __name__ == "__main__":
    main()
