"""Questions about what a convolution and a pooling compute at one position of the example."""

import math
from collections.abc import Iterator
from random import Random

import numpy as np

from pipetrace.explain.findings.pace import median
from pipetrace.explain.formatting import as_written, comes_to, figure, listed, sum_of
from pipetrace.explain.layers import kernel
from pipetrace.explain.quiz.generator import (
    Asked,
    about_images,
    activated,
    activation_name,
    agrees,
    example_row,
    lengths,
    lines,
    measured,
    named,
)
from pipetrace.explain.quiz.windows import POOLINGS, undilated
from pipetrace.explain.recompute import At, Window, received, seen_at, weight
from pipetrace.explain.remarks import FEW, pooled_block
from pipetrace.trace.document import Array, Stage, Trace

GRID = 2
"""Digits of the values of a window."""
TRIED = 200
"""Positions that are looked at for one whose values can be told apart."""


def _can_compute(trace: Trace, stage: Stage) -> bool:
    was, bias = received(trace, stage), weight(trace, stage, "bias")
    plain = stage.config.get("padding") == "valid" and stage.config.get("groups", 1) == 1
    known = bias is not None and weight(trace, stage, "kernel") is not None and undilated(stage)
    return known and plain and was is not None and was.ndim == 3 and stage.example is not None


def _convolution_value_fits(trace: Trace, stage: Stage) -> bool:
    small = math.prod(kernel(stage)) <= FEW
    return small and lengths(stage.inputs[0])[-1] == 1 and _can_compute(trace, stage)


@about_images("hard", "values", "Conv2D", fits=_convolution_value_fits)
def convolution_value(trace: Trace, stage: Stage, chance: Random) -> Asked | None:
    """What does a filter compute at one position, from its window and its weights?"""
    for place, (window, weights, bias), total, value in _windows(trace, stage, chance):
        if np.count_nonzero(window) < 3 or not value:
            continue
        told = float((_written(window) * _written(weights)).sum())
        added = comes_to(as_written(told) + as_written(bias), total + bias)
        turned = float((window[::-1, ::-1] * weights).sum())
        wrong = [
            (total, "That is the sum of the products; the bias is missing."),
            (turned + bias, "That turns the kernel round; Keras lays it on as it is."),
            (float(window.sum() * weights.sum()) + bias, "Each value has its own weight."),
            (total / window.size + bias, "The products are added, not averaged."),
            (float((window * weights).max()) + bias, "All products count, not the largest."),
            (float(window.sum()) + bias, "Each value is multiplied by its weight."),
        ]
        options = measured(((activated(stage, each) or 0.0, said) for each, said in wrong), value)
        return (
            f"""
Question: In {example_row(trace)}, at line {place[0]}, column {place[1]}, filter {place[2]} of
    {named(stage)} sees {_grid(window)}. Its weights are {_grid(weights)}, its bias is
    {figure(bias)}, its activation {activation_name(stage)}. What does it give?
Answer: {figure(value)}
Why: Each value times its weight, all added: {comes_to(told, total)}; with the bias {added};
    after {activation_name(stage)} {figure(value)}.
{lines(options)}
""",
            {"place": place, "row": trace.run.data.example_row},
        )
    return None


@about_images("medium", "values", "Conv2D", fits=_can_compute)
def bias_and_activation(trace: Trace, stage: Stage, chance: Random) -> Asked | None:
    """What does a convolution give, once its products are summed?"""
    for place, (_, _, bias), total, value in _windows(trace, stage, chance):
        if abs(total) < 1e-3 or abs(bias) < 1e-3:
            continue
        wrong = [
            (total, "The bias is missing."),
            (total + bias, "The activation comes last."),
            (abs(total + bias), "ReLU takes away what is below 0; it does not turn it round."),
            (total - bias, "The bias is added."),
            (-total - bias, "No sign is turned round."),
            (total * bias, "The bias is added, not multiplied."),
            (activated(stage, total) or 0.0, "The bias is missing."),
            ((activated(stage, total) or 0.0) + bias, "The bias comes before the activation."),
        ]
        added = sum_of(total, bias)
        return (
            f"""
Question: In {example_row(trace)}, the products of window and kernel add up to {figure(total)} for
    filter {place[2]} of {named(stage)} at line {place[0]}, column {place[1]}. The bias is
    {figure(bias)}, the activation {activation_name(stage)}. What does the layer give there?
Answer: {figure(value)}
Why: {figure(total)} and the bias {figure(bias)} are {added};
    {activation_name(stage)} makes {figure(value)} of it.
{lines(measured(wrong, value))}
""",
            {"place": place, "row": trace.run.data.example_row},
        )
    return None


