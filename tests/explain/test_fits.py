"""Epochs are compared only where their losses compare, and the model is the one that was left."""

from dataclasses import replace
from typing import Any

from tests.tasks import KINDS

from pipetrace.explain.findings.measured_run import measured
from pipetrace.explain.fits import borders, final_epoch, model_part, restored, stretches
from pipetrace.explain.headline import headline
from pipetrace.explain.insight import insight
from pipetrace.explain.judgement import judgement
from pipetrace.explain.observations import observations
from pipetrace.present.build.document import document
from pipetrace.present.text import document_text
from pipetrace.trace import Trace
from pipetrace.trace.measurement_table import Measurement, Measurements
from pipetrace.trace.measurements import TRAINING, LossPoint
from pipetrace.trace.training import Callback, Fit

BEST, LAST = 3, 5
"""Epochs of the trace with the lowest validation loss, and its last one."""


def trace_of(*fits: tuple[int, dict[str, Any], dict[str, Any]]) -> Trace:
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
        trace = trace_of(
            (1, {}, {"fingerprint": "one"}), (4, training, {"fingerprint": "one"} | fit)
        )
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
    trace = trace_of((1, {"loss": "one"}, {"rows": 5}), (4, {"loss": "two"}, {"rows": 7}))
    assert [part.run.training.loss for part in stretches(trace)] == ["one", "two"]
    assert [part.run.data.rows for part in stretches(trace)] == [5, 7]
    assert all(stretches(part) == (part,) for part in stretches(trace))


def test_what_was_measured_by_another_loss_does_not_count() -> None:
    points = [Measurement(TRAINING, at, LossPoint(float(at))) for at in range(6)]
    two = trace_of((1, {}, {}), (4, {"losses": {"": "other"}}, {}))
    two = replace(two, measurements=Measurements(points))
    run = measured(two)
    assert run.loss_at(0) is None
    assert list(run.course(LossPoint, TRAINING, lambda each: each.loss)) == [4, 5]
    assert [epoch.number for epoch in run.trace.epochs] == [4, 5]
    one = replace(trace_of((1, {}, {})), measurements=Measurements(points))
    assert measured(one).loss_at(0) == 0.0


def test_a_fit_that_finished_no_epoch_compares_with_none() -> None:
    trace = trace_of((1, {}, {}), (6, {"losses": {"": "other"}}, {}))
    assert [each.last_epoch for each in trace.fits] == [5, None]
    assert stretches(trace) == (trace,)
    assert not borders(trace)


def test_restored_weights_are_judged_by_their_own_epoch() -> None:
    stopping = Callback("EarlyStopping", {"restore_best_weights": True})
    fit = {"weights_differ": True, "weights_epoch": BEST}
    trace = trace_of((1, {"callbacks": (stopping,)}, fit))
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
    (figure, *_) = document(trace).figures
    assert float(figure.text) == epoch.metrics["val_loss"]


def test_weights_of_no_epoch_and_of_the_last_one() -> None:
    for fit, is_restored in (
        ({"weights_differ": True}, True),
        ({"weights_differ": True, "weights_epoch": 0}, True),
        ({"weights_differ": False, "weights_epoch": LAST}, False),
        ({}, False),
    ):
        trace = trace_of((1, {}, fit))
        assert restored(trace) is is_restored
        assert (final_epoch(trace) is None) is is_restored
        assert ("final weights" in headline(trace)) is is_restored
        assert model_part(trace) is trace
