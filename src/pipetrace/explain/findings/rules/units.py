"""PT201 to PT203: units and activations."""

import math
from collections.abc import Iterator

import numpy as np

from pipetrace.explain.findings.finding import Finding
from pipetrace.explain.findings.measured_run import MeasuredRun
from pipetrace.explain.findings.questions import (
    POOR,
    first_alike,
    margin,
    of_all_alike,
    struggles,
)
from pipetrace.explain.findings.rule import RunRule, as_note
from pipetrace.explain.formatting import share
from pipetrace.stats.histogram import lower_edges
from pipetrace.trace.document import Stage
from pipetrace.trace.measurements import Signal, Update
from pipetrace.trace.summary import Summary

DEAD_UNITS = 0.7
"""In sound networks up to about half of the units of a wide layer end up dead, at a high learning
rate two thirds."""
ALL_DEAD = 0.95
"""From here on the layer is dead, whenever that happened."""
DIED_IN_TRAINING = 0.2
"""Units that were zero from the start are a matter of initialization, not of training."""
BOUNDS = {
    "tanh": (-1.0, 1.0),
    "sigmoid": (0.0, 1.0),
    "hard_sigmoid": (0.0, 1.0),
    "softsign": (-1.0, 1.0),
    "hard_tanh": (-1.0, 1.0),
}
"""The output ranges of bounded activations."""
NEAR_BOUND = 0.025
"""Distance from a bound, as a part of the range, where the derivative of tanh or sigmoid is below a
tenth."""
SATURATED = 0.5
"""With most values at the bounds, less than half of the gradient passes the stage."""
RECURRENT = ("LSTM", "GRU", "SimpleRNN", "Bidirectional")


class DyingRelu(RunRule):
    code = "PT201"
    name = "dying-relu"
    needs = ("stages", "epochs", "activations")
    root_cause_of = (*POOR, "PT402", "PT405", "PT502", "PT607")
    what = "Units behind a ReLU are zero for every probe row."
    why = "Where a ReLU outputs zero its gradient is zero too, so such a unit never changes again."

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        dead: dict[str, tuple[float, float]] = {}
        alike = first_alike(run)
        for stage in run.hidden:
            if alike is not None and stage in run.layers[run.layers.index(alike) + 1 :]:
                break  # What receives the same for every row gives the same.
            if _is_not_finite(run, stage):
                continue  # ReLU makes 0 of NaN, and nothing died.
            if run.activation(stage) in ("relu", "relu6"):
                before, now = (
                    run.of(Signal, stage.name, epoch).dead_units for epoch in (0, run.last_epoch)
                )
                grew = (now or 0.0) - (before or 0.0) >= DIED_IN_TRAINING
                if now is not None and (now >= ALL_DEAD or (now >= DEAD_UNITS and grew)):
                    dead[stage.name] = now, before or 0.0
        if not dead:
            return
        name = max(dead, key=lambda each: dead[each][0])
        now, before = dead[name]
        units = run.of(Signal, name, run.last_epoch).units or 0
        course = run.course(Signal, name, lambda each: each.dead_units)
        found = self.fault(
            f"{round(now * units)} of {units} units of {name} are zero for every probe row; "
            f"before training {round(before * units)} were.",
            now,
            f"measurements[signal/{name}, epoch {run.last_epoch}].dead_units",
            *run.how_well(),
            advice="Lower the learning rate, scale the inputs, use He initialization, or an "
            "activation with a gradient below zero.",
            stage=name,
            epochs=[epoch for epoch, part in course.items() if epoch and part >= DEAD_UNITS],
            change="keras.layers.LeakyReLU()  # or activation='elu'",
            confidence=margin(now, DEAD_UNITS, 0.95),
        )
        yield found if struggles(run) else as_note(found)


