"""Files at an address, such as ``s3://bucket/run.trace``, through fsspec; and copies of them."""

import hashlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from pipetrace import errors
from pipetrace.errors import (
    MissingLibraryError,
    NotWritableError,
    PipetraceError,
    StorageError,
    TraceError,
    TraceNotFoundError,
    visible,
)

COPIES = "copies"
"""The folder of copies in the user's cache."""
KEPT_SECONDS = 90 * 86400
"""After so long without use a copy is deleted."""
SIGNS = ("ETag", "etag", "LastModified", "Last-Modified", "last_modified", "mtime", "created")
"""What of a file's description changes when it is written, as the storages call it, the surest
first."""


def is_address(place: object) -> bool:
    """Whether a place is an address, and no path."""
    return "://" in str(place)


def without_secrets(address: str) -> str:
    """An address without user, password and query, which may hold secrets."""
    plain = address.removeprefix("file://")
    if not is_address(plain):
        return visible(plain)
    parts = urlsplit(plain)
    return visible(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}")


def library(name: str, where: str) -> Any:
    """A library that reads files at addresses, or many files, or a ``MissingLibraryError``."""
    extra = "storage" if name == "fsspec" else "cluster"
    return errors.library(name, "This is read with", where, extra)


def filesystem(address: str, refused: type[PipetraceError]) -> tuple[Any, str]:
    """The file system of an address, and the path in it.

    Args:
        address: it may be a path.
        refused: what is raised where there is no such file system.

    Raises:
        MissingLibraryError: fsspec, or what it needs for such an address, is not installed.
    """
    fsspec = library("fsspec", without_secrets(address))
    try:
        found: tuple[Any, str] = fsspec.core.url_to_fs(address)
    except ImportError as error:
        raise MissingLibraryError(
            f"{urlsplit(address).scheme}:// needs a library that is not installed: {error}.",
            where=without_secrets(address),
            hint="Install it with pip, such as s3fs for s3:// and gcsfs for gs://.",
        ) from error
    except ValueError as error:
        raise refused(
            f"There are no files at this address: {error}.",
            where=without_secrets(address),
            hint="Use an address that fsspec knows, such as s3://bucket/file.",
        ) from error
    return found


def reason(error: Exception) -> str:
    """What a storage says, in one line."""
    line = (str(error).strip().splitlines() or [""])[0].rstrip(".")
    return f"{type(error).__name__}: {line}"


def is_local(system: Any) -> bool:
    """Whether a file system is that of this machine."""
    names = system.protocol
    return "file" in ((names,) if isinstance(names, str) else names)


def copies_at(address: str, suffix: str) -> Iterator[tuple[str, Path]]:
    """The traces that lie below an address, or that its pattern names, in order: the address of
    each, and its copy. One list of the storage tells which copies are still good.

    Raises:
        the same errors as ``local_copy``.
    """
    system, path = filesystem(address, TraceNotFoundError)
    try:
        list_of = system.glob if "*" in path else system.find
        found: dict[str, Mapping[str, Any]] = list_of(path, detail=True)
    except Exception as error:  # of whichever library reads such addresses
        raise _unreachable(address, error) from error
    for each, seen in sorted(found.items()):
        if seen.get("type") != "directory" and (each.endswith(suffix) or each == path):
            own: str = system.unstrip_protocol(each)
            yield own, _copy(system, each, own, seen)


def local_copy(address: str) -> Path:
    """A file at an address as one of this machine.

    It is fetched once, and again when its ETag, its time of change or its size is another. Of a
    storage that tells neither of the first two it is fetched each time. The copy stays in the
    user's cache.

    Raises:
        TraceNotFoundError: there is no such file.
        StorageError: the storage does not answer, or refuses this machine.
        MissingLibraryError: a library is not installed.
        NotWritableError: the cache cannot be written.
    """
    system, path = filesystem(address, TraceNotFoundError)
    return _copy(system, path, address, {})


def _copy(system: Any, path: str, address: str, seen: Mapping[str, Any]) -> Path:
    """The copy of a file, of which a list of the storage may have told what changes."""
    if is_local(system):
        return Path(path)
    try:
        sign = _sign(seen) or _sign(system.info(path))
    except Exception as error:  # of whichever library reads such addresses
        raise _unreachable(address, error) from error
    folder = cache_folder() / COPIES / hashlib.sha256(address.encode()).hexdigest()[:32]
    copy = folder / (sign or "unknown") / PurePosixPath(path).name
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.utime(folder)
        if not (sign and copy.is_file()):
            _fetch(system, path, copy)
            _tidy(folder, copy.parent)
    except OSError as error:
        raise NotWritableError(
            f"The copy of the file cannot be kept: {error.strerror or error}.",
            where=str(folder),
            hint="Make room there, or set XDG_CACHE_HOME to a folder that you may write.",
        ) from error
    return copy


def is_copy(path: Path) -> bool:
    """Whether a file is a copy of one at an address."""
    return (cache_folder() / COPIES) in path.parents


def _fetch(system: Any, path: str, copy: Path) -> None:
    with tempfile.TemporaryDirectory(dir=copy.parent.parent) as folder:
        part = Path(folder) / "part"
        try:
            system.get_file(path, str(part))
        except Exception as error:  # of whichever library reads such addresses
            raise _unreachable(system.unstrip_protocol(path), error) from error
        copy.parent.mkdir(exist_ok=True)
        part.replace(copy)


def _tidy(folder: Path, kept: Path) -> None:
    """Delete older copies of the same file, and what was not used for long."""
    old = [each for each in folder.iterdir() if each != kept and not each.name.startswith("tmp")]
    now = time.time()
    with suppress(OSError):
        others = [each for each in folder.parent.iterdir() if each != folder]
        old += [each for each in others if now - each.stat().st_mtime > KEPT_SECONDS]
    for each in old:
        shutil.rmtree(each, ignore_errors=True)


def _sign(seen: Mapping[str, Any]) -> str:
    """A digest of what changes with a file; empty where nothing does.

    It is of one sign: lists and single files tell the time with different precision.
    """
    found = next((str(seen[name]) for name in SIGNS if seen.get(name) is not None), "")
    return hashlib.sha256(f"{found} {seen.get('size')}".encode()).hexdigest()[:32] if found else ""


def _unreachable(address: str, error: Exception) -> TraceError:
    if isinstance(error, FileNotFoundError):
        said = str(error).strip().rstrip(".")
        return TraceNotFoundError(
            f"There is no such file{f': {said}' if ' ' in said else ''}.",  # else it is the path
            where=without_secrets(address),
            hint="Check the address.",
        )
    return StorageError(
        f"The storage cannot be read: {reason(error)}.",
        where=without_secrets(address),
        hint="Check the credentials of this machine, the address of the storage and the network.",
    )


def cache_folder() -> Path:
    """The folder for what can be made again: ``XDG_CACHE_HOME``, or the system's own."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    if given and Path(given).is_absolute():
        return Path(given) / "pipetrace"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home()) / "pipetrace" / "Cache"
    own = Path("Library") / "Caches" if sys.platform == "darwin" else Path(".cache")
    return Path.home() / own / "pipetrace"
