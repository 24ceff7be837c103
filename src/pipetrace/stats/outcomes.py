"""What a model gives against what it should give, in figures."""

import numpy as np

from pipetrace.trace.document import Array

MOST_CLASSES = 200
"""Classes of which each gets its own figures."""


def figures(given: Array, wanted: Array | None) -> dict[str, float]:
    """Figures of one output.

    Args:
        given: what the model gives, ``(n, ...)``.
        wanted: the targets, or None.

    Returns:
        of what is given its reach, its spread over the rows and the sums of its last axis; and against the targets what
        ``docs/trace-format.md`` lists under ``outcome``.
    """
    found = _of_given(given.astype(np.float64))
    if wanted is None or wanted.dtype.kind not in "biuf" or not len(wanted):
        return found
    target = wanted.astype(np.float64)
    found |= _of_targets(target)
    labels = labels_of(given, wanted)
    if labels is not None:
        found |= _classes(*labels) | _log_loss(given, labels[1])
    elif given.size == target.size:
        found |= _numbers(
            given.astype(np.float64).reshape(len(given), -1), target.reshape(len(given), -1)
        )
    return found


def labels_of(given: Array, wanted: Array) -> tuple[Array, Array, int] | None:
    """The class that is said and the true one at each place, and how many there are; None where these are no classes.

    Classes are whole numbers from 0 up to the number of scores, exactly one 1 among as many targets, or 0 and 1 for a
    single score.
    """
    if (
        given.ndim < 2
        or given.dtype.kind != "f"
        or not np.isfinite(wanted.astype(np.float64)).all()
    ):
        return None
    count = given.shape[-1]
    scores = given.reshape(-1, count)
    whole = bool((wanted == np.round(wanted)).all())
    if count > 1 and wanted.shape == given.shape:
        rows = wanted.reshape(-1, count)
        if not (((rows == 0) | (rows == 1)).all() and (rows.sum(axis=1) == 1).all()):
            return None
        return scores.argmax(axis=1), rows.argmax(axis=1), count
    if not whole or wanted.size != len(scores) or wanted.min() < 0 or wanted.max() >= max(2, count):
        return None
    true = wanted.reshape(-1).astype(int)
    if count > 1:
        return scores.argmax(axis=1), true, count
    inside = bool(np.nanmin(scores, initial=0) >= 0 and np.nanmax(scores, initial=0) <= 1)
    return (scores[:, 0] > (0.5 if inside else 0.0)).astype(int), true, 2


def by_class(given: Array, wanted: Array | None) -> dict[int, dict[str, float]]:
    """For each class: how many rows are of it, how many are said to be, how many of them rightly."""
    labels = (
        labels_of(given, wanted)
        if wanted is not None and wanted.dtype.kind in "biuf" and len(wanted)
        else None
    )
    if labels is None or labels[2] > MOST_CLASSES:
        return {}
    said, true, count = labels
    return {
        each: {
            "rows": float((true == each).sum()),
            "said": float((said == each).sum()),
            "right": float(((said == each) & (true == each)).sum()),
        }
        for each in range(count)
    }


def _of_given(given: Array) -> dict[str, float]:
    finite = np.isfinite(given)
    found = {"rows": float(len(given)), "not_finite": float((~finite).sum())}
    if not finite.all() or not given.size:
        return found
    flat = given.reshape(len(given), -1)
    found |= {
        "min": float(given.min()),
        "max": float(given.max()),
        "mean": float(given.mean()),
        "spread": float(np.sqrt(flat.var(axis=0).mean())),
    }
    if given.ndim > 1 and given.shape[-1] > 1:
        sums = given.sum(axis=-1)
        found |= {"sum_min": float(sums.min()), "sum_max": float(sums.max())}
    return found


def _of_targets(target: Array) -> dict[str, float]:
    finite = np.isfinite(target)
    found = {"target_not_finite": float((~finite).sum())}
    if not finite.any():
        return found
    sound = target[finite]
    flat = np.where(finite, target, np.nan).reshape(len(target), -1)
    with np.errstate(all="ignore"):
        spread = (
            float(np.sqrt(np.nanmean(np.nanvar(flat, axis=0))))
            if finite.all()
            else float(sound.std())
        )
    if target.ndim > 1 and target.shape[-1] > 1 and finite.all():
        sums = target.sum(axis=-1)
        found |= {"target_sum_min": float(sums.min()), "target_sum_max": float(sums.max())}
    return found | {
        "target_min": float(sound.min()),
        "target_max": float(sound.max()),
        "target_mean": float(sound.mean()),
        "target_spread": spread,
        "target_whole": float((sound == np.round(sound)).mean()),
        "target_flags": float(((sound == 0) | (sound == 1)).mean()),
        "target_below_minus_one": float((sound < -1).mean()),
        "target_below_zero": float((sound < 0).mean()),
        "target_above_one": float((sound > 1).mean()),
    }


def _classes(said: Array, true: Array, count: int) -> dict[str, float]:
    counts, told = np.bincount(true, minlength=count), np.bincount(said, minlength=count)
    right = said == true
    return {
        "accuracy": float(right.mean()),
        "balanced": float(np.mean([right[true == each].mean() for each in np.flatnonzero(counts)])),
        "majority": float(counts.max() / len(true)),
        "said_majority": float(told.max() / len(true)),
        "classes": float(count),
        "classes_there": float((counts > 0).sum()),
        "classes_said": float((told > 0).sum()),
    }


def _log_loss(given: Array, true: Array) -> dict[str, float]:
    """The mean of the negative logarithm of the true class's share, where what is given are shares."""
    scores = given.reshape(-1, given.shape[-1]).astype(np.float64)
    if not np.isfinite(scores).all() or scores.min() < 0 or scores.max() > 1 + 1e-6:
        return {}
    if scores.shape[1] == 1:
        scores = np.concatenate([1 - scores, scores], axis=1)
    if np.abs(scores.sum(axis=1) - 1).max() > 1e-3:
        return {}
    return {"log_loss": float(-np.log(scores[np.arange(len(true)), true].clip(1e-7)).mean())}


def _numbers(given: Array, target: Array) -> dict[str, float]:
    sound = np.isfinite(given).all(axis=1) & np.isfinite(target).all(axis=1)
    given, target = given[sound], target[sound]
    if not len(given):
        return {}
    squares = float(((given - target) ** 2).mean())
    mean = float(((target - target.mean(axis=0)) ** 2).mean())
    found = {
        "squared_error": squares,
        "absolute_error": float(np.abs(given - target).mean()),
        "mean_squared_error_of_mean": mean,
        "absolute_error_of_median": float(np.abs(target - np.median(target, axis=0)).mean()),
    }
    if mean > 0:
        found["r2"] = 1 - squares / mean
    if bool(((target == 0) | (target == 1)).all()):
        # Several times yes or no: right is what lies on its side of one half.
        share = target.mean(axis=0)
        found["flags_right"] = float(((given > 0.5) == (target > 0.5)).mean())
        found["flags_majority"] = float(np.maximum(share, 1 - share).mean())
    return found
