"""Histograms and summaries of channels as compressed bytes, and back from anyone's file.

Decoding raises ``ValueError`` for bytes that no writer writes; ``docs/trace-format.md`` has the
form.
"""

import math
import zlib
from collections.abc import Sequence
from struct import Struct
from typing import Any

import numpy as np

from pipetrace.trace.document import Array
from pipetrace.trace.summary import Histogram, Summary

ZLIB_LEVEL = 1
"""Higher levels save 5 % and take twice the time, while training runs."""
MOST_BLOB_BYTES = 1 << 26
"""A blob may unpack to this many bytes. The largest real one, 1,024 histograms of 4,096 bins, has
42 MB; a forged one could unpack to a thousand times its size."""
HISTOGRAM_HEAD = Struct("<IB")
COUNTED = ("count", "nan", "positive_infinity", "negative_infinity", "zeros")
REALS = ("min", "max", "mean", "std")
BYTES_A_KEY, BYTES_A_SUMMARY = 10, 900
"""What decoded histograms and summaries take in memory."""
MISFIT = "the parts of a histogram do not fit together"


def encode_histogram(histogram: Histogram) -> bytes:
    """One histogram as bytes."""
    return zlib.compress(_histograms([histogram]), ZLIB_LEVEL)


def decode_histogram(plain: bytes) -> tuple[Histogram, int]:
    """The histogram again, and its bytes in memory; a ``ValueError`` where these are none."""
    found, _, end = _from_histograms(plain)
    if len(found) != 1 or end != len(plain):
        raise ValueError(MISFIT)
    return found[0], BYTES_A_KEY * len(found[0].keys)


def encode_channels(channels: Sequence[Summary]) -> bytes:
    """The summaries of channels: histograms, then each statistic; NaN stands for None."""
    counted = [np.array([getattr(each, name) for each in channels], "<i8") for name in COUNTED]
    reals = [np.array([getattr(each, name) for each in channels], "<f8") for name in REALS]
    parts = [_histograms([each.histogram for each in channels]), *map(_planes, [*counted, *reals])]
    return zlib.compress(b"".join(parts), ZLIB_LEVEL)


def decode_channels(plain: bytes) -> tuple[tuple[Summary, ...], int]:
    """The summaries again, and their bytes in memory; a ``ValueError`` where these are none."""
    histograms, sums, place = _from_histograms(plain, len(COUNTED) + len(REALS))
    counts, reals = [], []
    for _ in COUNTED:
        values, place = _taken(plain, place, len(histograms), "<i8")
        counts.append(values)
    for _ in REALS:
        values, place = _taken(plain, place, len(histograms), "<f8")
        reals.append(values)
    if place != len(plain):
        raise ValueError(MISFIT)
    _check_statistics(counts, reals, sums)
    columns: list[list[Any]] = [each.tolist() for each in counts]
    columns += [[None if math.isnan(each) else each for each in one.tolist()] for one in reals]
    found = tuple(Summary(*each) for each in zip(*columns, histograms, strict=True))
    keys = sum(len(each.keys) for each in histograms)
    return found, BYTES_A_KEY * keys + BYTES_A_SUMMARY * len(found)


def check_sums(summary: Summary) -> None:
    """Raise a ``ValueError`` where a histogram, maybe of some rows only, counts more than there
    are.
    """
    if float(summary.histogram.counts.sum(dtype=np.float64)) > summary.finite * (1 + 1e-9):
        raise ValueError("a histogram counts more values than there are")


def _check_statistics(counts: list[Array], reals: list[Array], sums: Array) -> None:
    count, *parts = (each.astype(np.float64) for each in counts)
    low, high, mean, std = reals
    empty = count == sum(parts[:-1])
    if any((each < 0).any() for each in parts) or (sum(parts) > count).any():
        raise ValueError("a summary counts more values than there are")
    if (sums > (count - sum(parts[:-1])) * (1 + 1e-9)).any():
        raise ValueError("a histogram counts more values than there are")
    lacking = np.isnan([low, high, mean]) != empty
    if np.isinf([low, high]).any() or lacking.any():
        raise ValueError("a summary lacks statistics, or has those of no values")
    if (low > high).any() or (std < 0).any():
        raise ValueError("the statistics of a summary contradict each other")


