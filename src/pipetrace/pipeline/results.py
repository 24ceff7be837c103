"""How what a step returned is read: as rows with their targets, as the parts of a split, or as batches."""

import functools
import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pipetrace.pipeline.forms import (
    DICT,
    LIST,
    TUPLE,
    array_of,
    arrays_of,
    is_flat,
    kind_of,
    rows_of,
)

TRAINING = ("train", "training")
HELD_OUT = ("validation", "valid", "val", "test", "testing", "evaluation", "eval", "dev", "holdout")
"""What the parts of a split are called, where they stand in a dictionary."""
BY_ORDER = {2: ("train", "validation"), 3: ("train", "validation", "test")}
"""What they are called where they come in order."""
MOST_HASHED = 2**31
"""Bytes of rows that are told apart by their digests; of more, it is not measured which rows are which."""


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows and their targets: ``x`` alone where there are none. Where ``x`` has no rows, it is what a step returned."""

    x: Any
    y: Any = None

    @property
    def count(self) -> int | None:
        """How many rows there are, or None where ``x`` has none, or where x and y disagree."""
        count = rows_of(self.x)
        return count if self.y is None or rows_of(self.y) == count else None


@dataclass(frozen=True, eq=False)
class Parts:
    """What a split gives, the training part first."""

    parts: tuple[tuple[str, Rows], ...]


@dataclass(frozen=True, eq=False)
class Batches:
    """What batching gives, in order; ``value`` is what the step returned."""

    batches: tuple[Rows, ...]
    value: Any


Result: TypeAlias = Rows | Parts | Batches


def read_result(result: Any, given: Rows, both: bool) -> Result:
    """What a step returned, read by its structure and by which rows are in it.

    A dictionary of parts, such as ``{"train": ..., "validation": ...}``, is a split, and so are two or three parts in
    a tuple, each ``x`` or ``(x, y)``, whose rows are the rows that the step received. A list of batches is batching;
    what makes batches on demand, such as a generator or a data loader, is left alone.
    Four or six arrays in a row are read as scikit-learn's ``train_test_split`` gives them, or as pairs. A step that
    returns one value leaves the targets as they are.

    Args:
        result: what the step returned.
        given: what it received.
        both: whether it received the targets too.
    """
    kind = kind_of(result)
    if kind == DICT:
        return _dictionary(result, given, both)
    if kind in (TUPLE, LIST) and len(result) and not is_flat(result):
        return _sequence(result, given, both)
    return Rows(result, given.y)


def joined(batches: Sequence[Rows]) -> Rows | None:
    """Batches put together again; None where they cannot be."""
    x = _together([each.x for each in batches])
    if x is None or all(each.y is None for each in batches):
        return None if x is None else Rows(x)
    y = _together([each.y for each in batches])
    return None if y is None else Rows(x, y)


def _together(values: Sequence[Any]) -> Any:
    kinds = {kind_of(each) for each in values}
    kind = kinds.pop() if len(kinds) == 1 else None
    if kind == DICT and all(each.keys() == values[0].keys() for each in values):
        found = {key: _together([each[key] for each in values]) for key in values[0]}
        return None if any(each is None for each in found.values()) else found
    if (
        kind in (TUPLE, LIST)
        and not is_flat(values[0])
        and len({len(each) for each in values}) == 1
    ):
        parts = [_together(each) for each in zip(*values, strict=True)]
        return None if any(each is None for each in parts) else tuple(parts)
    arrays = [array_of(each) for each in values]
    try:
        return (
            None
            if any(each is None for each in arrays)
            else np.concatenate([each for each in arrays if each is not None])
        )
    except ValueError:  # nothing to put together, or rows of different shapes
        return None


Signature: TypeAlias = tuple[tuple[str, str, tuple[int, ...]], ...]


@dataclass(frozen=True)
class Digests:
    """One digest for each row, and what rows must share to be compared: the places, types and shapes of the arrays."""

    signature: Signature
    rows: tuple[bytes, ...]

    @functools.cached_property
    def counts(self) -> Counter[bytes]:
        """How often each row occurs."""
        return Counter(self.rows)


def digests(rows: Rows, targets: bool = True) -> Digests | None:
    """The digests of rows, with their targets where there are any; None where they cannot be told apart."""
    found = arrays_of(rows.x, "x")
    if found is None:
        return None
    if targets and rows.y is not None:
        more = arrays_of(rows.y, "y")
        if more is None:
            return None
        found |= more
    arrays = list(found.values())
    if any(each.ndim == 0 or len(each) != len(arrays[0]) for each in arrays):
        return None
    if sum(each.nbytes for each in arrays) > MOST_HASHED:
        return None
    signature = tuple((key, each.dtype.str, each.shape[1:]) for key, each in found.items())
    pieces = [_pieces(each) for each in arrays]
    return Digests(signature, tuple(_digest(row) for row in zip(*pieces, strict=True)))


def _digest(row: tuple[Any, ...]) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    for piece in row:
        digest.update(piece)
    return digest.digest()


def _pieces(array: NDArray[Any]) -> Iterator[Any]:
    """The bytes of each row."""
    if array.dtype.hasobject:
        return iter(
            [repr(row.tolist() if isinstance(row, np.ndarray) else row).encode() for row in array]
        )
    if array.size == 0:
        return iter([b""] * len(array))
    return iter(np.ascontiguousarray(array).reshape(len(array), -1).view(np.uint8))


def _dictionary(result: Any, given: Rows, both: bool) -> Result:
    names = {str(key).lower() for key in result}
    if names & set(TRAINING) and names <= {*TRAINING, *HELD_OUT}:
        first = sorted(result, key=lambda key: str(key).lower() not in TRAINING)
        return Parts(tuple((str(key), _pair(result[key])) for key in first))
    if both and names == {"x", "y"}:
        by_name = {str(key).lower(): each for key, each in result.items()}
        return Rows(by_name["x"], by_name["y"])
    parts = [_pair(each) for each in result.values()]
    if len(parts) > 1 and _made_of(parts, given):
        return Parts(tuple(zip(map(str, result), parts, strict=True)))
    return Rows(result, given.y)


def _sequence(result: Sequence[Any], given: Rows, both: bool) -> Result:
    pairs = _pairs(result)
    if pairs and (both or given.y is None) and _whole(pairs, given):
        return _split_or_batches(result, pairs, given)
    if pairs and both and isinstance(result, list) and len(result) not in BY_ORDER:
        return Batches(tuple(pairs), result)
    if both and len(result) == 2 and _alike(result):
        return Rows(*result)
    if both and len(result) in (4, 6) and (parts := _flat_split(result, given)):
        return _named(parts)
    singles = [Rows(each) for each in result]
    if not both and len(singles) > 1 and _made_of(singles, Rows(given.x)):
        return _split_or_batches(result, singles, Rows(given.x))
    if (
        not both
        and len(singles) == 1
        and isinstance(result, list)
        and _made_of(singles, Rows(given.x))
    ):
        return Batches(tuple(singles), result)
    if given.y is None and len(result) == 2 and isinstance(result, tuple) and _alike(result):
        return Rows(*result)
    return Rows(result, given.y)


def _split_or_batches(result: Sequence[Any], found: list[Rows], given: Rows) -> Result:
    few = len(found) in BY_ORDER
    if isinstance(result, tuple) and few:
        return _named(found)
    counts = [each.count or 0 for each in found]
    even = len(set(counts[:-1])) <= 1 and counts[-1] <= counts[0]
    # Two or three parts in a list: batches where they are of one size and in the order of the rows, and else a split.
    return (
        _named(found)
        if few and not (even and _in_order(found, given))
        else Batches(tuple(found), result)
    )


def _named(parts: Sequence[Rows]) -> Parts:
    return Parts(tuple(zip(BY_ORDER[len(parts)], parts, strict=True)))


def _pair(value: Any) -> Rows:
    """A part of a split: a pair of rows and targets, or rows alone."""
    if kind_of(value) in (TUPLE, LIST) and len(value) == 2 and _alike(value):
        return Rows(*value)
    return Rows(value)


def _pairs(result: Sequence[Any]) -> list[Rows] | None:
    """The elements as rows with their targets; None where one of them is no such pair."""
    found = []
    for each in result:
        if kind_of(each) not in (TUPLE, LIST) or len(each) != 2 or not _alike(each):
            return None
        found.append(Rows(*each))
    return found


def _alike(values: Sequence[Any]) -> bool:
    """Whether all have rows, and the same number of them."""
    counts = {rows_of(each) for each in values}
    return len(counts) == 1 and None not in counts


def _whole(parts: Sequence[Rows], given: Rows) -> bool:
    """Whether the parts are of the step's rows, or as many together; the second may hold for rows that were changed."""
    return (
        sum(each.count or 0 for each in parts) == given.count
        or _made_of(parts, given)
        or given.count is None
    )


