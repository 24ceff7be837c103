"""Which rows are chosen to be shown."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipetrace.stats.examples import Choice, choose
from pipetrace.stats.outcomes import class_labels


def test_a_right_one_the_surest_wrong_one_and_the_least_sure() -> None:
    scores = np.array([[0.1, 0.9], [0.6, 0.4], [0.8, 0.2], [0.95, 0.05], [0.49, 0.51]], np.float32)
    labels = np.array([1, 0, 1, 1, 1])
    assert choose([scores], [labels], None) == [
        Choice(0, "right", 1),
        Choice(3, "surest wrong", 1),
        Choice(4, "least sure", 1),
    ]


def test_one_score_is_held_against_its_middle() -> None:
    labels = np.array([[0], [1], [0], [1]])
    shares = np.array([[0.2], [0.7], [0.9], [0.55]], np.float32)
    assert [(each.place, each.reason) for each in choose([shares], [labels], None)] == [
        (0, "right"),
        (2, "surest wrong"),
        (3, "least sure"),
    ]
    scores = np.array([[-2.0], [3.0], [1.5], [0.2]], np.float32)
    assert [(each.place, each.reason) for each in choose([scores], [labels], None)] == [
        (0, "right"),
        (2, "surest wrong"),
        (3, "least sure"),
    ]


def test_the_best_and_the_worst_where_there_are_no_classes() -> None:
    given_, wanted = np.array([[1.0], [2.0], [3.0]], np.float32), np.array([[1.5], [2.0], [9.0]])
    assert choose([given_], [wanted], None) == [Choice(1, "best"), Choice(2, "worst")]
    assert choose([given_], [wanted], np.array([0.1, 5.0, 0.3])) == [
        Choice(0, "best"),
        Choice(1, "worst"),
    ]
    assert choose([given_], [], None) == [Choice(0, "row")]
    assert choose([given_[:1]], [wanted[:1]], None) == [Choice(0, "best")]


def test_rows_without_a_finite_score_are_passed_by() -> None:
    labels = np.array([0, 1, 1])
    scores = np.array([[np.nan, 1], [0.9, 0.1], [np.inf, 0.2]], np.float32)
    assert choose([scores], [labels], None) == [Choice(1, "surest wrong", 1)]
    assert choose([np.full((3, 2), np.nan, np.float32)], [labels], None) == [Choice(0, "row", 0)]
    assert choose([np.ones((2, 1))], [np.ones((2, 1)) / 2], np.array([np.nan, np.inf])) == [
        Choice(0, "row")
    ]


@pytest.mark.parametrize(
    ("shape", "targets"),
    [
        ((4, 3), np.array([0, 1, 3, 0])),
        ((4, 3), np.array([0.5, 1, 2, 0])),
        ((4, 3), np.array([[1, 1, 0]] * 4)),
        ((4, 1), np.array([0, 1, 2, 0])),
        ((4, 1), np.array([0.1, 0.2, 1.0, 0.0])),
    ],
)
def test_what_are_no_classes(shape: tuple[int, ...], targets: Any) -> None:
    assert class_labels(targets, shape) is None


@given(st.integers(1, 40), st.integers(2, 6), st.integers(0, 10_000))
def test_by_brute_force(count: int, classes: int, seed: int) -> None:
    chance = np.random.default_rng(seed)
    scores = chance.dirichlet(np.ones(classes), count).astype(np.float32)
    labels = chance.integers(0, classes, count)
    chosen = {each.reason: each for each in choose([scores], [labels], None)}
    said = [int(np.argmax(row)) for row in scores]
    margin = [float(sorted(row)[-1]) - float(sorted(row)[-2]) for row in scores]
    right = [place for place in range(count) if said[place] == labels[place]]
    wrong = [place for place in range(count) if said[place] != labels[place]]
    assert ("right" in chosen) == bool(right)
    assert ("surest wrong" in chosen) == bool(wrong)
    if right:
        assert chosen["right"].place == right[0]
    if wrong:
        assert margin[chosen["surest wrong"].place] == max(margin[place] for place in wrong)
    if "least sure" in chosen:
        assert margin[chosen["least sure"].place] == min(margin)
    assert all(each.label == labels[each.place] for each in chosen.values())
    assert len({each.place for each in chosen.values()}) == len(chosen)