def _histograms(histograms: Sequence[Histogram]) -> bytes:
    counts = np.concatenate([each.counts for each in histograms])
    most = int(counts.max()) if len(counts) else 0
    width = next(width for width in (1, 2, 4, 8) if most < 1 << 8 * width)
    keys = np.concatenate([each.keys for each in histograms]).astype(np.uint16)
    parts = [
        HISTOGRAM_HEAD.pack(len(histograms), width),
        bytes(each.bits for each in histograms),
        _planes(np.array([len(each.keys) for each in histograms], "<u4")),
        # The step from one histogram to the next wraps around at 65,536.
        _planes(np.diff(keys, prepend=np.uint16(0)).astype("<u2")),
        _planes(counts.astype(f"<u{width}")),
    ]
    return b"".join(parts)


def _from_histograms(plain: bytes, more: int = 0) -> tuple[list[Histogram], Array, int]:
    """The histograms at the beginning of the bytes, how much each counts, and where they end.

    So many ``more`` numbers of eight bytes follow for each.
    """
    if len(plain) < HISTOGRAM_HEAD.size:
        raise ValueError(MISFIT)
    number, width = HISTOGRAM_HEAD.unpack_from(plain)
    place = HISTOGRAM_HEAD.size + number
    bits = np.frombuffer(plain[HISTOGRAM_HEAD.size : place], np.uint8)
    if width not in (1, 2, 4, 8) or len(bits) != number or ((bits <= 9) | (bits > 16)).any():
        raise ValueError(MISFIT)
    lengths, place = _taken(plain, place, number, "<u4")
    whole = int(lengths.sum(dtype=np.int64))
    # Nothing is made before it is known that all of it is there.
    if place + whole * (2 + width) + 8 * more * number != len(plain):
        raise ValueError(MISFIT)
    steps, place = _taken(plain, place, whole, "<u2")
    counts, place = _taken(plain, place, whole, f"<u{width}")
    keys, counts = np.cumsum(steps, dtype=np.uint16), counts.astype(np.int64)
    ends = np.cumsum(lengths, dtype=np.int64)
    within = np.ones(whole, bool)
    within[(ends - lengths)[lengths > 0]] = False
    rising = np.diff(keys.astype(np.int32), prepend=0) > 0
    if not rising[within].all() or (keys >= np.repeat(2.0**bits, lengths)).any():
        raise ValueError("the keys of a histogram do not rise")
    if (counts < 1).any():
        raise ValueError("a histogram has a bin without values")
    found, start = [], 0
    for each, end in zip(bits.tolist(), ends.tolist(), strict=True):
        found.append(Histogram(keys[start:end], counts[start:end], each))
        start = end
    before = np.concatenate([[0.0], np.cumsum(counts, dtype=np.float64)])
    return found, before[ends] - before[ends - lengths], place


def _planes(values: Array) -> bytes:
    """The lowest bytes of all values, then the next ones."""
    return values.view(np.uint8).reshape(len(values), values.itemsize).T.tobytes()


def _taken(plain: bytes, place: int, number: int, kind: str) -> tuple[Array, int]:
    """The values at a place, and where they end."""
    size = np.dtype(kind).itemsize
    end = place + size * number
    if end > len(plain):
        raise ValueError(MISFIT)
    planes = np.frombuffer(plain, np.uint8, size * number, place).reshape(size, number)
    return np.ascontiguousarray(planes.T).view(kind).reshape(-1), end


def unpacked(data: bytes, most: int) -> bytes:
    """The bytes before compression; a ``ValueError`` where more memory than ``most`` would come of
    it.
    """
    unpacking = zlib.decompressobj()
    try:
        plain = unpacking.decompress(data, min(MOST_BLOB_BYTES, max(most // 4, 1)))
    except zlib.error as error:
        raise ValueError(f"a histogram cannot be unpacked: {error}") from error
    if not unpacking.eof or unpacking.unused_data:
        raise ValueError("a histogram is cut off, or larger than any is")
    return plain
