"""Metric learning: images of one class come to lie close together, others apart.

The loss compares all pairs of a batch; the outputs are embeddings, not classes.
"""

from typing import Any

import keras
import numpy as np
from keras import layers, ops

MARGIN = 1.0

keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)
centers = rng.normal(size=(6, 12)).astype("float32")
classes = rng.integers(0, 6, 768)
x = (centers[classes] + rng.normal(0, 0.7, (768, 12))).astype("float32")


def contrastive(labels: Any, embeddings: Any) -> Any:
    """Hadsell et al. (2006): pulls pairs of a class together, pushes others apart to a margin."""
    squares = ops.sum((embeddings[:, None] - embeddings[None]) ** 2, axis=-1)
    distances = ops.sqrt(ops.maximum(squares, 1e-8))
    labels = ops.reshape(labels, (-1, 1))
    same = ops.cast(labels == ops.transpose(labels), "float32")
    return ops.mean(same * squares + (1 - same) * ops.maximum(MARGIN - distances, 0) ** 2)


model = keras.Sequential(
    [
        keras.Input((12,), name="features"),
        layers.Dense(32, activation="relu", name="hidden"),
        layers.Dense(8, name="embedding"),
        layers.UnitNormalization(name="unit_length"),
    ],
    name="metric_learning",
)
model.compile(optimizer=keras.optimizers.Adam(0.01), loss=contrastive)
model.fit(x, classes, batch_size=64, epochs=6, validation_split=0.25, verbose=0)
