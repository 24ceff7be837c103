"""Reviews as words, and whether their writer was pleased.

Learn: How words become vectors, and that a mean of vectors can be enough to classify a sentence.
Planted: nothing
"""

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)
# Words are numbers: 1 to 9 praise, 10 to 18 complain, 19 to 39 say neither.
pleased = rng.integers(0, 2, 600)
words = rng.integers(19, 40, (600, 8))
opinions = np.where(
    pleased[:, None] == 1, rng.integers(1, 10, (600, 3)), rng.integers(10, 19, (600, 3))
)
words[:, 1:6:2] = np.where(rng.random((600, 3)) < 0.15, words[:, 1:6:2], opinions)
model = keras.Sequential(
    [
        keras.Input((8,), dtype="int32", name="sentence"),
        layers.Embedding(40, 8, name="vectors"),
        layers.GlobalAveragePooling1D(name="mean"),
        layers.Dense(1, activation="sigmoid", name="pleased"),
    ],
    name="reviews",
)
model.compile(keras.optimizers.Adam(0.02), "binary_crossentropy", metrics=["accuracy"])
model.fit(words, pleased, epochs=8, validation_split=0.25, verbose=0)
