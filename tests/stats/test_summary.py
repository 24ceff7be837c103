from collections.abc import Callable
from functools import reduce
from typing import Any, TypeAlias

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from numpy.typing import NDArray

from pipetrace.stats import (
    Summariser,
    can_summarise,
    histogram,
    kernels,
    merge,
    moments,
    summarise,
    summary,
)
from pipetrace.stats.histogram import COARSE, FINE, count_keys, from_counts
from pipetrace.stats.summary import MOST_CHANNELS
from pipetrace.trace.summary import Histogram, Summary

Array: TypeAlias = NDArray[Any]
Arrays: TypeAlias = st.SearchStrategy[Array]
Make: TypeAlias = Callable[..., Array]
Oracle: TypeAlias = Callable[[Array], Any]
Check: TypeAlias = Callable[[Any, Any], None]

BOTH = [
    "NumPy",
    pytest.param("compiled", marks=pytest.mark.skipif(kernels() is None, reason="needs numba")),
]
"""The two ways to the same figures. Where the tests are run in full numba is installed."""

COUNTS = ("count", "nan", "positive_infinity", "negative_infinity", "zeros", "min", "max")


def same_histogram(ours: Histogram, theirs: Histogram) -> None:
    np.testing.assert_array_equal(ours.keys, theirs.keys)
    np.testing.assert_array_equal(ours.counts, theirs.counts)
    assert ours.bits == theirs.bits


def histogram_of(values: Array, bits: int) -> Histogram:
    """By the definition: what is finite, as float32, and what that cannot hold as its largest number."""
    if values.dtype.kind == "O":
        values = np.array([len(each) for each in values.flat], float)
    wide = values.astype(np.float64).reshape(-1)
    most = float(np.finfo(np.float32).max)
    flat = np.clip(wide[np.isfinite(wide)], -most, most).astype(np.float32)
    return from_counts(count_keys(flat, bits), bits)


def has_channels(values: Array) -> bool:
    return values.ndim > 1 and 1 < values.shape[-1] <= MOST_CHANNELS


def same(ours: Summary, theirs: Summary) -> None:
    """Counts, extremes and histograms are equal; mean and deviation agree to the rounding of float64."""
    for name in COUNTS:
        assert getattr(ours, name) == getattr(theirs, name), name
    same_histogram(ours.histogram, theirs.histogram)
    if theirs.min is None or theirs.max is None:
        assert ours.mean is theirs.mean is ours.std is theirs.std is None
    else:
        largest = max(abs(theirs.min), abs(theirs.max))
        assert ours.mean == pytest.approx(theirs.mean, rel=1e-12, abs=1e-13 * largest)
        assert ours.std == pytest.approx(theirs.std, rel=1e-12, abs=1e-13 * largest)
    assert (ours.channels is None) == (theirs.channels is None)
    for mine, yours in zip(ours.channels or (), theirs.channels or (), strict=True):
        same(mine, yours)


@given(data=st.data())
@settings(deadline=None)
@pytest.mark.parametrize("way", BOTH)
def test_the_whole_and_each_channel_are_what_numpy_says(
    data: st.DataObject, way: str, arrays: Arrays, oracle: Oracle, check_statistics: Check
) -> None:
    values = data.draw(arrays)
    before = values.copy()
    assert can_summarise(values)
    summariser = Summariser(kernels=kernels() if way == "compiled" else None)
    summariser.add(values)
    found = summariser.summary()
    np.testing.assert_array_equal(values, before)
    check_statistics(found, oracle(values))
    same_histogram(found.histogram, histogram_of(values, FINE))
    for each in (found, merge(found, found), *(found.channels or ())):
        # NumPy's own numbers would not go into the database.
        assert {type(getattr(each, name)) for name in COUNTS[:5]} == {int}
        plain = {type(getattr(each, name)) for name in ("min", "max", "mean", "std")}
        assert plain <= {float, type(None)}
    assert (found.channels is not None) == has_channels(values)
    for index, channel in enumerate(found.channels or ()):
        check_statistics(channel, oracle(values[..., index]))
        same_histogram(channel.histogram, histogram_of(values[..., index], COARSE))
        assert channel.channels is None
    assert found.channels is None or len(found.channels) == values.shape[-1]


