"""Columns of rows: how far two sets of rows are apart, column by column."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipetrace.trace.document import Array

MOST_VALUES = 4_000_000
"""Values of all rows that are looked at; of more rows evenly spaced ones."""


@dataclass(frozen=True)
class Apart:
    """How far the columns of two sets of rows are apart.

    Attributes:
        shift: median over the columns of the difference of the means, in standard deviations of
            the first set.
        scale: median over the columns of the ratio of the standard deviations, at least 1.
        sign: share of columns with values below zero in one of the sets alone.
    """

    shift: float
    scale: float
    sign: float


def apart(first: Sequence[Array], second: Sequence[Array]) -> Apart | None:
    """How far two sets of rows are apart; None where no column of both is finite and varies.

    A column is an index of the last axis, over all rows and positions: of images a channel, of
    series a variable.

    Args:
        first, second: arrays of numbers, ``(n, ...)`` each, of the same shapes but for the rows.
    """
    means, stds, lows = _figures(first)
    others, other_stds, other_lows = _figures(second)
    finite = np.isfinite(means + stds + others + other_stds)
    varies = finite & (stds > 0) & (other_stds > 0)
    if not varies.any():
        return None
    ratios = np.abs(np.log(other_stds[varies] / stds[varies]))
    signs = (lows[varies] < 0) != (other_lows[varies] < 0)
    return Apart(
        shift=float(np.median(np.abs(others - means)[varies] / stds[varies])),
        scale=float(np.exp(np.median(ratios))),
        sign=float(signs.mean()),
    )


def _figures(arrays: Sequence[Array]) -> tuple[Array, Array, Array]:
    """Mean, standard deviation and least value of each column."""
    parts = []
    with np.errstate(invalid="ignore", over="ignore"):
        for each in arrays:
            table = each.reshape(-1, each.shape[-1] if each.ndim > 1 else 1).astype(np.float64)
            parts.append(np.stack([table.mean(axis=0), table.std(axis=0), table.min(axis=0)]))
    mean, std, low = np.concatenate(parts, axis=1)
    return mean, std, low
