"""Checks of rows and targets without a model: repeated rows, order, classes, columns."""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from pipetrace.trace.document import Array
from pipetrace.trace.measurements import DatasetCheck

MOST_ROWS = 50_000
"""Rows that are looked at."""


def hashes(arrays: list[Array]) -> Array:
    """A number for each row that is the same for the same values."""
    parts = [np.ascontiguousarray(each).reshape(len(each), -1) for each in arrays]
    made = []
    for row in range(len(parts[0])):
        digest = hashlib.blake2b(digest_size=8)
        for part in parts:
            digest.update(part[row].tobytes())
        made.append(int.from_bytes(digest.digest(), "little", signed=True))
    return np.array(made, np.int64)


def repeated(x: Array, y: Array | None) -> DatasetCheck:
    """Repeated rows and contradictions among them, by ``hashes`` of their inputs and targets."""
    contradictory = None
    if y is not None and len(y) == len(x):
        pairs = np.unique(np.stack([x, y], axis=1), axis=0)
        inputs, many = np.unique(pairs[:, 0], return_counts=True)
        contradictory = float(np.isin(x, inputs[many > 1]).mean())
    return DatasetCheck(len(x), len(np.unique(x)), contradictory)


def domain(arrays: list[Array]) -> float:
    """How many different rows the values of the columns could make; Inf for very many."""
    total = 1.0
    for values in arrays:
        for column in values.reshape(len(values), -1).T:
            total *= len(np.unique(column))
            if total > 1e9:
                return float("inf")
    return total


def class_runs(labels: Array) -> tuple[int, float]:
    """Runs of one class in the order of the rows, and the number expected in a random order."""
    _, counts = np.unique(labels, return_counts=True)
    shares = counts / len(labels)
    runs = 1 + int((labels[1:] != labels[:-1]).sum())
    return runs, float(1 + (len(labels) - 1) * (1 - (shares**2).sum()))


def class_shift(labels: Array, others: Array, classes: int) -> dict[str, Any]:
    """How far the classes of two sets of rows are apart, by the fields of a ``DatasetCheck``."""
    first, second = np.bincount(labels, minlength=classes), np.bincount(others, minlength=classes)
    there = first + second > 0
    table = np.stack([first, second])[:, there].astype(np.float64)
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0, keepdims=True) / table.sum()
    freedom = max(1, int(there.sum()) - 1)
    squared = float(((table - expected) ** 2 / expected).sum())
    return {
        "class_shift": float(0.5 * np.abs(first / first.sum() - second / second.sum()).sum()),
        "class_shift_sigmas": (squared - freedom) / float(np.sqrt(2 * freedom)),
        "unseen_classes": float(second[first == 0].sum() / second.sum()),
    }


MOST_VALUES = 4_000_000
"""Values of all rows that are looked at; of more rows evenly spaced ones."""
FEWEST_COLUMNS, FEWEST_ROWS, MOST_CLASSES = 3, 50, 20
EXACT, NEARLY = 1e-6, 0.98
"""What is left of the variance: float32 and printed decimals round by less than the first."""
GAP = 3.0
"""Standard deviations. A threshold on a continuous column, which is a task, leaves no gap."""


def apart(first: Sequence[Array], second: Sequence[Array]) -> dict[str, Any]:
    """How far two sets of rows ``(n, ...)`` are apart, by the fields of a ``DatasetCheck``; empty
    where no column is finite and varies.

    A column is an index of the last axis, over all rows and positions: of images a channel, of
    series a variable.
    """
    means, stds, lows = _figures(first)
    others, other_stds, other_lows = _figures(second)
    finite = np.isfinite(means + stds + others + other_stds)
    varies = finite & (stds > 0) & (other_stds > 0)
    if not varies.any():
        return {}
    ratios = np.abs(np.log(other_stds[varies] / stds[varies]))
    signs = (lows[varies] < 0) != (other_lows[varies] < 0)
    return {
        "column_shift": float(np.median(np.abs(others - means)[varies] / stds[varies])),
        "column_scale": float(np.exp(np.median(ratios))),
        "column_sign": float(signs.mean()),
    }


def target_columns(x: Array, y: Array, *, classes: bool) -> list[int]:
    """The columns of a table ``(n, columns)`` that alone give the target ``(n,)``: scaled copies
    too.

    Of numbers these are the columns with a correlation of one; none where others are nearly as
    close, as neighbouring steps of a series are. Of classes those where each class has a range of
    its own, with gaps wider than three standard deviations of any class between them.
    """
    if x.ndim != 2 or x.shape[1] < FEWEST_COLUMNS or len(x) < FEWEST_ROWS:
        return []
    table, target = x.astype(np.float64), y.astype(np.float64)
    if not (np.isfinite(table).all() and np.isfinite(target).all()) or target.std() == 0:
        return []
    if classes:
        return _separating(table, y)
    table = table - table.mean(axis=0)
    norms = np.linalg.norm(table, axis=0)
    table, norms = table[:, norms > 0], norms[norms > 0]
    target = target - target.mean()
    squares = (target @ table / norms / np.linalg.norm(target)) ** 2
    exact = squares > 1 - EXACT
    if (squares[~exact] > NEARLY).any():
        return []
    kept = np.flatnonzero(np.linalg.norm(x.astype(np.float64) - x.mean(axis=0), axis=0) > 0)
    return [int(each) for each in kept[exact]]


def _separating(table: Array, labels: Array) -> list[int]:
    parts = [table[labels == each] for each in np.unique(labels)]
    if not 2 <= len(parts) <= MOST_CLASSES or min(map(len, parts)) < 5:
        return []
    order = np.argsort([each.mean(axis=0) for each in parts], axis=0)
    low, high = (
        np.take_along_axis(np.stack([figure(each, axis=0) for each in parts]), order, axis=0)
        for figure in (np.min, np.max)
    )
    gaps = (low[1:] - high[:-1]).min(axis=0)
    widths = np.max([each.std(axis=0) for each in parts], axis=0)
    return [int(each) for each in np.flatnonzero((gaps > 0) & (gaps > GAP * widths))]


def _figures(arrays: Sequence[Array]) -> tuple[Array, Array, Array]:
    """Mean, standard deviation and least value of each column."""
    parts = []
    with np.errstate(invalid="ignore", over="ignore"):
        for each in arrays:
            table = each.reshape(-1, each.shape[-1] if each.ndim > 1 else 1).astype(np.float64)
            parts.append(np.stack([table.mean(axis=0), table.std(axis=0), table.min(axis=0)]))
    mean, std, low = np.concatenate(parts, axis=1)
    return mean, std, low
