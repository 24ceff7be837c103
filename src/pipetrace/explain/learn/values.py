"""Tasks that ask for a value which the model computed."""

from collections.abc import Iterator, Sequence

import numpy as np

from pipetrace.explain.formatting import as_written, comes_to, figure
from pipetrace.explain.learn.lesson import BLANK, Blank, Exercise, Slip, signed, stage_place
from pipetrace.explain.learn.steps_of_convolution import place_words, strongest_window
from pipetrace.explain.quiz.generator import (
    HARD,
    activated,
    activation_name,
    named,
)
from pipetrace.explain.recompute import received, weight
from pipetrace.trace.document import Stage, Trace

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
    value = activated(stage, total + bias) or 0.0
    function = activation_name(stage)
    lines = [
        f"window  = {_rounded(window)}",
        f"weights = {_rounded(weights)}",
        f"total = (window * weights).sum()  # {_total(window, weights, total)}",
        f"bias = {figure(bias)}",
        f"value = {'' if function == 'no function' else function.lower()}(total + bias)  # {BLANK}",
    ]
    if function == "no function":
        lines[-1] = f"value = total + bias  # {BLANK}"
    yield _of_value(
        stage,
        at,
        lines,
        value,
        [
            (total, "The bias is missing."),
            (total - bias, "The bias is added."),
            (float((window * weights).max()), "All products count."),
        ],
        f"{_with_bias(total, bias)}, then {function}.",
        _as_printed(stage, window, weights, total, bias),
    )


def _summed(trace: Trace, stage: Stage, unit: int) -> Iterator[Exercise]:
    x, table, example = received(trace, stage), weight(trace, stage, "kernel"), stage.example
    bias = weight(trace, stage, "bias")
    if stage.layer != "Dense" or x is None or table is None or example is None or x.ndim != 1:
        return
    if len(x) > 12 or table.shape != (len(x), *example.shape):
        return
    added = float(bias[unit]) if bias is not None else 0.0
    total = float((x.astype(float) * table[:, unit]).sum())
    function, value = activation_name(stage), activated(stage, total + added)
    if value is None or abs(value - float(example[unit])) > 1e-4 * max(1.0, abs(value)):
        return
    formula = "total + bias" if function == "no function" else f"{function.lower()}(total + bias)"
    yield _of_value(
        stage,
        (unit,),
        [
            f"x       = {_rounded(x)}",
            f"weights = {_rounded(table[:, unit])}",
            f"total = (x * weights).sum()  # {_total(x, table[:, unit], total)}",
            f"bias = {figure(added)}",
            f"value = {formula}  # {BLANK}",
        ],
        value,
        [(total, "The bias is missing."), (total + added, "The activation comes last.")],
        f"{_with_bias(total, added)}, then {function}.",
        _as_printed(stage, x, table[:, unit], total, added),
    )


def _of_value(
    stage: Stage,
    at: Sequence[int],
    lines: Sequence[str],
    value: float,
    wrong: Sequence[tuple[float, str]],
    why: str,
    printed: Sequence[float],
) -> Exercise:
    """A task; what comes of the numbers as they are ``printed`` is right as well."""
    within = WITHIN * max(abs(value), 0.001)
    within = max(within, *(1.001 * abs(each - value) for each in printed))
    slips = tuple(
        Slip(figure(each), remark) for each, remark in wrong if abs(each - value) > 3 * within
    )
    where = f" at {place_words(tuple(at))}" if len(at) > 1 else ""
    part = "filter" if len(at) > 1 else "unit"
    return Exercise(
        HARD,
        f"What does {part} {at[-1]} of {named(stage)} give{where}?",
        "\n".join(lines),
        (Blank(figure(value), within, slips),),
        "Add the bias to the total; the activation comes last. The explorer works it step by step.",
        why,
        stage_place(stage, at),
    )


def _shown_total(values: np.ndarray, weights: np.ndarray) -> float:
    """The sum of the products of the numbers as they are written."""
    pairs = zip(values.reshape(-1), weights.reshape(-1), strict=True)
    return sum(as_written(float(one)) * as_written(float(other)) for one, other in pairs)


def _total(values: np.ndarray, weights: np.ndarray, total: float) -> str:
    differs = figure(_shown_total(values, weights)) != figure(total)
    return f"{figure(total)}{' with all digits' * differs}"


def _as_printed(
    stage: Stage, values: np.ndarray, weights: np.ndarray, total: float, bias: float
) -> list[float]:
    """What a reader gets from the total that is printed, and from the products."""
    sums = (as_written(total), _shown_total(values, weights))
    return [activated(stage, each + as_written(bias)) or 0.0 for each in sums]


def _with_bias(total: float, bias: float) -> str:
    added = comes_to(as_written(total) + as_written(bias), total + bias)
    return f"{figure(total)} {signed(bias)} = {added}"


def _rounded(values: np.ndarray) -> str:
    return "[" + ", ".join(figure(float(each)) for each in values.reshape(-1)) + "]"
