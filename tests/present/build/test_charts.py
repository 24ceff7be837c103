"""Line charts over epochs: the axis holds every value, and every text is that of its value."""

import math
from dataclasses import replace
from itertools import pairwise

import hypothesis.strategies as st
import pytest
from hypothesis import example, given
from tests.traces import broken, killed, lengthened

from pipetrace.explain.formatting import figure, share
from pipetrace.present.build.charts import Line, chart
from pipetrace.present.build.document import document
from pipetrace.present.drawings import Chart
from pipetrace.trace import Trace

NAN, INF = math.nan, math.inf


def made(*lines: tuple[float, ...], **options: object) -> Chart:
    roles = ("training", "validation")
    drawn = [Line(role, role, values) for role, values in zip(roles, lines, strict=False)]
    found = chart("Loss", drawn, range(1, len(lines[0]) + 1), **options)  # type: ignore[arg-type]
    assert found is not None
    return found


def tick_values(view: Chart) -> list[float]:
    return [float(tick.text.replace(",", "").removesuffix(" %")) for tick in view.y]


def value_at(view: Chart, place: float) -> float:
    """The value at a place of the axis, from its ticks alone."""
    first, last = view.y[0], view.y[-1]
    part = (place - first.at) / (last.at - first.at)
    low, *_, high = tick_values(view)
    if "logarithmic" in view.title:
        return float(math.exp(math.log(low) + part * (math.log(high) - math.log(low))))
    return low + part * (high - low)


@given(st.lists(st.floats(0.01, 1e5), min_size=1, max_size=12))
@example([2.3, 1.7, 1.2])
@example([0.5])
@example([7.0, 7.0])
def test_every_point_lies_on_the_axis_where_its_ticks_say(values: list[float]) -> None:
    view = made(tuple(values))
    for point, value in zip(view.series[0].points, values, strict=True):
        assert point.y is not None
        assert 0 <= point.y <= 1
        span = tick_values(view)[-1] - tick_values(view)[0]
        slack = 0.01 * value if "logarithmic" in view.title else 0.01 * span
        assert value_at(view, point.y) == pytest.approx(value, abs=slack)
        assert point.text == figure(value)


@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=1, max_size=12)
)
@example([0.0])
@example([1e-14, 2e-14])
@example([1e-45])
@example([-3.0, -3.0])
@example([3e38, 1e-38])
def test_any_finite_values_get_an_axis(values: list[float]) -> None:
    view = made(tuple(values))
    places = [tick.at for tick in view.y]
    assert places[0] == 0
    assert places[-1] <= 1
    assert all(low < high for low, high in pairwise(places))
    assert 2 <= len(places) <= 13
    assert all(point.y is not None and 0 <= point.y <= 1 for point in view.series[0].points)


def test_a_linear_axis_begins_at_zero_and_has_few_round_ticks() -> None:
    view = made((2.31, 1.5, 1.2), (2.4, 1.4, 1.3))
    assert tick_values(view) == [0, 0.5, 1, 1.5, 2, 2.5]
    assert [tick.text for tick in view.y] == ["0", "0.5", "1", "1.5", "2", "2.5"]
    assert [tick.at for tick in view.y] == [0, 0.2, 0.4, 0.6, 0.8, 1]


def test_negative_values_are_on_the_axis_too() -> None:
    view = made((-3.0, 4.0))
    assert tick_values(view)[0] <= -3
    assert tick_values(view)[-1] >= 4
    assert tick_values(made((-5.0, -3.0)))[-1] == 0


def test_decades_get_a_logarithmic_axis() -> None:
    view = made((1000.0, 10.0, 0.2))
    assert view.title == "Loss, logarithmic axis"
    assert tick_values(view) == [0.1, 1, 10, 100, 1000]
    steps = [high.at - low.at for low, high in pairwise(view.y)]
    assert steps == pytest.approx([0.25] * 4, abs=1e-4)
    assert view.series[0].points[1].y == 0.5


@pytest.mark.parametrize(("most", "logarithmic"), [(31.0, False), (32.0, True)])
def test_the_axis_becomes_logarithmic_from_a_decade_and_a_half_on(
    most: float, logarithmic: bool
) -> None:
    assert ("logarithmic" in made((most, 1.0)).title) == logarithmic


def test_a_level_of_zero_is_off_a_logarithmic_axis() -> None:
    assert made((1000.0, 0.2), reference=(0.0, "zero")).reference is None
    assert made((1000.0, 0.2), reference=(10.0, "ten")).reference is not None


def test_a_zero_keeps_the_axis_linear() -> None:
    view = made((1000.0, 0.0))
    assert "logarithmic" not in view.title
    assert view.series[0].points[1].y == 0


def test_many_decades_have_few_ticks() -> None:
    view = made((1e12, 1e-8))
    assert len(view.y) <= 7
    assert view.series[0].points[0].y == 1


def test_limits_are_kept() -> None:
    view = made((0.2, 0.9), text=share, limits=(0.0, 1.0))
    assert [tick.text for tick in view.y] == ["0 %", "20 %", "40 %", "60 %", "80 %", "100 %"]
    assert [point.y for point in view.series[0].points] == [0.2, 0.9]


