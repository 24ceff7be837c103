"""``[tool.pipetrace]`` in pyproject.toml: defaults for the options of ``pipetrace check``."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from textwrap import shorten
from typing import Any

from pipetrace.errors import SettingsError

NAME = "pyproject.toml"
TABLE = "tool.pipetrace"
LARGEST = 1_000_000
"""A larger file is not read, in bytes."""


@dataclass(frozen=True)
class Config:
    """The defaults; None where the table has no such key."""

    # select, ignore: rule codes or their beginnings
    select: tuple[str, ...] | None = None
    ignore: tuple[str, ...] | None = None
    level: str | None = None  # ``error``, ``warning`` or ``note``
    format: str | None = None  # ``text``, ``json``, ``sarif``, ``github`` or ``junit``
    expect: tuple[str, ...] | None = None  # conditions
    # the address of a trace, or its path, relative to the folder of pyproject.toml
    baseline: str | Path | None = None
    tolerance: float | None = None  # a share, such as 0.1


CHOICES = {
    "level": ("error", "warning", "note"),
    "format": ("text", "json", "sarif", "github", "junit"),
    "export": ("json", "csv", "parquet", "junit", "tensorboard", "mlflow"),
    "quiz": ("text", "json", "gift", "moodle", "qti", "anki"),
    "compare": ("text", "json", "markdown", "html"),
    "learn": ("text", "markdown", "notebook"),
    "runs": ("text", "json", "csv", "html"),
}
LISTS = ("select", "ignore", "expect")
PATHS = ("baseline",)


def config(folder: Path) -> Config:
    """The configuration for a folder: that of the nearest pyproject.toml with the table.

    A ``SettingsError`` where it cannot be read, or has an unknown key or a wrong value.
    """
    for each in (folder, *folder.parents):
        if (table := _table(each / NAME)) is not None:
            return _checked(table, each / NAME)
    return Config()


def _table(file: Path) -> Mapping[str, Any] | None:
    import tomllib

    try:
        if not file.is_file():
            return None
        tool = tomllib.loads(_text(file)).get("tool", {})
    except (OSError, ValueError, RecursionError) as error:
        raise SettingsError(
            f"{NAME} cannot be read: {' '.join(str(error).split())[:300].rstrip('.')}.",
            where=str(file),
            hint="Correct it; it must be TOML.",
        ) from error
    table = tool.get("pipetrace") if isinstance(tool, Mapping) else None
    if table is not None and not isinstance(table, Mapping):
        raise _wrong(file, "", table, "a table")
    return table


def _text(file: Path) -> str:
    with file.open("rb") as opened:
        data = opened.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise ValueError(f"it is larger than {LARGEST:,} bytes")
    return data.decode()


def _checked(table: Mapping[str, Any], file: Path) -> Config:
    known = [field.name for field in fields(Config)]
    for key in table:
        if key not in known:
            import difflib

            near = difflib.get_close_matches(key, known, 1)
            guess = f"Did you mean {near[0]!r}? " if near else ""
            raise SettingsError(
                f"[{TABLE}] has the unknown key {shorten(repr(key), 100)}.",
                where=str(file),
                hint=f"{guess}The keys are {', '.join(known)}.",
            )
    return Config(**{key: _value(key, value, file) for key, value in table.items()})


def _value(key: str, value: Any, file: Path) -> Any:
    if key in LISTS:
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise _wrong(file, key, value, 'a list of strings, such as ["PT2", "PT305"]')
        return tuple(value)
    if key in CHOICES:
        if value not in CHOICES[key]:
            raise _wrong(file, key, value, f"one of {', '.join(CHOICES[key])}")
        return value
    if key in PATHS:
        if not isinstance(value, str) or not value or "\0" in value:
            raise _wrong(file, key, value, "the path of a trace")
        return value if "://" in value else file.parent / value
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1e9:
        raise _wrong(file, key, value, "a share, such as 0.1")
    return float(value)


def _wrong(file: Path, key: str, value: object, expected: str) -> SettingsError:
    return SettingsError(
        f"[{TABLE}]{f' {key}' if key else ''} is {shorten(repr(value), 100)}, expected {expected}.",
        where=str(file),
        hint="Correct it; pipetrace help bad-settings has an example.",
    )
