"""Images from a folder with one folder for each class, resized, cached and augmented."""

import tempfile
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras import layers

CLASSES = ("circle", "cross", "square")

keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)
rows, columns = np.mgrid[:20, :20] - 9.5
shapes = {
    "circle": np.hypot(rows, columns) < 7,
    "cross": (abs(rows) < 2) | (abs(columns) < 2),
    "square": (abs(rows) < 6) & (abs(columns) < 6),
}
with tempfile.TemporaryDirectory() as folder:
    for name in CLASSES:
        (Path(folder) / name).mkdir()
        for number in range(60):
            color = rng.uniform(90, 160, 3)
            image = rng.uniform(0, 60, (20, 20, 3)) + shapes[name][..., None] * color
            encoded = tf.io.encode_png(image.astype("uint8"))
            tf.io.write_file(f"{folder}/{name}/{number}.png", encoded)
    training, validation = keras.utils.image_dataset_from_directory(
        folder, image_size=(16, 16), batch_size=16, validation_split=0.2, subset="both", seed=0
    )
    training, validation = training.cache(), validation.cache()
    model = keras.Sequential(
        [
            keras.Input((16, 16, 3), name="photo"),
            layers.RandomFlip("horizontal", seed=0, name="flip"),
            layers.Rescaling(1 / 255, name="scale"),
            layers.Conv2D(8, 3, activation="relu", name="edges"),
            layers.MaxPooling2D(name="shrink"),
            layers.Conv2D(16, 3, activation="relu", name="parts"),
            layers.GlobalAveragePooling2D(name="mean"),
            layers.Dense(len(CLASSES), name="shape"),
        ],
        name="image_folder",
    )
    model.compile(
        optimizer=keras.optimizers.Adam(0.01),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    model.fit(training, validation_data=validation, epochs=10, verbose=0)
