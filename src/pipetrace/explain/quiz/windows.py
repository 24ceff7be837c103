"""Questions about the windows of convolutions and poolings, and the shapes they give."""

from random import Random

from pipetrace.explain.facts import before
from pipetrace.explain.formatting import counted, number
from pipetrace.explain.layers import kernel, operation, strides
from pipetrace.explain.quiz.generator import (
    Asked,
    about_images,
    lengths,
    named,
    size,
    takes_images,
)
from pipetrace.trace.document import Stage, Trace

POOLINGS = ("MaxPooling2D", "AveragePooling2D")


def steps_by_one(_: Trace, stage: Stage) -> bool:
    """Whether it is a convolution without gaps that moves by one position."""
    return strides(stage) == (1, 1) and "filters" in stage.config and undilated(stage)


def _is_convolution(trace: Trace, stage: Stage) -> bool:
    """Whether it has no padding either."""
    return stage.config.get("padding") == "valid" and steps_by_one(trace, stage)


@about_images("easy", "shapes", "Conv2D", fits=_is_convolution)
def convolution_shape(trace: Trace, stage: Stage, chance: Random) -> Asked:
    """Which shape does the convolution give?"""
    high, wide, channels = lengths(stage.inputs[0])
    down, across, filters = lengths(stage.outputs[0])
    window, what = size(*kernel(stage)), "An image" if channels in (1, 3) else "An input"
    return f"""
Question: {what} of {high} x {wide} x {channels} goes into a Conv2D layer with
    {counted(filters, "filter")} of {window}, stride 1 and no padding. What is the output shape?
Answer: {down} x {across} x {filters}
Why: {operation(stage).shape}
{high} x {wide} x {filters}: The width stays {wide} only with padding; here there is none.
{down} x {across} x {channels}: Each filter gives one channel; the input channels are summed.
{filters} x {down} x {across}: Keras puts the channels last: height, width, channels.
{down - 1} x {across - 1} x {filters}: A {window} window fits at one position more than that.
{down // 2} x {across // 2} x {filters}: That is half of it; stride 1 halves nothing.
"""


@about_images("easy", "shapes", "Conv2D", fits=steps_by_one)
def other_padding(trace: Trace, stage: Stage, chance: Random) -> Asked | None:
    """Which shape would the convolution give with the other padding?"""
    high, wide, channels = lengths(stage.inputs[0])
    filters, (tall, broad), now = stage.config["filters"], kernel(stage), stage.config["padding"]
    bare, padded = (high - tall + 1, wide - broad + 1), (high, wide)
    if now == "valid":
        then, right, why = "same", padded, "Zeros around the input centre it on each position"
    else:
        then, right, why = "valid", bare, f"{high} - {tall} + 1 = {bare[0]} positions down fit"
    if bare == padded or min(bare) < 1:
        return None
    return (
        f"""
Question: {named(stage)} slides a {tall} x {broad} window over {size(high, wide, channels)}. What
    would its output shape be with padding="{then}"?
Answer: {size(*right, filters)}
Why: {why}, and {wide} columns give {right[1]}.
{size(*(bare if right is padded else padded), filters)}: So it is with padding="{now}".
{size(high + tall - 1, wide + broad - 1, filters)}: That is the padded input.
{size(*right, channels)}: Each filter gives one channel; the input channels are summed.
{size(filters, *right)}: Keras puts the channels last: height, width, channels.
{size(right[0] // 2, right[1] // 2, filters)}: A stride of 1 halves nothing.
""",
        {"padding": then},
    )


