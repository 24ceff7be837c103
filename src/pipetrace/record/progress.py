"""How far a run is: who is shown it, and one line on standard error."""

import io
import sys
import time
from collections.abc import Mapping
from typing import Any, Protocol

from pipetrace.capture.guard import contained
from pipetrace.trace.document import Epoch

PATIENCE = 1.0
"""Seconds after which work is long enough to be shown."""
REDRAWN_EVERY = 0.2
"""Seconds between two drawings of the line."""


class Progress(Protocol):
    """Who is shown how a run goes. Every method may do nothing."""

    def begins(self, what: str) -> None:
        """A part of the work begins, such as loading the framework."""

    def step(self, epoch: int, step: int, metrics: Mapping[str, float]) -> None:
        """A training step is done; epoch and step count from 1."""

    def epoch(self, epoch: Epoch) -> None:
        """An epoch is finished and in the trace."""

    def rows(self, done: int, total: int) -> None:
        """So many rows of the data flow are measured."""


class ProgressLine:
    """Shows on standard error how many rows are done, in one line that is redrawn.

    Where standard error is no terminal, it is said once, when the work begins to be long.

    Args:
        what: is being done.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._began, self._drawn = time.perf_counter(), 0.0
        self._shown = False

    def __call__(self, done: int, total: int) -> None:
        """So many rows are done."""
        now = time.perf_counter()
        passed = now - self._began
        if passed < PATIENCE and not self._shown:
            return
        if not _is_terminal():
            if not self._shown and done < total:
                say_once(f"pipetrace: {self._what}, {total:,} rows ...")
            self._shown = True
            return
        if done < total and now - self._drawn < REDRAWN_EVERY:
            return
        self._shown, self._drawn = True, now
        left = passed / done * (total - done)
        text = f"pipetrace: {self._what}, {done:,} of {total:,} rows"
        if done < total:
            say(f"\r{text}, about {left:.0f} s left\x1b[K", end="")
        else:
            say(f"\r{text}\x1b[K")


def say(text: str, end: str = "\n") -> None:
    """Write to standard error, beside what the training prints itself.

    Where that is not possible nothing is written, whatever the reason: a closed pipe, a full disk,
    a stream of the user's own.
    """
    with contained(_ignore):
        stream: Any = sys.stderr
        raw = _unbuffered(stream)
        if raw is None:
            stream.write(text + end)
            stream.flush()
            return
        stream.flush()
        left = memoryview((text + end).encode(stream.encoding, stream.errors))
        while left and (written := raw.write(left)):
            left = left[written:]


_said: set[str] = set()


def say_once(text: str) -> None:
    """Say something that the process has not heard so far."""
    if text not in _said:
        _said.add(text)
        say(text)


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


def _is_terminal() -> bool:
    with contained(_ignore):
        return bool(sys.stderr.isatty())
    return False


def _ignore(error: BaseException) -> None:
    """Nothing more can be done about it."""
