"""A character model: at every place of a text it predicts the next character."""

import keras
import numpy as np
from keras import layers

WORDS = ("the", "cat", "sat", "on", "a", "mat", "dog", "ran", "to", "red", "barn", "then", "down")
LENGTH = 24

keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)
text = " ".join(rng.choice(WORDS, 3000))
characters = sorted(set(text))
numbers = np.array([characters.index(each) for each in text], "int32")
pieces = numbers[: len(numbers) // (LENGTH + 1) * (LENGTH + 1)].reshape(-1, LENGTH + 1)

model = keras.Sequential(
    [
        keras.Input((LENGTH,), dtype="int32", name="characters"),
        layers.Embedding(len(characters), 12, name="vectors"),
        layers.GRU(48, return_sequences=True, name="remember"),
        layers.Dense(len(characters), name="next_character"),
    ],
    name="text_generation",
)
model.compile(
    optimizer=keras.optimizers.Adam(0.01),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)
model.fit(pieces[:, :-1], pieces[:, 1:], epochs=8, validation_split=0.15, verbose=0)
