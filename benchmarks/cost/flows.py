"""All rows at every stage, beside `predict`, which gives only what the model gives at its end."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from benchmarks.cost.ways import numpy_statistics

from pipetrace.capture.forward import Forward
from pipetrace.record.measure.data_flow import flow
from pipetrace.record.measure.model_pass import ModelPass

PREDICT, PREDICT_256 = "predict", "predict, batches of 256"
EXACT, SAMPLED, FETCHED, STATISTICS = (
    "exact",
    "sampled",
    "all outputs",
    "all outputs, NumPy statistics",
)
NUMPY = "exact, without numba"


def measure_of(model: Any, x: Any) -> ModelPass:
    """The forward pass that gives all stages."""
    return ModelPass(Forward(model, x[:2], [("pixels", 0)]), [("pixels", 0)], x[:2])


def ways(model: Any, x: Any) -> dict[str, Callable[[], Any]]:
    """The ways to pass rows, by name."""
    measure, rows = measure_of(model, x), len(x)

    def fetched(of: Callable[[Any], Any]) -> None:
        fetch = keras.Model(model.inputs[0], [layer.output for layer in model.layers])
        # All outputs of all rows do not fit into memory, so they are taken some at a time, as one would by hand.
        for start in range(0, rows, 2000):
            for values in fetch.predict(x[start : start + 2000], verbose=0):
                of(values)

    return {
        PREDICT: lambda: model.predict(x, verbose=0),
        PREDICT_256: lambda: model.predict(x, batch_size=256, verbose=0),
        EXACT: lambda: flow(measure, x, rows, exact=True),
        SAMPLED: lambda: flow(measure, x, rows),
        NUMPY: lambda: flow(measure, x, rows, exact=True, fast=False),
        FETCHED: lambda: fetched(np.shape),
        STATISTICS: lambda: fetched(numpy_statistics),
    }


def seconds(work: Callable[[], Any]) -> float:
    """How long a work takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def endless_rows(count: int, side: int = 28) -> Any:
    """As many different rows, of which memory holds little: each begins one value further on than the one before."""
    values = np.random.default_rng(0).random(count + side * side, dtype=np.float32)
    step = values.strides[0]
    shape, strides = (count, side, side, 1), (step, side * step, step, step)
    return np.lib.stride_tricks.as_strided(values, shape, strides, writeable=False)
