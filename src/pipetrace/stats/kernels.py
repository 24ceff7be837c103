"""The inner loops of a summary, compiled by numba if it is installed; else NumPy does it.

One compiled loop computes all statistics while a value is in the cache; NumPy reads the tensor from
memory once for each statistic. Both give the same counts, extremes and histograms to the bit; mean
and variance agree to float64 rounding. ``docs/benchmarks.md`` compares their speed.
"""

import functools
import importlib.util
import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

BLOCK_VALUES = 1 << 15
"""Values of a block that is read twice, for the mean and the distances: 128 KB fit the cache."""
BLOCK_ROWS = 256
"""Rows whose channels are counted one after the other: few enough to stay in the cache."""
FEWEST_FOR_FOUR_TABLES = 1 << 14
"""With fewer values, adding up four tables costs more than it saves."""

_scratch = threading.local()


def available() -> bool:
    """Whether numba is installed; it is not imported for the answer."""
    return importlib.util.find_spec("numba") is not None


class Kernels:
    """The compiled loops. They release Python's lock, so threads can work side by side."""

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
        """Whether all values of a C-contiguous table are finite; then, of each column, smallest,
        largest, zeros, mean and squared distances from it.
        """
        together = max(16, BLOCK_VALUES // max(1, table.shape[1]))
        found: Any = self._moments(table, table.view(np.uint32), together)
        return (bool(found[0] == 0), *found[1:])

    def count(self, values: NDArray[np.float32], counts: NDArray[np.uint32]) -> None:
        """Add finite values to the counts of their leading 16 bits, shape ``(65536,)``."""
        keys = values.reshape(-1).view(np.uint32)
        if keys.size < FEWEST_FOR_FOUR_TABLES:
            self._fine(keys, counts)
            return
        if not hasattr(_scratch, "tables"):
            _scratch.tables = np.zeros((4, len(counts)), np.uint32)
        self._fine_in_four(keys, _scratch.tables, counts)

    def count_channels(self, table: NDArray[np.float32], counts: NDArray[np.uint32]) -> None:
        """Add the finite values of each column to its counts by 12 bits, ``(channels, 4096)``."""
        self._channels(table.view(np.uint32), counts, BLOCK_ROWS)


@functools.cache
def kernels() -> Kernels | None:
    """The compiled loops, or None without numba.

    The first call on a machine compiles them, which takes a few seconds. Later calls read numba's
    cache beside this file, or in the user's cache folder if that is not writable.
    """
    if not available():
        return None
    try:
        made = Kernels()
        for channels in (1, 2):  # what does not compile here is to be known before it is needed
            few = np.ones((FEWEST_FOR_FOUR_TABLES, channels), np.float32)
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


# The functions below are compiled by numba: plain loops over arrays. In Python they would be slow.


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
    # Equal values often follow each other, such as the zeros of a ReLU. In one table each addition
    # would wait for the one before it.
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
