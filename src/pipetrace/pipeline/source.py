"""Rows and their targets: the source of a pipeline, and what a step returned."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from pipetrace.errors import ArgumentError, CountMismatchError
from pipetrace.pipeline.kinds import (
    DICT,
    LIST,
    OTHER,
    TUPLE,
    array_of,
    described,
    is_flat,
    kind_of,
    rows_of,
)

TRAINING = {"train", "training"}
VALIDATION = {"validation", "valid", "val", "dev", "holdout", "test", "testing", "eval"}
"""The keys of a dictionary that is a split."""
BY_POSITION = ("train", "validation", "test")
"""The parts of a split that is a tuple."""
SOURCE_HINT = (
    "Give x or (x, y): arrays, data frames or dictionaries of arrays with the same number of rows."
)


@dataclass(frozen=True, eq=False)
class StepRows:
    """Rows and their targets. Where ``x`` has no rows, it is what a step returned."""

    x: Any
    y: Any = None

    @property
    def count(self) -> int | None:
        """How many rows there are; None where ``x`` has none, or x and y disagree."""
        count = rows_of(self.x)
        return count if self.y is None or rows_of(self.y) == count else None


@dataclass(frozen=True, eq=False)
class Parts:
    """What a split gives, the training part first."""

    parts: tuple[tuple[str, StepRows], ...]


@dataclass(frozen=True, eq=False)
class Batches:
    """What batching gives, in order; ``value`` is what the step returned."""

    batches: tuple[StepRows, ...]
    value: Any


Result: TypeAlias = StepRows | Parts | Batches


def read_source(source: Any) -> StepRows:
    """The rows of a source, or an ``ArgumentError`` or ``CountMismatchError`` where it is none.

    A tuple is ``(x, y)``; a dictionary or a list of arrays is the several inputs of a model. What
    has no rows, such as a dataset or a generator, is passed on as it is.
    """
    kind = kind_of(source)
    plain = kind == OTHER and (source is None or isinstance(source, str | bytes | float | int))
    if plain or (kind == TUPLE and len(source) not in (1, 2)):
        raise ArgumentError(f"The source is {described(source)}.", where="source", hint=SOURCE_HINT)
    rows = StepRows(*source) if kind == TUPLE else StepRows(source)
    for name, value in (("x", rows.x), ("y", rows.y)):
        must = kind == TUPLE or kind_of(value) in (DICT, LIST)
        if value is not None and must and rows_of(value) is None:
            _refuse(value, name)
    if rows.y is not None and rows.count is None:
        raise CountMismatchError(
            f"x has {rows_of(rows.x):,} rows and y has {rows_of(rows.y):,}.",
            where="source",
            hint="Take x and y from the same rows.",
        )
    if rows_of(rows.x) == 0:
        raise ArgumentError("The source has no rows.", where="source", hint=SOURCE_HINT)
    return rows


def _refuse(value: Any, name: str) -> None:
    counts = []
    if kind_of(value) in (DICT, LIST, TUPLE) and not is_flat(value):
        parts = value.values() if kind_of(value) == DICT else value
        counts = [rows_of(each) for each in parts]
    if counts and None not in counts:
        raise CountMismatchError(
            f"The parts of {name} have different numbers of rows: "
            f"{', '.join(f'{count:,}' for count in counts)}.",
            where="source",
            hint="Give parts that belong together row by row.",
        )
    raise ArgumentError(
        f"{name} has no rows: it is {described(value)}.", where="source", hint=SOURCE_HINT
    )


def read_result(result: Any, given: StepRows, both: bool) -> Result:
    """What a step returned, told by its structure and its numbers of rows.

    - A dictionary with the keys ``train`` and ``validation`` or ``test`` is a split, and so are two
      or three pairs in a tuple, or arrays in the order of scikit-learn's ``train_test_split``.
    - Two arrays with the same number of rows are x and y.
    - A list of pairs, or of arrays that together have the rows that were given, is batches.
    - Anything else is x; a step that returns one value leaves the targets, if given, as they are.
    """
    kind = kind_of(result)
    if kind == DICT:
        return _from_dict(result, given, both)
    if kind in (TUPLE, LIST) and len(result) and not is_flat(result):
        return _from_sequence(result, given, both)
    return StepRows(result, given.y)


def _from_dict(result: Mapping[Any, Any], given: StepRows, both: bool) -> Result:
    by_key = {str(key).lower(): each for key, each in result.items()}
    keys = set(by_key)
    if keys & TRAINING and keys <= TRAINING | VALIDATION and len(keys) > 1:
        order = sorted(result, key=lambda key: str(key).lower() not in TRAINING)
        return Parts(tuple((str(key), _pair(result[key])) for key in order))
    if both and keys == {"x", "y"}:
        return StepRows(by_key["x"], by_key["y"])
    return StepRows(result, given.y)


def _from_sequence(result: Sequence[Any], given: StepRows, both: bool) -> Result:
    if (both or given.y is None) and all(_is_pair(each) for each in result):
        return _parts_or_batches(result, [StepRows(*each) for each in result])
    if both and len(result) == 2 and _alike(result):
        return StepRows(*result)
    if both and len(result) in (4, 6) and (parts := _flat_split(result, given)) is not None:
        return _named(parts)
    counts = [rows_of(each) for each in result]
    if not both and None not in counts and sum(count or 0 for count in counts) == given.count:
        return _parts_or_batches(result, [StepRows(each) for each in result])
    if given.y is None and isinstance(result, tuple) and len(result) == 2 and _alike(result):
        return StepRows(*result)
    return StepRows(result, given.y)


def joined(batches: Sequence[StepRows]) -> StepRows | None:
    """Batches put together again; None where they cannot be."""
    x = _together([each.x for each in batches])
    if x is None or all(each.y is None for each in batches):
        return None if x is None else StepRows(x)
    y = _together([each.y for each in batches])
    return None if y is None else StepRows(x, y)


def _together(values: Sequence[Any]) -> Any:
    if all(kind_of(each) == DICT and each.keys() == values[0].keys() for each in values):
        found = {key: _together([each[key] for each in values]) for key in values[0]}
        return None if any(each is None for each in found.values()) else found
    if all(kind_of(each) in (TUPLE, LIST) and not is_flat(each) for each in values):
        if len({len(each) for each in values}) > 1:
            return None
        parts = [_together(each) for each in zip(*values, strict=True)]
        return None if any(each is None for each in parts) else tuple(parts)
    arrays = [array for each in values if (array := array_of(each)) is not None]
    try:
        return np.concatenate(arrays) if len(arrays) == len(values) else None
    except ValueError:  # nothing to put together, or rows of different shapes
        return None


def _parts_or_batches(result: Sequence[Any], found: list[StepRows]) -> Result:
    if isinstance(result, tuple) and len(found) in (2, 3):
        return _named(found)
    return Batches(tuple(found), result)


def _named(parts: Sequence[StepRows]) -> Parts:
    return Parts(tuple(zip(BY_POSITION, parts, strict=False)))


def _pair(value: Any) -> StepRows:
    return StepRows(*value) if _is_pair(value) else StepRows(value)


def _is_pair(value: Any) -> bool:
    return kind_of(value) in (TUPLE, LIST) and len(value) == 2 and _alike(value)


def _alike(values: Sequence[Any]) -> bool:
    """Whether all have rows, and the same number of them."""
    counts = {rows_of(each) for each in values}
    return len(counts) == 1 and None not in counts


def _flat_split(result: Sequence[Any], given: StepRows) -> list[StepRows] | None:
    """``train_test_split`` gives all x, then all y; others give x and y in turn."""
    half = len(result) // 2
    for pairs in (
        zip(result[:half], result[half:], strict=True),
        zip(result[::2], result[1::2], strict=True),
    ):
        found = [StepRows(*pair) for pair in pairs]
        if all(
            part.count is not None
            and _row_shape(part.x) == _row_shape(given.x)
            and _row_shape(part.y) == _row_shape(given.y)
            for part in found
        ):
            return found
    return None


def _row_shape(value: Any) -> Any:
    kind = described(value)
    return kind.kind, None if kind.shape is None else kind.shape[1:]
