"""Questions about the shapes of what stages give."""

import math
from random import Random

from pipetrace.explain.facts import before, layer_stages
from pipetrace.explain.formatting import counted, number
from pipetrace.explain.quiz.generator import (
    Asked,
    Draft,
    about_images,
    about_stage,
    draft,
    lengths,
    named,
    question,
    size,
)
from pipetrace.trace.document import Stage, Trace

BATCHES = (8, 12, 16, 20, 24, 40, 48, 64, 96, 100)


@about_stage("easy", "shapes")
def batch_shape(trace: Trace, stage: Stage, chance: Random) -> Asked:
    """What shape does a stage give for a batch?"""
    own, got = lengths(stage.outputs[0]), lengths(stage.inputs[0])
    batch = chance.choice(BATCHES)
    return (
        f"""
Question: A batch of {batch} rows passes the model. What is the shape of what {named(stage)}
    gives?
Answer: {size(batch, *own)}
Why: The rows come first, then what the layer gives for each row: {size(batch, *own)}.
{size(*own)}: That is one row; the {batch} rows are the first axis.
{size(batch, *got)}: That is what the layer receives.
{size(*own, batch)}: The rows are the first axis, not the last one.
{size(1, *own)}: That is a batch of one row; here {batch} pass together.
{size(batch, math.prod(own))}: The layer keeps these axes apart.
{size(batch, batch, *own)}: The rows are one axis.
""",
        {"batch": batch},
    )


@about_stage("easy", "shapes")
def rows_axis(trace: Trace, stage: Stage, chance: Random) -> Asked:
    """What does None in a shape stand for?"""
    own = lengths(stage.outputs[0])
    return f"""
Question: Keras prints the output shape of {named(stage)} as {(None, *own)}. What is None?
Answer: The rows of a batch, however many pass at once
Why: Each row gives {size(*own)}; how many rows pass together is decided when data comes.
Weights that are not known before the training starts: A shape says nothing of weights.
Values that are missing in the data, such as NaN: A missing value has its place too.
The epochs, of which none has run yet: Epochs repeat the same shapes; they are no axis.
An axis that the layer drops from its input: Then it would not be printed.
"""


@about_stage("easy", "shapes", of=lambda stage: len(stage.outputs[0].shape) > 2)
def values_of_row(trace: Trace, stage: Stage, chance: Random) -> Asked:
    """How many values does a row have at a stage?"""
    own = lengths(stage.outputs[0])
    right = math.prod(own)
    return f"""
Question: {named(stage)} gives {size(*own)} for each row. How many values are that?
Answer: {number(right)}
Why: {size(*own)} = {number(right)}.
{number(sum(own))}: The lengths are multiplied, not added.
{number(right // own[-1])}: The last axis counts too, {own[-1]} values at each position.
{number(right // own[0])}: The first axis counts too, {own[0]} lines or steps.
{number(2 * right)}: Each value is counted once.
{number(own[0] ** len(own))}: Its axes are not all {own[0]} long.
"""


@question("easy", "shapes")
def next_stage(trace: Trace, chance: Random) -> Draft | None:
    """Which stage receives what another one gives?"""
    stages = [each for each in layer_stages(trace) if each.inputs and each.outputs]
    users = {
        each.name: [other for other in stages if before(trace, other) is each] for each in stages
    }
    found = [each for each in stages if len(users[each.name]) == 1]
    if len(stages) < 5 or not found:
        return None
    stage = chance.choice(found)
    [user] = users[stage.name]
    others = [each for each in stages if each is not user]
    chance.shuffle(others)
    return draft(
        f"Which layer receives what {named(stage)} gives?",
        named(user),
        f"{named(user)} comes next in the data flow.",
        [
            (named(each), f"{each.name} does not take its input from {stage.name}.")
            for each in others[:5]
        ],
        f"stage/{stage.name}",
        stage=stage.name,
    )


@about_images("easy", "shapes", "Flatten")
def flatten_length(trace: Trace, stage: Stage, chance: Random) -> Asked:
    """How long is the flattened vector?"""
    high, wide, channels = lengths(stage.inputs[0])
    return f"""
Question: Feature maps of {high} x {wide} x {channels} are flattened. How long is the vector?
Answer: {number(high * wide * channels)}
Why: {high} x {wide} x {channels} = {number(high * wide * channels)}: every value is kept, only the
    shape changes.
{number(high * wide)}: That is one channel; all {channels} are included.
{number(wide * channels)}: That is one row of the feature maps; there are {high}.
{number(high + wide + channels)}: The lengths are multiplied, not added.
{number((high // 2) * (wide // 2) * channels)}: So it would be after one more 2 x 2 pooling.
"""


