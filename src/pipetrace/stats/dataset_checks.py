"""Checks of rows and targets without a model: repeated rows, contradictions, order, classes."""

import hashlib
from dataclasses import dataclass

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


@dataclass(frozen=True)
class ClassShift:
    """How far the classes of two sets of rows are apart."""

    shift: float  # half the sum of the differences of shares (total variation)
    sigmas: float  # Pearson's chi-squared of the counts, in standard deviations above chance
    unseen: float  # share of the second set whose class the first set lacks


def class_shift(labels: Array, others: Array, classes: int) -> ClassShift:
    """How far the classes of two sets of rows are apart."""
    first, second = np.bincount(labels, minlength=classes), np.bincount(others, minlength=classes)
    there = first + second > 0
    table = np.stack([first, second])[:, there].astype(np.float64)
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0, keepdims=True) / table.sum()
    freedom = max(1, int(there.sum()) - 1)
    squared = float(((table - expected) ** 2 / expected).sum())
    return ClassShift(
        shift=float(0.5 * np.abs(first / first.sum() - second / second.sum()).sum()),
        sigmas=(squared - freedom) / float(np.sqrt(2 * freedom)),
        unseen=float(second[first == 0].sum() / second.sum()),
    )
