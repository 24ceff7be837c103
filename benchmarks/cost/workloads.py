"""The models and rows that are timed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipetrace.demo.data import embedded_digits, load

SIDE = 28


@dataclass(frozen=True)
class Workload:
    """A model and what it is trained on.

    Attributes:
        title: as the table names it.
        make: gives a new compiled model, the same each time.
        x, y: rows and targets.
        epochs, batch_size: of the training.
    """

    title: str
    make: Callable[[], Any]
    x: Any
    y: Any
    epochs: int
    batch_size: int


def digit_images(count: int, folder: str | None) -> tuple[Any, Any]:
    """Images of digits, 28 x 28 x 1: from a folder of MNIST's files, else the built-in ones, repeated."""
    source = load(Path(folder)) if folder else embedded_digits()
    places = np.resize(np.arange(len(source.x)), count)
    return (source.x[places] / 255).astype(np.float32), source.y[places].astype(np.int64)


def digit_model() -> Any:
    """The model of `pipetrace digits`: one convolution, pooling, ten classes."""
    import keras

    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((SIDE, SIDE, 1)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def backbone_model() -> Any:
    """A frozen backbone of about 150 layers with a head that is trained."""
    import keras

    keras.utils.set_random_seed(0)
    backbone = keras.applications.MobileNetV2(
        (224, 224, 3), include_top=False, weights=None, pooling="avg"
    )
    backbone.trainable = False
    model = keras.Sequential(
        [keras.Input((224, 224, 3)), backbone, keras.layers.Dense(10, activation="softmax")]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def _lstm_model() -> Any:
    import keras

    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((80,), dtype="int32"),
            layers.Embedding(5000, 32),
            layers.LSTM(64),
            layers.Dense(1, "sigmoid"),
        ]
    )
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


def _mlp_model() -> Any:
    import keras

    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((32,)),
            layers.Dense(64, "relu"),
            layers.Dense(64, "relu"),
            layers.Dense(10, "softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def workload(name: str, folder: str | None, part: float) -> Workload:
    """One of the trainings that are timed.

    Args:
        name: ``digits``, ``short``, ``backbone``, ``lstm`` or ``mlp``.
        folder: of MNIST's files, or None.
        part: of the epochs, for a quick look.
    """
    rng = np.random.default_rng(0)

    def epochs(count: int) -> int:
        return max(2, round(count * part))

    if name == "digits":
        return Workload(
            "digit model, 10,000 rows, 10 epochs",
            digit_model,
            *digit_images(10_000, folder),
            epochs(10),
            32,
        )
    if name == "short":
        return Workload(
            "digit model, 1,000 rows, 5 epochs", digit_model, *digit_images(1000, folder), 5, 32
        )
    if name == "backbone":
        x, y = rng.normal(size=(48, 224, 224, 3)).astype(np.float32), rng.integers(0, 10, 48)
        return Workload(
            "frozen MobileNetV2, 154 layers, 224 x 224, 48 rows",
            backbone_model,
            x,
            y,
            epochs(24),
            16,
        )
    if name == "lstm":
        x, y = rng.integers(0, 5000, (2000, 80)).astype(np.int32), rng.integers(0, 2, 2000)
        return Workload(
            "LSTM of 64 units, 2,000 texts of 80 words", _lstm_model, x, y, epochs(16), 32
        )
    x, y = rng.normal(size=(8000, 32)).astype(np.float32), rng.integers(0, 10, 8000)
    return Workload("MLP, batches of 8, 1,000 steps an epoch", _mlp_model, x, y, epochs(24), 8)
