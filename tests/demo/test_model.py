from dataclasses import replace

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from pipetrace.demo.model import Plan, draw, example_row, scaled
from pipetrace.demo.source import Source
from pipetrace.errors import ArgumentError, TooManyRowsError


def rows(count: int) -> Source:
    """A source of so many pictures without ink."""
    x, y = np.zeros((count, 28, 28, 1), np.uint8), np.zeros(count, np.int64)
    return Source("rows", "", None, "here", x, y, tuple("0123456789"))


SOURCES = {count: rows(count) for count in range(3, 41)}


@given(
    available=st.integers(3, 40),
    share=st.floats(0, 1),
    seed=st.integers(0, 2**32 - 1),
    asked=st.none() | st.integers(1, 40),
)
def test_no_row_does_two_things(available: int, share: float, seed: int, asked: int | None) -> None:
    source = SOURCES[available]
    plan = Plan(rows=1 + int(share * (available - 3)), seed=seed, validation_rows=asked)
    if available - plan.rows - 1 < (asked or 1):
        with pytest.raises(TooManyRowsError):
            draw(source, plan)
        return
    drawn = draw(source, plan)
    used = [*drawn.train.tolist(), *drawn.validation.tolist(), drawn.prediction]
    assert len(set(used)) == len(used)
    assert 0 <= min(used) <= max(used) < available
    assert len(drawn.train) == plan.rows
    assert len(drawn.validation) == (
        asked or min(max(1, plan.rows // 2), available - plan.rows - 1)
    )


def test_the_seed_decides_which_rows() -> None:
    source = SOURCES[40]
    drawn = [draw(source, Plan(rows=20, seed=seed)) for seed in (0, 0, 1)]
    orders = [[*each.train.tolist(), *each.validation.tolist(), each.prediction] for each in drawn]
    assert orders[0] == orders[1]
    assert orders[0] != orders[2]
    assert sorted(orders[0]) != orders[0]


@pytest.mark.parametrize("asked", [None, 1, 7])
@pytest.mark.parametrize("available", [3, 10, 40])
def test_the_most_rows_that_are_named_can_be_had(available: int, asked: int | None) -> None:
    source = SOURCES[available]
    with pytest.raises(TooManyRowsError) as caught:
        draw(source, Plan(rows=1000, validation_rows=asked))
    assert caught.value.where == "--rows"
    assert f"{available} rows" in caught.value.what
    most = available - 1 - (asked or 1)
    if most < 1:
        assert caught.value.hint == "Give a larger set with --data."
        return
    assert f"at most {most:,} rows" in caught.value.hint
    assert len(draw(source, Plan(rows=most, validation_rows=asked)).train) == most
    with pytest.raises(TooManyRowsError):
        draw(source, Plan(rows=most + 1, validation_rows=asked))


def test_the_example_is_the_first_row_with_the_grey_value() -> None:
    source = rows(10)
    drawn = draw(source, Plan(rows=6))
    x = source.x.copy()
    x[drawn.train[2], 5, 5] = x[drawn.train[4], 1, 1] = 128
    x[drawn.prediction] = 77
    with_ink = replace(source, x=x)
    assert example_row(with_ink, drawn, 128) == (drawn.train[2], 128.0)
    assert example_row(with_ink, drawn, 0) == (drawn.train[0], 0.0)
    # Only rows that are trained on count.
    assert example_row(with_ink, drawn, 77) == (drawn.train[0], None)


def test_a_grey_value_that_no_row_has_gives_way_to_the_median_ink() -> None:
    source = rows(10)
    drawn = draw(source, Plan(rows=6))
    x = source.x.copy()
    x[drawn.train[0], 0, :5, 0] = [10, 50, 20, 40, 30]
    assert example_row(replace(source, x=x), drawn, 128) == (drawn.train[0], 30.0)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rows", 0),
        ("rows", -1),
        ("epochs", 0),
        ("batch_size", 0),
        ("learning_rate", 0.0),
        ("learning_rate", float("nan")),
        ("learning_rate", float("inf")),
        ("validation_rows", 0),
        ("seed", -1),
        ("seed", 2**32),
        ("pixel", -1),
        ("pixel", 256),
    ],
)
def test_a_number_out_of_range_is_named(name: str, value: int) -> None:
    with pytest.raises(ArgumentError) as caught:
        Plan(**{name: value})
    assert caught.value.where == f"--{name.replace('_', '-')}"
    assert f"received {value:,}, expected a " in caught.value.what


def test_the_ends_of_each_range_are_in_it() -> None:
    Plan(rows=1, epochs=1, batch_size=1, seed=0, pixel=0, validation_rows=1)
    Plan(seed=2**32 - 1, pixel=255)


def test_rows_are_prepared_as_the_model_gets_them() -> None:
    pixels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    prepared = scaled(pixels)
    assert prepared.dtype == np.float32
    np.testing.assert_array_equal(prepared, pixels.astype(np.float32) / np.float32(255))
