"""Ten sigmoids, one after the other.

Learn: How the gradient becomes smaller in every layer on its way back to the first one.
Planted: PT405
"""

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)
x = rng.normal(size=(600, 8)).astype("float32")
y = (x[:, 0] > 0).astype("float32")
hidden = [layers.Dense(8, activation="sigmoid", name=f"hidden_{each}") for each in range(10)]
model = keras.Sequential(
    [
        keras.Input((8,), name="columns"),
        *hidden,
        layers.Dense(1, activation="sigmoid", name="positive"),
    ],
    name="no_gradient_left",
)
model.compile("sgd", "binary_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=6, validation_split=0.25, verbose=0)
