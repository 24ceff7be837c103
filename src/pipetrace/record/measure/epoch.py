"""What is measured of one epoch: rows passed through every stage, the weights, and how far these
moved. ``epochs/recorder.py`` says when."""

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from pipetrace.capture import structures
from pipetrace.capture.eager import gradients_of
from pipetrace.capture.forward import Passed
from pipetrace.capture.training import Gradients, mean
from pipetrace.capture.weights import Weights, trainable, values_of
from pipetrace.record.measure.model_pass import ModelPass, is_numbers
from pipetrace.record.measure.outcomes import Found, compared
from pipetrace.record.measure.rows import Rows
from pipetrace.record.measure.snapshots import Snapshot
from pipetrace.stats import activations, summarise
from pipetrace.trace.document import Array
from pipetrace.trace.measurements import TRAINING, LossPoint
from pipetrace.trace.summary import Summary

FEWEST_ROWS, SIGNAL_VALUES = 32, 500_000
"""Of a stage with many values for a row, as many rows are looked at as have so many values, and no
fewer."""


class EpochPass:
    """Evenly spaced training rows, passed once, for summaries, activations and outcomes."""

    def __init__(self, measure: ModelPass, rows: Rows, instead: Weights | None = None) -> None:
        self._measure, self._rows = measure, rows
        few = rows.spaced(measure.extent.probe)
        self._passed: Passed = measure.passed(few.x, instead)
        outputs = measure.outputs_in(self._passed)
        self._outcomes = compared(measure, few, outputs, TRAINING)
        forward = measure.forward
        of = partial(values_of, instead=instead)
        # Taken now: figures are made beside the training, which changes them.
        self._averages = [
            (stage, layer.axis, of(layer.moving_mean), of(layer.moving_variance))
            for stage, layer in zip(forward.stages, forward.operations, strict=True)
            if stage.layer == "BatchNormalization" and stage.inputs
        ]

    def figures(self) -> Found:
        """Activations of every stage, and outputs against targets."""
        signals: Found = [
            (name, activations.signal(_thinned(values[0])))
            for name, values in self._passed.outputs.items()
            if name in self._measure.samples and is_numbers(values[0]) and values[0].size
        ]
        return [*signals, *self._normalized_inputs(), *self._outcomes]

    def _normalized_inputs(self) -> Found:
        """What batch normalizations receive, against their moving averages."""
        found: Found = []
        for stage, axis, center, variance in self._averages:
            spec = stage.inputs[0]
            values = self._passed.outputs.get(str(spec.source))
            if values is not None and len(values[spec.output]):
                received = _thinned(values[spec.output])
                figures = activations.normalized_input(received, center, variance, axis)
                found.append((stage.name, figures))
        return found

    def example(self, rows: Rows) -> dict[str, Array]:
        """The first of some rows at every stage, its first output each."""
        own = rows is self._rows  # whose first row has passed
        passed = self._passed if own else self._measure.passed(rows.taken(slice(0, 1)).x)
        found = self._measure.examples(passed)
        return {name: np.array(values[0]) for name, values in found.items()}

    def summaries(self) -> dict[str, Summary]:
        """The summary of every stage's first output."""
        return self._measure.summaries(self._passed)


class WeightSummaries:
    """Summaries of the weights; frozen weights are summarised again only where they changed."""

    def __init__(self) -> None:
        self._frozen: dict[str, tuple[float | None, ...]] = {}

    def of(self, weights: Mapping[str, tuple[Any, Array]], bits: int) -> dict[str, Summary]:
        """The summaries of variables and values by name, with histograms of so many bits."""
        found = {}
        for name, (variable, values) in weights.items():
            if not values.size:
                continue
            summary = summarise(values.reshape(values.shape or (1,)), by_channel=False, bits=bits)
            figures = (summary.min, summary.max, summary.mean, summary.std)
            if variable.trainable or self._frozen.get(name) != figures:
                found[name] = summary
            self._frozen[name] = figures
        return found


def initial(variables: Mapping[str, Any], weights: Weights) -> Found:
    """What the weights were before training."""
    return [
        (name, activations.initial(weights[id(variable)]))
        for name, variable in variables.items()
        if id(variable) in weights
    ]


def updates(
    variables: Mapping[str, Any],
    now: Snapshot,
    before: Snapshot,
    start: Snapshot | None,
    earlier: Snapshot | None,
) -> Found:
    """How far the weights that train moved in an epoch, and since the ``start``, where these are
    kept.
    """
    found: Found = []
    for name, variable in variables.items():
        key = id(variable)
        values, last = now.weights.get(key), before.weights.get(key)
        if values is None or last is None or values.shape != last.shape:
            continue
        first, second = (
            None if snapshot is None else snapshot.weights.get(key) for snapshot in (start, earlier)
        )
        step = now.before_last.get(key)
        found.append((name, activations.movement(values, last, first, step, second)))
    return found


def _thinned(values: Array) -> Array:
    """Evenly spaced rows of a stage's output, as many as are worth their time."""
    total, size = len(values), values[0].size
    count = max(FEWEST_ROWS, SIGNAL_VALUES // max(1, size))
    if total <= count:
        return values
    few: Array = values[np.linspace(0, total - 1, count).round().astype(int)]
    return few


GRADIENT_ROWS = 64
"""Rows of which the gradient is taken: no fewer than most batches have. Where batches have fewer,
it is the mean over batches."""


class LossGradients:
    """Gradients of a model's loss by its weights; compiled when they are first asked for."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._compiled: Gradients | None = None
        self._by: tuple[Any, Any] = (None, None)
        self._forms: list[Any] = []

    def measured(
        self,
        rows: Rows,
        measure: ModelPass,
        variables: Mapping[str, Any],
        instead: Weights | None = None,
    ) -> Callable[[], Found]:
        """Take the gradients of rows with targets now, and return what makes figures of them."""
        step = measure.forward.slopes if measure.forward.step is not None else None
        together = min(GRADIENT_ROWS, measure.extent.together)
        few = rows.spaced(GRADIENT_ROWS // together * together)
        parts = [
            (structures.as_fit_gets(part.x), structures.as_fit_gets(part.y), part.weight)
            for start in range(0, len(few), together)
            for part in (few.taken(slice(start, start + together)),)
        ]
        # A layer may have been frozen since, or the model compiled anew.
        trained = [id(variable) for variable in trainable(self._model)]
        by, was = (self._model.optimizer, self._model.loss), self._by
        forms = [(each.shape[1:], each.dtype) for each in structures.arrays(parts[0])]
        same = self._compiled is not None and self._compiled.variables == trained
        same = same and forms == self._forms and by[0] is was[0] and by[1] is was[1]
        if step is None and (self._compiled is None or not same):
            self._compiled = gradients_of(self._model, *parts[0])
            self._by, self._forms = by, forms
        taken = mean(
            [
                step(part[0], instead) if step else self._compiled(*part, instead)  # type: ignore[misc]
                for part in parts
            ]
        )

        def figures() -> Found:
            known = step is None or not math.isnan(taken.loss)
            found: Found = [(TRAINING, LossPoint(taken.loss, taken.penalty))] if known else []
            for name, variable in variables.items():
                if id(variable) in taken.gradients:
                    values = taken.gradients[id(variable)]
                    penalty = taken.penalties.get(id(variable))
                    found.append((name, activations.gradient(values, penalty)))
            return found

        return figures
