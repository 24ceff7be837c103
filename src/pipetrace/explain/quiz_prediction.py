"""Questions about how one prediction was made."""

import numpy as np

from pipetrace.explain.facts import first_of, predicted, probabilities
from pipetrace.explain.question import Draft, draft
from pipetrace.explain.wording import counted, figure, number, share
from pipetrace.trace.document import Trace


def dense_inputs(trace: Trace) -> Draft | None:
    """How many numbers decide one class score?"""
    stage = trace.stages[-1]
    if (
        stage.layer != "Dense"
        or "units" not in stage.config
        or len(stage.inputs[0].shape) != 2
        or not trace.predictions
    ):
        return None
    width, units = int(stage.inputs[0].shape[-1] or 0), int(stage.config["units"])
    bias = bool(stage.config.get("use_bias", True))
    right, scores = width + bias, counted(units, "score")
    if right * units != stage.parameters.total:
        return None
    mistakes = [
        (number(right * units), f"That is all {scores} together."),
        (number(units), "That is how many scores there are."),
        (number(width), "The bias is missing.") if bias else (number(width + 1), "This layer has no bias."),
        (number(1 + bias), f"So few could weigh one value only; there are {number(width)}."),
    ]
    if width >= units:
        mistakes.append((number(width // units), "Every score weighs all values; they are not shared out."))
    return draft(
        f"The Dense layer makes {scores} of {number(width)} values. How many learned numbers go into one score?",
        number(right),
        f"One weight for each of the {number(width)} values{' and one bias' if bias else ''}: {number(right)}. All {scores} "
        f"together take {number(right * units)}.",
        mistakes,
        f"prediction/{stage.name}",
    )


def channel_of_value(trace: Trace) -> Draft | None:
    """Which filter does a value of the flat vector come from?"""
    stage = first_of(trace, "Flatten")
    if stage is None or not trace.predictions or len(stage.inputs[0].shape) != 4 or None in stage.inputs[0].shape[1:]:
        return None
    high, wide, channels = (int(length or 0) for length in stage.inputs[0].shape[1:])
    values = trace.predictions[0].outputs.get(stage.name)
    if values is None or values.shape != (high * wide * channels,) or not np.isfinite(values).all():
        return None
    index = int(np.argmax(values))
    if (values == values[index]).sum() > 1:
        return None
    row, rest = divmod(index, wide * channels)
    column, channel = divmod(rest, channels)
    mistakes = [
        (index // (high * wide), "That takes the maps to lie one after another, whole map by whole map."),
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
    names = trace.run.data.class_names
    order = [int(index) for index in np.argsort(-values, kind="stable")]
    first, second, third = order[:3]
    # Where two are level none of them came second.
    if values[first] == values[second] or values[second] == values[third]:
        return None
    rightly = ", and rightly" if trace.predictions[0].label == first else ""
    return draft(
        f"The model names this held-out picture '{names[first]}'{rightly}. Which class came second?",
        f"'{names[second]}'",
        f"'{names[first]}' got {share(float(values[first]))}, '{names[second]}' {share(float(values[second]))}; all "
        f"{len(values)} add up to 100 %.",
        [
            (f"'{names[each]}'", f"'{names[each]}' got {share(float(values[each]))}, less than '{names[second]}'.")
            for each in order[2:5]
        ],
        f"prediction/{trace.stages[-1].name}",
    )


def rest_of_probability(trace: Trace) -> Draft | None:
    """How much do the other classes share?"""
    values = probabilities(trace, trace.predictions[0]) if trace.predictions else None
    last = trace.stages[-1]
    if (
        values is None
        or len(values) < 3
        or "softmax" not in (last.config.get("activation"), (last.layer or "").lower())
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
        f"The model gives this picture {share(top)} for '{trace.run.data.class_names[winner]}'. What do the other {others} "
        "classes get together?",
        share(rest),
        f"Softmax makes the {len(values)} scores add up to 100 %, so {share(rest)} is left for the others.",
        [
            # An answer beside the right one would be a matter of rounding.
            *((share(each), remark) for each, remark in mistakes if abs(each - rest) > 0.05 * rest),
            ("It cannot be told", "It can: the shares of a softmax always add up to 100 %."),
        ],
        f"prediction/{trace.stages[-1].name}",
    )


LEGIBLE = 0.001
"""A rest smaller than this is not to be told from the winner's share as it is written."""

DRAFTS = (dense_inputs, channel_of_value, second_choice, rest_of_probability)
