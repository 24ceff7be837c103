"""Who writes a trace: the process, and its claim to the file, so that no two write one."""

import json
import os
import platform
import weakref
from collections.abc import Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]

MOST_TRIES = 1000
"""Lock files to open, of which each was deleted before it was locked."""


def process_start(pid: int) -> str | None:
    """When a process began, in the kernel's ticks; None without /proc, and for a zombie process."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return None if fields[0] in ("Z", "X") else fields[19]
    except (OSError, IndexError):
        return None


def machine() -> str:
    """A mark of this machine that tells it from others and does not name it."""
    import hashlib  # which most readers of a trace do not need

    return hashlib.sha256(platform.node().encode(errors="replace")).hexdigest()[:16]


def this_process() -> dict[str, object]:
    """What tells this process from any other."""
    return {"host": machine(), "pid": os.getpid(), "started": process_start(os.getpid())}


def is_alive(process: Mapping[str, Any]) -> bool:
    """Whether a process still runs: on this host, with the same start time."""
    pid = process.get("pid")
    if process.get("host") != machine() or not isinstance(pid, int) or pid <= 0:
        return False
    if os.name == "nt":
        return False  # os.kill would not ask the process there, but end it
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        pass  # it exists and belongs to another user
    return process_start(pid) == process.get("started")


class Claim:
    """The right to write a file, until released or the process ends; ``number`` is the open lock
    file.
    """

    def __init__(self, path: Path, lock: Path, number: int) -> None:
        self.path = path
        self._lock, self._number, self._process = lock, number, os.getpid()
        _open.add(self)

    def release(self) -> None:
        """Let others write the file."""
        if self._number >= 0 and self._process == os.getpid():
            with suppress(OSError):
                self._lock.unlink()
        self.close()

    def close(self) -> None:
        """Close the lock file. A child that was forked would hold it for longer than its parent."""
        number, self._number = self._number, -1
        if number >= 0:
            os.close(number)

    __del__ = close


def _close_all() -> None:
    for each in list(_open):
        each.close()


_open: weakref.WeakSet[Claim] = weakref.WeakSet()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_all)


def claim(path: Path) -> Claim:
    """Claim a file. Where somebody writes it now, ``run-2.trace``, ``run-3.trace`` or so on, the
    first that neither exists nor is written.

    The operating system locks ``.run.trace.lock`` beside it, until the process ends. On a file
    system without locks that file counts for as long as the process lives that it names.
    """
    found, numbers = _claimed(path), count(2)
    while found is None:
        place = path.with_name(f"{path.stem}-{next(numbers)}{path.suffix}")
        found = _claimed(place)
        if found is not None and place.exists():
            found.release()
            found = None
    return found


def _claimed(path: Path) -> Claim | None:
    """The claim to just this file, or None where somebody writes it."""
    lock = path.with_name(f".{path.name}.lock")
    for _ in range(MOST_TRIES):
        is_new = True
        try:
            number = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        except FileExistsError:
            is_new = False
            try:
                number = os.open(lock, os.O_RDWR)
            except FileNotFoundError:  # another process has just let go of it
                continue
        made = Claim(path, lock, number)
        if not _is_ours(number, is_new=is_new):
            made.close()
            return None
        # Whoever had the claim deletes the lock file, and this may be the one that is deleted.
        with suppress(FileNotFoundError):
            if os.path.samestat(lock.stat(), os.fstat(number)):
                return made
        made.close()
    raise BlockingIOError(11, f"{lock} cannot be locked")


def _is_ours(number: int, *, is_new: bool) -> bool:
    """Whether nobody else has locked an open lock file."""
    if fcntl is not None:
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            pass  # this file system has no locks
        else:
            return True
    if not is_new:
        try:
            owner = json.loads(os.read(number, 1000))
        except ValueError:  # its process has just made it
            return False
        if is_alive(owner):
            return False
        os.ftruncate(number, 0)
    os.pwrite(number, json.dumps(this_process()).encode(), 0)
    return True
