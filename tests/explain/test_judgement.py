"""What a run and its epochs are judged to be, and chance level."""

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from tests.documents import changed
from tests.explain.conftest import trace_of
from tests.explain.courses import COURSES, LEARNS, Metrics, histories
from tests.tasks import KINDS, binary

from pipetrace.explain.findings.measured_run import measured
from pipetrace.explain.fits import borders, final_epoch, model_part, restored, stretches
from pipetrace.explain.headline import headline
from pipetrace.explain.insight import insight
from pipetrace.explain.judgement import best_validation, chance, diverged, epochs, judgement
from pipetrace.explain.observations import observations
from pipetrace.present.build.document import document
from pipetrace.present.text import document_text
from pipetrace.trace import Trace
from pipetrace.trace.measurement_table import Measurement, Measurements
from pipetrace.trace.measurements import ClassOutcome, DatasetCheck, LossPoint, Outcome
from pipetrace.trace.training import Callback, Fit

TRAINING = {"learning", "plateau", "rise", "first", "chance", "worse", "unmeasured", "non-finite"}
VALIDATION = {"follows", "ahead", "gap", "turned", "overfitting", "unclear", "validation"}


def test_each_epoch_and_each_run_is_judged_for_what_it_is() -> None:
    for course, (metrics, options, kinds, outcome) in COURSES.items():
        trace = trace_of(metrics, **options)
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


@settings(max_examples=100, deadline=None)
@given(history=histories())
def test_no_judgement_contradicts_itself(history: tuple[list[Metrics], dict[str, Any]]) -> None:
    trace = trace_of(history[0], **history[1])
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


def test_the_score_is_measured_on_the_validation_set_where_there_is_one() -> None:
    scores = {
        "learns": ("accuracy", 0.83, True, 500),
        "no validation": ("accuracy", 0.75, False, 1000),
        "no accuracy": ("loss", 0.8, False, 1000),
        "no accuracy, validation": ("loss", 0.8, True, 500),
    }
    for course, (metric, value, validation, rows) in scores.items():
        score = judgement(trace_of(COURSES[course][0])).score
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


def test_where_a_run_was_best_where_it_was_lost_and_where_it_goes() -> None:
    for course, best, lost, trend in (
        ("learns", 3, None, "learning"),
        ("overfits", 2, None, "learning"),
        ("falls back to chance", None, 1, "rise"),
        ("plateau", 1, None, "plateau"),
        ("one epoch", 1, None, None),
    ):
        metrics, options, _, _ = COURSES[course]
        judged = judgement(trace_of(metrics, **options))
        assert (judged.best.number if judged.best else None) == best, course
        assert (judged.lost.number if judged.lost else None) == lost, course
        assert judged.trend == trend, course
    assert best_validation(trace_of(LEARNS), 1) == trace_of(LEARNS).epochs[0]
    assert best_validation(trace_of(LEARNS), 0) is None


def test_chance_is_known_for_classes_that_were_counted_alone() -> None:
    known = {kind for kind, make in KINDS.items() if chance(make()) is not None}
    assert known == {"binary", "binary logits", "binary scores", "logits"}
    trace = binary()
    guess = chance(trace)
    assert guess is not None
    assert guess.loss == pytest.approx(math.log(2))
    assert guess.largest == 90 / 160
    run, training, data = trace.run, trace.run.training, trace.run.data
    for other in (
        replace(run, training=replace(training, sample_weights=True)),
        replace(run, training=replace(training, loss="binary_focal_crossentropy")),
        replace(run, data=replace(data, class_counts=())),
    ):
        assert chance(replace(trace, run=other)) is None


def test_a_loss_that_is_not_finite_from_an_epoch_on_has_diverged() -> None:
    assert diverged(KINDS["waves"]()) is None
    found = diverged(KINDS["not finite"]())
    assert found is not None
    assert found.number == 2


# Several fits, restored weights

BEST, LAST = 3, 5
"""Epochs of the trace with the lowest validation loss, and its last one."""


def fitted(*fits: tuple[int, dict[str, Any], dict[str, Any]]) -> Trace:
    """Five epochs, in fits that begin with some of them, each with its settings."""
    stopped = KINDS["stopped"]()
    made = tuple(
        Fit(first, replace(stopped.run.training, **training), **fit)
        for first, training, fit in fits
    )
    run = replace(stopped.run, fits=made, training=made[-1].training)
    return replace(stopped, run=run)


