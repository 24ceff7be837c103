"""What several explanations look up in a trace: its rows, steps, stages, classes and outputs."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from pipetrace.explain import task
from pipetrace.explain.fits import last_stretch
from pipetrace.explain.formatting import has_rows, number
from pipetrace.explain.layers import is_of_keras
from pipetrace.trace.document import SOURCE, STEP, Array, Prediction, Stage, Stages, Trace
from pipetrace.trace.measurements import TRAINING, DatasetCheck, StageTime
from pipetrace.trace.records import Record

ALIKE = 0.99
"""Share of rows whose target is their input, from which on the model rebuilds its inputs."""

NAMES = ("name", "module", "registered_name")
"""Parts of a configuration that say nothing of what a layer does."""


def classes(trace: Trace) -> int:
    """How many classes a row can have; 0 where the model does not classify rows, or has several
    outputs."""
    output = task.only(trace)
    return output.classes if output and output.of_classes else 0


def class_name(trace: Trace, index: int, output: task.Output | None = None) -> str:
    """A class in words: ``'cat'``, or ``class 3`` where the classes have no names."""
    names, output = trace.run.data.class_names, output or task.only(trace)
    total = output.classes if output else len(names)
    return f"'{names[index]}'" if len(names) == total and index < len(names) else f"class {index}"


def occurring(trace: Trace) -> int:
    """How many classes the training rows have, which may be fewer than the model has outputs."""
    return max(1, sum(1 for count in trace.run.data.class_counts if count))


def train_rows(trace: Trace) -> int:
    """How many rows an epoch trains on; 0 where that is unknown."""
    data = trace.run.data
    if data.rows is not None:
        return data.rows
    # Of the rows of a fit, those that were seen may be a few of all.
    return 0 if data.origin == "fit" else sum(data.class_counts)


def validation_rows(trace: Trace) -> int:
    """How many rows the validation set has; 0 without one, or where that is unknown."""
    return trace.run.data.validation_rows or 0


def measured_rows(trace: Trace) -> int:
    """How many rows the data flow shows; without one, how many an epoch trains on."""
    return trace.rows or train_rows(trace)


def of_shown_row(trace: Trace) -> Trace:
    """The trace with the row that the page opens with as its example, which it can show in full.

    Of that row the first output of each stage is recorded, and of no further ones.
    """
    if not trace.predictions:
        return trace
    first = trace.predictions[0]

    def shown(stage: Stage) -> Stage:
        if stage.name not in first.outputs and not (stage.outputs and has_rows(stage.outputs[0])):
            return stage  # the same for every row
        return replace(stage, example=first.outputs.get(stage.name), others=(), example_mask=None)

    data = replace(trace.run.data, example_row=first.row, example_label=first.label)
    run = replace(trace.run, data=data)
    return replace(trace, run=run, stages=Stages(map(shown, trace.stages)))


def row_noun(trace: Trace) -> str:
    """What a row of this run is called: ``image`` or ``row``."""
    given = [
        stage.outputs[0].shape for stage in trace.stages if stage.kind == SOURCE and stage.outputs
    ]
    images = len(given) == 1 and len(given[0]) == 4 and given[0][-1] in task.CHANNELS
    return "image" if images or task.flat_images(trace) else "row"


def trained(trace: Trace) -> bool:
    """Whether the model was trained, or was to be."""
    return trace.run.training.epochs > 0 or bool(trace.epochs)


def own_pipeline(trace: Trace) -> bool:
    """Whether pipetrace's own pipeline ran, with steps before the model and a validation set that
    it split off."""
    return trace.run.data.origin != "fit" and any(stage.kind == STEP for stage in trace.stages)


def layer_stages(trace: Trace) -> list[Stage]:
    """The stages inside the model."""
    return [stage for stage in trace.stages if stage.kind not in (SOURCE, STEP)]


def layers_words(trace: Trace) -> str:
    """How many layers the model has, and how that is counted."""
    model, own = trace.run.model, layer_stages(trace)
    called = sum(first_call(trace, each) == each.name for each in own)
    if model is None or model.layers == called:
        return number(called)
    inputs = sum(each.kind == SOURCE for each in trace.stages)
    how = "the input layer included" if model.layers == called + inputs else "as Keras counts them"
    return f"{number(model.layers)}, {how}"


def stage_times(trace: Trace) -> dict[str, StageTime]:
    """How long a batch took at each stage that was timed, by name."""
    known = trace.measurements
    return {name: known.of(StageTime, name) for name in known.names(StageTime)}


def stage_of(trace: Trace, name: str | None) -> Stage | None:
    """The stage of that name, or None."""
    return None if name is None else trace.stages.by_name.get(name)


def first_call(trace: Trace, stage: Stage) -> str:
    """The stage that holds a stage's weights: that of the layer's first call, ``dense`` for its
    second, ``dense:2``."""
    layer, _, number = stage.name.rpartition(":")
    return layer if number.isdigit() and stage_of(trace, layer) else stage.name


def words_of(stage: Stage) -> tuple[str, ...]:
    """What the numbers that a stage gives stand for, where it looks texts up in a recorded
    vocabulary; none otherwise."""
    config = stage.config
    entries, size = config.get("vocabulary"), config.get("vocabulary_size")
    lookup = stage.layer in ("TextVectorization", "StringLookup") and not config.get("invert")
    if not lookup or config.get("output_mode") != "int" or not isinstance(entries, list):
        return ()
    unknown = config.get("num_oov_indices") or 1
    spare = size - len(entries) if isinstance(size, int) else 0
    if spare < unknown:
        return ()
    return (*("",) * (spare - unknown), *("[UNK]",) * unknown, *map(str, entries))


def rebuilds(trace: Trace) -> bool:
    """Whether the targets are the inputs, as for an autoencoder."""
    return (trace.measurements.of(DatasetCheck, TRAINING).targets_are_inputs or 0) > ALIKE


def first_of(trace: Trace, layer: str) -> Stage | None:
    """The first stage of a class of Keras' own layers."""
    found = (stage for stage in trace.stages if stage.layer == layer and is_of_keras(stage))
    return next(found, None)


