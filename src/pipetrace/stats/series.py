"""Rows that are series of steps: padding, the last step as a forecast, windows that overlap."""

import numpy as np

from pipetrace.trace.document import Array

FEWEST_STEPS = 4
MOST_HASHED = 4_000_000
"""Values times half the steps of a window, as each is added so often: a tenth of a second."""
STEP_CORRELATION = 0.9
"""Correlation of the last two columns of a table, from which it is taken for windows of a series:
a step apart, most series that are worth a forecast are that much alike."""


def padded(values: Array) -> float | None:
    """Share of steps ``(n, steps, ...)`` at ends of rows with the value that most end with, or
    None.
    """
    if values.ndim < 2 or values.shape[1] < FEWEST_STEPS or not values.size:
        return None
    steps = values.reshape(len(values), values.shape[1], -1)
    ends, counts = np.unique(steps[:, -1], axis=0, return_counts=True)
    same = (steps == ends[counts.argmax()]).all(axis=2)[:, ::-1]
    lengths = np.where(same.all(axis=1), same.shape[1], same.argmin(axis=1))
    # A single last step of that value may be any value.
    return float(np.where(lengths > 1, lengths, 0).mean() / same.shape[1])


def error_of_last(x: Array, target: Array) -> float | None:
    """The mean squared error of a forecast that repeats the last step of each row.

    Rows are ``(n, steps, variables)``, or windows ``(n, steps)`` of one variable. A target with as
    many values a step as there are variables has each repeat its own; otherwise all repeat the
    variable that fits best. None where there are no steps or the target is not of numbers.
    """
    if x.dtype.kind not in "iuf" or x.ndim not in (2, 3) or x.shape[1] < FEWEST_STEPS:
        return None
    steps = (x if x.ndim == 3 else x[..., None]).astype(np.float64)
    wanted = target.reshape(len(target), -1).astype(np.float64)
    if not (np.isfinite(steps[:, -2:]).all() and np.isfinite(wanted).all()):
        return None
    if x.ndim == 2 and not _are_steps(steps[:, -2, 0], steps[:, -1, 0]):
        return None
    last = steps[:, -1]
    if target.ndim > 1 and target.shape[-1] == last.shape[1] > 1:
        repeated = np.tile(last, wanted.shape[1] // last.shape[1])
        return float(((wanted - repeated) ** 2).mean())
    return min(float(((wanted - column[:, None]) ** 2).mean()) for column in last.T)


def overlapping(x: Array, new: Array) -> float | None:
    """The share of new windows ``(n, steps[, variables])`` of which half is in one of the others.

    Windows of one series share successive steps with those that begin shortly before and after.
    None where there are too few steps, or where single steps repeat, as those of tokens, flags and
    exact periods do.
    """
    if x.ndim not in (2, 3) or x.shape[1] < FEWEST_STEPS or x.shape[1:] != new.shape[1:]:
        return None
    half = x.shape[1] // 2
    count = max(1, MOST_HASHED // (x.shape[1] * half * max(1, x[0, 0].size)))
    ours, theirs = (
        _hashed_steps(
            each[np.linspace(0, len(each) - 1, min(count, len(each))).astype(int)].astype(float)
        )
        for each in (x, new)
    )
    if len(np.unique(ours)) < 0.5 * len(ours):
        return None
    known = np.unique(_runs(ours, half))
    # Lines of a picture that are the same, such as empty ones, are no steps of one series.
    shared = np.isin(_runs(theirs, half), known) & _all_differ(theirs, half)
    return float(shared.any(axis=1).mean())


def _hashed_steps(values: Array) -> Array:
    """A number for each step, ``(n, steps)``, the same for the same values."""
    words = np.ascontiguousarray(values.reshape(*values.shape[:2], -1)).view(np.uint64)
    factors = np.random.default_rng(0).integers(1, 2**63, words.shape[2], dtype=np.uint64) | 1
    mixed = words ^ (words >> np.uint64(29))
    found = (mixed * np.uint64(0x9E3779B97F4A7C15) * factors).sum(axis=2, dtype=np.uint64)
    whole: Array = found ^ (found >> np.uint64(32))
    return whole


def _runs(steps: Array, length: int) -> Array:
    """A number for each run of so many steps, ``(n, steps - length + 1)``."""
    count = steps.shape[1] - length + 1
    found = np.zeros((len(steps), count), np.uint64)
    for place in range(length):
        found = found * np.uint64(0x100000001B3) + steps[:, place : place + count]
    return found


def _all_differ(steps: Array, length: int) -> Array:
    """Whether all steps of each run are different ones, ``(n, steps - length + 1)``."""
    ordered = np.sort(np.lib.stride_tricks.sliding_window_view(steps, length, axis=1), axis=2)
    different: Array = (ordered[..., 1:] != ordered[..., :-1]).all(axis=2)
    return different


def _are_steps(before: Array, last: Array) -> bool:
    """Whether two columns are neighbouring steps of one series: alike in mean, scale and order."""
    if len(last) < 2 or not (before.std() > 0 and last.std() > 0):
        return False
    apart = abs(last.mean() - before.mean()) / before.std()
    alike = 0.8 < last.std() / before.std() < 1.25
    return bool(apart < 0.1 and alike and np.corrcoef(before, last)[0, 1] > STEP_CORRELATION)
