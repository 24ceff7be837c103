"""How far a run is: who is shown it, and a bar on standard error."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

from pipetrace.record.standard_error import is_terminal, say
from pipetrace.record.state import ALL, Settings
from pipetrace.trace.document import Epoch

REDRAWN_EVERY = 0.2
"""Seconds between two drawings of the bar."""


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


def asks_for_all(settings: Settings) -> bool:
    """Whether all is measured after a training that is somebody's own, who may stop it."""
    return settings.after == ALL and settings.progress is None


@contextmanager
def shown(settings: Settings) -> Iterator[Callable[[int, int], None] | None]:
    """Whoever is shown the rows that are done: a bar in a terminal, unless the settings have
    another.
    """
    if settings.progress is not None or not asks_for_all(settings):
        yield settings.progress
        return
    if not settings.alert or not is_terminal():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress as Bar

    # Nothing is redirected, and no thread of its own draws it.
    bar = Bar(
        console=Console(file=_StandardError()),  # type: ignore[arg-type] # it has what rich uses
        transient=True,
        auto_refresh=False,
        redirect_stdout=False,
        redirect_stderr=False,
    )
    task = bar.add_task("pipetrace: measuring the data flow (Ctrl-C stops it)", total=None)
    drawn = 0.0

    def show(done: int, total: int) -> None:
        nonlocal drawn
        bar.update(task, completed=done, total=total)
        if time.perf_counter() - drawn > REDRAWN_EVERY:
            drawn = time.perf_counter()
            bar.refresh()

    with bar:
        yield show


class _StandardError:
    """Standard error as a file for rich."""

    encoding = "utf-8"

    def write(self, text: str) -> None:
        say(text, end="")

    def flush(self) -> None:
        """Nothing waits."""

    def isatty(self) -> bool:
        return is_terminal()
