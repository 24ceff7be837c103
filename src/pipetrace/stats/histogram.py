"""Exact histograms of float32 values by their leading bits.

The bit pattern of a positive float32 grows with its value, so its leading bits are a histogram key
with bins of equal relative width. No range has to be known beforehand, counts are exact, merging is
addition, and the order of values does not matter.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from pipetrace.trace.summary import Histogram

BLOCK_KEYS = 1 << 18
"""Keys counted at a time: 2 MB."""
SHORT_COLUMN = 12_000
"""Shorter columns are counted all at once; at this length both ways take the same time."""
FINE, COARSE, COARSER = 16, 12, 10
"""Bits of the key for a tensor, for one channel, and for histograms of which many are stored.

They give 65,536, 4,096 and 1,024 possible bins, at most 0.8 %, 12.5 % and 50 % wide.
"""


def count_keys(values: NDArray[np.float32], bits: int = FINE) -> NDArray[np.int64]:
    """How many finite values have each key, ``(2 ** bits,)``."""
    keys = values.reshape(-1).view(np.uint32) >> np.uint32(32 - bits)
    return np.bincount(keys, minlength=1 << bits)


def count_channel_keys(values: NDArray[np.float32]) -> Iterator[NDArray[np.int64]]:
    """The fine counts, ``(65536,)``, of each column of finite values, one by one.

    Column by column is twice as fast as one count over keys that include the channel: the bins of
    one column fit the cache, and a two-byte key needs little memory.
    """
    keys = (values.view(np.uint32) >> np.uint32(32 - FINE)).astype(np.uint16)
    for column in keys.T:
        # NumPy makes each key eight bytes wide; a block of them stays in the cache.
        counts = np.bincount(column[:BLOCK_KEYS], minlength=1 << FINE)
        for start in range(BLOCK_KEYS, len(column), BLOCK_KEYS):
            counts += np.bincount(column[start : start + BLOCK_KEYS], minlength=1 << FINE)
        yield counts


def count_short_channels(values: NDArray[np.float32]) -> NDArray[np.int64]:
    """The coarse counts, ``(channels, 4096)``, of short finite columns ``(n, channels)``."""
    channels = values.shape[1]
    keys = (values.view(np.uint32) >> np.uint32(32 - COARSE)).astype(np.intp)
    keys += np.arange(channels) << COARSE
    return np.bincount(keys.reshape(-1), minlength=channels << COARSE).reshape(
        channels, 1 << COARSE
    )


def coarsen(counts: NDArray[np.int64], bits: int = COARSE) -> NDArray[np.int64]:
    """Reduce counts to fewer bits, such as from shape ``(65536,)`` to ``(4096,)``."""
    coarse: NDArray[np.int64] = counts.reshape(1 << bits, -1).sum(axis=1)
    return coarse


def from_counts(counts: NDArray[np.int64], bits: int) -> Histogram:
    """Keep the bins that hold anything."""
    keys = np.flatnonzero(counts)
    return Histogram(keys.astype(np.uint16), counts[keys].astype(np.int64), bits)


def merge_histograms(first: Histogram, second: Histogram) -> Histogram:
    """Add two histograms of one width of key; a ``ValueError`` where the keys differ in width."""
    if first.bits != second.bits:
        raise ValueError(f"Histograms of {first.bits} and {second.bits} bits cannot be added")
    keys, places = np.unique(np.concatenate([first.keys, second.keys]), return_inverse=True)
    counts = np.zeros(len(keys), np.int64)
    np.add.at(counts, places, np.concatenate([first.counts, second.counts]))
    return Histogram(keys, counts, first.bits)


def lower_edges(histogram: Histogram) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The two ends of each bin, the smaller first, as float64."""
    shift = np.uint32(32 - histogram.bits)
    start = histogram.keys.astype(np.uint32) << shift
    # The last pattern of the bin, not the first of the next, which is infinity in the largest bin.
    end = start | np.uint32((1 << int(shift)) - 1)
    near, far = start.view(np.float32).astype(np.float64), end.view(np.float32).astype(np.float64)
    return np.minimum(near, far), np.maximum(near, far)


def bins(histogram: Histogram, edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Re-bin into bins between n + 1 rising edges, for drawing: counts ``(n,)``, maybe fractions.

    A bin that crosses an edge is split by width; the error is at most its own relative width. A bin
    that crosses the first or last edge counts as inside, so edges from the smallest to the largest
    value cover everything. Values outside are not counted.
    """
    low, high = lower_edges(histogram)
    # Negative zero is zero: its bin, with the smallest denormals, is moved onto that of zero.
    low, high = np.where(high == 0, 0.0, low), np.where(high == 0, -low, high)
    # The share of each bin below each edge.
    below = np.clip((edges[:, None] - low[None, :]) / (high - low)[None, :], 0.0, 1.0)
    below[0] = high < edges[0]
    below[-1] = low <= edges[-1]
    counts: NDArray[np.float64] = np.diff(below @ histogram.counts.astype(np.float64))
    return counts


def quantile(histogram: Histogram, share: float) -> float | None:
    """Middle of the bin below which a share, 0 to 1, of the values lies; None without values."""
    if not len(histogram.keys):
        return None
    low, high = lower_edges(histogram)
    middle = (low + high) / 2
    order = np.argsort(middle)
    reached = np.cumsum(histogram.counts[order])
    place = int(np.searchsorted(reached, share * reached[-1], side="left"))
    return float(middle[order[min(place, len(order) - 1)]])
