"""Finding the traces of a folder, and an index of what was read of them, in the user's cache.

A file is read again when its size, its time of change or its inode is another, when pipetrace or a
rule changed, and as long as its training runs. Without the index, as where the cache cannot be
written, everything is read anew; the result is the same.
"""

import hashlib
import os
import sqlite3
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from pipetrace.errors import PipetraceError, TraceNotFoundError, in_short
from pipetrace.explain.findings.selection import entry_points
from pipetrace.run_table.row import RunRow, from_json, row_of, to_json, unreadable
from pipetrace.storage import cache_folder, copies_at, is_address, without_secrets
from pipetrace.trace.document import RUNNING
from pipetrace.trace.reader import read, writer_of

Progress = Callable[[int, int], None]
"""Is told how many of the files that have to be read are read."""

SUFFIX = ".trace"
NAME = "runs-1.sqlite"
"""Of the index, with the version of its layout."""
LAYOUT = """
CREATE TABLE IF NOT EXISTS run (
    path BLOB PRIMARY KEY,
    size INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    inode BLOB NOT NULL,
    judged TEXT NOT NULL,
    used INTEGER NOT NULL,
    row TEXT NOT NULL
) WITHOUT ROWID
"""
WRITE_EVERY = 1.0
"""Seconds of reading after which what was read is kept, so that Ctrl-C loses little."""
KEPT_DAYS = 90
"""What nobody asked for in so many days leaves the index."""
LONGEST_WAIT = 2.0
"""Seconds to wait for another process that writes the index."""


@dataclass(frozen=True)
class File:
    """A file as it is now: its path, as given and whole, and what changes when it is written."""

    shown: str
    path: bytes
    size: int
    changed: int
    inode: bytes


def found_files(places: Iterable[str | os.PathLike[str]]) -> list[File]:
    """The traces in folders, below them, behind patterns with ``*``, and named themselves.

    Hidden folders and files are passed over, as are links to folders. Of what is named itself any
    suffix is taken.

    Raises:
        TraceNotFoundError: there is no such folder or file, or the pattern matches none.
    """
    found: dict[bytes, File] = {}
    for given in places:
        place = os.fspath(given)
        if is_address(place):
            copies = dict(copies_at(place, SUFFIX))
            seen = {without_secrets(each): _file(str(copy)) for each, copy in copies.items()}
            found |= {each.path: replace(each, shown=at) for at, each in seen.items() if each}
            if copies:
                continue
        named = [place] if os.path.lexists(place) else _matching(place)
        if not named:
            raise TraceNotFoundError(
                f"There is no file or folder {place}.",
                where=place,
                hint="Give a folder with traces, a trace, or a pattern in quotes: 'runs/*.trace'",
            )
        for each in named:
            for path in _traces_in(each) if Path(each).is_dir() else [each]:
                if (file := _file(path)) is not None:
                    found.setdefault(file.path, file)
    return list(found.values())


def _matching(pattern: str) -> list[str]:
    """What a pattern matches, in order; hidden files and folders as of a shell, links not gone
    along."""
    whole = Path(pattern)
    below = whole.relative_to(whole.anchor)
    try:
        found = [each for each in Path(whole.anchor).glob(str(below)) if "*" in pattern]
    except (OSError, ValueError, NotImplementedError):  # it is no pattern
        return []
    hidden = any(part.startswith(".") for part in below.parts if part != "..")
    return sorted(
        str(each)
        for each in found
        if hidden or not any(part.startswith(".") for part in each.parts if part != "..")
    )


def _traces_in(folder: str) -> Iterator[str]:
    for path, folders, names in os.walk(folder):
        folders[:] = sorted(each for each in folders if not each.startswith("."))
        for name in sorted(names):
            if name.endswith(SUFFIX) and not name.startswith("."):
                yield os.path.normpath(Path(path) / name)


def _file(path: str) -> File | None:
    """A file as it is now; None where it is gone, or is no file."""
    try:
        seen = Path(path).stat()
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(seen.st_mode):
        return None
    inode = f"{seen.st_dev}:{seen.st_ino}".encode()
    return File(path, os.fsencode(os.path.abspath(path)), seen.st_size, seen.st_mtime_ns, inode)  # noqa: PTH100 it keeps links


