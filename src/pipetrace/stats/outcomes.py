"""What a model gives against what it should give, in figures."""

import math
from dataclasses import replace

import numpy as np

from pipetrace.trace.document import Array
from pipetrace.trace.measurements import ClassOutcome, Outcome

MOST_CLASSES = 200
"""Classes of which each gets its own figures."""


def outcome(given: Array, wanted: Array | None, *, classes: bool = True) -> Outcome:
    """Figures of one output ``(n, ...)``; with ``classes`` it may tell classes, as embeddings do
    not.
    """
    found = _of_given(given.astype(np.float64))
    if wanted is None or wanted.dtype.kind not in "biuf" or not len(wanted):
        return found
    target = wanted.astype(np.float64)
    found = _of_targets(found, target)
    labels = labels_of(given, wanted) if classes else None
    if labels is not None:
        counted = of_classes(found, class_counts(*labels))
        return replace(counted, log_loss=log_loss(given, labels[1]))
    if given.size == target.size:
        rows = given.astype(np.float64).reshape(len(given), -1)
        return _numbers(found, rows, target.reshape(len(given), -1))
    return found


def class_labels(targets: Array, shape: tuple[int, ...]) -> Array | None:
    """The class at each place of an output ``(n, ..., scores)``, flattened; None where not classes.

    This is the one answer to the question whether targets are classes. They are if each is a whole
    number from 0 up to the number of scores, or exactly one 1 among as many targets as scores, or 0
    and 1 for a single score.
    """
    if len(shape) < 2 or targets.dtype.kind not in "biuf" or not targets.size:
        return None
    if not np.isfinite(targets.astype(np.float64)).all():
        return None
    count, places = shape[-1], math.prod(shape[:-1])
    if count > 1 and targets.shape == shape:
        rows = targets.reshape(-1, count)
        is_one_hot = ((rows == 0) | (rows == 1)).all() and (rows.sum(axis=1) == 1).all()
        labels: Array | None = rows.argmax(axis=1) if is_one_hot else None
        return labels
    if targets.size != places or not (targets == np.round(targets)).all():
        return None
    if targets.min() < 0 or targets.max() >= max(2, count):
        return None
    return targets.reshape(-1).astype(int)


def predicted_labels(scores: Array) -> Array:
    """The predicted class at each place, flattened; a single score decides between two classes."""
    rows = scores.reshape(-1, scores.shape[-1])
    if rows.shape[1] > 1:
        labels: Array = rows.argmax(axis=1)
        return labels
    return (rows[:, 0] > threshold(rows)).astype(int)


def threshold(scores: Array) -> float:
    """From where on a single score means class 1: one half of a probability, 0 of a logit."""
    inside = np.nanmin(scores, initial=0) >= 0 and np.nanmax(scores, initial=0) <= 1
    return 0.5 if inside else 0.0


def labels_of(given: Array, wanted: Array) -> tuple[Array, Array, int] | None:
    """Predicted classes, true classes and how many classes there are; None for other targets."""
    true = class_labels(wanted, given.shape) if given.dtype.kind == "f" else None
    if true is None:
        return None
    return predicted_labels(given), true, max(2, given.shape[-1])


def by_class(given: Array, wanted: Array | None) -> dict[int, ClassOutcome]:
    """For each class: its rows, the rows predicted to be of it, and how many are correct."""
    labels = (
        labels_of(given, wanted)
        if wanted is not None and wanted.dtype.kind in "biuf" and len(wanted)
        else None
    )
    if labels is None or labels[2] > MOST_CLASSES:
        return {}
    return outcome_of_each(class_counts(*labels))


def class_counts(predicted: Array, true: Array, count: int) -> Array:
    """For each class its places, the places predicted to be of it and the correct ones,
    ``(3, count)``."""
    each = (true, predicted, true[predicted == true])
    return np.stack([np.bincount(values, minlength=count) for values in each])


def outcome_of_each(counts: Array) -> dict[int, ClassOutcome]:
    """The outcome of each class, out of ``class_counts``."""
    return {each: ClassOutcome(*map(int, found)) for each, found in enumerate(counts.T)}


def _of_given(given: Array) -> Outcome:
    finite = np.isfinite(given)
    found = Outcome(rows=len(given), not_finite=int((~finite).sum()))
    if not finite.all() or not given.size:
        return found
    flat = given.reshape(len(given), -1)
    low, high = _sums(given)
    return replace(
        found,
        min=float(given.min()),
        max=float(given.max()),
        mean=float(given.mean()),
        std=float(np.sqrt(flat.var(axis=0).mean())),
        sum_min=low,
        sum_max=high,
    )


def _sums(values: Array) -> tuple[float | None, float | None]:
    """The least and the largest sum over the last axis, where that has more than one index."""
    if values.ndim < 2 or values.shape[-1] < 2:
        return None, None
    sums = values.sum(axis=-1)
    return float(sums.min()), float(sums.max())


def _of_targets(found: Outcome, target: Array) -> Outcome:
    finite = np.isfinite(target)
    if not finite.any():
        return found
    known = target[finite]
    flat = np.where(finite, target, np.nan).reshape(len(target), -1)
    with np.errstate(all="ignore"):
        std = (
            float(np.sqrt(np.nanmean(np.nanvar(flat, axis=0))))
            if finite.all()
            else float(known.std())
        )
    low, high = _sums(target) if finite.all() else (None, None)
    return replace(
        found,
        target_min=float(known.min()),
        target_max=float(known.max()),
        target_mean=float(known.mean()),
        target_std=std,
        target_sum_min=low,
        target_sum_max=high,
        target_binary=float(((known == 0) | (known == 1)).mean()),
        target_below_minus_one=float((known < -1).mean()),
        target_below_zero=float((known < 0).mean()),
        target_above_one=float((known > 1).mean()),
    )


def of_classes(found: Outcome, counts: Array) -> Outcome:
    """The same with what ``class_counts`` tells."""
    true, _, right = counts
    total, there = int(true.sum()), true > 0
    return replace(
        found,
        accuracy=float(right.sum() / total),
        balanced_accuracy=float(np.mean(right[there] / true[there])),
        majority_share=float(true.max() / total),
        classes=len(true),
        classes_present=int(there.sum()),
    )


def log_loss(given: Array, true: Array) -> float | None:
    """The mean negative logarithm of the true class's probability; None for other outputs."""
    scores = given.reshape(-1, given.shape[-1]).astype(np.float64)
    if not np.isfinite(scores).all() or scores.min() < 0 or scores.max() > 1 + 1e-6:
        return None
    if scores.shape[1] == 1:
        scores = np.concatenate([1 - scores, scores], axis=1)
    if np.abs(scores.sum(axis=1) - 1).max() > 1e-3:
        return None
    return float(-np.log(scores[np.arange(len(true)), true].clip(1e-7)).mean())


def _numbers(found: Outcome, given: Array, target: Array) -> Outcome:
    sound = np.isfinite(given).all(axis=1) & np.isfinite(target).all(axis=1)
    given, target = given[sound], target[sound]
    if not len(given):
        return found
    squares = float(((given - target) ** 2).mean())
    variance = float(((target - target.mean(axis=0)) ** 2).mean())
    found = replace(
        found,
        mean_squared_error=squares,
        mean_absolute_error=float(np.abs(given - target).mean()),
        mean_squared_error_of_mean=variance,
        r2=1 - squares / variance if variance > 0 else None,
    )
    if not bool(((target == 0) | (target == 1)).all()):
        return found
    # Several independent targets of 0 or 1: an output is right on its side of one half.
    return replace(found, binary_accuracy=float(((given > 0.5) == (target > 0.5)).mean()))
