"""The small training that all cases of ``harm`` share."""

from typing import Any

import keras
import numpy as np

ROWS = 48


def rows() -> tuple[Any, Any]:
    """Rows and targets, the same each time."""
    x = np.random.default_rng(0).normal(size=(ROWS, 6)).astype("float32")
    return x, (x[:, 0] > 0).astype("int64")


def classifier(*more: Any, **options: Any) -> Any:
    """A small compiled model with further layers in it."""
    keras.utils.set_random_seed(3)
    layers = keras.layers
    parts = [layers.Input((6,)), layers.Dense(8, name="hidden"), *more, layers.Dense(2, name="out")]
    model = keras.Sequential(parts, name="small")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(**{"optimizer": "adam", "loss": loss, "metrics": ["accuracy"], **options})
    return model
