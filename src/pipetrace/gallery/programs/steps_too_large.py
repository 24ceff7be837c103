"""Steps that are too large.

Learn: How the loss ends as NaN when each step overshoots the minimum by more than the last.
Planted: PT401
"""

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)
x = rng.normal(size=(600, 8)).astype("float32")
y = x[:, :1] + x[:, 1:2] - x[:, 2:3]
model = keras.Sequential(
    [
        keras.Input((8,), name="columns"),
        layers.Dense(16, activation="relu", name="hidden"),
        layers.Dense(1, name="value"),
    ],
    name="steps_too_large",
)
model.compile(keras.optimizers.SGD(2.0), "mse")
model.fit(x, y, epochs=6, validation_split=0.25, verbose=0)
