"""What the table ``content`` holds, decoded when asked for: a long run has thousands of summaries.

Rows that refer to the same content share what it is decoded to.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias, cast

from pipetrace.errors import DamagedTraceError, visible
from pipetrace.trace.checks import record
from pipetrace.trace.codec import from_json
from pipetrace.trace.histogram_codec import check_sums, decode_channels, decode_histogram, unpacked
from pipetrace.trace.measurements import Figures
from pipetrace.trace.summary import Summary

Row: TypeAlias = tuple[Any, ...]
"""The statistics of a summary from ``count`` to ``std``, then the numbers of the contents that hold
its histogram and its channels, or None."""

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
    """The contents of a file by number. They hold bytes and no open file.

    Asking for a damaged one raises ``DamagedTraceError``, which names the ``place``.
    """

    def __init__(self, stored: Mapping[int, bytes], size: int, place: Path) -> None:
        self._stored, self._place = stored, place
        self._left = min(max(GROWTH * size, LEAST), MOST)
        self._all_left = max(DECODED_GROWTH * size, LEAST)
        self._recent_left = min(max(RECENT_GROWTH * size, LEAST), MOST_RECENT)
        self._staying: dict[tuple[object, int], Any] = {}
        self._recent: dict[tuple[object, int], tuple[Any, int]] = {}
        self._counted: set[tuple[object, int]] = set()

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

    def check(self, numbers: Iterable[int]) -> None:
        """Raise a ``ValueError`` unless these contents exist."""
        if not self._stored.keys() >= set(numbers):
            raise ValueError("a row refers to a content that does not exist")

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
            return record(how, from_json(self._stored[number])), 0
        found, size = how(unpacked(self._stored[number], MOST if key in self._counted else most))
        if key not in self._counted:
            self._all_left -= size
            self._counted.add(key)
        return found, size


class Summaries(Mapping[str, Summary]):
    """Summaries by name, each decoded when it is first asked for."""

    def __init__(self, rows: Mapping[str, Row], contents: Contents) -> None:
        self._rows, self._contents = rows, contents

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


def damaged(place: Path, error: Exception) -> DamagedTraceError:
    """The error for a file that is a trace, and broken."""
    reason = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
    reason = visible(" ".join(reason[:500].split()))
    return DamagedTraceError(
        f"{place.name} is a pipetrace file, but it cannot be read: {reason}.",
        where=str(place),
        hint="Copy it again, or record a new one.",
    )
