"""How much of the training time recording may take, and what that leaves room for."""

import math
import time
from dataclasses import dataclass
from typing import Any

from pipetrace.errors import ArgumentError
from pipetrace.record.cost import Cost

SHARE = 0.02
"""Of the training time, when nothing else is said."""
FLOOR = 0.5
"""Seconds that recording may take in all in a short training, whose share would not pay for a first look."""
SHORT = 60.0
"""Seconds up to which a training is short."""
AIM = 0.25
"""Seconds that the measurements of a short training's epochs are planned to take in all. The floor is twice that, for what
cannot be told beforehand."""
FIRST = 0.25
"""Of what is left in all, the share that a measurement may take whose cost is only guessed."""
EPOCH_PARTS = ("epoch", "probe", "weights", "writing")
"""What is done for each epoch by the schedule's choice, as ``Cost`` names the parts."""


def check_budget(share: float | None) -> None:
    """See whether a budget is one.

    Raises:
        ArgumentError: it is no share of a time.
    """
    if share is None:
        return
    given: Any = share
    if isinstance(given, bool) or not isinstance(given, (int, float)) or not 0 <= given <= 1:
        raise ArgumentError(
            f"The budget must be a share of the training time from 0 to 1, received {share!r}.",
            where="budget",
            hint="Give for example budget=0.02 for 2 %, or budget=None to record all, whatever it takes.",
        )


class Budget:
    """What recording may take while training runs.

    Args:
        share: of the training time; None sets no limit.
        cost: what was taken.
    """

    def __init__(self, share: float | None, cost: Cost) -> None:
        self.share, self.cost = share, cost
        self._before = 0.0
        self._since: float | None = None

    def start(self) -> None:
        """Training begins, or goes on."""
        self._since = time.perf_counter()
        self.cost.training = True

    def stop(self) -> None:
        """Training is over; what is measured from here on is outside the budget."""
        if self._since is not None:
            self._before += time.perf_counter() - self._since
            self._since = None
        self.cost.training = False

    @property
    def training(self) -> float:
        """Seconds of training so far, without those that it waited for the recording."""
        now = 0.0 if self._since is None else time.perf_counter() - self._since
        return max(0.0, self._before + now - self.cost.during)

    @property
    def spent(self) -> float:
        """Seconds that count: those that training waited, and processor time beside it, which it may have missed."""
        return self.cost.during + self.cost.background

    def allowed(self, training: float | None = None) -> float:
        """Seconds that recording may take in all, by a training of so many seconds, or by what there was of it so far."""
        if self.share is None:
            return math.inf
        seconds = self.training if training is None else training
        limit = self.share * seconds
        return max(limit, FLOOR) if seconds < SHORT else limit

    def has_room_for(self, seconds: float) -> bool:
        """Whether a work of so many seconds fits now."""
        return self.spent + seconds <= self.allowed()


@dataclass(frozen=True)
class Detail:
    """What is measured after an epoch, beside its metrics.

    Attributes:
        part: the share of the probe's rows that pass the model; 0 for none.
        channels: whether channels are summarised each by itself.
        weights: whether the weights are summarised.
    """

    part: float
    channels: bool
    weights: bool


FULL = Detail(1.0, channels=True, weights=True)
PLAIN = Detail(1.0, channels=False, weights=True)
SOME = Detail(0.25, channels=False, weights=True)
NOTHING = Detail(0.0, channels=False, weights=False)

LEVELS = {FULL: 1.0, PLAIN: 0.6, SOME: 0.25}
"""What may be chosen, most first, and what it costs beside the first, until it was measured."""


class Schedule:
    """Chooses after each epoch how much of it is measured, by what that took before and by what the budget leaves.

    The same rows and the same statistics in fewer epochs tell more than fewer of them in every epoch, so epochs are left
    out only where even a quarter of the rows is too much, and then evenly.

    Args:
        budget: of the recording.
    """

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self._seconds: dict[Detail, float] = {}
        self._chosen: Detail | None = None
        self._spent = 0.0
        self._last = 0

    def choose(self, epoch: int, planned: int, guess: float) -> Detail:
        """What to measure after an epoch that has just ended.

        Args:
            epoch: its number, 1 for the first.
            planned: how many there are to be.
            guess: seconds that all would take, as far as one can tell without having done it.
        """
        self._learn()
        detail = self._choose(epoch, max(planned, epoch), guess)
        self._chosen, self._spent = detail, self.budget.cost.counted(EPOCH_PARTS)
        if detail is not NOTHING:
            self._last = epoch
        return detail

    def _choose(self, epoch: int, planned: int, guess: float) -> Detail:
        if self.budget.share is None:
            return FULL
        whole = self.budget.training * planned / epoch
        left = max(AIM if whole < SHORT else 0.0, self.budget.share * whole) - self.budget.spent
        now = self.budget.allowed() - self.budget.spent
        each = left / (planned - epoch + 1)
        if not self._seconds:
            return next(
                (level for level in LEVELS if self._cost(level, guess) <= min(now, FIRST * left)),
                NOTHING,
            )
        for level in LEVELS:
            if self._cost(level, guess) <= min(each, now):
                return level
        if each <= 0:
            return NOTHING
        # What an epoch leaves over adds up until it pays for one.
        for level in LEVELS:
            cost = self._cost(level, guess)
            if cost <= now and epoch - self._last >= cost / each:
                return level
        return NOTHING

    def _cost(self, level: Detail, guess: float) -> float:
        if level in self._seconds:
            return self._seconds[level]
        for known, seconds in self._seconds.items():
            return seconds * LEVELS[level] / LEVELS[known]
        return guess * LEVELS[level]

    def _learn(self) -> None:
        """See what the last choice took. Its work in the background may not be done yet; then that shows the next time."""
        if self._chosen in LEVELS and self._chosen is not None:
            took = self.budget.cost.counted(EPOCH_PARTS) - self._spent
            before = self._seconds.get(self._chosen, took)
            self._seconds[self._chosen] = (before + took) / 2
