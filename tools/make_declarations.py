"""Write the files that are made from the Python records: the viewer's declarations and the schema of the export.

Run it after a change of the records; a test compares the files with what it would write.
"""

import dataclasses
import json
import types
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pipetrace.explain.learn.lesson import Lesson
from pipetrace.present.comparison.views import ComparisonView
from pipetrace.present.model_view import ModelView
from pipetrace.present.views import Document
from pipetrace.trace.codec import SPECIAL
from pipetrace.trace.document import Stage, Stages, Trace
from pipetrace.trace.measurement_table import Measurement, Measurements
from pipetrace.trace.measurements import KINDS, Figures

LAZY: dict[Any, Any] = {
    Measurements: tuple[Measurement, ...],
    Stages: tuple[Stage, ...],
    Figures: typing.Union[tuple(KINDS.values())],  # noqa: UP007 of a tuple
}
"""What stands for classes that are no records."""
ROOT = Path(__file__).resolve().parent.parent


def declarations() -> Iterator[tuple[Path, str]]:
    """The files and their texts."""
    yield (
        ROOT / "src/pipetrace/present/viewer/document.d.ts",
        typescript(Document, ModelView, Lesson, ComparisonView),
    )
    schema = json_schema(Trace, "A pipetrace trace")
    yield ROOT / "docs/trace.schema.json", json.dumps(schema, indent=2) + "\n"


def records(*roots: type) -> list[type]:
    """The records and all that their fields hold, each once, in the order in which they are met."""
    found: list[type] = []
    waiting: list[Any] = [*roots]
    while waiting:
        each = waiting.pop(0)
        if dataclasses.is_dataclass(each) and isinstance(each, type):
            if each not in found:
                found.append(each)
                waiting += _fields(each).values()
        else:
            waiting += typing.get_args(each)
    return found


def typescript(*roots: type) -> str:
    """Declarations of records and all that they hold."""
    lines = [
        (
            "// Made from the Python records by `python tools/make_declarations.py`; "
            "a test holds the two together."
        ),
        "",
        "export interface Tensor {",
        "  dtype: string;",
        "  shape: number[];",
        "  base64: string;",
        "}",
        "",
    ]
    for record in records(*roots):
        lines.append(f"export interface {record.__name__} {{")
        lines += [f"  {name}: {_typescript(kind)};" for name, kind in _fields(record).items()]
        lines += ["}", ""]
    return "\n".join(lines)


def json_schema(root: type, title: str) -> dict[str, Any]:
    """A JSON Schema (draft 2020-12) of a record."""
    definitions: dict[str, Any] = {
        "Number": {"anyOf": [{"type": "number"}, {"enum": list(SPECIAL)}]},
        "Tensor": {
            "type": "object",
            "description": "Little-endian bytes in C order.",
            "properties": {
                "dtype": {"type": "string"},
                "shape": {"type": "array", "items": {"type": "integer", "minimum": 0}},
                "base64": {"type": "string", "contentEncoding": "base64"},
            },
            "required": ["dtype", "shape", "base64"],
            "additionalProperties": False,
        },
    }
    for record in records(root):
        fields = _fields(record)
        definitions[record.__name__] = {
            "type": "object",
            "description": (record.__doc__ or "").split("\n\n")[0].strip(),
            "properties": {name: _schema(kind) for name, kind in fields.items()},
            "required": list(fields),
            "additionalProperties": False,
        }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        "$ref": f"#/$defs/{root.__name__}",
        "$defs": definitions,
    }


def _fields(record: type) -> dict[str, Any]:
    hints = typing.get_type_hints(record)
    return {
        each.name: LAZY.get(hints[each.name], hints[each.name])
        for each in dataclasses.fields(record)
    }


JSON_TYPES = {str: ("string", "string"), bool: ("boolean", "boolean"), int: ("number", "integer")}


def _typescript(kind: Any) -> str:
    if kind in JSON_TYPES:
        return JSON_TYPES[kind][0]
    if kind is float:
        return "number"
    if kind is type(None):
        return "null"
    if dataclasses.is_dataclass(kind):
        return str(getattr(kind, "__name__", ""))
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is np.ndarray:
        return "Tensor"
    if origin in (types.UnionType, typing.Union):
        return " | ".join(_typescript(each) for each in arguments)
    if origin is tuple and arguments[-1] is Ellipsis:
        inner = _typescript(arguments[0])
        return f"({inner})[]" if "|" in inner else f"{inner}[]"
    if origin is tuple:
        return f"[{', '.join(_typescript(each) for each in arguments)}]"
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return f"Record<string, {_typescript(arguments[1])}>"
    raise TypeError(f"{kind} has no form on the wire")


def _schema(kind: Any) -> dict[str, Any]:
    if kind in JSON_TYPES:
        return {"type": JSON_TYPES[kind][1]}
    if kind is float:
        return {"$ref": "#/$defs/Number"}
    if kind is type(None):
        return {"type": "null"}
    if kind is Any:
        return {}
    if dataclasses.is_dataclass(kind):
        return {"$ref": f"#/$defs/{getattr(kind, '__name__', '')}"}
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is np.ndarray:
        return {"$ref": "#/$defs/Tensor"}
    if origin in (types.UnionType, typing.Union):
        return {"anyOf": [_schema(each) for each in arguments]}
    if origin is tuple and arguments[-1] is Ellipsis:
        return {"type": "array", "items": _schema(arguments[0])}
    if origin is not None and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": _schema(arguments[1])}
    raise TypeError(f"{kind} has no form on the wire")


if __name__ == "__main__":
    for place, text in declarations():
        place.write_text(text, encoding="utf-8")