@about_images("medium", "shapes", "Conv2D", fits=_is_convolution)
def strided_shape(trace: Trace, stage: Stage, chance: Random) -> Asked | None:
    """Which shape would the convolution give with a larger stride?"""
    high, wide, channels = lengths(stage.inputs[0])
    down, across, filters = lengths(stage.outputs[0])
    (tall, broad), step = kernel(stage), chance.choice((2, 2, 3, 4))
    lines, columns = (high - tall) // step + 1, (wide - broad) // step + 1
    if min(lines, columns) < 2:
        return None
    return (
        f"""
Question: {named(stage)} slides a {tall} x {broad} window over {high} x {wide} x {channels}, one
    position at a time. What would its output shape be with strides={step}?
Answer: {lines} x {columns} x {filters}
Why: ({high} - {tall}) / {step} rounded down, and the first position: {lines} down, {columns}
    across; one channel for each filter.
{down} x {across} x {filters}: That is what stride 1 gives.
{high // step} x {wide // step} x {filters}: That divides the input; the window must fit as well.
{lines - 1} x {columns - 1} x {filters}: The first position counts as well.
{down} x {across} x {filters // step}: A stride leaves out positions, not filters.
{lines} x {columns} x {channels}: Each filter gives one channel; the input channels are summed.
""",
        {"strides": step},
    )


@about_images("medium", "shapes", "Conv2D", fits=_is_convolution)
def other_kernel(trace: Trace, stage: Stage, chance: Random) -> Asked | None:
    """Which shape would the convolution give with another kernel?"""
    high, wide, channels = lengths(stage.inputs[0])
    down, across, filters = lengths(stage.outputs[0])
    side = chance.choice([each for each in range(2, 8) if each not in kernel(stage)])
    if side + 2 > min(high, wide):
        return None
    lines, columns = high - side + 1, wide - side + 1
    return (
        f"""
Question: {named(stage)} has {counted(filters, "filter")} and no padding; its input is {high} x
    {wide} x {channels}. What would its output shape be with kernel_size={side}?
Answer: {lines} x {columns} x {filters}
Why: {high} - {side} + 1 = {lines} positions down and {wide} - {side} + 1 = {columns} across.
{down} x {across} x {filters}: That is what {size(*kernel(stage))} gives.
{lines - 1} x {columns - 1} x {filters}: The first position counts as well.
{high} x {wide} x {filters}: Without padding the window does not fit everywhere.
{lines} x {columns} x {filters * side}: The size of a filter does not change how many there are.
{down - side + 1} x {across - side + 1} x {filters}: The window slides over the input.
""",
        {"kernel_size": side},
    )


@about_images("medium", "shapes", "Conv2D")
def positions(trace: Trace, stage: Stage, chance: Random) -> Asked:
    """At how many positions does a filter compute a value?"""
    (high, wide, _), (tall, broad) = lengths(stage.inputs[0]), kernel(stage)
    down, across, filters = lengths(stage.outputs[0])
    return f"""
Question: {named(stage)} slides each of its filters over {high} x {wide} positions. At how many of
    them does one filter compute a value?
Answer: {number(down * across)}
Why: One filter gives {down} x {across} = {number(down * across)} values.
{number(high * wide)}: Those are the positions of the input.
{number(filters)}: That is the number of filters.
{number(down * across * filters)}: That is for all {filters} filters together.
{number(tall * broad)}: So many values the window covers at one position.
{number(down + across)}: Every line is combined with every column, so multiply.
{number((high // tall) * (wide // broad))}: The windows overlap.
"""


@about_images("easy", "shapes", *POOLINGS)
def pooling_shape(trace: Trace, stage: Stage, chance: Random) -> Asked | None:
    """Which shape does a pooling give for a window?"""
    (high, wide, channels), side = lengths(stage.inputs[0]), chance.choice((2, 3, 4))
    lines, columns = high // side, wide // side
    if min(lines, columns) < 2:
        return None
    is_cut = high % side or wide % side
    more = (
        "A block that does not fit is left out."
        if is_cut
        else f"{lines} blocks of {side} lines hold all {high} lines."
    )
    return (
        f"""
Question: Feature maps of {high} x {wide} x {channels} go into a {stage.layer} with
    pool_size={side} and no padding. What comes out?
Answer: {lines} x {columns} x {channels}
Why: One value for each block of {side} x {side}, so both lengths are divided by {side} and rounded
    down; the channels stay.
{high - side + 1} x {wide - side + 1} x {channels}: A pooling moves by its window, not by 1.
{lines} x {columns} x {channels // side}: A pooling keeps all channels.
{lines + 1} x {columns + 1} x {channels}: {more}
{high} x {wide} x {channels}: One value of each block is kept.
{lines // side} x {columns // side} x {channels}: Each direction is divided by {side} once.
""",
        {"pool_size": side},
    )


