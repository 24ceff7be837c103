"""What became of the values of an array, against NumPy; and that nothing is claimed that does not hold on all of them."""

from collections.abc import Callable
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from pipetrace.pipeline.probing import three
from pipetrace.pipeline.values import value_facts

ROWS = np.random.default_rng(0).normal(size=(200, 5)) * [1, 10, 0.1, 100, 3] + [0, 5, -2, 1000, 0.5]
PIXELS = np.random.default_rng(1).integers(0, 256, (50, 4, 4), dtype=np.uint8)


def only(before: Any, after: Any) -> dict[str, Any]:
    (fact,) = value_facts(np.asarray(before), np.asarray(after))
    return fact


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("divisor", [255, 127.5, 2, 10, 1000, 3])
def test_a_division_is_found_with_its_divisor(dtype: Any, divisor: float) -> None:
    fact = only(PIXELS, PIXELS.astype(dtype) / dtype(divisor))
    assert fact["kind"] == "affine"
    assert fact["b"] == 0
    assert fact["divisor"] == divisor
    assert fact["values"] == PIXELS.size
    assert fact["max"] == pytest.approx(PIXELS.max() / divisor)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("formula", "a", "b"),
    [
        (lambda x: x * 2 + 5, 2, 5),
        (lambda x: x / 127.5 - 1, 1 / 127.5, -1),
        (lambda x: (x - 33.25) * 0.5, 0.5, -16.625),
        (lambda x: x + 3, 1, 3),
        (lambda x: -x, -1, 0),
        (lambda x: 0 * x + 7, 0, 7),
    ],
)
def test_factor_and_constant_are_measured(
    dtype: Any, formula: Callable[[Any], Any], a: float, b: float
) -> None:
    x = PIXELS.astype(dtype)
    fact = only(x, formula(x).astype(dtype))
    assert (fact["a"], fact["b"]) == pytest.approx((a, b), rel=1e-5)


@settings(max_examples=200, deadline=None)
@given(
    a=st.floats(-1e3, 1e3).filter(lambda value: abs(value) > 1e-3),
    b=st.floats(-1e3, 1e3),
    dtype=st.sampled_from(["float32", "float64"]),
    seed=st.integers(0, 100),
)
def test_every_line_is_found(a: float, b: float, dtype: str, seed: int) -> None:
    x = np.random.default_rng(seed).normal(size=(40, 3)).astype(dtype)
    y = (x * x.dtype.type(a) + x.dtype.type(b)).astype(dtype)
    if np.array_equal(x, y):
        return
    fact = only(x, y)
    again = x.astype(np.float64) * np.asarray(fact["a"]) + np.asarray(fact["b"])
    assert np.allclose(again, y, rtol=0, atol=fact["error"] * 1.0001 + 1e-300)
    assert fact["error"] <= 8 * np.finfo(dtype).eps * (abs(a) * np.abs(x).max() + abs(b)) * 1.01


@pytest.mark.parametrize(
    "formula",
    [
        np.sqrt,
        np.square,
        np.log1p,
        lambda x: np.clip(x, 0, 60),
        lambda x: np.where(x == 77, 78, x),
        np.round,
        np.tanh,
    ],
)
def test_what_is_no_line_is_called_none(formula: Callable[[Any], Any]) -> None:
    x = PIXELS.astype(np.float64) / 3
    x.flat[5] = 77
    assert value_facts(x, formula(x)) == []


def test_a_single_value_off_the_line_is_enough() -> None:
    scaled = PIXELS / 255
    scaled[17, 2, 3] += 1e-9
    assert value_facts(PIXELS, scaled) == []


def test_an_overflow_of_the_type_is_no_addition() -> None:
    assert value_facts(PIXELS, PIXELS + np.uint8(100)) == []


def test_two_values_make_no_line() -> None:
    binary = np.array([0.0, 1.0, 1.0, 0.0])
    assert value_facts(binary, np.array([3.0, 8.0, 8.0, 3.0])) == []


def test_standardising_is_a_factor_and_a_constant_for_each_column() -> None:
    mean, std = ROWS.mean(axis=0), ROWS.std(axis=0)
    fact = only(ROWS, (ROWS - mean) / std)
    assert fact["features"] == 5
    assert fact["a"] == pytest.approx(1 / std)
    assert fact["b"] == pytest.approx(-mean / std)
    assert fact["mean"] == pytest.approx([0, 0], abs=1e-9)
    assert fact["std"] == pytest.approx([1, 1])
    assert fact["constant"] == 0


def test_a_constant_column_has_no_factor() -> None:
    x = ROWS.copy()
    x[:, 2] = 4
    fact = only(x, (x - x.mean(axis=0)) / np.where(x.std(axis=0) == 0, 1, x.std(axis=0)))
    assert fact["constant"] == 1
    assert fact["a"][2] is None
    assert fact["std"] == pytest.approx([1, 1])


def test_one_column_that_is_bent_spoils_the_claim_for_all() -> None:
    scaled = ROWS * 2
    scaled[:, 3] = np.square(ROWS[:, 3])
    assert value_facts(ROWS, scaled) == []


def test_nan_stays_nan_or_there_is_no_claim() -> None:
    x = ROWS.copy()
    x[3, 1], x[5, 0] = np.nan, np.inf
    fact = only(x, x * 2)
    assert (fact["a"], fact["b"], fact["not_finite"]) == (2, 0, 2)
    assert value_facts(x, np.nan_to_num(x, posinf=0) * 2) == []
    assert value_facts(ROWS, np.where(ROWS > 1000, np.nan, ROWS * 2)) == []
    assert only(x, x.copy()) == {"kind": "unchanged"}


