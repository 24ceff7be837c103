"""What a run and its epochs are judged to be, and chance level."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

import pytest
from hypothesis import given, settings
from tests.explain.courses import COURSES, LEARNS, Metrics, histories
from tests.tasks import KINDS, binary

from pipetrace.explain.judgement import best_validation, chance, diverged, epochs, judgement
from pipetrace.trace import Trace

MakeTrace: TypeAlias = Callable[..., Trace]

TRAINING = {"learning", "plateau", "rise", "first", "chance", "worse", "unmeasured", "non-finite"}
VALIDATION = {"follows", "ahead", "gap", "turned", "overfitting", "unclear", "validation"}


def test_each_epoch_and_each_run_is_judged_for_what_it_is(make_trace: MakeTrace) -> None:
    for course, (metrics, options, kinds, outcome) in COURSES.items():
        trace = make_trace(metrics, **options)
        assert [" ".join(each.kinds) for each in epochs(trace)] == kinds, course
        assert judgement(trace).outcome == outcome, course


def test_runs_without_a_chance_level_or_without_epochs() -> None:
    outcomes = {kind: judgement(make()).outcome for kind, make in KINDS.items()}
    expected = {kind: "better" if chance(make()) else "unknown" for kind, make in KINDS.items()}
    assert outcomes == {
        **expected,
        "untrained": "untrained",
        "failed": "no epoch",
        "not finite": "broken",
    }


@settings(max_examples=300, deadline=None)
@given(history=histories())
def test_no_judgement_contradicts_itself(
    history: tuple[list[Metrics], dict[str, Any]], make_trace: MakeTrace
) -> None:
    trace = make_trace(history[0], **history[1])
    judged = judgement(trace)
    found = epochs(trace)
    assert [each.epoch for each in found] == [*trace.epochs]
    for each in found:
        assert each.training in TRAINING
        assert each.validation in {None, "non-finite", *VALIDATION}
        assert len(each.kinds) == len({*each.kinds})
        if each.training in ("chance", "worse", "unmeasured", "non-finite"):
            assert not VALIDATION.intersection(each.kinds)
            assert not each.complete
        if each.validation == "overfitting":
            assert each.best is not None
            assert each.epoch.metrics["loss"] < each.best.metrics["loss"]
            assert each.epoch.metrics["val_loss"] > each.best.metrics["val_loss"]
    if not trace.epochs:
        assert judged.outcome == "no epoch"
        return
    last = found[-1]
    assert judged.last == last
    assert (judged.outcome == "broken") == (last.training == "non-finite")
    assert (judged.outcome == "chance") >= (last.training == "chance")
    assert (judged.outcome in ("broken", "worse")) == (judged.broken is not None)
    if judged.outcome == "chance":
        assert last.training in ("chance", "worse", "unmeasured")
    if judged.score:
        key = f"{'val_' * judged.score.validation}{judged.score.metric}"
        assert judged.score.value is trace.epochs[-1].metrics[key]


def test_the_score_is_measured_on_the_validation_set_where_there_is_one(
    make_trace: MakeTrace,
) -> None:
    scores = {
        "learns": ("accuracy", 0.83, True, 500),
        "no validation": ("accuracy", 0.75, False, 1000),
        "no accuracy": ("loss", 0.8, False, 1000),
        "no accuracy, validation": ("loss", 0.8, True, 500),
    }
    for course, (metric, value, validation, rows) in scores.items():
        score = judgement(make_trace(COURSES[course][0])).score
        assert score is not None
        assert (score.metric, score.value, score.validation, score.rows) == (
            metric,
            value,
            validation,
            rows,
        )
    made = judgement(KINDS["regression"]()).score
    assert made is not None
    assert (made.metric, made.value, made.validation, made.rows) == ("mae", 0.9, True, 40)


def test_where_a_run_was_best_where_it_was_lost_and_where_it_goes(make_trace: MakeTrace) -> None:
    for course, best, lost, trend in (
        ("learns", 3, None, "learning"),
        ("overfits", 2, None, "learning"),
        ("falls back to chance", None, 1, "rise"),
        ("plateau", 1, None, "plateau"),
        ("one epoch", 1, None, None),
    ):
        metrics, options, _, _ = COURSES[course]
        judged = judgement(make_trace(metrics, **options))
        assert (judged.best.number if judged.best else None) == best, course
        assert (judged.lost.number if judged.lost else None) == lost, course
        assert judged.trend == trend, course
    assert best_validation(make_trace(LEARNS), 1) == make_trace(LEARNS).epochs[0]
    assert best_validation(make_trace(LEARNS), 0) is None


def test_chance_is_known_for_classes_that_were_counted_alone() -> None:
    known = {kind for kind, make in KINDS.items() if chance(make()) is not None}
    assert known == {"binary", "binary logits", "binary scores", "logits"}
    trace = binary()
    guess = chance(trace)
    assert guess is not None
    assert guess.loss == pytest.approx(math.log(2))
    assert guess.largest == 90 / 160
    run, training, data = trace.run, trace.run.training, trace.run.data
    for changed in (
        replace(run, training=replace(training, sample_weights=True)),
        replace(run, training=replace(training, loss="binary_focal_crossentropy")),
        replace(run, data=replace(data, class_counts=())),
    ):
        assert chance(replace(trace, run=changed)) is None


def test_a_loss_that_is_not_finite_from_an_epoch_on_has_diverged() -> None:
    assert diverged(KINDS["waves"]()) is None
    found = diverged(KINDS["not finite"]())
    assert found is not None
    assert found.number == 2
