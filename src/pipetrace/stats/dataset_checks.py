"""What is known of rows and targets before any model: repeated rows, order, contradictions, classes of each part."""

import hashlib

import numpy as np

from pipetrace.trace.document import Array

MOST = 50_000
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


def rows_figures(x: Array, y: Array | None) -> dict[str, float]:
    """Repeated rows and contradictions among them.

    Args:
        x: a number for each row's inputs, as ``hashes`` gives it.
        y: the same for the targets.
    """
    found = {"rows": float(len(x)), "distinct": float(len(np.unique(x)))}
    if y is not None and len(y) == len(x):
        pairs = np.unique(np.stack([x, y], axis=1), axis=0)
        inputs, many = np.unique(pairs[:, 0], return_counts=True)
        found["contradicted"] = float(np.isin(x, inputs[many > 1]).mean())
    return found


def domain(arrays: list[Array]) -> float:
    """How many different rows the values of the columns could make; infinite where that is a great many."""
    total = 1.0
    for values in arrays:
        for column in values.reshape(len(values), -1).T:
            total *= len(np.unique(column))
            if total > 1e9:
                return float("inf")
    return total


def order_figures(labels: Array) -> dict[str, float]:
    """How often the class changes from row to row, against what a random order would give."""
    runs = float(1 + (labels[1:] != labels[:-1]).sum())
    _, counts = np.unique(labels, return_counts=True)
    shares = counts / len(labels)
    return {"runs": runs, "runs_by_chance": float(1 + (len(labels) - 1) * (1 - (shares**2).sum()))}


def shift_figures(labels: Array, others: Array, classes: int) -> dict[str, float]:
    """How far the classes of two sets of rows are apart.

    Returns:
        ``shift``: half the sum of the differences of shares (total variation). ``shift_sigmas``: Pearson's chi-squared of
        the two counts, as standard deviations above what chance gives. ``unseen``: share of the second set whose class
        the first set lacks.
    """
    first, second = np.bincount(labels, minlength=classes), np.bincount(others, minlength=classes)
    found = {
        "shift": float(0.5 * np.abs(first / first.sum() - second / second.sum()).sum()),
        "unseen": float(second[first == 0].sum() / second.sum()),
    }
    there = first + second > 0
    table = np.stack([first, second])[:, there].astype(np.float64)
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0, keepdims=True) / table.sum()
    freedom = max(1, int(there.sum()) - 1)
    squared = float(((table - expected) ** 2 / expected).sum())
    found["shift_sigmas"] = (squared - freedom) / float(np.sqrt(2 * freedom))
    return found