@given(data=st.data(), cuts=st.lists(st.floats(0, 1), min_size=1, max_size=5))
@settings(deadline=None)
def test_merged_parts_are_the_whole(data: st.DataObject, cuts: list[float], arrays: Arrays) -> None:
    values = data.draw(arrays)
    places = sorted(int(cut * len(values)) for cut in cuts)
    parts = [summarise(part) for part in np.split(values, places)]
    same(reduce(merge, parts), summarise(values))
    same(reduce(merge, reversed(parts)), summarise(values))


@given(
    data=st.data(),
    cuts=st.lists(st.floats(0, 1), min_size=1, max_size=5),
    short=st.sampled_from([0, 20, 10**9]),
    block=st.sampled_from([1, 7, 64, 1000]),
    width=st.sampled_from([1, 3, 16, 512]),
)
@settings(deadline=None)
@pytest.mark.parametrize("way", BOTH)
def test_batches_are_the_whole(
    data: st.DataObject,
    way: str,
    cuts: list[float],
    short: int,
    block: int,
    width: int,
    arrays: Arrays,
) -> None:
    values = data.draw(arrays)
    whole, first = summarise(values), 0
    places = sorted(int(cut * len(values)) for cut in cuts)
    with pytest.MonkeyPatch.context() as patch:
        # Short channels are counted together, long ones apart and in blocks; each way has to be met.
        patch.setattr(summary, "SHORT_COLUMN", short)
        patch.setattr(histogram, "BLOCK_KEYS", 16)
        patch.setattr(moments, "BLOCK_VALUES", block)
        patch.setattr(moments, "WIDE_COLUMNS", width)
        summariser = Summariser(kernels=kernels() if way == "compiled" else None)
        for part in np.split(values, places):
            summariser.add(part)
            first += len(part)
            same(summariser.summary(), summarise(values[:first]))  # it can be asked at any time
        same(summariser.summary(), whole)


def test_batches_of_different_channels_are_refused() -> None:
    summariser = Summariser()
    with pytest.raises(ValueError, match="nothing to summarise"):
        summariser.summary()
    summariser.add(np.ones((4, 3)))
    with pytest.raises(ValueError, match="2 channels, the ones before had 3"):
        summariser.add(np.ones((4, 2)))
    same(summariser.summary(), summarise(np.ones((4, 3))))


@pytest.mark.parametrize(
    ("channels", "listed"),
    [
        (1, None),
        (2, 2),
        (40, 40),
        (MOST_CHANNELS, MOST_CHANNELS),
        (MOST_CHANNELS + 1, None),
        (5408, None),
    ],
)
def test_a_long_last_axis_is_features_and_no_channels(
    channels: int, listed: int | None, make_values: Make, oracle: Oracle, check_statistics: Check
) -> None:
    values = make_values("normal", channels, (5, channels), (np.nan,))
    found = summarise(values)
    assert (None if found.channels is None else len(found.channels)) == listed
    check_statistics(found, oracle(values))
    check_statistics(merge(found, found), oracle(np.concatenate([values, values])))


@pytest.mark.parametrize("gap", [np.nan, np.inf, -np.inf])
def test_a_gap_anywhere_is_counted_and_hides_nothing(
    gap: float, oracle: Oracle, check_statistics: Check
) -> None:
    for place in np.ndindex(3, 2, 4):
        values = np.arange(24, dtype=np.float32).reshape(3, 2, 4)
        values[place] = gap
        found = summarise(values)
        assert (found.non_finite, found.finite) == (1, 23)
        check_statistics(found, oracle(values))
        assert found.channels is not None
        assert [channel.non_finite for channel in found.channels] == [
            int(c == place[-1]) for c in range(4)
        ]


