"""What was measured at a stage, in words, and one actual value of the example on its way through it."""

from collections.abc import Callable

import numpy as np

from pipetrace.explain.facts import before, dead_channels
from pipetrace.explain.operations import kernel, strides
from pipetrace.explain.wording import counted, exact, figure, listed, number, share
from pipetrace.trace.document import LAYER, SOURCE, STEP, Array, Stage, Trace


def example(trace: Trace, stage: Stage) -> str | None:
    """One actual value of the example row at this stage, or None where there is no example."""
    if stage.example is None:
        return None
    if stage.kind == SOURCE:
        return _example_source(trace, stage.example)
    previous = before(trace, stage)
    if previous is None or previous.example is None:
        return None
    if stage.kind == STEP:
        return _example_step(trace, stage.example, previous.example)
    describe = EXAMPLES.get(stage.layer or "", _example_other)
    return describe(trace, stage, stage.example, previous.example)


def place(trace: Trace, stage: Stage) -> tuple[int, int, int] | None:
    """Where the value of ``example`` is, as row, column and channel; None where it is not one place of a picture."""
    if stage.example is None or stage.example.ndim != 3:
        return None
    if stage.kind == LAYER:
        row, column, channel = _strongest(stage.example)
        return row, column, channel
    source = trace.stages[0].example
    found = None if source is None else _value_place(trace, source)
    return found if source is not None and stage.example.shape == source.shape else None


def measured(trace: Trace, stage: Stage) -> tuple[str, ...]:
    """What all rows were at this stage, in sentences; none where the run did not come to measure it."""
    summary = stage.summary
    if summary is None:
        return ()
    found = []
    if summary.non_finite:
        found.append(
            f"{counted(summary.non_finite, 'value')} of {number(summary.count)} are not finite "
            f"({number(summary.nan)} NaN, {number(summary.non_finite - summary.nan)} infinite)."
        )
    if summary.min is None or summary.max is None or summary.mean is None or summary.std is None:
        return tuple(found)
    found.append(
        f"{number(summary.count)} values from {figure(summary.min)} to {figure(summary.max)}, mean {figure(summary.mean)}, "
        f"standard deviation {figure(summary.std)}."
    )
    zeros = summary.zeros / summary.count
    if stage.kind == SOURCE and summary.zeros:
        found.append(f"{share(zeros)} of all pixels are 0, the empty background.")
    elif stage.config.get("activation") == "relu":
        found.append(f"{share(zeros)} of the outputs are 0: what ReLU cut off.")
        found.append(_dead(stage))
    elif stage.layer == "MaxPooling2D":
        found += _pooled(trace, stage, zeros)
    elif stage.layer == "Flatten":
        found.append("The same values as before, so the same statistics.")
    elif stage.config.get("activation") == "softmax":
        units = stage.outputs[0].shape[-1] or 1
        found.append(f"Ten shares of 1 have a mean of {figure(1 / units)} whatever they are; the extremes tell how sure "
                     "the model is." if units == 10 else f"Shares of 1 have a mean of {figure(1 / units)}.")  # fmt: skip
    return tuple(found)


def _example_source(trace: Trace, pixels: Array) -> str:
    data = trace.run.data
    label = "" if data.example_label is None else f" of a '{data.class_names[data.example_label]}'"
    size = " x ".join(str(length) for length in pixels.shape[:2])
    ink = int(np.count_nonzero(pixels))
    return (
        f"Row {number(data.example_row)} of the data: a {size} picture{label}, pixel values from {exact(pixels.min())} to "
        f"{exact(pixels.max())}, {number(ink)} of {number(pixels.size)} pixels with ink."
    )


def _example_step(trace: Trace, after: Array, was: Array) -> str | None:
    at = _value_place(trace, was)
    if at is None or after.shape != was.shape:
        return None
    return f"The pixel in {_place(at)} of this picture: {exact(was[at])} becomes {exact(after[at])}."


def _example_conv2d(trace: Trace, stage: Stage, maps: Array, was: Array) -> str:  # noqa: ARG001 one form for all
    place = _strongest(maps)
    used = int((maps.max(axis=(0, 1)) > 0).sum())
    return (
        f"For this picture {used} of {maps.shape[-1]} filters answer; the strongest is filter {place[2]} with "
        f"{figure(maps[place])} in {_place(place)}."
    )


