"""The simple learners, held against the slow way: leave a row out, fit again, ask for it."""

from typing import Any

import numpy as np
import pytest

from pipetrace.stats.baselines import Problem, components, learned, score, shifted


def table(rows: int = 40, columns: int = 5, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, columns))
    return x, (x @ rng.normal(size=(columns, 2)) + 0.3 * rng.normal(size=(rows, 2)))


@pytest.mark.parametrize("columns", [3, 5, 60])
def test_what_is_told_of_a_row_left_out_is_what_a_fit_without_it_tells(columns: int) -> None:
    from pipetrace.stats import baselines

    x, y = table(columns=columns)
    kernel = next(baselines._linear(x, None))[0]
    penalty = 0.1
    (inverse,) = baselines._inverses(kernel, (penalty,))
    told = baselines._left_out(inverse, y)
    center = y.mean(axis=0)
    mean = np.trace(kernel) / len(kernel)
    for row in (0, 7, 39):
        keep = np.arange(len(x)) != row
        # Ridge in its plain form, with the constant that the kernel carries; centred as the whole is.
        weights = np.linalg.solve(
            kernel[np.ix_(keep, keep)] + penalty * mean * np.eye(len(x) - 1), (y - center)[keep]
        )
        assert np.allclose(kernel[row, keep] @ weights + center, told[row], atol=1e-8)


def test_more_columns_than_rows_do_not_tell_a_row_by_itself() -> None:
    rng = np.random.default_rng(1)
    x, labels = rng.normal(size=(120, 400)), rng.integers(0, 2, 120)
    found = learned(Problem(x, np.eye(2)[labels], None, None, classes=True))
    assert (found["linear"].score or 0) < 0.65
    assert (found["kernel"].score or 0) < 0.65


def test_a_straight_relation_is_told_by_both_and_rings_by_the_bent_one_only() -> None:
    x, y = table(300)
    straight: Any = learned(Problem(x[:200], y[:200], x[200:], y[200:], classes=False))
    assert (
        min(straight["linear"].score, straight["linear"].validation, straight["kernel"].score) > 0.9
    )
    rng = np.random.default_rng(0)
    ring, angle = rng.integers(0, 2, 300), rng.uniform(0, 2 * np.pi, 300)
    x = (1 + ring[:, None]) * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    rings: Any = learned(
        Problem(x[:200], np.eye(2)[ring[:200]], x[200:], np.eye(2)[ring[200:]], classes=True)
    )
    assert rings["kernel"].validation > 0.98
    assert rings["linear"].validation < 0.7


def test_the_scale_of_the_columns_does_not_matter() -> None:
    x, y = table(100)
    plain, scaled = (
        learned(Problem(values, y, None, None, classes=False))
        for values in (x, x * np.geomspace(1e-4, 1e4, 5) + 1e3)
    )
    assert scaled["linear"].score == pytest.approx(plain["linear"].score, abs=1e-6)


def test_a_score_is_the_accuracy_or_r2() -> None:
    classes = np.eye(3)[[0, 1, 2, 0]]
    assert score(np.eye(3)[[0, 1, 1, 0]], classes, classes=True) == 0.75
    y = np.array([[1.0], [2.0], [3.0]])
    assert score(np.full((3, 1), 2.0), y, classes=False) == 0
    assert score(y, y, classes=False) == 1
    assert score(np.zeros((3, 1)), np.ones((3, 1)), classes=False) == 0


def test_targets_that_stand_one_row_further_on_are_found() -> None:
    x, y = table(200)
    found: Any = shifted(Problem(x, np.roll(y, -1, axis=0), None, None, classes=False))
    assert max(found, key=lambda name: found[name].score) == "1"
    assert found["1"].score > 0.9 > 0.2 > found["0"].score
    turned: Any = shifted(Problem(x, y[::-1], None, None, classes=False))
    assert turned["reversed"].score > 0.9


def test_components_are_the_shares_of_the_variance() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 3)) @ rng.normal(size=(3, 8))
    values = np.linalg.svd(x - x.mean(axis=0), compute_uv=False) ** 2
    found = components(x)
    assert found["2"].r2 == pytest.approx(values[:2].sum() / values.sum())
    assert found["4"].r2 == pytest.approx(1)
    assert components(np.ones((4, 3))) == {}
