"""The file of a trace while it is written: whole under its name at every moment.

SQLite changes a database in place, so whoever copies it meanwhile gets a mixture of two states.
Here a transaction goes into a second file, hidden beside the first, which then takes the name. The
file that had the name before is hidden, catches up, and is the next one to be changed.
"""

import glob
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

REST_SECONDS = 1.0
"""Seconds for which a file that lost the name stays as it is, for those who still copy it."""
LARGE = 8 << 20
"""Bytes from which a file is changed sooner, since copying it instead would take too long."""


class Changes:
    """Executes statements in one file, and keeps them for the other."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self.database = database
        self.done: list[tuple[bool, str, Any]] = []

    def execute(self, sql: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        """Execute a statement."""
        self.done.append((False, sql, values))
        return self.database.execute(sql, values)

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Execute a statement once for each row."""
        kept = list(rows)
        self.done.append((True, sql, kept))
        self.database.executemany(sql, kept)

    def repeat(self, database: sqlite3.Connection) -> None:
        """Execute the same statements elsewhere."""
        for many, sql, values in self.done:
            (database.executemany if many else database.execute)(sql, values)


class LiveFile:
    """A SQLite file that is changed under another name; its own is absolute.

    Nobody else may write it. Readers are never waited for: a file that somebody still reads is not
    changed, but copied. Every method raises ``sqlite3.Error`` or ``OSError`` where that fails.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        stem = f".{path.name}.{os.getpid()}"
        self._hidden, self._other = (path.with_name(f"{stem}.{end}") for end in ("new", "old"))
        self._shown: os.stat_result | None = None
        # What the hidden file was when it lost the name, when that was, and what it lacks since.
        self._kept: os.stat_result | None = None
        self._hidden_since = 0.0
        self._missed: Changes | None = None
        self._changes: Changes | None = None

    def create(self, make: Callable[[sqlite3.Connection], None]) -> None:
        """Make the file. What has its name is replaced; what a killed process left is deleted."""
        folder, name = self.path.parent, glob.escape(self.path.name)
        # SQLite would take the journal of the file that was there before for this one's.
        for pattern in (f".{name}.[0-9]*.???", f"{name}-journal", f"{name}-wal", f"{name}-shm"):
            for left in folder.glob(pattern):
                left.unlink(missing_ok=True)
        try:
            with closing(_connect(self._hidden)) as database:
                make(database)
            self._show()
        finally:
            self.drop_hidden()

    @property
    def is_as_it_was(self) -> bool:
        """Whether the file is still what it was made to be here."""
        return _is_unchanged(self.path, self._shown)

    def open(self) -> Changes:
        """The transaction that runs; a new one where none does."""
        if self._changes is None:
            self._changes = Changes(self._begin())
        return self._changes

    def publish(self) -> None:
        """End the transaction: whoever opens the file from now on finds what it did."""
        changes, self._changes = self._changes, None
        if changes is None:
            return
        with closing(changes.database) as database:
            database.execute("COMMIT")
        kept = self._shown if self.is_as_it_was else None
        self._other.unlink(missing_ok=True)
        try:
            os.link(self.path, self._other)
        except OSError:  # it is gone, or this file system knows one name for each file only
            kept = None
        self._show()
        self._hidden, self._other = self._other, self._hidden
        self._kept, self._missed, self._hidden_since = kept, changes, time.monotonic()

    @contextmanager
    def in_place(self) -> Iterator[sqlite3.Connection]:
        """A transaction in the file itself: a last word where there is no room for two files."""
        self.drop_hidden()
        self._check()
        with closing(sqlite3.connect(self.path, isolation_level=None)) as database:
            database.execute("BEGIN IMMEDIATE")
            yield database
            database.execute("COMMIT")

    def drop_hidden(self) -> None:
        """Leave one file. A transaction that runs is forgotten."""
        changes, self._changes, self._kept = self._changes, None, None
        if changes is not None:
            changes.database.close()
        for each in (self._hidden, self._other):
            with suppress(OSError):
                each.unlink(missing_ok=True)

    def _check(self) -> None:
        if not self.is_as_it_was:
            raise FileNotFoundError(2, "Another program changed or deleted it")

    def _show(self) -> None:
        self._hidden.replace(self.path)
        self._shown = self.path.stat()

    def _begin(self) -> sqlite3.Connection:
        """A transaction in a hidden file that holds what the shown one does."""
        rested = time.monotonic() - self._hidden_since >= REST_SECONDS
        if self._kept is not None and (rested or self._kept.st_size >= LARGE):
            with suppress(sqlite3.Error):  # somebody still reads it
                return self._caught_up(self._kept)
        if not self.is_as_it_was and self._kept is not None:
            return self._caught_up(self._kept)  # somebody took the file away
        return self._copied()

    def _caught_up(self, kept: os.stat_result) -> sqlite3.Connection:
        """The file that was shown before, with the last transaction done again."""
        if not _is_unchanged(self._hidden, kept) or self._missed is None:
            return self._copied()
        database = _connect(self._hidden, locked=True)
        try:
            database.execute("BEGIN EXCLUSIVE")
            self._missed.repeat(database)
        except BaseException:
            database.close()
            raise
        return database

    def _copied(self) -> sqlite3.Connection:
        self._kept = None
        self._check()
        self._hidden.unlink(missing_ok=True)
        shutil.copyfile(self.path, self._hidden)
        database = _connect(self._hidden)
        database.execute("BEGIN EXCLUSIVE")
        return database


def _is_unchanged(path: Path, then: os.stat_result | None) -> bool:
    try:
        now = path.stat()
    except OSError:
        return False
    return then is not None and _marks(now) == _marks(then)


def _marks(of: os.stat_result) -> tuple[int, ...]:
    return of.st_dev, of.st_ino, of.st_size, of.st_mtime_ns


def _connect(path: Path, *, locked: bool = False) -> sqlite3.Connection:
    """Open a hidden file, which nobody writes but us; ``locked`` where somebody may read it."""
    address = f"file:{quote(os.fsencode(path))}?nolock={0 if locked else 1}"
    database = sqlite3.connect(
        address, uri=True, timeout=0, isolation_level=None, check_same_thread=False
    )
    # A hidden file that a crash leaves half written is of no use to anybody.
    database.execute("PRAGMA journal_mode = MEMORY")
    return database
