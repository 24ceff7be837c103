"""How values are written into the file, and read back from a file that anyone may have written.

Numbers, texts, tensors, histograms as bytes, and the records of measurements and events. Decoding
raises ``ValueError`` for anything that no writer writes. ``docs/trace-format.md`` has the forms.
"""

import json
import math
import unicodedata
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import fields
from struct import Struct
from typing import Any, get_args, get_origin

import numpy as np

from pipetrace.trace.document import Array
from pipetrace.trace.events import Event
from pipetrace.trace.measurements import KINDS, Figures
from pipetrace.trace.summary import Histogram, Summary

DTYPES = (
    "bool",
    "int8",
    "uint8",
    "int16",
    "uint16",
    "int32",
    "uint32",
    "int64",
    "uint64",
    "float16",
    "float32",
    "float64",
)
"""Types of stored numbers. The writer converts others to float32; the reader refuses them."""

TEXT_DTYPE = "string"
"""The type of a stored tensor of texts: a JSON list of them in C order."""

SPECIAL = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
"""Floats that JSON and SQLite cannot hold, as texts."""
TYPES = {
    name: {each.name: get_args(each.type)[0] for each in fields(kind)}
    for name, kind in KINDS.items()
}
"""The type of each field of each kind, without None."""
DETAILS = {
    each.name: get_args(each.type)[0]
    for each in fields(Event)
    if each.name not in ("kind", "epoch", "step", "stage")
}
"""The type of each field of an event that has no column of its own."""

ZLIB_LEVEL = 1
"""Higher levels save 5 % and take twice the time, while training runs."""
MOST_BLOB_BYTES = 1 << 26
"""A blob may unpack to this many bytes. The largest real one, 1,024 histograms of 4,096 bins, has
42 MB; a forged one could unpack to a thousand times its size."""
HISTOGRAM_HEAD = Struct("<IB")
COUNTED = ("count", "nan", "positive_infinity", "negative_infinity", "zeros")
REALS = ("min", "max", "mean", "std")
MISFIT = "the parts of a histogram do not fit together"


def clean(value: Any) -> Any:
    """Replace the control characters of texts, which a terminal would obey, and lone surrogates."""
    if isinstance(value, str):
        if value.isprintable():  # no such character is
            return value
        return "".join("\N{REPLACEMENT CHARACTER}" if _is_control(each) else each for each in value)
    if isinstance(value, list):
        return [clean(entry) for entry in value]
    if isinstance(value, dict):
        return {clean(key): clean(entry) for key, entry in value.items()}
    return value


def from_bytes(data: bytes) -> str:
    """A text from SQLite, cleaned."""
    text = data.decode()
    return text if text.isprintable() else str(clean(text))


def from_json(text: str) -> Any:
    """The value of a JSON text, cleaned."""
    found = json.loads(text)
    # A printable text can hide a control character only behind a backslash.
    return clean(found) if "\\" in text or not text.isprintable() else found


def _is_control(character: str) -> bool:
    return character not in "\n\t" and unicodedata.category(character) in {"Cc", "Cs"}


def encode_number(value: float) -> float | str:
    """A float for SQLite and JSON. NaN and Inf become text: SQLite would store NaN as NULL."""
    if math.isfinite(value):
        return value
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def decode_number(value: object) -> float:
    """The float again.

    Raises:
        ValueError: it is neither a number nor one of the three texts.
    """
    if isinstance(value, str) and value in SPECIAL:
        return SPECIAL[value]
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"{value!r} is not a number")  # noqa: TRY004 a damaged file
    return float(value)


def encode_json(value: Any) -> str:
    """Compact JSON with sorted keys. NaN and infinity become text, and so does any other object."""
    return json.dumps(
        _plain(value), sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False
    )


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return encode_number(value)
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)


def encode_tensor(values: Array) -> tuple[str, str, bytes]:
    """A tensor as its dtype, its shape in JSON, and little-endian bytes in C order."""
    shape = json.dumps(list(values.shape))
    if values.dtype.kind in "OSU":
        return (
            TEXT_DTYPE,
            shape,
            json.dumps([_text(each) for each in values.reshape(-1).tolist()]).encode(),
        )
    kept = values if values.dtype.name in DTYPES else values.astype(np.float32)
    little = np.ascontiguousarray(kept, dtype=kept.dtype.newbyteorder("<"))
    return kept.dtype.name, shape, little.tobytes()


def decode_tensor(dtype: str, shape: str, data: bytes) -> Array:
    """The tensor again, read-only.

    Raises:
        ValueError: the dtype is unknown, or the bytes do not fill the shape.
    """
    if dtype == TEXT_DTYPE:
        texts = json.loads(data)
        if not isinstance(texts, list) or not all(isinstance(each, str) for each in texts):
            raise ValueError("a tensor of texts holds something else")
        found = np.empty(len(texts), object)
        found[:] = texts
        found = found.reshape(json.loads(shape))
        found.setflags(write=False)
        return found
    if dtype not in DTYPES:
        raise ValueError(f"unknown dtype {dtype!r}")
    return np.frombuffer(data, np.dtype(dtype).newbyteorder("<")).reshape(json.loads(shape))


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def encode_figures(figures: Figures) -> str:
    """The figures that were measured as a JSON object, in the order of their fields."""
    return _known({each.name: getattr(figures, each.name) for each in fields(figures)})


