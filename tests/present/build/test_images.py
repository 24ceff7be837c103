"""Pictures, bars and distributions show the measured values, on scales that mean something."""

import math
import re
from dataclasses import replace

import numpy as np
import pytest

from pipetrace.present.build import images
from pipetrace.present.build.document import document
from pipetrace.present.drawings import Distribution
from pipetrace.present.terminal_graphics import COLORMAPS, colours
from pipetrace.stats import summarise
from pipetrace.trace import Trace
from pipetrace.trace.document import Array, Stages

RANDOM = np.random.default_rng(7)
ZEROS = np.zeros(40_000, np.float32)
SAMPLES = {
    "normal": RANDOM.normal(0.3, 2.0, 100_000),
    "relu": np.concatenate([ZEROS, RANDOM.exponential(0.5, 60_000)]),
    "negative, with zeros": np.concatenate([ZEROS, -RANDOM.exponential(0.5, 60_000)]),
    "around zero, with zeros": np.concatenate([ZEROS, RANDOM.uniform(-1, 1, 60_000)]),
    "few zeros": np.concatenate([ZEROS[:100], RANDOM.uniform(0, 1, 60_000)]),
    "whole numbers": RANDOM.integers(0, 256, 50_000),
}


def keys(values: Array) -> Array:
    return np.asarray(values.astype(np.float32).view(np.uint32) >> np.uint32(16))


def shown_counts(view: Distribution) -> Array:
    return np.array([int(text.rpartition("about ")[2].replace(",", "")) for text in view.texts])


@pytest.mark.parametrize("name", SAMPLES)
def test_a_distribution_counts_as_numpy_does(name: str) -> None:
    values = SAMPLES[name].astype(np.float32)
    view = images.distribution(summarise(values), "these")
    assert view is not None
    edges = np.linspace(values.min(), values.max(), images.BINS + 1)
    apart = (values == 0).mean() > 0.05
    counted = values[values != 0] if apart else values
    expected, _ = np.histogram(counted, edges)
    # A bin of the stored histogram that crosses an edge is shared out, so as many values may be on the other side.
    crossing = np.array([np.isin(keys(counted), keys(np.array([edge]))).sum() for edge in edges])
    slack = crossing[:-1] + crossing[1:] + 1
    counts = shown_counts(view)
    assert (np.abs(counts - expected) <= slack).all()
    assert slack.max() < 0.4 * expected.max()
    assert abs(counts.sum() - len(counted)) <= images.BINS / 2
    np.testing.assert_allclose(view.heights, counts / counts.max(), atol=0.6 / counts.max() + 1e-4)
    assert max(view.heights) == 1
    assert ("exactly 0" in view.label) == apart
    if apart:
        assert re.search(r"without the [\d.]+ % that", view.label)


def test_a_distribution_of_one_value_is_none() -> None:
    assert images.distribution(summarise(np.full(9, 3, np.float32)), "these") is None
    assert images.distribution(summarise(np.full(9, math.nan, np.float32)), "these") is None


def test_the_distributions_of_a_run_count_all_rows(digits_trace: Trace) -> None:
    for view, stage in zip(document(digits_trace).stages, digits_trace.stages, strict=True):
        assert view.distribution is not None
        assert stage.summary is not None
        apart = stage.summary.zeros if "exactly 0" in view.distribution.label else 0
        assert shown_counts(view.distribution).sum() == pytest.approx(
            stage.summary.count - apart, abs=20
        )


@pytest.mark.parametrize("values", [[-3.0, 1.0], [-1.0, 3.0], [-2.0, -1.0], [-1e-30, 5.0]])
def test_signed_values_lie_around_zero(values: list[float]) -> None:
    view = images.tensor(np.array(values, np.float32), "these", "activation")
    assert view is not None
    assert view.colormap == "signed"
    assert view.low == -view.high
    assert view.high == np.abs(np.array(values, np.float32)).max()


def test_values_from_zero_up_keep_their_ramp_and_begin_at_zero() -> None:
    view = images.tensor(np.array([0.5, 2.0], np.float32), "these", "activation")
    assert view is not None
    assert (view.colormap, view.low, view.high) == ("activation", 0, 2)


def test_kernels_lie_around_zero_one_map_a_filter() -> None:
    values = RANDOM.normal(size=(3, 3, 1, 5)).astype(np.float32)
    view = images.kernels(values, "kernels")
    assert view is not None
    assert view.shape == (5, 3, 3)
    assert view.low == -view.high == -np.abs(values).max()
    np.testing.assert_array_equal(view.values[2], values[:, :, 0, 2])
    assert len(view.texts) == values.size
    assert images.kernels(np.zeros((3, 3, 2, 5), np.float32), "two channels") is None
    assert images.kernels(np.full((3, 3, 1, 5), np.nan, np.float32), "broken") is None


