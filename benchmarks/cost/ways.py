"""Ways to train a model and to pass rows through it: bare, recorded by pipetrace, and as people do it today."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
from benchmarks.cost.workloads import Workload

import pipetrace

BARE, RECORDED, TENSORBOARD, ACTIVATIONS = "bare", "pipetrace", "TensorBoard", "all activations"


class Clock(keras.callbacks.Callback):  # type: ignore[misc] # Keras has no types
    """Seconds from the begin of a training to the end of its last epoch; stands first among the callbacks.

    Attributes:
        seconds: that passed.
        processor: that the processors worked for this process, which other processes on the machine hardly change.
    """

    def __init__(self) -> None:
        super().__init__()
        self.began = self.seconds = 0.0
        self.began_work = self.processor = 0.0

    def on_train_begin(self, logs: Any = None) -> None:  # noqa: ARG002 Keras' signature
        """Start."""
        self.began, self.began_work = time.perf_counter(), time.process_time()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        """Stop; the last one counts."""
        self.seconds = time.perf_counter() - self.began
        self.processor = time.process_time() - self.began_work


class Activations(keras.callbacks.Callback):  # type: ignore[misc]
    """What is often written by hand: all layers' outputs for all rows after each epoch, with NumPy's statistics."""

    def __init__(self, x: Any) -> None:
        super().__init__()
        self.x = x
        self.told: list[Any] = []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        """Look at all of it."""
        fetch = keras.Model(self.model.inputs[0], [layer.output for layer in self.model.layers])
        self.told.append([numpy_statistics(values) for values in fetch.predict(self.x, verbose=0)])


def numpy_statistics(values: Any) -> tuple[Any, ...]:
    """Count, extremes, mean, deviation, zeros and a histogram, whole and by channel, by NumPy's own functions."""
    each = tuple(range(values.ndim - 1))
    whole = (
        values.min(),
        values.max(),
        values.mean(),
        values.std(),
        (values == 0).sum(),
        np.histogram(values, 64),
    )
    own = (
        values.min(axis=each),
        values.max(axis=each),
        values.mean(axis=each),
        values.std(axis=each),
    )
    return (*whole, *own, (values == 0).sum(axis=each))


def train(work: Workload, way: str, budget: float | None = 0.02) -> dict[str, Any]:
    """Train a new model in one way.

    Returns:
        ``seconds`` to the end of the last epoch, and ``processor`` time until then; ``whole`` to the end of ``fit``; and with
        pipetrace what the trace says.
    """
    model, clock = work.make(), Clock()
    folder = Path(tempfile.mkdtemp())
    others: list[Any] = []
    if way == RECORDED:
        others = [pipetrace.Recorder(folder / "run.trace", verbose=False, budget=budget)]
    elif way == TENSORBOARD:
        others = [keras.callbacks.TensorBoard(str(folder), histogram_freq=1, write_graph=False)]
    elif way == ACTIVATIONS:
        others = [Activations(work.x)]
    try:
        began = time.perf_counter()
        model.fit(
            work.x,
            work.y,
            epochs=work.epochs,
            batch_size=work.batch_size,
            verbose=0,
            callbacks=[clock, *others],
        )
        found: dict[str, Any] = {
            "seconds": clock.seconds,
            "processor": clock.processor,
            "whole": time.perf_counter() - began,
        }
        if way == RECORDED:
            found |= _told(
                pipetrace.read(folder / "run.trace"), (folder / "run.trace").stat().st_size
            )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return found


def _told(trace: Any, size: int) -> dict[str, Any]:
    overhead = trace.overhead
    values = sum(_values(epoch) for epoch in trace.epochs)
    return {
        "spent": overhead.spent,
        "during": overhead.during,
        "after": overhead.after,
        "training": overhead.training,
        "parts": dict(trace.cost),
        "values": values,
        "operations": sum(_operations(trace, epoch) for epoch in trace.epochs),
        "bytes": size,
        "skipped": [[each.what, each.reason, each.amount, each.of] for each in overhead.skipped],
    }


def _operations(trace: Any, epoch: Any) -> float:
    """Floating-point operations of the probe's way through the stages."""
    each = sum(stage.flops or 0 for stage in trace.stages)
    shares = [
        epoch.probe[stage.name].count / stage.summary.count
        for stage in trace.stages
        if stage.name in epoch.probe and stage.summary is not None and stage.summary.count
    ]
    return float(each * trace.rows * (shares[0] if shares else 0))


def _values(epoch: Any) -> int:
    """How many values were summarised after an epoch: those of the probe and of the weights."""
    return sum(each.count for part in (epoch.probe, epoch.weights) for each in part.values())
