"""Tasks that ask for a value which the model computed."""

from collections.abc import Iterator, Sequence

import numpy as np

from pipetrace.explain.formatting import added, as_written, figure
from pipetrace.explain.learn.lesson import BLANK, Blank, Exercise, Slip, stage_place
from pipetrace.explain.learn.steps_of_convolution import place_words, strongest_window
from pipetrace.explain.quiz.generator import HARD, activated, activation_name, named
from pipetrace.explain.recompute import At, received, weight
from pipetrace.trace.document import Array, Stage, Trace

MOST_UNITS = 8
"""Filters or units of a stage, the strongest ones, among which the one that is asked is drawn."""
WITHIN = 0.01
"""How far a computed value may be from the recorded one, beside it: numbers are given rounded."""


def worked_values(trace: Trace, stages: Sequence[Stage]) -> Iterator[Exercise]:
    """Tasks in which one recorded value is to be computed."""
    for stage in stages:
        if stage.example is None or stage.example.dtype.kind not in "fiu" or not stage.example.size:
            continue
        strength = np.abs(np.atleast_1d(stage.example))
        strength = strength.reshape(-1, strength.shape[-1]).max(axis=0)
        for unit in np.argsort(-strength, kind="stable")[:MOST_UNITS]:
            yield from _convolved(trace, stage, int(unit))
            yield from _summed(trace, stage, int(unit))


def _convolved(trace: Trace, stage: Stage, channel: int) -> Iterator[Exercise]:
    found = strongest_window(trace, stage, channel)
    if found is None or found[1].size > 27:
        return
    at, window, weights, bias = found
    total = float((window * weights).sum())
    wrong = [
        (total, "The bias is missing."),
        (total - bias, "The bias is added."),
        (float((window * weights).max()), "All products count."),
    ]
    yield _of_value(stage, at, ("window", window), weights, bias, wrong)


def _summed(trace: Trace, stage: Stage, unit: int) -> Iterator[Exercise]:
    x, table, example = received(trace, stage), weight(trace, stage, "kernel"), stage.example
    bias = weight(trace, stage, "bias")
    if stage.layer != "Dense" or x is None or table is None or example is None or x.ndim != 1:
        return
    if len(x) > 12 or table.shape != (len(x), *example.shape):
        return
    own = float(bias[unit]) if bias is not None else 0.0
    total = float((x.astype(float) * table[:, unit]).sum())
    value = activated(stage, total + own)
    if value is None or abs(value - float(example[unit])) > 1e-4 * max(1.0, abs(value)):
        return
    wrong = [(total, "The bias is missing."), (total + own, "The activation comes last.")]
    yield _of_value(stage, (unit,), ("x", x), table[:, unit], own, wrong)


def _of_value(
    stage: Stage,
    at: At,
    given: tuple[str, Array],
    weights: Array,
    bias: float,
    wrong: Sequence[tuple[float, str]],
) -> Exercise:
    """A task of values with their name; what comes of the numbers as printed is right as well."""
    name, values = given
    total, shown = float((values.astype(float) * weights).sum()), _shown_total(values, weights)
    value, function = activated(stage, total + bias) or 0.0, activation_name(stage)
    formula = "total + bias" if function == "no function" else f"{function.lower()}(total + bias)"
    differs = " with all digits" * (figure(shown) != figure(total))
    lines = [
        f"{name:7} = {_rounded(values)}",
        f"weights = {_rounded(weights)}",
        f"total = ({name} * weights).sum()  # {figure(total)}{differs}",
        f"bias = {figure(bias)}",
        f"value = {formula}  # {BLANK}",
    ]
    sums = (as_written(total), shown)
    printed = [activated(stage, each + as_written(bias)) or 0.0 for each in sums]
    within = WITHIN * max(abs(value), 0.001)
    within = max(within, *(1.001 * abs(each - value) for each in printed))
    slips = tuple(
        Slip(figure(each), remark) for each, remark in wrong if abs(each - value) > 3 * within
    )
    where = f" at {place_words(at)}" if len(at) > 1 else ""
    part = "filter" if len(at) > 1 else "unit"
    return Exercise(
        HARD,
        f"What does {part} {at[-1]} of {named(stage)} give{where}?",
        "\n".join(lines),
        (Blank(figure(value), within, slips),),
        "Add the bias to the total; the activation comes last. The explorer works it step by step.",
        f"{added(total, bias)}, then {function}.",
        stage_place(stage, at),
    )


def _shown_total(values: Array, weights: Array) -> float:
    """The sum of the products of the numbers as they are written."""
    pairs = zip(values.reshape(-1), weights.reshape(-1), strict=True)
    return sum(as_written(float(one)) * as_written(float(other)) for one, other in pairs)


def _rounded(values: Array) -> str:
    return "[" + ", ".join(figure(float(each)) for each in values.reshape(-1)) + "]"
