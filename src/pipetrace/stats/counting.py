"""Histograms while a summary is computed: of all values, and of each channel."""

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipetrace.stats.histogram import (
    COARSE,
    FINE,
    SHORT_COLUMN,
    coarsen,
    count_channel_keys,
    count_keys,
    count_short_channels,
    from_counts,
)
from pipetrace.stats.kernels import Kernels
from pipetrace.trace.summary import Histogram

LARGEST_COUNT = (1 << 32) - 1
"""The largest count that four bytes hold."""


class _Counts:
    """Counts of four bytes; they move into eight bytes before one of them could overflow."""

    def __init__(self, *shape: int) -> None:
        self.counts = np.zeros(shape, np.uint32)
        self._before: NDArray[np.int64] | None = None
        self._since = 0

    def expect(self, values: int) -> NDArray[np.uint32]:
        """Return the table of counts, with room for so many more values."""
        if self._since + values > LARGEST_COUNT:
            self._before = self.total()
            self.counts[:] = 0
            self._since = 0
        self._since += values
        return self.counts

    def total(self) -> NDArray[np.int64]:
        """All counts so far."""
        now = self.counts.astype(np.int64)
        return now if self._before is None else now + self._before


class Counting:
    """Counts values by their leading bits, batch after batch; 16 kB for each channel, if any."""

    def __init__(self, channels: int, kernels: Kernels | None = None, bits: int = FINE) -> None:
        # The loops count fine keys; where that is more than is wanted the values are few.
        self._kernels, self._bits = kernels if bits == FINE else None, bits
        self._fine = _Counts(1 << bits)
        self._coarse = _Counts(channels, 1 << COARSE) if channels else None

    def add(self, table: NDArray[np.float32], *, finite: bool) -> None:
        """Add a C-contiguous batch ``(n, channels)``; ``(n, 1)`` without channels.

        Unless all values are ``finite`` only those that are count.
        """
        fine = self._fine.expect(table.size)
        coarse = None if self._coarse is None else self._coarse.expect(table.size)
        if finite and self._kernels is not None:
            self._kernels.count(table, fine)
            if coarse is not None:
                self._kernels.count_channels(table, coarse)
        elif finite and coarse is not None and len(table) < SHORT_COLUMN:
            _add(fine, count_keys(table, self._bits))
            _add(coarse, count_short_channels(table))
        elif finite and coarse is None and len(table) < SHORT_COLUMN:
            _add(fine, count_keys(table, self._bits))
        else:
            for index, counts in enumerate(
                count_channel_keys(table) if finite else _finite_channel_keys(table)
            ):
                _add(fine, counts if self._bits == FINE else coarsen(counts, self._bits))
                if coarse is not None:
                    _add(coarse[index], coarsen(counts))

    def whole(self) -> Histogram:
        """The histogram of all values so far."""
        return from_counts(self._fine.total(), self._bits)

    def copied(self, *, channels: bool) -> "Counting":
        """Return a copy, with its channels or without."""
        other = Counting(0, self._kernels, self._bits)
        other._fine = copy.deepcopy(self._fine)
        other._coarse = copy.deepcopy(self._coarse) if channels else None
        return other

    def channels(self) -> list[Histogram]:
        """The histogram of each channel, of 12 bits; empty without channels."""
        return (
            []
            if self._coarse is None
            else [from_counts(counts, COARSE) for counts in self._coarse.total()]
        )


def _add(counts: NDArray[np.uint32], more: NDArray[Any]) -> None:
    np.add(counts, more, out=counts, casting="unsafe")


def _finite_channel_keys(table: NDArray[np.float32]) -> Iterator[NDArray[np.int64]]:
    for column in table.T:
        yield count_keys(np.ascontiguousarray(column[np.isfinite(column)]))
