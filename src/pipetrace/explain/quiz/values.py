"""Questions about single values of the example row: what a stage makes of them."""

import math
from random import Random

import numpy as np

from pipetrace.explain.formatting import (
    as_written,
    exact,
    figure,
    listed,
    multiplied,
    number,
    share,
    sum_of,
)
from pipetrace.explain.quiz.generator import (
    Asked,
    Draft,
    about_stage,
    activated,
    activation_name,
    agrees,
    example_row,
    lengths,
    lines,
    measured,
    named,
    question,
    written,
)
from pipetrace.explain.quiz.windows import undilated
from pipetrace.explain.recompute import received, weight
from pipetrace.trace.document import STEP, Stage, Trace

MOST = 200
"""Values of the example that one is drawn from."""
MARGIN_OF_SUM = 1e-3
"""Contributions that are nearer to each other are not asked about."""


@question("easy", "values")
def scaled_value(trace: Trace, chance: Random) -> Draft | None:
    """What does one value become?"""
    for stage in trace.stages:
        by, was = _factor(stage), received(trace, stage)
        if by is None or was is None or stage.example is None or was.shape != stage.example.shape:
            continue
        places = np.argwhere((was != 0) & (np.abs(was) != abs(by)))
        if not len(places):
            continue
        place = tuple(map(int, chance.choice(list(places))))
        value, after = float(was[place]), float(stage.example[place])
        if not math.isclose(after, value / by, rel_tol=1e-5):
            continue
        return written(
            f"""
Question: A value of {example_row(trace)} is {exact(value)}. What is it after the scaling
    {stage.name}?
Answer: {exact(after)}
Why: {exact(value)} / {exact(by)} = {exact(after)}, in float32, as measured at {_at(place)}.
{exact(value / (by + 1))}: That divides by {exact(by + 1)}; the scaling divides by {exact(by)}.
{exact(value / by * 2 - 1)}: That would scale to the range -1 to 1; this step only divides.
{exact(value / 100)}: That treats the value as a percentage.
{exact(value)}: That is the value before scaling.
{exact(1 - value / by)}: Nothing is turned round; 0 stays 0.
""",
            f"stage/{stage.name}",
            stage=stage.name,
            place=place,
            row=trace.run.data.example_row,
        )
    return None


def _dense_value_fits(trace: Trace, stage: Stage) -> bool:
    known = weight(trace, stage, "kernel") is not None and weight(trace, stage, "bias") is not None
    was = received(trace, stage)
    plain = activation_name(stage) in ("ReLU", "sigmoid", "no function", "tanh")
    return known and plain and was is not None and was.ndim == 1 and stage.example is not None


@about_stage("medium", "values", "Dense", fits=_dense_value_fits)
def dense_value(trace: Trace, stage: Stage, chance: Random) -> Asked | None:
    """What does a unit give, once its products are summed?"""
    was, kernels = received(trace, stage), weight(trace, stage, "kernel")
    biases = weight(trace, stage, "bias")
    if was is None or kernels is None or biases is None or stage.example is None:
        return None
    unit = chance.randrange(kernels.shape[1])
    total, bias = float(was.astype(float) @ kernels[:, unit]), float(biases[unit])
    value = activated(stage, total + bias)
    if value is None or not agrees(value, stage.example, (unit,)):
        return None
    wrong = [
        (activated(stage, total) or 0.0, "The bias is missing."),
        (total + bias, "The activation comes last."),
        (total, "Bias and activation are missing."),
        (activated(stage, total - bias) or 0.0, "The bias is added."),
        (-total - bias, "No sign is turned round."),
        (1 / (1 + math.exp(min(700.0, total + bias))), "No sign is turned round."),
        ((total + bias) / len(was), "The products are added, not averaged."),
    ]
    return (
        f"""
Question: For {example_row(trace)}, the products of inputs and weights of unit {unit} of
    {named(stage)} add up to {figure(total)}. The bias is {figure(bias)}, the activation
    {activation_name(stage)}. What does the unit give?
Answer: {figure(value)}
Why: {figure(total)} and {figure(bias)} are {sum_of(total, bias)}; {activation_name(stage)} makes
    {figure(value)} of it.
{lines(measured(wrong, value))}
""",
        {"unit": unit, "row": trace.run.data.example_row},
    )


