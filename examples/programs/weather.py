"""A forecast from windows of several measurements, cut by ``timeseries_dataset_from_array``."""

import keras
import numpy as np
from keras import layers

WINDOW, AHEAD = 24, 6

keras.utils.set_random_seed(0)
hours = np.arange(3000)
rng = np.random.default_rng(0)
temperature = 10 + 8 * np.sin(2 * np.pi * hours / 24) + np.cumsum(rng.normal(0, 0.1, len(hours)))
pressure = 1000 + 5 * np.sin(2 * np.pi * hours / 170) + rng.normal(0, 0.5, len(hours))
series = np.stack([temperature, pressure], axis=1)
series = ((series - series[:2000].mean(axis=0)) / series[:2000].std(axis=0)).astype("float32")


def windows(begin: int, end: int) -> object:
    """Windows of a day, and the temperature some hours after each."""
    return keras.utils.timeseries_dataset_from_array(
        series[begin : end - AHEAD],
        series[begin + WINDOW + AHEAD - 1 : end, 0],
        sequence_length=WINDOW,
        batch_size=64,
    )


model = keras.Sequential(
    [
        keras.Input((WINDOW, 2), name="day"),
        layers.LSTM(16, name="remember"),
        layers.Dense(1, name="temperature"),
    ],
    name="weather",
)
model.compile(optimizer=keras.optimizers.Adam(0.01), loss="mse", metrics=["mae"])
model.fit(windows(0, 2000), validation_data=windows(2000, 3000), epochs=5, verbose=0)