def encode_details(event: Event) -> str:
    """The known fields of an event that have no column of their own, as a JSON object."""
    return _known({name: getattr(event, name) for name in DETAILS})


def decode_event(
    kind: str, epoch: int | None, step: int | None, stage: str | None, details: str
) -> Event:
    """The event again.

    Raises:
        ValueError: the details are no JSON object, or hold values of other types.
    """
    found = from_json(details)
    if not isinstance(found, dict):
        raise ValueError("an event whose details are no JSON object")  # noqa: TRY004 a damaged file
    known = {name: _detail(name, value) for name, value in found.items() if name in DETAILS}
    return Event(kind, epoch, step, stage, **known)


def _detail(name: str, value: Any) -> Any:
    wanted = DETAILS[name]
    if get_origin(wanted) is not tuple:
        return _typed(value, wanted)
    if not isinstance(value, list):
        raise ValueError(f"{value!r} is not a shape")  # noqa: TRY004 a damaged file
    return tuple(None if axis is None else _typed(axis, int) for axis in value)


def _known(values: Mapping[str, Any]) -> str:
    plain = {
        name: encode_number(value) if isinstance(value, float) else value
        for name, value in values.items()
        if value is not None
    }
    return json.dumps(plain, separators=(",", ":"), allow_nan=False, ensure_ascii=False)


def decode_figures(kind: type[Figures], text: object) -> Figures:
    """The figures again. Fields that the record does not have are left out.

    Raises:
        ValueError: it is no JSON object, or holds values of other types.
    """
    found = json.loads(text) if isinstance(text, str) else None
    if not isinstance(found, dict):
        raise ValueError("figures that are no JSON object")  # noqa: TRY004 a damaged file
    types = TYPES[kind.kind]
    known = {name: _typed(value, types[name]) for name, value in found.items() if name in types}
    return kind(**known)


def _typed(value: Any, wanted: type) -> Any:
    if type(value) is wanted:
        return value
    if wanted is float:
        return decode_number(value)
    raise ValueError(f"{value!r} is not of type {wanted.__name__}")


def encode_histogram(histogram: Histogram) -> bytes:
    """One histogram as bytes."""
    return zlib.compress(_histograms([histogram]), ZLIB_LEVEL)


def decode_histogram(data: bytes) -> Histogram:
    """The histogram again.

    Raises:
        ValueError: the bytes are not a histogram's.
    """
    plain = _unpacked(data)
    found, end = _from_histograms(plain)
    if len(found) != 1 or end != len(plain):
        raise ValueError(MISFIT)
    return found[0]


def encode_channels(channels: Sequence[Summary]) -> bytes:
    """The summaries of channels: histograms, then each statistic; NaN stands for None."""
    counted = [np.array([getattr(each, name) for each in channels], "<i8") for name in COUNTED]
    reals = [np.array([_real(getattr(each, name)) for each in channels], "<f8") for name in REALS]
    parts = [_histograms([each.histogram for each in channels]), *map(_planes, [*counted, *reals])]
    return zlib.compress(b"".join(parts), ZLIB_LEVEL)


def decode_channels(data: bytes) -> tuple[Summary, ...]:
    """The summaries again.

    Raises:
        ValueError: the bytes are not a histogram's.
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
        HISTOGRAM_HEAD.pack(len(histograms), width),
        bytes(each.bits for each in histograms),
        _planes(np.array([len(each.keys) for each in histograms], "<u4")),
        # The step from one histogram to the next wraps around at 65,536.
        _planes(np.diff(keys, prepend=np.uint16(0)).astype("<u2")),
        _planes(counts.astype(f"<u{width}")),
    ]
    return b"".join(parts)


def _from_histograms(plain: bytes) -> tuple[list[Histogram], int]:
    """The histograms at the beginning of the bytes, and where they end."""
    if len(plain) < HISTOGRAM_HEAD.size:
        raise ValueError(MISFIT)
    number, width = HISTOGRAM_HEAD.unpack_from(plain)
    bits, place = (
        plain[HISTOGRAM_HEAD.size : HISTOGRAM_HEAD.size + number],
        HISTOGRAM_HEAD.size + number,
    )
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
    """The values at a place, and where they end."""
    size = np.dtype(kind).itemsize
    end = place + size * number
    if end > len(plain):
        raise ValueError(MISFIT)
    planes = np.frombuffer(plain, np.uint8, size * number, place).reshape(size, number)
    return np.ascontiguousarray(planes.T).view(kind).reshape(-1), end


def _unpacked(data: bytes) -> bytes:
    if not isinstance(data, bytes):
        raise ValueError(MISFIT)  # noqa: TRY004 a damaged file
    unpacking = zlib.decompressobj()
    try:
        plain = unpacking.decompress(data, MOST_BLOB_BYTES)
    except zlib.error as error:
        raise ValueError(f"a histogram cannot be unpacked: {error}") from error
    if not unpacking.eof or unpacking.unused_data:
        raise ValueError("a histogram is cut off, or larger than any is")
    return plain


def _real(value: float | None) -> float:
    return math.nan if value is None else value
