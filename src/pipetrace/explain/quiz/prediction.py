"""Questions about how one prediction was made."""

import numpy as np

from pipetrace.explain.facts import (
    class_name,
    first_of,
    output_of,
    predicted,
    probabilities,
    row_noun,
)
from pipetrace.explain.formatting import counted, figure, number, share
from pipetrace.explain.layers import is_of_keras
from pipetrace.explain.quiz.draft import Draft, draft, written
from pipetrace.explain.task import BINARY, CLASSES, ROW, THRESHOLD, only, shares
from pipetrace.trace.document import Stage, Trace

LEGIBLE = 0.001
"""A smaller rest cannot be told from the largest probability as it is written."""
MARGIN = 0.05
"""Answers that differ by less, relative to the right one, differ by rounding alone."""


def dense_inputs(trace: Trace) -> Draft | None:
    """How many numbers decide one class score?"""
    stage, output = _last(trace), only(trace)
    if stage is None or output is None or stage.layer != "Dense" or not is_of_keras(stage):
        return None
    if len(stage.inputs) != 1 or len(stage.inputs[0].shape) != 2 or not trace.predictions:
        return None
    noun = "score" if output.what == CLASSES else "number"
    width, units = int(stage.inputs[0].shape[-1] or 0), int(stage.config["units"])
    bias = bool(stage.config.get("use_bias", True))
    right, scores = width + bias, counted(units, noun)
    if right * units != stage.parameters.total:
        return None
    said = f"Every {noun} depends on all inputs; they are not divided among the {noun}s."
    together = f" All {scores} together take {number(right * units)}." if units > 1 else ""
    forgot = "The bias is missing." if bias else "This layer has no bias."
    return written(
        f"""
Question: The Dense layer computes {scores} from {number(width)} inputs. How many parameters go into
    {"one" if units > 1 else "that"} {noun}?
Answer: {number(right)}
Why: One weight for each of the {number(width)} inputs{" and one bias" * bias}:
    {number(right)}.{together}
{number(right * units)}: That is for all {scores} together.
{number(units)}: That is the number of {noun}s.
{number(width if bias else width + 1)}: {forgot}
{number(1 + bias)}: That would be enough for one input only; there are {number(width)}.
""",
        f"prediction/{stage.name}",
        [(number(width // units), said)] if width >= units else (),
    )


def channel_of_value(trace: Trace) -> Draft | None:
    """Which filter does a value of the flat vector come from?"""
    stage = first_of(trace, "Flatten")
    if stage is None or not trace.predictions or first_of(trace, "Conv2D") is None:
        return None
    lengths = stage.inputs[0].shape[1:]
    if len(lengths) != 3 or None in lengths or stage.config.get("data_format") == "channels_first":
        return None
    high, wide, channels = (int(length or 0) for length in lengths)
    values = trace.predictions[0].outputs.get(stage.name)
    if values is None or values.shape != (high * wide * channels,) or not np.isfinite(values).all():
        return None
    index = int(np.argmax(values))
    if (values == values[index]).sum() > 1:
        return None
    row, rest = divmod(index, wide * channels)
    column, channel = divmod(rest, channels)
    wrong = (
        (
            index // (high * wide),
            "That assumes that the maps are listed one whole map after another.",
        ),
        (column, "That is the column; the channel changes fastest."),
        (row, "That is the row; the channel changes fastest."),
        (index % wide, "That is the remainder by the width; the channel changes fastest."),
        (channel + 1, "That counts filters from 1; here the first is filter 0."),
        (channel - 1, "Positions are counted from 0 as well, so there is nothing to subtract."),
    )
    return written(
        f"""
Question: The largest value of the flat vector in this prediction, {figure(values[index])}, has the
    index {number(index)} (counted from 0). The feature maps were {high} x {wide} x {channels}.
    Which filter does it come from?
Answer: Filter {channel}
Why: The channels come last and change fastest: {number(index)} = ({row} x {wide} + {column}) x
    {channels} + {channel}, so it is filter {channel} at line {row}, column {column}.
""",
        f"prediction/{stage.name}",
        # A filter that does not exist would give itself away.
        [(f"Filter {each}", said) for each, said in wrong if 0 <= each < channels],
    )


def second_choice(trace: Trace) -> Draft | None:
    """Which class came second?"""
    values, last = _probabilities(trace), _last(trace)
    if values is None or len(values) < 5 or last is None:
        return None
    names = [class_name(trace, index) for index in range(len(values))]
    order = [int(index) for index in np.argsort(-values, kind="stable")]
    first, second, third = order[:3]
    # In a tie, none of them came second.
    if values[first] == values[second] or values[second] == values[third]:
        return None
    made = trace.predictions[0]
    unseen = "unseen " if made.validation else ""
    rightly = ", which is correct" if made.label == first else ""
    parts = [share(float(value)) for value in values]
    what = f"{unseen}{row_noun(trace)} as {names[first]}{rightly}"
    return draft(
        f"The model classifies this {what}. Which class came second?",
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
    )


def rest_of_probability(trace: Trace) -> Draft | None:
    """How much probability do the other classes get?"""
    values, last, output = _probabilities(trace), _last(trace), only(trace)
    if values is None or len(values) < 3 or last is None or output is None:
        return None
    winner, others = predicted(values), len(values) - 1
    top = float(values[winner])
    rest = 1 - top
    if output.scale == "scores" or rest < LEGIBLE:
        return None
    wrong = (
        (rest / others, "That is the mean of the others, not their sum."),
        (float(np.sort(values)[-2]), "That is the second class alone."),
        (1 / len(values), "That would be each class at chance level."),
        (others / len(values), "That would be the others at chance level."),
    )
    given = f"this {row_noun(trace)} {share(top)} for {class_name(trace, winner)}"
    return draft(
        f"The model gives {given}. How much do the other {others} classes get together?",
        share(rest),
        f"Softmax makes all {len(values)} probabilities add up to 100 %; {share(rest)} is left.",
        [
            *((share(each), said) for each, said in wrong if abs(each - rest) > MARGIN * rest),
            ("It is impossible to say", "The probabilities of a softmax always add up to 100 %."),
        ],
        f"prediction/{last.name}",
    )


def threshold(trace: Trace) -> Draft | None:
    """What does a single unit with a sigmoid say?"""
    output, last = only(trace), _last(trace)
    if output is None or last is None or output.what != BINARY or output.layout != ROW:
        return None
    values = output_of(trace.predictions[0], output)
    chosen = None if values is None else shares(output, values.reshape(-1))
    if chosen is None or len(chosen) != 1:
        return None
    chance = float(chosen[0])
    no, yes = class_name(trace, 0), class_name(trace, 1)
    said, other = (yes, no) if chance > THRESHOLD else (no, yes)
    larger, smaller = share(max(chance, 1 - chance)), share(min(chance, 1 - chance))
    if larger == smaller:
        return None
    above = "above" if chance > THRESHOLD else "below"
    return draft(
        f"For this row, the model's single unit gives a probability of {share(chance)}. "
        "Which class does the model predict, and with which probability?",
        f"{_beginning(said)}, {larger}",
        f"The unit gives the probability of {yes}; the rest, {share(1 - chance)}, is that of {no}. "
        f"{share(chance)} is {above} 50 %.",
        [
            (f"{_beginning(other)}, {larger}", f"The unit stands for {yes}, not for {no}."),
            (
                f"{_beginning(other)}, {smaller}",
                "The class with the larger probability is predicted.",
            ),
            (f"{_beginning(said)}, {smaller}", "That is the probability of the other class."),
            ("It is impossible to say", "What one class does not get is left for the other."),
        ],
        f"prediction/{last.name}",
    )


def _probabilities(trace: Trace) -> np.ndarray | None:
    return probabilities(trace, trace.predictions[0]) if trace.predictions else None


def _last(trace: Trace) -> Stage | None:
    """The stage that gives the model's one output, where the first prediction holds it."""
    output = only(trace)
    if output is None or not trace.predictions or output.stage not in trace.predictions[0].outputs:
        return None
    return trace.stage(output.stage)


def _beginning(name: str) -> str:
    """A class at the beginning of a sentence: ``Class 3``, and ``'cat'`` as it is."""
    return name if name.startswith("'") else name.capitalize()


DRAFTS = (dense_inputs, channel_of_value, second_choice, rest_of_probability, threshold)