@pytest.mark.parametrize("shape", [(0,), (0, 3), (0, 28, 28, 1), (0, 2000), (3, 0)])
def test_no_values_at_all(shape: tuple[int, ...]) -> None:
    found = summarise(np.zeros(shape, np.float32))
    assert (found.count, found.finite, found.zeros) == (0, 0, 0)
    assert found.min is found.max is found.mean is found.std is None
    same(merge(found, found), found)


def test_no_axis_is_one_value() -> None:
    found = summarise(np.array(2.5, np.float32))
    assert (found.count, found.min, found.max, found.mean, found.std) == (1, 2.5, 2.5, 2.5, 0.0)


def test_channels_of_different_number_are_dropped(make_values: Make) -> None:
    merged = merge(
        summarise(make_values("normal", 1, (5, 2))), summarise(make_values("normal", 1, (5, 3)))
    )
    assert merged.channels is None
    assert merged.count == 25


def test_small_deviations_are_exact_beside_large_means() -> None:
    # In float32 the sum of squares of these would be all rounding.
    table = np.float32(1e6) + np.array([[0.0625], [-0.0625]] * 500, np.float32)
    assert (summarise(table).mean, summarise(table).std) == (1e6, 0.0625)
    constants = np.array([0.1, -1 / 3, 3e38, 1e-45, 0], np.float32)
    for channel, value in zip(
        summarise(np.tile(constants, (moments.BLOCK_VALUES // 2, 1))).channels or (),
        constants,
        strict=True,
    ):
        assert (channel.mean, channel.std) == (float(value), 0.0)


def test_bytes_in_the_other_order_are_the_same_numbers(make_values: Make) -> None:
    values = make_values("normal", 1, (20, 3)).astype(np.float32)
    same(summarise(values.astype(">f4")), summarise(values))


@pytest.mark.skipif(kernels() is None, reason="needs numba")
@pytest.mark.parametrize(
    "kind", ["normal", "large offset, small spread", "sparse", "signed zeros", "huge", "denormal"]
)
@pytest.mark.parametrize(
    "shape", [(40, 26, 26, 32), (300, 5408), (1500, 10), (70_000,), (20_000, 3)]
)
@pytest.mark.parametrize("gaps", [(), (np.nan, np.inf)])
def test_compiled_loops_give_what_numpy_gives(
    kind: str, shape: tuple[int, ...], gaps: tuple[float, ...], make_values: Make
) -> None:
    # Long enough for every way through the loops: blocks, folds, four tables, many channels.
    values = make_values(kind, 3, shape, gaps, 0.001)
    ours = Summariser(kernels=kernels())
    for part in np.array_split(values, 3):
        ours.add(part)
    same(ours.summary(), summarise(values))


def test_the_histogram_may_count_some_rows_only(make_values: Make) -> None:
    values = make_values("sparse", 5, (90, 4), (np.nan,))
    some, rows = Summariser(), np.array([0, 3, 17, 80])
    some.add(values[:50], rows[rows < 50])
    some.add(values[50:], rows[rows >= 50] - 50)
    found, whole = some.summary(), summarise(values)
    same_histogram(found.histogram, histogram_of(values[rows], FINE))
    for index, channel in enumerate(found.channels or ()):
        same_histogram(channel.histogram, histogram_of(values[rows][:, index], COARSE))
    assert [getattr(found, name) for name in COUNTS] == [getattr(whole, name) for name in COUNTS]
    assert found.mean == pytest.approx(whole.mean, rel=1e-12)
    assert found.std == pytest.approx(whole.std, rel=1e-12)


def test_counts_go_beyond_four_bytes(monkeypatch: pytest.MonkeyPatch, make_values: Make) -> None:
    values = make_values("pixels", 7, (60, 3))
    monkeypatch.setattr(summary, "LARGEST_COUNT", 150)  # moved into wider counts after some batches
    summariser = Summariser()
    for part in np.split(values, 12):
        summariser.add(part)
    same(summariser.summary(), summarise(values))


def test_what_is_no_number_is_told_apart() -> None:
    assert not can_summarise(np.zeros(3, np.complex64))
    assert not can_summarise(np.zeros(3, [("a", np.int32)]))
    assert can_summarise(np.array(["a"]))
    assert can_summarise(np.array([b"a"]))
