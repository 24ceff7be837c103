"""Questions about how many parameters a layer has."""

import math
from random import Random

from pipetrace.explain.formatting import counted, number
from pipetrace.explain.layers import kernel, operation
from pipetrace.explain.quiz.generator import (
    Asked,
    about_images,
    about_stage,
    is_biased,
    lengths,
    named,
    size,
)
from pipetrace.trace.document import Stage, Trace


def _each(stage: Stage) -> int:
    """How many weights a filter of a convolution has."""
    return math.prod(kernel(stage)) * lengths(stage.inputs[0])[-1]


def _is_convolution(_: Trace, stage: Stage) -> bool:
    """Whether it has a bias, and its parameters add up."""
    added = (_each(stage) + 1) * lengths(stage.outputs[0])[-1] == stage.parameters.total
    return stage.config.get("groups", 1) == 1 and is_biased(stage) and added


@about_images("easy", "parameters", "Conv2D", fits=_is_convolution)
def convolution_parameters(trace: Trace, stage: Stage, chance: Random) -> Asked:
    """How many parameters does the convolution have?"""
    down, across, filters = lengths(stage.outputs[0])
    each, words = _each(stage), operation(stage)
    window = size(*kernel(stage), lengths(stage.inputs[0])[-1])
    return f"""
Question: How many parameters does a Conv2D layer with {counted(filters, "filter")} of {window}
    have?
Answer: {number(each * filters + filters)}
Why: {words.parameters}: {words.parts}. The same weights are used at every position.
{number(each * filters)}: That is {window} x {filters}; the biases are missing.
{number(each + 1)}: That is one filter with its bias; there are {filters}.
{number((each + 1) * down * across * filters)}: That would be separate weights at every position; a
    convolution uses the same ones everywhere.
{number(each * filters + 1)}: Every filter has a bias of its own; there is not one for all.
"""


@about_images("medium", "parameters", "Conv2D", fits=_is_convolution)
def other_filters(trace: Trace, stage: Stage, chance: Random) -> Asked:
    """How many parameters would the convolution have with other filters?"""
    (high, wide, channels), now = lengths(stage.inputs[0]), lengths(stage.outputs[0])[-1]
    filters = chance.choice([each for each in (4, 10, 12, 20, 24, 40, 48, 96) if each != now])
    side = chance.choice([each for each in (1, 2, 3, 5, 7) if each <= min(high, wide)])
    each = side * side * channels
    right = (each + 1) * filters
    return (
        f"""
Question: {named(stage)} reads {counted(channels, "channel")} and has
    {number(stage.parameters.total)} parameters. How many would it have with filters={filters} and
    kernel_size={side}?
Answer: {number(right)}
Why: {side} x {side} x {channels} weights and a bias for each filter: ({each} + 1) x {filters} =
    {number(right)}.
{number(each * filters)}: The biases are missing.
{number(each * filters + 1)}: Every filter has a bias of its own.
{number((side * side + 1) * filters)}: A filter reads all {channels} input channels.
{number((side * channels + 1) * filters)}: The window is {side} x {side}, not {side}.
{number(stage.parameters.total // now * filters)}: The size of the kernel changes as well.
{number(each + 1)}: That is one filter; there are {filters}.
""",
        {"filters": filters, "kernel_size": side},
    )


@about_images("easy", "parameters", "Conv2D", fits=_is_convolution)
def filter_depth(trace: Trace, stage: Stage, chance: Random) -> Asked:
    """How many numbers does one filter multiply at a position?"""
    channels, filters = lengths(stage.inputs[0])[-1], lengths(stage.outputs[0])[-1]
    (tall, broad), each = kernel(stage), _each(stage)
    return f"""
Question: {named(stage)} has a {tall} x {broad} window; its input has
    {counted(channels, "channel")}. How many products does one filter add up at one position?
Answer: {number(each)}
Why: One for each value in the window: {tall} x {broad} x {channels} = {number(each)}.
{number(tall * broad)}: A filter reads all {channels} channels.
{number(channels)}: A filter reads all {tall} x {broad} positions of its window.
{number(each * filters)}: That is for all {filters} filters.
{number(tall + broad + channels)}: Lines, columns and channels are multiplied, not added.
{number(filters)}: That is the number of filters.
{number(each + 1)}: The bias is added; it is no product.
"""


