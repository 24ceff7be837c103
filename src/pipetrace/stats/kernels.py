"""The inner loops of a summary, compiled by numba where it is installed; NumPy's own passes serve everywhere else.

A loop over the values that does all at once reads each of them from the cache, where NumPy's passes read a tensor from
memory once for each statistic. Counts, extremes and histograms of the two are equal to the bit; mean and variance
agree to the rounding of float64. ``docs/benchmarks.md`` has both measured side by side.
"""

import functools
import importlib.util
import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

VALUES = 1 << 15
"""Values of a block that is read twice, for its mean and for the distances from it: 128 KB, so that it stays near."""
ROWS = 256
"""Rows whose channels are counted one after the other: short enough that the block stays in the cache meanwhile."""
FEW = 1 << 14
"""Values below which four tables, which have to be added up, cost more than they save."""

_scratch = threading.local()


def available() -> bool:
    """Whether numba is installed; it is not imported for the answer."""
    return importlib.util.find_spec("numba") is not None


class Kernels:
    """The compiled loops. They let go of Python's lock, so that several threads can summarise at a time."""

    def __init__(self) -> None:
        self._moments, self._fine, self._fine_in_four, self._channels = _compiled()

    def moments(
        self, table: NDArray[np.float32]
    ) -> tuple[
        bool,
        NDArray[np.float32],
        NDArray[np.float32],
        NDArray[np.int64],
        NDArray[Any],
        NDArray[Any],
    ]:
        """Smallest, largest, zeros, mean and squared distances from it, of each column.

        Args:
            table: shape ``(n, channels)``, C-contiguous.

        Returns:
            whether all values are finite, without which the rest means nothing; then the five.
        """
        together = max(16, VALUES // max(1, table.shape[1]))
        found: Any = self._moments(table, table.view(np.uint32), together)
        return (bool(found[0] == 0), *found[1:])

    def count(self, values: NDArray[np.float32], counts: NDArray[np.uint32]) -> None:
        """Add finite values to the counts of their leading 16 bits, shape ``(65536,)``."""
        keys = values.reshape(-1).view(np.uint32)
        if keys.size < FEW:
            self._fine(keys, counts)
            return
        if not hasattr(_scratch, "tables"):
            _scratch.tables = np.zeros((4, len(counts)), np.uint32)
        self._fine_in_four(keys, _scratch.tables, counts)

    def count_channels(self, table: NDArray[np.float32], counts: NDArray[np.uint32]) -> None:
        """Add the finite values of each column to the counts of their leading 12 bits, shape ``(channels, 4096)``."""
        self._channels(table.view(np.uint32), counts, ROWS)


@functools.cache
def kernels() -> Kernels | None:
    """The compiled loops, or None without numba. The first call of a machine compiles them, a few seconds; later ones
    read what was kept beside this file, or in the user's cache where that cannot be written.
    """
    if not available():
        return None
    try:
        made = Kernels()
        for channels in (1, 2):  # what does not compile here is to be known before it is needed
            few = np.ones((FEW, channels), np.float32)
            made.moments(few)
            made.count(few, np.zeros(1 << 16, np.uint32))
            made.count(few[:2], np.zeros(1 << 16, np.uint32))
            made.count_channels(few, np.zeros((channels, 1 << 12), np.uint32))
    except (
        Exception
    ):  # another version of numba, or of NumPy beside it, that does not work: NumPy serves
        return None
    return made


def _compiled() -> tuple[Any, Any, Any, Any]:
    import numba

    def compile_(function: Any) -> Any:
        options = {"nogil": True, "error_model": "numpy", "boundscheck": False}
        try:
            return numba.njit(cache=True, **options)(function)
        except RuntimeError:  # nowhere to keep what was compiled
            return numba.njit(**options)(function)

    return compile_(_moments), compile_(_fine), compile_(_fine_in_four), compile_(_channels)


# The functions below are numba's to compile: plain loops over plain arrays. As Python they would give the same, slowly.


def _moments(table: Any, bits: Any, together: int) -> Any:
    rows, channels = table.shape
    low, high = np.full(channels, np.inf, np.float32), np.full(channels, -np.inf, np.float32)
    zeros, none = np.zeros(channels, np.int64), np.zeros(channels, np.int32)
    mean, squares = np.zeros(channels), np.zeros(channels)
    sums, apart = np.empty(channels), np.empty(channels)
    broken = 0
    for start in range(0, rows, together):
        stop = min(rows, start + together)
        sums[:], apart[:], none[:] = 0.0, 0.0, 0
        for row in range(start, stop):
            for channel in range(channels):
                value = table[row, channel]
                sums[channel] += value
                low[channel] = min(low[channel], value)
                high[channel] = max(high[channel], value)
                none[channel] += value == np.float32(0)
                # All bits of the exponent are set in NaN and in infinity, and in nothing else.
                broken += (bits[row, channel] & np.uint32(0x7F800000)) == np.uint32(0x7F800000)
        if broken:
            break
        count = stop - start
        for channel in range(channels):
            sums[channel] /= count
        for row in range(start, stop):
            for channel in range(channels):
                distance = table[row, channel] - sums[channel]
                apart[channel] += distance * distance
        # Chan, Golub and LeVeque, as in moments.py.
        for channel in range(channels):
            distance = sums[channel] - mean[channel]
            mean[channel] += distance * (count / stop)
            squares[channel] += apart[channel] + distance * distance * (start * (count / stop))
            zeros[channel] += none[channel]
    return broken, low, high, zeros, mean, squares


def _fine(keys: Any, counts: Any) -> None:
    for place in range(keys.size):
        counts[keys[place] >> np.uint32(16)] += np.uint32(1)


def _fine_in_four(keys: Any, tables: Any, counts: Any) -> None:
    # Equal values follow each other, such as the zeros of a ReLU. In one table each would wait for the one before it.
    even = keys.size - keys.size % 4
    for place in range(0, even, 4):
        tables[0, keys[place] >> np.uint32(16)] += np.uint32(1)
        tables[1, keys[place + 1] >> np.uint32(16)] += np.uint32(1)
        tables[2, keys[place + 2] >> np.uint32(16)] += np.uint32(1)
        tables[3, keys[place + 3] >> np.uint32(16)] += np.uint32(1)
    for place in range(even, keys.size):
        tables[0, keys[place] >> np.uint32(16)] += np.uint32(1)
    for key in range(counts.size):
        counts[key] += tables[0, key] + tables[1, key] + tables[2, key] + tables[3, key]
    tables[:] = np.uint32(0)


def _channels(bits: Any, counts: Any, together: int) -> None:
    rows, channels = bits.shape
    for start in range(0, rows, together):
        stop = min(rows, start + together)
        # Four channels in turn, since a count that follows itself waits for the one before it.
        fours = channels - channels % 4
        for channel in range(0, fours, 4):
            for row in range(start, stop):
                counts[channel, bits[row, channel] >> np.uint32(20)] += np.uint32(1)
                counts[channel + 1, bits[row, channel + 1] >> np.uint32(20)] += np.uint32(1)
                counts[channel + 2, bits[row, channel + 2] >> np.uint32(20)] += np.uint32(1)
                counts[channel + 3, bits[row, channel + 3] >> np.uint32(20)] += np.uint32(1)
        for channel in range(fours, channels):
            for row in range(start, stop):
                counts[channel, bits[row, channel] >> np.uint32(20)] += np.uint32(1)
