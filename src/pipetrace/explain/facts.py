"""Questions that several explanations ask of a trace: how many classes, what chance gives, which class won."""

import math
from dataclasses import dataclass

import numpy as np

from pipetrace.trace.document import LAYER, SOURCE, STEP, Array, Epoch, Prediction, Stage, Trace


def classes(trace: Trace) -> int:
    """How many classes the labels can have."""
    return len(trace.run.data.class_names)


def train_rows(trace: Trace) -> int:
    """How many rows an epoch trains on."""
    return sum(trace.run.data.class_counts)


def layer_stages(trace: Trace) -> list[Stage]:
    """The stages inside the model."""
    return [stage for stage in trace.stages if stage.kind not in (SOURCE, STEP)]


def first_call(trace: Trace, stage: Stage) -> str:
    """The stage that holds a stage's weights: that of the layer's first call, ``dense`` for its second, ``dense:2``."""
    layer, _, number = stage.name.rpartition(":")
    return layer if number.isdigit() and any(each.name == layer for each in trace.stages) else stage.name


def first_of(trace: Trace, layer: str) -> Stage | None:
    """The first stage of a class of layer."""
    return next((stage for stage in trace.stages if stage.kind == LAYER and stage.layer == layer), None)


def before(trace: Trace, stage: Stage) -> Stage | None:
    """The stage that the stage's first input comes from."""
    name = stage.inputs[0].source if stage.inputs else None
    return next((each for each in trace.stages if each.name == name), None)


def steps_per_epoch(trace: Trace) -> tuple[int, int]:
    """How many batches an epoch has, and how many rows are in the last one."""
    rows, batch = train_rows(trace), trace.run.training.batch_size
    steps = math.ceil(rows / batch)
    return steps, rows - (steps - 1) * batch


def occurring(trace: Trace) -> int:
    """How many classes the training rows have; a folder of pictures may have fewer than the model has outputs."""
    return max(1, sum(1 for count in trace.run.data.class_counts if count))


def things(trace: Trace) -> str:
    """What a row of this run is called, in the plural."""
    return "pictures" if len(trace.stages[0].outputs[0].shape) == 4 else "rows"


@dataclass(frozen=True)
class Chance:
    """What guessing gives.

    Attributes:
        loss: the cross-entropy of giving each output the same probability, ln(outputs).
        share: the accuracy of naming any of the classes that occur, one over how many they are.
        largest: the share of the most frequent class in the training rows, which always naming that class would get.
        frequencies: the cross-entropy of giving each class the share that it has in the training rows: the lowest that
            an answer can have which does not depend on the row. At most ``loss``.
    """

    loss: float
    share: float
    largest: float
    frequencies: float

    @property
    def uneven(self) -> bool:
        """Whether one class is so frequent that naming any class is no measure of guessing."""
        return self.largest > 1.5 * self.share

    @property
    def informed(self) -> bool:
        """Whether knowing how often each class occurs makes guessing much better."""
        return self.frequencies < 0.9 * self.loss

    @property
    def level(self) -> float:
        """The loss of guessing that others are compared with."""
        return self.frequencies if self.informed else self.loss


def chance(trace: Trace) -> Chance:
    """What guessing gives on this run's classes."""
    rows = max(1, train_rows(trace))
    shares = [count / rows for count in trace.run.data.class_counts if count]
    frequencies = -sum(each * math.log(each) for each in shares)
    return Chance(math.log(classes(trace)), 1 / occurring(trace), max(shares, default=1.0), frequencies)


def luck(trace: Trace, rows: int) -> float:
    """The accuracy up to which guessing may come by luck on so many rows.

    That is what always naming the largest class gets and three standard errors of it more, sqrt(p (1 - p) / n).
    """
    largest = chance(trace).largest
    return min(1.0, largest + 3 * math.sqrt(largest * (1 - largest) / max(1, rows)))


def better_than_chance(trace: Trace, epoch: Epoch) -> bool:
    """Whether an epoch's figures are beyond what guessing gives.

    One of them is enough: the training or the validation accuracy above what luck reaches on as many rows, or a
    training loss a tenth below the lowest that an answer can have which does not depend on the row.
    """
    metrics = epoch.metrics
    return (
        metrics.get("accuracy", 0.0) > luck(trace, train_rows(trace))
        or metrics.get("val_accuracy", 0.0) > luck(trace, trace.run.data.validation_rows)
        or metrics.get("loss", math.inf) < 0.9 * chance(trace).frequencies
    )


WORSE = 1.5
"""A loss this many times that of guessing is worse than guessing."""


def diverged(trace: Trace) -> Epoch | None:
    """The epoch from which on no loss is finite, or the last one where its loss is far above guessing."""
    found = None
    for epoch in reversed(trace.epochs):
        if math.isfinite(epoch.metrics.get("loss", 0.0)):
            break
        found = epoch
    last = trace.epochs[-1] if trace.epochs else None
    if found or last is None or better_than_chance(trace, last):
        return found
    return last if last.metrics.get("loss", 0.0) > WORSE * chance(trace).loss else None


FAR = 0.05
"""An accuracy this much above validation's is far from it, where it is also beyond three standard errors."""
FEW = 0.15
"""Where three standard errors of the validation accuracy are more than this, its rows are too few to compare with."""


def against_validation(trace: Trace, epoch: Epoch) -> str | None:
    """How an epoch's validation accuracy compares with that of training.

    Returns:
        ``gap`` or ``ahead`` where it is far lower or higher, ``follows`` where it is near, ``unclear`` where it
        is not near and its rows are too few to call it far; None where it was not measured.
    """
    accuracy, held_out = epoch.metrics.get("accuracy", math.nan), epoch.metrics.get("val_accuracy", math.nan)
    apart = accuracy - held_out
    if math.isnan(apart):
        return None
    error = validation_error(trace, held_out)
    if abs(apart) > max(FAR, error):
        return "gap" if apart > 0 else "ahead"
    return "follows" if abs(apart) <= FAR and error <= FEW else "unclear"


def validation_error(trace: Trace, held_out: float) -> float:
    """Three standard errors of a validation accuracy, sqrt(p (1 - p) / n), with at least one row taken to be wrong."""
    rows = max(1, trace.run.data.validation_rows)
    return 3 * math.sqrt(max(held_out * (1 - held_out), 1 / rows) / rows)


def best_validation(trace: Trace, upto: int | None = None) -> Epoch | None:
    """The epoch with the lowest finite validation loss among the first ``upto`` epochs, or among all."""
    found = [
        epoch
        for epoch in trace.epochs[:upto]
        if "val_loss" in epoch.metrics and math.isfinite(epoch.metrics["val_loss"])
    ]
    return min(found, key=lambda epoch: epoch.metrics["val_loss"], default=None)


def probabilities(trace: Trace, prediction: Prediction) -> Array | None:
    """The last stage's output as probabilities: one finite share for each class, adding up to 1."""
    last = trace.stages[-1]
    values = prediction.outputs.get(last.name)
    if values is None or values.shape != (classes(trace),) or not np.isfinite(values).all():
        return None
    return values if abs(float(values.sum()) - 1) < 1e-3 and values.min() >= 0 else None


def predicted(values: Array) -> int:
    """The class with the largest score."""
    return int(np.argmax(values))


def dead_channels(stage: Stage) -> list[int]:
    """The channels whose every measured value is zero."""
    channels = (stage.summary.channels if stage.summary else None) or ()
    return [index for index, each in enumerate(channels) if each.count and each.zeros == each.count]
