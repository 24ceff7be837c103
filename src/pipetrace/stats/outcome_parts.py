"""What a model gives against what it should give, in parts that merge: the figures of two parts are
those of all their rows, whose outputs and targets need never be held together."""

from dataclasses import dataclass, replace

import numpy as np

from pipetrace.stats.moments import Moments, collapse, join, measure
from pipetrace.stats.outcomes import (
    MOST_CLASSES,
    class_counts,
    class_labels,
    log_loss,
    of_classes,
    outcome_of_each,
    predicted_labels,
)
from pipetrace.trace.document import Array
from pipetrace.trace.measurements import ClassOutcome, Outcome

Span = tuple[float, float] | None
"""The smallest and the largest of some values, or None."""


@dataclass(frozen=True, eq=False)
class Differences:
    """Outputs and targets that are compared as numbers; of the rows that are finite alone."""

    squares: float  # sum of the squared differences
    sizes: float  # sum of the absolute ones
    target: Moments  # of each position
    binary: bool  # whether each target is 0 or 1
    sides: int  # how many outputs are on their target's side of one half


@dataclass(frozen=True, eq=False)
class OutcomePart:
    """What some rows tell of one output."""

    rows: int
    given: Moments  # of each position of a row
    given_sums: Span  # of the sums over the last axis
    target: Moments | None = None
    target_sums: Span = None
    # how many finite targets are whole, 0 or 1, below -1, below 0 and above 1
    kinds: Array | None = None
    # ``class_counts``, ``(1, 3, classes)``, or ``(2, 3, 2)`` of a single score, which may be a
    # probability, decided at one half, or a logit, decided at 0; None where targets are no classes
    classes: Array | None = None
    log_losses: float | None = None  # their sum
    differences: Differences | None = None


def outcome_part(given: Array, wanted: Array | None, *, classes: bool = True) -> OutcomePart:
    """What some rows tell of one output ``(n, ...)``; ``classes`` as of ``outcome``."""
    table = _table(given)
    part = OutcomePart(len(given), measure(table), _sums(given))
    if wanted is None or wanted.dtype.kind not in "biuf":
        return part
    target = _table(wanted)
    known = target[np.isfinite(target)]
    kinds = (known == np.round(known), (known == 0) | (known == 1), known < -1, known < 0)
    part = replace(
        part,
        target=measure(target),
        target_sums=_sums(wanted),
        kinds=np.array([each.sum() for each in (*kinds, known > 1)]),
        differences=_differences(table, target) if table.shape == target.shape else None,
    )
    labels = class_labels(wanted, given.shape) if classes and given.dtype.kind == "f" else None
    if labels is None:
        return part
    mean = log_loss(given, labels)
    return replace(
        part,
        classes=_class_counts(given, labels),
        log_losses=None if mean is None else mean * len(labels),
    )


def merge_parts(first: OutcomePart, second: OutcomePart) -> OutcomePart:
    """What both tell together."""
    target = kinds = classes = losses = differences = None
    if first.target is not None and second.target is not None:
        target = join([first.target, second.target])
    if first.kinds is not None and second.kinds is not None:
        kinds = first.kinds + second.kinds
    if first.classes is not None and second.classes is not None:
        classes = first.classes + second.classes
    if first.log_losses is not None and second.log_losses is not None:
        losses = first.log_losses + second.log_losses
    if (ours := first.differences) is not None and (theirs := second.differences) is not None:
        differences = Differences(
            ours.squares + theirs.squares,
            ours.sizes + theirs.sizes,
            join([ours.target, theirs.target]),
            ours.binary and theirs.binary,
            ours.sides + theirs.sides,
        )
    return OutcomePart(
        rows=first.rows + second.rows,
        given=join([first.given, second.given]),
        given_sums=_both(first.given_sums, second.given_sums),
        target=target,
        target_sums=_both(first.target_sums, second.target_sums),
        kinds=kinds,
        classes=classes,
        log_losses=losses,
        differences=differences,
    )


