"""Record a small model with two inputs, two outputs, a nested model and many kinds of layers."""

import keras
import numpy as np
from keras import layers

import pipetrace

keras.utils.set_random_seed(0)
image = keras.Input((8, 8, 3), name="image")
words = keras.Input((6,), dtype="int32", name="words")
nested = [layers.Conv2D(4, 3), layers.BatchNormalization(), layers.ReLU()]
seen = keras.Sequential(nested, name="encoder")(image)
seen = layers.GlobalAveragePooling2D()(seen)
read = layers.Embedding(20, 8, mask_zero=True)(words)
read, state, _ = layers.LSTM(6, return_sequences=True, return_state=True)(read)
read = layers.MultiHeadAttention(2, 3)(read, read)
read = layers.GlobalAveragePooling1D()(read)
joined = layers.Dropout(0.3)(layers.Concatenate()([seen, read, state]) * 2.0)
kind, size = layers.Dense(3, "softmax", name="kind"), layers.Dense(1, name="size")
model = keras.Model([image, words], {"kind": kind(joined), "size": size(joined)})
model.compile("adam", {"kind": "sparse_categorical_crossentropy", "size": "mse"})
rng = np.random.default_rng(0)
x = {
    "image": rng.normal(size=(40, 8, 8, 3)).astype("float32"),
    "words": rng.integers(0, 20, (40, 6)).astype("int32"),
}
y = {"kind": rng.integers(0, 3, 40), "size": rng.normal(size=(40, 1)).astype("float32")}
recorder = pipetrace.Recorder("varied.trace", budget=None, verbose=False)
model.fit(x, y, epochs=2, batch_size=8, verbose=0, validation_split=0.25, callbacks=[recorder])
