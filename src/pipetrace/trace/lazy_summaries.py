"""What the table ``content`` holds, decoded when asked for: a long run has thousands of summaries.

Rows that refer to the same content share what it is decoded to.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from threading import Lock
from typing import Any, TypeAlias, cast

from pipetrace.errors import DamagedTraceError, visible
from pipetrace.trace.checks import check_values, record
from pipetrace.trace.codec import from_json
from pipetrace.trace.histogram_codec import check_sums, decode_channels, decode_histogram, unpacked
from pipetrace.trace.measurements import Figures
from pipetrace.trace.summary import Summary

Row: TypeAlias = tuple[Any, ...]
"""The statistics of a summary from ``count`` to ``std``, then the numbers of the contents that hold
its histogram and its channels, or None."""
Rows: TypeAlias = Mapping[tuple[str, int | None], Mapping[str, Row]]
"""Rows by part and epoch, then by name."""
OF_EPOCHS, OF_STAGES = "epoch IS NOT NULL", "epoch IS NULL"
"""Two kinds of summaries, as conditions on their rows."""
SUMMARIES = """
SELECT part, epoch, name, count, nan, positive_infinity, negative_infinity, zeros, min, max, mean,
       std, histogram, channels
FROM summary
WHERE {}
ORDER BY id
"""

CONTENT = """
SELECT CAST(data AS BLOB) FROM content WHERE id = ? AND typeof(data) IN ('blob', 'text')
"""

LEAST = 1 << 27
GROWTH, MOST = 20, 3 << 28
"""What stays in memory may take so many times the bytes of the file, at least 134 MB and at most
805 MB."""
RECENT_GROWTH, MOST_RECENT = 5, 1 << 28
"""The same for what is decoded when it is asked for: older ones are let go of."""
DECODED_GROWTH = 200
"""All contents together may be decoded to so many times the bytes of the file, and at least to 134
MB: a forged file could keep a reader busy for hours."""
DAMAGE = (
    sqlite3.Error,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    OverflowError,
    RecursionError,
)
"""Errors that reading a damaged file can cause."""


class Contents:
    """Contents and summaries of a file, from a copy of its tables that any thread may use.

    Asking for a damaged one raises ``DamagedTraceError``, which names the ``place``.
    """

    def __init__(self, tables: sqlite3.Connection, size: int, place: Path) -> None:
        self._tables, self._place, self._lock = tables, place, Lock()
        self._left = min(max(GROWTH * size, LEAST), MOST)
        self._all_left = max(DECODED_GROWTH * size, LEAST)
        self._recent_left = min(max(RECENT_GROWTH * size, LEAST), MOST_RECENT)
        self._staying: dict[tuple[object, int], Any] = {}
        self._recent: dict[tuple[object, int], tuple[Any, int]] = {}
        self._counted: set[tuple[object, int]] = set()

    def __del__(self) -> None:
        self._tables.close()

    def __getstate__(self) -> dict[str, Any]:
        """What a copy is made of; the tables as bytes."""
        with self._lock:
            return {**vars(self), "_tables": self._tables.serialize(), "_lock": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _tables=memory(), _lock=Lock())
        self._tables.deserialize(state["_tables"])

    @cached_property
    def of_epochs(self) -> Rows:
        """The summaries of epochs. A long run has thousands, and many readers need none."""
        try:
            with self._lock:
                return self.rows(OF_EPOCHS)
        except DAMAGE as error:
            raise damaged(self._place, error) from error

    def rows(self, which: str) -> Rows:
        """What summaries are made of, checked."""
        check_values(self._tables, "summary", which)
        found: dict[tuple[str, int | None], dict[str, Row]] = {}
        rows = self._tables.execute(SUMMARIES.format(which)).fetchall()
        for of, some in groupby(rows, itemgetter(0, 1)):
            found.setdefault(of, {}).update((row[2], row[3:]) for row in some)
        return found

    def figures(self, kind: type[Figures], number: int) -> Figures:
        """The figures of a measurement."""
        return cast(Figures, self._decoded(kind, number, stays=True))

    def summary(self, row: Row, *, stays: bool = False) -> Summary:
        """A summary from its row; it ``stays`` where whoever asks keeps it as long as the trace."""
        *statistics, histogram, channels = row
        parts = None if channels is None else self._decoded(decode_channels, channels, stays=stays)
        whole = self._decoded(decode_histogram, histogram, stays=stays)
        found = Summary(*statistics, whole, parts)  # type: ignore[call-arg]
        try:
            check_sums(found)
        except ValueError as error:
            raise damaged(self._place, error) from error
        return found

    def _decoded(self, how: Any, number: int, *, stays: bool) -> Any:
        key = how, number
        if key in self._staying:
            return self._staying[key]
        if key in self._recent and not stays:
            return self._recent[key][0]
        try:
            found, size = self._made(key, self._left if stays else self._all_left)
        except DAMAGE as error:
            raise damaged(self._place, error) from error
        if stays:
            self._left -= size
            self._staying[key] = found
            return found
        self._recent_left -= size
        while self._recent_left < 0 and self._recent:
            _, freed = self._recent.pop(next(iter(self._recent)))
            self._recent_left += freed
        self._recent[key] = found, size
        return found

    def _made(self, key: tuple[Any, int], most: int) -> tuple[Any, int]:
        """What a content is decoded to, and its size; each counts once of all that may be."""
        how, number = key
        if isinstance(how, type):
            return record(how, from_json(self._stored(number))), 0
        found, size = how(unpacked(self._stored(number), MOST if key in self._counted else most))
        if key not in self._counted:
            self._all_left -= size
            self._counted.add(key)
        return found, size

    def _stored(self, number: int) -> bytes:
        with self._lock:
            row = self._tables.execute(CONTENT, (number,)).fetchone()
        if row is None:
            raise ValueError("a row refers to a content that does not exist")
        stored: bytes = row[0]
        return stored


class Summaries(Mapping[str, Summary]):
    """Summaries of a part after an epoch, by name, each decoded when it is first asked for."""

    def __init__(self, part: str, epoch: int, contents: Contents) -> None:
        self._of, self._contents = (part, epoch), contents

    @property
    def _rows(self) -> Mapping[str, Row]:
        return self._contents.of_epochs.get(self._of, {})

    def __getitem__(self, name: str) -> Summary:
        return self._contents.summary(self._rows[name])

    def __contains__(self, name: object) -> bool:
        return name in self._rows

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(self)})"


def memory() -> sqlite3.Connection:
    """An empty database in memory."""
    return sqlite3.connect(":memory:", check_same_thread=False)


def damaged(place: Path, error: Exception) -> DamagedTraceError:
    """The error for a file that is a trace, and broken."""
    reason = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
    reason = visible(" ".join(reason[:500].split()))
    return DamagedTraceError(
        f"{place.name} is a pipetrace file, but it cannot be read: {reason}.",
        where=str(place),
        hint="Copy it again, or record a new one.",
    )
