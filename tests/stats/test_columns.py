"""How far columns of two sets of rows are apart, against figures that were put in."""

import math

import numpy as np
import pytest

from pipetrace.stats import dataset_checks


def rows(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal([5, -5, 0], [1, 2, 4], (count, 3))


def test_the_same_rows_are_not_apart_and_shifted_scaled_or_raised_ones_are() -> None:
    first, second = rows(4000, 0), rows(4000, 1)
    same = dataset_checks.apart([first], [second])
    assert same["column_shift"] < 0.05
    assert same["column_scale"] < 1.05
    assert same["column_sign"] == 0
    moved = dataset_checks.apart([first], [second + np.array([2, 4, 8])])
    assert moved["column_shift"] == pytest.approx(2, abs=0.1)
    for one, other in ((first, second * 3), (first * 3, second)):
        wider = dataset_checks.apart([one], [other])
        assert wider["column_scale"] == pytest.approx(3, rel=0.05)
    raised = dataset_checks.apart([first], [np.abs(second)])
    assert raised["column_sign"] == pytest.approx(2 / 3)


def test_a_column_is_a_channel_of_images_and_constant_or_broken_ones_do_not_count() -> None:
    rng = np.random.default_rng(0)
    images = rng.normal(size=(30, 8, 8, 2)) * [1, 5]
    found = dataset_checks.apart([images], [rng.normal(size=(30, 8, 8, 2)) * [1, 5] + [0, 15]])
    assert found["column_shift"] == pytest.approx(1.5, abs=0.1)  # the median of 0 and 3
    assert dataset_checks.apart([np.ones((5, 2))], [np.ones((5, 2))]) == {}
    assert dataset_checks.apart([np.full((5, 1), math.nan)], [np.ones((5, 1))]) == {}


def test_a_column_that_alone_gives_the_target() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 6)).astype(np.float32)
    numbers, labels = (x[:, 0] - 2 * x[:, 1]).astype(np.float32), (x[:, 0] > 0).astype(int)

    def found(column: np.ndarray, target: np.ndarray, *, classes: bool) -> list[int]:
        table = np.concatenate([x[:, :4], column[:, None], x[:, 4:]], axis=1)
        return dataset_checks.target_columns(table, target, classes=classes)

    assert found(-3 * numbers + 7, numbers, classes=False) == [4]
    assert found(5.0 - 2 * labels, labels, classes=True) == [4]
    assert found(labels + 0.02 * rng.normal(size=200), labels, classes=True) == [4]
    # A task to learn: a threshold, a close relation, the step before in a series.
    assert dataset_checks.target_columns(x, labels, classes=True) == []
    assert found(numbers + 0.1 * x[:, 2], numbers, classes=False) == []
    near = np.stack([numbers, numbers + 0.05 * x[:, 2], x[:, 3]], axis=1)
    assert dataset_checks.target_columns(near, numbers, classes=False) == []
    assert dataset_checks.target_columns(x[:, :2], x[:, 0], classes=False) == []
