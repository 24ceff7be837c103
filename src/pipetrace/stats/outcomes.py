"""What classes an output tells, and the figures of these."""

import math
from dataclasses import replace

import numpy as np

from pipetrace.trace.document import Array
from pipetrace.trace.measurements import ClassOutcome, Outcome

MOST_CLASSES = 200
"""Classes of which each gets its own figures."""


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


def class_counts(predicted: Array, true: Array, count: int) -> Array:
    """For each class its places, the places predicted to be of it and the correct ones,
    ``(3, count)``."""
    each = (true, predicted, true[predicted == true])
    return np.stack([np.bincount(values, minlength=count) for values in each])


def outcome_of_each(counts: Array) -> dict[int, ClassOutcome]:
    """The outcome of each class, out of ``class_counts``."""
    return {each: ClassOutcome(*map(int, found)) for each, found in enumerate(counts.T)}


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