def _window_lines_fits(trace: Trace, stage: Stage) -> bool:
    plain = stage.config.get("padding") == "valid" and kernel(stage)[0] > 1
    large = lengths(stage.outputs[0])[0] > 3
    return plain and large and undilated(stage)


@about_images("medium", "shapes", "Conv2D", *POOLINGS, fits=_window_lines_fits)
def window_lines(trace: Trace, stage: Stage, chance: Random) -> Asked:
    """Which lines of the input does one value of a convolution or a pooling see?"""
    (tall, _), (step, _) = kernel(stage), strides(stage)
    line = chance.randrange(2, lengths(stage.outputs[0])[0])
    first, last, middle = line * step, line * step + tall - 1, line * step - tall // 2
    return (
        f"""
Question: Which lines of its input does {named(stage)} read for line {line} of its output (counted
    from 0)?
Answer: Lines {first} to {last}
Why: The window moves by {step} and covers {tall} lines: {line} x {step} = {first} is the first one.
Lines {line * tall} to {line * tall + tall - 1}: The window moves by {step}, not by {tall}.
Lines {line} to {line + tall - 1}: The window moves by {step}, not by 1.
Lines {middle} to {middle + tall - 1}: Without padding the window begins there; nothing is centred.
Lines {first} to {last + 1}: The window covers {tall} lines, the first one included.
Lines {first + 1} to {last + 1}: Lines are counted from 0.
""",
        {"line": line},
    )


def _receptive_field_fits(trace: Trace, stage: Stage) -> bool:
    first = before(trace, stage)
    if first is None or first.layer not in ("Conv2D", *POOLINGS) or not takes_images(first):
        return False
    return _is_square(first) and _is_square(stage)


@about_images("hard", "shapes", "Conv2D", *POOLINGS, fits=_receptive_field_fits)
def receptive_field(trace: Trace, stage: Stage, chance: Random) -> Asked | None:
    """How much of the input does one value see through two layers?"""
    first = before(trace, stage)
    if first is None:
        return None
    side, more, step = kernel(first)[0], kernel(stage)[0], strides(first)[0]
    right = side + (more - 1) * step
    return f"""
Question: {named(first)} has a window of {side} x {side}, and {named(stage)} one of {more} x {more}
    on its output. How large is the part of the input of {first.name} that one value of
    {stage.name} depends on?
Answer: {right} x {right}
Why: {more} windows of {side}, each {step} further on: {side} + {more - 1} x {step} = {right}.
{more} x {more}: That is the window on the output of {first.name}, not on its input.
{side} x {side}: That is what one value of {first.name} depends on.
{side + more} x {side + more}: The windows overlap, or lie {step} apart; sizes are not added.
{side * more} x {side * more}: Windows that move by {step} are no blocks side by side.
{right + 1} x {right + 1}: The first window counts in full, each further one adds {step}.
{right - 1} x {right - 1}: The first window counts in full, each further one adds {step}.
"""


def undilated(stage: Stage) -> bool:
    """Whether a window has no gaps."""
    rate = stage.config.get("dilation_rate", 1)
    return all(each == 1 for each in (rate if isinstance(rate, list | tuple) else [rate]))


def _is_square(stage: Stage) -> bool:
    """Whether a window and its steps are alike in both directions."""
    return len({*kernel(stage)}) == len({*strides(stage)}) == 1 and undilated(stage)
