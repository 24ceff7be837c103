"""How a stage changed over the epochs: the spread of its output, zeros, gradients, updates."""

import math
from collections.abc import Callable, Mapping

import numpy as np

from pipetrace.explain.facts import first_call
from pipetrace.explain.formatting import figure, share
from pipetrace.present.build.charts import Line, chart
from pipetrace.present.drawings import Chart
from pipetrace.trace.document import LAYER, Stage, Trace
from pipetrace.trace.measurements import Gradient, Signal, Update

MOST_POINTS = 24
"""Epochs of a chart; of more, evenly spread ones are drawn."""
MANY_STAGES = 40
"""From so many stages on, only those with weights have charts."""


def courses(trace: Trace, stage: Stage) -> tuple[Chart, ...]:
    """Charts of what was measured of a stage after the epochs; what was measured once has none."""
    weights = [each for each in stage.weights if each.trainable]
    if stage.kind != LAYER or (len(trace.stages) >= MANY_STAGES and not weights):
        return ()
    measured = trace.measurements
    drawn = [
        _chart(
            "Spread of its output over rows, standard deviation",
            {"output": measured.course(Signal, stage.name, lambda signal: signal.std)},
        ),
        _chart(
            "Zeros in its output",
            {
                "values": _zeros(trace, stage),
                "units": measured.course(Signal, stage.name, lambda signal: signal.dead_units),
            },
            share,
        ),
    ]
    if weights:
        largest = max(weights, key=lambda each: math.prod(each.shape)).name
        name = f"{first_call(trace, stage)}/{largest}"
        drawn += [
            _chart(
                f"Gradient of {largest}, Euclidean norm",
                {"gradient": measured.course(Gradient, name, lambda gradient: gradient.norm)},
            ),
            _chart(
                f"Change of {largest} in an epoch, as a share of its norm",
                {"change": measured.course(Update, name, _relative)},
                share,
            ),
        ]
    return tuple(each for each in drawn if each is not None)


def _relative(update: Update) -> float | None:
    if update.update_norm is None or not update.weight_norm:
        return None
    return update.update_norm / update.weight_norm


def _zeros(trace: Trace, stage: Stage) -> dict[int, float]:
    """The share of zeros in a stage's output on the probe rows."""
    found = {epoch.number: epoch.probe.get(stage.name) for epoch in trace.epochs}
    return {
        number: each.zeros / each.count for number, each in found.items() if each and each.count
    }


def _chart(
    title: str,
    lines: Mapping[str, Mapping[int, float]],
    text: Callable[[float], str] = figure,
) -> Chart | None:
    """A chart of lines by epoch; None without two points, or where all are zero."""
    drawn = {name: of for name, of in lines.items() if len(of) > 1 and any(of.values())}
    epochs = sorted({epoch for of in drawn.values() for epoch in of})
    if not epochs:
        return None
    places = np.linspace(0, len(epochs) - 1, min(len(epochs), MOST_POINTS)).round().astype(int)
    shown = [epochs[place] for place in places]
    roles = ("training", "validation")
    made = [
        Line(name, role, tuple(of.get(epoch, math.nan) for epoch in shown))
        for (name, of), role in zip(drawn.items(), roles, strict=False)
    ]
    limits = (0.0, 1.0) if title.startswith("Zeros") else None
    return chart(title, made, shown, text=text, limits=limits)
