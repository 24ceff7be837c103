"""Questions about how one prediction was made."""

import math
from random import Random

import numpy as np

from pipetrace.explain.facts import (
    class_name,
    output_of,
    predicted,
    probabilities,
    row_noun,
    stage_of,
)
from pipetrace.explain.formatting import as_written, counted, figure, number, share
from pipetrace.explain.layers import is_of_keras
from pipetrace.explain.quiz.generator import (
    Asked,
    Draft,
    about_images,
    draft,
    is_biased,
    lengths,
    lines,
    measured,
    named,
    question,
    written,
)
from pipetrace.explain.task import BINARY, NUMBERS, ROW, THRESHOLD, Output, only, shares
from pipetrace.trace.document import Array, Prediction, Stage, Trace

LEGIBLE = 0.001
"""A smaller rest cannot be told from the largest probability as it is written."""


@question("medium", "prediction")
def dense_inputs(trace: Trace, chance: Random) -> Draft | None:
    """How many parameters decide one number of the output?"""
    stage, output = _last(trace), only(trace)
    if stage is None or output is None or stage.layer != "Dense" or not is_of_keras(stage):
        return None
    if len(stage.inputs) != 1 or len(stage.inputs[0].shape) != 2:
        return None
    width, units = lengths(stage.inputs[0])[0], lengths(stage.outputs[0])[0]
    noun = "number" if output.what == NUMBERS else "score"
    bias = is_biased(stage)
    if (width + bias) * units != stage.parameters.total:
        return None
    scores, width = counted(units, noun), chance.choice((width, *range(3, 60)))
    right = width + bias
    forgot = "The bias is missing." if bias else "This layer has no bias."
    return written(
        f"""
Question: {named(stage)} computes {scores}. From {number(width)} inputs, how many parameters go into
    {"one" if units > 1 else "that"} {noun}?
Answer: {number(right)}
Why: One weight for each of the {number(width)} inputs{" and one bias" * bias}: {number(right)}.
{number(right * units)}: That is for all {scores} together.
{number(units)}: That is the number of {noun}s.
{number(width if bias else width + 1)}: {forgot}
{number(1 + bias)}: That would be enough for one input only; there are {number(width)}.
{number(max(2, width // units))}: Every {noun} depends on all inputs; they are not divided.
""",
        f"prediction/{stage.name}",
        inputs=width,
    )