def _largest_contribution_fits(trace: Trace, stage: Stage) -> bool:
    was, kernels = received(trace, stage), weight(trace, stage, "kernel")
    return was is not None and was.ndim == 1 and kernels is not None and len(kernels) > 3


@about_stage("hard", "values", "Dense", fits=_largest_contribution_fits)
def largest_contribution(trace: Trace, stage: Stage, chance: Random) -> Asked | None:
    """Which input contributes most to a unit?"""
    was, kernels = received(trace, stage), weight(trace, stage, "kernel")
    if was is None or kernels is None:
        return None
    unit = chance.randrange(kernels.shape[1])
    products = was.astype(float) * kernels[:, unit]
    inputs = chance.sample(
        [int(each) for each in np.flatnonzero(was)], min(4, int(np.count_nonzero(was)))
    )
    order = sorted(inputs, key=lambda at: -products[at])
    if len(order) < 4 or products[order[0]] - products[order[1]] < MARGIN_OF_SUM:
        return None
    told = listed([
        f"value {at}: {figure(was[at])} with weight {figure(kernels[at, unit])}"
        for at in sorted(order)
    ])  # fmt: skip
    worked = {at: multiplied(float(was[at]), float(kernels[at, unit])) for at in order}
    rest = "\n".join(f"Value {at}: It adds {worked[at]}." for at in order[1:])
    return (
        f"""
Question: For {example_row(trace)}, unit {unit} of {named(stage)} weighs the values that
    come in, among them {told}. Which of these four makes its sum largest?
Answer: Value {order[0]}
Why: Value times weight counts: {worked[order[0]]}.
{rest}
""",
        {"unit": unit, "inputs": tuple(sorted(order)), "row": trace.run.data.example_row},
    )


def _standard_score_fits(trace: Trace, stage: Stage) -> bool:
    known = stage.summary is not None and stage.example is not None
    return known and bool(stage.summary and stage.summary.std and stage.summary.mean is not None)


@about_stage("hard", "values", fits=_standard_score_fits)
def standard_score(trace: Trace, stage: Stage, chance: Random) -> Asked | None:
    """How many standard deviations is a value from the mean of its stage?"""
    summary, values = stage.summary, stage.example
    if summary is None or values is None or summary.mean is None or not summary.std:
        return None
    value = as_written(float(chance.choice(list(values.flat[:MOST]))))
    mean, std = as_written(summary.mean), as_written(summary.std)
    side, more, less = ("below", mean, value) if value < mean else ("above", value, mean)
    right = (more - less) / std
    if not math.isfinite(right) or right < 0.1:
        return None
    wrong = [
        (value / std, "The mean is taken off first."),
        (more - less, "That is the distance, not yet in standard deviations."),
        (-right, f"The value is {side} the mean, as asked, so no minus is needed."),
        (right / std, "That divides by the variance."),
        (value / mean if mean else math.inf, "The distance from the mean counts."),
        ((value + mean) / std, "The mean is taken off."),
    ]
    return (
        f"""
Question: The values of {named(stage)} have the mean {figure(mean)} and the standard deviation
    {figure(std)} over all rows. How many standard deviations {side} the mean is {figure(value)},
    a value of {example_row(trace)}?
Answer: {figure(right)}
Why: ({figure(more)} - {figure(less)}) / {figure(std)} = {figure(right)}.
{lines(measured(wrong, right))}
""",
        {"value": value, "row": trace.run.data.example_row},
    )


def _share_of_zeros_fits(trace: Trace, stage: Stage) -> bool:
    found = stage.summary
    return found is not None and 0 < found.zeros < found.count


@about_stage("easy", "values", fits=_share_of_zeros_fits)
def share_of_zeros(trace: Trace, stage: Stage, chance: Random) -> Asked | None:
    """What share of a stage's values is 0?"""
    if stage.summary is None:
        return None
    zeros, count = stage.summary.zeros, stage.summary.count
    right = zeros / count
    wrong = [
        (1 - right, "That is the share of the others."),
        (zeros / (count - zeros), "The zeros are among all values."),
        (right / 10, "A share of 1 is 100 %."),
        (min(1.0, 10 * right), "A share of 1 is 100 %."),
        (right / 2, "Each zero counts."),
        ((1 + right) / 2, "Each zero counts once."),
    ]
    return f"""
Question: Of {number(count)} values that {named(stage)} gave for all rows, {number(zeros)} are 0.
    What share is that?
Answer: {share(right)}
Why: {number(zeros)} / {number(count)} = {share(right)}.
{lines(measured(wrong, right, share))}
"""