@about_images("hard", "shapes", "Flatten")
def flatten_index(trace: Trace, stage: Stage, chance: Random) -> Asked | None:
    """Which index does a value of a feature map get when it is flattened?"""
    high, wide, channels = lengths(stage.inputs[0])
    if min(high, wide, channels) < 2:
        return None
    row, column, channel = (chance.randrange(1, each) for each in (high, wide, channels))
    right = (row * wide + column) * channels + channel
    return (
        f"""
Question: Feature maps of {high} x {wide} x {channels} are flattened. Which index has the value in
    line {row}, column {column}, channel {channel} (all counted from 0)?
Answer: {number(right)}
Why: The channels change fastest: ({row} x {wide} + {column}) x {channels} + {channel} =
    {number(right)}.
{number((channel * high + row) * wide + column)}: That lists one whole map after another.
{number((column * high + row) * channels + channel)}: That lists column after column.
{number(row * wide + column)}: Each position has one value for each channel.
{number(right + 1)}: Indices are counted from 0.
{number(row + column + channel)}: The places are not just added.
""",
        {"place": (row, column, channel)},
    )


@about_images("easy", "shapes", "GlobalAveragePooling2D", "GlobalMaxPooling2D")
def global_pooling(trace: Trace, stage: Stage, chance: Random) -> Asked:
    """How many values does a global pooling give?"""
    high, wide, channels = lengths(stage.inputs[0])
    return f"""
Question: {named(stage)} receives {high} x {wide} x {channels}. How many values does it give for a
    row?
Answer: {number(channels)}
Why: One value for each of {channels} channels, from all {high} x {wide} positions.
{number(high * wide)}: Each map becomes one value.
{number(high * wide * channels)}: Flatten would keep every value; here each map becomes one.
{number(high)}: That is the height; each map becomes one value.
{number(high + wide)}: Positions are summed up or compared, not listed.
{number(2 * channels)}: Each map becomes one value.
"""


def _joins_two(stage: Stage) -> bool:
    last = stage.config.get("axis", -1) in (-1, len(stage.outputs[0].shape) - 1)
    return last and len(stage.inputs) == 2


@about_stage("medium", "shapes", "Concatenate", of=_joins_two)
def joined(trace: Trace, stage: Stage, chance: Random) -> Asked:
    """What shape does a concatenation give?"""
    one, two = (lengths(each) for each in stage.inputs)
    a, b = one[-1], two[-1]
    return f"""
Question: {named(stage)} joins {size(*one)} and {size(*two)}. What does it give?
Answer: {size(*one[:-1], a + b)}
Why: The last axis becomes {a} + {b} = {a + b}; the others stay.
{size(*one[:-1], max(a, b))}: Both are kept, one behind the other; Add would keep the shape.
{size(*one[:-1], a * b)}: They stand behind each other, so the lengths are added.
{size(2, *one)}: No axis is added; they are joined along the last one.
{size(*one[:-1], abs(a - b))}: Both are kept whole.
{size(2 * one[0], *one[1:], 1)}: They are joined along the last axis.
"""


def _takes_steps(stage: Stage) -> bool:
    """Whether a stage receives several values at each of several steps."""
    return len(stage.inputs[0].shape) == 3


@about_stage("medium", "shapes", "LSTM", "GRU", "SimpleRNN", of=_takes_steps)
def last_step_only(trace: Trace, stage: Stage, chance: Random) -> Asked:
    """What shape does a recurrent layer give with or without its sequence?"""
    (steps, width), units = lengths(stage.inputs[0]), int(stage.config["units"])
    whole = chance.random() < 0.5
    right, other = (f"{steps} x {units}", f"{units}")[:: 1 if whole else -1]
    return (
        f"""
Question: {named(stage)} reads {steps} steps of {counted(width, "value")} with {units} units. What
    does it give for a row with return_sequences={whole}?
Answer: {right}
Why: Each step gives {units} values; {"all steps" if whole else "those of the last step"} are kept.
{other}: That is with return_sequences={not whole}.
{steps} x {width}: That is what the layer receives.
{units} x {steps}: The steps come first, then the units.
{steps}: Each step gives {units} values.
{steps * units}: Steps and units stay two axes.
""",
        {"whole": whole},
    )


def _attends_to_itself(stage: Stage) -> bool:
    own = {each.source for each in stage.inputs if each.dtype != "bool"}
    return _takes_steps(stage) and len(own) == 1 and "num_heads" in stage.config


@about_stage("hard", "shapes", "MultiHeadAttention", of=_attends_to_itself)
def attention_scores(trace: Trace, stage: Stage, chance: Random) -> Asked:
    """How many scores does an attention compute?"""
    (steps, width), heads = lengths(stage.inputs[0]), int(stage.config["num_heads"])
    right = heads * steps * steps
    return f"""
Question: {named(stage)} has {counted(heads, "head")} and reads {steps} steps of {width} values. How
    many attention scores does it compute for a row?
Answer: {number(right)}
Why: Each head scores every step against every step: {heads} x {steps} x {steps} = {number(right)}.
{number(steps * steps)}: That is one head.
{number(heads * steps)}: Every step looks at every step, so both count.
{number(steps * width)}: Scores are between steps; the values of a step are summed over.
{number(heads * width * width)}: Scores are between steps, not between values.
{number(heads * steps * (steps - 1))}: A step looks at itself as well.
"""