def test_nothing_but_nan_makes_no_claim() -> None:
    nothing = np.full((4, 2), np.nan)
    assert value_facts(nothing, nothing * 2) == [{"kind": "unchanged"}]
    assert value_facts(nothing, np.zeros((4, 2))) == []


@pytest.mark.parametrize(
    ("before", "to", "exact"),
    [
        (PIXELS, "float32", True),
        (ROWS, "float32", False),
        (ROWS, "int64", False),
        (np.arange(300), "uint8", False),
        (np.array([2**53 + 1, 1, 2]), "float64", False),
        (np.array([1.0, np.nan, 2.0], np.float32), "float64", True),
    ],
)
def test_a_cast_says_whether_values_change(before: Any, to: str, exact: bool) -> None:
    with np.errstate(all="ignore"):
        fact = only(before, before.astype(to))
    assert fact == {"kind": "cast", "from": str(before.dtype), "to": to, "exact": exact}


def test_another_shape_of_the_same_values_and_scaled_on_the_way() -> None:
    assert only(PIXELS, PIXELS.reshape(50, -1)) == {"kind": "reshaped"}
    first, second = value_facts(PIXELS, PIXELS.reshape(50, 16) / 255)
    assert first == {"kind": "reshaped"}
    assert second["divisor"] == 255
    assert value_facts(PIXELS, PIXELS.transpose(0, 2, 1)) == []


@settings(deadline=None)
@given(labels=st.lists(st.integers(0, 6), min_size=2, max_size=30), extra=st.integers(1, 3))
def test_one_hot_is_one_column_for_each_value(labels: list[int], extra: int) -> None:
    y = np.array(labels)
    fact = only(y, np.eye(max(labels) + 1 + extra)[y])
    assert fact["kind"] == "one-hot"
    assert fact["columns"] == max(labels) + 1 + extra
    assert fact["distinct"] == len(set(labels))
    assert fact["index"] is True
    assert {int(value): column for value, column in fact["mapping"]} == {
        label: label for label in labels
    }


def test_one_hot_of_words() -> None:
    words = np.array(["cat", "dog", "cat", "eel"])
    fact = only(words, np.eye(3)[[0, 1, 0, 2]])
    assert fact["mapping"] == [["cat", 0], ["dog", 1], ["eel", 2]]
    assert fact["index"] is False


@pytest.mark.parametrize(
    "after",
    [
        np.eye(4)[[0, 1, 3, 2]],  # two columns for one value
        np.eye(3)[[0, 0, 0, 0]],  # one column for two values
        np.eye(3)[[0, 1, 0, 2]] * 2,
        np.eye(3)[[0, 1, 0, 2]] + np.eye(3)[[1, 2, 1, 0]],
    ],
)
def test_what_is_not_one_hot_is_not_called_so(after: Any) -> None:
    assert value_facts(np.array([5, 6, 5, 9]), after) == []


def test_several_features_become_several_ones() -> None:
    first, second = np.array([0, 1, 2, 1]), np.array([1, 0, 1, 1])
    after = np.concatenate([np.eye(3)[first], np.eye(2)[second]], axis=1)
    assert only(np.stack([first, second], axis=1), after) == {
        "kind": "indicators",
        "columns": 5,
        "ones": 2,
    }


@settings(deadline=None)
@given(
    rows=st.integers(2, 60),
    length=st.integers(2, 20),
    step=st.integers(1, 5),
    left=st.integers(0, 3),
    features=st.integers(0, 3),
    flat=st.booleans(),
)
def test_windows_are_counted_as_they_are_cut(
    rows: int, length: int, step: int, left: int, features: int, flat: bool
) -> None:
    shape = (rows, features) if features else (rows,)
    series = np.random.default_rng(rows).permutation(int(np.prod(shape))).reshape(shape)
    cut = [series[start : start + length] for start in range(0, rows - length + 1, step)]
    cut = cut[: max(1, len(cut) - left)] if cut else cut
    if not cut or len(cut) == rows:
        return
    after = np.stack(cut)
    if flat:
        after = after.reshape(len(after), -1)
    fact = only(series, after)
    assert (fact["length"], fact["windows"], fact["start"]) == (length, len(cut), 0)
    if len(cut) > 1:
        assert fact["step"] == step
        assert fact["unused"] == rows - ((len(cut) - 1) * step + length)


def test_windows_of_other_values_are_none() -> None:
    series = np.arange(30.0)
    windows = np.lib.stride_tricks.sliding_window_view(series, 5).copy()
    assert only(series, windows)["windows"] == 26
    windows[12, 3] += 1
    assert value_facts(series, windows) == []


def test_windows_may_begin_later() -> None:
    series = np.arange(30.0)
    assert only(series, np.lib.stride_tricks.sliding_window_view(series[4:], 5))["start"] == 4


def test_a_row_without_the_largest_value_is_among_those_given_alone() -> None:
    x = np.ones((60, 2))
    x[7] = 0.25
    assert three(x, 60) == [0, 7, 59]
    assert three(x[:7], 7) == [0, 3, 6]


def test_a_large_array_is_compared_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipetrace.pipeline.values.CHUNK", 7)
    assert only(PIXELS, PIXELS / 255)["divisor"] == 255
    scaled = PIXELS / 255
    scaled[-1, -1, -1] += 1
    assert value_facts(PIXELS, scaled) == []
    assert only(PIXELS, PIXELS.astype(np.float32))["exact"] is True
