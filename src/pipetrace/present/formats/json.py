"""Typed records as JSON, and a check's findings as JSON.

Floats that JSON cannot hold become the strings ``NaN``, ``Infinity`` and ``-Infinity``. An array
becomes ``{"dtype", "shape", "base64"}`` with little-endian bytes in C order. The tool
``tools/make_declarations.py`` makes the JSON Schema and the TypeScript declarations of this.
"""

import base64
import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from pipetrace.explain.findings.engine import Report
from pipetrace.explain.overhead import omissions
from pipetrace.trace.codec import encode_number, encode_tensor

CHECK_VERSION = 1
"""The version of the JSON of a check; it changes if a key is removed or changes its meaning."""
DEPTH = 4
"""How deep a trace is written in pieces: to the summaries of an epoch."""


def encode(value: Any) -> Any:
    """A record, mapping, tuple, array or plain value as what ``json`` writes."""
    if value is None or type(value) in (str, int, bool):  # most of them
        return value
    if isinstance(value, float):
        return encode_number(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {each.name: encode(getattr(value, each.name)) for each in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): encode(entry) for key, entry in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [encode(entry) for entry in value]
    if isinstance(value, np.ndarray):
        dtype, _, data = encode_tensor(value)
        return {
            "dtype": dtype,
            "shape": list(value.shape),
            "base64": base64.b64encode(data).decode("ascii"),
        }
    return value


def to_json(value: Any) -> str:
    """A record as JSON text."""
    return json.dumps(encode(value), ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def indented(value: Any) -> str:
    """A record as JSON text for people and programs, with a line for each entry."""
    return json.dumps(encode(value), ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def pieces(value: Any, depth: int = DEPTH) -> Iterator[str]:
    """A record as JSON text in pieces, none of them large: one line for each entry to a depth."""
    entries: Iterable[tuple[Any, Any]]
    is_list = False
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        entries = ((each.name, getattr(value, each.name)) for each in dataclasses.fields(value))
    elif isinstance(value, Mapping):
        entries = value.items()
    elif isinstance(value, Sequence) and not isinstance(value, str):
        entries, is_list = enumerate(value), True
    else:
        depth = 0
    if not depth:
        yield to_json(value)
        return
    before = opening = "[" if is_list else "{"
    for name, entry in entries:
        yield f"{before}\n" if is_list else f"{before}\n{to_json(str(name))}:"
        yield from pieces(entry, depth - 1)
        before = ","
    yield f"{opening if before == opening else ''}{']' if is_list else '}'}"


def check_as_json(checked: Sequence[Report], version: str) -> str:
    """A check for programs: everything that is known of each finding."""
    made = {
        "version": CHECK_VERSION,
        "pipetrace": version,
        "exit_code": max((each.exit_code for each in checked), default=0),
        "traces": [
            {
                "file": each.file,
                "title": each.trace.run.title,
                "level": each.level,
                "rules": [rule.code for rule in each.ran],
                "not_run": {one.rule.code: list(one.missing) for one in each.not_run},
                "skipped": omissions(each.trace) if each.not_run else "",
                "findings": each.findings,
                "evaluations": each.trace.evaluations,
                "hidden": len(each.hidden),
                "failed": [
                    {
                        "slug": error.slug,
                        "what": error.what,
                        "where": error.where,
                        "hint": error.hint,
                    }
                    for error in each.failed
                ],
            }
            for each in checked
        ],
    }
    return indented(made)
