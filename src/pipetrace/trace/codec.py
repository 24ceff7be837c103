"""How values are written into the file, and read back from a file that anyone may have written.

Numbers, texts, JSON and tensors. Decoding raises ``ValueError`` for anything that no writer writes.
``docs/trace-format.md`` has the forms.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import fields
from functools import lru_cache
from typing import Any

import numpy as np

from pipetrace.errors import visible
from pipetrace.trace.document import Array
from pipetrace.trace.events import Event
from pipetrace.trace.measurements import Figures

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
MOST_CHARACTERS = 10_000
"""A longer text is cut here when it is read, and ends with an ellipsis."""
MOST_JSON_BYTES = 1 << 22
MOST_BRACKETS, MOST_DEPTH = 50_000, 50
"""Of one JSON text. A list in a list takes 3 bytes there and 64 in memory."""
MOST_AXES, LONGEST_AXIS = 32, 2**53
LARGEST_WHOLE, LARGEST_TENSOR = 2**63 - 1, 2**28


def clean(value: Any, depth: int = 0) -> Any:
    """A value of JSON whose texts can be shown anywhere: visible, on one line, none very long.

    A ``ValueError`` where it is nested too deeply.
    """
    if isinstance(value, str):
        return shortened(visible(value))
    if isinstance(value, (list, dict)) and depth > MOST_DEPTH:
        raise ValueError("a JSON text is nested too deeply")
    if isinstance(value, list):
        return [clean(entry, depth + 1) for entry in value]
    if isinstance(value, dict):
        return {clean(key): clean(entry, depth + 1) for key, entry in value.items()}
    return value


def shortened(text: str) -> str:
    """A text of at most 10,000 characters."""
    return text if len(text) <= MOST_CHARACTERS else f"{text[: MOST_CHARACTERS - 1]}…"


def from_bytes(data: bytes) -> str:
    """A text from SQLite, cleaned; a ``ValueError`` where it is no UTF-8."""
    return shortened(visible(data.decode()))


def from_json(data: bytes | str) -> Any:
    """The value of a JSON text, cleaned; a ``ValueError`` for what no writer writes."""
    text = data if isinstance(data, str) else data.decode()
    brackets = text.count("[") + text.count("{")
    if len(text) > MOST_JSON_BYTES or brackets > MOST_BRACKETS:
        raise ValueError("a JSON text is larger than any that is written")
    found = DECODER.decode(text)
    # Characters to hide can stand behind a backslash only, in a text that is printable.
    is_plain = "\\" not in text and text.isprintable()
    is_small = brackets <= MOST_DEPTH and len(text) <= MOST_CHARACTERS
    return found if is_plain and is_small else clean(found)


def _whole(text: str) -> int:
    if len(text) > 20 or abs(int(text)) > LARGEST_WHOLE:
        raise ValueError("a whole number beyond 64 bits")
    return int(text)


def _refused(text: str) -> float:
    raise ValueError(f"{text} in a JSON text")


DECODER = json.JSONDecoder(parse_int=_whole, parse_constant=_refused)


def encode_number(value: float) -> float | str:
    """A float for SQLite and JSON. NaN and Inf become text: SQLite would store NaN as NULL."""
    if math.isfinite(value):
        return value
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def decode_number(value: object) -> float:
    """The float again; a ``ValueError`` where it is neither a number nor one of the three texts."""
    if isinstance(value, str) and value in SPECIAL:
        return SPECIAL[value]
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"{shortened(repr(value))[:100]} is not a number")  # noqa: TRY004 damage
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
    if isinstance(value, int) and abs(value) > LARGEST_WHOLE:
        return encode_number(float(value)) if abs(value) < 1e300 else str(value)[:20]
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


@lru_cache(1024)  # the same few shapes stand in thousands of rows
def decode_shape(text: str) -> tuple[int | None, ...]:
    """A shape of JSON, None for the rows; a ``ValueError`` where it is no list of lengths."""
    found = DECODER.decode(text)
    if not isinstance(found, list) or len(found) > MOST_AXES:
        raise ValueError(f"{text[:100]!r} is no shape")
    for axis in found:
        if axis is not None and (type(axis) is not int or not 0 <= axis <= LONGEST_AXIS):
            raise ValueError(f"{text[:100]!r} is no shape")
    return tuple(found)


def decode_tensor(dtype: str, shape: str, data: bytes) -> Array:
    """The tensor again, read-only; a ``ValueError`` where dtype, shape and bytes do not fit."""
    lengths = _lengths(shape)
    if dtype == TEXT_DTYPE:
        texts = from_json(data)
        if not isinstance(texts, list) or not all(isinstance(each, str) for each in texts):
            raise ValueError("a tensor of texts holds something else")
        flat = np.empty(len(texts), object)
        flat[:] = texts
        found = flat.reshape(lengths)
        found.setflags(write=False)
        return found
    kind = _little_endian(dtype)
    if dtype == "bool" and data.strip(b"\0\1"):
        raise ValueError("a tensor of booleans holds something else")
    return np.frombuffer(data, kind).reshape(lengths)


@lru_cache(1024)
def _lengths(shape: str) -> tuple[int, ...]:
    axes = decode_shape(shape)
    lengths = tuple(axis for axis in axes if axis is not None)
    # Of an empty tensor the other axes may be of any length that the bytes do not limit.
    if len(lengths) < len(axes) or math.prod(max(each, 1) for each in lengths) > LARGEST_TENSOR:
        raise ValueError(f"{shape[:100]!r} is no shape of a tensor")
    return lengths


@lru_cache(64)
def _little_endian(dtype: str) -> np.dtype[Any]:
    if dtype not in DTYPES:
        raise ValueError(f"unknown dtype {dtype[:100]!r}")
    return np.dtype(dtype).newbyteorder("<")


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def encode_figures(figures: Figures) -> str:
    """The figures that were measured as a JSON object, in the order of their fields."""
    return _known({each.name: getattr(figures, each.name) for each in fields(figures)})


def encode_details(event: Event) -> str:
    """The known fields of an event that have no column of their own, as a JSON object."""
    columns = ("kind", "epoch", "step", "stage")
    names = [each.name for each in fields(event) if each.name not in columns]
    return _known({name: getattr(event, name) for name in names})


def _known(values: Mapping[str, Any]) -> str:
    plain = {
        name: encode_number(value) if isinstance(value, float) else value
        for name, value in values.items()
        if value is not None
    }
    return json.dumps(plain, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
