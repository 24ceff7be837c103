"""Texts of a file that somebody else may have written, without characters that a terminal would obey."""

import json
import unicodedata
from typing import Any


def clean(value: Any) -> Any:
    """A value out of JSON or a column, without characters that a terminal would obey or that no output can carry."""
    if isinstance(value, str):
        if value.isprintable():  # which no such character is
            return value
        return "".join("\N{REPLACEMENT CHARACTER}" if _is_control(each) else each for each in value)
    if isinstance(value, list):
        return [clean(entry) for entry in value]
    if isinstance(value, dict):
        return {clean(key): clean(entry) for key, entry in value.items()}
    return value


def from_bytes(data: bytes) -> str:
    """A text as SQLite has it, cleaned."""
    text = data.decode()
    return text if text.isprintable() else str(clean(text))


def from_json(text: str) -> Any:
    """What a text of JSON says, cleaned."""
    found = json.loads(text)
    # Only behind a backslash can a text that is printable hide a character that is not.
    return clean(found) if "\\" in text or not text.isprintable() else found


def _is_control(character: str) -> bool:
    return character not in "\n\t" and unicodedata.category(character) in {"Cc", "Cs"}
