"""The summary of a tensor, whole and per channel, and the merging of two."""

import copy
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
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
    merge_histograms,
)
from pipetrace.stats.kernels import Kernels
from pipetrace.stats.moments import Moments, collapse, join, measure
from pipetrace.trace.summary import Histogram, Summary

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
        """Add a C-contiguous batch ``(n, channels or 1)``, of which only finite values count."""
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


MOST_CHANNELS = 1024
"""A longer last axis holds features, not channels, and gets no summary per index."""
LARGEST = float(np.finfo(np.float32).max)


def can_summarise(values: NDArray[Any]) -> bool:
    """Whether an array can be summarised: real numbers of any width, booleans, or strings."""
    return values.dtype.kind in "biufOSU" or _is_small_float(values)


class Summariser:
    """Takes batch after batch and returns the summary of all of them.

    Counts are added up in full arrays and become a summary once, which is far cheaper than merging
    one summary per batch.

    Strings are summarised by their lengths in characters, booleans as 0 and 1. Counts, extremes,
    mean and standard deviation use float64: integers above 2**53 are rounded. The histogram uses
    float32, which moves no value by more than the width of a bin; values too large for float32
    count in the last bin.

    With ``by_channel`` each index of the last axis is summarised too, which takes 16 kB each. The
    histogram's key has 16, 12 or 10 bits: fewer bits, smaller files. Compiled loops pay for many
    values.
    """

    def __init__(
        self, *, by_channel: bool = True, bits: int = FINE, kernels: Kernels | None = None
    ) -> None:
        self._by_channel, self._bits, self._kernels = by_channel, bits, kernels
        self._channels: int | None = None
        self._moments: Moments | None = None
        self._counting: Counting | None = None

    def add(self, values: NDArray[Any], histogram_of: Any = None) -> None:
        """Add a batch ``(rows, ...)``, whose histograms count all rows or those of a slice or
        indices.

        A ``ValueError`` where it has another number of channels than earlier batches.
        """
        channels = values.shape[-1] if values.ndim > 1 else 1
        columns = channels if self._by_channel and 1 < channels <= MOST_CHANNELS else 1
        if self._counting is None:
            self._channels = channels
            self._counting = Counting(columns if columns > 1 else 0, self._kernels, self._bits)
        elif self._by_channel and self._channels != channels:
            raise ValueError(
                f"A batch has {channels} channels, the ones before had {self._channels}"
            )
        numbers = _as_numbers(values)
        table: NDArray[Any] = np.ascontiguousarray(numbers).reshape(-1, columns)
        with np.errstate(over="ignore", invalid="ignore"):
            moments = measure(table, self._kernels)
        self._moments = moments if self._moments is None else join([self._moments, moments])
        counted = (
            table
            if histogram_of is None
            else np.ascontiguousarray(numbers[histogram_of]).reshape(-1, columns)
        )
        self._counting.add(
            _as_float32(counted), finite=bool((moments.finite == moments.count).all())
        )

    def summary(self) -> Summary:
        """The summary of all batches so far; ``channels`` is None for fewer than two axes, one
        channel, or over 1,024.
        """
        moments, counting = self._moments, self._counting
        if moments is None or counting is None:
            raise ValueError("There is nothing to summarise")
        parts = tuple(
            _summary(moments, index, each) for index, each in enumerate(counting.channels())
        )
        return _summary(collapse(moments), 0, counting.whole(), parts or None)

    def copied(self, *, channels: bool) -> "Summariser":
        """Return a copy that takes further batches by itself; any shape, without the channels."""
        other = Summariser(
            by_channel=self._by_channel and channels, bits=self._bits, kernels=self._kernels
        )
        if self._moments is not None and self._counting is not None:
            other._channels = self._channels
            other._moments = self._moments if other._by_channel else collapse(self._moments)
            other._counting = self._counting.copied(channels=other._by_channel)
        return other