@about_images("hard", "prediction", "Flatten", place="prediction")
def channel_of_value(trace: Trace, stage: Stage, chance: Random) -> Asked | None:
    """Which filter does a value of the flat vector come from?"""
    high, wide, channels = lengths(stage.inputs[0])
    made = chance.choice(trace.predictions) if trace.predictions else None
    values = made.outputs.get(stage.name) if made else None
    if made is None or values is None or values.shape != (high * wide * channels,):
        return None
    found = [int(each) for each in np.flatnonzero(values)]
    if not found:
        return None
    index = chance.choice(found)
    row, rest = divmod(index, wide * channels)
    column, channel = divmod(rest, channels)
    wrong = (
        (index // (high * wide), "That assumes that the maps are listed one after another."),
        (column, "That is the column; the channel changes fastest."),
        (row, "That is the row; the channel changes fastest."),
        (index % wide, "That is the remainder by the width; the channel changes fastest."),
        (channel + 1, "That counts filters from 1; here the first is filter 0."),
        (channel - 1, "Positions are counted from 0 as well; nothing is taken off."),
    )
    # A filter that does not exist would give itself away.
    options = [(f"Filter {each}", said) for each, said in wrong if 0 <= each < channels]
    return (
        f"""
Question: In the prediction of row {number(made.row)} the flat vector has {figure(values[index])} at
    index {number(index)} (counted from 0). The feature maps were {high} x {wide} x {channels}.
    Which filter does it come from?
Answer: Filter {channel}
Why: The channels come last and change fastest: {number(index)} = ({row} x {wide} + {column}) x
    {channels} + {channel}, so it is filter {channel} at line {row}, column {column}.
{lines(options)}
""",
        {"index": index, "row": made.row},
    )


@question("easy", "prediction")
def second_choice(trace: Trace, chance: Random) -> Draft | None:
    """Which class came second?"""
    made, values, last = _made(trace, chance)
    if made is None or values is None or len(values) < 5 or last is None:
        return None
    names = [class_name(trace, index) for index in range(len(values))]
    order = [int(index) for index in np.argsort(-values, kind="stable")]
    first, second, third = order[:3]
    # In a tie, none of them came second.
    if values[first] == values[second] or values[second] == values[third]:
        return None
    unseen = "unseen " if made.validation else ""
    rightly = ", which is correct" if made.label == first else ""
    what = f"{unseen}{row_noun(trace)} {number(made.row)} as {names[first]}{rightly}"
    parts = [share(float(value)) for value in values]
    return draft(
        f"The model classifies {what}. Which class came second?",
        _beginning(names[second]),
        f"{_beginning(names[first])} got {parts[first]}, {names[second]} {parts[second]}; all "
        f"{len(values)} add up to 100 %.",
        [
            (
                _beginning(names[each]),
                f"{_beginning(names[each])} got {parts[each]}, less than {names[second]}.",
            )
            for each in order[2:5]
        ],
        f"prediction/{last.name}",
        row=made.row,
    )


@question("easy", "prediction")
def rest_of_probability(trace: Trace, chance: Random) -> Draft | None:
    """How much probability do the other classes get?"""
    (made, values, last), output = _made(trace, chance), only(trace)
    if made is None or values is None or len(values) < 3 or last is None or output is None:
        return None
    winner, others = predicted(values), len(values) - 1
    top = float(values[winner])
    rest = 1 - top
    if output.scale == "scores" or rest < LEGIBLE:
        return None
    wrong = [
        (rest / others, "That is the mean of the others, not their sum."),
        (float(np.sort(values)[-2]), "That is the second class alone."),
        (1 / len(values), "That would be each class in equal shares."),
        (others / len(values), "That would be the others in equal shares."),
    ]
    given = f"row {number(made.row)} {share(top)} for {class_name(trace, winner)}"
    return draft(
        f"The model gives {given}. How much do the other {others} classes get together?",
        share(rest),
        f"All {len(values)} probabilities add up to 100 %; {share(rest)} is left.",
        measured(wrong, rest, share),
        f"prediction/{last.name}",
        row=made.row,
    )


@question("medium", "prediction")
def loss_of_row(trace: Trace, chance: Random) -> Draft | None:
    """What does one row add to the cross-entropy?"""
    (made, values, last), output = _made(trace, chance), only(trace)
    if made is None or values is None or last is None or output is None:
        return None
    if made.label is None or not 0 <= made.label < len(values):
        return None
    part = float(values[made.label])
    if not LEGIBLE < part < 1 - LEGIBLE or "crossentropy" not in (output.loss or ""):
        return None
    part = as_written(part)
    right = -math.log(part)
    wrong = [
        (1 - part, "That is the share that the other classes got."),
        (part, "That is the probability; the loss is minus its logarithm."),
        (-math.log10(part), "That is the logarithm to base 10."),
        (-math.log2(part), "That is the logarithm to base 2."),
        (-math.log(1 - part), "The probability of the true class counts."),
        ((1 - part) ** 2, "That is a squared error."),
    ]
    return written(
        f"""
Question: For row {number(made.row)} the model gives the true class {share(part)}. What is the
    cross-entropy of this row alone?
Answer: {figure(right)}
Why: It is minus the natural logarithm of that probability: -ln {figure(part)} = {figure(right)}.
{lines(measured(wrong, right))}
""",
        f"prediction/{last.name}",
        row=made.row,
    )


@question("hard", "prediction")
def odds_of_two(trace: Trace, chance: Random) -> Draft | None:
    """What do two logits say about two probabilities?"""
    made, values, last = _made(trace, chance)
    if made is None or values is None or len(values) < 3 or last is None:
        return None
    one, two = (int(each) for each in np.argsort(-values, kind="stable")[:2])
    if not values[two] > 1e-6:
        return None
    ratio = as_written(float(values[one] / values[two]))
    right = math.log(ratio)
    if right < 0.1:
        return None
    first, second = class_name(trace, one), class_name(trace, two)
    wrong = [
        (ratio, "That is the ratio of the probabilities; its logarithm is asked."),
        (float(values[one] - values[two]), "Softmax takes powers of e, so logarithms count."),
        (math.log10(ratio), "Softmax takes powers of e, not of 10."),
        (math.log2(ratio), "Softmax takes powers of e, not of 2."),
        (-right, f"{_beginning(first)} has the larger logit."),
        (1 / ratio, "That is the ratio turned round."),
    ]
    return written(
        f"""
Question: Softmax gives {first} {share(float(values[one]))} and {second}
    {share(float(values[two]))} in the prediction of row {number(made.row)}. By how much is the
    logit of {first} larger?
Answer: {figure(right)}
Why: The ratio of two probabilities is e to the difference of their logits: ln({figure(ratio)}) =
    {figure(right)}.
{lines(measured(wrong, right))}
""",
        f"prediction/{last.name}",
        row=made.row,
    )


@question("easy", "prediction")
def yes_or_no(trace: Trace, chance: Random) -> Draft | None:
    """What does a single unit with a sigmoid say?"""
    output, last = only(trace), _last(trace)
    if output is None or last is None or output.what != BINARY or output.layout != ROW:
        return None
    made = chance.choice(trace.predictions)
    part = _single(made, output)
    if part is None:
        return None
    no, yes = class_name(trace, 0), class_name(trace, 1)
    said, other = (yes, no) if part > THRESHOLD else (no, yes)
    larger, smaller = share(max(part, 1 - part)), share(min(part, 1 - part))
    if larger == smaller:
        return None
    above = "above" if part > THRESHOLD else "below"
    return draft(
        f"For row {number(made.row)}, the model's single unit gives a probability of "
        f"{share(part)}. Which class does the model predict, and with which probability?",
        f"{_beginning(said)}, {larger}",
        f"The unit gives the probability of {yes}; the rest, {share(1 - part)}, is that of "
        f"{no}. {share(part)} is {above} 50 %.",
        [
            (f"{_beginning(other)}, {larger}", f"The unit stands for {yes}, not for {no}."),
            (
                f"{_beginning(other)}, {smaller}",
                "The class with the larger probability is predicted.",
            ),
            (f"{_beginning(said)}, {smaller}", "That is the probability of the other class."),
        ],
        f"prediction/{last.name}",
        row=made.row,
    )


@question("easy", "prediction")
def residual(trace: Trace, chance: Random) -> Draft | None:
    """How far off is a prediction of a number?"""
    output, last = only(trace), _last(trace)
    if output is None or last is None or output.what != NUMBERS:
        return None
    found = [
        (made.row, float(values.reshape(-1)[0]), float(made.targets[0].reshape(-1)[0]))
        for made in trace.predictions
        if (values := output_of(made, output)) is not None
        and values.size == 1
        and made.targets
        and made.targets[0].size == 1
    ]
    found = [each for each in found if np.isfinite(each[1:]).all() and each[1] != each[2]]
    if not found:
        return None
    row, *both = chance.choice(found)
    given, wanted = map(as_written, both)
    right = (given - wanted) ** 2
    wrong = [
        (abs(given - wanted), "That is the absolute error; it is squared."),
        (given**2 - wanted**2, "The difference is squared, not each of both."),
        (2 * abs(given - wanted), "Squaring is not doubling."),
        (math.sqrt(abs(given - wanted)), "That is the square root; the error is squared."),
        ((given + wanted) ** 2, "The difference counts."),
        (right / 2, "The square is taken as it is."),
    ]
    return written(
        f"""
Question: For row {number(row)} the model gives {figure(given)}; {figure(wanted)} is true. What is
    the squared error?
Answer: {figure(right)}
Why: ({figure(given)} - {figure(wanted)}) squared is {figure(right)}.
{lines(measured(wrong, right))}
""",
        f"prediction/{last.name}",
        row=row,
    )


def _made(
    trace: Trace, chance: Random
) -> tuple[Prediction, Array, Stage] | tuple[None, None, None]:
    """A prediction with its class probabilities, and the stage that gave them."""
    last = _last(trace)
    found = [
        (made, values)
        for made in trace.predictions
        if (values := probabilities(trace, made)) is not None
    ]
    if not found or last is None:
        return None, None, None
    return *chance.choice(found), last


def _single(made: Prediction, output: Output) -> float | None:
    values = output_of(made, output)
    chosen = None if values is None else shares(output, values.reshape(-1))
    return float(chosen[0]) if chosen is not None and len(chosen) == 1 else None


def _last(trace: Trace) -> Stage | None:
    """The stage that gives the model's one output, where the predictions hold it."""
    output = only(trace)
    if output is None or not trace.predictions or output.stage not in trace.predictions[0].outputs:
        return None
    return stage_of(trace, output.stage)


def _beginning(name: str) -> str:
    """A class at the beginning of a sentence: ``Class 3``, and ``'cat'`` as it is."""
    return name if name.startswith("'") else name.capitalize()
