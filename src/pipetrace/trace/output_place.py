"""Where a trace goes: whether it may be written there, and the errors where it cannot be."""

import os
from contextlib import suppress
from pathlib import Path

from pipetrace.errors import DiskFullError, NotWritableError, OutputExistsError
from pipetrace.trace.schema import APPLICATION_ID


def check_place(path: Path, *, any_file: bool = False) -> None:
    """Raise an ``OutputError`` unless a trace may be written at a place.

    A trace may be replaced, and with ``any_file`` any other file.
    """
    try:
        if path.is_dir():
            raise write_error(path, IsADirectoryError(21, "Is a directory"))
        if path.exists():
            with path.open("rb") as file:
                head = file.read(72)
            if not any_file and head and int.from_bytes(head[68:72], "big") != APPLICATION_ID:
                raise output_exists(path, "Give another name; only traces are replaced.")
        elif not path.absolute().parent.is_dir():
            raise write_error(path, FileNotFoundError(2, "No such folder"))
        if not os.access(path.absolute().parent, os.W_OK):
            raise write_error(path, PermissionError(13, "Permission denied"))
    except OSError as error:
        raise write_error(path, error) from error


def typed(path: Path) -> str:
    """A path as short as it can be typed in the current folder."""
    with suppress(ValueError, OSError):  # it is elsewhere, or the folder is gone
        return str(path.relative_to(Path.cwd()))
    return str(path)


def output_exists(
    path: Path, hint: str = "Give another name, or add --force to replace it."
) -> OutputExistsError:
    """The error for a file that would be overwritten."""
    return OutputExistsError(
        f"{path} exists and would be overwritten.",
        where=str(path),
        hint=hint,
    )


def write_error(path: Path, error: Exception) -> DiskFullError | NotWritableError:
    """The error for a trace that cannot be written."""
    code = getattr(error, "sqlite_errorname", "")
    if (
        code == "SQLITE_FULL"
        or code.startswith("SQLITE_IOERR")
        or getattr(error, "errno", None) in (27, 28, 122)
    ):
        return DiskFullError(
            f"The trace could not be written: {error}.",
            where=str(path),
            hint="Make room on the disk or choose another folder. Finished epochs stay readable.",
        )
    return NotWritableError(
        f"The trace could not be written: {error}.",
        where=str(path),
        hint="Choose a folder that exists and that you may write to.",
    )
