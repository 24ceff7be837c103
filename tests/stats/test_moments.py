from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, TypeAlias

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from numpy.typing import NDArray

from pipetrace.stats import moments
from pipetrace.stats.moments import Moments, collapse, join, measure

Array: TypeAlias = NDArray[Any]
Oracle: TypeAlias = Callable[[Array], Any]
Check: TypeAlias = Callable[[Any, Any], None]
Tables: TypeAlias = st.SearchStrategy[Array]

FIELDS = tuple(Moments.__dataclass_fields__)


def column(measured: Moments, index: int) -> SimpleNamespace:
    """One column in the oracle's words."""
    finite = int(measured.finite[index])
    return SimpleNamespace(
        count=measured.count[index],
        nan=measured.nan[index],
        positive_infinity=measured.positive_infinity[index],
        negative_infinity=measured.negative_infinity[index],
        zeros=measured.zeros[index],
        min=measured.low[index] if finite else None,
        max=measured.high[index] if finite else None,
        mean=measured.mean[index] if finite else None,
        std=np.sqrt(measured.squares[index] / finite) if finite else None,
    )


@given(data=st.data())
@settings(deadline=None)
def test_every_column_is_what_numpy_says(
    data: st.DataObject, tables: Tables, oracle: Oracle, check_statistics: Check
) -> None:
    table = data.draw(tables)
    measured = measure(table)
    for index in range(table.shape[1]):
        check_statistics(column(measured, index), oracle(table[:, index]))


@given(data=st.data())
@settings(deadline=None)
def test_all_columns_together_are_what_numpy_says(
    data: st.DataObject, tables: Tables, oracle: Oracle, check_statistics: Check
) -> None:
    table = data.draw(tables)
    check_statistics(column(collapse(measure(table)), 0), oracle(table))


@given(
    data=st.data(), block=st.sampled_from([1, 7, 64, 1000]), width=st.sampled_from([1, 3, 16, 512])
)
@settings(deadline=None)
def test_many_blocks_of_any_width_are_one_table(
    data: st.DataObject,
    block: int,
    width: int,
    tables: Tables,
    oracle: Oracle,
    check_statistics: Check,
) -> None:
    table = data.draw(tables)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(moments, "BLOCK_VALUES", block)
        patch.setattr(moments, "WIDE_COLUMNS", width)
        measured = measure(table)
    for index in range(table.shape[1]):
        check_statistics(column(measured, index), oracle(table[:, index]))


@given(data=st.data(), cuts=st.lists(st.floats(0, 1), max_size=4))
@settings(deadline=None)
def test_joined_parts_are_the_whole(
    data: st.DataObject, cuts: list[float], tables: Tables, oracle: Oracle, check_statistics: Check
) -> None:
    table = data.draw(tables)
    places = sorted(int(cut * len(table)) for cut in cuts)
    joined = join([measure(part) for part in np.split(table, places)])
    for index in range(table.shape[1]):
        check_statistics(column(joined, index), oracle(table[:, index]))


@pytest.mark.parametrize(
    "rows", [moments.BLOCK_VALUES, moments.BLOCK_VALUES + 1, 3 * moments.BLOCK_VALUES - 1]
)
def test_more_values_than_a_block_holds(
    rows: int, make_values: Callable[..., Array], oracle: Oracle, check_statistics: Check
) -> None:
    table = make_values("large offset, small spread", 5, (rows, 1))
    table[-1] = np.nan
    check_statistics(column(measure(table), 0), oracle(table))


def test_a_table_without_rows_has_no_extremes() -> None:
    measured = measure(np.zeros((0, 3), np.float32))
    assert measured.count.tolist() == measured.zeros.tolist() == [0, 0, 0]
    assert measured.low.tolist() == [np.inf] * 3
    assert measured.high.tolist() == [-np.inf] * 3
    assert measured.squares.tolist() == [0.0] * 3


def test_a_large_mean_does_not_swallow_a_small_deviation() -> None:
    # In float32 the sum of squares of these would be all rounding: the textbook formula gives zero or less.
    table = (np.float32(1e6) + np.array([[0.0625], [-0.0625]] * 500, np.float32)).astype(np.float32)
    measured = measure(table)
    assert measured.mean[0] == 1e6
    assert np.sqrt(measured.squares[0] / 1000) == 0.0625


def test_constant_columns_have_no_deviation_at_all() -> None:
    constants = np.array([0.1, -1 / 3, 3e38, 1e-45, 0], np.float32)
    table = np.tile(constants, (moments.BLOCK_VALUES // 2, 1))
    measured = measure(table)
    assert measured.squares.tolist() == [0.0] * 5
    assert measured.mean.tolist() == constants.astype(np.float64).tolist()


def test_the_table_is_left_as_it_was() -> None:
    table = np.array([[1, np.nan], [2, 3]], np.float32)
    before = table.copy()
    measure(table)
    np.testing.assert_array_equal(table, before)


def test_every_field_has_one_entry_for_each_column() -> None:
    for table in (np.ones((4, 3), np.float32), np.full((4, 3), np.nan, np.float32)):
        measured = measure(table)
        assert {getattr(measured, name).shape for name in FIELDS} == {(3,)}
        assert {getattr(collapse(measured), name).shape for name in FIELDS} == {(1,)}
