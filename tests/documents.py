"""Documents made by hand: a finished run with nothing in it, and the same with fields changed."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from pipetrace.trace import Trace
from pipetrace.trace.document import (
    FINISHED,
    Data,
    Ending,
    ModelFacts,
    Parameters,
    Run,
    Spec,
    Stage,
    Stages,
)
from pipetrace.trace.training import Training

DATA = Data("made", "Made by hand.", None, "memory", 0, "0" * 64, (), (), 0, 0, None, None)
TRAINING = Training(0, None, "", {}, "", (), None, 0)
RUN = Run(
    "made", "2026-01-01T00:00:00+00:00", "", {}, "tensorflow", "here", "0" * 64, DATA, TRAINING
)
TRACE = Trace(1, RUN, Stages(), 0, (), (), {}, Ending(FINISHED), {})

NOTHING: Mapping[str, Any] = {}


def a_run(title: str = "made", **fields: Any) -> Run:
    """A run with other fields; ``data`` and ``training`` are fields of these two."""
    data, training = (fields.pop(name, NOTHING) for name in ("data", "training"))
    run = replace(RUN, data=replace(DATA, **data), training=replace(TRAINING, **training))
    return replace(run, title=title, **fields)


def a_trace(stages: Iterable[Stage] = (), run: Run = RUN, **fields: Any) -> Trace:
    """A trace of these stages, with other fields."""
    return replace(TRACE, stages=Stages(stages), run=run, **fields)


def changed(trace: Trace, **fields: Any) -> Trace:
    """The trace with other fields; ``data`` and ``training`` are fields of these two."""
    data, training = (fields.pop(name, NOTHING) for name in ("data", "training"))
    run = replace(trace.run, data=replace(trace.run.data, **data))
    run = replace(run, training=replace(run.training, **training))
    return replace(trace, run=run, **fields)


def a_model(stages: Iterable[Stage], outputs: Iterable[Spec], layer: str = "Functional") -> Any:
    """The facts of a model that has these stages."""
    stages = tuple(stages)
    return ModelFacts("made", layer, total_of(stages), len(stages), tuple(outputs))


def total_of(stages: Iterable[Stage]) -> Parameters:
    """The parameters of all stages."""
    held = [each.parameters for each in stages]
    return Parameters(sum(each.trainable for each in held), sum(each.frozen for each in held))
