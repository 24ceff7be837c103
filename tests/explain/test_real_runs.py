"""Four courses of training on real digits, and what is said of each: learning, overfitting,
breaking, and at chance level with dead filters."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest

from pipetrace.demo.data import embedded_digits
from pipetrace.demo.model import Plan
from pipetrace.demo.source import Source, from_arrays
from pipetrace.explain.findings import NOTE, findings
from pipetrace.explain.headline import headline
from pipetrace.explain.insight import insight
from pipetrace.explain.judgement import judgement
from pipetrace.explain.observations import observations
from pipetrace.explain.quiz import quiz
from pipetrace.explain.recompute import recompute
from pipetrace.explain.remarks import example, measured
from pipetrace.trace import Trace, read

pytestmark = pytest.mark.framework

Record: TypeAlias = Callable[..., Trace]


@pytest.fixture
def record(tmp_path: Path, silent: Any, monkeypatch: pytest.MonkeyPatch) -> Record:
    """Record the reference pipeline with another optimizer, and with whatever else is changed of
    its model."""
    from pipetrace.capture import backend
    from pipetrace.demo.run import record_digits

    build = backend.build

    def recorded(
        source: Source,
        plan: Plan,
        optimizer: Callable[[Any], Any],
        change: Callable[[Any], None] = lambda _: None,
    ) -> Trace:
        def built(config: Any, training: Any) -> Any:
            model = build(config, training)
            model.compile(**{**training, "optimizer": optimizer(backend.load().optimizers)})
            change(model)
            return model

        monkeypatch.setattr(backend, "build", built)
        record_digits(source, plan, tmp_path / "run.trace", silent)
        return read(tmp_path / "run.trace")

    return recorded


def everything(trace: Trace) -> list[str]:
    """Every sentence on a run."""
    said = [headline(trace), *insight(trace), *(each.text for each in observations(trace))]
    for stage in trace.stages:
        said += [*filter(None, [example(trace, stage)]), *measured(trace, stage)]
    for question in quiz(trace):
        said += [question.text, *question.options, *question.remarks]
    return said


def check_spelling(trace: Trace) -> None:
    for text in everything(trace):
        assert not re.search(r"\bnan\b|\binf\b|None|\de[+-]\d|  ", text), text


def test_a_run_that_learns(digits_trace: Trace) -> None:
    kinds = [each.kinds for each in observations(digits_trace)]
    assert all(each[0] == "learning" for each in kinds[1:])
    assert not any({"overfitting", "worse", "non-finite"}.intersection(each) for each in kinds)
    validation = digits_trace.epochs[-1].metrics["val_accuracy"]
    judged = judgement(digits_trace)
    assert judged.outcome == "better"
    assert judged.score is not None
    assert (judged.score.value, judged.score.validation, judged.score.rows) == (
        validation,
        True,
        100,
    )
    assert f" 3 epochs: {validation * 100:.3g} % on 100 images" in headline(digits_trace)
    assert f" {round(100 * (1 - validation))} of 100 validation images" in insight(digits_trace)[-1]
    again = recompute(digits_trace, digits_trace.predictions[0])
    assert (again.stages, again.unknown, again.agrees) == (5, None, True)
    assert again.difference <= 1e-5
    assert [each for each in findings(digits_trace) if each.level != NOTE] == []
    check_spelling(digits_trace)


def test_a_run_that_overfits(record: Record) -> None:
    digits = embedded_digits()
    # With labels drawn by lot there is nothing to learn but the rows themselves.
    labels = np.random.default_rng(0).permutation(digits.y[:200])
    source = from_arrays(
        digits.x[:200],
        labels,
        name="lots",
        description="Digits with labels drawn by lot.",
        origin="lots",
    )
    trace = record(source, Plan(rows=60, epochs=8, validation_rows=120), lambda of: of.Adam(0.01))
    found = observations(trace)
    assert "overfitting" in found[-1].kinds
    assert not any("follows" in each.kinds for each in found)
    assert sum("overfitting" in each.text for each in found if "gap" not in each.kinds) == 1
    assert "overfitting" in headline(trace)
    assert "overfitting" in insight(trace)[-1]
    check_spelling(trace)


def test_a_run_that_breaks(record: Record) -> None:
    trace = record(embedded_digits(), Plan(rows=64, epochs=3), lambda of: of.SGD(1e20))
    found = observations(trace)
    assert "NaN" in found[-1].text
    assert all(each.kinds == ("non-finite",) for each in found[1:])
    assert judgement(trace).outcome == "broken"
    said = " ".join(insight(trace))
    assert "learning rate was 1.00 x 10^20" in said
    (weights,) = [each for each in trace.events if each.kind == "weights"]
    assert (weights.weight, weights.count, weights.total) == ("conv2d/kernel", 288, 288)
    shown = trace.stage("conv2d").example
    assert shown is not None
    if np.isnan(shown).any():
        assert example(trace, trace.stage("conv2d")) == "All 21,632 values are NaN."
        # TensorFlow's pooling makes numbers of NaN; no sum of those is computed again, and none is
        # said to disagree.
        assert recompute(trace, trace.predictions[0]).unknown == "dense"
    else:  # on some processors TensorFlow's fused ReLU makes 0 of NaN, and the layer after it is the first
        assert not shown.any()
    check_spelling(trace)


def test_a_run_whose_filters_are_dead_and_whose_rate_is_0_stays_at_chance(record: Record) -> None:
    def kill(model: Any) -> None:
        model.get_layer("conv2d").bias.assign(np.full(32, -1000))

    trace = record(embedded_digits(), Plan(rows=64, epochs=3), lambda of: of.SGD(0.0), kill)
    assert [each.kinds for each in observations(trace)] == [("chance",)] * 3
    assert judgement(trace).outcome == "chance"
    assert measured(trace, trace.stage("conv2d"))[-1].startswith("All 32 filters are dead")
    assert insight(trace)[-2:] == (
        "Conv2D outputs 0 for every row.",
        "The weights did not change from epoch 1 to 3 (learning rate 0).",
    )
    assert example(trace, trace.stage("max_pooling2d")) == "All 5,408 values are 0."
    check_spelling(trace)
