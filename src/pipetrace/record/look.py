"""The first look at a model's stages: what it will take, and when there is room for it."""

import math
import os
import time

from pipetrace.capture import internals
from pipetrace.capture.guard import contained
from pipetrace.capture.hook import TookTooLongError
from pipetrace.capture.weights import weights
from pipetrace.record.describe import Description, read_stages, see_stages
from pipetrace.record.state import State
from pipetrace.trace.overhead import BUDGET, UNSUPPORTED

LOOK_SECONDS, LOOK_SECONDS_A_LAYER = 0.05, 0.0035
"""What a first look at the stages takes, for the model and for each layer: measured on two cores,
where MobileNetV2 with its 155 layers took 0.55 s and the digits' five 0.05 s."""
LOOK_OF_TRACE = 0.12
"""The same as a share of what Keras takes to trace and compile the first step: a look needs the
forward pass only, and once. It tells of somebody's own layers that trace slowly, as with loops."""
STEP_TIMES = 3.0
"""A training step is traced with its gradients, which takes so many times as long."""
TRACING_SHARE = 0.6
"""Share of the time for a look after which tracing is given up; the rest is for the first pass."""
CLOSING_SECONDS = 0.3
"""What is kept for measurements and the end of the file where a look takes all that is left."""
LOOK_SHARE = 0.6
"""Share of what recording may take while training runs for the first look at the stages."""


class FirstLook:
    """Looks at the stages once, where there is room for it, and writes the description then."""

    def __init__(self, state: State, description: Description) -> None:
        self._state, self._description = state, description
        self.allowed = True  # whether to look at all; off where the model is known to fail
        self._error: BaseException | None = None
        self._at_least = 0.0
        self._trains: list[tuple[int, bool]] = []
        self._steps: list[float] = []
        self._step_began: float | None = None

    def fit_begins(self, *, allowed: bool) -> bool:
        """Look, where that can be afforded before the first step; see what changed since before."""
        state, self.allowed, self._step_began = self._state, allowed, None
        trains = [(id(each), bool(each.trainable)) for each in weights(state.model)]
        if state.measure is not None and trains != self._trains:
            if [each for each, _ in trains] == [each for each, _ in self._trains]:
                state.measure.forward.recount()  # thawed or frozen, and otherwise the same
                self._write()
            else:
                state.measure = None
        self._trains = trains
        return self.if_affordable()

    def epoch_begins(self) -> None:
        """An epoch begins, or goes on after a pause that is not a step's."""
        self._step_began = time.perf_counter()
        if self._state.measure is None and self._state.epoch > 1:
            self.if_affordable()

    def step_ends(self) -> None:
        """A step is done; from the first two it is known how long Keras' own tracing took."""
        self.lose_failed()  # the model does run, so it was the recorder
        if len(self._steps) < 2 and self._step_began is not None:
            now = time.perf_counter()
            self._steps.append(now - self._step_began)
            if len(self._steps) == 2 and self._state.measure is None:
                self.if_affordable()
            self._step_began = time.perf_counter()

    def seconds(self) -> float:
        """What a look will take; infinite where that cannot be known yet."""
        by_layers = LOOK_SECONDS + LOOK_SECONDS_A_LAYER * self._state.layers()
        if self._state.source.are_batches:
            by_layers *= STEP_TIMES * _waits()
        by_layers = max(by_layers, self._at_least)
        # Layers of Keras' own take about the same each; others may trace as much as they like.
        if all(internals.is_of_keras(type(each)) for each in self._inner_layers()):
            return by_layers
        if len(self._steps) == 2:
            return max(by_layers, LOOK_OF_TRACE * (self._steps[0] - self._steps[1]))
        if self._state.cost.training or self._step_began is None:
            return math.inf
        # It ended, or failed, in its first or second step.
        first = self._steps[0] if self._steps else time.perf_counter() - self._step_began
        return max(by_layers, LOOK_OF_TRACE * first)

    def if_affordable(self) -> bool:
        """Look, where that was not done and the budget has room for it."""
        state = self._state
        if (
            state.measure is not None
            or state.source.shown is None
            or not self.allowed
            or not state.can("stages")
            or not state.is_built  # the first pass would take names that training would take
        ):
            return False
        # A short training pays it from what it may take in all, of which epochs want a part too.
        seconds = self.seconds()
        if not state.budget.has_room_for(seconds / LOOK_SHARE):
            return False
        self.now(state.budget.allowed() - state.budget.spent)
        return state.measure is not None

    def at_end(self) -> bool:
        """Training is over: look, where that was not done and the allowance has room for it."""
        state = self._state
        if state.measure is not None or not self.allowed:
            return False
        # Everything else is of the stages, so they may take what is kept in reserve, too.
        left = state.allowance.left_with_reserve - CLOSING_SECONDS
        if self.seconds() <= left:
            self.now(left)
        return state.measure is not None

    def now(self, seconds: float = math.inf) -> None:
        """See which stages the model has, by its rows; tracing is given up after so many seconds.

        Where that fails it may be the model that fails, and then the training is about to say so.
        """
        state = self._state
        if state.source.shown is None or not state.can("stages"):
            return
        # Within a step nobody else contains what the model does when it is traced once more.
        kept = contained(lambda error: self._keep(error, seconds))
        with state.cost.of("stages"), kept:
            began, worked = time.perf_counter(), time.thread_time()
            see_stages(state, state.source.shown, began + TRACING_SHARE * seconds)
            worked = max(time.thread_time() - worked, 1e-3)
            state.slowness = max(1.0, (time.perf_counter() - began) / worked)
        if state.measure is None:
            return
        self._write()
        self._description.read_beside()

    def _keep(self, error: BaseException, seconds: float) -> None:
        if isinstance(error, TookTooLongError):
            self._at_least = 2 * seconds  # who may take much more tries again
        else:
            self._error = error

    def without_tracing(self) -> None:
        """Take the stages as the model was built, and say what is missing."""
        state, rows = self._state, self._state.source.shown
        if rows is None:
            state.skipped["stages", UNSUPPORTED] = 1
            return
        with state.safely("stages"):
            read_stages(state, rows)
        state.skipped["stages" if state.untraced is None else "passes", BUDGET] = 1

    def lose_failed(self) -> None:
        """The model does run, so that a look which failed is the recorder's fault."""
        if self._error is not None:
            self._state.lose("stages", self._error)
            self._error = None

    def _write(self) -> None:
        with self._state.safely("writing"):
            self._description.renewed()
            self._description.write()

    def _inner_layers(self) -> list[object]:
        model = self._state.model
        inner = [each for each in internals.all_layers(model) if each is not model]
        # A model of somebody's own is as slow as its layers, unless it has none.
        return inner or [model]


def _waits() -> float:
    """How many times as long something takes as on a machine at rest, by what else runs on it."""
    if not hasattr(os, "getloadavg"):
        return 1.0
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
