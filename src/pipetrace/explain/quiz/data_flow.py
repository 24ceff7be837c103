"""Questions about what the data becomes at each stage."""

import math

import numpy as np

from pipetrace.explain.facts import before, first_call, first_of, layer_stages
from pipetrace.explain.layers import kernel, operation, strides
from pipetrace.explain.quiz.draft import Draft, draft
from pipetrace.explain.remarks import FEW, pooled_block
from pipetrace.explain.text import counted, dimensions, exact, figure, listed, number
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
        (
            f"{high} x {wide} x {filters}",
            f"{wide} columns would stay only with padding; here there is none.",
        ),
        (
            f"{down} x {across} x {channels}",
            "Each filter gives a channel of its own; the input's channels are summed.",
        ),
        (
            f"{filters} x {down} x {across}",
            "Keras puts the channels last: height, width, channels.",
        ),
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
    if (
        stage is None
        or stage.config.get("groups", 1) != 1
        or not stage.config.get("use_bias", True)
    ):
        return None
    _, down, across, filters = _lengths(stage.outputs[0].shape)
    if stage.inputs[0].shape[-1] is None:
        return None
    channels, area, words = (
        int(stage.inputs[0].shape[-1] or 0),
        math.prod(kernel(stage)),
        operation(stage),
    )
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
            (
                number(area * channels + 1),
                f"That is a single filter with its bias; there are {filters}.",
            ),
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
    if (
        stage is None
        or previous is None
        or len(stage.inputs[0].shape) != 4
        or None in stage.inputs[0].shape[1:]
    ):
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
    if (
        previous.inputs
        and len(previous.inputs[0].shape) == 4
        and None not in previous.inputs[0].shape[1:]
    ):
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
    dividing = (
        each
        for each in trace.stages
        if each.kind == STEP and each.config.get("operation") == "divide"
    )
    stage, value = next(dividing, None), trace.run.data.example_value
    previous = before(trace, stage) if stage else None
    if (
        stage is None
        or value is None
        or previous is None
        or stage.example is None
        or previous.example is None
    ):
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
            (
                exact(value / (by + 1)),
                f"That divides by {exact(by + 1)}; the scaling divides by {exact(by)}.",
            ),
            (
                exact(value / by * 2 - 1),
                "That would be a scaling to -1 to 1; this one only divides.",
            ),
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
    plain = (
        stage.config.get("padding") == "valid"
        and stage.config.get("data_format") != "channels_first"
    )
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


def dense_parameters(trace: Trace) -> Draft | None:
    """How many parameters has a dense layer? A convolution, where there is one, is asked about instead."""
    if first_of(trace, "Conv2D") is not None:
        return None
    stage = next(
        (
            each
            for each in layer_stages(trace)
            if each.layer == "Dense" and each.outputs and each.inputs
        ),
        None,
    )
    if stage is None or "units" not in stage.config or not stage.config.get("use_bias", True):
        return None
    width, units = int(stage.inputs[0].shape[-1] or 0), int(stage.config["units"])
    weights = width * units
    if weights + units != stage.parameters.total or min(width, units) < 2:
        return None
    return draft(
        f"A Dense layer makes {counted(units, 'value')} of {number(width)}. How many parameters does it have?",
        number(weights + units),
        f"One weight for each value and unit, {number(width)} x {units} = {number(weights)}, and one bias for each of "
        f"{counted(units, 'unit')}: {number(weights + units)}.",
        [
            (number(weights), "The biases are missing, one for each unit."),
            (number(weights + 1), "Each unit has a bias of its own, not one for all."),
            (
                number(weights + width),
                "There is a bias for each unit, not for each value that comes in.",
            ),
            (number(width + units), "Every unit weighs every value: the two are multiplied."),
            (number(width + 1), "That is one unit with its bias."),
        ],
        f"stage/{stage.name}",
    )


