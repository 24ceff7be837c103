"""The steps that come with pipetrace: their row arithmetic against plain counting, and what they refuse."""

from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from pipetrace.errors import ArgumentError
from pipetrace.pipeline.passage import run_steps
from pipetrace.pipeline.steps import Batch, OneHot, Shuffle, Split, Window


def facts(step: Any, x: Any, y: Any = None) -> dict[str, Any]:
    passage = run_steps(x if y is None else (x, y), [("it", step)])
    fact: dict[str, Any] = passage.steps[0].measured.facts[0]
    return fact


@settings(deadline=None)
@given(rows=st.integers(1, 300), size=st.integers(1, 80), drop=st.booleans())
def test_batches(rows: int, size: int, drop: bool) -> None:
    x = np.arange(rows) * 2.0
    sizes = [len(x[start : start + size]) for start in range(0, rows, size)]
    kept = [each for each in sizes if each == size] if drop else sizes
    if not kept:
        with pytest.raises(ArgumentError):
            Batch(size, drop)(x)
        return
    made = Batch(size, drop)(x)
    assert [len(each) for each in made] == kept
    assert np.array_equal(np.concatenate(made), x[: sum(kept)])
    passage = run_steps((x, x + 1), [("it", Batch(size, drop))])
    fact = passage.steps[0].measured.facts[0]
    full = sum(each == kept[0] for each in kept)
    assert (fact["size"], fact["full"], fact["rest"]) == (
        kept[0],
        full,
        kept[-1] if kept[-1] != kept[0] else 0,
    )
    assert fact["left_out"] == rows - sum(kept)
    assert fact["in_order"]
    assert passage.batch_size == kept[0]
    assert len(passage.batches) == len(kept)
    assert np.array_equal(passage.train.y, x[: sum(kept)] + 1)


def test_a_thousand_rows_in_batches_of_32() -> None:
    fact = facts(Batch(32), np.arange(1000))
    assert (fact["full"], fact["rest"], fact["batches"]) == (31, 8, 32)


@settings(deadline=None)
@given(
    rows=st.integers(2, 200),
    length=st.integers(2, 30),
    step=st.integers(1, 6),
    ahead=st.integers(0, 5),
)
def test_windows(rows: int, length: int, step: int, ahead: int) -> None:
    x = np.random.default_rng(rows).permutation(rows * 2).reshape(rows, 2)
    y = np.random.default_rng(rows + 1).permutation(rows)
    ends = [
        start + length - 1 for start in range(0, rows, step) if start + length - 1 + ahead < rows
    ]
    if not ends:
        with pytest.raises(ArgumentError):
            Window(length, step, ahead)(x, y)
        return
    made, targets = Window(length, step, ahead)(x, y)
    assert made.shape == (len(ends), length, 2)
    assert all(
        np.array_equal(window, x[end - length + 1 : end + 1])
        for window, end in zip(made, ends, strict=True)
    )
    assert np.array_equal(targets, y[[end + ahead for end in ends]])
    found = run_steps((x, y), [("it", Window(length, step, ahead))]).steps[0].measured.facts
    assert (found[0]["kind"], found[0]["length"], found[0]["windows"]) == (
        "windows",
        length,
        len(ends),
    )
    if len(ends) > 1:
        assert found[0]["step"] == step
        assert (found[1]["kind"], found[1]["ahead"]) == ("targets", ahead)


def test_targets_that_fit_at_several_distances_are_not_placed() -> None:
    x = np.random.default_rng(0).permutation(40)
    found = run_steps((x, np.zeros(40)), [("it", Window(5, ahead=2))]).steps[0].measured.facts
    assert [fact["kind"] for fact in found] == ["windows"]


def test_two_mixed_parts_in_a_list_are_a_split() -> None:
    order = np.random.default_rng(0).permutation(60)
    fact = facts(lambda x: [x[order[:40]], x[order[40:]]], np.arange(60) * 2)
    assert (fact["kind"], [part["rows"] for part in fact["parts"]]) == ("split", [40, 20])


def test_a_thousand_rows_become_990() -> None:
    passage = run_steps(np.arange(1000.0), [("it", Window(11))])
    assert len(passage.train.x) == 990


