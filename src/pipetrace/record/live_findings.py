"""Who is told of a recording while it is made. The recorder writes facts; the words are made by whoever reads them.

``record`` imports no words, so that a rule or a sentence can never reach a training by that way. Whoever has both parts,
the package's public names and the command line, hands the words in here.
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


class Words:
    """The words for recordings; none until somebody hands them in."""

    at_end: AtEnd | None = None
    meanwhile: Meanwhile | None = None


def use(at_end: AtEnd | None, meanwhile: Meanwhile | None) -> None:
    """Hand in the words for all recordings of this process."""
    Words.at_end, Words.meanwhile = at_end, meanwhile


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

    def meanwhile(self, path: Path) -> tuple[str, ...]:
        """The lines to say now: what was not said before, where there is time to look.

        The first look is always taken; each further one waits until all looks together are a small share of the time.
        """
        began = time.perf_counter()
        if Words.meanwhile is None or self._spent > SHARE * (began - self._began):
            return ()
        new = []
        for key, line in Words.meanwhile(path):
            if key not in self._said:
                self._said.add(key)
                new.append(line)
        self.seconds = time.perf_counter() - began
        self._spent += self.seconds
        return tuple(new)

    def at_end(self, path: Path) -> str:
        """What to say of the whole; empty for nothing."""
        return "" if Words.at_end is None else Words.at_end(path)
