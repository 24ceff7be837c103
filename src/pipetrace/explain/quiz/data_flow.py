"""Questions about what the data becomes at each stage."""

import math

import numpy as np

from pipetrace.explain.facts import before, first_call, first_of, layer_stages
from pipetrace.explain.formatting import counted, exact, figure, listed, number
from pipetrace.explain.layers import is_of_keras, kernel, operation, strides
from pipetrace.explain.quiz.draft import Draft, draft, written
from pipetrace.explain.remarks import FEW, pooled_block
from pipetrace.trace.document import STEP, Spec, Stage, Trace

MOST_TRIED = 200
"""How many blocks of a pooling are looked at for one whose values can be told apart."""


def conv_shape(trace: Trace) -> Draft | None:
    """Which shape does the convolution give?"""
    stage = _convolution(trace)
    if stage is None or strides(stage) != (1, 1) or stage.config.get("padding") != "valid":
        return None
    if any(each != 1 for each in stage.config.get("dilation_rate", [1, 1])):
        return None
    high, wide, channels = _lengths(stage.inputs[0])
    down, across, filters = _lengths(stage.outputs[0])
    window = " x ".join(map(str, kernel(stage)))
    more = [
        (
            f"{down - 1} x {across - 1} x {filters}",
            f"A {window} window on {wide} columns fits at one position more than that.",
        ),
        (
            f"{down // 2} x {across // 2} x {filters}",
            "That is half the height and width; stride 1 halves nothing.",
        ),
    ]
    what = "An image" if channels in (1, 3) else "An input"
    return written(
        f"""
Question: {what} of {high} x {wide} x {channels} goes into a Conv2D layer with
    {counted(filters, "filter")} of {window}, stride 1 and no padding. What is the output shape?
Answer: {down} x {across} x {filters}
Why: {operation(stage).shape}
{high} x {wide} x {filters}: The width stays {wide} only with padding; here there is none.
{down} x {across} x {channels}: Each filter gives one channel; the input channels are summed.
{filters} x {down} x {across}: Keras puts the channels last: height, width, channels.
""",
        f"stage/{stage.name}",
        more if min(down, across) > 1 else (),
    )


def conv_parameters(trace: Trace) -> Draft | None:
    """How many parameters does the convolution have?"""
    stage = _convolution(trace)
    if stage is None or stage.config.get("groups", 1) != 1 or not _biased(stage):
        return None
    down, across, filters = _lengths(stage.outputs[0])
    channels, words = int(stage.inputs[0].shape[-1] or 0), operation(stage)
    each = math.prod(kernel(stage)) * channels
    if not channels or each * filters + filters != stage.parameters.total:
        return None
    size = " x ".join(map(str, (*kernel(stage), channels)))
    return written(
        f"""
Question: How many parameters does a Conv2D layer with {counted(filters, "filter")} of {size} have?
Answer: {number(each * filters + filters)}
Why: {words.parameters}: {words.parts}. The same weights are used at every position.
{number(each * filters)}: That is {size} x {filters}; the biases are missing.
{number(each + 1)}: That is one filter with its bias; there are {filters}.
{number((each + 1) * down * across * filters)}: That would be separate weights at every position; a
    convolution uses the same ones everywhere.
{number(each * filters + 1)}: Every filter has a bias of its own; there is not one for all.
""",
        f"stage/{stage.name}",
    )


