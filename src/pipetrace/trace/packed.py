"""Histograms, and the summaries of channels, as bytes: exact, and small. ``docs/trace-format.md`` explains them.

Numbers of one kind stand together, first the lowest byte of each, then the next one, and all is compressed by zlib. So the
bytes that are all alike, such as the high ones of small counts, take nearly no room.
"""

import math
import zlib
from collections.abc import Sequence
from struct import Struct

import numpy as np

from pipetrace.trace.document import Array, Histogram, Summary

LEVEL = 1
"""Of zlib's nine: the higher ones save 5 % more and take twice the time, which is taken while training runs."""
MOST = 1 << 26
"""Bytes that one blob may become: 1,024 histograms of 4,096 bins, the most there can be, are 42 MB. A forged blob could
become a thousand times its size."""
HEAD = Struct("<IB")
COUNTED = ("count", "nan", "positive_infinity", "negative_infinity", "zeros")
REALS = ("min", "max", "mean", "std")
MISFIT = "the parts of a histogram do not fit together"


def encode_histogram(histogram: Histogram) -> bytes:
    """One histogram."""
    return zlib.compress(_histograms([histogram]), LEVEL)


def decode_histogram(data: bytes) -> Histogram:
    """The histogram again.

    Raises:
        ValueError: the bytes are none.
    """
    plain = _unpacked(data)
    found, end = _from_histograms(plain)
    if len(found) != 1 or end != len(plain):
        raise ValueError(MISFIT)
    return found[0]


def encode_channels(channels: Sequence[Summary]) -> bytes:
    """The summaries of channels: their histograms, then each figure of all of them; NaN stands for None."""
    counted = [np.array([getattr(each, name) for each in channels], "<i8") for name in COUNTED]
    reals = [np.array([_real(getattr(each, name)) for each in channels], "<f8") for name in REALS]
    parts = [_histograms([each.histogram for each in channels]), *map(_planes, [*counted, *reals])]
    return zlib.compress(b"".join(parts), LEVEL)


def decode_channels(data: bytes) -> tuple[Summary, ...]:
    """The summaries again.

    Raises:
        ValueError: the bytes are none.
    """
    plain = _unpacked(data)
    histograms, place = _from_histograms(plain)
    columns = []
    for _ in COUNTED:
        values, place = _taken(plain, place, len(histograms), "<i8")
        columns.append(values.tolist())
    for _ in REALS:
        values, place = _taken(plain, place, len(histograms), "<f8")
        columns.append([None if math.isnan(each) else each for each in values.tolist()])
    if place != len(plain):
        raise ValueError(MISFIT)
    return tuple(Summary(*figures) for figures in zip(*columns, histograms, strict=True))


def _histograms(histograms: Sequence[Histogram]) -> bytes:
    counts = np.concatenate([each.counts for each in histograms])
    most = int(counts.max()) if len(counts) else 0
    width = next(width for width in (1, 2, 4, 8) if most < 1 << 8 * width)
    keys = np.concatenate([each.keys for each in histograms]).astype(np.uint16)
    parts = [
        HEAD.pack(len(histograms), width),
        bytes(each.bits for each in histograms),
        _planes(np.array([len(each.keys) for each in histograms], "<u4")),
        # Below zero the steps between two histograms begin anew at 65,536.
        _planes(np.diff(keys, prepend=np.uint16(0)).astype("<u2")),
        _planes(counts.astype(f"<u{width}")),
    ]
    return b"".join(parts)


def _from_histograms(plain: bytes) -> tuple[list[Histogram], int]:
    """The histograms at the beginning of some bytes, and where they end."""
    if len(plain) < HEAD.size:
        raise ValueError(MISFIT)
    number, width = HEAD.unpack_from(plain)
    bits, place = plain[HEAD.size : HEAD.size + number], HEAD.size + number
    if width not in (1, 2, 4, 8) or len(bits) != number or not all(9 < each <= 16 for each in bits):
        raise ValueError(MISFIT)
    lengths, place = _taken(plain, place, number, "<u4")
    whole = int(lengths.sum(dtype=np.int64))
    steps, place = _taken(plain, place, whole, "<u2")
    counts, place = _taken(plain, place, whole, f"<u{width}")
    keys, counts = np.cumsum(steps, dtype=np.uint16), counts.astype(np.int64)
    found, start = [], 0
    for each, length in zip(bits, lengths.tolist(), strict=True):
        found.append(Histogram(keys[start : start + length], counts[start : start + length], each))
        start += length
    return found, place


def _planes(values: Array) -> bytes:
    """The lowest bytes of all values, then the next ones."""
    return values.view(np.uint8).reshape(len(values), values.itemsize).T.tobytes()


def _taken(plain: bytes, place: int, number: int, kind: str) -> tuple[Array, int]:
    """Values that stand at a place, and where they end."""
    size = np.dtype(kind).itemsize
    end = place + size * number
    if end > len(plain):
        raise ValueError(MISFIT)
    planes = np.frombuffer(plain, np.uint8, size * number, place).reshape(size, number)
    return np.ascontiguousarray(planes.T).view(kind).reshape(-1), end


def _unpacked(data: bytes) -> bytes:
    if not isinstance(data, bytes):
        raise ValueError(MISFIT)  # noqa: TRY004 a damaged file, not a caller's mistake
    unpacking = zlib.decompressobj()
    try:
        plain = unpacking.decompress(data, MOST)
    except zlib.error as error:
        raise ValueError(f"a histogram cannot be unpacked: {error}") from error
    if not unpacking.eof or unpacking.unused_data:
        raise ValueError("a histogram is cut off, or larger than any is")
    return plain


def _real(value: float | None) -> float:
    return math.nan if value is None else value
