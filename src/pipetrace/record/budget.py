"""What recording takes, how much it may take, and what that leaves room for."""

import math
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from pipetrace.errors import ArgumentError

DEFAULT_SHARE = 0.02
"""Share of the training time, when nothing else is said."""
FLOOR = 0.5
"""Seconds that recording may take in all in a short training, whose share would not pay for a first
look."""
SHORT_TRAINING = 60.0
"""Seconds up to which a training is short."""
WHOLE_SHARE, WHOLE_SECONDS = 0.05, 2.0
"""What recording may cost a ``fit`` until it returns, everything included: a share of the training,
or seconds where that is more."""
PLANNED_OF_WHOLE = 0.4
"""Share of that which is planned; the rest is for what cannot be known beforehand."""
MOST_AWAITED = 120.0
"""Seconds that measuring after a training may take where other processes wait for this one to end;
JAX gives up after 300."""
PLANNED_FOR_FIRST = 0.7
"""The same share for the least of what readers use first."""
PLANNED_OF_FLOOR = 0.25
"""Seconds that the measurements of a short training's epochs are planned to take in all. The floor
is twice that, for what cannot be known beforehand."""
FIRST_GUESS_SHARE = 0.25
"""Share of what is left in all that a measurement may take while its cost is only guessed."""
EPOCH_PARTS = ("epoch", "probe", "weights", "writing")
"""What is done for each epoch that is measured, as ``Cost`` names the parts."""

LOSS_CHECK_SHARE = 0.25
"""Share of the budget that looking at the loss may take."""
TIMED_CHECKS = 32
"""Looks at the loss after which their time is compared with that of the steps."""
RAREST_CHECK = 64
"""Steps between two looks at the loss, at the most."""


def check_budget(share: float | None) -> None:
    """Raise an ``ArgumentError`` unless a budget is a share of a time, or None."""
    if share is None:
        return
    given: Any = share
    if isinstance(given, bool) or not isinstance(given, (int, float)) or not 0 <= given <= 1:
        raise ArgumentError(
            f"The budget must be a share of the training time from 0 to 1, received {share!r}.",
            where="budget",
            hint="Give for example budget=0.02 for 2 %, or budget=None to record everything.",
        )


class Cost:
    """Seconds spent on recording."""

    def __init__(self) -> None:
        # seconds by part, those in the background in processor time
        self.parts: dict[str, float] = {}
        # of the parts, what counts while training runs, waited for or beside it
        self.beside_training: dict[str, float] = {}
        # after: seconds when training was over
        # background: processor seconds of other threads while training ran
        # during: seconds that training waited
        self.during, self.background, self.after = 0.0, 0.0, 0.0
        self.training = False  # whether training runs now
        self.thread = threading.get_ident()  # the one that trains
        self._lock = threading.Lock()
        self._own = threading.local()

    @contextmanager
    def of(self, part: str) -> Iterator[None]:
        """Add the time of the block to a part, without that of other parts within it.

        Training does not wait for another thread, such as one that Keras draws batches ahead in.
        """
        if self.training and threading.get_ident() != self.thread:
            with self.beside(part):
                yield
            return
        within: list[float] = self._own.__dict__.setdefault("within", [])
        began = time.perf_counter()
        within.append(0.0)
        try:
            yield
        finally:
            took = time.perf_counter() - began
            self.add(part, took - within.pop())
            if within:
                within[-1] += took

    @contextmanager
    def beside(self, part: str) -> Iterator[None]:
        """Add the processor time of the block, which runs beside the training in this thread."""
        began = time.thread_time()
        try:
            yield
        finally:
            self.add(part, time.thread_time() - began, background=True)

    def add(self, part: str, seconds: float, *, background: bool = False) -> None:
        """Add seconds to a part."""
        with self._lock:
            self.parts[part] = self.parts.get(part, 0.0) + seconds
            if not self.training:
                self.after += seconds
                return
            self.beside_training[part] = self.beside_training.get(part, 0.0) + seconds
            if background:
                self.background += seconds
            else:
                self.during += seconds

    def counted(self, parts: Iterable[str]) -> float:
        """Seconds of some parts while training ran."""
        return sum(self.beside_training.get(part, 0.0) for part in parts)


class Budget:
    """What recording may take of the training time while training runs; with share None any."""

    def __init__(self, share: float | None, cost: Cost) -> None:
        self.share, self.cost = share, cost
        self._before = 0.0
        self._since: float | None = None

    def start(self) -> None:
        """Training begins, or goes on."""
        self._since = time.perf_counter()
        self.cost.training, self.cost.thread = True, threading.get_ident()

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
        """Seconds that count: those that training waited, and processor time beside it."""
        return self.cost.during + self.cost.background

    def allowed(self, training: float | None = None) -> float:
        """Seconds that recording may take in all, of a training of so many seconds or so far."""
        if self.share is None:
            return math.inf
        seconds = self.training if training is None else training
        limit = self.share * seconds
        return max(limit, FLOOR) if seconds < SHORT_TRAINING else limit

    def has_room_for(self, seconds: float, parts: Iterable[str] = (), share: float = 1.0) -> bool:
        """Whether work of so many seconds fits now, and into the share of the parts that it is of.

        With a share below 1 the floor of a short training is not touched.
        """
        if self.share is None:
            return True
        if share < 1:
            limit = share * self.share * self.training
            if self.cost.counted(parts) + seconds > limit:
                return False
        return self.spent + seconds <= self.allowed()


