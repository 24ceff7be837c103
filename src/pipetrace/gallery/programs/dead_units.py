"""Units that died.

Learn: Why a ReLU that gives 0 for every row has no gradient, and never comes back.
Planted: PT201
"""

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)
x = rng.uniform(0, 1, size=(600, 8)).astype("float32")
y = x[:, :1] - x[:, 1:2]
shut = keras.initializers.Constant(-6.0)
model = keras.Sequential(
    [
        keras.Input((8,), name="columns"),
        layers.Dense(32, activation="relu", bias_initializer=shut, name="hidden"),
        layers.Dense(1, name="value"),
    ],
    name="dead_units",
)
model.compile(keras.optimizers.Adam(0.01), "mse", metrics=["mae"])
model.fit(x, y, epochs=6, validation_split=0.25, verbose=0)