class SaturatedActivation(RunRule):
    code = "PT202"
    name = "saturated-activation"
    needs = ("stages", "summaries")
    root_cause_of = (*POOR, "PT405", "PT607")
    what = "Hidden tanh or sigmoid units are at their limits for most rows."
    why = "There the gradient is nearly zero, so almost none passes to the layers before."

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        for stage in run.hidden:
            activation = run.activation(stage)
            if activation not in BOUNDS or stage.layer in RECURRENT:
                continue
            parts = {
                epoch.number: part
                for epoch in run.trace.epochs
                if (part := at_bounds(epoch.probe.get(stage.name), activation)) is not None
            }
            now = parts.get(run.last_epoch)
            if stage.summary is not None:
                now = at_bounds(stage.summary, activation)
            if now is None or now < SATURATED:
                continue
            found = self.fault(
                f"{share(now)} of the outputs of {stage.name} ({activation}) are at their limits.",
                now,
                f"stages[{stage.name}].summary.histogram",
                *run.how_well(),
                advice="Scale the inputs of the layer to standard deviation 1 or put "
                "BatchNormalization before it, lower the learning rate, or use ReLU.",
                stage=stage.name,
                epochs=[number for number, part in parts.items() if part >= SATURATED],
                change="keras.layers.BatchNormalization()  # before the layer",
                confidence=margin(now, SATURATED, 0.9),
            )
            yield found if struggles(run) else as_note(found)
            return


class UnusualHiddenActivation(RunRule):
    code = "PT203"
    name = "unusual-hidden-activation"
    category = "hidden_activation"
    root_cause_of = (*POOR, "PT402", "PT405", "PT406", "PT502", "PT701")
    what = "A hidden layer uses softmax or exponential as its activation."
    why = (
        "With softmax the units compete for a sum of 1. An exponential multiplies from layer to "
        "layer."
    )

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        layers = ("Dense", "Activation", "Softmax", "Conv1D", "Conv2D")
        for stage in run.hidden:
            activation = run.activation(stage)
            if activation not in ("softmax", "exponential") or stage.layer not in layers:
                continue
            if activation == "softmax" and not _before_kernels(run, stage):
                continue
            found = self.fault(
                f"The hidden layer {stage.name} has the activation {activation}.",
                None,
                f"stages[{stage.name}].config",
                *run.how_well(),
                advice="Use ReLU or tanh in hidden layers. Keep softmax for the last layer.",
                stage=stage.name,
                change=of_all_alike(run, "activation='relu'", stage.name),
                confidence=0.9,
            )
            yield found if struggles(run) else as_note(found)
            return


def _is_not_finite(run: MeasuredRun, stage: Stage) -> bool:
    """Whether the weights of a stage, or of the one before it, are NaN or Inf."""
    before = run.before(stage)
    norms = [
        run.of(Update, f"{each.name}/{weight.name}", run.last_epoch).weight_norm
        for each in (stage, before)
        if each is not None
        for weight in each.weights
    ]
    return any(norm is not None and not math.isfinite(norm) for norm in norms)


def _before_kernels(run: MeasuredRun, stage: Stage) -> bool:
    """Whether a Dense or convolution comes next. Attention multiplies by its softmax instead."""
    passing = ("Dropout", "Flatten", "Reshape", "BatchNormalization", "Activation")
    following = run.after(stage)
    while following and all(each.layer in passing for each in following):
        following = [more for each in following for more in run.after(each)]
    return bool(following) and all(each in run.weighted for each in following)


def at_bounds(summary: Summary | None, activation: str) -> float | None:
    """The share of values that are near the limits of an activation."""
    if summary is None or not summary.finite:
        return None
    low, high = BOUNDS[activation]
    near = NEAR_BOUND * (high - low)
    starts, ends = lower_edges(summary.histogram)
    centers = (np.asarray(starts) + np.asarray(ends)) / 2
    there = (centers <= low + near) | (centers >= high - near)
    if low == 0:
        there |= centers == 0  # zero has a bin of its own
    counts = np.asarray(summary.histogram.counts)
    return float(counts[there].sum() / counts.sum())