def outcome_of(part: OutcomePart) -> Outcome:
    """The figures of all rows."""
    given, target = part.given, part.target
    count, finite = int(given.count.sum()), int(given.finite.sum())
    found = Outcome(rows=part.rows, not_finite=count - finite)
    if count and finite == count:
        low, high = part.given_sums or (None, None)
        found = replace(
            found,
            min=float(given.low.min()),
            max=float(given.high.max()),
            mean=float(collapse(given).mean[0]),
            std=_std(given),
            sum_min=low,
            sum_max=high,
        )
    if target is None or part.kinds is None:
        return found
    known = int(target.finite.sum())
    if known:
        low, high = part.target_sums or (None, None)
        whole, spread = collapse(target), _std(target)
        if known < int(target.count.sum()):
            spread = float(np.sqrt(whole.squares[0] / known))
        shares = (part.kinds / known).tolist()
        found = replace(
            found,
            target_min=float(target.low.min()),
            target_max=float(target.high.max()),
            target_mean=float(whole.mean[0]),
            target_std=spread,
            target_sum_min=low,
            target_sum_max=high,
            target_binary=shares[1],
            target_below_minus_one=shares[2],
            target_below_zero=shares[3],
            target_above_one=shares[4],
        )
    counts = _counts(part)
    if counts is not None:
        losses = part.log_losses
        mean = None if losses is None else losses / int(counts[0].sum())
        return replace(of_classes(found, counts), log_loss=mean)
    return found if part.differences is None else _numbers(found, part.differences)


def is_whole(part: OutcomePart) -> bool:
    """Whether each target is a finite whole number."""
    if part.target is None or part.kinds is None:
        return False
    return int(part.kinds[0]) == int(part.target.count.sum())


def outcomes_by_class(part: OutcomePart) -> dict[int, ClassOutcome]:
    """For each class: its rows, the rows predicted to be of it, and how many are correct."""
    counts = _counts(part)
    return {} if counts is None or counts.shape[1] > MOST_CLASSES else outcome_of_each(counts)


def _table(values: Array) -> Array:
    wide: Array = np.ascontiguousarray(values, np.float64).reshape(len(values), -1)
    return wide


def _sums(values: Array) -> Span:
    if values.ndim < 2 or values.shape[-1] < 2 or not np.isfinite(values).all():
        return None
    sums = values.astype(np.float64).sum(axis=-1)
    return float(sums.min()), float(sums.max())


def _both(first: Span, second: Span) -> Span:
    if first is None or second is None:
        return None
    return min(first[0], second[0]), max(first[1], second[1])


def _std(moments: Moments) -> float:
    return float(np.sqrt((moments.squares / moments.count).mean()))


def _class_counts(given: Array, labels: Array) -> Array:
    count = max(2, given.shape[-1])
    if given.shape[-1] > 1:
        return class_counts(predicted_labels(given), labels, count)[None]
    scores = given.reshape(-1)
    return np.stack([class_counts((scores > at).astype(int), labels, count) for at in (0.5, 0.0)])


def _counts(part: OutcomePart) -> Array | None:
    if part.classes is None or len(part.classes) == 1:
        return None if part.classes is None else part.classes[0]
    given = part.given
    is_logit = given.low.min() < 0 or given.high.max() > 1
    infinite = (given.positive_infinity + given.negative_infinity).any()
    counts: Array = part.classes[int(is_logit or infinite)]
    return counts


def _differences(given: Array, target: Array) -> Differences:
    sound = np.isfinite(given).all(axis=1) & np.isfinite(target).all(axis=1)
    given, target = given[sound], target[sound]
    apart = given - target
    return Differences(
        squares=float((apart**2).sum()),
        sizes=float(np.abs(apart).sum()),
        target=measure(target),
        binary=bool(((target == 0) | (target == 1)).all()),
        sides=int(((given > 0.5) == (target > 0.5)).sum()),
    )


def _numbers(found: Outcome, part: Differences) -> Outcome:
    values, rows = int(part.target.count.sum()), part.target.count
    if not values:
        return found
    squares, variance = part.squares / values, float((part.target.squares / rows).mean())
    return replace(
        found,
        mean_squared_error=squares,
        mean_absolute_error=part.sizes / values,
        mean_squared_error_of_mean=variance,
        r2=1 - squares / variance if variance > 0 else None,
        binary_accuracy=part.sides / values if part.binary else None,
    )
