"""The progress of a run: a bar in a terminal, a line for each epoch elsewhere, or nothing."""

from collections.abc import Mapping
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from pipetrace.errors import visible
from pipetrace.explain.formatting import duration, figure
from pipetrace.explain.metrics import VALIDATION, base, written
from pipetrace.trace.document import Epoch


class Silent:
    """Shows nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Nothing to put away."""

    def begins(self, what: str) -> None:
        """Nothing."""

    def step(self, epoch: int, step: int, metrics: Mapping[str, float]) -> None:
        """Nothing."""

    def epoch(self, epoch: Epoch) -> None:
        """Nothing."""

    def rows(self, done: int, total: int) -> None:
        """Nothing."""


class Lines(Silent):
    """A line for each part and each epoch, for logs."""

    def __init__(self, console: Console) -> None:
        self.console = console

    def begins(self, what: str) -> None:
        """Name the part."""
        self.console.print(f"{what} ...", highlight=False, soft_wrap=True)

    def epoch(self, epoch: Epoch) -> None:
        """The epoch's figures."""
        self.console.print(epoch_line(epoch), highlight=False, soft_wrap=True)


class Bars(Silent):
    """A bar for the part at work, taken away when it is done; the finished table follows."""

    def __init__(self, console: Console, epochs: int, steps: int) -> None:
        self.epochs, self.steps = epochs, steps
        self._bar = Progress(
            SpinnerColumn(finished_text=" "),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            refresh_per_second=8,
        )
        self._task = self._bar.add_task("", total=None, start=True)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Take the bar away."""
        self._bar.stop()

    def begins(self, what: str) -> None:
        """Name the part; how long it takes is not known yet."""
        # A task that has a total keeps it; only a new one has none.
        self._bar.remove_task(self._task)
        self._task = self._bar.add_task(what, total=None)

    def step(self, epoch: int, step: int, metrics: Mapping[str, float]) -> None:
        """Move on by a step."""
        words = f"Epoch {epoch} of {self.epochs}" + (
            f", loss {figure(metrics['loss'])}" if "loss" in metrics else ""
        )
        self._bar.update(
            self._task,
            description=words,
            total=self.epochs * self.steps,
            completed=(epoch - 1) * self.steps + step,
        )

    def rows(self, done: int, total: int) -> None:
        """Move on by some rows."""
        self._bar.update(self._task, total=total, completed=done)


def epoch_line(epoch: Epoch) -> str:
    """An epoch's figures in one line."""
    # What was measured in training first, the loss before all others.
    order = sorted(
        epoch.metrics, key=lambda name: (name.startswith(VALIDATION), base(name) != "loss")
    )
    parts = [f"{_called(name)} {written(name, epoch.metrics[name])}" for name in order]
    return f"Epoch {epoch.number}: {', '.join(parts or ['no metrics'])}, {duration(epoch.seconds)}"


def _called(name: str) -> str:
    name = visible(name)
    return f"validation {name.removeprefix(VALIDATION)}" if name.startswith(VALIDATION) else name
