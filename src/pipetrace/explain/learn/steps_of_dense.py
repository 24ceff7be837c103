"""The steps through a Dense layer, from one input to all units."""

import numpy as np

from pipetrace.explain.formatting import added, counted, figure, multiplied, number, sum_of
from pipetrace.explain.learn.lesson import Part, stage_place, step
from pipetrace.explain.quiz.generator import activation_name, named
from pipetrace.explain.recompute import received, weight
from pipetrace.trace.document import Array, Stage, Trace


def steps_of_dense(trace: Trace, stage: Stage) -> list[Part] | None:
    """Six steps; None for another stage, or one that does not take a list of values."""
    x, example = received(trace, stage), stage.example
    kernel, bias = weight(trace, stage, "kernel"), weight(trace, stage, "bias")
    if stage.layer != "Dense" or x is None or kernel is None or example is None:
        return None
    if x.ndim != 1 or kernel.shape != (len(x), *example.shape):
        return None
    unit = int(np.abs(example).argmax())
    total = float((x.astype(float) * kernel[:, unit]).sum())
    return [
        *_sum(trace, stage, x, kernel[:, unit], unit),
        *_output(stage, total, 0.0 if bias is None else float(bias[unit]), unit, example),
    ]


def _sum(trace: Trace, stage: Stage, x: Array, weights: Array, unit: int) -> list[Part]:
    products = x.astype(float) * weights
    most, names = int(np.abs(products).argmax()), trace.run.data.feature_names
    pro, contra = float(products[products > 0].sum()), float(products[products < 0].sum())
    source, here = trace.stages[stage.inputs[0].source or ""], stage_place(stage, (unit,))
    value, by = float(x[most]), float(weights[most])
    name = f"'{names[most]}'" if len(names) == len(x) else f"value {most}"
    return [
        step(
            "One value",
            stage_place(source, (most,), text=named(source)),
            f"{named(stage)} takes {counted(len(x), 'value')}. The one that matters most for unit "
            f"{unit} in this row is {name}: {figure(value)}.",
        ),
        step(
            "Its weight",
            here,
            f"Unit {unit} has one weight for every value that comes in. This one is {figure(by)}, "
            f"so it adds {multiplied(value, by)}.",
        ),
        step(
            "The sum",
            here,
            f"All {number(len(x))} products: those above 0 add {figure(pro)}, those below take "
            f"{figure(-contra)} away; {sum_of(pro, contra)} is left.",
        ),
    ]


def _output(stage: Stage, total: float, bias: float, unit: int, example: Array) -> list[Part]:
    other = int(np.argsort(-np.abs(example), kind="stable")[min(1, len(example) - 1)])
    here, zeros = stage_place(stage, (unit,)), int((example == 0).sum())
    return [
        step(
            "The bias",
            here,
            f"The unit adds its own number: {added(total, bias)}."
            if bias
            else "This unit adds nothing: its bias is 0 or it has none.",
        ),
        step(
            "The activation",
            here,
            f"The activation is {activation_name(stage)}; the recorded value is "
            f"{figure(float(example[unit]))}. The page computes it again and compares both.",
        ),
        step(
            "All units",
            stage_place(stage, (other,)),
            f"Each of {counted(len(example), 'unit')} has weights of its own: "
            f"{number(stage.parameters.total)} parameters. In this row "
            f"{number(zeros) if zeros else 'none'} of them give 0.",
            f"Look at unit {other}, which gives {figure(float(example[other]))}."
            if other != unit
            else "",
        ),
    ]