def before(trace: Trace, stage: Stage) -> Stage | None:
    """The stage that the stage's first input comes from."""
    return stage_of(trace, stage.inputs[0].source) if stage.inputs else None


class Steps(Record):
    """The batches of an epoch."""

    count: int  # how many
    # rows, batch, last: how many rows there are, in a batch and in the last one; 0 where that is
    # unknown
    rows: int = 0
    batch: int = 0
    last: int = 0


def steps_per_epoch(trace: Trace) -> Steps | None:
    """The batches of an epoch: as counted, or from the rows and the batch size; None where both
    are unknown. Of several fits the last one's."""
    trace = last_stretch(trace)
    rows, batch = train_rows(trace), trace.run.training.batch_size
    counted = next((epoch.steps for epoch in trace.epochs if epoch.steps), None)
    if not rows or not batch:
        return Steps(counted) if counted else None
    steps = math.ceil(rows / batch)
    if counted not in (None, steps):  # as with ``steps_per_epoch``, or rows that were filtered
        return Steps(counted or 0)
    return Steps(steps, rows, batch, rows - (steps - 1) * batch)


def accumulated(trace: Trace) -> int:
    """Over how many steps the optimizer accumulates gradients; 0 where each step changes the
    weights."""
    return int(trace.run.training.optimizer_config.get("gradient_accumulation_steps") or 0)


def once_a_step(trace: Trace) -> bool:
    """Whether each step changes the weights once, as far as that is known."""
    step, steps = trace.run.step, sum(epoch.steps or 0 for epoch in trace.epochs)
    changes = sum(each.updates or 0 for each in step.optimizers) if step else 0
    if accumulated(trace) or not changes or not steps:
        return not accumulated(trace) and not (step and step.own)
    return round(changes / steps) == 1  # the steps of an epoch that was cut short are not counted


def updates(trace: Trace) -> int | None:
    """How often training updated the weights, once a step; None where that is unknown, or not
    so."""
    if not once_a_step(trace):
        return None
    steps = steps_per_epoch(trace)
    found = [epoch.steps or (steps.count if steps else 0) for epoch in trace.epochs]
    return sum(found) if found and all(found) else None


def probabilities(trace: Trace, prediction: Prediction) -> Array | None:
    """The output as class probabilities: one finite value for each class, with a sum of 1.

    None where the model does not classify rows, or its scores are no probabilities. A single unit
    between no and yes makes two of them.
    """
    output = task.only(trace)
    if output is None or not output.of_classes:
        return None
    values = output_of(prediction, output)
    if values is None or values.size != (1 if output.what == task.BINARY else output.classes):
        return None
    found = task.shares(output, values.reshape(-1))
    if found is not None and len(found) == 1:
        return np.array([1 - float(found[0]), float(found[0])])
    return found


def output_of(prediction: Prediction, output: task.Output) -> Array | None:
    """What an output of the model is for a prediction's row; None where it was not kept."""
    return prediction.outputs.get(output.stage) if output.index == 0 else None


def predicted(values: Array) -> int:
    """The class with the largest score."""
    return int(np.argmax(values))


def dead_channels(stage: Stage) -> list[int]:
    """The channels whose every measured value is zero."""
    channels = (stage.summary.channels if stage.summary else None) or ()
    return [index for index, each in enumerate(channels) if each.count and each.zeros == each.count]


def flat(config: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """A Keras configuration as names with dots and plain values, without names of objects."""
    if isinstance(config, Mapping) and "class_name" in config:
        if before:
            policy = config["class_name"] == "DTypePolicy"
            inner = config.get("config") or {}
            yield before, inner.get("name") if policy else config["class_name"]
            if policy:
                return
        yield from flat(config.get("config") or {}, before)
    elif isinstance(config, Mapping):
        for name, value in config.items():
            if name not in (*NAMES, "build_config", "seed_generator"):
                yield from flat(value, f"{before}.{name}" if before else str(name))
    elif isinstance(config, (list, tuple)) and any(isinstance(each, Mapping) for each in config):
        for place, value in enumerate(config):
            yield from flat(value, f"{before}.{place}")
    else:
        yield before, list(config) if isinstance(config, tuple) else config