class Allowance:
    """What recording may cost one ``fit`` in all, from its begin until it returns."""

    def __init__(self, budget: Budget) -> None:
        # is_limited: whether there is a limit
        self.budget, self.is_limited = budget, True
        self._training, self._spent, self._after, self._is_awaited = 0.0, 0.0, 0.0, False

    def fit_begins(self, *, limited: bool, awaited: bool = False) -> None:
        """Each ``fit`` has an allowance of its own; ``awaited`` where other processes wait for its
        end."""
        self.is_limited, self._is_awaited = limited, awaited
        self._training, self._spent = self.budget.training, self._spent_in_all
        self._after = self.budget.cost.after

    @property
    def _spent_in_all(self) -> float:
        return self.budget.spent + self.budget.cost.after

    @property
    def left(self) -> float:
        """Seconds that may still be planned for."""
        return self._left(PLANNED_OF_WHOLE)

    @property
    def left_for_first(self) -> float:
        """Seconds that may still be planned for the least of what readers use first."""
        return self._left(PLANNED_FOR_FIRST)

    @property
    def left_with_reserve(self) -> float:
        """Seconds until the limit itself."""
        return self._left(1.0)

    def _left(self, planned: float) -> float:
        if not self.is_limited:
            return math.inf
        whole = max(WHOLE_SHARE * (self.budget.training - self._training), WHOLE_SECONDS)
        after = MOST_AWAITED - (self.budget.cost.after - self._after)
        left = planned * whole - (self._spent_in_all - self._spent)
        return min(left, planned * after) if self._is_awaited else left

    def has_room_for(self, seconds: float, share: float = 1.0) -> bool:
        """Whether work of so many seconds fits, in a share of what is left."""
        return not self.is_limited or seconds <= share * self.left


class EpochSchedule:
    """Chooses after which epochs to measure, by what that took before and what the budget leaves.

    The same measurement in fewer epochs says more than less of it in every epoch. So epochs are
    left out where all of them would be too much, evenly spread.
    """

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self._seconds: float | None = None
        self._measured, self._spent, self._last = False, 0.0, 0

    def choose(self, epoch: int, planned: int, guess: float) -> bool:
        """Whether to measure after an epoch of those planned; ``guess`` seconds, until it was
        measured once.
        """
        self._learn()
        self._measured = self._fits(epoch, max(planned, epoch), guess)
        self._spent = self.budget.cost.counted(EPOCH_PARTS)
        if self._measured:
            self._last = epoch
        return self._measured

    def _fits(self, epoch: int, planned: int, guess: float) -> bool:
        share, spent = self.budget.share, self.budget.spent
        if share is None:
            return True
        whole = self.budget.training * planned / epoch
        left = max(PLANNED_OF_FLOOR if whole < SHORT_TRAINING else 0.0, share * whole) - spent
        now = self.budget.allowed() - spent
        each = left / (planned - epoch + 1)
        if self._seconds is None:
            return guess <= min(now, FIRST_GUESS_SHARE * left)
        if self._seconds <= min(each, now):
            return True
        # What an epoch leaves over adds up until it pays for one.
        return each > 0 and self._seconds <= now and epoch - self._last >= self._seconds / each

    def _learn(self) -> None:
        """See what the last measurement took; background work may show only the next time."""
        if self._measured:
            took = self.budget.cost.counted(EPOCH_PARTS) - self._spent
            self._seconds = took if self._seconds is None else (self._seconds + took) / 2


class LossChecks:
    """Checks after how many steps the loss is still finite.

    A look asks for a value that the device may not have computed yet, so on a GPU it can take as
    long as the step. Then it is done after every second step, every fourth, and so on. Keras' loss
    is the average since the epoch began. It stays NaN once it is, so no break is missed within an
    epoch.
    """

    def __init__(self, budget: Budget) -> None:
        # value: what it was at the last look
        # sound: the last step of the epoch after which the loss was finite; 0 before the first
        # every: the steps from one look to the next
        self.every, self.sound, self.value = 1, 0, math.nan
        self._budget = budget
        self._next = 0
        self._restart()

    def epoch_begins(self) -> None:
        """Steps are counted from 1 again."""
        self._next, self.sound = 0, 0
        self._restart()

    def is_due(self, step: int) -> bool:
        """Whether to look after this step."""
        return step >= self._next

    def look(self, loss: Any, step: int) -> bool:
        """Look at a loss, and say whether it is finite."""
        began = time.perf_counter()
        self.value = float(loss)
        if not math.isfinite(self.value):
            return False
        self.sound = step
        self._next = step + self.every
        self._looks += 1
        self._took += time.perf_counter() - began
        if self._looks >= TIMED_CHECKS:
            self._adjust()
        return True

    def _adjust(self) -> None:
        passed, share = time.perf_counter() - self._began, self._budget.share
        if (
            share is not None
            and self._took > LOSS_CHECK_SHARE * share * passed
            and self.every < RAREST_CHECK
        ):
            self.every *= 2
        self._restart()

    def _restart(self) -> None:
        self._looks, self._took, self._began = 0, 0.0, time.perf_counter()
