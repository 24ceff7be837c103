"""Sixty rows, and far too many weights.

Learn: How a model can be perfect on the rows that it trains on, and poor on all others.
Planted: PT501
"""

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)
x = rng.normal(size=(260, 20)).astype("float32")
y = ((x[:, 0] + rng.normal(size=260)) > 0).astype("float32")
model = keras.Sequential(
    [
        keras.Input((20,), name="columns"),
        layers.Dense(128, activation="relu", name="hidden"),
        layers.Dense(1, activation="sigmoid", name="positive"),
    ],
    name="overfitting",
)
model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy", metrics=["accuracy"])
model.fit(x[:60], y[:60], validation_data=(x[60:], y[60:]), epochs=30, verbose=0)
