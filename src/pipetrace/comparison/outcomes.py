"""What came out of several runs: by class, and the rows that changed sides."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pipetrace.comparison.records import ClassRow, Rows, RowSides
from pipetrace.explain import task
from pipetrace.explain.facts import class_name, classes
from pipetrace.stats.outcomes import class_labels, predicted_labels
from pipetrace.trace.document import Array, Trace
from pipetrace.trace.measurements import TRAINING, VALIDATION, ClassOutcome

Place = tuple[bool, int]
"""Whether a row is of the validation set, and its number in the data."""


def by_class(traces: Sequence[Trace]) -> tuple[str, tuple[ClassRow, ...]]:
    """Of which rows outcomes by class are known in all runs, and these; none where they are not."""
    count = {classes(trace) for trace in traces}
    if len(count) != 1 or not (total := count.pop()):
        return "", ()
    for kind in (VALIDATION, TRAINING):
        found = [
            [trace.measurements.of(ClassOutcome, f"{kind}/{index}") for trace in traces]
            for index in range(total)
        ]
        if all(any(of[run].rows for of in found) for run in range(len(traces))):
            return kind, tuple(
                ClassRow(
                    index,
                    class_name(traces[0], index),
                    tuple(each.rows for each in of),
                    tuple(each.correct for each in of),
                )
                for index, of in enumerate(found)
            )
    return "", ()


@dataclass(frozen=True)
class _Kept:
    """The kept rows of a run that tells one class of a row."""

    places: Mapping[Place, int]  # where each row is
    arrays: tuple[Array, ...]  # inputs and targets
    true: Array  # the class of each row, ``(n,)``
    predicted: Array  # by the trained model; -1 where its output is NaN or Inf, ``(n,)``
    confidence: Array | None  # in the prediction, ``(n,)``; None where outputs are no probabilities
    after: Mapping[int, Array]  # the predictions after earlier epochs


def rows(traces: Sequence[Trace]) -> Rows | None:
    """The rows that all runs kept, with the same inputs and target; None without any."""
    found = [_kept(trace) for trace in traces]
    kept = [each for each in found if each]
    if len(kept) < len(found):
        return None
    both = [place for place in kept[0].places if all(place in each.places for each in kept)]
    made = [_row(kept, place) for place in both if _is_same(kept, place)]
    if not made:
        return None
    return Rows(
        common=len(made),
        right=tuple(sum(each.right[run] for each in made) for run in range(len(kept))),
        changed=tuple(each for each in made if len(set(each.right)) > 1),
    )


def _kept(trace: Trace) -> _Kept | None:
    kept, output = trace.kept_rows, task.only(trace)
    if kept is None or output is None or len(kept.outputs) != 1 or len(kept.targets) != 1:
        return None
    given = kept.outputs[0]
    labels = class_labels(kept.targets[0], given.shape)
    if output.form not in (task.CLASSES, task.BINARY) or labels is None:
        return None
    shares, predicted = task.shares(output, given), _predicted(given)
    places = zip(kept.validation.tolist(), kept.numbers.tolist(), strict=True)
    return _Kept(
        {place: at for at, place in enumerate(places)},
        (*kept.inputs.values(), *kept.targets),
        labels,
        predicted,
        None if shares is None else _confidence(shares.reshape(len(given), -1), predicted),
        {number: _predicted(each[0]) for number, each in kept.outputs_after.items()},
    )


def _predicted(given: Array) -> Array:
    is_finite = np.isfinite(given.reshape(len(given), -1)).all(axis=1)
    return np.where(is_finite, predicted_labels(given), -1)


def _confidence(shares: Array, predicted: Array) -> Array:
    if shares.shape[1] == 1:
        return np.where(predicted, shares[:, 0], 1 - shares[:, 0])
    found: Array = shares[np.arange(len(shares)), predicted]
    return found


def _is_same(kept: Sequence[_Kept], place: Place) -> bool:
    """Whether a row is the same in all runs: its number alone does not say."""
    first, *others = kept
    ours = [each[first.places[place]] for each in first.arrays]
    return all(
        len(each.arrays) == len(ours)
        and all(map(np.array_equal, ours, [of[each.places[place]] for of in each.arrays]))
        for each in others
    )


def _row(kept: Sequence[_Kept], place: Place) -> RowSides:
    at = [(each, each.places[place]) for each in kept]
    true = int(kept[0].true[at[0][1]])
    predicted = tuple(int(each.predicted[where]) for each, where in at)
    common = set.intersection(*(set(each.after) for each in kept))
    return RowSides(
        number=place[1],
        validation=place[0],
        true=true,
        predicted=predicted,
        confidence=tuple(
            None if each.confidence is None else float(each.confidence[where]) for each, where in at
        ),
        right=tuple(each == true for each in predicted),
        after={
            number: tuple(int(each.after[number][where]) for each, where in at)
            for number in sorted(common)
        },
    )
