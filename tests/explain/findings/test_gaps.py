"""Whatever a trace lacks, no rule raises."""

from dataclasses import fields, replace

import numpy as np
import pytest
from tests.explain.findings.test_rules import CASES

from pipetrace.explain.findings import all_rules
from pipetrace.explain.findings.engine import run
from pipetrace.trace import Trace
from pipetrace.trace.document import Epoch, Stage, Stages
from pipetrace.trace.measurement_table import Measurement, Measurements
from pipetrace.trace.measurements import Figures

GONE = 0.25
"""Share of what is taken away."""


def with_gaps(trace: Trace, rng: np.random.Generator) -> Trace:
    """The trace without some kinds, names, epochs and figures of measurements, and other facts."""
    measured = list(trace.measurements)
    kinds = {each.kind for each in measured if rng.random() > GONE}
    kept = [
        Measurement(each.name, each.epoch, without_some(each.figures, rng))
        for each in measured
        if each.kind in kinds and rng.random() > GONE / 5
    ]
    data, training = trace.run.data, trace.run.training
    if rng.random() < GONE:
        data = replace(data, targets=(), rows=None, validation_rows=None, class_names=())
    if rng.random() < GONE:
        training = replace(training, batch_size=None, losses={}, optimizer_config={}, optimizer="")
    return replace(
        trace,
        run=replace(
            trace.run,
            data=data,
            training=training,
            model=None if rng.random() < GONE else trace.run.model,
        ),
        stages=Stages(less_of(each, rng) for each in trace.stages),
        epochs=tuple(cut(each, rng) for each in trace.epochs if rng.random() > GONE / 5),
        measurements=Measurements(kept),
    )


def without_some(figures: Figures, rng: np.random.Generator) -> Figures:
    names = [each.name for each in fields(figures) if rng.random() < GONE]
    return replace(figures, **dict.fromkeys(names))


def less_of(stage: Stage, rng: np.random.Generator) -> Stage:
    changes: dict[str, object] = {"config": {}, "summary": None, "weights": ()}
    changes |= {"inputs": (), "outputs": ()}
    chosen = {name: value for name, value in changes.items() if rng.random() < GONE / 3}
    return replace(stage, **chosen)  # type: ignore[arg-type]


def cut(epoch: Epoch, rng: np.random.Generator) -> Epoch:
    metrics = {name: value for name, value in epoch.metrics.items() if rng.random() > GONE}
    rate = None if rng.random() < GONE else epoch.learning_rate
    return replace(epoch, metrics=metrics, learning_rate=rate, steps=None)


def fails(trace: Trace, rng: np.random.Generator, times: int = 1) -> list[str]:
    """What rules raise on a trace with gaps."""
    rules = all_rules()
    reports = [run(with_gaps(trace, rng), rules) for _ in range(times)]
    return [str(each) for report in reports for each in report.failed]


def test_no_rule_raises_whatever_was_not_recorded() -> None:
    rng = np.random.default_rng(0)
    for case in CASES:
        for made in (case.fault, *case.near):
            assert fails(made, rng) == [], case.code


@pytest.mark.framework
def test_no_rule_raises_on_a_recorded_run_with_gaps(digits_trace: Trace) -> None:
    """Those of programs with faults are in ``test_proposals.py``."""
    assert fails(digits_trace, np.random.default_rng(0), 50) == []
