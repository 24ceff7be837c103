"""What was measured at a stage, in words, and one actual value of the example on its way through it."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

from pipetrace.explain.facts import before, class_name, dead_channels
from pipetrace.explain.layers import kernel, strides
from pipetrace.explain.task import CHANNELS, CLASSES, outputs, shares
from pipetrace.explain.text import counted, exact, figure, listed, number, share
from pipetrace.trace.document import LAYER, SOURCE, STEP, Array, Stage, Summary, Trace

Place: TypeAlias = tuple[int, int, int]
Told: TypeAlias = tuple[str, Place | None]
"""A sentence, and the place of the value that it speaks of, where that is one place of a picture."""

MOST_LETTERS = 80
"""A longer text is cut."""
FEW = 9
"""A block of at most so many values is written out."""


def example(trace: Trace, stage: Stage) -> str | None:
    """One actual value of the example row at this stage, or None where there is no example."""
    told = _example(trace, stage)
    return told[0] if told else None


def place(trace: Trace, stage: Stage) -> Place | None:
    """Where the value of ``example`` is, as row, column and channel; None where it is not one place of a picture."""
    told = _example(trace, stage)
    return told[1] if told else None


def measured(trace: Trace, stage: Stage) -> tuple[str, ...]:
    """What all rows were at this stage, in sentences; none where the run did not come to measure it."""
    summary = stage.summary
    if summary is None or not summary.count:
        return ()
    found = _statistics(summary)
    zeros = summary.zeros / summary.count
    if summary.min is None:
        return tuple(found)
    if stage.kind == SOURCE:
        found += (
            [f"{share(zeros)} of all {_pixels(stage.outputs[0].shape)} are 0."]
            if summary.zeros
            else []
        )
    elif stage.config.get("activation") == "relu":
        found += (
            [f"{share(zeros)} of the outputs are 0: what ReLU cut off."]
            if summary.min != summary.max
            else []
        )
        found += _dead(stage)
    elif stage.layer == "MaxPooling2D" and stage.kind == LAYER:
        found += _pooled(trace, stage, zeros)
    elif stage.layer == "Flatten":
        found.append("The same values as before, so the same statistics.")
    elif stage.config.get("activation") == "softmax" and not summary.non_finite:
        units = stage.outputs[0].shape[-1] or 1
        found.append(
            f"{counted(units, 'share')} that add up to 1 have a mean of {figure(1 / units)} whatever they are."
        )
    return tuple(found)


def pooled_block(stage: Stage, was: Array, place: tuple[int, ...]) -> Array:
    """The values that a pooling without padding chose from for one output.

    Args:
        stage: the pooling.
        was: its input for one row, shape ``(rows, columns, channels)``.
        place: row, column and channel of the output.
    """
    (down, across), (high, wide) = strides(stage), kernel(stage)
    top, left = place[0] * down, place[1] * across
    return was[top : top + high, left : left + wide, place[2]]


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
    if values.size == 1:
        return f"The only value is {figure(values.min())}.", None
    if values.min() == values.max():
        return f"All {number(values.size)} values are {figure(values.min())}.", None
    describe = EXAMPLES.get(stage.layer or "") if stage.kind == LAYER and was is not None else None
    told = describe(trace, stage, values, was) if describe and was is not None else None
    if told is None and values.dtype.kind in "iu" and values.ndim == 1:
        told = _first_values(values), None
    return told or (f"Values from {figure(values.min())} to {figure(values.max())}.", None)


def _example_text(trace: Trace, stage: Stage, values: Array) -> str:
    first = values.reshape(-1)[0]
    text = first.decode(errors="replace") if isinstance(first, bytes) else str(first)
    text = f"{text[:MOST_LETTERS]}..." if len(text) > MOST_LETTERS else text
    where = (
        f"Row {number(trace.run.data.example_row)} of the data: " if stage.kind == SOURCE else ""
    )
    return f"{where}'{text}'{f', the first of {number(values.size)}' if values.size > 1 else ''}."


def _first_values(values: Array) -> str:
    shown = values.reshape(-1)[:8]
    first = ", ".join(figure(value) for value in shown)
    return (
        f"All {values.size}: {first}."
        if values.size <= 8
        else f"The first 8 of {number(values.size)}: {first}."
    )


def _not_finite(count: int, nan: int, infinite: int) -> str:
    if count == 1:
        return f"The only value is {'NaN' if nan else 'infinite'}."
    if count in (nan, infinite):
        return f"All {number(count)} values are {'NaN' if nan else 'infinite'}."
    kinds = [
        f"{number(each)} {name}" for each, name in ((nan, "NaN"), (infinite, "infinite")) if each
    ]
    verb = "is" if nan + infinite == 1 else "are"
    return (
        f"{number(nan + infinite)} of {counted(count, 'value')} {verb} not finite: {listed(kinds)}."
    )


def _example_source(trace: Trace, stage: Stage, pixels: Array) -> Told:
    data = trace.run.data
    text = f"Row {number(data.example_row)} of the data"
    if sum(each.kind == SOURCE for each in trace.stages) > 1:
        text += f", {stage.name}"
    label = ""
    if data.example_label is not None:
        name = class_name(trace, data.example_label)
        label = f" of a {name}" if name.startswith("'") else f" of {name}"
    if pixels.ndim != 3 or pixels.shape[-1] not in CHANNELS:
        known = f" ({label.removeprefix(' of a ').removeprefix(' of ')})" if label else ""
        if pixels.size == 1:
            return f"{text}{known}: {exact(pixels.min())}.", None
        if pixels.dtype.kind in "iu" and pixels.ndim == 1:
            first = _first_values(pixels)
            return f"{text}{known}: {first[0].lower()}{first[1:]}", None
        values = counted(pixels.size, "value")
        return f"{text}{known}: {values} from {_lone(pixels.min())} to {_lone(pixels.max())}.", None
    size = " x ".join(str(length) for length in pixels.shape[:2])
    above = f"{number(int((pixels > 0).sum()))} of {number(pixels.size)} {_pixels(pixels.shape)}"
    text += f": a {size} picture{label}, pixel values from {_lone(pixels.min())} to {_lone(pixels.max())}, {above} above 0."
    at = _value_place(trace)
    return (
        (text, None)
        if at is None
        else (f"{text} The pixel in {_where(at, pixels)} is {exact(pixels[at])}.", at)
    )


def _lone(value: float) -> str:
    """A whole number as it is, another to three digits: the data's own values are whole or measured."""
    return exact(value) if float(value).is_integer() else figure(value)


