"""Summaries of an epoch, decoded when asked for: a long run has thousands, readers want a few."""

import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from pipetrace.errors import DamagedTraceError
from pipetrace.trace.codec import clean, decode_channels, decode_histogram
from pipetrace.trace.summary import Summary

Row: TypeAlias = tuple[Any, ...]
"""Part, name and epoch of a summary, its statistics from ``count`` to ``std``, then the bytes of
its histogram and of its channels, or None."""

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


class Summaries(Mapping[str, Summary]):
    """Summaries by name, each decoded when it is first asked for.

    They hold bytes and no open file. Asking for a damaged one raises ``DamagedTraceError``.

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


def summary_of(row: Row) -> Summary:
    """A summary of what the file has of it.

    Raises:
        ValueError: the bytes of the histogram or of the channels are none.
    """
    _, _, _, count, nan, positive, negative, zeros, low, high, mean, std, histogram, channels = row
    parts = None if channels is None else decode_channels(channels)
    return Summary(
        count,
        nan,
        positive,
        negative,
        zeros,
        low,
        high,
        mean,
        std,
        decode_histogram(histogram),
        parts,
    )


def damaged(place: Path, error: Exception) -> DamagedTraceError:
    """The error for a file that is a trace, and broken."""
    reason = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
    reason = clean(" ".join(reason.split()))
    return DamagedTraceError(
        f"{place.name} is a pipetrace file, but it cannot be read: {reason}.",
        where=str(place),
        hint="Copy it again, or record a new one.",
    )
