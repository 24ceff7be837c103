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
from pipetrace.trace.summary import Histogram, Summary

Row: TypeAlias = tuple[Any, ...]
"""The statistics of a summary from ``count`` to ``std``, then the numbers of the contents that hold
its histogram and its channels, or None."""

GROWTH, LEAST, MOST = 20, 1 << 27, 3 << 28
"""All contents together may be decoded to so many times the bytes of the file, at least to 134 MB
and at most to 805 MB."""
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

    Asking for a damaged one raises ``DamagedTraceError``.

    Args:
        stored: the bytes.
        size: of the file, in bytes.
        place: the file, for the message.
    """

    def __init__(self, stored: Mapping[int, bytes], size: int, place: Path) -> None:
        self._stored, self._place = stored, place
        self._left = min(max(GROWTH * size, LEAST), MOST)
        self._made: dict[tuple[object, int], Any] = {}

    def histogram(self, number: int) -> Histogram:
        """The histogram of a tensor."""
        return cast(Histogram, self._once(decode_histogram, number))

    def channels(self, number: int) -> tuple[Summary, ...]:
        """The summaries of channels."""
        return cast(tuple[Summary, ...], self._once(decode_channels, number))

    def figures(self, kind: type[Figures], number: int) -> Figures:
        """The figures of a measurement."""
        return cast(Figures, self._once(kind, number))

    def summary(self, row: Row) -> Summary:
        """A summary, of what the file has of it."""
        *statistics, histogram, channels = row
        parts = None if channels is None else self.channels(channels)
        found = Summary(*statistics, self.histogram(histogram), parts)  # type: ignore[call-arg]
        try:
            check_sums(found)
        except ValueError as error:
            raise damaged(self._place, error) from error
        return found

    def check(self, numbers: Iterable[int]) -> None:
        """Check that these contents exist.

        Raises:
            ValueError: one does not.
        """
        if not self._stored.keys() >= set(numbers):
            raise ValueError("a row refers to a content that does not exist")

    def _once(self, how: Any, number: int) -> Any:
        if (how, number) not in self._made:
            try:
                self._made[how, number] = self._decoded(how, self._stored[number])
            except DAMAGE as error:
                raise damaged(self._place, error) from error
        return self._made[how, number]

    def _decoded(self, how: Any, data: bytes) -> Any:
        if isinstance(how, type):
            return record(how, from_json(data))
        found, size = how(unpacked(data, self._left))
        self._left -= size
        return found


class Summaries(Mapping[str, Summary]):
    """Summaries by name, each decoded when it is first asked for.

    Args:
        rows: what each is made of.
        contents: of the file.
    """

    def __init__(self, rows: Mapping[str, Row], contents: Contents) -> None:
        self._rows, self._contents = rows, contents
        self._made: dict[str, Summary] = {}

    def __getitem__(self, name: str) -> Summary:
        if name not in self._made:
            self._made[name] = self._contents.summary(self._rows[name])
        return self._made[name]

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
