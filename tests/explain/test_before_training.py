"""Validation metrics before training: as Keras would have reported them, or none."""

from dataclasses import replace

import pytest
from tests.traces import with_metrics

from pipetrace.explain.before_training import before_training
from pipetrace.present.build.training import training
from pipetrace.trace import Trace


def test_they_are_computed_as_keras_computes_those_of_an_epoch(digits_trace: Trace) -> None:
    kept = digits_trace.kept_rows
    assert kept is not None
    assert set(before_training(digits_trace)) == {"val_loss", "val_accuracy"}
    for epoch in digits_trace.epochs[:-1]:
        moved = {**kept.outputs_after, 0: kept.outputs_after[epoch.number]}
        trace = replace(digits_trace, kept_rows=replace(kept, outputs_after=moved))
        found = before_training(trace)
        assert found == pytest.approx({name: epoch.metrics[name] for name in found}, rel=1e-3)
        assert len(found) == 2


def test_what_disagrees_with_keras_or_is_not_of_all_rows_is_not_told(digits_trace: Trace) -> None:
    kept = digits_trace.kept_rows
    assert kept is not None
    more = with_metrics(
        digits_trace, lambda each: {**each.metrics, "val_loss": each.metrics["val_loss"] + 0.1}
    )
    assert set(before_training(more)) == {"val_accuracy"}
    data = digits_trace.run.data
    rows = replace(data, validation_rows=(data.validation_rows or 0) + 1)
    for trace in (
        replace(digits_trace, run=replace(digits_trace.run, data=rows)),
        replace(digits_trace, kept_rows=replace(kept, outputs_after={})),
        replace(digits_trace, kept_rows=None),
    ):
        assert not before_training(trace)
        view = training(trace)
        assert view.start == ()
        assert [point.epoch for point in view.charts[0].series[0].points] == [1, 2, 3]


def test_the_table_and_the_charts_begin_with_them(digits_trace: Trace) -> None:
    view = training(digits_trace)
    assert len(view.start) == len(view.columns) - 1
    assert bool(view.start[view.columns.index("val loss")])
    assert not view.start[view.columns.index("loss")]
    for chart in view.charts:
        training_line, validation = chart.series
        assert training_line.points[0].epoch == 1
        assert validation.points[0].y is not None
        assert validation.points[0].epoch == 0
