"""A training of a run with one thing changed; ``pipetrace ablate`` adds it to the trace."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pipetrace.trace.records import Record

NONE = "none"
"""The change of the baseline, which changes nothing."""


@dataclass(frozen=True, repr=False, eq=False)
class Ablation(Record):
    """One training, from the same start and on the same rows as the run, with one thing changed."""

    change: str  # the code of the change, such as ``no_pooling``; ``none`` for the baseline
    # 1 for the initial weights and the order of rows that the run has itself; any other number drew
    # both anew
    seed: int
    ending: str  # as of a trace: ``finished``, ``stopped``, ``failed`` and so on
    epochs: int = 0  # how many it finished
    # those of the epoch whose weights the model has; none where no epoch was finished
    metrics: Mapping[str, float] = field(default_factory=dict)
    parameters: int | None = None  # how many the model has; None where it could not be built
    seconds: float | None = None  # of its epochs, without the recording
    layers: tuple[str, ...] = ()  # the layers that were removed or changed
    error: str | None = None  # why it failed, or could not be tried; None otherwise
    file: str = ""  # the name of its trace; empty where it has none