def _example_step(trace: Trace, after: Array, was: Array) -> Told | None:
    at, source = _value_place(trace), trace.stages[0].example
    if at is None or source is None or not after.shape == was.shape == source.shape:
        return None
    return (
        f"The pixel in {_where(at, after)} of this picture: {exact(was[at])} becomes {exact(after[at])}.",
        at,
    )


def _example_conv2d(trace: Trace, stage: Stage, maps: Array, was: Array) -> Told | None:  # noqa: ARG001 one form for all
    if maps.ndim != 3:
        return None
    at = _strongest(maps)
    strongest = f"filter {at[2]} with {figure(maps[at])} in {_place(at)}."
    if stage.config.get("activation") != "relu":
        return f"The largest value for this picture is that of {strongest}", at
    used = int((maps.max(axis=(0, 1)) > 0).sum())
    answer = (
        f"{used} of {counted(maps.shape[-1], 'filter')} give{'s' * (used == 1)} something above 0"
    )
    return f"For this picture {answer}; the strongest is {strongest}", at


def _example_max_pooling2d(trace: Trace, stage: Stage, maps: Array, was: Array) -> Told | None:
    if (
        maps.ndim != 3
        or stage.config.get("padding") != "valid"
        or stage.config.get("data_format") == "channels_first"
    ):
        return None
    at = _strongest(maps)
    block = pooled_block(stage, was, at).reshape(-1)
    of = listed([figure(value) for value in block]) if len(block) <= FEW else f"{len(block)} values"
    text = f"{_channel(trace)} {at[2]}, {_place(at)}: of {of} the largest, {figure(maps[at])}, is kept."
    if len(block) == 1:
        text = f"{_channel(trace)} {at[2]}, {_place(at)}: a block of one value, {figure(maps[at])}, stays as it is."
    return text, at


def _example_flatten(trace: Trace, stage: Stage, values: Array, was: Array) -> Told:  # noqa: ARG001
    text = _first_values(values)
    if was.ndim == 3 and was.shape[-1] >= 8 and values.size > 8:
        those = (
            "the 8 channels"
            if was.shape[-1] == 8
            else f"the first 8 of the {was.shape[-1]} channels"
        )
        text += f" They are {those} at row 0, column 0."
    return text, None


