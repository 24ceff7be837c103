"""Rows that are kept in the file, so that readers can compute the model for them."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace

from pipetrace.capture import structures
from pipetrace.capture.weights import Weights
from pipetrace.record.measure.after_training import Sample, losses_of
from pipetrace.record.measure.model_pass import ModelPass
from pipetrace.record.measure.rows import Rows
from pipetrace.stats.examples import worth_keeping
from pipetrace.trace.document import Array
from pipetrace.trace.rows import KeptRows
from pipetrace.trace.rows.kept import kept_parts

MOST_ROWS, MOST_BYTES = 500, 500_000
"""Rows that are kept beside those that were followed, and bytes of their inputs, targets and
outputs in the file."""
MOST_EARLIER_BYTES = 500_000
"""Bytes of their outputs after earlier epochs."""


def kept_rows(
    measure: ModelPass, found: Sample, numbers: Array, validation: Array, first: Sequence[int]
) -> tuple[KeptRows, Rows] | None:
    """The rows to keep, and the same as the model gets them; None where one row takes too much.

    They are chosen among a sample, ``first`` those that were followed. ``numbers`` and
    ``validation`` are of all rows.
    """
    some, outputs = found.rows, found.outputs
    values = sum(each[:1].size for each in (*some.arrays, *some.targets, *outputs))
    most = min(
        MOST_ROWS + len(first), MOST_BYTES // max(1, values)
    )  # a value takes one byte at the least
    if not most or not outputs or any(output for _, output in measure.names):
        return None
    losses, classes = losses_of(measure, found), measure.tells_classes
    ranked = worth_keeping(outputs, some.targets, losses, most, classes=classes)
    places = list(dict.fromkeys([*first, *ranked]))[:most]
    while places:
        few = some.taken(places)
        arrays = structures.flatten(structures.as_fit_gets(few.x))
        made = KeptRows(
            numbers=numbers[found.places[places]],
            validation=validation[found.places[places]],
            inputs={name: each for (name, _), each in zip(measure.names, arrays, strict=True)},
            targets=tuple(few.targets),
            outputs=tuple(each[places] for each in outputs),
        )
        taken = sum(_bytes(each) for _, part in kept_parts(made) for each in part.values())
        if taken <= MOST_BYTES:
            return made, few
        places = places[: min(len(places) - 1, int(len(places) * MOST_BYTES / taken))]
    return None


def with_earlier_outputs(
    measure: ModelPass,
    made: KeptRows,
    rows: Rows,
    epochs: Iterable[tuple[int, Weights]],
    seconds: float,
) -> KeptRows:
    """The kept rows with the model's outputs after earlier epochs, for the first that fit."""
    each = sum(output.nbytes for output in made.outputs)
    found: dict[int, tuple[Array, ...]] = {}
    until, took = time.perf_counter() + seconds, 0.0
    for epoch, weights in epochs:
        began = time.perf_counter()
        if began + took > until or (len(found) + 1) * each > MOST_EARLIER_BYTES:
            break
        found[epoch] = tuple(measure.outputs_of(rows, weights))
        took = time.perf_counter() - began
    return replace(made, outputs_after=dict(sorted(found.items())))


def _bytes(values: Array) -> int:
    texts = values.dtype.kind in "OSU"
    return sum(len(str(each)) for each in values.reshape(-1)) if texts else values.nbytes
