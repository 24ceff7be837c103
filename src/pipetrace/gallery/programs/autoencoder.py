"""An autoencoder that keeps 16 numbers of a digit.

Learn: What is lost when 784 pixels go through a layer of 16 units, and what comes back.
Planted: nothing
"""

import keras
from keras import layers

from pipetrace.demo.data import embedded_digits

keras.utils.set_random_seed(0)
x = embedded_digits().x[:1000] / 255
model = keras.Sequential(
    [
        keras.Input((28, 28, 1), name="image"),
        layers.Flatten(name="in_a_row"),
        layers.Dense(16, activation="relu", name="code"),
        layers.Dense(784, activation="sigmoid", name="pixels"),
        layers.Reshape((28, 28, 1), name="image_again"),
    ],
    name="autoencoder",
)
model.compile(keras.optimizers.Adam(0.01), "mse")
model.fit(x, x, epochs=12, validation_split=0.25, verbose=0)