def _example_dense(trace: Trace, stage: Stage, scores: Array, was: Array) -> Told | None:  # noqa: ARG001
    if scores.ndim != 1:
        return None
    order = np.argsort(-scores, kind="stable")
    first, second = int(order[0]), int(order[1])
    output = next(
        (each for each in outputs(trace) if each.stage == stage.name and each.what == CLASSES), None
    )
    parts = shares(output, scores) if output and output.scale != "logits" else None
    if output is None or parts is None:
        return (
            f"The largest of {counted(len(scores), 'value')} is {figure(scores[first])}, that of unit {first}.",
            None,
        )
    names = [class_name(trace, index, output) for index in (first, second)]
    won = f"The largest of the {len(scores)} probabilities is {share(float(scores[first]))} for {names[0]}"
    return f"{won}, then {share(float(scores[second]))} for {names[1]}.", None


EXAMPLES: dict[str, Callable[[Trace, Stage, Array, Array], Told | None]] = {
    "Conv2D": _example_conv2d,
    "MaxPooling2D": _example_max_pooling2d,
    "Flatten": _example_flatten,
    "Dense": _example_dense,
}


def _channel(trace: Trace) -> str:
    """What a channel of a map is called: by the filter that it comes from, where filters made the maps."""
    return "Filter" if any(stage.layer == "Conv2D" for stage in trace.stages) else "Channel"


def _pixels(shape: Sequence[int | None]) -> str:
    """What the values of a picture are called; a pixel in colour has several."""
    return "pixels" if len(shape) in (3, 4) and shape[-1] == 1 else "values"


def _value_place(trace: Trace) -> Place | None:
    """The first place of the example picture that has the value asked for."""
    value, pixels = trace.run.data.example_value, trace.stages[0].example
    if value is None or pixels is None or pixels.ndim != 3:
        return None
    places = np.argwhere(pixels == value)
    return (int(places[0][0]), int(places[0][1]), int(places[0][2])) if len(places) else None


def _strongest(maps: Array) -> Place:
    row, column, channel = np.unravel_index(int(maps.argmax()), maps.shape)
    return int(row), int(column), int(channel)


def _place(place: Place) -> str:
    return f"row {place[0]}, column {place[1]}"


def _where(place: Place, values: Array) -> str:
    return _place(place) if values.shape[-1] == 1 else f"{_place(place)}, channel {place[2]}"


def _statistics(summary: Summary) -> list[str]:
    found = []
    if summary.non_finite:
        found.append(_not_finite(summary.count, summary.nan, summary.non_finite - summary.nan))
    if summary.min is None or summary.max is None or summary.mean is None or summary.std is None:
        return found
    if summary.min == summary.max:
        found.append(
            f"{'All the others' if found else f'All {number(summary.count)} values'} are {figure(summary.min)}."
        )
        return found
    found.append(
        f"{number(summary.finite)} values from {figure(summary.min)} to {figure(summary.max)}, mean "
        f"{figure(summary.mean)}, standard deviation {figure(summary.std)}."
    )
    return found


def _dead(stage: Stage) -> list[str]:
    channels = stage.summary.channels if stage.summary else None
    if not channels:
        return []
    noun = "filter" if (stage.layer or "").startswith("Conv") else "unit"
    everywhere = "everywhere, for every row" if len(stage.outputs[0].shape) > 2 else "for every row"
    where = "at {} of the places" if len(stage.outputs[0].shape) > 2 else "for {} of the rows"
    dead, total = dead_channels(stage), len(channels)
    if not dead:
        parts = [1 - each.zeros / each.count for each in channels]
        least = parts.index(min(parts))
        above = where.format(share(parts[least]))
        return [f"No {noun} is dead; the quietest, {noun} {least}, is above 0 {above}."]
    if len(dead) == total:
        return [f"All {counted(total, noun)} gave 0 {everywhere}: dead on this data."]
    names = [str(index) for index in dead]
    if len(names) > 8:
        names = [*names[:8], f"{len(names) - 8} more"]
    which = f"{noun}{'s' * (len(dead) > 1)} {listed(names)}"
    return [
        f"{len(dead)} of {counted(total, noun)} gave 0 {everywhere} ({which}): dead on this data."
    ]


def _pooled(trace: Trace, stage: Stage, zeros: float) -> list[str]:
    previous, summary = before(trace, stage), stage.summary
    was = previous.summary if previous else None
    if was is None or was.mean is None or not was.count or summary is None or summary.mean is None:
        return []
    kept = f"{share(summary.count / was.count)} of the values are left, the largest of each block"
    if was.min == was.max:
        return [f"{kept}."]
    mean = _moved(was.mean, summary.mean, figure)
    return [
        f"{kept}: the mean {mean}, the share of zeros {_moved(was.zeros / was.count, zeros, share)}."
    ]


def _moved(was: float, now: float, write: Callable[[float], str]) -> str:
    if write(was) == write(now):
        return f"stays at {write(now)}"
    return f"{'rises' if now > was else 'falls'} from {write(was)} to {write(now)}"
