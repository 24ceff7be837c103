"""Runs made by hand: a sound one of a small network, whose figures each test changes where its fault shows."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import pytest

from pipetrace.explain.findings import NOTE, Finding, findings
from pipetrace.stats import summarise
from pipetrace.trace import Trace
from pipetrace.trace.document import (
    FINISHED,
    LAYER,
    SOURCE,
    Data,
    Ending,
    Epoch,
    Measurement,
    ModelFacts,
    Parameters,
    Run,
    Spec,
    Stage,
    Target,
    Training,
    Weight,
)

Figures: TypeAlias = Mapping[tuple[str, str, int | None], Mapping[str, float]]
Ask: TypeAlias = Callable[..., dict[str, Finding]]

ROWS, HELD = 700, 300
WIDTHS = {"first": (8, 16), "second": (16, 16), "last": (16, 3)}
"""The kernels of the sound run: eight columns, two hidden layers of 16, three classes."""


def stages_of(
    hidden: str, last: str, width: int, layers: Mapping[str, Mapping[str, Any]]
) -> tuple[Stage, ...]:
    """The source and three Dense layers; ``layers`` changes their fields."""
    given = Spec((None, 8), "float32")
    found = [Stage("rows", SOURCE, None, "rows", {}, (given,), (given,))]
    for name, (fan_in, fan_out) in WIDTHS.items():
        units = width if name == "last" else fan_out
        config = {"units": units, "activation": last if name == "last" else hidden}
        inner = replace(found[-1].outputs[0], source=found[-1].name)
        weights = (Weight("kernel", (fan_in, units)), Weight("bias", (units,)))
        stage = Stage(
            name,
            LAYER,
            "Dense",
            name,
            config,
            (inner,),
            (Spec((None, units), "float32"),),
            Parameters(fan_in * units + units),
            weights,
        )
        found.append(replace(stage, **layers.get(name, {})))
    return tuple(found)


def sound_figures(epochs: int, width: int) -> dict[tuple[str, str, int | None], dict[str, float]]:
    """What a training measures that goes well."""
    found: dict[tuple[str, str, int | None], dict[str, float]] = {}
    for epoch in range(epochs + 1):
        for name in ("rows", *WIDTHS):
            found["signal", name, epoch] = {
                "rms": 1.0,
                "spread": 0.9,
                "dead": 0.1 * (name not in ("rows", "last")),
                "still": 0.0,
                "small": 0.8,
                "large": 1.2,
                "std_small": 0.7,
                "std_large": 1.1,
                "center": 0.3,
                "units": 16.0,
            }
        loss = 1.1 * 0.6**epoch
        found["slope", "loss", epoch] = {"loss": loss, "penalty": 0.0}
        for place, name in enumerate(WIDTHS):
            size = 0.01 * (place + 1)
            found["gradient", f"{name}/kernel", epoch] = {
                "norm": size,
                "rms": size / 10,
                "max": size,
                "zeros": 0.0,
            }
            if epoch:
                found["update", f"{name}/kernel", epoch] = {
                    "moved": 0.3,
                    "norm": 4.0,
                    "from_start": 2.0,
                    "last_step": 0.004,
                    "straight": 0.5,
                }
        if epoch:
            found["steps", "loss", epoch] = {
                "count": 22.0,
                "not_finite": 0.0,
                "first": loss,
                "last": loss,
                "min": loss / 2,
                "max": 2 * loss,
                "median": loss,
                "noise": 0.05,
                "jumps": 0.0,
            }
    for name, (fan_in, fan_out) in WIDTHS.items():
        std = math.sqrt(2 / (fan_in + fan_out))
        found["initial", f"{name}/kernel", 0] = {
            "mean": 0.0,
            "std": std,
            "min": -2 * std,
            "max": 2 * std,
            "fan_in": float(fan_in),
            "fan_out": float(fan_out),
            "alike": 0.0,
        }
        found["dimensions", name, None] = {"dimensions": 3.0, "width": float(fan_out)}
    classes = {
        "not_finite": 0.0,
        "min": 0.0,
        "max": 1.0,
        "mean": 1 / 3,
        "spread": 0.4,
        "sum_min": 1.0,
        "sum_max": 1.0,
        "target_not_finite": 0.0,
        "target_min": 0.0,
        "target_max": 2.0,
        "target_mean": 1.0,
        "target_spread": 0.8,
        "target_whole": 1.0,
        "target_flags": 0.67,
        "target_below_minus_one": 0.0,
        "target_below_zero": 0.0,
        "target_above_one": 0.33,
        "accuracy": 0.95,
        "balanced": 0.95,
        "majority": 0.34,
        "said_majority": 0.34,
        "classes": 3.0,
        "classes_there": 3.0,
        "classes_said": 3.0,
        "log_loss": 0.2,
        "loss": 0.2,
    }
    for kind, rows in (("training", ROWS), ("held_out", HELD), ("training_mode", ROWS)):
        found["outcome", kind, None] = {"rows": float(rows), **classes}
    for label in range(width):
        each = ROWS / width
        found["class", f"training/{label}", None] = {
            "rows": each,
            "said": each,
            "right": 0.95 * each,
        }
    found["fit", "arguments", None] = {"shuffle": 1.0, "validation_split": 0.0}
    found["rows", "training", None] = {
        "rows": float(ROWS),
        "distinct": float(ROWS),
        "contradicted": 0.0,
        "domain": math.inf,
        "x_rms": 1.0,
        "x_not_finite": 0.0,
        "y_not_finite": 0.0,
        "runs": 460.0,
        "runs_by_chance": 467.0,
    }
    found["rows", "held_out", None] = {
        "rows": float(HELD),
        "distinct": float(HELD),
        "seen": 0.0,
        "x_rms": 1.0,
        "x_not_finite": 0.0,
        "y_not_finite": 0.0,
        "shift": 0.02,
        "unseen": 0.0,
        "shift_sigmas": 0.1,
    }
    found["learner", "training", None] = {
        **{
            f"{name}{end}": 0.94
            for name in ("linear", "kernel")
            for end in ("", "_balanced", "_held_out", "_held_out_balanced", "_half", "_own")
        },
        "rows": 600.0,
        "classes": 1.0,
    }
    found["lag", "training", None] = dict.fromkeys(
        ("lag_-2", "lag_-1", "lag_1", "lag_2", "reversed"), 0.33
    ) | {"lag_0": 0.94}
    return found


NUMBERS = (
    "accuracy",
    "balanced",
    "majority",
    "said_majority",
    "classes",
    "classes_there",
    "classes_said",
    "log_loss",
)
"""Figures that an outcome of numbers does not have."""


@dataclass(frozen=True)
class Made:
    """How a made-up run differs from the sound one.

    Attributes:
        epochs: how many.
        losses, held: training and validation loss of each epoch.
        hidden, last: activations.
        width: units of the last layer.
        loss: its name.
        from_logits: of the loss.
        target: fields of the target.
        numbers: whether it is a regression, whose outcome is R2 (0.95) instead of an accuracy.
        training: fields of the training, such as ``batch_size``.
        layers: fields of stages, by name.
    """

    epochs: int = 8
    losses: Sequence[float] | None = None
    held: Sequence[float] | None = None
    hidden: str = "relu"
    last: str = "softmax"
    width: int = 3
    loss: str = "sparse_categorical_crossentropy"
    from_logits: bool = False
    target: Mapping[str, Any] | None = None
    numbers: bool = False
    training: Mapping[str, Any] | None = None
    layers: Mapping[str, Mapping[str, Any]] | None = None


def a_run(changes: Figures | None = None, **options: Any) -> Trace:
    """The sound run with changes.

    Args:
        changes: figures to put over the sound ones, by part, name and epoch; an epoch of -1 stands for all of them.
        options: fields of ``Made``.
    """
    made = Made(**options)
    figures = sound_figures(made.epochs, made.width)
    if made.numbers:
        for kind in ("training", "held_out", "training_mode"):
            values = {
                key: value
                for key, value in figures["outcome", kind, None].items()
                if key not in NUMBERS
            }
            figures["outcome", kind, None] = values | {
                "r2": 0.95,
                "target_min": -2.0,
                "target_max": 2.0,
                "target_mean": 0.0,
                "target_spread": 1.0,
                "target_flags": 0.0,
                "spread": 0.97,
            }
        figures["learner", "training", None]["classes"] = 0.0
    for (part, name, epoch), more in (changes or {}).items():
        for key in (
            [key for key in figures if key[:2] == (part, name)]
            if epoch == -1
            else [(part, name, epoch)]
        ):
            figures[key] = {**figures.get(key, {}), **more}
    known = {
        "shape": (None,),
        "dtype": "int64",
        "whole": True,
        "min": 0.0,
        "max": 2.0,
        "mean": 1.0,
        "std": 0.8,
        "distinct": 3,
    }
    if made.numbers:
        known |= {"dtype": "float32", "whole": False, "min": -2.0, "max": 2.0, "distinct": None}
    goal = Target(**{"name": None, **known, **(made.target or {})})
    data = Data(
        "made",
        "",
        None,
        "fit",
        ROWS,
        "made",
        tuple(map(str, range(made.width))),
        (),
        HELD,
        0,
        None,
        None,
        rows=ROWS,
        targets=(goal,),
    )
    how = Training(
        made.epochs,
        32,
        "Adam",
        {"learning_rate": 0.001},
        made.loss,
        ("accuracy",),
        0,
        32,
        losses={"": made.loss},
        from_logits=made.from_logits,
    )
    how = replace(how, **(made.training or {}))
    steps = -(-ROWS // (how.batch_size or 32))
    stages = stages_of(made.hidden, made.last, made.width, made.layers or {})
    total = sum(stage.parameters.total for stage in stages)
    model = ModelFacts(
        "made", "Sequential", Parameters(total), 3, (replace(stages[-1].outputs[0], source="last"),)
    )
    own = (
        [1.1 * 0.6 ** (number + 1) for number in range(made.epochs)]
        if made.losses is None
        else list(made.losses)
    )
    theirs = own if made.held is None else list(made.held)
    done = tuple(
        Epoch(number, {"loss": first, "val_loss": second}, 1.0, 0.001, steps)
        for number, (first, second) in enumerate(zip(own, theirs, strict=True), 1)
    )
    return Trace(
        schema=1,
        run=Run(
            "made", "2026-01-01T00:00:00+00:00", "", {}, "tensorflow", "", "made", data, how, model
        ),
        stages=stages,
        rows=ROWS,
        epochs=done,
        predictions=(),
        weights={},
        ending=Ending(FINISHED, epoch=made.epochs),
        cost={},
        measurements=tuple(
            Measurement(part, name, epoch, values)
            for (part, name, epoch), values in figures.items()
        ),
    )


class Changes(dict[Any, Any]):
    """Figures to change; ``a | b`` puts those of ``b`` over those of ``a``, figure by figure."""

    def __or__(self, other: Any) -> "Changes":
        return Changes(
            {key: {**self.get(key, {}), **other.get(key, {})} for key in [*self, *other]}
        )

    def __ror__(self, other: Any) -> "Changes":
        return Changes(other) | self


def poor(skill: float = 0.0) -> Changes:
    """Changes for an outcome of this skill on all kinds of rows, of classes and of numbers."""
    share = 1 / 3 + skill * 2 / 3
    values = {"accuracy": share, "balanced": share, "said_majority": 0.5}
    return Changes(
        {
            ("outcome", kind, None): dict(values)
            for kind in ("training", "held_out", "training_mode")
        }
    )


def poor_numbers(skill: float = 0.0) -> Changes:
    """The same for numbers."""
    return Changes(
        {
            ("outcome", kind, None): {"r2": skill}
            for kind in ("training", "held_out", "training_mode")
        }
    )


def saturated(share: float, bound: float = 1.0) -> Any:
    """The summary of a thousand values, so many of them at a bound, the others spread over the middle."""
    many = round(1000 * share)
    rest = np.linspace(0.3 * bound, 0.7 * bound, 1000 - many)
    return summarise(
        np.concatenate([np.full(many, 0.999 * bound), rest]).astype(np.float32)[:, None],
        by_channel=False,
    )


def told(trace: Trace, *, notes: bool = False) -> dict[str, Finding]:
    """The findings of a trace and their symptoms by their codes; warnings and errors, or all."""
    found = [each for cause in findings(trace) for each in (cause, *cause.symptoms)]
    return {each.code: each for each in found if notes or each.level != NOTE}


@pytest.fixture(scope="session")
def ask() -> Ask:
    return told