def test_a_loss_is_compared_only_with_the_same_loss() -> None:
    cases: list[tuple[dict[str, Any], dict[str, Any], int]] = [
        ({}, {}, 1),
        ({"optimizer": "SGD"}, {"frozen": ("a",)}, 1),
        ({"losses": {"": "mean_absolute_error"}}, {}, 2),
        ({"loss_settings": {"": {"delta": 2.0}}}, {}, 2),
        ({"class_weights": {"0": 2.0}}, {}, 2),
        ({"sample_weights": True}, {}, 2),
        ({}, {"rows": 7}, 2),
        ({}, {"validation_rows": 7}, 2),
        ({}, {"fingerprint": "other"}, 2),
    ]
    for training, fit, parts in cases:
        trace = fitted((1, {}, {"fingerprint": "one"}), (4, training, {"fingerprint": "one"} | fit))
        found = stretches(trace)
        numbers = [[epoch.number for epoch in part.epochs] for part in found]
        assert numbers == ([[1, 2, 3, 4, 5]] if parts == 1 else [[1, 2, 3], [4, 5]]), training
        kinds = [each.kinds[0] for each in observations(trace)]
        assert (kinds[3] == "first") == (parts == 2), training
        assert list(borders(trace)) == [4]
        view = document(trace)
        assert [row.epoch for row in view.training.rows if row.border] == [4]
        assert all(each.borders == (4,) for each in view.training.charts)
        assert view.training.rows[3].border in " ".join(document_text(view).split())


def test_each_part_has_the_settings_of_its_fit() -> None:
    trace = fitted((1, {"loss": "one"}, {"rows": 5}), (4, {"loss": "two"}, {"rows": 7}))
    assert [part.run.training.loss for part in stretches(trace)] == ["one", "two"]
    assert [part.run.data.rows for part in stretches(trace)] == [5, 7]
    assert all(stretches(part) == (part,) for part in stretches(trace))


def test_what_was_measured_by_another_loss_does_not_count() -> None:
    points = [Measurement("training", at, LossPoint(float(at))) for at in range(6)]
    two = fitted((1, {}, {}), (4, {"losses": {"": "other"}}, {}))
    two = replace(two, measurements=Measurements(points))
    run = measured(two)
    assert run.loss_at(0) is None
    assert list(run.course(LossPoint, "training", lambda each: each.loss)) == [4, 5]
    assert [epoch.number for epoch in run.trace.epochs] == [4, 5]
    one = replace(fitted((1, {}, {})), measurements=Measurements(points))
    assert measured(one).loss_at(0) == 0.0


def test_a_fit_that_finished_no_epoch_compares_with_none() -> None:
    trace = fitted((1, {}, {}), (6, {"losses": {"": "other"}}, {}))
    assert [each.last_epoch for each in trace.fits] == [5, None]
    assert stretches(trace) == (trace,)
    assert not borders(trace)


def test_restored_weights_are_judged_by_their_own_epoch() -> None:
    stopping = Callback("EarlyStopping", {"restore_best_weights": True})
    fit = {"weights_differ": True, "weights_epoch": BEST}
    trace = fitted((1, {"callbacks": (stopping,)}, fit))
    epoch = final_epoch(trace)
    assert epoch is not None
    assert epoch.number == BEST
    assert [each.number for each in model_part(trace).epochs] == [1, 2, 3]
    judged = judgement(trace)
    assert judged.score is not None
    assert judged.score.value == epoch.metrics[f"val_{judged.score.metric}"]
    assert judged.last is not None
    assert judged.last.validation != "overfitting"
    assert f"epoch {BEST}" in headline(trace)
    told = headline(trace) + " ".join(insight(trace))
    assert str(trace.epochs[-1].metrics["val_loss"]) not in told
    assert len(observations(trace)) == LAST
    assert ["restored" in each.text for each in observations(trace)].index(True) == BEST - 1
    (figure, *_) = document(trace).figures
    assert float(figure.text) == epoch.metrics["val_loss"]


def test_weights_of_no_epoch_and_of_the_last_one() -> None:
    for fit, is_restored in (
        ({"weights_differ": True}, True),
        ({"weights_differ": True, "weights_epoch": 0}, True),
        ({"weights_differ": False, "weights_epoch": LAST}, False),
        ({}, False),
    ):
        trace = fitted((1, {}, fit))
        assert restored(trace) is is_restored
        assert (final_epoch(trace) is None) is is_restored
        assert ("final weights" in headline(trace)) is is_restored
        assert model_part(trace) is trace


# Classes of uneven size, weights in the loss


