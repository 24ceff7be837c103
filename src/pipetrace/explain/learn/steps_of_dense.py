"""The steps through a Dense layer, from one input to all units."""

import numpy as np

from pipetrace.explain.formatting import as_written, comes_to, counted, figure, number
from pipetrace.explain.learn.lesson import Part, position_of, signed, stage_place, step
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
    added = float(bias[unit]) if bias is not None else 0.0
    return [
        *_sum(trace, stage, x, kernel[:, unit], unit),
        *_output(stage, float((x.astype(float) * kernel[:, unit]).sum()), added, unit, example),
    ]


def _sum(trace: Trace, stage: Stage, x: Array, weights: Array, unit: int) -> list[Part]:
    products = x.astype(float) * weights
    most, names = int(np.abs(products).argmax()), trace.run.data.feature_names
    pro, contra = float(products[products > 0].sum()), float(products[products < 0].sum())
    source, here = trace.stages[stage.inputs[0].source or ""], stage_place(stage, (unit,))
    given, value, by = source.example, as_written(float(x[most])), as_written(float(weights[most]))
    one, times, product = figure(value), figure(by), comes_to(value * by, float(products[most]))
    there = position_of(given, most) if given is not None and given.size > most else ()
    name = f"'{names[most]}'" if len(names) == len(x) else f"value {most}"
    return [
        step(
            "One value",
            stage_place(source, there, text=named(source)),
            f"{named(stage)} takes {counted(len(x), 'value')}. The one that matters most for unit "
            f"{unit} in this row is {name}: {one}.",
        ),
        step(
            "Its weight",
            here,
            f"Unit {unit} has one weight for every value that comes in. This one is {times}, so it "
            f"adds {one} x {times} = {product}.",
        ),
        step(
            "The sum",
            here,
            f"All {number(len(x))} products: those above 0 add {figure(pro)}, those below take "
            f"{figure(-contra)} away; "
            f"{comes_to(as_written(pro) + as_written(contra), float(products.sum()))} is left.",
        ),
    ]


def _output(stage: Stage, total: float, added: float, unit: int, example: Array) -> list[Part]:
    other = int(np.argsort(-np.abs(example), kind="stable")[min(1, len(example) - 1)])
    here, zeros = stage_place(stage, (unit,)), int((example == 0).sum())
    return [
        step(
            "The bias",
            here,
            f"The unit adds its own number: {figure(total)} {signed(added)} = "
            f"{comes_to(as_written(total) + as_written(added), total + added)}."
            if added
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
