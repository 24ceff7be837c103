"""The layout of a trace file, and how values that SQLite would lose are written. ``docs/trace-format.md`` explains it."""

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from pipetrace.trace.document import Array

APPLICATION_ID = 0x70747263
"""``ptrc`` in ASCII, at byte 68 of the file: what tells a trace from any other SQLite database."""

SCHEMA = 1
"""The version of the layout, in ``user_version``. A reader refuses a file of a higher one."""

TABLES = """
CREATE TABLE run (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE stage (
    position INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    layer TEXT,
    path TEXT NOT NULL,
    config TEXT NOT NULL,
    trainable INTEGER NOT NULL,
    frozen INTEGER NOT NULL,
    flops INTEGER
);
CREATE TABLE spec (
    stage TEXT NOT NULL REFERENCES stage (name),
    role TEXT NOT NULL,
    position INTEGER NOT NULL,
    shape TEXT NOT NULL,
    dtype TEXT NOT NULL,
    source TEXT,
    output INTEGER NOT NULL,
    name TEXT,
    PRIMARY KEY (stage, role, position)
) WITHOUT ROWID;
CREATE TABLE stage_group (
    position INTEGER PRIMARY KEY,
    path TEXT NOT NULL,
    layer TEXT NOT NULL,
    trainable INTEGER NOT NULL,
    frozen INTEGER NOT NULL,
    own_trainable INTEGER NOT NULL,
    own_frozen INTEGER NOT NULL
);
CREATE TABLE group_spec (
    stage_group INTEGER NOT NULL REFERENCES stage_group (position),
    role TEXT NOT NULL,
    position INTEGER NOT NULL,
    shape TEXT NOT NULL,
    dtype TEXT NOT NULL,
    source TEXT,
    output INTEGER NOT NULL,
    name TEXT,
    PRIMARY KEY (stage_group, role, position)
) WITHOUT ROWID;
CREATE TABLE weight (
    stage TEXT NOT NULL REFERENCES stage (name),
    position INTEGER NOT NULL,
    name TEXT NOT NULL,
    shape TEXT NOT NULL,
    trainable INTEGER NOT NULL,
    PRIMARY KEY (stage, position)
) WITHOUT ROWID;
CREATE TABLE epoch (number INTEGER PRIMARY KEY, seconds REAL NOT NULL, learning_rate, steps INTEGER);
CREATE TABLE metric (
    epoch INTEGER NOT NULL REFERENCES epoch (number),
    name TEXT NOT NULL,
    value NOT NULL,
    PRIMARY KEY (epoch, name)
) WITHOUT ROWID;
CREATE TABLE content (id INTEGER PRIMARY KEY, data NOT NULL);
CREATE TABLE summary (
    id INTEGER PRIMARY KEY,
    part TEXT NOT NULL,
    name TEXT NOT NULL,
    epoch INTEGER,
    count INTEGER NOT NULL,
    nan INTEGER NOT NULL,
    positive_infinity INTEGER NOT NULL,
    negative_infinity INTEGER NOT NULL,
    zeros INTEGER NOT NULL,
    min REAL,
    max REAL,
    mean REAL,
    std REAL,
    histogram INTEGER NOT NULL REFERENCES content (id),
    channels INTEGER REFERENCES content (id)
);
CREATE TABLE tensor (
    part TEXT NOT NULL,
    name TEXT NOT NULL,
    dtype TEXT NOT NULL,
    shape TEXT NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (part, name)
);
CREATE TABLE prediction (
    id INTEGER PRIMARY KEY,
    row INTEGER NOT NULL,
    label INTEGER,
    reason TEXT NOT NULL,
    loss,
    held_out INTEGER NOT NULL
);
CREATE TABLE event (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    epoch INTEGER,
    step INTEGER,
    stage TEXT,
    details TEXT NOT NULL
);
CREATE TABLE measurement (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    epoch INTEGER,
    figures INTEGER NOT NULL REFERENCES content (id)
);
CREATE TABLE cost (part TEXT PRIMARY KEY, seconds REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE ending (kind TEXT NOT NULL, error TEXT, stage TEXT, epoch INTEGER, step INTEGER);
"""

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
"""What a stored tensor of numbers can be; other numbers are converted by the writer, and refused by the reader."""

TEXT = "string"
"""The dtype of a stored tensor of texts, whose data are a JSON list of them in C order."""

SPECIAL = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def encode_number(value: float) -> float | str:
    """A float as SQLite and JSON keep it: both turn NaN into null without a word, so it becomes text."""
    if math.isfinite(value):
        return value
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def decode_number(value: object) -> float:
    """The float again.

    Raises:
        ValueError: it is neither a number nor one of the three words.
    """
    if isinstance(value, str) and value in SPECIAL:
        return SPECIAL[value]
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"{value!r} is not a number")  # noqa: TRY004 a damaged file, not a caller's mistake
    return float(value)


def encode_json(value: Any) -> str:
    """Compact JSON with sorted keys; NaN and infinity as text, NumPy numbers as plain ones, anything else as its text."""
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
    """A tensor as dtype, shape in JSON, and little-endian bytes in C order. An unknown dtype becomes float32."""
    shape = json.dumps(list(values.shape))
    if values.dtype.kind in "OSU":
        return (
            TEXT,
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
    if dtype == TEXT:
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
