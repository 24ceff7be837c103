"""Questions that several explanations ask of a trace: how many classes, what chance gives, which class was predicted."""

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
    """

    loss: float
    share: float
    largest: float


def chance(trace: Trace) -> Chance:
    """What guessing gives on this run's classes."""
    largest = max(trace.run.data.class_counts) / max(1, train_rows(trace))
    return Chance(math.log(classes(trace)), 1 / occurring(trace), largest)


def better_than_chance(trace: Trace, epoch: Epoch) -> bool:
    """Whether the training accuracy is above what always naming the largest class gets.

    Above means by more than three standard errors of a share of that many rows, sqrt(p (1 - p) / n).
    """
    largest = chance(trace).largest
    error = math.sqrt(largest * (1 - largest) / max(1, train_rows(trace)))
    return epoch.metrics.get("accuracy", 0.0) > largest + 3 * error


def diverged(trace: Trace) -> Epoch | None:
    """The first epoch whose loss is not finite, or above guessing after it was below or at the end."""
    for epoch in trace.epochs:
        if not math.isfinite(epoch.metrics.get("loss", 0.0)):
            return epoch
    last = trace.epochs[-1] if trace.epochs else None
    if last and last.metrics.get("loss", 0.0) > 1.5 * chance(trace).loss:
        return last
    return None


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
