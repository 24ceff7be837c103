"""What is said of a recording while it is made and when it ends: the findings of the rules.

``record`` imports no rules and no sentences. The package itself registers where they are, whichever
module of it is imported first, and they are loaded when the first recording begins.
"""

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeAlias

SHARE = 0.005
"""Of the time since the recording began, so much may go into looking at it while it is made."""
FIRST = 0.1
"""Seconds that a look takes, until one was taken."""

AtEnd: TypeAlias = Callable[[Path], str]
"""Gives the text to say of a trace that has ended; empty for none."""
Meanwhile: TypeAlias = Callable[[Path], Iterable[tuple[str, str]]]
"""Gives what to say at once of a trace that is still written: a key for each thing, so that it is said once, and a line."""


Speakers: TypeAlias = tuple[AtEnd, Meanwhile]
_load: Callable[[], Speakers] | None = None


def register(load: Callable[[], Speakers]) -> None:
    """Say where the findings of a trace are put into words; nothing is loaded yet."""
    global _load  # noqa: PLW0603 one for all recordings of the process
    _load = load


class Telling:
    """What was said of one recording, and what that cost.

    Attributes:
        seconds: what the next look will take, as far as one can tell.
    """

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self._spent = 0.0
        self.seconds = FIRST
        self._said: set[str] = set()
        self._speakers = _load() if _load is not None else None

    def meanwhile(self, path: Path) -> tuple[str, ...]:
        """The lines to say now: what was not said before, where there is time to look.

        The first look is always taken; each further one waits until all looks together are a small share of the time.
        """
        began = time.perf_counter()
        if self._speakers is None or self._spent > SHARE * (began - self._began):
            return ()
        new = []
        for key, line in self._speakers[1](path):
            if key not in self._said:
                self._said.add(key)
                new.append(line)
        self.seconds = time.perf_counter() - began
        self._spent += self.seconds
        return tuple(new)

    def at_end(self, path: Path) -> str:
        """What to say of the whole; empty for nothing."""
        return "" if self._speakers is None else self._speakers[0](path)
