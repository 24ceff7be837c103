"""The summary of a tensor, whole and per channel, and the merging of two."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipetrace.summary.histogram import (
    COARSE,
    FINE,
    SHORT,
    coarsen,
    count_channel_keys,
    count_keys,
    count_short_channels,
    from_counts,
    merge_histograms,
)
from pipetrace.summary.moments import Moments, collapse, join, measure
from pipetrace.trace.document import Histogram, Summary

MOST_CHANNELS = 1024
"""A last axis longer than this is a vector of features, not a set of channels: it gets no summary per index."""


class Summariser:
    """A summary in the making: takes batch after batch and gives the summary of all of them.

    Counts are added up in full arrays and made into a summary once, which is far cheaper than merging a summary for
    each batch.

    Args:
        by_channel: whether there is a summary for each index of the last axis too, which takes 32 kB for each of them.
        coarse: whether the histogram of the whole has the wide bins that those of the channels have, which take a
            twentieth of the room.
    """

    def __init__(self, *, by_channel: bool = True, coarse: bool = False) -> None:
        self._by_channel, self._coarse_only = by_channel, coarse
        self._channels: int | None = None
        self._moments: Moments | None = None
        self._fine = np.zeros(1 << FINE, np.int64)
        self._coarse = np.zeros((0, 1 << COARSE), np.int64)

    def add(self, values: NDArray[Any]) -> None:
        """Take a batch.

        Args:
            values: any shape, any real dtype; the first axis is the rows. Values are taken as float32, which is exact
                for float32 and narrower floats, and for whole numbers up to 2**24; what is too large for it counts as
                infinite.

        Raises:
            ValueError: the batch has another number of channels than the ones before.
        """
        channels = values.shape[-1] if values.ndim > 1 else 1
        columns = channels if self._by_channel and 1 < channels <= MOST_CHANNELS else 1
        if self._channels is None:
            self._channels = channels
            self._coarse = np.zeros((columns if columns > 1 else 0, 1 << COARSE), np.int64)
        elif self._by_channel and self._channels != channels:
            raise ValueError(f"A batch has {channels} channels, the ones before had {self._channels}")
        with np.errstate(over="ignore"):
            table = np.ascontiguousarray(values, dtype=np.float32).reshape(-1, columns)
        moments = measure(table)
        self._moments = moments if self._moments is None else join([self._moments, moments])
        finite = bool((moments.finite == moments.count).all())
        if finite and len(table) < SHORT and len(self._coarse):
            self._fine += count_keys(table)
            self._coarse += count_short_channels(table)
            return
        for index, counts in enumerate(count_channel_keys(table) if finite else _finite_channel_keys(table)):
            self._fine += counts
            if len(self._coarse):
                self._coarse[index] += coarsen(counts)

    def summary(self) -> Summary:
        """The summary of all batches so far.

        Returns:
            the summary; ``channels`` is None for fewer than two axes, for one channel and for more than 1,024.

        Raises:
            ValueError: there was no batch.
        """
        moments = self._moments
        if moments is None:
            raise ValueError("There is nothing to summarise")
        parts = tuple(
            _summary(moments, index, from_counts(counts, COARSE)) for index, counts in enumerate(self._coarse)
        )
        whole = from_counts(coarsen(self._fine), COARSE) if self._coarse_only else from_counts(self._fine, FINE)
        return _summary(collapse(moments), 0, whole, parts or None)


def summarise(values: NDArray[Any], *, by_channel: bool = True, coarse: bool = False) -> Summary:
    """The summary of one array: of all values, and of each index of the last axis; see ``Summariser``."""
    summariser = Summariser(by_channel=by_channel, coarse=coarse)
    summariser.add(values)
    return summariser.summary()


def merge(first: Summary, second: Summary) -> Summary:
    """The summary of both together, as if their values had been summarised at once.

    Counts, extremes and histograms are exact; mean and standard deviation agree to float64 rounding. Channels are
    merged where both have as many, and dropped otherwise.
    """
    moments = join([_moments(first), _moments(second)])
    histogram = merge_histograms(first.histogram, second.histogram)
    channels = None
    if first.channels and second.channels and len(first.channels) == len(second.channels):
        channels = tuple(merge(ours, theirs) for ours, theirs in zip(first.channels, second.channels, strict=True))
    return _summary(moments, 0, histogram, channels)


def _finite_channel_keys(table: NDArray[np.float32]) -> Iterator[NDArray[np.int64]]:
    for column in table.T:
        yield count_keys(np.ascontiguousarray(column[np.isfinite(column)]))


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
        min=float(moments.low[index]) if finite else None,
        max=float(moments.high[index]) if finite else None,
        mean=float(moments.mean[index]) if finite else None,
        std=float(np.sqrt(moments.squares[index] / finite)) if finite else None,
        histogram=histogram,
        channels=channels,
    )


def _moments(summary: Summary) -> Moments:
    def one(value: float) -> NDArray[np.float64]:
        return np.array([value], np.float64)

    def whole(value: int) -> NDArray[np.int64]:
        return np.array([value], np.int64)

    return Moments(
        count=whole(summary.count),
        nan=whole(summary.nan),
        positive_infinity=whole(summary.positive_infinity),
        negative_infinity=whole(summary.negative_infinity),
        zeros=whole(summary.zeros),
        low=one(np.inf if summary.min is None else summary.min),
        high=one(-np.inf if summary.max is None else summary.max),
        mean=one(summary.mean or 0.0),
        squares=one((summary.std or 0.0) ** 2 * summary.finite),
    )
