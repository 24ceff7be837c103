"""What is made of a file's bytes when it is asked for: a long run has thousands of figures, and most readers want a few.

It holds the bytes that were read, and no file, which may be gone by then. Asking raises ``DamagedTraceError`` where the
bytes are none that a writer wrote.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from pipetrace.errors import DamagedTraceError
from pipetrace.trace.document import Summary
from pipetrace.trace.packed import decode_channels, decode_histogram
from pipetrace.trace.schema import decode_figures
from pipetrace.trace.texts import clean, from_json

Row: TypeAlias = tuple[Any, ...]
"""Part, name and epoch of a summary, its figures from ``count`` to ``std``, the bytes of its histogram, and those of its
channels or None."""

DAMAGE = (sqlite3.Error, LookupError, ValueError, TypeError, AttributeError, OverflowError, RecursionError)
"""What reading a file runs into that no writer wrote."""


class Summaries(Mapping[str, Summary]):
    """The summaries of an epoch by name, each made when it is first asked for.

    Args:
        rows: what each is made of.
        place: the file, for the message.
    """

    def __init__(self, rows: Mapping[str, Row], place: Path) -> None:
        self._rows, self._place = rows, place
        self._made: dict[str, Summary] = {}

    def __getitem__(self, name: str) -> Summary:
        if name not in self._made:
            row = self._rows[name]
            try:
                self._made[name] = summary_of(row)
            except DAMAGE as error:
                raise damaged(self._place, error) from error
        return self._made[name]

    def __contains__(self, name: object) -> bool:
        return name in self._rows

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(self)})"


class Figures(Mapping[str, float]):
    """The figures of a measurement by their keys, all made when one is first asked for.

    Args:
        text: JSON, in UTF-8.
        place: the file, for the message.
    """

    __slots__ = ("_made", "_place", "_text")

    def __init__(self, text: bytes, place: Path) -> None:
        self._text, self._place = text, place
        self._made: dict[str, float] | None = None

    @property
    def _values(self) -> dict[str, float]:
        if self._made is None:
            try:
                self._made = decode_figures(from_json(self._text.decode()))
            except DAMAGE as error:
                raise damaged(self._place, error) from error
        return self._made

    def __getitem__(self, key: str) -> float:
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return repr(self._values)


def summary_of(row: Row) -> Summary:
    """A summary of what the file has of it.

    Raises:
        ValueError: the bytes of the histogram or of the channels are none.
    """
    _, _, _, count, nan, positive, negative, zeros, low, high, mean, std, histogram, channels = row
    parts = None if channels is None else decode_channels(channels)
    return Summary(count, nan, positive, negative, zeros, low, high, mean, std, decode_histogram(histogram), parts)


def damaged(place: Path, error: Exception) -> DamagedTraceError:
    """The error for a file that is a trace, and broken."""
    reason = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
    return DamagedTraceError(
        f"{place.name} is a pipetrace file, but it cannot be read: {clean(' '.join(reason.split()))}.",
        where=str(place),
        hint="Copy it again from where it came from, with its -wal file if there is one, or record it anew.",
    )
