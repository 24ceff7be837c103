"""Figures, shares and shapes in words, against oracles: a wrong rounding would make every sentence
wrong."""

import math
from collections.abc import Callable
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import example, given
from tests.explain.conftest import number_of

from pipetrace.explain.formatting import (
    counted,
    dimensions,
    duration,
    exact,
    figure,
    full_shape,
    listed,
    points,
    shape,
    share,
)
from pipetrace.trace.document import Spec

ANY = st.floats(allow_nan=True, allow_infinity=True)
SINGLES = st.floats(width=32, allow_nan=False, allow_infinity=False)


def significant(text: str) -> str:
    """The digits from the first one that is not zero."""
    return "".join(each for each in text.partition(" ")[0] if each.isdigit()).lstrip("0")


@given(ANY)
@example(0.9996)
@example(99.96)
@example(999.6)
@example(9.996)
@example(1e-6)
@example(9.999e14)
@example(1e15)
@example(999_999.5)
def test_a_figure_is_the_value_to_three_significant_digits(value: float) -> None:
    text = figure(value)
    if not math.isfinite(value):
        assert text in ("NaN", "Inf", "-Inf")
    elif 0 < abs(value) < 1e-6:
        assert text == "nearly zero"
    elif value == int(value) and abs(value) < 1e6:
        assert number_of(text) == value
    else:
        assert number_of(text) == float(f"{value:.2e}")
        assert len(significant(text)) >= 3
        assert set(significant(text)[3:]) <= {"0"}


@given(ANY, st.integers(1, 6))
def test_a_figure_never_has_a_computers_exponent(value: float, digits: int) -> None:
    text = figure(value, digits)
    assert "e" not in text.replace("nearly zero", "")
    assert "nan" not in text
    assert "inf" not in text


WRITTEN: dict[Callable[[Any], str], dict[Any, str]] = {
    figure: {
        0.0456: "0.0456",
        1.65: "1.65",
        54_123.4: "54,100",
        0.0: "0",
        12.0: "12",
        3.4028235e38: "3.40 x 10^38",
        -1.5e20: "-1.50 x 10^20",
        1e-7: "nearly zero",
        math.nan: "NaN",
        -math.inf: "-Inf",
    },
    share: {
        0.606: "60.6 %",
        0.25: "25 %",
        0.0: "0 %",
        1.0: "100 %",
        1.5: "150 %",
        -0.25: "-25 %",
        float(np.float32(0.27)): "27 %",
        float(np.float32(0.07)): "7 %",
        1e-5: "0.00100 %",
        9e-6: "under 0.001 %",
        1e-300: "under 0.001 %",
        0.9994: "99.9 %",
        0.9995: "over 99.9 %",
        1 - 1e-12: "over 99.9 %",
        math.nan: "NaN",
        math.inf: "Inf",
    },
    points: {
        0.123: "12.3 points",
        0.01: "1 point",
        0.85 - 0.73: "12 points",
        0.0: "0 points",
        -0.5: "-50 points",
    },
    exact: {
        128 / 255: "0.5019608",
        255: "255",
        0.1: "0.1",
        1e-5: "0.00001",
        -0.0: "0",
        128 / 255 * 2 - 1: "0.003921569",
        math.nan: "NaN",
        1e300: "Inf",
    },
    listed: {(): "", ("a",): "a", ("a", "b"): "a and b", ("a", "b", "c"): "a, b and c"},
    lambda words: listed(words, "or"): {("a", "b", "c"): "a, b or c"},
    lambda count: counted(count, "row"): {0: "0 rows", 1: "1 row", 2: "2 rows", 1000: "1,000 rows"},
    lambda count: counted(count, "batch", "batches"): {1: "1 batch", 2: "2 batches"},
    duration: {
        0.0: "under 1 ms",
        0.0005: "under 1 ms",
        0.001: "0.0010 s",
        0.25: "0.25 s",
        9.99: "10 s",
        14.26: "14.3 s",
        119.4: "119 s",
        120.0: "2 min 0 s",
        185.9: "3 min 5 s",
    },
}


