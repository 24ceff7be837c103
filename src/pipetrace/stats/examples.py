"""The choice of rows to show as predictions.

Of classes: a right one, the most confident wrong one and the least confident one. Otherwise: the
rows with the smallest and the largest loss.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from pipetrace.stats.outcomes import class_labels, predicted_labels, threshold
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


def choose(
    given: list[Array],
    targets: list[Array],
    losses: Array | None,
    *,
    squares: bool = True,
    classes: bool = True,
) -> list[Choice]:
    """The rows that say most about a model, by its outputs ``(n, ...)``, targets and losses.

    ``squares``: whether squared differences tell of rows without a loss; ``classes``: whether the
    outputs may tell classes; an embedding does not.
    """
    if not given or not len(given[0]):
        return []
    labels = _labels(given, targets) if classes else None
    if labels is not None:
        return _by_class(given[0], labels)
    if losses is None and squares:
        losses = _squares(given, targets)
    if losses is None or not np.isfinite(losses).any():
        return [Choice(0, ROW)]
    best = int(np.argmin(np.where(np.isfinite(losses), losses, np.inf)))
    worst = int(np.argmax(np.where(np.isfinite(losses), losses, -np.inf)))
    return [Choice(best, BEST), *([Choice(worst, WORST)] if worst != best else [])]


def worth_keeping(
    given: list[Array],
    targets: list[Array],
    losses: Array | None,
    most: int,
    *,
    classes: bool = True,
) -> list[int]:
    """The places of so many rows at the most: wrong ones first, then others, evenly spaced.

    Where there are no classes, the quarter of the rows with the largest losses counts as wrong. At
    most three quarters of the rows are wrong ones, unless there are no others. For the arguments
    see ``choose``.
    """
    total = len(given[0])
    labels, wrong = _labels(given, targets) if classes else None, np.zeros(total, bool)
    if labels is not None:
        wrong = predicted_labels(given[0]) != labels
    elif (errors := _squares(given, targets) if losses is None else losses) is not None:
        wrong[np.argsort(-errors, kind="stable")[: total // 4]] = True
    first, others = np.flatnonzero(wrong), np.flatnonzero(~wrong)
    few = _spaced(first, max(most * 3 // 4, most - len(others)))
    return [int(place) for place in (*few, *_spaced(others, most - len(few)))]


def _spaced(places: Array, most: int) -> Array:
    count = min(len(places), most)
    few: Array = places[np.linspace(0, max(0, len(places) - 1), count).round().astype(int)]
    return few


def _labels(given: list[Array], targets: list[Array]) -> Array | None:
    """The classes of the rows, where the model has one output, with a score for each class."""
    if len(given) == len(targets) == 1 and given[0].ndim == 2 and given[0].dtype.kind == "f":
        return class_labels(targets[0], given[0].shape)
    return None


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
    predicted = predicted_labels(scores)
    if scores.shape[1] > 1:
        top = np.sort(scores, axis=1)
        return predicted, top[:, -1] - top[:, -2]
    return predicted, np.abs(scores[:, 0] - threshold(scores))


def _squares(given: list[Array], targets: list[Array]) -> Array | None:
    total: Any = 0.0
    if len(given) != len(targets):
        return None
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