def embedding_parameters(trace: Trace) -> Draft | None:
    """How many parameters has an embedding?"""
    stage = first_of(trace, "Embedding")
    if (
        stage is None
        or not stage.outputs
        or "input_dim" not in stage.config
        or "output_dim" not in stage.config
    ):
        return None
    words, width = int(stage.config["input_dim"]), int(stage.config["output_dim"])
    if (
        words * width != stage.parameters.total
        or min(words, width) < 2
        or len(stage.outputs[0].shape) != 3
    ):
        return None
    length = stage.outputs[0].shape[1]
    mistakes = [
        (number(words * width + width), "An embedding has no bias: it only looks up."),
        (number(words + width), "Each number has a vector of its own: the two are multiplied."),
        (
            number(words * width + words),
            "There is nothing beside the vectors: no bias for a number either.",
        ),
    ]
    if length:
        mistakes.append(
            (
                number(length * width),
                f"That is what {length} steps become; the table holds every number.",
            )
        )
    return draft(
        f"An Embedding has a vector of {width} values for each of {number(words)} numbers. How many parameters is that?",
        number(words * width),
        f"{number(words)} x {width} = {number(words * width)}: a table from which each step takes one line.",
        mistakes,
        f"stage/{stage.name}",
    )


def lstm_parameters(trace: Trace) -> Draft | None:
    """How many parameters has an LSTM?"""
    stage = first_of(trace, "LSTM")
    if (
        stage is None
        or not stage.inputs
        or "units" not in stage.config
        or not stage.config.get("use_bias", True)
    ):
        return None
    width, units = int(stage.inputs[0].shape[-1] or 0), int(stage.config["units"])
    one = width * units + units * units + units
    if 4 * one != stage.parameters.total:
        return None
    return draft(
        f"An LSTM with {counted(units, 'unit')} reads {counted(width, 'value')} at each step. How many parameters does it "
        "have?",
        number(4 * one),
        f"Four times, for three gates and the new state: {width} x {units} weights on the values, {units} x {units} on "
        f"its own output, {units} biases. 4 x {number(one)} = {number(4 * one)}.",
        [
            (
                number(one),
                "That is one of four: three gates and the new state have weights of their own.",
            ),
            (
                number(4 * (width * units + units)),
                "The weights on its own output of the step before are missing.",
            ),
            (number(3 * one), "There are three gates, and the new state has weights as well."),
            (number(4 * (one - units)), "The biases are missing."),
        ],
        f"stage/{stage.name}",
    )


def most_parameters(trace: Trace) -> Draft | None:
    """Which stage holds most of the parameters?"""
    owners = [
        each
        for each in layer_stages(trace)
        if first_call(trace, each) == each.name and each.parameters.total
    ]
    order = sorted(owners, key=lambda stage: -stage.parameters.total)
    if len(order) < 4 or order[0].parameters.total == order[1].parameters.total:
        return None
    most = order[0]
    total = sum(stage.parameters.total for stage in owners)
    return draft(
        "Which of these layers holds the most parameters?",
        _called(most),
        f"{_called(most)} holds {number(most.parameters.total)} of {number(total)}.",
        [
            (
                _called(each),
                f"It holds {number(each.parameters.total)}; {_called(most)} has {number(most.parameters.total)}.",
            )
            for each in order[1:5]
        ],
        f"stage/{most.name}",
    )


def _called(stage: Stage) -> str:
    return f"{stage.layer} ({stage.name})"


def _convolution(trace: Trace) -> Stage | None:
    """The first convolution, where its sizes are known and its channels come last."""
    stage = first_of(trace, "Conv2D")
    if (
        stage is None
        or stage.config.get("data_format") == "channels_first"
        or "filters" not in stage.config
    ):
        return None
    shapes = (
        (stage.inputs[0].shape, stage.outputs[0].shape) if stage.inputs and stage.outputs else ()
    )
    return (
        stage
        if shapes and all(len(each) == 4 and None not in each[1:] for each in shapes)
        else None
    )


def _lengths(shape: tuple[int | None, ...]) -> tuple[int, ...]:
    return tuple(length or 0 for length in shape)


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
