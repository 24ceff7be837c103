"""How far a run is: who is shown it, and one line on standard error."""

import sys
import time
from collections.abc import Mapping
from typing import Protocol

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
        if not sys.stderr.isatty():
            if not self._shown and done < total:
                _write(f"pipetrace: {self._what}, {total:,} rows ...\n")
            self._shown = True
            return
        if done < total and now - self._drawn < REDRAWN_EVERY:
            return
        self._shown, self._drawn = True, now
        left = passed / done * (total - done)
        text = f"pipetrace: {self._what}, {done:,} of {total:,} rows"
        _write(f"\r{text}, about {left:.0f} s left\x1b[K" if done < total else f"\r{text}\x1b[K\n")


def _write(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()
