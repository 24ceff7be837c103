"""Questions about what the data becomes at each stage."""

import math

import numpy as np

from pipetrace.explain.facts import before, first_of
from pipetrace.explain.operations import kernel, operation, strides
from pipetrace.explain.question import Draft, draft
from pipetrace.explain.remarks import pooled_block
from pipetrace.explain.wording import counted, dimensions, exact, figure, number
from pipetrace.trace.document import STEP, Trace


def conv_shape(trace: Trace) -> Draft | None:
    """What shape leaves the convolution?"""
    stage = first_of(trace, "Conv2D")
    if stage is None or strides(stage) != (1, 1) or stage.config.get("padding") != "valid":
        return None
    _, high, wide, channels = _lengths(stage.inputs[0].shape)
    _, down, across, filters = _lengths(stage.outputs[0].shape)
    size = " x ".join(str(length) for length in kernel(stage))
    return draft(
        f"A picture of {high} x {wide} x {channels} goes into {counted(filters, 'filter')} of {size}, stride 1, without "
        "padding. Which shape comes out?",
        f"{down} x {across} x {filters}",
        str(operation(stage).shape),
        [
            (f"{high} x {wide} x {filters}", f"{wide} columns would stay only with padding; here there is none."),
            (
                f"{down} x {across} x {channels}",
                "Each filter gives a channel of its own; the input's channels are summed.",
            ),
            (f"{filters} x {down} x {across}", "Keras puts the channels last: height, width, channels."),
            (
                f"{down // 2} x {across // 2} x {filters}",
                "That is the size after pooling; a convolution with stride 1 does not halve.",
            ),
        ],
        f"stage/{stage.name}",
    )


def conv_parameters(trace: Trace) -> Draft | None:
    """How many parameters has the convolution?"""
    stage = first_of(trace, "Conv2D")
    if stage is None or stage.config.get("groups", 1) != 1 or not stage.config.get("use_bias", True):
        return None
    channels = int(stage.inputs[0].shape[-1] or 0)
    _, down, across, filters = _lengths(stage.outputs[0].shape)
    area = math.prod(kernel(stage))
    weights = area * channels * filters
    words = operation(stage)
    return draft(
        f"How many parameters does the Conv2D layer with {counted(filters, 'filter')} learn?",
        number(stage.parameters.total),
        f"{words.parameters}: {words.parts}. The same weights serve every place of the picture.",
        [
            (
                number(weights),
                f"That is {' x '.join(map(str, kernel(stage)))} x {channels} x {filters}: the biases are missing.",
            ),
            (number(area * channels + 1), "That is a single filter with its bias; there are more."),
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
    pooling = before(trace, stage) if stage else None
    if stage is None or pooling is None or len(stage.inputs[0].shape) != 4:
        return None
    _, high, wide, channels = _lengths(stage.inputs[0].shape)
    mistakes = [
        (number(high * wide), f"That is one channel; all {channels} are laid out."),
        (number((high // 2) * (wide // 2) * channels), "That would be the length after a second pooling."),
        (number(high + wide + channels), "The lengths are multiplied, not added."),
    ]
    if len(pooling.inputs[0].shape) == 4:
        earlier = math.prod(_lengths(pooling.inputs[0].shape)[1:])
        mistakes.append((number(earlier), f"That is what went into {pooling.layer}, not what came out."))
    return draft(
        f"The maps of {dimensions(stage.inputs[0].shape)} are flattened. How long is the vector for one picture?",
        number(high * wide * channels),
        f"{high} x {wide} x {channels} = {number(high * wide * channels)}: every value is kept, only the form changes.",
        mistakes,
        f"stage/{stage.name}",
    )


def scaled_pixel(trace: Trace) -> Draft | None:
    """What does one pixel become?"""
    stage = next(
        (each for each in trace.stages if each.kind == STEP and each.config.get("operation") == "divide"), None
    )
    value = trace.run.data.example_value
    previous = before(trace, stage) if stage else None
    if stage is None or value is None or previous is None or stage.example is None or previous.example is None:
        return None
    places = np.argwhere(previous.example == value)
    if not len(places):
        return None
    place = tuple(places[0])
    by = float(stage.config["by"])
    after = exact(stage.example[place])
    return draft(
        f"A pixel of the example has the value {exact(value)}. What is it after the scaling?",
        after,
        f"{exact(value)} / {exact(by)} = {after}, in float32, as measured in row {place[0]}, column {place[1]}.",
        [
            (exact(value / (by + 1)), f"The largest pixel value is {exact(by)}, so the division is by {exact(by)}."),
            (exact(value / by * 2 - 1), "That is a scaling to -1 to 1; this one goes to 0 to 1."),
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
    if stage.config.get("padding") != "valid":
        return None
    for index in np.argsort(stage.example, axis=None)[::-1][:200]:
        place = tuple(int(axis) for axis in np.unravel_index(index, stage.example.shape))
        block = pooled_block(stage, previous.example, place)
        texts = [figure(value) for value in block.reshape(-1)]
        mean, total = figure(block.mean()), figure(block.sum())
        if len({*texts, mean, total}) == len(texts) + 2 and block.min() > 0:
            break
    else:
        return None
    return draft(
        f"Under filter {place[2]} a block of the example's map holds {', '.join(texts)}. What does MaxPooling2D give "
        "for it?",
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


def _lengths(shape: tuple[int | None, ...]) -> tuple[int, ...]:
    return tuple(length or 0 for length in shape)


DRAFTS = (conv_shape, conv_parameters, flatten_length, scaled_pixel, pooled_value)
