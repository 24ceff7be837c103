"""Whether inputs look like the targets of their own rows, or like those of others."""

import math
from typing import Any

import numpy as np

from pipetrace.trace.document import Array

MOST_PRODUCTS = 300_000_000
"""Products of two values: what a tenth of a second pays for on one core."""
MOST_VALUES = 30_000_000
"""Values of inputs and targets that are read, which takes as long."""
LONGEST_SIDE = 32
"""Positions of each axis that larger images are averaged to."""
FEWEST_ROWS, FEWEST_POSITIONS = 20, 16


def pairs(x: Array, y: Array) -> dict[str, Any]:
    """Correlate every input with every target, by the fields of a ``DatasetCheck``; empty where
    they have no positions in common.

    Both are ``(n, positions..., channels)`` or ``(n, positions...)``. What all rows have in common
    is taken off first. Inputs may be darker where targets are brighter, so correlations count with
    the sign by which the best ones are larger.
    """
    size = min(math.prod(x.shape[1:3]), LONGEST_SIDE**2)
    values = x[:1].size + y[:1].size
    count = min(math.isqrt(MOST_PRODUCTS // max(1, size)), MOST_VALUES // max(1, values))
    planes = _planes(x[:count], y[:count])
    if planes is None or len(planes[0]) < FEWEST_ROWS or size < FEWEST_POSITIONS:
        return {}
    ours, theirs = map(_unit_rows, planes)
    keep = ours.any(axis=1) & theirs.any(axis=1)
    if keep.sum() < FEWEST_ROWS:
        return {}
    table = ours[keep] @ theirs[keep].T
    if -table.min(axis=1).mean() > table.max(axis=1).mean():
        table = -table
    chosen, places = table.argmax(axis=1), np.arange(len(table))
    return {
        "own_correlation": float(np.diag(table).mean()),
        "best_correlation": float(table.max(axis=1).mean()),
        "mutual_best": float((table.argmax(axis=0)[chosen] == places).mean()),
    }


def _planes(x: Array, y: Array) -> tuple[Array, Array] | None:
    """Both without their channels, large images averaged; None where positions differ."""
    if x.ndim < 3 or len(x) != len(y):
        return None
    for ours, theirs in ((x, y), (_plane(x), _plane(y)), (_plane(x), y), (x, _plane(y))):
        if ours.ndim in (3, 4) and ours.shape == theirs.shape:
            return _smaller(_plane(ours)), _smaller(_plane(theirs))
    return None


def _plane(values: Array) -> Array:
    found: Array = values.mean(axis=-1, dtype=np.float32) if values.ndim > 3 else values
    return found


def _smaller(values: Array) -> Array:
    """The mean over blocks, so that no side is longer than ``LONGEST_SIDE``."""
    found = values.astype(np.float32)
    for axis in (1, 2):
        block = -(-found.shape[axis] // LONGEST_SIDE)
        kept = found.shape[axis] // block * block
        found = np.take(found, range(kept), axis=axis)
        shape = (*found.shape[:axis], kept // block, block, *found.shape[axis + 1 :])
        found = found.reshape(shape).mean(axis=axis + 1)
    return found


def _unit_rows(values: Array) -> Array:
    rows = values.reshape(len(values), -1)
    rows = rows - rows.mean(axis=0)
    rows = rows - rows.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    found: Array = np.divide(rows, norms, out=np.zeros_like(rows), where=norms > 1e-6)
    return found
