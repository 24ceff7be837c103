"""Every explanation holds for any model: it speaks of what there is, and of nothing else."""

import math
import re
from dataclasses import replace

import pytest
from tests.documents import changed
from tests.explain.conftest import numbers_of
from tests.tasks import KINDS, course, epochs_of, logits, regression

from pipetrace.explain.events import events
from pipetrace.explain.headline import headline
from pipetrace.explain.insight import insight
from pipetrace.explain.observations import observations
from pipetrace.explain.quiz import quiz
from pipetrace.explain.recompute import recompute
from pipetrace.explain.remarks import example, measured
from pipetrace.trace import Trace

NO_CLASSES = (
    *("regression", "two numbers", "multilabel", "several", "autoencoder", "steps", "waves"),
    *("mask", "stopped", "not finite", "one axis", "too large"),
)


@pytest.fixture(params=KINDS, ids=lambda name: str(name).replace(" ", "-"))
def trace(request: pytest.FixtureRequest) -> Trace:
    return KINDS[request.param]()


def said(trace: Trace) -> list[str]:
    """All sentences on the whole run."""
    return [
        headline(trace),
        *insight(trace),
        *events(trace),
        *(each.text for each in observations(trace)),
    ]


def with_metrics(trace: Trace, metrics: list[dict[str, float]]) -> Trace:
    return changed(trace, training={"epochs": len(metrics)}, epochs=epochs_of(metrics))


def test_every_sentence_is_one(trace: Trace) -> None:
    for text in said(trace):
        assert text.endswith(".")
        assert text[0].isupper() or text[0] in "0123456789'", text
        assert not re.search(r"\bnan\b(?!\.$)|\binf\b|None|\de[+-]\d|  ", text), text
    assert [each.epoch for each in observations(trace)] == [epoch.number for epoch in trace.epochs]


def test_every_stage_has_its_remarks_and_every_prediction_its_check(trace: Trace) -> None:
    for stage in trace.stages:
        for text in (example(trace, stage), *measured(trace, stage)):
            assert text is None or text.endswith(".")
    for made in trace.predictions:
        assert recompute(trace, made).difference <= 1e-5


def test_nothing_is_said_of_classes_where_there_are_none() -> None:
    text = " ".join(sentence for kind in NO_CLASSES for sentence in said(KINDS[kind]()))
    assert not re.search(r"class|chance|luck|\bln\b", text), text


def test_every_run_has_a_quiz(trace: Trace) -> None:
    for question in quiz(trace):
        assert len(set(question.options)) == len(set(question.remarks)) == 4


def test_a_loss_that_is_negative_by_nature_has_no_shares() -> None:
    told = observations(KINDS["waves"]())
    assert [each.kinds for each in told] == [
        ("first", "validation"),
        ("learning", "validation"),
        ("learning", "turned"),
    ]
    assert numbers_of(told[1].text)[:2] == [-0.2, -0.7]
    near = with_metrics(regression(), course([-0.2, -0.7], val_loss=[-0.75, -0.745]))
    assert observations(near)[1].kinds == ("learning", "validation"), (
        "two per cent above the best is no rise"
    )
    across = with_metrics(regression(), course([0.5, -0.5, 0.5, 0.5]))
    assert [each.kinds for each in observations(across)] == [
        ("first",),
        ("learning",),
        ("rise",),
        ("plateau",),
    ]
    assert "%" not in " ".join(each.text for each in observations(across))


def test_every_event_of_a_run_is_told_and_many_of_a_kind_are_counted() -> None:
    trace = KINDS["not finite"]()
    loss, ended, recorder = events(trace)
    assert ("NaN" in loss, "epoch 2" in loss, "step 3" in loss) == (True, True, True)
    assert "5 of 6 steps" in ended
    assert "weights" in recorder
    (event, *_) = trace.events
    many = replace(trace, events=tuple(replace(event, step=step) for step in range(1, 21)))
    assert len(events(many)) == 9
    assert events(many)[-1] == "12 more events of the kind 'loss' followed."


def test_scores_are_probabilities_only_where_the_loss_makes_them_so() -> None:
    plain = changed(logits(), training={"from_logits": False})
    text = str(example(plain, plain.stages[-1]))
    assert "probabilit" not in text
    assert math.isfinite(recompute(plain, plain.predictions[0]).difference)
