"""The stages before a model, as far as they are known when its recording begins."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pipetrace.trace.document import Array, Stage, Summary


@dataclass(frozen=True, eq=False)
class Before:
    """What rows passed before the model.

    Attributes:
        stages: the source and the steps.
        sources: for each array that the model gets, the stage that gave it, and which of its outputs it is.
        summaries: of the stages' outputs over all rows.
        row: the number in the source of the first row that the model gets, or None where that is not known.
        way: for a row that the model gets, what it was at each stage, without the axis of rows, as far as that is known.
    """

    stages: tuple[Stage, ...]
    sources: tuple[tuple[str, int], ...]
    summaries: Mapping[str, Summary]
    row: int | None
    way: Callable[[int], Mapping[str, Array]]
