"""A sequence-to-sequence model with teacher forcing: it learns to write a number backwards.

The decoder gets the right digits of the steps before as its second input.
"""

import keras
import numpy as np
from keras import layers

DIGITS, LENGTH, START = 10, 5, 10

keras.utils.set_random_seed(0)
numbers = np.random.default_rng(0).integers(0, DIGITS, (2048, LENGTH))
reversed_numbers = numbers[:, ::-1]
so_far = np.pad(reversed_numbers[:, :-1], [(0, 0), (1, 0)], constant_values=START)

encoder_inputs = keras.Input((LENGTH,), dtype="int32", name="number")
decoder_inputs = keras.Input((LENGTH,), dtype="int32", name="so_far")
embedded = layers.Embedding(DIGITS, 16, name="read")(encoder_inputs)
_, state_h, state_c = layers.LSTM(64, return_state=True, name="encoder")(embedded)
written = layers.Embedding(DIGITS + 1, 16, name="write")(decoder_inputs)
steps = layers.LSTM(64, return_sequences=True, name="decoder")(
    written, initial_state=[state_h, state_c]
)
outputs = layers.Dense(DIGITS, activation="softmax", name="digit")(steps)
model = keras.Model([encoder_inputs, decoder_inputs], outputs, name="seq2seq")
model.compile(
    optimizer=keras.optimizers.Adam(0.01),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
model.fit(
    [numbers, so_far],
    reversed_numbers,
    batch_size=64,
    epochs=12,
    validation_split=0.2,
    verbose=0,
)