def test_what_is_written() -> None:
    for write, table in WRITTEN.items():
        assert {value: write(value) for value in table} == table
    assert figure(-0.0) == "0"


@given(SINGLES)
def test_a_figure_does_not_depend_on_the_type_of_the_number(value: float) -> None:
    single: Any = np.float32(value)
    assert figure(single) == figure(value)


@given(st.floats(0, 1))
def test_a_share_names_zero_and_all_only_where_it_is(part: float) -> None:
    text = share(part)
    assert (text == "0 %") == (part == 0)
    assert (text == "100 %") == (part == 1)
    if text[0].isdigit():
        # Three digits, or a whole percentage that float32 rounding moved by less than a
        # hundred-thousandth.
        assert float(text.removesuffix(" %").replace(",", "")) == pytest.approx(
            100 * part, rel=0.00501
        )


@given(st.integers(1, 2000).flatmap(lambda rows: st.tuples(st.integers(0, rows), st.just(rows))))
def test_a_share_of_rows_reads_the_same_from_float32_and_float64(counts: tuple[int, int]) -> None:
    part = counts[0] / counts[1]
    single, double = share(float(np.float32(part))), share(part)
    assert (
        single == double
        or abs(round(100 * part / 10 ** math.floor(math.log10(part)), 3) % 1 - 0.5) < 0.01
    )


@given(SINGLES)
@example(128 / 255)
@example(1e-5)
@example(3e38)
@example(1e-45)
@example(16_777_218.0)
def test_exact_is_the_shortest_decimal_of_this_float32(value: float) -> None:
    text = exact(value)
    assert np.float32(text) == np.float32(value)
    assert "e" not in text
    shortest = np.format_float_scientific(np.float32(value), unique=True, trim="-")
    assert significant(text).rstrip("0") == significant(shortest.partition("e")[0]).rstrip("0")
    if value == int(value):
        assert "." not in text


@pytest.mark.parametrize(
    ("lengths", "rows", "short", "full"),
    [
        (
            (28, 28, 1),
            1000,
            "1000 rows x 28 x 28 x 1",
            "1000 rows x 28 height x 28 width x 1 channel",
        ),
        ((26, 26, 32), 1, "1 row x 26 x 26 x 32", "1 row x 26 height x 26 width x 32 channels"),
        ((5408,), 2, "2 rows x 5408", "2 rows x 5408 values"),
        ((1,), 2, "2 rows x 1", "2 rows x 1 value"),
        ((1, 8), 3, "3 rows x 1 x 8", "3 rows x 1 step x 8 channels"),
        ((), 3, "3 rows x 1", "3 rows x 1"),
        ((None, 4), 3, "3 rows x ? x 4", "3 rows x ? x 4"),
        ((2, 3, 4, 5), 3, "3 rows x 2 x 3 x 4 x 5", "3 rows x 2 x 3 x 4 x 5"),
    ],
)
def test_shapes(lengths: tuple[int | None, ...], rows: int, short: str, full: str) -> None:
    spec = Spec((None, *lengths), "float32")
    assert shape(spec, rows) == short
    assert full_shape(spec, rows) == full
    assert short.endswith(f" x {dimensions(spec.shape)}")


@given(st.floats(0, 1e9))
def test_a_duration_is_right_to_its_last_digit(seconds: float) -> None:
    words = duration(seconds).split(" ")
    if words[0] == "under":
        assert seconds < 0.001
        return
    units = {"min": 60.0, "s": 1.0}
    told = sum(
        float(count.replace(",", "")) * units[unit]
        for count, unit in zip(words[::2], words[1::2], strict=True)
    )
    assert told == pytest.approx(seconds, rel=0.051 if seconds < 10 else 0.01, abs=0)
