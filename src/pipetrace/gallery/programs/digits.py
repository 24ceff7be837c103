"""Digits, and a convolution that reads them.

Learn: How 16 filters turn an image into feature maps, and what each filter came to look for.
Planted: nothing
"""

import keras
from keras import layers

from pipetrace.demo.data import embedded_digits

keras.utils.set_random_seed(0)
digits = embedded_digits()
x, y = digits.x[:1200] / 255, digits.y[:1200]
model = keras.Sequential(
    [
        keras.Input((28, 28, 1), name="image"),
        layers.Conv2D(16, 3, activation="relu", name="strokes"),
        layers.MaxPooling2D(2, name="strongest"),
        layers.Flatten(name="in_a_row"),
        layers.Dense(10, activation="softmax", name="digit"),
    ],
    name="digits",
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=5, validation_split=0.25, verbose=0)