@settings(deadline=None)
@given(
    rows=st.integers(1, 200),
    validation=st.floats(0, 0.99) | st.integers(1, 50),
    test=st.floats(0, 0.5) | st.integers(1, 50),
    seed=st.none() | st.integers(0, 100),
)
def test_a_split_gives_each_row_to_one_part(
    rows: int, validation: float, test: float, seed: int | None
) -> None:
    x = np.arange(rows)
    try:
        parts = Split(validation, test, seed)(x, x * 2)
    except ArgumentError:
        held = sum(each if each >= 1 else round(each * rows + 1e-9) for each in (validation, test))
        assert held >= rows - 1
        return
    assert sorted(np.concatenate([each for each, _ in parts.values()]).tolist()) == x.tolist()
    assert all(np.array_equal(part * 2, targets) for part, targets in parts.values())
    for name, asked in (("validation", validation), ("test", test)):
        count = len(parts[name][0]) if name in parts else 0
        assert abs(count - (asked if asked >= 1 else asked * rows)) <= 0.5
    if seed is None:
        assert np.concatenate([each for each, _ in parts.values()]).tolist() == x.tolist()
    if len(parts) > 1:
        fact = facts(Split(validation, test, seed), x, x * 2)
        assert {part["name"]: part["rows"] for part in fact["parts"]} == {
            name: len(part) for name, (part, _) in parts.items()
        }
        assert (fact["left_out"], fact["shared"], fact["alike"]) == (0, 0, 0)


@settings(deadline=None)
@given(rows=st.integers(2, 100), seed=st.integers(0, 50))
def test_shuffling_keeps_all_rows_with_their_targets(rows: int, seed: int) -> None:
    x, y = np.arange(rows) * 3, np.arange(rows)
    mixed, targets = Shuffle(seed)(x, y)
    assert sorted(mixed.tolist()) == x.tolist()
    assert np.array_equal(mixed, targets * 3)
    fact = facts(Shuffle(seed), x, y)
    if np.array_equal(mixed, x):
        assert fact["kind"] == "unchanged"
    else:
        assert (fact["kind"], fact["moved"]) == ("reordered", int((mixed != x).sum()))
        assert fact["targets"] == "moved along"


def test_one_hot_of_targets_and_of_rows() -> None:
    x, y = np.arange(8.0).reshape(4, 2), np.array([0, 2, 1, 2])
    passage = run_steps((x, y), [("it", OneHot(3))])
    assert np.array_equal(passage.train.y, np.eye(3)[y])
    fact = next(fact for fact in passage.steps[0].measured.facts if fact["of"] == "y")
    assert (fact["kind"], fact["columns"]) == ("one-hot", 3)
    assert np.array_equal(OneHot(3, of="x")(y), np.eye(3)[y])


@pytest.mark.parametrize(
    "call",
    [
        lambda: Batch(0),
        lambda: Batch(True),
        lambda: Window(0),
        lambda: Window(3, 0),
        lambda: Window(3, 1, -1),
        lambda: Split(-0.1),
        lambda: Split(1.5),
        lambda: Split(float("nan")),
        lambda: Split(0.5, 0.5)(np.arange(4)),
        lambda: OneHot(1),
        lambda: OneHot(3, of="z"),
        lambda: OneHot(3)(np.arange(3)),
        lambda: OneHot(3)(np.arange(3), np.array([0, 1, 3])),
        lambda: OneHot(3)(np.arange(2), np.array([0, 0.5])),
        lambda: OneHot(3)(np.arange(2), np.array(["a", "b"])),
        lambda: OneHot(3)(np.arange(2), np.array([[0, 1], [1, 0]])),
        lambda: OneHot(3)(np.arange(2), np.array([0, np.nan])),
        lambda: Shuffle()(iter([1])),
        lambda: Window(2)({"a": np.arange(3)}),
        lambda: Window(5)(np.arange(3)),
    ],
)
def test_what_cannot_be_is_refused(call: Any) -> None:
    with pytest.raises(ArgumentError) as caught:
        call()
    assert caught.value.where
    assert caught.value.hint