def read_runs(
    files: Sequence[File], progress: Progress | None = None, *, cached: bool = True
) -> list[RunRow]:
    """A row for each file, by the index unless not ``cached``; one that vanished meanwhile has
    none.
    """
    index = Index(cache_folder() / NAME) if cached else None
    known = index.rows(files) if index else {}
    missing = [each for each in files if each.path not in known]
    fresh: dict[bytes, tuple[File, RunRow]] = {}
    kept = time.monotonic()
    try:
        for number, file in enumerate(missing, 1):
            row = _read(file)
            if row is not None:
                known[file.path] = row
                fresh[file.path] = file, row
            if index and time.monotonic() - kept > WRITE_EVERY:
                index.keep(fresh.values())
                fresh, kept = {}, time.monotonic()
            if progress:
                progress(number, len(missing))
    finally:
        if index:
            index.keep(fresh.values())
    return [replace(known[each.path], file=each.shown) for each in files if each.path in known]


def _read(file: File) -> RunRow | None:
    try:
        trace = read(file.shown)
        return row_of(trace, file.shown, writer_of(Path(file.shown)))
    except TraceNotFoundError:
        return None
    except PipetraceError as error:
        return unreadable(file.shown, error)
    except Exception as error:  # one file must not hide all others
        problem = PipetraceError(f"It cannot be judged: {in_short(error)}.", hint="Report this.")
        return unreadable(file.shown, problem)


class Index:
    """What was read of files. Whatever goes wrong with it, the files themselves are read."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def rows(self, files: Sequence[File]) -> dict[bytes, RunRow]:
        """The rows of the files that did not change, by their paths."""
        wanted, found = {each.path: each for each in files}, dict[bytes, RunRow]()
        with suppress(OSError, sqlite3.Error), closing(self._opened()) as database:
            database.execute("CREATE TEMP TABLE wanted (path BLOB PRIMARY KEY)")
            paths = [(path,) for path in wanted]
            database.executemany("INSERT INTO temp.wanted VALUES (?)", paths)
            query = "SELECT run.* FROM run JOIN temp.wanted ON run.path = wanted.path"
            for path, size, changed, inode, judged, _, row in database.execute(query):
                file = wanted[path]
                if (size, changed, inode) != (file.size, file.changed, file.inode):
                    continue
                if judged == judged_by():
                    with suppress(TypeError, ValueError, KeyError, AttributeError):
                        found[path] = from_json(row)
            with database:
                today = (_today(),)
                database.execute(
                    "UPDATE run SET used = ? WHERE path IN (SELECT path FROM temp.wanted)", today
                )
        return found

    def keep(self, fresh: Iterable[tuple[File, RunRow]]) -> None:
        """Keep rows; those of trainings that run are read again next time."""
        made = [
            (each.path, each.size, each.changed, each.inode, judged_by(), _today(), to_json(row))
            for each, row in fresh
            if row.status != RUNNING
        ]
        if not made:
            return
        with suppress(OSError, sqlite3.Error), closing(self._opened()) as database, database:
            database.executemany("INSERT OR REPLACE INTO run VALUES (?, ?, ?, ?, ?, ?, ?)", made)
            database.execute("DELETE FROM run WHERE used < ?", (_today() - KEPT_DAYS,))

    def _opened(self) -> sqlite3.Connection:
        self.place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        database = sqlite3.connect(self.place, timeout=LONGEST_WAIT)
        try:
            database.execute(LAYOUT)
            self.place.chmod(0o600)  # it names files and programs, as traces do
        except sqlite3.OperationalError:  # somebody else writes
            database.close()
            raise
        except sqlite3.DatabaseError:  # it is no database, or a broken one
            database.close()
            self.place.unlink(missing_ok=True)
            raise
        return database


def _today() -> int:
    return int(time.time() // 86400)


@cache
def judged_by() -> str:
    """A digest of the code that judges a run: pipetrace's own, and the packages with rules."""
    package = Path(__file__).parent.parent
    parts = [
        f"{each}:{seen.st_size}:{seen.st_mtime_ns}"
        for folder in ("explain", "stats", "trace", "run_table")
        for each in sorted((package / folder).rglob("*.py"))
        for seen in [each.stat()]
    ]
    parts += [
        f"{point.name}={point.value}:{point.dist.version if point.dist else ''}"
        for point in entry_points()
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