@pytest.mark.parametrize("length", [1, 10, 104, 105, 250, 5408])
def test_a_wrapped_vector_is_padded_with_nothing(length: int) -> None:
    values = RANDOM.uniform(1, 2, length).astype(np.float32)
    view = images.tensor(values, "vector", "activation")
    assert view is not None
    assert view.shape == (1, -(-length // images.FOLD), min(length, images.FOLD))
    flat = view.values.reshape(-1)
    np.testing.assert_array_equal(flat[:length], values)
    assert np.isnan(flat[length:]).all()
    assert len(flat) - length < images.FOLD


def test_maps_are_the_channels() -> None:
    values = RANDOM.uniform(0, 1, (6, 5, 3)).astype(np.float32)
    view = images.tensor(values, "maps", "activation")
    assert view is not None
    assert view.shape == (3, 6, 5)
    assert view.names == ("filter 0", "filter 1", "filter 2")
    for index in range(3):
        np.testing.assert_array_equal(view.values[index], values[:, :, index])


@pytest.mark.parametrize("shape", [(), (2, 2, 2, 2, 2)])
def test_other_forms_have_no_image(shape: tuple[int, ...]) -> None:
    assert images.tensor(np.ones(shape, np.float32), "these", "activation") is None


def test_a_value_that_is_not_finite_has_no_part_in_the_scale() -> None:
    view = images.tensor(np.array([1, np.nan, np.inf, 4], np.float32), "these", "activation")
    assert view is not None
    assert (view.low, view.high) == (0, 4)
    assert images.tensor(np.full(3, np.nan, np.float32), "these", "activation") is None


def test_scores_are_the_shares() -> None:
    entries = images.scores(np.array([0.25, 0.75, np.nan], np.float32), ["a", "b", "c"])
    assert [(bar.name, bar.length, bar.text, bar.marked) for bar in entries] == [
        ("a", 0.25, "25 %", False),
        ("b", 0.75, "75 %", False),  # which is the largest is not known beside a NaN
        ("c", 0.0, "NaN", False),
    ]
    entries = images.scores(np.array([0.25, 0.75], np.float32), ["a", "b"])
    assert [bar.marked for bar in entries] == [False, True]


def test_the_activity_of_a_channel_is_its_share_above_zero() -> None:
    values = np.zeros((100, 3), np.float32)
    values[:25, 1] = 1
    values[:, 2] = 5
    channels = summarise(values).channels
    assert channels is not None
    assert [(bar.length, bar.marked) for bar in images.channel_activity(channels)] == [
        (0, True),
        (0.25, False),
        (1, False),
    ]


def test_the_example_is_shown_as_it_was_measured(digits_trace: Trace) -> None:
    for view, stage in zip(document(digits_trace).stages, digits_trace.stages, strict=True):
        assert stage.example is not None
        if view.image is None:
            assert len(view.bars) == stage.example.size
            continue
        expected = stage.example
        shown = (
            np.moveaxis(view.image.values, 0, -1)
            if expected.ndim == 3
            else view.image.values.reshape(-1)
        )
        np.testing.assert_array_equal(
            shown.reshape(-1)[: expected.size], expected.reshape(-1).astype(np.float32)
        )


def test_the_marked_value_is_the_one_that_the_sentence_names(digits_trace: Trace) -> None:
    for view in document(digits_trace).stages:
        if view.image is None or view.image.mark is None or view.example is None:
            continue
        _, row, column = view.image.mark
        assert f"line {row}, column {column}" in view.example or "pixels with ink" in view.example
    marks = [view.image.mark for view in document(digits_trace).stages if view.image]
    assert sum(mark is not None for mark in marks) == 4


def test_a_broken_example_is_omitted(digits_trace: Trace) -> None:
    stages = tuple(
        stage
        if stage.name == "input_image"
        else replace(stage, example=np.full_like(stage.example, np.nan))
        for stage in digits_trace.stages
        if stage.example is not None
    )
    made = document(replace(digits_trace, stages=Stages(stages)))
    assert [view.image is None for view in made.stages] == [False, True, True, True, True, True]


@pytest.mark.parametrize("name", COLORMAPS)
def test_a_ramp_begins_and_ends_with_its_own_colours(name: str) -> None:
    stops = COLORMAPS[name]
    ends = colours(np.array([0.0, 1.0, -5.0, 9.0]), name)
    shown = ["#" + bytes(colour).hex() for colour in ends]
    assert shown == [stops[0], stops[-1], stops[0], stops[-1]]
    places = np.linspace(0, 1, len(stops))
    assert ["#" + bytes(colour).hex() for colour in colours(places, name)] == list(stops)


def test_between_two_stops_a_ramp_mixes_them() -> None:
    assert colours(np.array([[0.25, 0.5]]), "grey").tolist() == [[[64] * 3, [128] * 3]]


def test_zero_has_the_middle_colour_of_the_signed_ramp() -> None:
    red, green, blue = (int(band) for band in colours(np.array([0.5]), "signed")[0])
    assert min(red, green, blue) > 240
    assert len(COLORMAPS["signed"]) % 2 == 1


def test_more_is_brighter_on_the_ramp_of_activations() -> None:
    painted = colours(np.linspace(0, 1, 64), "activation").astype(float)
    brightness = painted @ [0.299, 0.587, 0.114]
    assert (np.diff(brightness) > 0).all()
