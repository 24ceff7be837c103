"""Reading text from an image with the CTC loss: a line of digits, each drawn as a bar pattern.

The network outputs one distribution for each column; the loss finds where the digits stand.
"""

import keras
import numpy as np
from keras import layers

HEIGHT, WIDTH, LENGTH, CLASSES = 8, 32, 3, 4

keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)
patterns = rng.integers(0, 2, (CLASSES, HEIGHT, 6)).astype("float32")
labels = rng.integers(0, CLASSES, (768, LENGTH))
images = rng.normal(0, 0.1, (len(labels), HEIGHT, WIDTH, 1)).astype("float32")
for image, label in zip(images, labels, strict=True):
    place = rng.integers(0, 4)
    for each in label:
        image[:, place : place + 6, 0] += patterns[each]
        place += rng.integers(7, 10)

inputs = keras.Input((HEIGHT, WIDTH, 1), name="line")
x = layers.Conv2D(16, 3, padding="same", activation="relu", name="strokes")(inputs)
x = layers.MaxPooling2D((2, 2), name="shrink")(x)
x = layers.Permute((2, 1, 3), name="columns_first")(x)
x = layers.Reshape((WIDTH // 2, -1), name="columns")(x)
x = layers.Bidirectional(layers.LSTM(32, return_sequences=True), name="read")(x)
# One class more for the blank, which the loss expects at index 0.
outputs = layers.Dense(CLASSES + 1, name="characters")(x)
model = keras.Model(inputs, outputs, name="ctc")
model.compile(optimizer=keras.optimizers.Adam(0.005), loss=keras.losses.CTC())
model.fit(images, labels + 1, batch_size=32, epochs=6, validation_split=0.25, verbose=0)
