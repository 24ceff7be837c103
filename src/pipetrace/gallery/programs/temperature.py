"""The temperature of a day: a number, not a class.

Learn: What a regression predicts, how its error is measured, and how good a straight line would be.
Planted: nothing
"""

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)
day, cloud = rng.uniform(-1, 1, 800), rng.uniform(0, 1, 800)
warmth = np.cos(np.pi * day) - cloud * 0.5 + rng.normal(0, 0.1, 800)
x = np.stack([day, cloud], axis=1).astype("float32")
model = keras.Sequential(
    [
        keras.Input((2,), name="day_and_cloud"),
        layers.Dense(32, activation="tanh", name="bends"),
        layers.Dense(1, name="temperature"),
    ],
    name="temperature",
)
model.compile(keras.optimizers.Adam(0.01), "mse", metrics=["mae"])
model.fit(x, warmth.astype("float32"), epochs=25, validation_split=0.25, verbose=0)
