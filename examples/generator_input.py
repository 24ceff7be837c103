"""A ``PyDataset`` that shifts each image randomly, so no two epochs see the same rows.

Look at the rows of the trace: they are those of the first epoch, with that epoch's shifts.
"""

import math
from typing import Any

import keras
import numpy as np
from _arguments import arguments
from keras import layers

import pipetrace


class Shifted(keras.utils.PyDataset):
    """Batches of images, each shifted by up to two pixels with its own random generator."""

    def __init__(
        self, x: np.ndarray, y: np.ndarray, seed: int = 0, batch: int = 32, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.x, self.y, self.batch = x, y, batch
        self.rng = np.random.default_rng(seed)

    def __len__(self) -> int:
        return math.ceil(len(self.x) / self.batch)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        part = slice(index * self.batch, (index + 1) * self.batch)
        shifted = [
            np.roll(image, self.rng.integers(-2, 3, 2), axis=(0, 1)) for image in self.x[part]
        ]
        return np.stack(shifted), self.y[part]


def rows(count: int = 256, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Images of 12 x 12 pixels: a plus, a cross or a box."""
    rng = np.random.default_rng(seed)
    shape = rng.integers(0, 3, count)
    down, across = np.abs(np.mgrid[:12, :12] - 5)
    plus = (np.minimum(down, across) == 0) & (np.maximum(down, across) < 4)
    cross = (down == across) & (down < 4)
    box = np.maximum(down, across) == 3
    images = np.stack([plus, cross, box])[shape] + rng.normal(0, 0.3, (count, 12, 12))
    return images[..., None].astype("float32"), shape


def dataset(count: int = 256, seed: int = 0) -> Shifted:
    """The rows in shifted batches."""
    return Shifted(*rows(count, seed), seed=seed)


def build(seed: int = 0) -> keras.Model:
    """One convolution, pooling, a head."""
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((12, 12, 1), name="image"),
            layers.Conv2D(12, 5, activation="relu", name="conv"),
            layers.GlobalMaxPooling2D(name="strongest"),
            layers.Dense(3, activation="softmax", name="shape"),
        ],
        name="generator_input",
    )
    model.compile(
        optimizer=keras.optimizers.Adam(0.01),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def main() -> None:
    """Train the model and record it."""
    args = arguments(epochs=6)
    model = build()
    pipetrace.watch(model, args.trace)
    model.fit(dataset(args.rows), epochs=args.epochs)


if __name__ == "__main__":
    main()
