"""A wave, and an LSTM that predicts its next value.

Learn: What a recurrent layer remembers from step to step.
Planted: nothing
"""

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)
starts = rng.uniform(0, 2 * np.pi, (500, 1))
waves = np.sin(starts + np.arange(17) * 2 * np.pi / 12) + rng.normal(0, 0.05, (500, 17))
x, y = waves[:, :16, None].astype("float32"), waves[:, 16].astype("float32")
model = keras.Sequential(
    [
        keras.Input((16, 1), name="wave"),
        layers.LSTM(12, name="memory"),
        layers.Dense(1, name="next"),
    ],
    name="next_value",
)
model.compile(keras.optimizers.Adam(0.01), "mse", metrics=["mae"])
model.fit(x, y, epochs=6, validation_split=0.25, verbose=0)
