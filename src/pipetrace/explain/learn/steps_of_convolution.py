"""The steps through a convolution, from the window at one place to all filters."""

import numpy as np

from pipetrace.explain.facts import dead_channels
from pipetrace.explain.filters import filter_texts
from pipetrace.explain.formatting import (
    added,
    counted,
    dimensions,
    figure,
    multiplied,
    number,
    share,
)
from pipetrace.explain.learn.lesson import Part, largest_at, sentence, stage_place, step
from pipetrace.explain.quiz.generator import activated, activation_name, agrees, named
from pipetrace.explain.recompute import At, seen_at
from pipetrace.trace.document import Array, Stage, Trace

AXES = {1: ("step",), 2: ("line", "column"), 3: ("slice", "line", "column")}


def strongest_window(
    trace: Trace, stage: Stage, channel: int | None = None
) -> tuple[At, Array, Array, float] | None:
    """The strongest place of a convolution, of all filters or of one, with its window, weights and
    bias; None where these do not give what was recorded."""
    example = stage.example
    if not (stage.layer or "").startswith("Conv") or example is None or not example.size:
        return None
    looked = example
    if channel is not None:
        looked = np.where(np.arange(example.shape[-1]) == channel, example, -np.inf)
    at = largest_at(looked)
    found = seen_at(trace, stage, at)
    if found is None:
        return None
    seen, weights, bias = found
    value = activated(stage, float((seen * weights).sum()) + bias)
    return (at, *found) if value is not None and agrees(value, example, at) else None


def steps_of_convolution(trace: Trace, stage: Stage) -> list[Part] | None:
    """Six steps; None for a stage whose value cannot be computed from what was recorded."""
    found, example = strongest_window(trace, stage), stage.example
    if found is None or example is None:
        return None
    at, window, weights, bias = found
    return [
        *_one_position(trace, stage, at, window, weights, bias, float(example[at])),
        _positions(stage, at, example[..., at[-1]]),
        _filters(stage, at, example),
    ]


def _one_position(
    trace: Trace, stage: Stage, at: At, window: Array, weights: Array, bias: float, value: float
) -> list[Part]:
    """What the filter sees there, its kernel and bias, and the activation."""
    here, size = stage_place(stage, at), " x ".join(map(str, window.shape[:-1]))
    depth, zeros, count = window.shape[-1], int((window == 0).sum()), number(window.size)
    products, texts, channel = window * weights, filter_texts(trace, stage), at[-1]
    most, total = largest_at(np.abs(products)), float(products.sum())
    return [
        step(
            "A patch",
            here,
            f"{named(stage)} does not look at the whole input at once. At {place_words(at)} its "
            f"window covers {size} values{f' in each of {depth} channels' if depth > 1 else ''}: "
            f"{count} numbers from {figure(float(window.min()))} to "
            f"{figure(float(window.max()))}, {number(zeros) if zeros else 'none'} of them 0.",
        ),
        step(
            "The kernel",
            here,
            f"Filter {channel} has one weight for each of these {count} values, from "
            f"{figure(float(weights.min()))} to {figure(float(weights.max()))}; they are the same "
            "at every position, and training found them.",
            sentence(texts[channel]) if channel < len(texts) else "",
            "Each value is multiplied by its weight. The largest product is "
            f"{multiplied(float(window[most]), float(weights[most]))}; all {count} together are "
            f"{figure(total)}.",
        ),
        step(
            "The bias",
            here,
            f"The filter adds its own number, {figure(bias)}, wherever it looks: "
            f"{added(total, bias)}. Where a patch is all 0, the bias alone is left."
            if bias
            else "This filter adds nothing: its bias is 0 or it has none.",
        ),
        step(
            "The activation",
            here,
            f"The activation is {activation_name(stage)}: from {figure(total + bias)} it makes "
            f"{figure(value)}. Keras recorded {figure(value)} at this place; the page computes it "
            "again and compares both.",
        ),
    ]


def _positions(stage: Stage, at: At, maps: Array) -> Part:
    weakest = (*largest_at(-maps), at[-1])
    return step(
        "All positions",
        stage_place(stage, weakest, whole=True),
        "The window moves on and the same weights are used again: "
        f"{' x '.join(map(str, maps.shape))} = {number(maps.size)} positions give the map of "
        f"filter {at[-1]}. In this row {share(float((maps == 0).mean()))} of it are 0, the "
        f"largest value is {figure(float(maps.max()))}.",
        f"This step has moved to {place_words(weakest)}, where it is weakest. Choose "
        "Slide the window, or press p, and watch the map being filled.",
    )


def _filters(stage: Stage, at: At, example: Array) -> Part:
    strongest = example.reshape(-1, example.shape[-1]).max(axis=0)
    second = int(np.argsort(-strongest, kind="stable")[min(1, len(strongest) - 1)])
    dead = len(dead_channels(stage))
    return step(
        "All filters",
        stage_place(stage, (*largest_at(example[..., second]), second), whole=True),
        f"{named(stage)} has {counted(example.shape[-1], 'filter')}, each with weights of its own: "
        f"{number(stage.parameters.total)} parameters. Each gives one channel of the output, "
        f"{dimensions(example.shape)}.",
        f"For this row filter {second} is the next strongest, with "
        f"{figure(float(strongest[second]))} at most."
        if second != at[-1]
        else "",
        f"{counted(dead, 'filter')} gave 0 for every row that was measured." if dead else "",
    )


def place_words(at: At) -> str:
    """A position in a convolution's output in words, without its filter."""
    names = AXES.get(len(at) - 1, ("place",) * (len(at) - 1))
    return ", ".join(f"{name} {place}" for name, place in zip(names, at[:-1], strict=True))
