"""What installed packages offer under a name: ``importlib.metadata``, asked only where there may be an answer.

Importing it takes longer than looking for the name, and hardly anybody has a package that offers rules.
"""

import os
import sys
from collections.abc import Iterable
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

FOLDERS = (".dist-info", ".egg-info")


def entry_points(group: str) -> "Iterable[EntryPoint]":
    """The entry points of a group, as ``importlib.metadata.entry_points`` gives them."""
    if not _may_be_there(group):
        return ()
    from importlib import metadata

    return metadata.entry_points(group=group)


def _may_be_there(group: str) -> bool:
    """Whether the group's name stands in a file of an installed package, or packages lie elsewhere than in folders."""
    if any(hasattr(each, "find_distributions") for each in sys.meta_path if each is not PathFinder):
        return True
    return any(_may_be_in(folder or os.curdir, group.encode()) for folder in sys.path)


def _may_be_in(folder: str, group: bytes) -> bool:
    try:
        names = [each.name for each in Path(folder).iterdir()]
    except FileNotFoundError:
        return False
    except OSError:  # a file, such as a zip archive of packages
        return True
    if any(name.lower().endswith(".egg") for name in names):
        return True
    return any(_names(Path(folder, name), group) for name in names if name.lower().endswith(FOLDERS))


def _names(folder: Path, group: bytes) -> bool:
    try:
        return group in (folder / "entry_points.txt").read_bytes()
    except OSError:
        return False
