"""A table with four columns, and three kinds of flowers.

Learn: How a small Dense network classifies rows of a table, and which column it uses most.
Planted: nothing
"""

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)
y = rng.integers(0, 3, 600)
centres = np.array([[-1.2, 0.8, -1.1, -1.0], [0.1, -0.7, 0.2, 0.1], [1.1, 0.1, 1.0, 1.2]])
x = (centres[y] + rng.normal(0, 0.6, (600, 4))).astype("float32")
model = keras.Sequential(
    [
        keras.Input((4,), name="measures"),
        layers.Dense(16, activation="relu", name="hidden"),
        layers.Dense(3, activation="softmax", name="kind"),
    ],
    name="table",
)
model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=15, validation_split=0.25, verbose=0)
