"""What is reported of a recording while it is made and when it ends.

``record`` imports no rules and no sentences. The package itself registers where they are, whichever
module of it is imported first, and they are loaded when the first recording begins.
"""

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

LOOK_SHARE = 0.005
"""Share of the time since the recording began that looking at the trace may take."""
FIRST_LOOK_SECONDS = 0.1
"""Seconds that a look takes, until one was taken."""


ERROR = "error"
"""The severity of what is said at once."""


class Found(Protocol):
    """A finding, as far as recording knows one; see ``pipetrace.Finding``."""

    @property
    def code(self) -> str:
        """The rule's."""

    @property
    def stage(self) -> str | None:
        """Where, or None for the whole run."""

    @property
    def level(self) -> str:
        """Its severity."""

    @property
    def epochs(self) -> tuple[int, ...]:
        """The epochs concerned."""


Lines = Sequence[tuple[Found, str]]
"""Findings, each with the line that tells of it."""


class Reporter(Protocol):
    """Puts what a trace holds into words."""

    def meanwhile(self, path: Path) -> Iterable[tuple[Found, str]]:
        """What is found in a trace that may still be written: findings, each with its line."""

    def at_end(self, path: Path) -> str:
        """The overhead of a trace that has ended, and what the rules found in it."""

    def in_a_line(self, path: Path) -> str:
        """How many findings a trace that has ended has."""

    def in_cell(self, epochs: Sequence[Any], planned: int, lines: Sequence[str]) -> dict[str, str]:
        """The epochs so far and what was said, as a notebook's cell shows them."""

    def log_artifacts(self, path: Path, tracker: str) -> str | None:
        """Hand a trace that has ended, and its page, to an active run; says why it could not."""


MOST_LINES = 5
"""Traces whose end is reported in one process, or in one cell of a notebook; the first one in full.
As many errors are reported while trainings run."""

_load: Callable[[], Reporter] | None = None


@dataclass
class _Told:
    """What one process, or one cell of a notebook, has been told."""

    cell: int | None = None
    ends: int = 0
    errors: set[tuple[str, str | None]] = field(default_factory=set)


_told = _Told()


def register(load: Callable[[], Reporter]) -> None:
    """Register what loads the reporter of all recordings; nothing is loaded yet."""
    global _load  # noqa: PLW0603 one for all recordings of the process
    _load = load


def at_end(path: Path) -> Iterator[str]:
    """What to write when a trace has ended: for the first of them all, for further ones a line."""
    from pipetrace.trace.output_place import typed  # needs NumPy, the package does not

    told = _told_here()
    told.ends += 1
    reporter = _load() if _load is not None else None
    name = typed(path)
    place = f"pipetrace: the trace is {name}"
    if told.ends == 1:
        yield f"{place}; see it with: pipetrace show {name}"
        if reporter is not None and (text := reporter.at_end(path)):
            yield text
    elif told.ends <= MOST_LINES:
        yield f"{place}: {reporter.in_a_line(path)}" if reporter is not None else place
    elif told.ends == MOST_LINES + 1:
        yield "pipetrace: the traces of further models are not listed."


def log_artifacts(path: Path, tracker: str) -> str | None:
    """Put a trace and its page among the artifacts of the run that is active in a tracker; None, or
    why that was not possible."""
    return None if _load is None else _load().log_artifacts(path, tracker)


def in_cell(epochs: Sequence[Any], planned: int, lines: Sequence[str]) -> dict[str, str]:
    """What a notebook's cell shows of a training; the lines alone where there are no words."""
    if _load is None:
        return {"text/plain": "\n".join(lines)}
    return _load().in_cell(epochs, planned, lines)


def forget_what_was_told() -> None:
    """Begin anew, as in a new process."""
    global _told  # noqa: PLW0603
    _told = _Told()


def _told_here() -> _Told:
    """What was told; nothing yet in a new cell of a notebook."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    cell = getattr(shell, "execution_count", None)
    if cell != _told.cell:
        forget_what_was_told()
        _told.cell = cell
    return _told


def untold(found: Lines) -> list[str]:
    """The lines of the errors among findings that were not told before, which they are now."""
    told, new = _told_here(), []
    for finding, line in found:
        key = finding.code, finding.stage
        if finding.level == ERROR and key not in told.errors and len(told.errors) < MOST_LINES:
            told.errors.add(key)
            new.append(f"pipetrace: {line}")
    return new


class LiveFindings:
    """Looks at one recording, and what that cost."""

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self._spent = 0.0
        self.seconds = FIRST_LOOK_SECONDS  # what the next look will take, as far as one can tell
        self._reporter = _load() if _load is not None else None

    def meanwhile(self, path: Path, *, always: bool = False) -> Lines:
        """What the rules find now, where there is time to look.

        The first look is always taken. Each further one waits until all looks together are a small
        share of the time, unless it is to be taken always.
        """
        began = time.perf_counter()
        if self._reporter is None:
            return ()
        if not always and self._spent > LOOK_SHARE * (began - self._began):
            return ()
        found = tuple(self._reporter.meanwhile(path))
        self.seconds = time.perf_counter() - began
        self._spent += self.seconds
        return found