def _dropout_scale_fits(trace: Trace, stage: Stage) -> bool:
    rate = stage.config.get("rate")
    return isinstance(rate, float) and 0 < rate < 1 and stage.example is not None


@about_stage("hard", "values", "Dropout", fits=_dropout_scale_fits)
def dropout_scale(trace: Trace, stage: Stage, chance: Random) -> Asked | None:
    """What does dropout make of a value that it keeps?"""
    rate = float(stage.config["rate"])
    values = [float(each) for each in (stage.example.flat if stage.example is not None else ())]
    values = [each for each in values[:MOST] if math.isfinite(each) and each]
    if not values:
        return None
    value = as_written(chance.choice(values))
    right = value / (1 - as_written(rate))
    wrong = [
        (value, "In training what is kept is scaled, so that the mean stays."),
        (value * (1 - rate), "What is kept becomes larger, not smaller."),
        (value / rate, "It is divided by the share that is kept."),
        (value * rate, "It is divided by the share that is kept."),
        (value * (1 + rate), "It is divided by the share that is kept."),
        (2 * right, "It is divided by the share that is kept, once."),
    ]
    return (
        f"""
Question: {named(stage)} drops {share(rate)} of the values in training. What does it make of
    {figure(value)}, a value of {example_row(trace)}, if it keeps it?
Answer: {figure(right)}
Why: {figure(value)} / (1 - {figure(rate)}) = {figure(right)}, so that the mean stays as it is
    without dropout.
{lines(measured(wrong, right))}
""",
        {"value": value, "row": trace.run.data.example_row},
    )


def _multiplications_fits(trace: Trace, stage: Stage) -> bool:
    kernels = [each for each in stage.weights if each.name == "kernel"]
    return len(kernels) == 1 and len(stage.inputs[0].shape) in (2, 4) and undilated(stage)


@about_stage("hard", "values", "Conv2D", "Dense", fits=_multiplications_fits)
def multiplications(trace: Trace, stage: Stage, chance: Random) -> Asked | None:
    """How many multiplications does a layer take for some rows?"""
    [kernels] = [each.shape for each in stage.weights if each.name == "kernel"]
    given = lengths(stage.outputs[0])
    if stage.config.get("data_format") == "channels_first" or given[-1] != kernels[-1]:
        return None
    weights, values = math.prod(kernels), math.prod(given)
    rows, each = chance.randrange(2, 65), weights // given[-1]
    right = rows * values * each
    return (
        f"""
Question: The kernel of {named(stage)} has {number(weights)} weights, and the layer gives
    {number(values)} values for a row. How many multiplications do {rows} rows take?
Answer: {number(right)}
Why: Each value takes {number(each)} products: {rows} x {number(values)} x {number(each)} =
    {number(right)}.
{number(rows * weights * values)}: A value takes the weights of its own filter or unit only.
{number(rows * (weights + values))}: Each value takes as many products as its unit has weights.
{number(values * each)}: That is one row.
{number(rows * values)}: Each value takes many products.
{number(right // 2)}: Each product counts once.
{number(2 * right)}: That counts the additions as well.
""",
        {"rows": rows},
    )


def _factor(stage: Stage) -> float | None:
    """What a scaling divides by."""
    if stage.kind == STEP and stage.config.get("operation") == "divide":
        by = stage.config.get("by")
        return float(by) if isinstance(by, int | float) and by else None
    scale, offset = stage.config.get("scale"), stage.config.get("offset")
    plain = stage.layer == "Rescaling" and isinstance(scale, float) and not offset
    return 1 / float(scale) if plain and scale else None


def _at(place: tuple[int, ...]) -> str:
    names = ("line", "column", "channel") if len(place) == 3 else ("position",) * len(place)
    return ", ".join(f"{name} {each}" for name, each in zip(names, place, strict=True))
