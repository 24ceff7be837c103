"""Who is shown how a run goes."""

from collections.abc import Mapping
from typing import Protocol

from pipetrace.trace.document import Epoch


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
