"""The steps through a convolution, from the window at one place to all filters."""

from dataclasses import dataclass

import numpy as np

from pipetrace.explain.facts import dead_channels
from pipetrace.explain.filters import filter_texts
from pipetrace.explain.formatting import (
    as_written,
    comes_to,
    counted,
    dimensions,
    figure,
    number,
    share,
)
from pipetrace.explain.learn.lesson import (
    Part,
    Place,
    position_of,
    sentence,
    signed,
    stage_place,
    step,
)
from pipetrace.explain.quiz.generator import activated, activation_name, agrees, named
from pipetrace.explain.recompute import At, seen_at
from pipetrace.trace.document import Array, Stage, Trace

AXES = {1: ("step",), 2: ("line", "column"), 3: ("slice", "line", "column")}


@dataclass(frozen=True)
class Worked:
    """A value of a convolution, and what it is computed from."""

    # trace, stage: which
    trace: Trace
    stage: Stage
    at: At  # its position; the last axis is the filter
    # window, weights: what the filter sees there and its kernel, of the same shape
    window: Array
    weights: Array
    bias: float  # of the filter
    example: Array  # the output of the stage for the row

    @property
    def here(self) -> Place:
        """Its place on the page."""
        return stage_place(self.stage, self.at)

    @property
    def channel(self) -> int:
        """The filter."""
        return self.at[-1]

    @property
    def total(self) -> float:
        """The sum of the products."""
        return float((self.window * self.weights).sum())


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
    at = tuple(int(each) for each in np.unravel_index(int(looked.argmax()), example.shape))
    found = seen_at(trace, stage, at)
    if found is None:
        return None
    seen, weights, bias = found
    value = activated(stage, float((seen * weights).sum()) + bias)
    return (at, *found) if value is not None and agrees(value, example, at) else None


def steps_of_convolution(trace: Trace, stage: Stage) -> list[Part] | None:
    """Six steps; None for a stage whose value cannot be computed from what was recorded."""
    found = strongest_window(trace, stage)
    if found is None or stage.example is None:
        return None
    worked = Worked(trace, stage, *found, stage.example)
    return [make(worked) for make in (_patch, _kernel, _bias, _activation, _positions, _filters)]


def _patch(worked: Worked) -> Part:
    window, size = worked.window, " x ".join(map(str, worked.window.shape[:-1]))
    depth, zeros = window.shape[-1], int((window == 0).sum())
    return step(
        "A patch",
        worked.here,
        f"{named(worked.stage)} does not look at the whole input at once. At "
        f"{place_words(worked.at)} its window covers {size} values"
        f"{f' in each of {depth} channels' if depth > 1 else ''}: {number(window.size)} numbers "
        f"from {figure(float(window.min()))} to {figure(float(window.max()))}, "
        f"{number(zeros) if zeros else 'none'} of them 0.",
    )


def _kernel(worked: Worked) -> Part:
    window, weights = worked.window, worked.weights
    products, texts = window * weights, filter_texts(worked.trace, worked.stage)
    most = position_of(products, int(np.abs(products).argmax()))
    one, other = as_written(float(window[most])), as_written(float(weights[most]))
    return step(
        "The kernel",
        worked.here,
        f"Filter {worked.channel} has one weight for each of these {number(window.size)} values, "
        f"from {figure(float(weights.min()))} to {figure(float(weights.max()))}; they are the same "
        "at every position, and training found them.",
        sentence(texts[worked.channel]) if worked.channel < len(texts) else "",
        "Each value is multiplied by its weight. The largest product is "
        f"{figure(one)} x {figure(other)} = "
        f"{comes_to(one * other, float(products[most]))}; all {number(window.size)} together are "
        f"{figure(worked.total)}.",
    )


def _bias(worked: Worked) -> Part:
    total, bias = worked.total, worked.bias
    return step(
        "The bias",
        worked.here,
        f"The filter adds its own number, {figure(bias)}, wherever it looks: {figure(total)} "
        f"{signed(bias)} = {comes_to(as_written(total) + as_written(bias), total + bias)}. Where a "
        "patch is all 0, the bias alone is left."
        if bias
        else "This filter adds nothing: its bias is 0 or it has none.",
    )


def _activation(worked: Worked) -> Part:
    value = figure(float(worked.example[worked.at]))
    return step(
        "The activation",
        worked.here,
        f"The activation is {activation_name(worked.stage)}: from "
        f"{figure(worked.total + worked.bias)} it makes {value}. Keras recorded {value} at this "
        "place; the page computes it again and compares both.",
    )


def _positions(worked: Worked) -> Part:
    maps = worked.example[..., worked.channel]
    weakest = (*position_of(maps, int(maps.argmin())), worked.channel)
    return step(
        "All positions",
        stage_place(worked.stage, weakest, whole=True),
        "The window moves on and the same weights are used again: "
        f"{' x '.join(map(str, maps.shape))} = {number(maps.size)} positions give the map of "
        f"filter {worked.channel}. In this row {share(float((maps == 0).mean()))} of it are 0, the "
        f"largest value is {figure(float(maps.max()))}.",
        f"This step has moved to {place_words(weakest)}, where it is weakest. Choose "
        "Slide the window, or press p, and watch the map being filled.",
    )


def _filters(worked: Worked) -> Part:
    example, stage = worked.example, worked.stage
    strongest = example.reshape(-1, example.shape[-1]).max(axis=0)
    second = int(np.argsort(-strongest, kind="stable")[min(1, len(strongest) - 1)])
    maps, dead = example[..., second], len(dead_channels(stage))
    return step(
        "All filters",
        stage_place(stage, (*position_of(maps, int(maps.argmax())), second), whole=True),
        f"{named(stage)} has {counted(example.shape[-1], 'filter')}, each with weights of its own: "
        f"{number(stage.parameters.total)} parameters. Each gives one channel of the output, "
        f"{dimensions(example.shape)}.",
        f"For this row filter {second} is the next strongest, with "
        f"{figure(float(strongest[second]))} at most."
        if second != worked.channel
        else "",
        f"{counted(dead, 'filter')} gave 0 for every row that was measured." if dead else "",
    )


def place_words(at: At) -> str:
    """A position in a convolution's output in words, without its filter."""
    names = AXES.get(len(at) - 1, ("place",) * (len(at) - 1))
    return ", ".join(f"{name} {place}" for name, place in zip(names, at[:-1], strict=True))
