"""The files of a command: checked before, written whole or not at all, listed at the end."""

import errno
import os
import shlex
import tempfile
from collections.abc import Iterable
from pathlib import Path

import click

from pipetrace.errors import (
    ArgumentError,
    DiskFullError,
    NotWritableError,
    OutputError,
    OutputExistsError,
    visible,
)
from pipetrace.explain.facts import trained
from pipetrace.explain.formatting import counted
from pipetrace.trace.document import Trace

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def check_outputs(paths: Iterable[Path], *, force: bool) -> None:
    """Find out before any work is done whether files can be written, or raise why not.

    An ``ArgumentError`` where two are the same, else an ``OutputError``.
    """
    places = list(paths)
    if len({place.absolute() for place in places}) < len(places):
        raise ArgumentError(
            "Two outputs would go into the same file.",
            where=str(places[0]),
            hint="Give --out and --page different names.",
        )
    for place in places:
        folder = place.absolute().parent
        if _is_folder(place):
            raise NotWritableError(
                f"{place} is a folder.", where=str(place), hint="Give the name of a file."
            )
        if not folder.is_dir():
            raise NotWritableError(
                f"There is no folder {folder}.",
                where=str(place),
                hint="Make the folder first, or give another name.",
            )
        try:
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            raise NotWritableError(
                f"The folder {folder} cannot be written to: {error.strerror}.",
                where=str(place),
                hint="Choose a folder that you may write to.",
            ) from error
    there = [str(place) for place in places if place.exists()]
    if there and not force:
        names = " and ".join(there)
        raise OutputExistsError(
            f"{names} {'exists' if len(there) == 1 else 'exist'} and would be overwritten.",
            where=names,
            hint="Give another name, or add --force to replace it."
            if len(there) == 1
            else "Give other names, or add --force to replace them.",
        )


def _is_folder(place: Path) -> bool:
    try:
        return place.is_dir()
    except OSError as error:  # such as a name longer than the system allows
        raise NotWritableError(
            f"The file could not be written: {error.strerror}.",
            where=str(place),
            hint="Give another name.",
        ) from error


def keep_apart(read: Path, written: Iterable[Path]) -> None:
    """Refuse, by an ``ArgumentError``, to write over what is read, whatever ``--force`` says."""
    for place in written:
        try:
            same = place.exists() and place.samefile(read)
        except OSError:
            continue  # one of them cannot be looked at; whoever opens it will say so
        if same:
            raise ArgumentError(
                f"{place} is what is read; it would be overwritten.",
                where=str(place),
                hint="Give the output another name.",
            )


def write_text(path: Path, text: str | bytes | Iterable[str], *, force: bool = False) -> None:
    """Write a file, in pieces or as a whole, under another name and move it into place.

    So it is never half written. Bytes are written as they are. Errors are those of
    ``check_outputs``.
    """
    check_outputs([path], force=force)
    draft = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        if isinstance(text, bytes):
            draft.write_bytes(text)
        else:
            with draft.open("w", encoding="utf-8") as opened:
                opened.writelines([text] if isinstance(text, str) else text)
        draft.replace(path)
    except OSError as error:
        kind: type[OutputError] = NotWritableError
        hint = "Choose a folder that exists and that you may write to."
        if error.errno in NO_ROOM:
            kind, hint = DiskFullError, "Make room on the disk or choose another folder."
        said = f"The file could not be written: {error.strerror}."
        raise kind(said, where=str(path), hint=hint) from error
    finally:
        draft.unlink(missing_ok=True)


def files_written(trace: Trace, out: Path, page: Path) -> str:
    """The written files with their sizes, and the commands that open them."""
    # A file name need not be valid text, but what is printed has to be.
    names = [visible(click.format_filename(path)) for path in (out, page)]
    width = max(len(name) for name in names)
    of = f" of {counted(len(trace.epochs), 'epoch')}" if trained(trace) else ""
    words = (f"the trace{of}", "the page")
    lines = [
        f"  {name.ljust(width)}  {what}, {path.stat().st_size / 1000:,.0f} kB"
        for name, what, path in zip(names, words, (out, page), strict=True)
    ]
    recording, written = (shlex.quote(name) for name in names)
    return "\n".join(
        [
            "",
            "Written:",
            *lines,
            "",
            f"Open the page:   xdg-open {written}",
            f"Show it again:   pipetrace show {recording}",
            f"Take the quiz:   pipetrace quiz {recording}",
            f"Learn from it:   pipetrace learn {recording}",
        ]
    )
