"""Runs that have a fault, made from the sound one: what the cases of the rules share."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from tests.explain.findings.conftest import a_run, poor

from pipetrace.explain.findings import WARNING
from pipetrace.trace import Trace
from pipetrace.trace.document import Event, Parameters, Weight

Make = Callable[[], Trace]


@dataclass(frozen=True)
class Case:
    """A rule's code, the run with the fault, what nearly is one, and where and how grave it is."""

    code: str
    fault: Make
    near: Make
    stage: str | None = None
    level: str = WARNING


def numbers(changes: Any = None, **options: Any) -> Trace:
    """A regression."""
    given = {"numbers": True, "width": 1, "last": "linear", "loss": "mean_squared_error", **options}
    return a_run(changes, **given)


def signals(**values: float) -> dict[Any, Any]:
    """Figures of the rows that enter the first layer, in all epochs."""
    return {("signal", "rows", -1): values}


def grads(first: float) -> dict[Any, Any]:
    return {("gradient", "first/kernel", -1): {"rms": first, "norm": first, "max": first}}


def moves(part: float, straight: float = 0.99, *, epochs: int = 8) -> dict[Any, Any]:
    """Kernels that moved by a part of their size in all, at an even pace."""
    return {
        ("update", f"{name}/kernel", -1): {
            "moved": 4 * part / epochs,
            "from_start": 4 * part,
            "straight": straight,
        }
        for name in ("first", "second", "last")
    }


def thrown(times: float) -> Any:
    """A kernel that moved in the first epoch by so many times the size that it was drawn with."""
    size = math.sqrt(2 / 24) * math.sqrt(8 * 16)
    return {("update", "first/kernel", 1): {"from_start": times * size, "moved": times * size}}


def slow(count: int = 8) -> list[float]:
    return [1.1 - 0.001 * number for number in range(count)]


def with_summary(trace: Trace, name: str, summary: Any) -> Trace:
    return replace(
        trace,
        stages=tuple(
            replace(each, summary=summary) if each.name == name else each for each in trace.stages
        ),
    )


def relabelled(**values: float) -> dict[Any, Any]:
    return {("learner", "training", None): values}


SPOILT = np.array([[1.0, math.nan], [2.0, 3.0]], np.float32)
NAN_ROWS = {("rows", "training", None): {"x_not_finite": 1.0}}
NAN_LOSS = [math.nan] * 8
STRETCHED = {"kernel_own": 0.95, "linear_own": 0.9, "kernel_held_out": 0.4, "linear_held_out": 0.4}
FLAGS = {"whole": True, "min": 0.0, "max": 1.0, "distinct": 2}
NORMALISED = {
    "second": {"layer": "BatchNormalization", "config": {"momentum": 0.999}, "weights": ()}
}


def drawn(factor: float, **more: float) -> dict[Any, Any]:
    """Kernels that start at so many times Glorot's standard deviation."""
    sizes = {"first": 24, "second": 32, "last": 19}
    return {
        ("initial", f"{name}/kernel", 0): {"std": factor * math.sqrt(2 / size), **more}
        for name, size in sizes.items()
    }


def fading(last: float) -> dict[Any, Any]:
    """Three hidden activations need a third one: the last layer stands behind a further one here."""
    return {("signal", "second", 0): {"spread": last}, ("signal", "first", 0): {"spread": 1.0}}


def frozen(std: float, *, skill: float) -> Trace:
    weights = (Weight("kernel", (8, 16), trainable=False), Weight("bias", (16,), trainable=False))
    layers = {"first": {"weights": weights, "parameters": Parameters(0, 144)}}
    changes = poor(skill) | {("initial", "first/kernel", 0): {"std": std}}
    return a_run(changes, layers=layers)


def with_events(trace: Trace, *events: Event) -> Trace:
    return replace(trace, events=events)


def imbalanced(right: float) -> dict[Any, Any]:
    return {
        ("class", "training/0", None): {"rows": 400.0, "said": 420.0, "right": 390.0},
        ("class", "training/1", None): {"rows": 270.0, "said": 275.0, "right": 250.0},
        ("class", "training/2", None): {"rows": 30.0, "said": 30 * right, "right": 30 * right},
    }


def swinging(step: float) -> Trace:
    losses = [1.0, 0.5, 1.2, 0.6, 1.1, 0.5, 1.2, 0.6]
    changes = poor() | {
        ("slope", "loss", number): {"loss": value} for number, value in enumerate(losses, 1)
    }
    changes |= {("update", "first/kernel", -1): {"last_step": 4 * step}}
    return a_run(changes, losses=losses)


def with_rows(trace: Trace, rows: int) -> Trace:
    return replace(trace, run=replace(trace.run, data=replace(trace.run.data, rows=rows)))


def four(more: Any, spread: float) -> Trace:
    """A network of three hidden layers, the last of which keeps so much of the rows' differences."""
    made = a_run(
        poor()
        | more
        | {("signal", "first", 0): {"spread": 1.0}, ("signal", "third", 0): {"spread": spread}}
    )
    second, last = made.stages[2], made.stages[3]
    third = replace(
        second, name="third", path="third", inputs=(replace(second.outputs[0], source="second"),)
    )
    following = replace(last, inputs=(replace(third.outputs[0], source="third"),))
    return replace(made, stages=(*made.stages[:3], third, following))
