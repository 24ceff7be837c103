"""Questions about how one prediction was made."""

import numpy as np

from pipetrace.explain.facts import first_of, predicted, probabilities
from pipetrace.explain.question import Draft, draft
from pipetrace.explain.wording import counted, figure, number, share
from pipetrace.trace.document import Trace


def dense_inputs(trace: Trace) -> Draft | None:
    """How many numbers decide one class score?"""
    stage = first_of(trace, "Dense")
    if stage is None or not trace.predictions or stage.name not in trace.predictions[0].outputs:
        return None
    width, units = int(stage.inputs[0].shape[-1] or 0), int(stage.config["units"])
    bias = bool(stage.config.get("use_bias", True))
    right = width + bias
    return draft(
        f"How many learned numbers go into the score of one class in the Dense layer of {counted(units, 'unit')}?",
        number(right),
        f"One weight for each of the {number(width)} values{' and one bias' if bias else ''}: {number(right)}. All "
        f"{counted(units, 'unit')} together have {number(stage.parameters.total)}.",
        [
            (number(stage.parameters.total), f"That is all {counted(units, 'unit')} together."),
            (number(units), "That is how many scores there are."),
            (number(width // units), "Every unit weighs all values; they are not shared out."),
            ("2", "A single weight and bias would see a single value."),
        ],
        f"prediction/{stage.name}",
    )


def channel_of_value(trace: Trace) -> Draft | None:
    """Which filter does a value of the flat vector come from?"""
    stage = first_of(trace, "Flatten")
    if stage is None or not trace.predictions or len(stage.inputs[0].shape) != 4:
        return None
    high, wide, channels = (int(length or 0) for length in stage.inputs[0].shape[1:])
    values = trace.predictions[0].outputs.get(stage.name)
    if values is None or channels < 2:
        return None
    index = int(np.argmax(values))
    row, rest = divmod(index, wide * channels)
    column, channel = divmod(rest, channels)
    return draft(
        f"The largest value of the flat vector in this prediction, {figure(values[index])}, is at place {number(index)} "
        f"(from 0). The maps were {high} x {wide} x {channels}. Which filter does it come from?",
        f"Filter {channel}",
        f"Channels lie last and change fastest: {number(index)} = ({row} x {wide} + {column}) x {channels} + {channel}, so "
        f"it is filter {channel} at row {row}, column {column}.",
        [
            (f"Filter {index // (high * wide)}", "That takes the maps to lie one after another, channels first."),
            (f"Filter {index // channels % channels}", "That is the place within the map, not the filter."),
            (f"Filter {index % wide}", "That takes the remainder by the width; the channels change fastest."),
            (f"Filter {(channel + 1) % channels}", "That counts filters from 1; here the first is filter 0."),
        ],
        f"prediction/{stage.name}",
    )


def second_choice(trace: Trace) -> Draft | None:
    """Which class came second?"""
    if not trace.predictions:
        return None
    values = probabilities(trace, trace.predictions[0])
    if values is None or len(values) < 5:
        return None
    names = trace.run.data.class_names
    order = [int(index) for index in np.argsort(values)[::-1]]
    first, second = order[0], order[1]
    if values[second] == values[order[2]]:
        return None
    label = trace.predictions[0].label
    mistakes = [
        (f"'{names[each]}'", f"It got {share(float(values[each]))}, less than '{names[second]}'.")
        for each in order[2:5]
    ]
    if label is not None and label == first:
        text = f"The model names this held-out picture '{names[first]}', and rightly. Which class came second?"
    else:
        text = f"The model names this held-out picture '{names[first]}'. Which class came second?"
    return draft(
        text,
        f"'{names[second]}'",
        f"'{names[first]}' got {share(float(values[first]))}, '{names[second]}' {share(float(values[second]))}; all "
        f"{len(values)} add up to 1.",
        mistakes,
        f"prediction/{trace.stages[-1].name}",
    )


def rest_of_probability(trace: Trace) -> Draft | None:
    """How much do the other classes share?"""
    if not trace.predictions:
        return None
    values = probabilities(trace, trace.predictions[0])
    if values is None:
        return None
    winner = predicted(values)
    top = float(values[winner])
    names = trace.run.data.class_names
    others = len(values) - 1
    return draft(
        f"The model gives this picture {share(top)} for '{names[winner]}'. What do the other {others} classes get together?",
        share(1 - top),
        f"Softmax makes the {len(values)} scores add up to 1, so {share(1 - top)} is left for the others.",
        [
            (share((1 - top) / others), "That is the mean of each of the others, not their sum."),
            (share(1 / len(values)), "That would be each class's share in a guess."),
            (share(others / len(values)), "That is what they would have in a guess."),
            ("It cannot be told", "It can: the shares of a softmax always add up to 1."),
        ],
        f"prediction/{trace.stages[-1].name}",
    )


DRAFTS = (dense_inputs, channel_of_value, second_choice, rest_of_probability)
