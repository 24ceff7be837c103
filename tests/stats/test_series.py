"""Padding, the last step as a forecast, and pairs of inputs and targets, against what was put in."""

import numpy as np
import pytest

from pipetrace.stats import series
from pipetrace.stats.pairs import pairs


def test_padding_is_what_most_rows_end_with() -> None:
    rng = np.random.default_rng(0)
    tokens = rng.integers(1, 50, (60, 20))
    lengths = rng.integers(2, 10, 60)
    for row, length in zip(tokens, lengths, strict=True):
        row[length:] = 0
    wanted = pytest.approx((20 - lengths).mean() / 20)
    assert series.padded(tokens) == wanted
    assert series.padded(np.eye(50)[tokens]) == wanted
    assert series.padded(tokens[:, ::-1]) < 0.05  # type: ignore[operator]
    # Series that stay at values of their own have no padding.
    assert series.padded(np.repeat(rng.normal(size=(60, 1)), 20, axis=1)) < 0.05  # type: ignore[operator]
    assert series.padded(tokens[:, :3]) is None


@pytest.mark.parametrize("variables", [1, 3])
def test_the_error_of_repeating_the_last_step(variables: int) -> None:
    steps = np.random.default_rng(0).normal(size=(400, variables)).cumsum(axis=0)
    x = np.stack([steps[at : at + 8] for at in range(380)])
    y = np.stack([steps[at + 8 : at + 10] for at in range(380)])
    own = float(((y - x[:, -1:]) ** 2).mean())
    assert series.error_of_last(x, y) == pytest.approx(own)
    best = min(((y[:, 0, 0] - x[:, -1, each]) ** 2).mean() for each in range(variables))
    assert series.error_of_last(x, y[:, 0, 0]) == pytest.approx(best)
    if variables == 1:
        assert series.error_of_last(x[..., 0], y[..., 0]) == pytest.approx(own)


def test_a_table_has_no_last_step() -> None:
    x = np.random.default_rng(0).normal(size=(300, 8))
    assert series.error_of_last(x, x[:, -1]) is None


@pytest.fixture(scope="module")
def scenes() -> tuple[np.ndarray, np.ndarray]:
    """Images with a bright disc each, and its mask."""
    rng, grid = np.random.default_rng(0), np.arange(16)
    down, right = rng.uniform(3, 13, (2, 200, 1, 1))
    masks = (grid[None, :, None] - down) ** 2 + (grid[None, None] - right) ** 2 < 9
    return (masks + 0.3 * rng.normal(size=masks.shape))[..., None], masks[..., None]


def test_pairs_that_were_shuffled_apart_are_found_again(
    scenes: tuple[np.ndarray, np.ndarray],
) -> None:
    images, masks = scenes
    true, dark = pairs(images, masks), pairs(1 - images, masks[..., 0])
    apart = pairs(images, masks[np.random.default_rng(1).permutation(200)])
    other = pairs(images, masks.transpose(0, 2, 1, 3)[::-1])
    by_hand = [
        np.corrcoef((images - images.mean(0))[row].ravel(), (masks - masks.mean(0))[row].ravel())[
            0, 1
        ]
        for row in range(200)
    ]
    assert [true["own_correlation"], dark["own_correlation"]] == pytest.approx(
        [np.mean(by_hand)] * 2, abs=1e-5
    )
    assert apart["own_correlation"] < 0.1
    assert apart["best_correlation"] == pytest.approx(true["best_correlation"], abs=1e-5)
    assert apart["mutual_best"] > 0.75
    assert (
        other["mutual_best"] < 0.65
    )  # smooth images look like some mask, but not each like one of its own


def test_pairs_of_other_forms_are_not_compared(scenes: tuple[np.ndarray, np.ndarray]) -> None:
    images, masks = scenes
    assert pairs(images, masks[:, 0, 0]) == pairs(images[:5], masks[:5]) == {}
    large = np.repeat(np.repeat(images, 5, axis=1), 5, axis=2)
    found = pairs(large, np.repeat(np.repeat(masks, 5, axis=1), 5, axis=2))
    assert found["own_correlation"] > 0.4


def test_windows_that_were_split_at_random_overlap_and_those_split_in_time_do_not() -> None:
    rng = np.random.default_rng(0)
    steps = rng.normal(size=(500, 2)).cumsum(axis=0)
    windows = np.stack([steps[at : at + 20] for at in range(480)])
    order = rng.permutation(480)
    assert series.overlapping(windows[order[:400]], windows[order[400:]]) == 1
    in_time = series.overlapping(windows[:400], windows[400:])
    assert in_time == pytest.approx(10 / 80)  # those that begin before the last one is half over
    assert series.overlapping(windows[:400, :, 0], windows[400:, :, 0]) == in_time
    # What repeats by itself is no sign of one series.
    period = np.round(np.sin(windows.shape[1] * np.arange(480)[:, None] + np.arange(20)), 0)
    assert series.overlapping(period[:400], period[400:]) is None
    assert series.overlapping(windows[:400], windows[400:, :9]) is None
    # Pictures share their empty lines, and lines of one object.
    pictures = np.zeros((480, 28, 28))
    for each, left in zip(pictures, rng.integers(0, 18, 480), strict=True):
        each[4:18, left : left + 10] = rng.random(10)
    assert series.overlapping(pictures[:400], pictures[400:]) == 0