@about_images("medium", "values", "Conv2D", fits=_can_compute)
def empty_window(trace: Trace, stage: Stage, chance: Random) -> Asked | None:
    """What does a filter give where it sees nothing but 0?"""
    for place, (window, weights, bias), _, value in _windows(trace, stage, chance):
        if window.any() or abs(bias) < 1e-4:
            continue
        mean, total = float(weights.mean()), float(weights.sum())
        wrong = [
            (0.0, "The bias is added even where all products are 0.")
            if value
            else (bias, "The activation takes away what is below 0."),
            (abs(bias) if value <= 0 else -bias, "No sign is turned round."),
            (total, "Those are the weights; each is multiplied by 0."),
            (total + bias, "Each weight is multiplied by 0."),
            (mean + bias, "Each weight is multiplied by 0."),
            (1.0, "Nothing becomes 1 here."),
        ]
        return (
            f"""
Question: In {example_row(trace)}, at line {place[0]}, column {place[1]}, every value in the window
    of {named(stage)} is 0.
    Filter {place[2]} has the bias {figure(bias)} and the activation {activation_name(stage)}. What
    does it give there?
Answer: {figure(value)}
Why: All products are 0, so the bias alone is left; {activation_name(stage)} makes
    {figure(value)} of it.
{lines(measured(wrong, value))}
""",
            {"place": place, "row": trace.run.data.example_row},
        )
    return None


def _pooled_value_fits(trace: Trace, stage: Stage) -> bool:
    small = math.prod(kernel(stage)) <= FEW
    was, whole = received(trace, stage), stage.config.get("padding") == "valid"
    return small and whole and was is not None and was.ndim == 3


@about_images("easy", "values", *POOLINGS, fits=_pooled_value_fits)
def pooled_value(trace: Trace, stage: Stage, chance: Random) -> Asked | None:
    """What does a pooling make of a block of measured values?"""
    was, shape = received(trace, stage), lengths(stage.outputs[0])
    kind = chance.choice(POOLINGS)
    if was is None:
        return None
    for _ in range(TRIED):
        place = tuple(chance.randrange(each) for each in shape)
        block = pooled_block(stage, was, place).astype(np.float64)
        values = {
            "the largest": block.max(),
            "the mean": block.mean(),
            "the sum": block.sum(),
            "the smallest": block.min(),
            "the first": block[0, 0],
            "the median": median([*block.flat]),
        }
        right = float(block.max() if kind == "MaxPooling2D" else block.mean())
        others = [(float(each), f"That is {name}.") for name, each in values.items()]
        texts = {figure(each) for each, _ in others}
        if block.min() > 0 and len(texts) == len(values) and len({*block.flat}) == block.size:
            break
    else:
        return None
    told = listed([figure(value) for value in block.flat])
    name = "largest value" if kind == "MaxPooling2D" else "mean"
    return (
        f"""
Question: In {example_row(trace)}, a block of channel {place[2]} before {stage.name} holds {told}.
    What does {kind} give for it?
Answer: {figure(right)}
Why: {kind} gives the {name} of the block.
{lines(measured(others, right))}
""",
        {"place": place, "kind": kind, "row": trace.run.data.example_row},
    )


def _windows(
    trace: Trace, stage: Stage, chance: Random
) -> Iterator[tuple[At, Window, float, float]]:
    """Random positions of a convolution, each with what its filter sees, the sum of the products,
    and the value there, which is what was recorded."""
    example = stage.example
    if example is None:
        return
    for _ in range(TRIED):
        place = tuple(chance.randrange(each) for each in example.shape)
        found = seen_at(trace, stage, place)
        if found is None:
            return
        seen, weights, bias = found
        total = float((seen * weights).sum())
        value = activated(stage, total + bias)
        if value is not None and agrees(value, example, place):
            alone = seen.shape[-1] == 1
            both = (seen[..., 0], weights[..., 0]) if alone else (seen, weights)
            yield place, (*both, bias), total, value


def _grid(values: Array) -> str:
    """Values line by line: ``[0 1 2 / 3 4 5]``."""
    return f"[{' / '.join(' '.join(figure(each, GRID) for each in line) for line in values)}]"


def _written(values: Array) -> Array:
    """Values as ``_grid`` writes them."""
    return np.array([[as_written(float(each), GRID) for each in line] for line in values])
