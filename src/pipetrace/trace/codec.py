"""How records and values are written into the file, and read back from a file that anyone may have written."""

import json
from collections.abc import Mapping
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any, get_args, get_origin

from pipetrace.trace.events import Event
from pipetrace.trace.measurements import KINDS, Decode, Figures
from pipetrace.trace.schema import decode_number, encode_number
from pipetrace.trace.summaries import DAMAGE, damaged
from pipetrace.trace.texts import from_json

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


def encode_figures(figures: Figures) -> str:
    """The figures that were measured as a JSON object, in the order of their fields."""
    return _known({each.name: getattr(figures, each.name) for each in fields(figures)})


def encode_details(event: Event) -> str:
    """The fields of an event that have no column of their own, where they are known, as a JSON object."""
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
