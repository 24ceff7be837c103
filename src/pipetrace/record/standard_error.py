"""What a recording says on standard error, which may be closed, full, or somebody's own object."""

import io
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from pipetrace.capture.guard import contained
from pipetrace.errors import in_short


def say(text: str, end: str = "\n") -> None:
    """Write to standard error, beside what the training prints itself.

    Where that is not possible nothing is written, whatever the reason: a closed pipe, a full disk,
    a stream of the user's own.
    """
    with contained(_ignore):
        if _hear is not None:
            _hear(text)
            return
        stream: Any = sys.stdout if is_cell() else sys.stderr
        raw = _unbuffered(stream)
        if raw is None:
            stream.write(text + end)
            stream.flush()
            return
        stream.flush()
        left = memoryview((text + end).encode(stream.encoding, stream.errors))
        while left and (written := raw.write(left)):
            left = left[written:]


_hear: Callable[[str], None] | None = None


def divert(hear: Callable[[str], None] | None) -> None:
    """Have somebody else show what is said from now on; None ends that."""
    global _hear  # noqa: PLW0603 standard error belongs to the process
    _hear = hear


def is_cell() -> bool:
    """Whether standard error is that of a notebook's cell, where it is a red block."""
    return type(sys.stderr).__module__.partition(".")[0] == "ipykernel"


_said: set[str] = set()


def say_once(text: str) -> None:
    """Say something that the process has not heard so far."""
    if text not in _said:
        _said.add(text)
        say(text)


def not_recorded(what: str) -> AbstractContextManager[None]:
    """A block of our work; where it fails it is said that something, such as ``This fit is``, is
    not recorded."""
    return contained(lambda error: say_once(f"pipetrace: {what} not recorded: {in_short(error)}"))


def forget_what_was_said() -> None:
    """Say once more what was said once, as in a new process."""
    _said.clear()


def _unbuffered(stream: Any) -> io.FileIO | None:
    """The file behind Python's own stream; None for any other stream.

    What the stream's buffer cannot write stays in it, and Python would then end with code 120.
    """
    if type(stream) is not io.TextIOWrapper or type(stream.buffer) is not io.BufferedWriter:
        return None
    raw = stream.buffer.raw
    return raw if type(raw) is io.FileIO else None


def is_terminal() -> bool:
    """Whether standard error is a terminal, as far as it tells."""
    with contained(_ignore):
        return bool(sys.stderr.isatty())
    return False


def _ignore(error: BaseException) -> None:
    """Nothing more can be done about it."""
