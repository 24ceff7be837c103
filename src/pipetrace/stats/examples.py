"""Which rows are shown as predictions: a right one, the surest wrong one, the least sure; or the best and the worst."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from pipetrace.trace.document import Array

RIGHT, SUREST_WRONG, LEAST_SURE, BEST, WORST, ROW = (
    "right",
    "surest wrong",
    "least sure",
    "best",
    "worst",
    "row",
)


@dataclass(frozen=True)
class Choice:
    """A row that is worth showing: its place, why, and its true class where there are classes."""

    place: int
    reason: str
    label: int | None = None


def choose(given: list[Array], targets: list[Array], losses: Array | None) -> list[Choice]:
    """The rows that say most about a model.

    Args:
        given: the model's outputs, ``(n, ...)`` each.
        targets: what they should be; empty where that is not known.
        losses: the loss of each row, or None.
    """
    if not given or not len(given[0]):
        return []
    labels = classes_of(given, targets)
    if labels is not None:
        return _by_class(given[0], labels)
    if losses is None and len(targets) == len(given):
        losses = _squares(given, targets)
    if losses is None or not np.isfinite(losses).any():
        return [Choice(0, ROW)]
    best = int(np.argmin(np.where(np.isfinite(losses), losses, np.inf)))
    worst = int(np.argmax(np.where(np.isfinite(losses), losses, -np.inf)))
    return [Choice(best, BEST), *([Choice(worst, WORST)] if worst != best else [])]


def classes_of(given: list[Array], targets: list[Array]) -> Array | None:
    """The true class of each row, where a single output gives one score for each class, or one for two classes.

    None where the targets are not classes: whole numbers from 0 up to the number of scores, or exactly one 1 in each
    row; for a single score nothing but 0 and 1.
    """
    if len(given) != 1 or len(targets) != 1 or given[0].ndim != 2 or given[0].dtype.kind != "f":
        return None
    scores, wanted = given[0], targets[0]
    if (
        wanted.dtype.kind not in "biuf"
        or not np.isfinite(wanted.astype(float)).all()
        or not wanted.size
    ):
        return None
    count = scores.shape[1]
    whole = bool((wanted == np.round(wanted)).all())
    if count > 1 and wanted.shape == scores.shape:
        once = bool(((wanted == 0) | (wanted == 1)).all() and (wanted.sum(axis=1) == 1).all())
        return np.argmax(wanted, axis=1) if once else None
    if wanted.size != len(scores) or not whole:
        return None
    flat = wanted.reshape(-1).astype(int)
    inside = flat.min() >= 0 and flat.max() < max(2, count)
    return flat if inside else None


def _by_class(scores: Array, labels: Array) -> list[Choice]:
    sound = np.flatnonzero(np.isfinite(scores).all(axis=1))
    if not len(sound):
        return [Choice(0, ROW, int(labels[0]))]
    said, sure = _said(scores[sound].astype(np.float64))
    right, wrong = np.flatnonzero(said == labels[sound]), np.flatnonzero(said != labels[sound])
    chosen = [(int(right[0]), RIGHT)] if len(right) else []
    if len(wrong):
        chosen.append((int(wrong[np.argmax(sure[wrong])]), SUREST_WRONG))
    if int(np.argmin(sure)) not in {place for place, _ in chosen}:
        chosen.append((int(np.argmin(sure)), LEAST_SURE))
    return [
        Choice(int(sound[place]), reason, int(labels[sound[place]])) for place, reason in chosen
    ]


def _said(scores: Array) -> tuple[Array, Array]:
    """The class that each row is given, and how far it is from another one."""
    if scores.shape[1] > 1:
        top = np.sort(scores, axis=1)
        return scores.argmax(axis=1), top[:, -1] - top[:, -2]
    # Beyond 0 to 1 it is no probability; then its middle is 0.
    middle = 0.5 if scores.min() >= 0 and scores.max() <= 1 else 0.0
    return (scores[:, 0] > middle).astype(int), np.abs(scores[:, 0] - middle)


def _squares(given: list[Array], targets: list[Array]) -> Array | None:
    total: Any = 0.0
    for output, target in zip(given, targets, strict=True):
        if (
            output.size != target.size
            or output.dtype.kind != "f"
            or target.dtype.kind not in "biuf"
        ):
            return None
        difference = output.reshape(len(output), -1).astype(float) - target.reshape(len(output), -1)
        total = total + (difference**2).mean(axis=1)
    return np.asarray(total)
