"""Questions about what the data becomes at each stage."""

import math

import numpy as np

from pipetrace.explain.facts import before, first_of
from pipetrace.explain.operations import kernel, operation, strides
from pipetrace.explain.question import Draft, draft
from pipetrace.explain.remarks import FEW, pooled_block
from pipetrace.explain.wording import counted, dimensions, exact, figure, listed, number
from pipetrace.trace.document import STEP, Stage, Trace


def conv_shape(trace: Trace) -> Draft | None:
    """What shape leaves the convolution?"""
    stage = _convolution(trace)
    if stage is None or strides(stage) != (1, 1) or stage.config.get("padding") != "valid":
        return None
    if any(each != 1 for each in stage.config.get("dilation_rate", [1, 1])):
        return None
    _, high, wide, channels = _lengths(stage.inputs[0].shape)
    _, down, across, filters = _lengths(stage.outputs[0].shape)
    size = " x ".join(str(length) for length in kernel(stage))
    mistakes = [
        (f"{high} x {wide} x {filters}", f"{wide} columns would stay only with padding; here there is none."),
        (f"{down} x {across} x {channels}", "Each filter gives a channel of its own; the input's channels are summed."),
        (f"{filters} x {down} x {across}", "Keras puts the channels last: height, width, channels."),
    ]
    if min(down, across) > 1:
        less = f"A window of {size} on {wide} columns has one place more than {wide} - {kernel(stage)[1]}."
        mistakes.append((f"{down - 1} x {across - 1} x {filters}", less))
        halved = "That is half as high and wide; with stride 1 nothing is halved."
        mistakes.append((f"{down // 2} x {across // 2} x {filters}", halved))
    return draft(
        f"{'A picture' if channels in (1, 3) else 'An input'} of {high} x {wide} x {channels} goes into "
        f"{counted(filters, 'filter')} of {size}, stride 1, without padding. Which shape comes out?",
        f"{down} x {across} x {filters}",
        str(operation(stage).shape),
        mistakes,
        f"stage/{stage.name}",
    )


def conv_parameters(trace: Trace) -> Draft | None:
    """How many parameters has the convolution?"""
    stage = _convolution(trace)
    if stage is None or stage.config.get("groups", 1) != 1 or not stage.config.get("use_bias", True):
        return None
    _, down, across, filters = _lengths(stage.outputs[0].shape)
    channels, area, words = int(stage.inputs[0].shape[-1] or 0), math.prod(kernel(stage)), operation(stage)
    weights = area * channels * filters
    if weights + filters != stage.parameters.total:
        return None
    size = " x ".join(map(str, (*kernel(stage), channels)))
    return draft(
        f"How many parameters does the Conv2D layer with {counted(filters, 'filter')} of {size} have?",
        number(weights + filters),
        f"{words.parameters}: {words.parts}. The same weights serve every place of the picture.",
        [
            (number(weights), f"That is {size} x {filters}: the biases are missing."),
            (number(area * channels + 1), f"That is a single filter with its bias; there are {filters}."),
            (
                number((area * channels + 1) * down * across * filters),
                "That gives every place weights of its own; a convolution shares them.",
            ),
            (number(weights + 1), "Each filter has a bias of its own, not one for all."),
        ],
        f"stage/{stage.name}",
    )


