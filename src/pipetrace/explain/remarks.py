"""What was measured at a stage, in sentences, and one actual value of the example row on its way
through it."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

from pipetrace.explain.cache import once
from pipetrace.explain.facts import before, class_name, dead_channels, words_of
from pipetrace.explain.filters import filter_texts
from pipetrace.explain.formatting import counted, exact, figure, listed, moved, number, share
from pipetrace.explain.layers import kernel, strides
from pipetrace.explain.recompute import seen_at
from pipetrace.explain.task import CHANNELS, CLASSES, LOGITS, outputs, shares
from pipetrace.trace.document import LAYER, SOURCE, STEP, Array, Stage, Trace
from pipetrace.trace.summary import Summary

Place: TypeAlias = tuple[int, int, int]
Told: TypeAlias = tuple[str, Place | None]
"""A sentence, and where the value is that it speaks of, if that is one position of an image."""

LONGEST_TEXT = 80
"""A longer text is cut."""
FEW = 9
"""A block of at most so many values is written out."""


def example(trace: Trace, stage: Stage) -> str | None:
    """One actual value of the example row at this stage, or None where there is no example."""
    told = _example(trace, stage)
    return told[0] if told else None


def place(trace: Trace, stage: Stage) -> Place | None:
    """Where the value of ``example`` is, as row, column and channel; None where it is not one
    position of an image."""
    told = _example(trace, stage)
    return told[1] if told else None


def pooled_block(stage: Stage, was: Array, place: tuple[int, ...]) -> Array:
    """The values of one row, ``(rows, columns, channels)``, that a pooling without padding saw."""
    (down, across), (high, wide) = strides(stage), kernel(stage)
    top, left = place[0] * down, place[1] * across
    return was[top : top + high, left : left + wide, place[2]]


# What all rows are at a stage


def measured(trace: Trace, stage: Stage) -> tuple[str, ...]:
    """What the values of all rows are at this stage, in sentences; none where they were not
    measured."""
    summary = stage.summary
    if summary is None or not summary.count:
        return ()
    found = _statistics(summary)
    several = stage.kind in (SOURCE, STEP) and len(stage.outputs) > 1
    if several and stage.outputs[0].name and found:
        found[0] = f"Of '{stage.outputs[0].name}': {found[0]}"
    if summary.min is None:
        return tuple(found)
    zeros = summary.zeros / summary.count
    if stage.kind == SOURCE and summary.zeros:
        found.append(f"{share(zeros)} of all {_pixels(stage.outputs[0].shape)} are 0.")
    elif stage.config.get("activation") == "relu":
        if summary.min != summary.max:
            found.append(f"{share(zeros)} of the outputs are 0, because of ReLU.")
        found += _dead(stage)
    elif stage.layer == "MaxPooling2D" and stage.kind == LAYER:
        found += _pooled(trace, stage, zeros)
    return tuple(found)


def _statistics(summary: Summary) -> list[str]:
    found = []
    if summary.non_finite:
        found.append(_not_finite(summary.count, summary.nan, summary.non_finite - summary.nan))
    if summary.min is None or summary.max is None or summary.mean is None or summary.std is None:
        return found
    if summary.min == summary.max:
        which = "All others" if found else f"All {number(summary.count)} values"
        return [*found, f"{which} are {figure(summary.min)}."]
    span = f"{number(summary.finite)} values from {figure(summary.min)} to {figure(summary.max)}"
    moments = f"mean {figure(summary.mean)}, standard deviation {figure(summary.std)}"
    return [*found, f"{span}, {moments}."]


def _not_finite(count: int, nan: int, infinite: int) -> str:
    word = "NaN" if not infinite else "NaN or Inf" if nan else "Inf"
    if count == 1:
        return f"The only value is {word}."
    if count in (nan, infinite):
        return f"All {number(count)} values are {word}."
    verb = "is" if nan + infinite == 1 else "are"
    each = f" ({number(nan)} NaN and {number(infinite)} Inf)" if nan and infinite else ""
    return f"{number(nan + infinite)} of {number(count)} values {verb} {word}{each}."


def _dead(stage: Stage) -> list[str]:
    channels = stage.summary.channels if stage.summary else None
    if not channels:
        return []
    noun = "filter" if (stage.layer or "").startswith("Conv") else "unit"
    dead, total = dead_channels(stage), len(channels)
    if not dead:
        parts = [1 - each.zeros / each.count for each in channels]
        least = parts.index(min(parts))
        active = (
            f"{noun} {least} is the least active, with {share(parts[least])} of its outputs above 0"
        )
        return [f"No {noun} is dead; {active}."]
    if len(dead) == total:
        return [f"All {counted(total, noun)} are dead: they output 0 for every row."]
    names = [str(index) for index in dead[:8]]
    names += [f"{len(dead) - 8} more"] if len(dead) > 8 else []
    which = f"{noun}s {listed(names)} output" if len(dead) > 1 else f"{noun} {names[0]} outputs"
    verb = "are" if len(dead) > 1 else "is"
    return [f"{len(dead)} of {counted(total, noun)} {verb} dead: {which} 0 for every row."]


def _pooled(trace: Trace, stage: Stage, zeros: float) -> list[str]:
    previous, summary = before(trace, stage), stage.summary
    was = previous.summary if previous else None
    if was is None or was.mean is None or not was.count or summary is None or summary.mean is None:
        return []
    found = [f"Pooling keeps {share(summary.count / was.count)} of the values."]
    if was.min != was.max:
        mean = moved("The mean", was.mean, summary.mean, figure)
        found.append(f"{mean}; {moved('the share of zeros', was.zeros / was.count, zeros, share)}.")
    return found


# The example row at a stage


def _example(trace: Trace, stage: Stage) -> Told | None:
    values = stage.example
    if values is None or not values.size:
        return None
    if values.dtype.kind not in "fiub":
        return _example_text(trace, stage, values), None
    broken = int(values.size - np.isfinite(values).sum())
    if broken:
        nan = int(np.isnan(values).sum())
        return _not_finite(values.size, nan, broken - nan), None
    if stage.kind == SOURCE:
        return _example_source(trace, stage, values)
    previous = before(trace, stage)
    was = previous.example if previous else None
    if stage.kind == STEP:
        return None if was is None else _example_step(trace, values, was)
    if words := _looked_up(stage, values):
        return words, None
    if values.size == 1:
        return f"The only value is {figure(values.min())}.", None
    if values.min() == values.max():
        return f"All {number(values.size)} values are {figure(values.min())}.", None
    describe = EXAMPLES.get(stage.layer or "") if stage.kind == LAYER else None
    told = describe(trace, stage, values, was) if describe and was is not None else None
    if told is None and values.dtype.kind in "iu" and values.ndim == 1:
        told = _first_values(values), None
    return told or (f"Values from {figure(values.min())} to {figure(values.max())}.", None)


def _example_text(trace: Trace, stage: Stage, values: Array) -> str:
    first = values.reshape(-1)[0]
    text = first.decode(errors="replace") if isinstance(first, bytes) else str(first)
    text = f"{text[:LONGEST_TEXT]}..." if len(text) > LONGEST_TEXT else text
    which = f"Row {number(trace.run.data.example_row)}: " if stage.kind == SOURCE else ""
    return f"{which}'{text}'{f', the first of {number(values.size)}' if values.size > 1 else ''}."


def _looked_up(stage: Stage, values: Array) -> str:
    """What the numbers of a row stand for; empty where no vocabulary tells."""
    words, numbers = words_of(stage), values.reshape(-1)
    if not words or values.dtype.kind not in "iu":
        return ""
    if not 0 <= numbers.min() <= numbers.max() < len(words):
        return ""
    few = numbers[:8]
    told = [f"{each} for {repr(words[each]) if words[each] else 'padding'}" for each in few]
    first = f"First 8 of {number(numbers.size)} values: " if numbers.size > few.size else ""
    return f"{first}{', '.join(told)}."


def _first_values(values: Array) -> str:
    flat = values.reshape(-1)
    # Eight times 0, as at the edge of an image, would say nothing.
    start = 0 if flat[:8].any() else min(int(np.argmax(flat != 0)), max(0, flat.size - 8))
    some = ", ".join(figure(value) for value in flat[start : start + 8])
    if values.size <= 8:
        return f"All {counted(values.size, 'value')}: {some}."
    where = f"8 of {number(values.size)} values, from position {number(start)} on"
    return f"{where if start else f'First 8 of {number(values.size)} values'}: {some}."


def _example_source(trace: Trace, stage: Stage, pixels: Array) -> Told:
    data = trace.run.data
    several = sum(each.kind == SOURCE for each in trace.stages) > 1
    text = f"Row {number(data.example_row)}{f' of {stage.name}' if several else ''}"
    label = None if data.example_label is None else class_name(trace, data.example_label)
    if pixels.ndim != 3 or pixels.shape[-1] not in CHANNELS:
        text += f" ({label})" if label else ""
        if pixels.size == 1:
            return f"{text}: {exact(pixels.min())}.", None
        if pixels.dtype.kind in "iu" and pixels.ndim == 1:
            first = _first_values(pixels)
            return f"{text}: {first[0].lower()}{first[1:]}", None
        values = counted(pixels.size, "value")
        return f"{text}: {values} from {_lone(pixels.min())} to {_lone(pixels.max())}.", None
    high, wide = pixels.shape[:2]
    text += f" is a {high} x {wide} image"
    text += "." if label is None else f" of {label}." if label[0] != "'" else f" of a {label}."
    above = f"{number(int((pixels > 0).sum()))} of {number(pixels.size)} {_pixels(pixels.shape)}"
    text += (
        f" Its values go from {_lone(pixels.min())} to {_lone(pixels.max())}; {above} are above 0."
    )
    at = _value_place(trace)
    if at is None:
        return text, None
    return f"{text} The pixel at {_where(at, pixels)} is {exact(pixels[at])}.", at


def _lone(value: float) -> str:
    """A whole number as it is, another to three digits: the data's own values are whole or
    measured."""
    return exact(value) if float(value).is_integer() else figure(value)


def _example_step(trace: Trace, after: Array, was: Array) -> Told | None:
    at, source = _value_place(trace), trace.stages[0].example
    if at is None or source is None or not after.shape == was.shape == source.shape:
        return None
    return f"The pixel at {_where(at, after)}: {exact(was[at])} becomes {exact(after[at])}.", at


def _example_conv2d(trace: Trace, stage: Stage, maps: Array, was: Array) -> Told | None:  # noqa: ARG001
    if maps.ndim != 3:
        return None
    at = _largest(maps)
    largest = f"Filter {at[2]} has the largest output, {figure(maps[at])} at {_where_in_map(at)}."
    largest += _convolved(trace, stage, at)
    looks_for = _looks_for(trace, stage.name)
    if len(looks_for) == maps.shape[2] > 1:
        largest += f" {looks_for[at[2]]}"
    if stage.config.get("activation") != "relu":
        return largest, at
    active = int((maps.max(axis=(0, 1)) > 0).sum())
    of = f"{counted(maps.shape[-1], 'filter')} {'has' if active == 1 else 'have'}"
    return f"For this image {active} of {of} outputs above 0. {largest}", at


@once
def _looks_for(trace: Trace, stage: str) -> tuple[str, ...]:
    return filter_texts(trace, trace.stage(stage))


def _convolved(trace: Trace, stage: Stage, at: Place) -> str:
    """How one output of a plain convolution is computed, or nothing."""
    if tuple(stage.config.get("dilation_rate", (1, 1))) != (1, 1):
        return ""
    found = seen_at(trace, stage, at)
    return "" if found is None else f" {_summed(trace, stage, *found[:2], at[2])}"


def _summed(trace: Trace, stage: Stage, values: Array, weights: Array, unit: int) -> str:
    """The sum of the products of values and weights, and the bias, in a sentence."""
    products = values.astype(np.float64) * weights
    total = figure(float(products.sum()))
    pairs = zip(values.reshape(-1), weights.reshape(-1), strict=True)
    if products.size <= FEW:
        terms = " + ".join(f"{figure(value)} x {figure(weight)}" for value, weight in pairs)
        text = f"It is {terms} = {total}"
    else:
        gain, loss = products[products > 0].sum(), -products[products < 0].sum()
        parts = f"{figure(float(gain))} - {figure(float(loss))} = " if gain and loss else ""
        text = f"Its {number(products.size)} products add up to {parts}{total}"
    bias = trace.weights.get(f"{stage.name}/bias")
    text += "" if bias is None else f", and the bias adds {figure(float(bias[unit]))}"
    activation = stage.config.get("activation") or "linear"
    return f"{text}." if activation in ("linear", "relu") else f"{text}; then follows {activation}."


def _example_max_pooling2d(trace: Trace, stage: Stage, maps: Array, was: Array) -> Told | None:
    config = stage.config
    first = config.get("data_format") == "channels_first"
    if maps.ndim != 3 or config.get("padding") != "valid" or first:
        return None
    at = _largest(maps)
    block = pooled_block(stage, was, at).reshape(-1)
    channel = "filter" if any(stage.layer == "Conv2D" for stage in trace.stages) else "channel"
    where = f"In {channel} {at[2]} at {_where_in_map(at)}"
    if len(block) == 1:
        return f"{where}, the block is one value, {figure(maps[at])}.", at
    of = listed([figure(value) for value in block]) if len(block) <= FEW else f"{len(block)} values"
    return f"{where}, the largest of {of} is kept: {figure(maps[at])}.", at


def _example_flatten(trace: Trace, stage: Stage, values: Array, was: Array) -> Told:  # noqa: ARG001
    text = _first_values(values)
    if was.ndim == 3 and was.shape[-1] >= 8 and values.size > 8:
        text += " They are channels 0 to 7 at line 0, column 0."
    return text, None


def _example_dense(trace: Trace, stage: Stage, scores: Array, was: Array) -> Told | None:
    if scores.ndim != 1:
        return None
    told = _example_units(trace, stage, scores)
    weights, largest = trace.weights.get(f"{stage.name}/kernel"), int(np.argmax(scores))
    if weights is None or was.ndim != 1 or weights.shape != (was.size, scores.size):
        return told, None
    return f"{told} {_summed(trace, stage, was, weights[:, largest], largest)}", None


def _example_units(trace: Trace, stage: Stage, scores: Array) -> str:
    order = np.argsort(-scores, kind="stable")
    first, second = int(order[0]), int(order[1])
    output = next(
        (each for each in outputs(trace) if each.stage == stage.name and each.what == CLASSES), None
    )
    parts = shares(output, scores) if output and output.scale != LOGITS else None
    if output is None or parts is None:
        of = counted(len(scores), "output")
        return f"Unit {first} has the largest of {of}, {figure(scores[first])}."
    likely = f"{class_name(trace, first, output)} with {share(float(scores[first]))}"
    then = f"{class_name(trace, second, output)} with {share(float(scores[second]))}"
    return f"The most likely of {len(scores)} classes is {likely}, then {then}."


EXAMPLES: dict[str, Callable[[Trace, Stage, Array, Array], Told | None]] = {
    "Conv2D": _example_conv2d,
    "MaxPooling2D": _example_max_pooling2d,
    "Flatten": _example_flatten,
    "Dense": _example_dense,
}


def _pixels(shape: Sequence[int | None]) -> str:
    """What the values of an image are called; a pixel in colour has several."""
    return "pixels" if len(shape) in (3, 4) and shape[-1] == 1 else "values"


def _value_place(trace: Trace) -> Place | None:
    """The first position of the example image that has the value to follow."""
    value, pixels = trace.run.data.example_value, trace.stages[0].example
    if value is None or pixels is None or pixels.ndim != 3:
        return None
    places = np.argwhere(pixels == value)
    return (int(places[0][0]), int(places[0][1]), int(places[0][2])) if len(places) else None


def _largest(maps: Array) -> Place:
    row, column, channel = np.unravel_index(int(maps.argmax()), maps.shape)
    return int(row), int(column), int(channel)


def _where_in_map(place: Place) -> str:
    return f"line {place[0]}, column {place[1]}"


def _where(place: Place, values: Array) -> str:
    channel = "" if values.shape[-1] == 1 else f", channel {place[2]}"
    return f"{_where_in_map(place)}{channel}"
