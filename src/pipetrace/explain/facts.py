"""Questions that several explanations ask of a trace: how many classes, what chance gives, which class won."""

import math
from dataclasses import dataclass

import numpy as np

from pipetrace.explain import task
from pipetrace.explain.cache import once
from pipetrace.explain.metrics import accuracy, held_out_accuracy
from pipetrace.trace.document import LAYER, SOURCE, STEP, Array, Epoch, Prediction, Stage, Trace


def classes(trace: Trace) -> int:
    """How many classes a row can be of; 0 where the model tells no classes, or several things."""
    output = task.only(trace)
    return output.classes if output and output.of_classes else 0


def class_name(trace: Trace, index: int, output: task.Output | None = None) -> str:
    """What a class is called: ``'cat'``, or ``class 3`` where the classes have no names."""
    names, output = trace.run.data.class_names, output or task.only(trace)
    total = output.classes if output else len(names)
    return f"'{names[index]}'" if len(names) == total and index < len(names) else f"class {index}"


def train_rows(trace: Trace) -> int:
    """How many rows an epoch trains on; 0 where that is not known."""
    data = trace.run.data
    # Of rows that a training got, those that were seen may be a few of them.
    return (
        (0 if data.origin == "fit" else sum(data.class_counts)) if data.rows is None else data.rows
    )


def measured_rows(trace: Trace) -> int:
    """How many rows the data flow is of; where it was not measured, how many an epoch trains on."""
    return trace.rows or train_rows(trace)


def trained(trace: Trace) -> bool:
    """Whether the model was to be trained; one that was only looked at was not."""
    return trace.run.training.epochs > 0 or bool(trace.epochs)


def validation_rows(trace: Trace) -> int:
    """How many held-out rows validation measured; 0 without any, or where that is not known."""
    return trace.run.data.validation_rows or 0


def own_pipeline(trace: Trace) -> bool:
    """Whether one of pipetrace's pipelines ran: it has steps before the model, and keeps the validation rows aside."""
    return trace.run.data.origin != "fit" and any(stage.kind == STEP for stage in trace.stages)


def layer_stages(trace: Trace) -> list[Stage]:
    """The stages inside the model."""
    return [stage for stage in trace.stages if stage.kind not in (SOURCE, STEP)]


def first_call(trace: Trace, stage: Stage) -> str:
    """The stage that holds a stage's weights: that of the layer's first call, ``dense`` for its second, ``dense:2``."""
    layer, _, number = stage.name.rpartition(":")
    return (
        layer
        if number.isdigit() and any(each.name == layer for each in trace.stages)
        else stage.name
    )


def first_of(trace: Trace, layer: str) -> Stage | None:
    """The first stage of a class of layer."""
    return next(
        (stage for stage in trace.stages if stage.kind == LAYER and stage.layer == layer), None
    )


def before(trace: Trace, stage: Stage) -> Stage | None:
    """The stage that the stage's first input comes from."""
    name = stage.inputs[0].source if stage.inputs else None
    return next((each for each in trace.stages if each.name == name), None)


@dataclass(frozen=True)
class Steps:
    """The batches of an epoch.

    Attributes:
        count: how many.
        rows, batch, last: how many rows there are, in a batch and in the last one; 0 where that is not known.
    """

    count: int
    rows: int = 0
    batch: int = 0
    last: int = 0


def steps_per_epoch(trace: Trace) -> Steps | None:
    """The batches of an epoch: as they were counted, or from the rows and the batch size; None where neither tells."""
    rows, batch = train_rows(trace), trace.run.training.batch_size
    counted = next((epoch.steps for epoch in trace.epochs if epoch.steps), None)
    if not rows or not batch:
        return Steps(counted) if counted else None
    steps = math.ceil(rows / batch)
    if counted not in (None, steps):  # as with ``steps_per_epoch``, or rows that were filtered
        return Steps(counted or 0)
    return Steps(steps, rows, batch, rows - (steps - 1) * batch)


def accumulated(trace: Trace) -> int:
    """Over how many steps the optimizer gathers before it changes the weights; 0 where each step changes them."""
    return int(trace.run.training.optimizer_config.get("gradient_accumulation_steps") or 0)


def updates(trace: Trace) -> int | None:
    """How often training changed the weights, once a step; None where that is not known, or not so."""
    if accumulated(trace):
        return None
    steps = steps_per_epoch(trace)
    found = [epoch.steps or (steps.count if steps else 0) for epoch in trace.epochs]
    return sum(found) if found and all(found) else None


