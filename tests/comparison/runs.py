"""Small runs to compare: three clouds of points, told apart by a dense network."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np


def points(rows: int = 150, seed: int = 3) -> tuple[Any, Any]:
    """Points around three corners, and which corner it is."""
    drawing = np.random.default_rng(seed)
    labels = drawing.integers(0, 3, rows)
    corners = np.array([[0, 0], [1, 0], [0, 1]], np.float32)
    return (corners[labels] + drawing.normal(0, 0.5, (rows, 2))).astype(np.float32), labels


def network(units: int = 8, *, dropout: bool = False, rate: float = 0.02) -> Any:
    """A compiled model of one hidden layer."""
    import keras

    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((2,)),
            layers.Dense(units, activation="relu", name="hidden"),
            *([layers.Dropout(0.25, name="dropout")] if dropout else []),
            layers.Dense(3, activation="softmax", name="scores"),
        ]
    )
    loss = "sparse_categorical_crossentropy"
    model.compile(keras.optimizers.Adam(rate), loss, metrics=["accuracy"])
    return model


def record(
    path: Path,
    *,
    seed: int | None = 0,
    data: tuple[Any, Any] | None = None,
    epochs: int = 2,
    before: Callable[[Any], None] | None = None,
    callbacks: tuple[Any, ...] = (),
    **made: Any,
) -> Path:
    """Train a network and record it.

    Args:
        path: of the trace.
        seed: set before the model is made; None for a fresh one that pipetrace does not see.
        data: the points; always the same when left out.
        before: called with the model before it trains.
        callbacks: further ones of ``fit``.
        made: arguments of ``network``.
    """
    import keras

    import pipetrace

    keras.backend.clear_session()
    keras.utils.set_random_seed(0 if seed is None else seed)
    model = network(**made)
    if before is not None:
        before(model)
    x, y = points() if data is None else data
    recorder = pipetrace.Recorder(path, after_training="all", budget=None)
    try:
        model.fit(
            x[:100],
            y[:100],
            validation_data=(x[100:], y[100:]),
            epochs=epochs,
            batch_size=20,
            verbose=0,
            callbacks=[*callbacks, recorder],
        )
    except ArithmeticError:
        return path  # a run that a test lets fail
    return path