def rare(accuracy: float, found: int, **training: Any) -> Trace:
    """Validation of 100 rows, of which 5 are of class 1, and so many of these are found."""
    trace = binary()
    last = replace(
        trace.epochs[-1],
        metrics={"loss": 0.4, "val_loss": 0.2, "accuracy": 0.95, "val_accuracy": accuracy},
    )
    balanced = (accuracy * 100 - found) / 95 / 2 + found / 5 / 2
    outcome = Outcome(
        rows=100,
        accuracy=accuracy,
        balanced_accuracy=balanced,
        majority_share=0.95,
        classes=2,
        classes_present=2,
    )
    measured = [
        Measurement("validation", None, outcome),
        Measurement("validation/0", None, ClassOutcome(95, 95, round(accuracy * 100) - found)),
        Measurement("validation/1", None, ClassOutcome(5, 5, found)),
    ]
    data = {"validation_rows": 100, "class_counts": (95, 5)}
    more = {"epochs": (last,), "measurements": Measurements(measured)}
    return changed(trace, data=data, training=training, **more)


def test_an_accuracy_below_the_most_frequent_class_is_not_praised() -> None:
    cases = [(0.95, 0, True), (0.96, 1, True), (0.95, 5, False), (0.90, 5, False)]
    for accuracy, found, blind in cases:
        for weights in ({}, {"1": 9.0}):
            trace = rare(accuracy, found, class_weights=weights)
            judged = judgement(trace)
            assert judged.last is not None
            case = (accuracy, found, weights)
            if judged.outcome != "chance":
                assert (judged.last.validation == "majority") == blind, case
            told = " ".join((headline(trace), *insight(trace), observations(trace)[-1].text))
            assert ("no sign of overfitting" in told) <= (not blind), case
            assert ("none of the 5" in headline(trace)) == (not found), case
            if weights:
                assert "95 %" in headline(trace), case


def test_a_loss_with_weights_is_named_so_and_drawn_by_itself() -> None:
    for weights, expected in (({}, False), ({"1": 9.0}, True)):
        trace = rare(0.9, 5, class_weights=weights)
        view = document(trace).training
        assert (view.columns[1] == "weighted loss") is expected
        sides = [len(chart.series) for chart in view.charts]
        assert (sides[0] == 1) is expected
        assert ("weighted loss" in observations(trace)[-1].text) is expected


def test_a_gap_between_modes_is_no_overfitting() -> None:
    metrics = {"loss": 0.3, "val_loss": 0.9, "accuracy": 0.95, "val_accuracy": 0.6}
    for measured_accuracy, majority, expected in (
        (0.95, None, "gap"),
        (0.62, None, "modes"),
        (0.66, None, "modes"),  # three standard errors of 400 rows are 7 points
        (None, None, "gap"),
        (0.95, 0.93, "validation"),  # no better than the most frequent class
    ):
        trace = binary()
        outcome = Outcome(rows=200, accuracy=measured_accuracy, classes=2, majority_share=majority)
        trace = changed(
            trace,
            data={"validation_rows": 400},
            epochs=(replace(trace.epochs[-1], metrics=metrics),),
            measurements=Measurements([Measurement("training", None, outcome)]),
        )
        last = judgement(trace).last
        assert last is not None
        assert last.validation == expected
        told = " ".join((headline(trace), *insight(trace), observations(trace)[-1].text))
        assert ("overfitting" in told) == (expected == "gap")


def test_a_validation_loss_is_explained_only_where_it_says_something() -> None:
    losses = [(1.0, 0.5), (0.8, 0.6), (0.6, 0.8), (0.4, 1.0)]
    rows: dict[str, Any] = {"rows": 400, "column_shift": 0.01, "column_scale": 1.0}
    cases = {
        "overfitting": Outcome(rows=200, loss=0.3),
        "validation": Outcome(rows=200, loss=0.9),  # training rows in prediction mode
        "other rows": DatasetCheck(**{**rows, "column_shift": 3.0}),
    }
    for expected, other in cases.items():
        is_check = isinstance(other, DatasetCheck)
        found = [Measurement("training", None, DatasetCheck(**rows))]
        found.append(Measurement("validation" if is_check else "training", None, other))
        trace = changed(
            binary(),
            data={"validation_rows": 400},
            epochs=tuple(
                replace(binary().epochs[-1], number=number, metrics={"loss": own, "val_loss": held})
                for number, (own, held) in enumerate(losses, 1)
            ),
            measurements=Measurements(found),
        )
        last = judgement(trace).last
        assert last is not None
        assert last.validation == expected
        told = " ".join((headline(trace), *insight(trace), observations(trace)[-1].text))
        assert ("overfitting" in told) == (expected == "overfitting")


def test_an_accuracy_of_numbers_is_no_score() -> None:
    trace = KINDS["regression"]()
    more = {"accuracy": 0.0, "val_accuracy": 0.0}
    epochs_now = tuple(replace(each, metrics={**each.metrics, **more}) for each in trace.epochs)
    score = judgement(replace(trace, epochs=epochs_now)).score
    assert score is not None
    assert score.metric != "accuracy"