@about_images("medium", "parameters", "Conv2D", fits=_is_convolution)
def smaller_image(trace: Trace, stage: Stage, chance: Random) -> Asked:
    """How many parameters would the convolution have for another image?"""
    high, wide, channels = lengths(stage.inputs[0])
    times = chance.choice((2, 3, 4))
    total, (down, across, filters) = stage.parameters.total, lengths(stage.outputs[0])
    return (
        f"""
Question: {named(stage)} reads {high} x {wide} x {channels} and has {number(total)} parameters. How
    many would it have for {times * high} x {times * wide} x {channels}?
Answer: {number(total)}
Why: The same kernels slide over every image, so nothing depends on its size.
{number(total * times)}: A kernel is not larger for a larger image.
{number(total * times**2)}: There are {times**2} times as many positions, but one set of weights.
{number((total - filters) * times**2 + filters)}: A kernel is not larger for a larger image.
{number(total * down * across)}: The weights are shared by all positions.
""",
        {"times": times},
    )


@about_images("hard", "parameters", "Conv2D", fits=_is_convolution)
def dense_instead(trace: Trace, stage: Stage, chance: Random) -> Asked:
    """How many parameters would a dense layer need in place of a convolution?"""
    taken, given = (math.prod(lengths(each)) for each in (stage.inputs[0], stage.outputs[0]))
    total = stage.parameters.total
    right = (taken + 1) * given
    return f"""
Question: {named(stage)} makes {number(given)} values of {number(taken)} with {number(total)}
    parameters. How many would a Dense layer need for that?
Answer: {number(right)}
Why: A weight for each pair of input and output, and a bias for each output: ({number(taken)} + 1) x
    {number(given)} = {number(right)}.
{number(taken * given)}: The biases are missing.
{number(taken + given)}: Every output has a weight for every input, so multiply.
{number(total)}: A Dense layer shares no weights.
{number((given + 1) * taken)}: There is one bias for each output, not for each input.
{number(total * given)}: A Dense layer has a weight for each pair of input and output.
"""


REARRANGING = ("MaxPooling1D", "MaxPooling2D", "AveragePooling2D", "Flatten", "Dropout", "Reshape")


@about_stage("easy", "parameters", *REARRANGING)
def without_weights(trace: Trace, stage: Stage, chance: Random) -> Asked:
    """How many parameters has a layer that only rearranges or compares?"""
    taken, given = (math.prod(lengths(each)) for each in (stage.inputs[0], stage.outputs[0]))
    return f"""
Question: {named(stage)} receives {number(taken)} values of a row and gives {number(given)}. How
    many parameters does it have?
Answer: 0
Why: It has nothing to learn; what it does is the same before and after training.
{number(given)}: It gives so many values, but learns none of them.
{number(taken)}: It receives so many values, without weighing them.
{number(taken * given)}: That is a Dense layer without its biases.
{number((taken + 1) * given)}: That is a Dense layer.
"""


def _dense_parameters_fits(trace: Trace, stage: Stage) -> bool:
    width, units = lengths(stage.inputs[0])[-1], lengths(stage.outputs[0])[-1]
    return is_biased(stage) and (width + 1) * units == stage.parameters.total and width > 1


@about_stage("easy", "parameters", "Dense", fits=_dense_parameters_fits)
def dense_parameters(trace: Trace, stage: Stage, chance: Random) -> Asked:
    """How many parameters does a dense layer have, or would it have with other units?"""
    width, now = lengths(stage.inputs[0])[-1], lengths(stage.outputs[0])[-1]
    units = chance.choice((now, *(each for each in (5, 12, 20, 48, 80, 100) if each != now)))
    right = (width + 1) * units
    return (
        f"""
Question: How many parameters does a Dense layer of {counted(units, "unit")} have behind
    {number(width)} values, as {named(stage)} receives them?
Answer: {number(right)}
Why: One weight for each input and unit, {number(width)} x {units} = {number(width * units)}, and
    one bias for each unit: {number(right)}.
{number(width * units)}: The biases are missing, one for each unit.
{number(width * units + 1)}: Every unit has a bias of its own.
{number(width * units + width)}: There is one bias for each unit, not for each input.
{number(width + units)}: Every unit has a weight for every input, so multiply.
{number(width + 1)}: That is one unit with its bias.
""",
        {"units": units},
    )


