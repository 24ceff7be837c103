import struct
from collections import Counter
from collections.abc import Callable
from typing import Any, TypeAlias

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from numpy.typing import NDArray

from pipetrace.stats import bins, quantile
from pipetrace.stats.histogram import (
    COARSE,
    FINE,
    count_keys,
    from_counts,
    lower_edges,
    merge_histograms,
)
from pipetrace.trace.summary import Histogram

Array: TypeAlias = NDArray[Any]
Tables: TypeAlias = st.SearchStrategy[Array]

LARGEST = float(np.finfo(np.float32).max)
finite_floats = st.floats(width=32, allow_nan=False, allow_infinity=False)


def key_by_struct(value: float, bits: int) -> int:
    """The leading bits of a float32, taken from its bytes."""
    (pattern,) = struct.unpack(">I", struct.pack(">f", value))
    return int(pattern) >> (32 - bits)


def histogram(values: Array, bits: int = FINE) -> Histogram:
    """The histogram of the finite values."""
    flat = np.asarray(values, np.float32).reshape(-1)
    return from_counts(count_keys(flat[np.isfinite(flat)], bits), bits)


def finite_of(values: Array) -> NDArray[np.float64]:
    flat = np.asarray(values, np.float64).reshape(-1)
    return flat[np.isfinite(flat)]


@given(data=st.data(), bits=st.sampled_from([FINE, COARSE]))
@settings(deadline=None)
def test_keys_of_many_distributions(data: st.DataObject, bits: int, tables: Tables) -> None:
    table = data.draw(tables)
    found = histogram(table, bits)
    expected = Counter(key_by_struct(value, bits) for value in finite_of(table).tolist())
    assert dict(zip(found.keys.tolist(), found.counts.tolist(), strict=True)) == expected
    assert found.keys.dtype == np.uint16
    assert found.counts.dtype == np.int64
    assert (np.diff(found.keys.astype(np.int64)) > 0).all()


def test_histograms_of_different_widths_do_not_merge() -> None:
    with pytest.raises(ValueError, match="16 and 12 bits"):
        merge_histograms(histogram(np.ones(1)), histogram(np.ones(1), COARSE))


@pytest.mark.parametrize(("bits", "relative"), [(FINE, 2**-7), (COARSE, 2**-3)])
def test_a_bin_holds_its_values_and_is_no_wider_than_promised(bits: int, relative: float) -> None:
    powers = np.float32(2.0) ** np.arange(-126, 128, dtype=np.float32)
    for value in np.concatenate([powers, -powers, powers * np.float32(1.99)]):
        low, high = lower_edges(histogram(np.array([value]), bits))
        assert low[0] <= value <= high[0]
        assert high[0] - low[0] <= relative * min(abs(low[0]), abs(high[0]))


def test_the_outermost_bins_end_at_the_largest_float() -> None:
    low, high = lower_edges(histogram(np.array([LARGEST, -LARGEST])))
    assert high[0] == LARGEST
    assert low[1] == -LARGEST


def ends(found: Histogram, edge: float) -> int:
    """How many values lie in the bin that an edge cuts, or next to it: what sharing out can get wrong."""
    low, high = lower_edges(found)
    return int(found.counts[(low <= edge) & (edge <= high)].sum())


@given(data=st.data(), count=st.integers(1, 50))
@settings(deadline=None)
def test_edges_over_the_range_leave_no_value_out(
    data: st.DataObject, count: int, tables: Tables
) -> None:
    values = finite_of(data.draw(tables))
    if len(values) and values.min() < values.max():
        edges = np.linspace(values.min(), values.max(), count + 1)
        got = bins(histogram(values), edges)
        assert (got >= 0).all()
        assert got.sum() == pytest.approx(len(values), rel=1e-9)


@given(data=st.data(), cuts=st.lists(st.floats(0, 1), min_size=1, max_size=20, unique=True))
@settings(deadline=None)
def test_bins_are_near_numpys(data: st.DataObject, cuts: list[float], tables: Tables) -> None:
    values = finite_of(data.draw(tables))
    if not len(values):
        return
    span = values.max() - values.min() + 1e-30
    edges = np.unique(values.min() - 0.1 * span + 1.2 * span * np.sort(cuts))
    if len(edges) < 2:
        return
    found = histogram(values)
    got, expected = bins(found, edges), np.histogram(values, edges)[0]
    # Only the values in the bins that the two edges of a bin cut can be on the wrong side.
    for index in range(len(expected)):
        slack = ends(found, edges[index]) + ends(found, edges[index + 1])
        assert abs(got[index] - expected[index]) <= slack + 1e-6


def test_bins_of_many_smooth_values_are_numpys_to_a_hundredth(
    make_values: Callable[..., Array],
) -> None:
    values = make_values("normal", 1, (100_000,)).astype(np.float64)
    edges = np.linspace(-5, 5, 41)
    expected = np.histogram(values, edges)[0]
    np.testing.assert_allclose(
        bins(histogram(values), edges), expected, rtol=0.01, atol=len(values) * 1e-4
    )


@pytest.mark.parametrize("value", [1.0, 0.5, 255.0, -1.0, 0.0])
def test_values_at_the_very_ends_of_the_range_are_counted(value: float) -> None:
    # Pixels of 1.0 and certain probabilities of 1.0 stand exactly at the last edge.
    values = np.array([value] * 7 + [value - 9] * 2 + [value + 9] * 3)
    assert bins(histogram(values), np.array([value - 9, value])).tolist() == pytest.approx([9])
    assert bins(histogram(values), np.array([value, value + 9])).tolist() == pytest.approx([10])
    assert bins(histogram(values), np.array([value - 5, value + 5])).tolist() == pytest.approx([7])


def test_a_negative_zero_is_drawn_where_zero_is() -> None:
    values = np.array([-1.0, -0.0, -0.0, 0.0, 1.0], np.float32)
    assert bins(histogram(values), np.array([-1.0, 0.0, 1.0])).tolist() == [1, 4]


def test_values_outside_of_the_edges_are_left_out() -> None:
    values = np.array([-100.0, 0.25, 0.75, 100.0])
    assert bins(histogram(values), np.array([0.0, 0.5, 1.0])).tolist() == [1, 1]


@given(data=st.data(), place=st.floats(0, 1))
@settings(deadline=None)
def test_a_quantile_is_in_the_bin_of_numpys(
    data: st.DataObject, place: float, tables: Tables
) -> None:
    values = finite_of(data.draw(tables))
    if not len(values):
        return
    # Between two steps of the distribution, where rounding does not decide which value it is.
    share = (int(place * (len(values) - 1)) + 0.5) / len(values)
    for asked in (0.0, share, 1.0):
        exact = float(np.quantile(values, asked, method="inverted_cdf"))
        low, high = lower_edges(histogram(np.array([exact])))
        got = quantile(histogram(values), asked)
        assert got is not None
        if exact == 0:  # zero and negative zero have a bin each
            assert abs(got) <= 1e-40
        else:
            assert low[0] <= got <= high[0]


def test_an_empty_histogram_has_no_quantile_and_empty_bins() -> None:
    empty = histogram(np.array([np.nan]))
    assert len(empty.keys) == len(empty.counts) == 0
    assert quantile(empty, 0.5) is None
    assert bins(empty, np.array([0.0, 1.0, 2.0])).tolist() == [0, 0]