def _made_of(parts: Sequence[Rows], given: Rows) -> bool:
    """Whether every part has rows, fewer than all, and each of them is one of the rows that were given.

    What was changed on the way counts when the numbers of rows add up.
    """
    counts = [each.count for each in parts]
    whole = given.count
    if None in counts or whole is None or not whole:
        return False
    if any((count or 0) >= whole for count in counts) and len(counts) > 1:
        return False
    if sum(count or 0 for count in counts) == whole:
        return True
    ours = digests(given) if any(each.y is not None for each in parts) else digests(Rows(given.x))
    theirs = [digests(each) for each in parts]
    if ours is None or any(each is None or each.signature != ours.signature for each in theirs):
        return False
    known = set(ours.rows)
    return all(row in known for each in theirs if each for row in each.rows)


def _in_order(parts: Sequence[Rows], given: Rows) -> bool:
    ours, theirs = digests(given), [digests(each) for each in parts]
    if ours is None or any(each is None or each.signature != ours.signature for each in theirs):
        return False
    together = tuple(row for each in theirs if each for row in each.rows)
    return together == ours.rows[: len(together)]


def _flat_split(result: Sequence[Any], given: Rows) -> list[Rows] | None:
    """Arrays of a split without pairs: all x, then all y, or x and y in turn; whichever the rows themselves fit."""
    half = len(result) // 2
    ways = [
        [Rows(x, y) for x, y in zip(result[:half], result[half:], strict=True)],
        [Rows(x, y) for x, y in zip(result[::2], result[1::2], strict=True)],
    ]
    # train_test_split itself gives x, x, y, y: with two arrays of three parts each there is no such function.
    fitting = [way for way in ways if _made_of(way, given)]
    if len(fitting) == 2:
        ours = digests(given)
        known = set(ours.rows) if ours else set()
        fitting = [
            way for way in fitting if all(known.issuperset(d.rows) for d in map(digests, way) if d)
        ]
    return fitting[0] if len(fitting) == 1 else None