def test_what_is_not_finite_is_a_gap_that_says_what_it_was() -> None:
    points = made((1.0, NAN, INF, -INF, 2.0)).series[0].points
    assert [point.y is None for point in points] == [False, True, True, True, False]
    assert [point.text for point in points[1:4]] == ["NaN", "Inf", "-Inf"]
    assert [point.x for point in points] == [0, 0.25, 0.5, 0.75, 1]


def test_nothing_finite_is_no_chart() -> None:
    assert chart("Loss", [Line("training", "training", (NAN, INF))], [1, 2]) is None
    assert chart("Loss", [], []) is None


def test_one_epoch_is_one_point_at_the_left() -> None:
    view = made((2.0,), (3.0,))
    assert [(tick.at, tick.text) for tick in view.x] == [(0, "1")]
    assert [point.x for series in view.series for point in series.points] == [0, 0]


@pytest.mark.parametrize("count", [2, 10, 11, 100, 1000])
def test_many_epochs_have_at_most_ten_numbers_below_the_axis(count: int) -> None:
    view = made(tuple(1.0 + 1 / number for number in range(1, count + 1)))
    assert 2 <= len(view.x) <= 10
    places = {point.epoch: point.x for point in view.series[0].points}
    assert len(places) == count
    assert all(places[int(tick.text)] == tick.at for tick in view.x)


def test_epochs_keep_their_numbers() -> None:
    view = chart("Loss", [Line("training", "training", (1.0, 2.0))], [4, 5])
    assert view is not None
    assert [point.epoch for point in view.series[0].points] == [4, 5]
    assert view.label == "Loss: training from 1 in epoch 4 to 2 in epoch 5."


def test_epochs_that_were_not_measured_keep_their_room() -> None:
    view = chart("Loss", [Line("training", "training", (5.0, 4.0, 3.0, 2.0))], [0, 1, 28, 30])
    assert view is not None
    places = {point.epoch: point.x for point in view.series[0].points}
    assert places == {
        0: 0,
        1: pytest.approx(1 / 30, abs=1e-4),
        28: pytest.approx(28 / 30, abs=1e-4),
        30: 1,
    }
    assert all(tick.at == pytest.approx(int(tick.text) / 30, abs=1e-4) for tick in view.x)


@pytest.mark.parametrize(
    ("level", "shown"), [(2.3, True), (3.9, True), (4.5, False), (-1.0, False)]
)
def test_a_level_is_drawn_unless_it_is_far_off(level: float, shown: bool) -> None:
    view = made((2.0, 1.0), reference=(level, "chance"))
    assert (view.reference is not None) == shown
    if view.reference:
        assert value_at(view, view.reference.at) == pytest.approx(level, abs=0.01)


def test_the_charts_of_a_run_show_its_metrics(digits_trace: Trace) -> None:
    loss, accuracy = document(digits_trace).training.charts
    for view, metric, write in ((loss, "loss", figure), (accuracy, "accuracy", share)):
        for series, key in zip(view.series, (metric, f"val_{metric}"), strict=True):
            values = [epoch.metrics[key] for epoch in digits_trace.epochs]
            points = [point for point in series.points if point.epoch]
            assert len(series.points) - len(points) == (series.role == "validation")
            assert [point.text for point in points] == [write(value) for value in values]
            places = [point.y for point in points]
            assert sorted(range(3), key=lambda index: places[index] or 0) == sorted(
                range(3), key=values.__getitem__
            )
    lowest = min(digits_trace.epochs, key=lambda epoch: epoch.metrics["val_loss"])
    assert loss.best == accuracy.best == lowest.number
    assert loss.reference is not None
    assert loss.reference.text.endswith(f" {figure(math.log(10))}")
    assert value_at(loss, loss.reference.at) == pytest.approx(math.log(10), abs=0.01)


def test_chance_level_is_that_of_the_key_figures(digits_trace: Trace) -> None:
    data = replace(digits_trace.run.data, class_counts=(90, *[2] * 9))
    view = document(replace(digits_trace, run=replace(digits_trace.run, data=data)))
    loss = next(each for each in view.figures if each.name == "Validation loss")
    assert loss.note != f"chance: {figure(math.log(10))}"
    reference = view.training.charts[0].reference
    assert reference is not None
    assert loss.note == f"chance on training rows: {reference.text.split()[-1]}"


def test_one_epoch_marks_no_best(digits_trace: Trace) -> None:
    for view in document(killed(digits_trace, 1)).training.charts:
        assert view.best is None
        assert [point.epoch for point in view.series[0].points] == [1]


def test_a_hundred_epochs_are_a_hundred_points(digits_trace: Trace) -> None:
    loss = document(lengthened(digits_trace, 100)).training.charts[0]
    assert [point.epoch for point in loss.series[0].points] == list(range(1, 101))


def test_a_broken_run_leaves_gaps(digits_trace: Trace) -> None:
    loss = document(broken(digits_trace)).training.charts[0]
    assert [point.y is None for point in loss.series[0].points] == [False, True, True]
