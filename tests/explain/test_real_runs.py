"""Five courses of training on real digits, and what is said of each: learning, memorising, breaking, guessing, and dead."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest

from pipetrace.demo.data import Source, embedded_digits, from_arrays
from pipetrace.demo.model import Plan
from pipetrace.explain.insight import headline, insight
from pipetrace.explain.observations import observations
from pipetrace.explain.quiz import quiz
from pipetrace.explain.recompute import recompute
from pipetrace.explain.remarks import example, measured
from pipetrace.trace import Trace, read

pytestmark = pytest.mark.framework

Record: TypeAlias = Callable[..., Trace]


@pytest.fixture
def record(tmp_path: Path, silent: Any, monkeypatch: pytest.MonkeyPatch) -> Record:
    """Record the reference pipeline with another optimizer, and with whatever else is changed of its model."""
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
    assert not any({"memorising", "worse", "non-finite"}.intersection(each) for each in kinds)
    held_out = digits_trace.epochs[-1].metrics["val_accuracy"]
    assert headline(digits_trace).startswith(
        f"After 3 epochs the model names {held_out * 100:.3g} % of 100 held-out "
    )
    wrong = round(100 * (1 - held_out))
    assert insight(digits_trace)[-1].startswith(
        f"Of 100 pictures kept aside {wrong} are named wrong, an accuracy of "
    )
    assert not any(
        "memorising:" in text or "knows what it trained on" in text
        for text in insight(digits_trace)
    )
    check_spelling(digits_trace)


def test_a_run_that_memorises(record: Record) -> None:
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
    trace = record(source, Plan(rows=60, epochs=20, validation_rows=120), lambda of: of.Adam(0.01))
    found = observations(trace)
    assert "memorising" in found[-1].kinds
    assert not any("follows" in each.kinds for each in found)
    assert sum("that is memorising" in each.text for each in found) == 1
    assert "its training rows right, but" in headline(trace)
    assert "look at the training chart" in headline(trace)
    assert insight(trace)[-1].endswith("that is memorising.")
    check_spelling(trace)


def test_a_run_that_breaks(record: Record) -> None:
    trace = record(embedded_digits(), Plan(rows=64, epochs=3), lambda of: of.SGD(1e20))
    found = observations(trace)
    assert found[-1].text == "Loss is still NaN; nothing can be learned from it."
    assert all(each.kinds == ("non-finite",) for each in found[1:])
    assert headline(trace).startswith("Training went wrong: from epoch ")
    said = " ".join(insight(trace))
    assert "The learning rate was 1.00 x 10^20." in said
    weights = (
        "After that step 288 of 288 values of conv2d/kernel are not finite, the first such weights."
    )
    assert weights in [event.message for event in trace.events]
    shown = trace.stage("conv2d").example
    assert shown is not None
    if np.isnan(shown).any():
        assert example(trace, trace.stage("conv2d")) == "All 21,632 values are NaN."
        # TensorFlow's pooling makes numbers of NaN; no sum of those is computed again, and none is said to disagree.
        assert recompute(trace, trace.predictions[0]).unknown == "dense"
    else:  # on some processors TensorFlow's fused ReLU makes 0 of NaN, and the layer after it is the first
        assert not shown.any()
    check_spelling(trace)


def test_a_run_that_stays_at_chance(record: Record) -> None:
    trace = record(embedded_digits(), Plan(rows=64, epochs=3), lambda of: of.SGD(0.0))
    found = observations(trace)
    assert [each.kinds for each in found] == [("chance",)] * 3
    assert "Nothing is learned yet." in found[0].text
    assert headline(trace).endswith("Nothing was learned.")
    assert (
        insight(trace)[-1]
        == "The weights did not change at all from epoch 1 to 3, at a learning rate of 0."
    )
    check_spelling(trace)


def test_a_run_whose_filters_are_all_dead(record: Record) -> None:
    def kill(model: Any) -> None:
        model.get_layer("conv2d").bias.assign(np.full(32, -1000))

    trace = record(embedded_digits(), Plan(rows=64, epochs=1), lambda of: of.SGD(0.1), kill)
    assert "All 32 filters gave 0 everywhere, for every row: dead on this data." in measured(
        trace, trace.stage("conv2d")
    )
    assert "All outputs of Conv2D are 0, whatever the row." in insight(trace)
    assert example(trace, trace.stage("max_pooling2d")) == "All 5,408 values are 0."
    check_spelling(trace)
