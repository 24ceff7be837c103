"""What each stage does, in words, and where its shape and its parameters come from: from its configuration alone."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pipetrace.explain.wording import counted, dimensions, exact, number
from pipetrace.trace.document import LAYER, SOURCE, STEP, Stage


@dataclass(frozen=True)
class Operation:
    """A stage in words.

    Attributes:
        title: what it is called, such as "Conv2D".
        does: what it does, one sentence.
        shape: how its output shape comes about, one sentence, or None.
        parameters: the sum that gives the number of its parameters, such as ``3 x 3 x 1 x 32 + 32 = 320``, or None.
        parts: what the terms of that sum are, or None.
    """

    title: str
    does: str
    shape: str | None = None
    parameters: str | None = None
    parts: str | None = None


ACTIVATIONS = {
    "relu": "sets what is negative to zero (ReLU)",
    "softmax": "turns the {units} scores into shares that add up to 1 (softmax)",
    "sigmoid": "squeezes each into 0 to 1 (sigmoid)",
    "tanh": "squeezes each into -1 to 1 (tanh)",
}


def operation(stage: Stage) -> Operation:
    """A stage in words. A layer of a class that has no words here is described by its class and shapes."""
    if stage.kind == SOURCE:
        return _source(stage)
    if stage.kind == STEP:
        return _step(stage)
    describe = LAYERS.get(stage.layer or "") if stage.kind == LAYER else None
    return describe(stage) if describe else _other(stage)


def kernel(stage: Stage) -> tuple[int, ...]:
    """The kernel or window of a convolution or pooling, such as (3, 3)."""
    return _pair(stage.config.get("kernel_size") or stage.config.get("pool_size") or ())


def strides(stage: Stage) -> tuple[int, ...]:
    """The strides of a convolution or pooling; a pooling without any uses its window."""
    return _pair(stage.config.get("strides") or kernel(stage))


def _source(stage: Stage) -> Operation:
    image = len(stage.outputs[0].shape) == 4
    if not image:
        return Operation("Input", "The rows as they come, before anything is done to them.")
    grey = stage.outputs[0].shape[-1] == 1
    return Operation(
        "Input image",
        f"{'Grey' if grey else 'Colour'} pictures as they come, each pixel a whole number from 0 to 255."
        if stage.outputs[0].dtype == "uint8"
        else "Pictures as they come.",
    )


def _step(stage: Stage) -> Operation:
    config = stage.config
    if config.get("operation") == "divide":
        by = exact(float(config["by"]))
        return Operation(
            f"Scale to 0..{exact(255 / float(config['by']))}" if stage.inputs[0].dtype == "uint8" else stage.name,
            f"Divides every value by {by}.",
            "Every value is changed by itself, so the shape stays.",
            parameters=None,
        )
    return Operation(stage.name, "Changes the rows before the model sees them.")


def _conv2d(stage: Stage) -> Operation:
    config, shape = stage.config, stage.inputs[0].shape
    window, step = kernel(stage), strides(stage)
    filters, channels = int(config["filters"]), int(shape[-1] or 0)
    sentence = f"Slides {counted(filters, 'filter')} of {_by(window)} over the picture with stride {_same(step)}"
    sentence += _then(config, filters)
    per_filter = channels // int(config.get("groups", 1))
    terms = [*window, per_filter, filters]
    total = math.prod(terms)
    sum_, parts = _by(terms), f"{counted(math.prod(terms[:-1]), 'weight')} in each of {counted(filters, 'filter')}"
    if config.get("use_bias", True):
        total += filters
        sum_, parts = f"{sum_} + {filters}", f"{parts}, and one bias each"
    return Operation("Conv2D", sentence, _conv_shape(stage, window, step), f"{sum_} = {number(total)}", parts)


def _conv_shape(stage: Stage, window: Sequence[int], step: Sequence[int]) -> str:
    wide, given = stage.inputs[0].shape[2], stage.outputs[0].shape[2]
    filters = stage.outputs[0].shape[-1]
    if stage.config.get("padding") == "same":
        return (
            f"Padding 'same' adds a border of zeros, so that {wide} columns stay {given}; "
            f"each of {filters} filters gives a channel."
        )
    if stage.config.get("dilation_rate") not in (None, 1, [1, 1], (1, 1)) or wide is None:
        return f"Each of {filters} filters gives a channel."
    if step[-1] == 1:
        places = f"{wide} - {window[-1]} + 1 = {given}"
    else:
        places = f"({wide} - {window[-1]}) / {step[-1]} + 1 = {given}, rounded down,"
    return (
        f"Without padding a {_by(window)} filter fits at {places} places in each direction; "
        f"each of {filters} filters gives a channel."
    )


def _pooling(stage: Stage, verb: str) -> Operation:
    window, step = kernel(stage), strides(stage)
    wide, given = stage.inputs[0].shape[2], stage.outputs[0].shape[2]
    shape = f"Channels stay {stage.outputs[0].shape[-1]}."
    if stage.config.get("padding", "valid") == "valid" and wide is not None and window == step:
        rest = f", the {wide % step[-1]} left over dropped" if wide % step[-1] else ""
        shape = f"{wide} / {step[-1]} = {given} blocks in each direction{rest}; {shape[0].lower()}{shape[1:]}"
    apart = "" if window == step else f", blocks {_same(step)} apart"
    return Operation(
        stage.layer or "",
        f"{verb} of each {_by(window)} block{apart}, in every channel by itself.",
        shape,
    )


def _flatten(stage: Stage) -> Operation:
    lengths = [length for length in stage.inputs[0].shape[1:] if length is not None]
    return Operation(
        "Flatten",
        f"Lays the {dimensions(stage.inputs[0].shape)} values out one after another: row by row, in each row place by "
        "place, at each place all channels.",
        f"{_by(lengths)} = {number(math.prod(lengths))}; no value changes." if len(lengths) > 1 else None,
    )


def _dense(stage: Stage) -> Operation:
    units, width = int(stage.config["units"]), int(stage.inputs[0].shape[-1] or 0)
    sentence = f"Weighs all {number(width)} values for each of {counted(units, 'unit')}" + _then(stage.config, units)
    total = width * units
    sum_, parts = f"{width} x {units}", f"one weight for each value and unit, {number(width * units)}"
    if stage.config.get("use_bias", True):
        total += units
        sum_, parts = f"{sum_} + {units}", f"{parts}, and one bias for each unit"
    return Operation(
        "Dense",
        sentence,
        f"Each of {counted(units, 'unit')} gives one number.",
        f"{sum_} = {number(total)}",
        parts,
    )


def _other(stage: Stage) -> Operation:
    total = stage.parameters.total
    return Operation(
        stage.layer or stage.name,
        f"A Keras {'layer' if stage.kind == LAYER else 'operation'} of class {stage.layer}.",
        parameters=number(total) if total else None,
    )


LAYERS: dict[str, Callable[[Stage], Operation]] = {
    "Conv2D": _conv2d,
    "MaxPooling2D": lambda stage: _pooling(stage, "Keeps the largest value"),
    "AveragePooling2D": lambda stage: _pooling(stage, "Takes the mean"),
    "Flatten": _flatten,
    "Dense": _dense,
}
"""The layers that have words of their own."""


def _then(config: Any, units: int) -> str:
    parts = ["adds a bias"] if config.get("use_bias", True) else []
    activation = config.get("activation")
    if activation and activation != "linear":
        name = activation if isinstance(activation, str) else str(activation.get("class_name", "an activation"))
        parts.append(ACTIVATIONS.get(name, f"applies {name}").format(units=units))
    return f", {' and '.join(parts)}." if parts else "."


def _by(lengths: Sequence[int]) -> str:
    return " x ".join(str(length) for length in lengths)


def _same(lengths: Sequence[int]) -> str:
    return str(lengths[0]) if len(set(lengths)) == 1 else _by(lengths)


def _pair(value: Any) -> tuple[int, ...]:
    return (int(value), int(value)) if isinstance(value, int) else tuple(int(each) for each in value)