def _embedding_sizes(stage: Stage) -> tuple[int, int]:
    """How many integers the table has, and how long each vector is."""
    return int(stage.config["input_dim"]), int(stage.config["output_dim"])


def _embedding_parameters_fits(trace: Trace, stage: Stage) -> bool:
    known = {"input_dim", "output_dim"} <= stage.config.keys()
    return known and math.prod(_embedding_sizes(stage)) == stage.parameters.total


@about_stage("easy", "parameters", "Embedding", fits=_embedding_parameters_fits)
def embedding_parameters(trace: Trace, stage: Stage, chance: Random) -> Asked:
    """How many parameters does an embedding have?"""
    (entries, now), steps = _embedding_sizes(stage), lengths(stage.outputs[0])[0]
    width = chance.choice((now, *(each for each in (6, 12, 24, 48, 100) if each != now)))
    return (
        f"""
Question: An Embedding layer like {stage.name} holds a vector of {width} values for each of
    {number(entries)} integers. How many parameters does it have?
Answer: {number(entries * width)}
Why: {number(entries)} x {width} = {number(entries * width)}: a table, one line for each integer.
{number(entries * width + width)}: An embedding has no bias; it only looks vectors up.
{number(entries + width)}: Every integer has its own vector, so multiply.
{number(entries * width + entries)}: There is nothing beside the vectors.
{number(steps * width)}: That is what it gives for a row; the table holds every integer.
""",
        {"width": width},
    )


def _recurrent_sizes(stage: Stage) -> tuple[int, int, int]:
    """Values of a step, units, and how many sets of weights there are."""
    times = 4 if stage.layer == "LSTM" else 1
    return lengths(stage.inputs[0])[-1], int(stage.config["units"]), times


def _recurrent_parameters_fits(trace: Trace, stage: Stage) -> bool:
    width, units, times = _recurrent_sizes(stage)
    return is_biased(stage) and times * units * (width + units + 1) == stage.parameters.total


@about_stage("hard", "parameters", "LSTM", "SimpleRNN", fits=_recurrent_parameters_fits)
def recurrent_parameters(trace: Trace, stage: Stage, chance: Random) -> Asked:
    """How many parameters does a recurrent layer have?"""
    width, now, times = _recurrent_sizes(stage)
    units = chance.choice((now, *(each for each in (6, 10, 20, 24, 48) if each != now)))
    one = units * (width + units + 1)
    sets = "Three gates and the new state each have" if times == 4 else "There are"
    return (
        f"""
Question: How many parameters has a layer of class {stage.layer} with {counted(units, "unit")} that
    reads {counted(width, "value")} at each step, as {stage.name} does?
Answer: {number(times * one)}
Why: {sets} {width} x {units} weights for the inputs, {units} x {units} for the previous output and
    {units} biases: {times} x {number(one)} = {number(times * one)}.
{number(times * units * (width + 1))}: The weights for the previous output are missing.
{number(times * units * (width + units))}: The biases are missing.
{number((5 - times) * one)}: {"That is one gate of four." if times == 4 else "It has no gates."}
{number(3 * one)}: {
            "Beside the three gates, the new state has weights."
            if times == 4
            else "It has no gates."
        }
{number(times * units * (units + 1))}: The weights for the inputs are missing.
""",
        {"units": units},
    )


def _normalization_parameters_fits(trace: Trace, stage: Stage) -> bool:
    return stage.parameters.total == 4 * lengths(stage.outputs[0])[-1]


@about_stage("medium", "parameters", "BatchNormalization", fits=_normalization_parameters_fits)
def normalization_parameters(trace: Trace, stage: Stage, chance: Random) -> Asked:
    """How many of a batch normalization's parameters does training change?"""
    channels = lengths(stage.outputs[0])[-1]
    return f"""
Question: {named(stage)} normalizes {counted(channels, "channel")} and holds
    {number(4 * channels)} numbers. How many of them can the optimizer change?
Answer: {number(2 * channels)}
Why: gamma and beta of each channel; mean and variance are averages of what passed.
{number(4 * channels)}: Mean and variance are not trained; they are averages of what passed.
{number(channels)}: Each channel has gamma and beta.
{number(3 * channels)}: The mean is an average of what passed, as is the variance.
{number(2)}: Each channel has its own gamma and beta.
{number(0)}: gamma and beta are trained.
"""
