"""Traces that a test makes from a recorded one: cut short, with other names, with numbers that are not finite."""

import math
from collections.abc import Callable
from dataclasses import replace

from pipetrace.trace import Trace
from pipetrace.trace.document import KILLED, Ending, Epoch, Stages

HOSTILE = (
    "</script><script>document.title = 'broken'</script><img src=x onerror=alert(1)><!--<script> &amp; \"{title}\" ]]> "
    "[/red] [bold]b[/bold] 100 % \u2028 'x'"
)
"""A name that would break out of a script, a comment, an attribute, a template, a literal or a terminal's markup."""


def killed(trace: Trace, epochs: int, kind: str = KILLED) -> Trace:
    """The trace as it is when the process dies after so many epochs: no data flow, prediction, weights or cost."""
    stages = tuple(
        replace(stage, summary=None, example=stage.example if epochs else None)
        for stage in trace.stages
    )
    return replace(
        trace,
        stages=Stages(stages),
        rows=0,
        epochs=trace.epochs[:epochs],
        measurements=trace.measurements.kept(lambda _, epoch: (epoch or 0) <= epochs),
        predictions=(),
        weights={},
        ending=Ending(kind, epoch=epochs or None),
        cost={},
    )


def renamed(trace: Trace, name: str) -> Trace:
    """The trace with one text in every place that a user's data or model names."""
    data = replace(
        trace.run.data,
        name=name,
        description=name,
        notice=name,
        origin=name,
        class_names=tuple(f"{name}{index}" for index in range(len(trace.run.data.class_names))),
    )
    return replace(
        trace, run=replace(trace.run, title=name, command=name, platform=name, data=data)
    )


def with_metrics(trace: Trace, change: Callable[[Epoch], dict[str, float]]) -> Trace:
    """The trace with other metrics in each epoch."""
    return replace(
        trace, epochs=tuple(replace(epoch, metrics=change(epoch)) for epoch in trace.epochs)
    )


def broken(trace: Trace) -> Trace:
    """The trace of a run whose loss became infinite in epoch 2 and NaN after it."""

    def change(epoch: Epoch) -> dict[str, float]:
        value = {1: epoch.metrics["loss"], 2: math.inf}.get(epoch.number, math.nan)
        return {**epoch.metrics, "loss": value, "val_loss": -value}

    return with_metrics(trace, change)


def lengthened(trace: Trace, epochs: int) -> Trace:
    """The trace with so many epochs, each the last one a little better."""
    last = trace.epochs[-1]
    more = tuple(
        replace(
            last,
            number=number,
            metrics={
                name: value * 0.99**number if "loss" in name else value
                for name, value in last.metrics.items()
            },
        )
        for number in range(last.number + 1, epochs + 1)
    )
    return replace(trace, epochs=(*trace.epochs, *more)[:epochs])