def flatten_length(trace: Trace) -> Draft | None:
    """How long is the flattened vector?"""
    stage = first_of(trace, "Flatten")
    previous = before(trace, stage) if stage else None
    if stage is None or previous is None or not _known(stage.inputs[0]):
        return None
    high, wide, channels = _lengths(stage.inputs[0])
    more = []
    if min(high, wide) > 1:
        after = number((high // 2) * (wide // 2) * channels)
        more.append((after, "That would be the length after one more 2 x 2 pooling."))
    if previous.inputs and _known(previous.inputs[0]):
        earlier = number(math.prod(_lengths(previous.inputs[0])))
        name = previous.layer or previous.name
        more.append((earlier, f"That is the number of values before {name}, not after it."))
    return written(
        f"""
Question: Feature maps of {high} x {wide} x {channels} are flattened. How long is the vector?
Answer: {number(high * wide * channels)}
Why: {high} x {wide} x {channels} = {number(high * wide * channels)}: every value is kept, only the
    shape changes.
{number(high * wide)}: That is one channel; all {channels} are included.
{number(wide * channels)}: That is one row of the feature maps; there are {high}.
{number(high + wide + channels)}: The lengths are multiplied, not added.
""",
        f"stage/{stage.name}",
        more,
    )


def scaled_pixel(trace: Trace) -> Draft | None:
    """What does one pixel become?"""
    dividing = (
        each
        for each in trace.stages
        if each.kind == STEP and each.config.get("operation") == "divide"
    )
    stage, value = next(dividing, None), trace.run.data.example_value
    was = before(trace, stage) if stage else None
    if stage is None or value is None or was is None or was.example is None:
        return None
    if not isinstance(stage.config.get("by"), int | float):
        return None
    places = np.argwhere(was.example == value)
    if stage.example is None or not len(places) or stage.example.shape != was.example.shape:
        return None
    place, by = tuple(places[0]), float(stage.config["by"])
    after = exact(stage.example[place])
    return written(
        f"""
Question: A pixel of the example has the value {exact(value)}. What is its value after scaling?
Answer: {after}
Why: {exact(value)} / {exact(by)} = {after}, in float32, as measured in line {place[0]}, column
    {place[1]}.
{exact(value / (by + 1))}: That divides by {exact(by + 1)}; the scaling divides by {exact(by)}.
{exact(value / by * 2 - 1)}: That would scale to the range -1 to 1; this step only divides.
{exact(value / 100)}: That treats the value as a percentage.
{exact(value)}: That is the value before scaling.
""",
        f"stage/{stage.name}",
    )


def pooled_value(trace: Trace) -> Draft | None:
    """What does the pooling make of a block of measured values?"""
    stage = first_of(trace, "MaxPooling2D")
    was = before(trace, stage) if stage else None
    if stage is None or was is None or stage.example is None or was.example is None:
        return None
    config = stage.config
    if config.get("padding") != "valid" or config.get("data_format") == "channels_first":
        return None
    if math.prod(kernel(stage)) > FEW or stage.example.ndim != 3:
        return None
    for index in np.argsort(stage.example, axis=None)[::-1][:MOST_TRIED]:
        place = tuple(int(axis) for axis in np.unravel_index(index, stage.example.shape))
        block = pooled_block(stage, was.example, place).astype(np.float64)
        texts = [figure(value) for value in block.reshape(-1)]
        mean, total = figure(block.mean()), figure(block.sum())
        plain = np.isfinite(block).all() and block.min() > 0
        if plain and len({*texts, mean, total}) == len(texts) + 2:
            break
    else:
        return None
    largest = figure(stage.example[place])
    return written(
        f"""
Question: In channel {place[2]} of the example, a block holds {listed(texts)}. What does
    MaxPooling2D return for it?
Answer: {largest}
Why: It keeps the largest value of the block: {largest}, as measured in line {place[0]}, column
    {place[1]} of the output.
{mean}: That is the mean; AveragePooling2D would return it.
{total}: That is the sum; pooling adds nothing up.
{figure(block.min())}: That is the smallest value; the largest is kept.
{texts[0]}: That is the first value of the block; its position does not matter.
""",
        f"stage/{stage.name}",
    )


def dense_parameters(trace: Trace) -> Draft | None:
    """How many parameters does a dense layer have? Asked where there is no convolution."""
    if first_of(trace, "Conv2D") is not None:
        return None
    dense = (each for each in layer_stages(trace) if each.layer == "Dense" and is_of_keras(each))
    stage = next((each for each in dense if each.outputs and each.inputs), None)
    if stage is None or "units" not in stage.config or not _biased(stage):
        return None
    width, units = int(stage.inputs[0].shape[-1] or 0), int(stage.config["units"])
    weights = width * units
    if weights + units != stage.parameters.total or min(width, units) < 2:
        return None
    return written(
        f"""
Question: A Dense layer has {units} units and {number(width)} inputs. How many parameters does it
    have?
Answer: {number(weights + units)}
Why: One weight for each input and unit, {number(width)} x {units} = {number(weights)}, and one bias
    for each of {units} units: {number(weights + units)}.
{number(weights)}: The biases are missing, one for each unit.
{number(weights + 1)}: Every unit has a bias of its own; there is not one for all.
{number(weights + width)}: There is one bias for each unit, not for each input.
{number(width + units)}: Every unit has a weight for every input: multiply, do not add.
{number(width + 1)}: That is one unit with its bias.
""",
        f"stage/{stage.name}",
    )


def embedding_parameters(trace: Trace) -> Draft | None:
    """How many parameters does an embedding have?"""
    stage = first_of(trace, "Embedding")
    if stage is None or not stage.outputs or not {"input_dim", "output_dim"} <= stage.config.keys():
        return None
    entries, width = int(stage.config["input_dim"]), int(stage.config["output_dim"])
    if entries * width != stage.parameters.total or min(entries, width) < 2:
        return None
    if len(stage.outputs[0].shape) != 3:
        return None
    length, more = stage.outputs[0].shape[1], []
    if length:
        said = f"That is the output for {length} steps; the table holds every integer."
        more.append((number(length * width), said))
    return written(
        f"""
Question: An Embedding layer holds a vector of {width} values for each of {number(entries)}
    integers. How many parameters does it have?
Answer: {number(entries * width)}
Why: {number(entries)} x {width} = {number(entries * width)}: a table with one line for each
    integer.
{number(entries * width + width)}: An embedding has no bias; it only looks vectors up.
{number(entries + width)}: Every integer has its own vector: multiply, do not add.
{number(entries * width + entries)}: There is nothing beside the vectors; no integer has a bias.
""",
        f"stage/{stage.name}",
        more,
    )


def lstm_parameters(trace: Trace) -> Draft | None:
    """How many parameters does an LSTM have?"""
    stage = first_of(trace, "LSTM")
    if stage is None or not stage.inputs or "units" not in stage.config or not _biased(stage):
        return None
    width, units = int(stage.inputs[0].shape[-1] or 0), int(stage.config["units"])
    one = width * units + units * units + units
    if 4 * one != stage.parameters.total:
        return None
    return written(
        f"""
Question: An LSTM layer with {counted(units, "unit")} reads {counted(width, "value")} at each step.
    How many parameters does it have?
Answer: {number(4 * one)}
Why: Three gates and the new state each have {width} x {units} weights for the inputs, {units} x
    {units} for the previous output, and {counted(units, "bias", "biases")}: 4 x {number(one)} =
    {number(4 * one)}.
{number(one)}: That is one of four: three gates and the new state have separate weights.
{number(4 * (width * units + units))}: The weights for the previous output are missing.
{number(3 * one)}: Beside the three gates, the new state has weights as well.
{number(4 * (one - units))}: The biases are missing.
""",
        f"stage/{stage.name}",
    )


def most_parameters(trace: Trace) -> Draft | None:
    """Which layer has the most parameters?"""
    owners = [
        each
        for each in layer_stages(trace)
        if first_call(trace, each) == each.name and each.parameters.total
    ]
    order = sorted(owners, key=lambda stage: -stage.parameters.total)
    if len(order) < 4 or order[0].parameters.total == order[1].parameters.total:
        return None
    names = {stage.name: f"{stage.layer} ({stage.name})" for stage in order}
    counts = {stage.name: number(stage.parameters.total) for stage in order}
    most, total = order[0].name, number(sum(each.parameters.total for each in owners))
    return draft(
        "Which of these layers has the most parameters?",
        names[most],
        f"{names[most]} has {counts[most]} of {total}.",
        [
            (names[each.name], f"It has {counts[each.name]}; {names[most]} has {counts[most]}.")
            for each in order[1:5]
        ],
        f"stage/{most}",
    )


def _convolution(trace: Trace) -> Stage | None:
    """The first convolution, where its sizes are known and its channels come last."""
    stage = first_of(trace, "Conv2D")
    if stage is None or "filters" not in stage.config or not stage.inputs or not stage.outputs:
        return None
    last = stage.config.get("data_format") != "channels_first"
    return stage if last and _known(stage.inputs[0]) and _known(stage.outputs[0]) else None


def _biased(stage: Stage) -> bool:
    return bool(stage.config.get("use_bias", True))


def _known(spec: Spec) -> bool:
    """Whether these are images or feature maps of a known size."""
    return len(spec.shape) == 4 and None not in spec.shape[1:]


def _lengths(spec: Spec) -> tuple[int, ...]:
    return tuple(length or 0 for length in spec.shape[1:])


DRAFTS = (
    conv_shape,
    conv_parameters,
    flatten_length,
    scaled_pixel,
    pooled_value,
    dense_parameters,
    embedding_parameters,
    lstm_parameters,
    most_parameters,
)