def _example_max_pooling2d(trace: Trace, stage: Stage, maps: Array, was: Array) -> str:  # noqa: ARG001
    place = _strongest(maps)
    block = pooled_block(stage, was, place)
    values = listed([figure(value) for value in block.reshape(-1)])
    return f"Filter {place[2]}, {_place(place)}: of {values} the largest, {figure(maps[place])}, is kept."


def _example_flatten(trace: Trace, stage: Stage, values: Array, was: Array) -> str:  # noqa: ARG001
    first = ", ".join(figure(value) for value in values[:8])
    return f"The first eight of {number(values.size)}: {first}. They are the {_first_place(was)}."


def _example_dense(trace: Trace, stage: Stage, scores: Array, was: Array) -> str:  # noqa: ARG001
    if stage.config.get("activation") != "softmax" or len(scores) != len(trace.run.data.class_names):
        return (
            f"The largest of {counted(len(scores), 'value')} is {figure(scores.max())}, that of unit {scores.argmax()}."
        )
    names = trace.run.data.class_names
    order = np.argsort(scores)[::-1]
    return (
        f"The largest of the {len(scores)} scores is {share(float(scores[order[0]]))} for '{names[order[0]]}', then "
        f"{share(float(scores[order[1]]))} for '{names[order[1]]}'."
    )


def _example_other(trace: Trace, stage: Stage, values: Array, was: Array) -> str:  # noqa: ARG001
    return f"Values from {figure(values.min())} to {figure(values.max())}."


EXAMPLES: dict[str, Callable[[Trace, Stage, Array, Array], str]] = {
    "Conv2D": _example_conv2d,
    "MaxPooling2D": _example_max_pooling2d,
    "Flatten": _example_flatten,
    "Dense": _example_dense,
}


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


def _value_place(trace: Trace, pixels: Array) -> tuple[int, int, int] | None:
    """The first place of the picture that has the value asked for."""
    value = trace.run.data.example_value
    if value is None or pixels.ndim != 3:
        return None
    places = np.argwhere(pixels == value)
    return (int(places[0][0]), int(places[0][1]), int(places[0][2])) if len(places) else None


def _strongest(maps: Array) -> tuple[int, ...]:
    return tuple(int(index) for index in np.unravel_index(int(maps.argmax()), maps.shape))


def _place(place: tuple[int, ...]) -> str:
    return f"row {place[0]}, column {place[1]}"


def _first_place(was: Array) -> str:
    if was.ndim == 3:
        return f"first eight of the {was.shape[-1]} channels at row 0, column 0" if was.shape[-1] >= 8 else "first ones"
    return "first ones"


def _dead(stage: Stage) -> str:
    dead = dead_channels(stage)
    channels = (stage.summary.channels if stage.summary else None) or ()
    if not dead:
        least = min(range(len(channels)), key=lambda index: -channels[index].zeros / max(1, channels[index].count))
        part = 1 - channels[least].zeros / channels[least].count
        return f"No filter is dead; the quietest, filter {least}, answers at {share(part)} of the places."
    names = listed([str(index) for index in dead[:8]]) + (" and others" if len(dead) > 8 else "")
    some = f"{counted(len(dead), 'filter')} of {len(channels)}"
    return f"{some} gave 0 everywhere, for every row (filter {names}): dead on this data."


def _pooled(trace: Trace, stage: Stage, zeros: float) -> list[str]:
    previous = before(trace, stage)
    if previous is None or previous.summary is None or previous.summary.mean is None or stage.summary is None:
        return []
    were = previous.summary.zeros / max(1, previous.summary.count)
    kept = stage.summary.count / max(1, previous.summary.count)
    return [
        (
            f"{share(kept)} of the values are left. As the largest of each block stays, the mean rises from "
            f"{figure(previous.summary.mean)} to {figure(stage.summary.mean or 0.0)} and zeros fall from {share(were)} to "
            f"{share(zeros)}."
        )
    ]
