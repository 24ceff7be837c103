"""Looking at the loss of the steps, as often as the budget allows."""

import math
import time
from typing import Any

from pipetrace.record.budget import Budget

PART = 0.25
"""Of the budget's share, what looking at the loss may take."""
TIMED = 32
"""Looks after which their time is compared with that of the steps."""
RAREST = 64
"""Steps between two looks, at the most."""


class LossWatch:
    """Looks whether the loss is still a number.

    A look asks for a value that the device may not have computed yet, so on a GPU it can take as long as the step. Then it
    is done after every second step, every fourth, and so on. Keras' loss is the average since the epoch began, which stays
    broken once it is, so that no break is missed within an epoch.

    Attributes:
        every: the steps from one look to the next.
        sound: the last step of the epoch after which it was a number; 0 before the first.
        value: what it was at the last look.
    """

    def __init__(self) -> None:
        self.every, self.sound, self.value = 1, 0, math.nan
        self._budget: Budget | None = None
        self._next = 0
        self._looks, self._took, self._began = 0, 0.0, 0.0

    def begin(self, budget: Budget) -> None:
        """A ``fit`` begins."""
        self._budget = budget
        self._again()

    def epoch_begins(self) -> None:
        """Steps are counted from 1 again."""
        self._next, self.sound = 0, 0
        self._again()

    def is_due(self, step: int) -> bool:
        """Whether to look after this step."""
        return step >= self._next

    def look(self, loss: Any, step: int) -> bool:
        """Look at a loss, and say whether it is a number."""
        began = time.perf_counter()
        self.value = float(loss)
        if not math.isfinite(self.value):
            return False
        self.sound = step
        self._next = step + self.every
        self._looks += 1
        self._took += time.perf_counter() - began
        if self._looks >= TIMED:
            self._adjust()
        return True

    def _adjust(self) -> None:
        passed = time.perf_counter() - self._began
        share = self._budget.share if self._budget is not None else None
        if share is not None and self._took > PART * share * passed and self.every < RAREST:
            self.every *= 2
        self._again()

    def _again(self) -> None:
        self._looks, self._took, self._began = 0, 0.0, time.perf_counter()
