"""What a selfcheck found: facts, which ``record`` measures and ``present`` puts into words."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class CheckedRun:
    """One run of the program: its recorder's budget, its seconds with the start, its epochs."""

    recorded: bool
    budget: float | None
    seconds: float
    epochs: int = 0


@dataclass(frozen=True)
class Difference:
    """A value that differs from the first plain run.

    Attributes:
        run: which of the runs.
        elements, size: how many elements differ, of how many; None where the shapes differ.
        largest: the largest absolute difference; None where there is none.
    """

    kind: str
    model: str
    name: str
    run: int
    elements: int | None = None
    size: int | None = None
    largest: float | None = None


@dataclass(frozen=True)
class Selfcheck:
    """What a selfcheck found.

    Attributes:
        models: those that were fitted, in order.
        runs: two plain ones, then the recorded ones.
        values: how many values were compared, by kind.
        unsure: what differs between the plain runs already, so that it says nothing.
        differences: what differs between the plain runs and a recorded one.
    """

    program: str
    models: tuple[str, ...]
    runs: tuple[CheckedRun, ...]
    values: Mapping[str, int]
    unsure: tuple[Difference, ...]
    differences: tuple[Difference, ...]

    @property
    def exit_code(self) -> int:
        """1 where recording changed something; 2 where that could not be seen of all; else 0."""
        if self.differences:
            return 1
        # A history may hold times; all else has to be proven.
        return 2 if any(each.kind not in ("history", "ending") for each in self.unsure) else 0
