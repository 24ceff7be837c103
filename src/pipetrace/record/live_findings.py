"""What is reported of a recording while it is made and when it ends.

``record`` imports no rules and no sentences. The package itself registers where they are, whichever
module of it is imported first, and they are loaded when the first recording begins.
"""

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

LOOK_SHARE = 0.005
"""Share of the time since the recording began that looking at the trace may take."""
FIRST_LOOK_SECONDS = 0.1
"""Seconds that a look takes, until one was taken."""


class Reporter(Protocol):
    """Puts what a trace holds into words."""

    def meanwhile(self, path: Path) -> Iterable[tuple[str, str]]:
        """Errors found in a trace that is still written: lines, each with a key that names it."""

    def at_end(self, path: Path) -> str:
        """The overhead of a trace that has ended, and what the rules found in it."""


_load: Callable[[], Reporter] | None = None


def register(load: Callable[[], Reporter]) -> None:
    """Register what loads the reporter of all recordings; nothing is loaded yet."""
    global _load  # noqa: PLW0603 one for all recordings of the process
    _load = load


class LiveFindings:
    """What was reported of one recording, and what that cost.

    Attributes:
        seconds: what the next look will take, as far as one can tell.
    """

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self._spent = 0.0
        self.seconds = FIRST_LOOK_SECONDS
        self._reported: set[str] = set()
        self._reporter = _load() if _load is not None else None

    def meanwhile(self, path: Path) -> tuple[str, ...]:
        """The lines to write now: what was not reported before, where there is time to look.

        The first look is always taken. Each further one waits until all looks together are a small
        share of the time.
        """
        began = time.perf_counter()
        if self._reporter is None or self._spent > LOOK_SHARE * (began - self._began):
            return ()
        new = []
        for key, line in self._reporter.meanwhile(path):
            if key not in self._reported:
                self._reported.add(key)
                new.append(line)
        self.seconds = time.perf_counter() - began
        self._spent += self.seconds
        return tuple(new)

    def at_end(self, path: Path) -> str:
        """What to write when the trace has ended; empty for nothing."""
        return "" if self._reporter is None else self._reporter.at_end(path)
