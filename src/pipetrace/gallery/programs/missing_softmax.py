"""A softmax that is missing.

Learn: What a loss makes of outputs that are no probabilities.
Planted: PT303
"""

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)
y = rng.integers(0, 3, 600)
x = (rng.normal(size=(600, 3)) + 3 * np.eye(3)[y]).astype("float32")
model = keras.Sequential(
    [
        keras.Input((3,), name="columns"),
        layers.Dense(16, activation="relu", name="hidden"),
        layers.Dense(3, name="classes"),
    ],
    name="missing_softmax",
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=6, validation_split=0.25, verbose=0)
