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
from pipetrace.explain.quiz.draft import Draft, draft
from pipetrace.explain.task import BINARY, CLASSES, ROW, THRESHOLD, only, shares
from pipetrace.explain.text import counted, figure, number, share
from pipetrace.trace.document import Stage, Trace


def dense_inputs(trace: Trace) -> Draft | None:
    """How many numbers decide one class score?"""
    stage, output = _last(trace), only(trace)
    if stage is None or output is None or stage.layer != "Dense" or "units" not in stage.config:
        return None
    if len(stage.inputs) != 1 or len(stage.inputs[0].shape) != 2 or not trace.predictions:
        return None
    noun = "score" if output.what == CLASSES else "number"
    width, units = int(stage.inputs[0].shape[-1] or 0), int(stage.config["units"])
    bias = bool(stage.config.get("use_bias", True))
    right, scores = width + bias, counted(units, noun)
    if right * units != stage.parameters.total:
        return None
    mistakes = [
        (number(right * units), f"That is all {scores} together."),
        (number(units), f"That is how many {noun}s there are."),
        (number(width), "The bias is missing.")
        if bias
        else (number(width + 1), "This layer has no bias."),
        (number(1 + bias), f"So few could weigh one value only; there are {number(width)}."),
    ]
    if width >= units:
        mistakes.append(
            (number(width // units), f"Every {noun} weighs all values; they are not shared out.")
        )
    return draft(
        f"The Dense layer makes {scores} of {number(width)} values. How many learned numbers go into "
        f"{'one' if units > 1 else 'that'} {noun}?",
        number(right),
        f"One weight for each of the {number(width)} values{' and one bias' if bias else ''}: {number(right)}."
        + (f" All {scores} together take {number(right * units)}." if units > 1 else ""),
        mistakes,
        f"prediction/{stage.name}",
    )


def channel_of_value(trace: Trace) -> Draft | None:
    """Which filter does a value of the flat vector come from?"""
    stage = first_of(trace, "Flatten")
    if (
        stage is None
        or not trace.predictions
        or len(stage.inputs[0].shape) != 4
        or None in stage.inputs[0].shape[1:]
    ):
        return None
    high, wide, channels = (int(length or 0) for length in stage.inputs[0].shape[1:])
    if first_of(trace, "Conv2D") is None or stage.config.get("data_format") == "channels_first":
        return None
    values = trace.predictions[0].outputs.get(stage.name)
    if values is None or values.shape != (high * wide * channels,) or not np.isfinite(values).all():
        return None
    index = int(np.argmax(values))
    if (values == values[index]).sum() > 1:
        return None
    row, rest = divmod(index, wide * channels)
    column, channel = divmod(rest, channels)
    mistakes = [
        (
            index // (high * wide),
            "That takes the maps to lie one after another, whole map by whole map.",
        ),
        (column, "That is the column; the channels change fastest."),
        (row, "That is the row; the channels change fastest."),
        (index % wide, "That takes the remainder by the width; the channels change fastest."),
        (channel + 1, "That counts filters from 1; here the first is filter 0."),
        (channel - 1, "Places are counted from 0 as well, so there is nothing to take off."),
    ]
    return draft(
        f"The largest value of the flat vector in this prediction, {figure(values[index])}, is at place {number(index)} "
        f"(from 0). The maps were {high} x {wide} x {channels}. Which filter does it come from?",
        f"Filter {channel}",
        f"Channels lie last and change fastest: {number(index)} = ({row} x {wide} + {column}) x {channels} + {channel}, so "
        f"it is filter {channel} at row {row}, column {column}.",
        # A filter that is not there would give itself away.
        [(f"Filter {each}", remark) for each, remark in mistakes if 0 <= each < channels],
        f"prediction/{stage.name}",
    )


def second_choice(trace: Trace) -> Draft | None:
    """Which class came second?"""
    values = probabilities(trace, trace.predictions[0]) if trace.predictions else None
    if values is None or len(values) < 5:
        return None
    last = _last(trace)
    if last is None:
        return None
    names = [class_name(trace, index) for index in range(len(values))]
    order = [int(index) for index in np.argsort(-values, kind="stable")]
    first, second, third = order[:3]
    # Where two are level none of them came second.
    if values[first] == values[second] or values[second] == values[third]:
        return None
    rightly = ", and rightly" if trace.predictions[0].label == first else ""
    return draft(
        f"The model names this {_row(trace)} {names[first]}{rightly}. Which class came second?",
        _beginning(names[second]),
        f"{_beginning(names[first])} got {share(float(values[first]))}, {names[second]} "
        f"{share(float(values[second]))}; all {len(values)} add up to 100 %.",
        [
            (
                _beginning(names[each]),
                f"{_beginning(names[each])} got {share(float(values[each]))}, less than {names[second]}.",
            )
            for each in order[2:5]
        ],
        f"prediction/{last.name}",
    )


def rest_of_probability(trace: Trace) -> Draft | None:
    """How much do the other classes share?"""
    values = probabilities(trace, trace.predictions[0]) if trace.predictions else None
    last, output = _last(trace), only(trace)
    if (
        values is None
        or len(values) < 3
        or last is None
        or output is None
        or output.scale == "scores"
    ):
        return None
    winner = predicted(values)
    top, others = float(values[winner]), len(values) - 1
    rest = 1 - top
    if rest < LEGIBLE:
        return None
    mistakes = [
        (rest / others, "That is the mean of each of the others, not their sum."),
        (float(np.sort(values)[-2]), "That is the second class alone."),
        (1 / len(values), "That would be each class's share in a guess."),
        (others / len(values), "That is what they would have in a guess."),
    ]
    return draft(
        f"The model gives this {row_noun(trace)} {share(top)} for {class_name(trace, winner)}. What do the other "
        f"{others} classes get together?",
        share(rest),
        f"Softmax makes the {len(values)} scores add up to 100 %, so {share(rest)} is left for the others.",
        [
            # An answer beside the right one would be a matter of rounding.
            *((share(each), remark) for each, remark in mistakes if abs(each - rest) > 0.05 * rest),
            ("It cannot be told", "It can: the shares of a softmax always add up to 100 %."),
        ],
        f"prediction/{last.name}",
    )


def threshold(trace: Trace) -> Draft | None:
    """What does one unit between 0 and 1 say?"""
    output, last = only(trace), _last(trace)
    if (
        output is None
        or last is None
        or output.what != BINARY
        or output.layout != ROW
        or not trace.predictions
    ):
        return None
    values = output_of(trace.predictions[0], output)
    chosen = None if values is None else shares(output, values.reshape(-1))
    if chosen is None or len(chosen) != 1:
        return None
    chance = float(chosen[0])
    no, yes = class_name(trace, 0), class_name(trace, 1)
    said, other = (yes, no) if chance > THRESHOLD else (no, yes)
    if share(chance) == share(1 - chance):
        return None
    above = "above" if chance > THRESHOLD else "below"
    return draft(
        f"For this row the model's one unit comes to a probability of {share(chance)}. Which class does it say, and how "
        "sure is it of that?",
        f"{_beginning(said)}, {share(max(chance, 1 - chance))}",
        f"The unit gives the probability of {yes}; the rest, {share(1 - chance)}, is that of {no}. {share(chance)} is "
        f"{above} 50 %.",
        [
            (
                f"{_beginning(other)}, {share(max(chance, 1 - chance))}",
                f"The unit speaks of {yes}, not of {no}.",
            ),
            (
                f"{_beginning(other)}, {share(min(chance, 1 - chance))}",
                "The class with the larger share is said.",
            ),
            (
                f"{_beginning(said)}, {share(min(chance, 1 - chance))}",
                "That is the share of the other class.",
            ),
            ("It cannot be told", "It can: what one class does not get is left for the other."),
        ],
        f"prediction/{last.name}",
    )


def _last(trace: Trace) -> Stage | None:
    """The stage that gives the model's one output, where the first prediction holds it."""
    output = only(trace)
    if output is None or not trace.predictions or output.stage not in trace.predictions[0].outputs:
        return None
    return trace.stage(output.stage)


def _row(trace: Trace) -> str:
    held_out = trace.predictions[0].held_out
    return f"{'held-out ' if held_out else ''}{row_noun(trace)}"


def _beginning(name: str) -> str:
    """A class at the beginning of a sentence: ``Class 3``, and ``'cat'`` as it is."""
    return name if name.startswith("'") else name.capitalize()


LEGIBLE = 0.001
"""A rest smaller than this is not to be told from the winner's share as it is written."""

DRAFTS = (dense_inputs, channel_of_value, second_choice, rest_of_probability, threshold)