def summarise(values: NDArray[Any], *, by_channel: bool = True, bits: int = FINE) -> Summary:
    """Summarise one array, and each index of its last axis; see ``Summariser``."""
    summariser = Summariser(by_channel=by_channel, bits=bits)
    summariser.add(values)
    return summariser.summary()


def merge(first: Summary, second: Summary) -> Summary:
    """Merge two summaries, as if their values had been summarised at once.

    Counts, extremes and histograms are exact; mean and standard deviation agree to float64
    rounding. Channels are merged if both have equally many, and dropped otherwise.
    """
    ours, theirs = (each.channels or () for each in (first, second))
    if len(ours) != len(theirs):
        ours = theirs = ()
    # The whole and its channels are joined at once: there may be a thousand of them.
    moments = join([_moments((first, *ours)), _moments((second, *theirs))])
    whole, *parts = (
        _summary(moments, index, merge_histograms(one.histogram, other.histogram))
        for index, (one, other) in enumerate(zip((first, *ours), (second, *theirs), strict=True))
    )
    return replace(whole, channels=tuple(parts) or None)


def _as_numbers(values: NDArray[Any]) -> NDArray[Any]:
    """The values as float32 if that is exact, else as float64; the lengths of strings."""
    if values.dtype.kind in "OSU":
        lengths = [
            len(each.decode(errors="replace") if isinstance(each, bytes) else str(each))
            for each in values.flat
        ]
        return np.array(lengths, np.float32).reshape(values.shape)
    if values.dtype.kind == "f":
        return (
            values
            if values.dtype.itemsize in (4, 8)
            else values.astype(np.float32 if values.itemsize < 4 else float)
        )
    exact = _is_small_float(values) or values.dtype.itemsize <= 2
    return values.astype(np.float32 if exact else np.float64)


def _as_float32(table: NDArray[Any]) -> NDArray[np.float32]:
    if table.dtype == np.float32:
        return table
    with np.errstate(over="ignore"):
        narrow = table.astype(np.float32)
    lost = np.isinf(narrow) & np.isfinite(table)
    return (
        np.where(lost, np.copysign(np.float32(LARGEST), table).astype(np.float32), narrow)
        if lost.any()
        else narrow
    )


def _is_small_float(values: NDArray[Any]) -> bool:
    """Whether the dtype is bfloat16 or float8, which another package adds to NumPy."""
    return values.dtype.kind == "V" and values.dtype.name.startswith(("bfloat16", "float8"))


def _summary(
    moments: Moments, index: int, histogram: Histogram, channels: tuple[Summary, ...] | None = None
) -> Summary:
    finite = int(moments.finite[index])
    return Summary(
        count=int(moments.count[index]),
        nan=int(moments.nan[index]),
        positive_infinity=int(moments.positive_infinity[index]),
        negative_infinity=int(moments.negative_infinity[index]),
        zeros=int(moments.zeros[index]),
        # Adding zero makes 0 of -0, of which either may come first.
        min=float(moments.low[index]) + 0.0 if finite else None,
        max=float(moments.high[index]) + 0.0 if finite else None,
        mean=float(moments.mean[index]) if finite else None,
        std=float(np.sqrt(moments.squares[index] / finite)) if finite else None,
        histogram=histogram,
        channels=channels,
    )


def _moments(summaries: Sequence[Summary]) -> Moments:
    def of(values: Iterable[float]) -> NDArray[np.float64]:
        return np.array([*values], np.float64)

    def counts(name: str) -> NDArray[np.int64]:
        return np.array([getattr(each, name) for each in summaries], np.int64)

    return Moments(
        count=counts("count"),
        nan=counts("nan"),
        positive_infinity=counts("positive_infinity"),
        negative_infinity=counts("negative_infinity"),
        zeros=counts("zeros"),
        low=of(np.inf if each.min is None else each.min for each in summaries),
        high=of(-np.inf if each.max is None else each.max for each in summaries),
        mean=of(each.mean or 0.0 for each in summaries),
        squares=of((each.std or 0.0) ** 2 * each.finite for each in summaries),
    )
