"""Records a run of the reference pipeline that takes long enough to be killed: ``python record_digits.py FILE``.

It prints each part of the work as it begins, and ``epoch N`` for each epoch that is in the trace.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

from pipetrace.demo.data import embedded_digits
from pipetrace.demo.model import Plan
from pipetrace.demo.run import record_digits
from pipetrace.trace.document import Epoch


class Said:
    """A progress on standard output."""

    def begins(self, what: str) -> None:
        """Say what begins."""
        print(what, flush=True)

    def step(self, epoch: int, step: int, metrics: Mapping[str, float]) -> None:
        """Say nothing."""

    def epoch(self, epoch: Epoch) -> None:
        """Say that an epoch is finished."""
        print("epoch", epoch.number, flush=True)

    def rows(self, done: int, total: int) -> None:
        """Say nothing."""


record_digits(embedded_digits(), Plan(rows=96, epochs=100_000), Path(sys.argv[1]), Said())
