"""How a stage changed over the epochs: the spread of its output, zeros, gradients, updates."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import numpy as np

from pipetrace.explain.facts import first_call
from pipetrace.explain.formatting import figure, share
from pipetrace.present.build.charts import Line, chart
from pipetrace.present.build.data_flow import rows_of
from pipetrace.present.drawings import Chart
from pipetrace.trace.document import LAYER, Stage, Trace
from pipetrace.trace.measurements import Figures, Gradient, Signal, Update

F = TypeVar("F", bound=Figures)
Course: TypeAlias = tuple[list[int], Callable[[int], float | None]]
"""The epochs after which something was measured, and its value after one of them: a long run has
thousands of values that no chart shows, so each is read when it is asked for."""

MOST_POINTS = 24
"""Epochs of a chart; of more, evenly spread ones are drawn."""
MANY_STAGES = 40
"""From so many stages on, only those with weights have charts."""


@dataclass(frozen=True)
class Measured:
    """What was measured of a stage after the epochs: lines of one chart, by their names."""

    title: str
    lines: Mapping[str, Course]  # the one that is compared with other runs comes first
    on: str = ""  # which rows it was measured on
    text: Callable[[float], str] = figure


def courses(trace: Trace, stage: Stage) -> tuple[Chart, ...]:
    """Charts of what was measured of a stage after the epochs; what was measured once has none."""
    drawn = [
        course_chart(each, f"{each.title}{each.on}", each.lines) for each in measured(trace, stage)
    ]
    return tuple(each for each in drawn if each is not None)


def measured(trace: Trace, stage: Stage) -> Iterator[Measured]:
    """What was measured of a stage after the epochs."""
    weights = [each for each in stage.weights if each.trainable]
    if stage.kind != LAYER or (len(trace.stages) >= MANY_STAGES and not weights):
        return
    measured = trace.measurements

    def course(kind: type[F], name: str, field: Callable[[F], float | None]) -> Course:
        epochs = [each for each in measured.epochs(kind, name) if each is not None]
        return epochs, lambda epoch: field(measured.of(kind, name, epoch))

    yield Measured(
        "Spread of its output over rows, standard deviation",
        {"output": course(Signal, stage.name, lambda signal: signal.std)},
    )
    yield Measured(
        "Zeros in its output",
        {
            "values": _zeros(trace, stage),
            f"whole {'filters' if 'Conv' in (stage.layer or '') else 'units'}": course(
                Signal, stage.name, lambda signal: signal.dead_units
            ),
        },
        f" on {_probed(trace, stage)}",
        share,
    )
    if weights:
        largest = max(weights, key=lambda each: math.prod(each.shape)).name
        name = f"{first_call(trace, stage)}/{largest}"
        yield Measured(
            f"Gradient of {largest}, Euclidean norm",
            {"gradient": course(Gradient, name, lambda gradient: gradient.norm)},
        )
        yield Measured(
            f"Change of {largest} in an epoch, as a share of its norm",
            {"change": course(Update, name, _relative)},
            text=share,
        )


def _probed(trace: Trace, stage: Stage) -> str:
    """How many rows were measured after the epochs: figures of other rows differ."""
    counts = [each.probe[stage.name].count for each in trace.epochs if stage.name in each.probe]
    return rows_of(stage, max(counts)) if counts else "the rows"


def _relative(update: Update) -> float | None:
    if update.update_norm is None or not update.weight_norm:
        return None
    return update.update_norm / update.weight_norm


def _zeros(trace: Trace, stage: Stage) -> Course:
    """The share of zeros in a stage's output on the probe rows."""
    probes = {each.number: each.probe for each in trace.epochs if stage.name in each.probe}

    def share_of(epoch: int) -> float | None:
        summary = probes[epoch][stage.name]
        return summary.zeros / summary.count if summary.count else None

    return list(probes), share_of


def course_chart(
    what: Measured,
    title: str,
    courses: Mapping[str, Course],
    roles: Sequence[str] = ("training", "validation"),
    *,
    all_lines: bool = False,
) -> Chart | None:
    """A chart of lines by epoch, each with its role; None without two points, or where all are
    zero.

    ``all_lines``: whether a line that is always zero, or has one point, is drawn beside others.
    """
    epochs = sorted({epoch for known, _ in courses.values() for epoch in known})
    if not epochs:
        return None
    places = np.linspace(0, len(epochs) - 1, min(len(epochs), MOST_POINTS)).round().astype(int)
    shown = [epochs[place] for place in places]
    drawn: dict[str, dict[int, float]] = {}
    for name, (known, value_at) in courses.items():
        values = {epoch: value_at(epoch) for epoch in shown if epoch in known}
        drawn[name] = {epoch: value for epoch, value in values.items() if value is not None}
    made = [
        Line(name, role, tuple(of.get(epoch, math.nan) for epoch in shown))
        for (name, of), role in zip(drawn.items(), roles, strict=False)
        if (of and all_lines) or (len(of) > 1 and any(of.values()))
    ]
    if len(shown) < 2 or not any(any(of.values()) for of in drawn.values()):
        return None
    limits = (0.0, 1.0) if what.title.startswith("Zeros") else None
    return chart(title, made, shown, text=what.text, limits=limits) if made else None
