"""Columns of very different sizes.

Learn: Why one column in thousands drowns another one in ones, and what scaling is for.
Planted: PT102
"""

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)
x = rng.normal(size=(600, 8)).astype("float32")
y = (x[:, 0] > 0).astype("float32")
x[:, 1:] *= 1000
model = keras.Sequential(
    [
        keras.Input((8,), name="columns"),
        layers.Dense(16, activation="tanh", name="hidden"),
        layers.Dense(1, activation="sigmoid", name="positive"),
    ],
    name="not_scaled",
)
model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=10, validation_split=0.25, verbose=0)
