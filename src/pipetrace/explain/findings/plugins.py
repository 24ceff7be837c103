"""The rules that installed packages declare."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["EntryPoint", "entry_points"]

METADATA = (".dist-info", ".egg-info")


def entry_points(group: str) -> list[EntryPoint]:
    """The entry points of a group, by their names.

    Importing ``importlib.metadata`` and having it read all packages takes as long as reading a trace does, so that is done
    only where a file of any package names the group.
    """
    if not any(_may_declare(place, group.encode()) for place in sys.path):
        return []
    from importlib.metadata import entry_points as found

    return sorted(found(group=group), key=lambda each: each.name)


def _may_declare(place: str, group: bytes) -> bool:
    try:
        with os.scandir(place or ".") as entries:
            folders = [each.path for each in entries if each.name.endswith(METADATA)]
    except NotADirectoryError:
        return True  # such as an archive, into which importlib.metadata looks
    except OSError:
        return False
    return any(group in _bytes(Path(folder, "entry_points.txt")) for folder in folders)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
