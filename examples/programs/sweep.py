"""A hyperparameter sweep, as a tuner runs it: one model for each combination, in one process."""

import itertools

import keras
import numpy as np
from keras import layers

rng = np.random.default_rng(0)
points = rng.uniform(-1, 1, (512, 2)).astype("float32")
classes = ((points**2).sum(axis=1) > 0.6).astype("int32")


def build(units: int, learning_rate: float) -> keras.Model:
    """A small classifier with these settings."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((2,), name="point"),
            layers.Dense(units, activation="relu", name="hidden"),
            layers.Dense(1, activation="sigmoid", name="outside"),
        ],
        name=f"units_{units}",
    )
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate),
        loss="binary_crossentropy",
        metrics=["accuracy"],
    )
    return model


results = {}
for units, learning_rate in itertools.product((8, 32), (0.01, 0.03)):
    history = build(units, learning_rate).fit(
        points, classes, epochs=15, validation_split=0.25, verbose=0
    )
    results[units, learning_rate] = max(history.history["val_accuracy"])
units, learning_rate = max(results, key=lambda each: results[each])
build(units, learning_rate)  # to be trained on all rows
