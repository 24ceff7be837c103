"""Runs that have a fault, made from the sound one: what the cases of the rules share."""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property, partial
from typing import Any

import numpy as np
from tests.explain.findings.conftest import Changes, a_run, poor, told

from pipetrace.explain.findings import Finding
from pipetrace.trace import Trace
from pipetrace.trace.document import Parameters, Stages, Weight
from pipetrace.trace.events import Event
from pipetrace.trace.measurements import (
    BaselineModel,
    ClassOutcome,
    DatasetCheck,
    Gradient,
    InitialWeight,
    LossPoint,
    NormalizedInput,
    Outcome,
    Signal,
    Update,
)

Make = Callable[[], Trace]


class Case:
    """A rule with the stage that it names, the run with the fault, and runs that nearly have it.

    Its finding has the level of the rule, unless another one is given.
    """

    def __init__(self, rule: str, fault: Make, *near: Make, level: str | None = None) -> None:
        self.code, _, stage = rule.partition(" at ")
        self.stage, self.level = stage or None, level
        self._fault, self._near = fault, near

    @cached_property
    def fault(self) -> Trace:
        return self._fault()

    @cached_property
    def near(self) -> list[Trace]:
        return [make() for make in self._near]

    @cached_property
    def found(self) -> dict[str, Finding]:
        """What is found in the run with the fault, notes included."""
        return told(self.fault, notes=True)


def run(changes: Any = None, **options: Any) -> Make:
    """Makes the sound run with changes."""
    return partial(a_run, changes, **options)


def numbers(changes: Any = None, **options: Any) -> Make:
    """Makes a regression."""
    given = {"numbers": True, "width": 1, "last": "linear", "loss": "mean_squared_error", **options}
    return run(changes, **given)


def training_rows(**values: float) -> Changes:
    """Facts of the data set's training rows."""
    return Changes({(DatasetCheck, "training", None): values})


def held_rows(**values: float) -> Changes:
    return Changes({(DatasetCheck, "validation", None): values})


def outcome(rows: str = "training", **values: float) -> Changes:
    return Changes({(Outcome, rows, None): values})


def outcome_before(**values: float) -> Changes:
    """The outcome of training rows before training."""
    return Changes({(Outcome, "training", 0): values})


def signals(stage: str = "rows", epoch: int = -1, **values: float) -> Changes:
    """Figures of a stage's outputs: of the rows that enter the first layer, in all epochs."""
    return Changes({(Signal, stage, epoch): values})


def gradient(**values: float) -> Changes:
    """Figures of the first layer's gradient in all epochs."""
    return Changes({(Gradient, "first/kernel", -1): values})


def grads(first: float) -> Changes:
    return gradient(rms=first, norm=first, max=first)


def moves(part: float, straight: float = 0.99, *, epochs: int = 8) -> dict[Any, Any]:
    """Kernels that moved by a part of their size in all, at an even pace."""
    return {
        (Update, f"{name}/kernel", -1): {
            "update_norm": 4 * part / epochs,
            "from_start": 4 * part,
            "cosine": straight,
        }
        for name in ("first", "second", "last")
    }


def thrown(times: float) -> Any:
    """A kernel that moved in the first epoch by so many times the size that it was drawn with."""
    size = math.sqrt(2 / 24) * math.sqrt(8 * 16)
    return {(Update, "first/kernel", 1): {"from_start": times * size, "update_norm": times * size}}


def slow(count: int = 8) -> list[float]:
    return [1.1 - 0.001 * number for number in range(count)]


def with_summary(trace: Trace, name: str, summary: Any) -> Trace:
    """With another summary of a stage."""
    return replace(
        trace,
        stages=Stages(
            replace(each, summary=summary) if each.name == name else each for each in trace.stages
        ),
    )


def baselines(**values: float) -> dict[Any, Any]:
    """Scores of the baseline models, such as ``linear`` and ``linear_validation``."""
    found: dict[Any, dict[str, float]] = {}
    for key, value in values.items():
        name, _, field = key.partition("_")
        found.setdefault((BaselineModel, name, None), {})[field or "score"] = value
    return found


SPOILT = np.array([[1.0, math.nan], [2.0, 3.0]], np.float32)
NAN_ROWS = training_rows(inputs_not_finite=1)
NAN_LOSS = [math.nan] * 8
STRETCHED = {
    "kernel_within_validation": 0.95,
    "linear_within_validation": 0.9,
    "kernel_validation": 0.4,
    "linear_validation": 0.4,
}
POOR = poor()
FLAGS = {"whole": True, "min": 0.0, "max": 1.0, "distinct": 2}
NORMALISED = {
    "second": {"layer": "BatchNormalization", "config": {"momentum": 0.999}, "weights": ()}
}


