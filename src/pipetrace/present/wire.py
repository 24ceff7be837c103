"""Typed records as JSON.

Floats that JSON cannot express become the strings ``NaN``, ``Infinity`` and ``-Infinity``. An array
becomes ``{"dtype", "shape", "base64"}`` with little-endian bytes in C order.
The tool ``tools/make_declarations.py`` makes the JSON Schema and the TypeScript declarations of this.
"""

import base64
import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pipetrace.trace.schema import encode_number, encode_tensor


def encode(value: Any) -> Any:
    """A record, mapping, tuple, array or plain value as what ``json`` writes."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {each.name: encode(getattr(value, each.name)) for each in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): encode(entry) for key, entry in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [encode(entry) for entry in value]
    if isinstance(value, np.ndarray):
        dtype, shape, data = encode_tensor(value)
        return {
            "dtype": dtype,
            "shape": json.loads(shape),
            "base64": base64.b64encode(data).decode("ascii"),
        }
    if isinstance(value, float):
        return encode_number(value)
    return value


def to_json(value: Any, *, indent: int | None = None) -> str:
    """A record as JSON text."""
    separators = (",", ":") if indent is None else None
    return json.dumps(
        encode(value), ensure_ascii=False, allow_nan=False, indent=indent, separators=separators
    )
