"""``[tool.pipetrace]`` in pyproject.toml: what ``pipetrace check`` does where its options do not say otherwise."""

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from pipetrace.errors import SettingsError

NAME = "pyproject.toml"
TABLE = "tool.pipetrace"


@dataclass(frozen=True)
class Settings:
    """The settings, None where there is none.

    Attributes:
        select, ignore: codes of rules.
        level: ``error``, ``warning`` or ``note``.
        format: ``text``, ``json``, ``sarif`` or ``github``.
        expect: expectations.
        baseline: the path of a trace; a relative one begins at the folder of pyproject.toml.
        tolerance: a share.
    """

    select: tuple[str, ...] | None = None
    ignore: tuple[str, ...] | None = None
    level: str | None = None
    format: str | None = None
    expect: tuple[str, ...] | None = None
    baseline: Path | None = None
    tolerance: float | None = None


CHOICES = {"level": ("error", "warning", "note"), "format": ("text", "json", "sarif", "github")}
LISTS = ("select", "ignore", "expect")


def settings(folder: Path) -> Settings:
    """The settings that hold in a folder: those of the nearest pyproject.toml that has the table, in it or above it.

    Raises:
        SettingsError: the file cannot be read, or the table has a key or a value that is not known.
    """
    for each in (folder, *folder.parents):
        place = each / NAME
        if place.is_file():
            table = _table(place)
            if table is not None:
                return _settings(table, place)
    return Settings()


def _table(place: Path) -> Mapping[str, Any] | None:
    try:
        found = tomllib.loads(place.read_text(encoding="utf-8")).get("tool", {})
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(
            f"{NAME} cannot be read: {error}.",
            where=str(place),
            hint="Correct it; its form is TOML.",
        ) from error
    table = found.get("pipetrace") if isinstance(found, Mapping) else None
    if table is not None and not isinstance(table, Mapping):
        raise _wrong(place, "", table, "a table")
    return table


def _settings(table: Mapping[str, Any], place: Path) -> Settings:
    known = [field.name for field in fields(Settings)]
    for key in table:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            raise SettingsError(
                f"[{TABLE}] has the unknown key {key!r}.",
                where=str(place),
                hint=f"{f'Did you mean {near[0]!r}? ' if near else ''}The keys are {', '.join(known)}.",
            )
    return Settings(**{key: _value(key, value, place) for key, value in table.items()})


def _value(key: str, value: Any, place: Path) -> Any:
    if key in LISTS:
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise _wrong(place, key, value, 'a list of texts, such as ["PT2", "PT305"]')
        return tuple(value)
    if key in CHOICES:
        if value not in CHOICES[key]:
            raise _wrong(place, key, value, f"one of {', '.join(CHOICES[key])}")
        return value
    if key == "baseline":
        if not isinstance(value, str) or not value:
            raise _wrong(place, key, value, "the path of a trace")
        return place.parent / value
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _wrong(place, key, value, "a share, such as 0.1")
    return float(value)


def _wrong(place: Path, key: str, value: object, expected: str) -> SettingsError:
    return SettingsError(
        f"[{TABLE}]{f' {key}' if key else ''} is {value!r}, expected {expected}.",
        where=str(place),
        hint="Correct it; docs/command-line.md has an example.",
    )