def on_frozen_base(ratio: float, *, trainable: bool = False) -> Make:
    """The first layer and the batch normalization behind it were trained elsewhere."""
    kernel = (Weight("kernel", (8, 16), trainable=trainable),)
    own = (Weight("gamma", (16,), trainable=trainable), Weight("moving_mean", (16,), False))
    count = Parameters(144, 0) if trainable else Parameters(0, 144)
    layers = {
        "first": {"weights": kernel, "parameters": count},
        "second": {"layer": "BatchNormalization", "weights": own},
    }
    return run({(NormalizedInput, "second", 8): {"std_ratio": ratio}}, layers=layers)


def normalized(changes: Any, variance: float) -> Make:
    """A Normalization of this variance in the place of the second layer."""

    def make() -> Trace:
        made = a_run(changes, layers={"second": {"layer": "Normalization", "config": {}}})
        weights = {"second/mean": np.zeros(16), "second/variance": np.full(16, variance)}
        return replace(made, weights=weights)

    return make


def padded_rows(share: float, config: Any = None, std: float = 1e-6) -> Make:
    """A recurrent layer in the second place, behind rows that are padded so far."""
    changes = poor() | training_rows(inputs_padded=share) | signals("second", std=std)
    return run(changes, layers={"second": {"layer": "LSTM", "config": config or {}}})


def forecast(error: float, last: float = 0.01, mean: float = 10.0) -> Make:
    """A regression of this error beside repeating the last step and predicting the mean."""
    figures = {
        "mean_squared_error": error,
        "mean_squared_error_of_last": last,
        "mean_squared_error_of_mean": mean,
    }
    return numbers(outcome("validation", **figures))


def stopped_after(changes: Any, steps: int) -> Make:
    """A single epoch of so many steps of 32 rows, of 700."""

    def make() -> Trace:
        made = a_run(changes, epochs=1)
        return replace(made, epochs=(replace(made.epochs[0], steps=steps),))

    return make


def piped(batched: int) -> dict[str, Any]:
    """The first layer's stage is a shuffle of a dataset, of batches or of rows."""
    dataset = {"operation": "shuffle", "batched": batched, "settings": {}}
    return {"first": {"config": {"units": 16, "activation": "relu", "dataset": dataset}}}


def drawn(factor: float, **more: float) -> dict[Any, Any]:
    """Kernels that start at so many times Glorot's standard deviation."""
    sizes = {"first": 24, "second": 32, "last": 19}
    return {
        (InitialWeight, f"{name}/kernel", 0): {"std": factor * math.sqrt(2 / size), **more}
        for name, size in sizes.items()
    }


def frozen(std: float, skill: float) -> Trace:
    weights = (Weight("kernel", (8, 16), trainable=False), Weight("bias", (16,), trainable=False))
    layers = {"first": {"weights": weights, "parameters": Parameters(0, 144)}}
    changes = poor(skill) | {(InitialWeight, "first/kernel", 0): {"std": std}}
    return a_run(changes, layers=layers)


def with_events(trace: Trace, *events: Event) -> Trace:
    return replace(trace, events=events)


def imbalanced(right: float) -> dict[Any, Any]:
    return {
        (Outcome, "training", None): {"log_loss": 0.8},
        (ClassOutcome, "training/0", None): {"rows": 400, "predicted": 420, "correct": 390},
        (ClassOutcome, "training/1", None): {"rows": 270, "predicted": 275, "correct": 250},
        (ClassOutcome, "training/2", None): {
            "rows": 30,
            "predicted": round(30 * right),
            "correct": round(30 * right),
        },
    }


def swinging(step: float) -> Trace:
    losses = [1.0, 0.5, 1.2, 0.6, 1.1, 0.5, 1.2, 0.6]
    changes = POOR | {
        (LossPoint, "training", number): {"loss": value} for number, value in enumerate(losses, 1)
    }
    changes |= {(Update, "first/kernel", -1): {"last_step": 4 * step}}
    return a_run(changes, losses=losses)


def four(more: Any, spread: float) -> Trace:
    """A network of three hidden layers, with this standard deviation at the last."""
    made = a_run(
        POOR | more | {(Signal, "first", 0): {"std": 1.0}, (Signal, "third", 0): {"std": spread}}
    )
    second, last = made.stages[2], made.stages[3]
    third = replace(
        second, name="third", path="third", inputs=(replace(second.outputs[0], source="second"),)
    )
    following = replace(last, inputs=(replace(third.outputs[0], source="third"),))
    return replace(made, stages=Stages((*made.stages[:3], third, following)))