def flatten_length(trace: Trace) -> Draft | None:
    """How long is the flattened vector?"""
    stage = first_of(trace, "Flatten")
    previous = before(trace, stage) if stage else None
    if stage is None or previous is None or len(stage.inputs[0].shape) != 4 or None in stage.inputs[0].shape[1:]:
        return None
    _, high, wide, channels = _lengths(stage.inputs[0].shape)
    mistakes = [
        (number(high * wide), f"That is one channel; all {channels} are laid out."),
        (number(wide * channels), f"That is one row of the maps; there are {high}."),
        (number(high + wide + channels), "The lengths are multiplied, not added."),
    ]
    if min(high, wide) > 1:
        again = "That would be the length after one more pooling of 2 x 2."
        mistakes.append((number((high // 2) * (wide // 2) * channels), again))
    if len(previous.inputs[0].shape) == 4 and None not in previous.inputs[0].shape[1:]:
        earlier = math.prod(_lengths(previous.inputs[0].shape)[1:])
        went_in = f"That is what went into {previous.layer or previous.name}, not what came out."
        mistakes.append((number(earlier), went_in))
    return draft(
        f"The maps of {dimensions(stage.inputs[0].shape)} are flattened. How long is the vector for one picture?",
        number(high * wide * channels),
        f"{high} x {wide} x {channels} = {number(high * wide * channels)}: every value is kept, only the form changes.",
        mistakes,
        f"stage/{stage.name}",
    )


def scaled_pixel(trace: Trace) -> Draft | None:
    """What does one pixel become?"""
    dividing = (each for each in trace.stages if each.kind == STEP and each.config.get("operation") == "divide")
    stage, value = next(dividing, None), trace.run.data.example_value
    previous = before(trace, stage) if stage else None
    if stage is None or value is None or previous is None or stage.example is None or previous.example is None:
        return None
    places = np.argwhere(previous.example == value)
    if not len(places) or stage.example.shape != previous.example.shape:
        return None
    place = tuple(places[0])
    by = float(stage.config["by"])
    after = exact(stage.example[place])
    return draft(
        f"A pixel of the example has the value {exact(value)}. What is it after the scaling?",
        after,
        f"{exact(value)} / {exact(by)} = {after}, in float32, as measured in row {place[0]}, column {place[1]}.",
        [
            (exact(value / (by + 1)), f"That divides by {exact(by + 1)}; the scaling divides by {exact(by)}."),
            (exact(value / by * 2 - 1), "That would be a scaling to -1 to 1; this one only divides."),
            (exact(value / 100), "That takes the value for a percentage."),
            (exact(value), "That leaves it as it was."),
        ],
        f"stage/{stage.name}",
    )


def pooled_value(trace: Trace) -> Draft | None:
    """What does the pooling make of four measured values?"""
    stage = first_of(trace, "MaxPooling2D")
    previous = before(trace, stage) if stage else None
    if stage is None or previous is None or stage.example is None or previous.example is None:
        return None
    plain = stage.config.get("padding") == "valid" and stage.config.get("data_format") != "channels_first"
    if not plain or math.prod(kernel(stage)) > FEW or stage.example.ndim != 3:
        return None
    for index in np.argsort(stage.example, axis=None)[::-1][:200]:
        place = tuple(int(axis) for axis in np.unravel_index(index, stage.example.shape))
        block = pooled_block(stage, previous.example, place).astype(np.float64)
        if not np.isfinite(block).all() or block.min() <= 0:
            continue
        texts = [figure(value) for value in block.reshape(-1)]
        mean, total = figure(block.mean()), figure(block.sum())
        if len({*texts, mean, total}) == len(texts) + 2:
            break
    else:
        return None
    return draft(
        f"Under filter {place[2]} a block of the example's map holds {listed(texts)}. What does MaxPooling2D give for it?",
        figure(stage.example[place]),
        f"The largest of the block stays: {figure(stage.example[place])}, as measured in row {place[0]}, column "
        f"{place[1]} of the pooled map.",
        [
            (mean, "That is the mean, which AveragePooling2D would give."),
            (total, "That is the sum; pooling adds nothing up."),
            (figure(block.min()), "That is the smallest; the largest is kept."),
            (texts[0], "That is the first of the block; its place does not matter."),
        ],
        f"stage/{stage.name}",
    )


def _convolution(trace: Trace) -> Stage | None:
    """The first convolution, where its sizes are known and its channels come last."""
    stage = first_of(trace, "Conv2D")
    if stage is None or stage.config.get("data_format") == "channels_first" or "filters" not in stage.config:
        return None
    shapes = (stage.inputs[0].shape, stage.outputs[0].shape) if stage.inputs else ()
    return stage if shapes and all(len(each) == 4 and None not in each[1:] for each in shapes) else None


def _lengths(shape: tuple[int | None, ...]) -> tuple[int, ...]:
    return tuple(length or 0 for length in shape)


DRAFTS = (conv_shape, conv_parameters, flatten_length, scaled_pixel, pooled_value)
