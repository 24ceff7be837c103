"""Opening a file that anyone may have written. Only a whole trace of our schema is accepted."""

import errno
import os
import sqlite3
import stat
import time
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from pipetrace.errors import NewerTraceError, NotATraceError, TraceNotFoundError
from pipetrace.trace.lazy_summaries import memory
from pipetrace.trace.schema import APPLICATION_ID, SCHEMA, TABLES

HEADER = b"SQLite format 3\0"
LIMITS = {
    sqlite3.SQLITE_LIMIT_LENGTH: 1 << 28,
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: 20_000,
    sqlite3.SQLITE_LIMIT_COLUMN: 50,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
    sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH: 1,
}
LONGEST_READING = 60.0
"""Seconds after which reading a file is given up."""


def check_header(place: Path) -> None:
    """Refuse, by a ``TraceError``, a file that does not begin as a trace or is not there."""
    problem = None
    try:
        head = _beginning(place)
    except (
        FileNotFoundError,
        NotADirectoryError,
        ValueError,
    ) as error:  # a null character is a ValueError
        raise TraceNotFoundError(
            f"There is no file {place}.",
            where=str(place.absolute()),
            hint="Check the name, or record a trace with: pipetrace digits",
        ) from error
    except OSError as error:
        raise NotATraceError(
            f"{place} cannot be read as a file: {error.strerror}.",
            where=str(place),
            hint="Give the path of a .trace file that you may read.",
        ) from error
    if not head:
        problem = "it is empty"
    elif not head.startswith(HEADER):
        problem = "it does not begin as a SQLite file does"
    elif len(head) < len(HEADER) + 84:
        problem = "it ends within its own header"
    elif int.from_bytes(head[68:72], "big") != APPLICATION_ID:
        problem = "it is a SQLite database of another application"
    if problem:
        raise NotATraceError(
            f"{place.name} is not a pipetrace file: {problem}.",
            where=str(place),
            hint="Give a file that pipetrace wrote, such as digits.trace.",
        )


def _beginning(place: Path) -> bytes:
    mode = place.stat().st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        # Opening a pipe would wait for its writer.
        raise OSError(errno.EINVAL, "It is neither a file nor a folder")
    with place.open("rb") as file:
        return file.read(100)


def connect(place: Path) -> sqlite3.Connection:
    """Open a file for reading, so that nothing in it can run."""
    # A name's bytes need not be valid text.
    address = f"file:{quote(os.fsencode(place.absolute()))}?mode=ro"
    database = _limited(sqlite3.connect(address, uri=True, timeout=10))
    try:
        database.execute("SELECT count(*) FROM sqlite_master").fetchall()
    except sqlite3.OperationalError:
        # This file system has no locks. They are not needed to read a file that nobody changes.
        database.close()
        database = _limited(sqlite3.connect(f"{address}&immutable=1", uri=True))
    return database


def _limited(database: sqlite3.Connection) -> sqlite3.Connection:
    """The connection with limits on what a file can make of it."""
    for limit, most in LIMITS.items():
        database.setlimit(limit, most)
    until = time.monotonic() + LONGEST_READING
    database.set_progress_handler(lambda: int(time.monotonic() > until), 100_000)
    database.execute("PRAGMA trusted_schema = OFF")
    database.execute("PRAGMA cell_size_check = ON")
    return database


def copied(database: sqlite3.Connection) -> sqlite3.Connection:
    """A copy of a checked file in memory, which stays when the file changes or goes."""
    copy = _limited(memory())
    database.backup(copy)
    return copy


def check_identity(place: Path, database: sqlite3.Connection) -> None:
    """Refuse an open file that is no whole trace of our tables and schema."""
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if version > SCHEMA:
        raise NewerTraceError(
            f"{place.name} has schema {version}; this pipetrace reads up to {SCHEMA}.",
            where=str(place),
            hint="Update pipetrace: pip install --upgrade pipetrace",
        )
    if version < 1:
        raise ValueError("it has no schema version")
    (page,) = database.execute("PRAGMA page_size").fetchone()
    # SQLite silently reads zeros for the missing part of a cut page.
    if place.stat().st_size % page:
        raise ValueError("it was cut off within a page")
    _check_layout(database)
    check = [row[0] for row in database.execute("PRAGMA quick_check(3)")]
    if check != ["ok"]:
        raise ValueError("; ".join(check).replace("\n", " "))


def _check_layout(database: sqlite3.Connection) -> None:
    """Check that the file holds our tables, word for word, and nothing else."""
    query = "SELECT type, name, sql FROM sqlite_master"
    with closing(sqlite3.connect(":memory:")) as new:
        new.executescript(TABLES)
        ours = set(new.execute(query))
    there = set(database.execute(query))
    for kind, name, _ in sorted(ours - there, key=str):
        raise ValueError(f"it lacks the {kind} {name}, or has it in another form")
    for kind, name, _ in sorted(there - ours, key=str):
        raise ValueError(f"it holds the {kind} {name}, which no trace has")