def occurring(trace: Trace) -> int:
    """How many classes the training rows have; a folder of pictures may have fewer than the model has outputs."""
    return max(1, sum(1 for count in trace.run.data.class_counts if count))


def things(trace: Trace) -> str:
    """What a row of this run is called, in the plural."""
    given = [
        stage.outputs[0].shape for stage in trace.stages if stage.kind == SOURCE and stage.outputs
    ]
    return (
        "pictures"
        if len(given) == 1 and len(given[0]) == 4 and given[0][-1] in task.CHANNELS
        else "rows"
    )


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


@once
def chance(trace: Trace) -> Chance | None:
    """What guessing gives on this run's classes.

    None where that cannot be told: the rows are of no class, the loss is no cross-entropy or weighs classes, or nobody
    counted how often each class occurs.
    """
    output, counts = task.only(trace), trace.run.data.class_counts
    if output is None or not output.of_classes or output.loss not in task.CROSSENTROPIES:
        return None
    if not sum(counts) or output.classes < max(2, len(counts)) or trace.run.training.class_weights:
        return None
    shares = [count / sum(counts) for count in counts if count]
    frequencies = -sum(each * math.log(each) for each in shares)
    return Chance(math.log(output.classes), 1 / occurring(trace), max(shares), frequencies)


def luck(guess: Chance, rows: int) -> float:
    """The accuracy up to which guessing may come by luck on so many rows.

    That is what always naming the largest class gets and three standard errors of it more, sqrt(p (1 - p) / n).
    """
    largest = guess.largest
    return min(1.0, largest + 3 * math.sqrt(largest * (1 - largest) / max(1, rows)))


def better_than_chance(trace: Trace, epoch: Epoch) -> bool:
    """Whether an epoch's figures are beyond what guessing gives, or nobody knows what it gives.

    One of them is enough: the training or the validation accuracy above what luck reaches on as many rows, or a
    training loss a tenth below the lowest that an answer can have which does not depend on the row.
    """
    guess = chance(trace)
    if guess is None:
        return True
    return (
        (accuracy(trace, epoch) or 0.0) > luck(guess, train_rows(trace))
        or (held_out_accuracy(trace, epoch) or 0.0) > luck(guess, validation_rows(trace))
        or epoch.metrics.get("loss", math.inf) < 0.9 * guess.frequencies
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
    last, guess = trace.epochs[-1] if trace.epochs else None, chance(trace)
    if found or last is None or guess is None or better_than_chance(trace, last):
        return found
    return last if last.metrics.get("loss", 0.0) > WORSE * guess.loss else None


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
    named, held_out = accuracy(trace, epoch), held_out_accuracy(trace, epoch)
    if (
        named is None
        or held_out is None
        or math.isnan(named - held_out)
        or not validation_rows(trace)
    ):
        return None
    apart = named - held_out
    error = validation_error(trace, held_out)
    if abs(apart) > max(FAR, error):
        return "gap" if apart > 0 else "ahead"
    return "follows" if abs(apart) <= FAR and error <= FEW else "unclear"


def validation_error(trace: Trace, held_out: float) -> float:
    """Three standard errors of a validation accuracy, sqrt(p (1 - p) / n), with at least one row taken to be wrong."""
    rows = max(1, validation_rows(trace))
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
    """The output as probabilities of the classes: one finite share for each class, adding up to 1.

    None where the model tells no classes, or its scores are not probabilities. Of one unit that says yes or no, the
    two shares are those of no and of yes.
    """
    output = task.only(trace)
    if output is None or not output.of_classes:
        return None
    values = output_of(prediction, output)
    if values is None or values.size != (1 if output.what == task.BINARY else output.classes):
        return None
    found = task.shares(output, values.reshape(-1))
    return (
        np.array([1 - float(found[0]), float(found[0])])
        if found is not None and len(found) == 1
        else found
    )


def output_of(prediction: Prediction, output: task.Output) -> Array | None:
    """What the model gave at an output for a prediction's row; None where it was not kept."""
    return prediction.outputs.get(output.stage) if output.index == 0 else None


def predicted(values: Array) -> int:
    """The class with the largest score."""
    return int(np.argmax(values))


def dead_channels(stage: Stage) -> list[int]:
    """The channels whose every measured value is zero."""
    channels = (stage.summary.channels if stage.summary else None) or ()
    return [index for index, each in enumerate(channels) if each.count and each.zeros == each.count]
