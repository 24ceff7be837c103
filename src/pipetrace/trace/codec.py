"""How records and values are written into the file, and read back from a file that anyone may have written."""

import json
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any, get_args

from pipetrace.trace.measurements import KINDS, Decode, Figures
from pipetrace.trace.schema import decode_number, encode_number
from pipetrace.trace.summaries import DAMAGE, damaged

TYPES = {
    name: {each.name: get_args(each.type)[0] for each in fields(kind)}
    for name, kind in KINDS.items()
}
"""The type of each field of each kind, without None."""


def encode_figures(figures: Figures) -> str:
    """The figures that were measured as a JSON object, in the order of their fields."""
    values = {each.name: getattr(figures, each.name) for each in fields(figures)}
    plain = {
        name: encode_number(value) if isinstance(value, float) else value
        for name, value in values.items()
        if value is not None
    }
    return json.dumps(plain, separators=(",", ":"), allow_nan=False, ensure_ascii=False)


def decoder(place: Path) -> Decode:
    """Reads the figures of a file; raises ``DamagedTraceError`` of it where they are not as a writer writes them."""
    return partial(_decode_figures, place)


def _decode_figures(place: Path, kind: type[Figures], text: str) -> Figures:
    try:
        found = json.loads(text) if type(text) is str else None
        if not isinstance(found, dict):
            raise ValueError("figures that are no JSON object")  # noqa: TRY004 a damaged file
        types = TYPES[kind.kind]
        return kind(
            **{name: _typed(value, types[name]) for name, value in found.items() if name in types}
        )
    except DAMAGE as error:
        raise damaged(place, error) from error


def _typed(value: Any, wanted: type) -> Any:
    if type(value) is wanted:
        return value
    if wanted is float:
        return decode_number(value)
    raise ValueError(f"{value!r} is not of type {wanted.__name__}")
