"""What a Keras user would write without pipetrace: the same rows, the same model, the same fit. For comparison only.

python benchmarks/plain_digits.py FOLDER_OF_MNIST_FILES
"""

import gzip
import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

folder = Path(sys.argv[1])
images = gzip.decompress(next(folder.glob("*images*")).read_bytes())
labels = gzip.decompress(next(folder.glob("*labels*")).read_bytes())
x = np.frombuffer(images, np.uint8, offset=16).reshape(-1, 28, 28, 1)
y = np.frombuffer(labels, np.uint8, offset=8).astype(np.int64)
order = np.random.default_rng(0).permutation(len(x))
train, validation = order[:1000], order[1000:1500]
scaled = x[order[:1500]].astype(np.float32) / 255

keras.utils.set_random_seed(0)
model = keras.Sequential(
    [
        keras.Input((28, 28, 1)),
        keras.layers.Conv2D(32, 3, activation="relu"),
        keras.layers.MaxPooling2D(),
        keras.layers.Flatten(),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(
    scaled[:1000],
    y[train],
    validation_data=(scaled[1000:], y[validation]),
    epochs=5,
    batch_size=32,
    verbose=2,
)
