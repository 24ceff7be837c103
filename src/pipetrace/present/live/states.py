"""The states of a trace while it is written: its file takes a new place at each transaction."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from pipetrace.errors import TraceNotFoundError
from pipetrace.trace import Trace, read
from pipetrace.trace.document import RUNNING
from pipetrace.trace.reader import is_running

POLL_SECONDS = 0.5
"""Seconds between two looks at whether the file has changed."""
REST = 10
"""Times as long as reading and showing a state took, until the next one is read."""

Marks = tuple[int, ...]


def marks(path: Path) -> Marks | None:
    """What tells a state of a file from any other; None where there is no file."""
    try:
        of = path.stat()
    except (OSError, ValueError):
        return None
    return of.st_dev, of.st_ino, of.st_size, of.st_mtime_ns


def states(path: Path, sleep: Callable[[float], None] = time.sleep) -> Iterator[Trace | None]:
    """Each state of a trace, which need not be there yet, until its run has ended or was killed.

    None once where there is no file, as long as there is none.

    Raises:
        TraceError: the file is no trace, or is damaged.
    """
    seen: Marks | None = None
    is_first = True
    while True:
        began, now = time.perf_counter(), marks(path)
        if now is None and (is_first or seen is not None):
            yield None
        elif now is not None and (now != seen or not is_running(path)):
            try:
                trace = read(path)
            except TraceNotFoundError:  # deleted meanwhile
                continue
            yield trace
            if trace.ending.kind != RUNNING:
                return
        is_first, seen = False, now
        sleep(max(POLL_SECONDS, REST * (time.perf_counter() - began)))
