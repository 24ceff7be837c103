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
    "softmax": "turns the {units} scores into probabilities that add up to 1 (softmax)",
    "sigmoid": "squeezes each into 0 to 1 (sigmoid)",
    "tanh": "squeezes each into -1 to 1 (tanh)",
}


def operation(stage: Stage) -> Operation:
    """A stage in words. A layer of a class that has no words here is described by its class and shapes."""
    if stage.kind == SOURCE:
        return _source(stage)
    if stage.kind == STEP:
        return _step(stage)
    known = LAYERS.get(stage.layer or "") if stage.kind == LAYER else None
    # A layer of somebody's own may bear the same name and be another thing.
    if known is None or not known.fits(stage):
        return _other(stage)
    return known.describe(stage)


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
    config, channels = stage.config, _picture(stage, stage.inputs[0].shape)[2]
    filters, groups = int(config["filters"]), int(config.get("groups", 1))
    over = "the picture" if channels in (1, 3) else "the maps"
    if groups != 1:
        over = f"{(channels or 0) // groups} of the {channels} channels each"
    spread = "" if _reach(stage) == kernel(stage) else f" (spread over {_by(_reach(stage))})"
    sentence = f"Slides {counted(filters, 'filter')} of {_by(kernel(stage))}{spread} over {over} with stride "
    sentence += _same(strides(stage))
    terms = [*kernel(stage), (channels or 0) // groups, filters]
    parts = (
        f"{counted(math.prod(terms[:-1]), 'weight')} in {f'each of {filters} filters' if filters > 1 else 'the filter'}"
    )
    bias = filters if config.get("use_bias", True) else 0
    return Operation(
        "Conv2D",
        sentence + _then(config, filters),
        _conv_shape(stage, filters),
        *_parameters(stage, terms, bias, f"{parts}, and one bias{' each' * (filters > 1)}" if bias else parts),
    )


def _parameters(stage: Stage, terms: Sequence[int], bias: int, parts: str) -> tuple[str, str | None]:
    """The sum that gives the number of parameters, and its terms; the number alone where the layer has others."""
    total = math.prod(terms) + bias
    if total != stage.parameters.total:
        return number(stage.parameters.total), None
    return f"{_by(terms)}{f' + {bias}' if bias else ''} = {number(total)}", parts


def _conv_shape(stage: Stage, filters: int) -> str:
    channels = f"each of {filters} filters gives a channel" if filters != 1 else "the one filter gives one channel"
    places = _places(stage, _reach(stage))
    if places is None:
        return f"{channels[0].upper()}{channels[1:]}."
    same = stage.config.get("padding") == "same"
    if same and set(strides(stage)) == {1}:
        size = _by([length or 0 for length in _picture(stage, stage.outputs[0].shape)[:2]])
        return f"Padding 'same' makes room at the border, so {size} places stay {size}; {channels}."
    if same:
        return (
            f"Padding 'same' makes room at the border, so stride {_same(strides(stage))} leaves {places}; {channels}."
        )
    return f"Without padding a window of {_by(_reach(stage))} fits at {places}; {channels}."


def _pooling(stage: Stage, verb: str) -> Operation:
    window, step = kernel(stage), strides(stage)
    (high, wide, _), given = _picture(stage, stage.inputs[0].shape), _picture(stage, stage.outputs[0].shape)
    shape = f"channels stay {given[2]}"
    places = _places(stage, window, "block")
    if places is not None and high is not None and wide is not None and stage.config.get("padding") != "same":
        ends = [(count or 1) * hop - hop + size for count, hop, size in zip(given, step, window, strict=False)]
        left = "" if ends == [high, wide] else f", {_rest([high - ends[0], wide - ends[1]])} at the end left out"
        shape = f"{places}{left}; {shape}"
    elif places is not None:
        shape = f"{places}; {shape}"
    apart = "" if window == step else f", blocks {_same(step)} apart"
    return Operation(
        stage.layer or "",
        f"{verb} of each {_by(window)} block{apart}, in every channel by itself.",
        f"{shape[0].upper()}{shape[1:]}.",
    )


def _rest(left: Sequence[int]) -> str:
    """The rows and columns that no block reaches."""
    words = [counted(each, noun) for each, noun in zip(left, ("row", "column"), strict=True) if each]
    return " and ".join(words)


def _flatten(stage: Stage) -> Operation:
    lengths = [length for length in stage.inputs[0].shape[1:] if length is not None]
    order = ": row by row, in each row place by place, at each place all channels" if len(lengths) == 3 else ""
    if stage.config.get("data_format") == "channels_first":
        order = ""
    return Operation(
        "Flatten",
        f"Lays the {dimensions(stage.inputs[0].shape)} values out one after another{order}.",
        f"{_by(lengths)} = {number(math.prod(lengths))}; no value changes." if len(lengths) > 1 else None,
    )


def _dense(stage: Stage) -> Operation:
    units, width = int(stage.config["units"]), int(stage.inputs[0].shape[-1] or 0)
    everywhere = " at each place" if len(stage.inputs[0].shape) > 2 else ""
    sentence = f"Weighs all {number(width)} values{everywhere} for each of {counted(units, 'unit')}"
    parts = f"one weight for each value and unit, {number(width * units)}"
    bias = units if stage.config.get("use_bias", True) else 0
    return Operation(
        "Dense",
        sentence + _then(stage.config, units),
        f"{'Each of ' if units != 1 else ''}{counted(units, 'unit')} gives one number{everywhere}.",
        *_parameters(stage, [width, units], bias, f"{parts}, and one bias for each unit" if bias else parts),
    )


def _other(stage: Stage) -> Operation:
    total = stage.parameters.total
    kind = "layer" if stage.kind == LAYER else "operation"
    return Operation(
        stage.layer or stage.name,
        f"A Keras {kind} of class {stage.layer}." if stage.layer else f"A Keras {kind}.",
        parameters=number(total) if total else None,
    )


@dataclass(frozen=True)
class Known:
    """A class of layer that has words of its own.

    Attributes:
        describe: puts it into words.
        needs: what its configuration must have.
        axes: how many axes its input must have, the rows among them; any where None.
    """

    describe: Callable[[Stage], Operation]
    needs: str | None = None
    axes: int | None = None

    def fits(self, stage: Stage) -> bool:
        """Whether the stage has what the words speak of."""
        if len(stage.inputs) != 1 or not stage.outputs or (self.needs and self.needs not in stage.config):
            return False
        return self.axes is None or {self.axes} == {len(stage.inputs[0].shape), len(stage.outputs[0].shape)}


LAYERS: dict[str, Known] = {
    "Conv2D": Known(_conv2d, "filters", 4),
    "MaxPooling2D": Known(lambda stage: _pooling(stage, "Keeps the largest value"), "pool_size", 4),
    "AveragePooling2D": Known(lambda stage: _pooling(stage, "Takes the mean"), "pool_size", 4),
    "Flatten": Known(_flatten),
    "Dense": Known(_dense, "units"),
}
"""The layers that have words of their own."""


def _places(stage: Stage, window: Sequence[int], noun: str = "place") -> str | None:
    """The sum that says at how many places a window fits: one where both directions are alike.

    None where a size is not known, or is not what these sums give.
    """
    taken, given = _picture(stage, stage.inputs[0].shape), _picture(stage, stage.outputs[0].shape)
    same = stage.config.get("padding") == "same"
    sums = []
    for length, got, size, step in zip(taken[:2], given[:2], window, strides(stage), strict=True):
        if length is None or got is None:
            return None
        whole, rest = divmod(length if same else length - size, step)
        if got != whole + (bool(rest) if same else 1):
            return None
        way = f" rounded {'up' if same else 'down'}" if rest else ""
        if same:
            sums.append(f"{length} / {step}{way} = {got}" if step > 1 else str(got))
        elif tuple(window) == strides(stage):
            sums.append(f"{length} / {step}{' rounded down' if length % step else ''} = {got}")
        else:
            sums.append(
                f"{length} - {size} + 1 = {got}" if step == 1 else f"({length} - {size}) / {step}{way} + 1 = {got}"
            )
    nouns = noun if given[0] == 1 else f"{noun}s"
    if sums[0] == sums[1]:
        return f"{sums[0]} {nouns} in each direction"
    return f"{sums[0]} {nouns} down and {sums[1]} across"


def _picture(stage: Stage, shape: Sequence[int | None]) -> tuple[int | None, int | None, int | None]:
    """Height, width and channels of a batch of pictures."""
    if stage.config.get("data_format") == "channels_first":
        return shape[2], shape[3], shape[1]
    return shape[1], shape[2], shape[3]


def _reach(stage: Stage) -> tuple[int, ...]:
    """How far a kernel reaches: with gaps between its values, further than it has values."""
    gaps = _pair(stage.config.get("dilation_rate") or 1)
    return tuple(gap * (size - 1) + 1 for gap, size in zip(gaps, kernel(stage), strict=True))


def _then(config: Any, units: int) -> str:
    parts = ["adds a bias"] if config.get("use_bias", True) else []
    activation = config.get("activation")
    if activation and activation != "linear":
        name = activation if isinstance(activation, str) else str(activation.get("class_name", "an activation"))
        parts.append(ACTIVATIONS.get(name, f"applies {name}").replace("{units}", str(units)))
    if not parts:
        return "."
    return f", {parts[0]} and {parts[1]}." if len(parts) > 1 else f" and {parts[0]}."


def _by(lengths: Sequence[int]) -> str:
    return " x ".join(str(length) for length in lengths)


def _same(lengths: Sequence[int]) -> str:
    return str(lengths[0]) if len(set(lengths)) == 1 else _by(lengths)


def _pair(value: Any) -> tuple[int, ...]:
    return (int(value), int(value)) if isinstance(value, int) else tuple(int(each) for each in value)
