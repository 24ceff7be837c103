"""What became of the values of an array, against NumPy; nothing is claimed that does not hold on all of them."""

from collections.abc import Callable
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from pipetrace.pipeline.detect import detect, value_facts
from pipetrace.pipeline.source import StepRows

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
    slack = 8 * np.finfo(dtype).eps * (abs(a) * np.abs(x).max() + abs(b)) * 1.01
    assert np.allclose(again, y, rtol=0, atol=slack)


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
    assert fact["mean"] == pytest.approx([0, 0], abs=1e-9)
    assert fact["std"] == pytest.approx([1, 1])


def test_a_constant_column_has_no_factor() -> None:
    x = ROWS.copy()
    x[:, 2] = 4
    fact = only(x, (x - x.mean(axis=0)) / np.where(x.std(axis=0) == 0, 1, x.std(axis=0)))
    assert fact["std"] == pytest.approx([1, 1])


def test_one_column_that_is_bent_spoils_the_claim_for_all() -> None:
    scaled = ROWS * 2
    scaled[:, 3] = np.square(ROWS[:, 3])
    assert value_facts(ROWS, scaled) == []


def test_nan_stays_nan_or_there_is_no_claim() -> None:
    x = ROWS.copy()
    x[3, 1], x[5, 0] = np.nan, np.inf
    fact = only(x, x * 2)
    assert (fact["a"], fact["b"]) == (2, 0)
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


def test_which_rows_go_on() -> None:
    def found(x: Any, y: Any = None) -> tuple[Any, Any]:
        given = StepRows(ROWS, None if y is None else np.arange(200))
        detected = detect(given, StepRows(x, y))
        origin = detected.origin
        in_order = [each["in_order"] for each in detected.facts if each["kind"] == "same rows"]
        return None if origin is None else origin.tolist(), next(iter(in_order), None)

    order = np.random.default_rng(5).permutation(200)
    assert found(ROWS[order]) == (order.tolist(), False)
    assert found(ROWS[order], order) == (order.tolist(), False)
    assert found(ROWS[::2], np.arange(200)[::2]) == (list(range(0, 200, 2)), True)
    assert found(ROWS[[3, 3, 4]]) == ([3, 3, 4], False)
    assert found(ROWS[order], np.arange(200)) == (None, None)  # rows and targets came apart
    assert found(np.concatenate([ROWS[:5], ROWS[5:6] + 1e-12])) == (None, None)
    assert found(np.tanh(ROWS)) == (None, None)
    gaps = ROWS.copy()
    gaps[5, 1] = np.nan
    dropped = detect(StepRows(gaps), StepRows(gaps[~np.isnan(gaps).any(axis=1)]))
    assert dropped.origin is not None
    assert 5 not in dropped.origin


def test_rows_that_occur_twice_each_keep_their_own_place() -> None:
    twice = np.array([[1.0, 2], [3, 4], [1, 2], [5, 6]])
    origin = detect(StepRows(twice), StepRows(twice[[2, 0, 3, 1]])).origin
    assert origin is not None
    assert sorted(origin.tolist()) == [0, 1, 2, 3]


def test_a_large_array_is_compared_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipetrace.pipeline.detect.CHUNK_VALUES", 7)
    assert only(PIXELS, PIXELS / 255)["divisor"] == 255
    scaled = PIXELS / 255
    scaled[-1, -1, -1] += 1
    assert value_facts(PIXELS, scaled) == []
    assert only(PIXELS, PIXELS.astype(np.float32))["exact"] is True


def test_values_that_raise_when_they_are_compared_are_unknown() -> None:
    class Raises:
        def __eq__(self, other: object) -> bool:
            raise ValueError("do not compare me")

        __hash__ = None  # type: ignore[assignment]

    one, other = (np.array([Raises() for _ in range(3)], object) for _ in range(2))
    detected = detect(StepRows(one), StepRows(other))
    assert (detected.facts, detected.origin) == ((), None)
