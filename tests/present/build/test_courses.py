"""The charts of a stage over the epochs: the figures that were recorded, and nothing of what was not."""

from dataclasses import replace

import pytest

from pipetrace.present.build.courses import MANY_STAGES, MOST_POINTS, courses
from pipetrace.trace import Trace
from pipetrace.trace.document import Stages
from pipetrace.trace.measurement_table import Measurement, Measurements
from pipetrace.trace.measurements import Gradient, Signal


def test_a_stage_with_weights_has_its_figures_after_every_epoch(digits_trace: Trace) -> None:
    spread, zeros, gradient, change = courses(digits_trace, digits_trace.stages["conv2d"])
    measured = digits_trace.measurements
    assert [point.epoch for point in spread.series[0].points] == [0, 1, 2, 3]
    assert [point.epoch for point in change.series[0].points] == [1, 2, 3]
    norms = measured.course(Gradient, "conv2d/kernel", lambda each: each.norm)
    shown = {point.epoch: float(point.text) for point in gradient.series[0].points}
    assert shown == {epoch: pytest.approx(norm, rel=0.01) for epoch, norm in norms.items()}
    summary = digits_trace.epochs[1].probe["conv2d"]
    points = {point.epoch: point.y for point in zeros.series[0].points}
    assert points[2] == pytest.approx(summary.zeros / summary.count, abs=1e-4)


def test_what_was_not_measured_has_no_chart(digits_trace: Trace) -> None:
    bare = replace(
        digits_trace,
        measurements=Measurements(),
        epochs=tuple(replace(epoch, probe={}) for epoch in digits_trace.epochs),
    )
    assert all(courses(bare, stage) == () for stage in bare.stages)
    assert courses(digits_trace, digits_trace.stages["scale"]) == ()
    pooling = digits_trace.stages["max_pooling2d"]
    assert len(courses(digits_trace, pooling)) == 2
    many = Stages((*digits_trace.stages, *[pooling] * MANY_STAGES))
    assert courses(replace(digits_trace, stages=many), pooling) == ()


def test_of_many_epochs_some_are_drawn(digits_trace: Trace) -> None:
    given = (Measurement("conv2d", epoch, Signal(std=1.0 + epoch)) for epoch in range(200))
    many = replace(digits_trace, measurements=Measurements(given), epochs=())
    [found] = courses(many, many.stages["conv2d"])
    epochs = [point.epoch for point in found.series[0].points]
    assert (len(epochs), epochs[0], epochs[-1]) == (MOST_POINTS, 0, 199)
