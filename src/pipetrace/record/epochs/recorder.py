"""When an epoch is measured: at once, or from snapshots when training is over. ``measure/epoch.py``
measures it."""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from pipetrace.capture.weights import (
    Weights,
    copied,
    is_float,
    size,
    trainable,
    weights,
)
from pipetrace.record.budget import EpochSchedule
from pipetrace.record.epochs.weights import EpochWeights, WeightDigests
from pipetrace.record.measure import epoch as measuring
from pipetrace.record.measure import failure
from pipetrace.record.measure.epoch import EpochPass, LossGradients, WeightSummaries
from pipetrace.record.measure.outcomes import Found
from pipetrace.record.measure.snapshots import RECENT, Snapshot, Snapshots
from pipetrace.record.state import NONE, State
from pipetrace.stats import COARSE, activations
from pipetrace.trace.document import Array, Epoch
from pipetrace.trace.measurements import TRAINING
from pipetrace.trace.overhead import BUDGET, DISK, Overhead
from pipetrace.trace.writer import EpochFacts

MOST_FOLLOWED_WEIGHTS = 4_000_000
"""Weights of a larger model are not followed from step to step: it takes three copies of them."""
LAST_SHARE = 0.25
"""Share of what is left of the allowance for the last epoch's pass, which training is over with."""
LATER_SHARE = 0.4
"""Share of the budget for what could also wait until training is over."""
INITIAL, UPDATES, PASS, GRADIENTS = "initial weights", "updates", "signals", "gradients"
PARTS = (INITIAL, UPDATES, PASS, GRADIENTS)
"""What is measured of an epoch, 0 for before the first one."""
FROM_SNAPSHOTS = (INITIAL, UPDATES)
"""What needs no forward pass. It is cheap, and impossible once the epoch before was let go."""

SECONDS, SECONDS_A_LAYER, SECONDS_A_VALUE = 0.005, 0.0005, 10e-9
"""What measuring an epoch takes, for each layer, and for each value of stages and weights. These
are guesses on the high side, until it was measured."""
SECONDS_A_DIGEST = 0.001
"""What a digest of some weights takes: measured on two cores, 0.3 ms of 24 variables."""
SECONDS_A_VARIABLE, SECONDS_A_COPIED_VALUE = 100e-6, 2e-9
"""What copying the weights takes."""


class EpochRecorder:
    """Measures what each epoch left.

    Each part stands for itself, so one that fails or is skipped takes no other with it.
    ``overhead`` gives what recording took so far, when an epoch is written.
    """

    def __init__(self, state: State, overhead: Callable[[], Overhead]) -> None:
        self._state, self._overhead = state, overhead
        self._schedule = EpochSchedule(state.budget)
        self._snapshots = Snapshots()
        self._weights = EpochWeights(state, self._snapshots)
        self._digests = WeightDigests(state.model)
        self._summaries = WeightSummaries()
        self._gradients = LossGradients(state.model)
        # the last weights that were all finite, where the model is small enough
        self.sound: Weights = {}
        self._losses: list[float] = []
        self._sum, self._seen_step = 0.0, 0
        self._usual_steps: int | None = None
        self._before_last: dict[int, Array] = {}
        self._done: set[tuple[str, int]] = set()
        self._times: dict[str, int] = {}
        self._ended, self._missed, self._first = 0, 0, 0

    def begins(self) -> None:
        """Training is about to take its first step; what came before it cannot be seen again."""
        state = self._state
        self._first, self._usual_steps = state.epoch, None
        with state.safely("weight digests"):
            if not state.epoch and state.is_built:
                self._digests.note(0)
            state.fits[-1] = replace(state.fits[-1], initial_epoch=self._digests.epoch())
        weights_now = self._copy_weights(needed=self._follows())
        if not state.epoch and weights_now:
            self._snapshots.keep(0, Snapshot(weights_now))
            self._weights.write(0, weights_now)
            if state.source.batch_size is not None:  # else it waits for the first batch
                self._measure_what_fits(0)

    def before_last_step(self, step: int) -> None:
        """Keep the weights ahead of an epoch's last step, once a step is done."""
        last = self._state.steps or self._usual_steps
        if last is not None and step == last - 1 and self._follows():
            with self._state.safely("weight snapshots"):
                self._before_last = copied(trainable(self._state.model))

    def step_ends(self, loss: float, step: int) -> None:
        """Keep the loss of a step, by the epoch's mean so far; over steps without a look their
        mean.
        """
        total, since = loss * step, step - self._seen_step
        if since > 0:
            self._losses += [(total - self._sum) / since] * since
        self._sum, self._seen_step = total, step

    def epoch_ends(self, epoch: Epoch, *, last: bool) -> None:
        """Measure an epoch as the budget allows; it is written beside the training."""
        state, number = self._state, epoch.number
        self._ended += 1
        if state.can("weight digests") and (last or state.budget.has_room_for(SECONDS_A_DIGEST)):
            with state.safely("weight digests"):
                self._digests.note(number)
        with state.cost.of("epoch"):
            measured = self._chooses(number, last=last)
        near_end = number > state.expected - RECENT and self._follows()
        weights_now = self._copy_weights(needed=measured or near_end)
        passed = self._pass(number) if measured else None
        if state.writer is not None and state.can("writing"):
            kept = weights_now if measured else {}
            state.writer.add_epoch(self._facts(epoch, passed, kept))
        if passed is not None:
            self._beside("probe", number, passed.figures)
        self._end_of_steps(number)
        if weights_now and self._follows():
            self._snapshots.keep(number, Snapshot(weights_now, self._before_last))
        self._before_last = {}
        self._weights.write(number, weights_now, last=last)
        # After the last one, measurements have their turn among all that is measured then.
        if weights_now and not (last and state.allowance.is_limited):
            self._measure_what_fits(number)

    def ends(self) -> None:
        """The ``fit`` is over; callbacks may have brought back the weights of an earlier epoch."""
        state = self._state
        if state.epoch > self._first and state.can("weight digests"):
            with state.safely("weight digests"):
                differ, epoch = self._digests.differ(state.epoch), self._digests.epoch()
                known = replace(state.fits[-1], weights_differ=differ, weights_epoch=epoch)
                state.fits[-1] = known

    def earlier(self) -> Iterator[tuple[int, Weights]]:
        """The epochs whose weights are in the file, with all their weights."""
        self._weights.finish(self._ended)
        yield from self._weights.earlier()

    def finish(self, seconds: float) -> None:
        """Training is over: measure what waited for it, with the weights of its time.

        What would take longer than these seconds is skipped; the epochs measured are evenly spread.
        """
        state, began = self._state, time.perf_counter()
        # Where no epoch ended, a model that does not fit its data would only fail once more.
        if state.measure is None or state.source.shown is None or not self._ended:
            return
        self._weights.finish(self._ended)
        # What waited of an earlier fit would now be measured on other rows, by another loss.
        for number in self._snapshots.spread():
            if number <= self._first and self._first:
                continue
            waiting, kept = self._waiting(number), self._snapshots.of(number)
            if not waiting or kept is None:
                continue
            for part in waiting:
                if self._seconds(part) <= seconds - (time.perf_counter() - began):
                    self._measure(part, number, kept.weights)
        seen = {number for part, number in self._done if part == PASS and number}
        missed = self._ended - len(seen)
        if missed > self._missed:
            state.skip("measurements", BUDGET, missed - self._missed)
        self._missed = missed

    def _chooses(self, number: int, *, last: bool) -> bool:
        """Whether an epoch that has just ended is measured; a note of it where it is not."""
        state, measure = self._state, self._state.measure
        if not last and state.writer is not None and state.writer.is_behind:
            state.skip("probe", DISK)
            return False
        values = measure.extent.values * measure.extent.probe if measure else 0
        values += size(weights(state.model))
        guess = SECONDS + SECONDS_A_LAYER * state.layers() + SECONDS_A_VALUE * values
        if last:
            if state.settings.after == NONE:
                return False
            if state.allowance.has_room_for(guess, LAST_SHARE):
                return True
        elif self._schedule.choose(number, state.expected, guess):
            return True
        for what in ("probe", "weights"):
            state.skip(what, BUDGET)
        return False

    def _pass(self, number: int) -> EpochPass | None:
        """Pass the rows after an epoch; the weights are still those that it left."""
        state, rows = self._state, self._state.source.trained
        if state.measure is None or rows is None or not state.can("probe"):
            return None
        with state.safely("probe"):
            passed = EpochPass(state.measure, rows)
            self._done.add((PASS, number))
            return passed
        return None

    def _facts(
        self, epoch: Epoch, passed: EpochPass | None, weights_now: Weights
    ) -> Callable[[], EpochFacts]:
        """What makes an epoch's summaries later, in the writer's thread."""
        state, measure, rows = self._state, self._state.measure, self._state.source.shown
        named = measure.forward.variables() if measure and weights_now else {}
        examples: dict[str, Array] = {}
        if passed is not None and rows is not None:
            with state.safely("probe"):
                examples = passed.example(rows)

        def make() -> EpochFacts:
            probe, summaries = {}, {}
            if passed is not None and state.can("probe"):
                with state.safely_beside("probe"):
                    probe = passed.summaries()
            if named and state.can("weights"):
                with state.safely_beside("weights"):
                    of = {name: (each, weights_now[id(each)]) for name, each in named.items()}
                    summaries = self._summaries.of(of, measure.extent.bits if measure else COARSE)
            return replace(epoch, probe=probe, weights=summaries), examples, self._overhead()

        return make

    def _copy_weights(self, *, needed: bool) -> dict[int, Array]:
        """Copies of all weights; none where the budget has no room for that.

        Where they are few and finite they are remembered: what a broken step made of them cannot be
        undone.
        """
        state, found = self._state, dict[int, Array]()
        variables = weights(state.model)
        count = size(variables)
        seconds = SECONDS_A_VARIABLE * len(variables) + SECONDS_A_COPIED_VALUE * count
        if not needed and (
            count > failure.MOST_REMEMBERED or not state.budget.has_room_for(seconds)
        ):
            return found
        with state.safely("weight snapshots"):
            found = copied(variables)
        if found and state.can("loss checks"):
            with state.safely("loss checks"):
                if failure.are_sound(found):
                    self.sound = found
        return found

    def _end_of_steps(self, number: int) -> None:
        state = self._state
        if self._losses and state.can("steps"):
            with state.safely("steps"):
                state.add([(TRAINING, activations.step_losses(self._losses))], number)
        self._usual_steps = self._seen_step or None
        self._losses, self._sum, self._seen_step = [], 0.0, 0

    def _waiting(self, number: int) -> list[str]:
        return [
            part
            for part in PARTS
            if (part, number) not in self._done
            and self._state.can(part)
            and (part != INITIAL or not number)
        ]

    def _measure_what_fits(self, number: int) -> None:
        """Measure at once what the budget has room for; the weights are still this epoch's."""
        if self._state.measure is not None and self._state.can("writing"):
            for part in self._waiting(number):
                if self._has_room_for(part):
                    self._measure(part, number, None)

    def _has_room_for(self, part: str) -> bool:
        budget, seconds = self._state.budget, self._seconds(part)
        if part in FROM_SNAPSHOTS:
            return budget.has_room_for(seconds)
        return budget.has_room_for(seconds, PARTS, LATER_SHARE)

    def _measure(self, part: str, number: int, instead: Weights | None) -> None:
        state = self._state
        self._done.add((part, number))
        self._times[part] = self._times.get(part, 0) + 1
        if part == GRADIENTS and not number:
            # Where loss and targets do not fit, the training says so itself.
            with contextlib.suppress(Exception), state.cost.of(part):
                self._do(part, number, instead)
            return
        with state.safely(part):
            self._do(part, number, instead)

    def _do(self, part: str, number: int, instead: Weights | None) -> None:
        state, rows = self._state, self._state.source.trained
        measure = state.measure
        if measure is None or rows is None:
            return
        if part == PASS:
            self._beside(part, number, EpochPass(measure, rows, instead).figures)
            return
        variables = self._variables()
        trained = {name: each for name, each in variables.items() if each.trainable}
        if not self._follows():
            return
        if part == GRADIENTS:
            has_loss = rows.y is not None and getattr(state.model, "compiled", False)
            if (has_loss or measure.forward.step is not None) and trained:
                figures = self._gradients.measured(rows, measure, trained, instead)
                self._beside(part, number, figures)
            return
        start, now, before, earlier = (
            self._snapshots.of(each) for each in (0, number, number - 1, number - 2)
        )
        if part == INITIAL and now is not None:
            self._beside(part, number, lambda: measuring.initial(variables, now.weights))
        elif now is not None and before is not None and number:
            self._beside(
                part, number, lambda: measuring.updates(trained, now, before, start, earlier)
            )

    def _beside(self, part: str, number: int, figures: Callable[[], Found]) -> None:
        """Make figures beside the training; after it at once, since nothing else waits then."""
        state = self._state
        if state.writer is None:
            return
        if not state.cost.training:
            state.add(figures(), number)
            return

        def work() -> None:
            with state.cost.beside(part):
                found = figures()
            state.add(found, number)

        state.writer.do(part, work)

    def _seconds(self, part: str) -> float:
        """What a part will take: as it did on average; else a guess on the high side."""
        state, times = self._state, self._times.get(part, 0)
        if times:
            return state.cost.parts.get(part, 0.0) / times
        values = size(trainable(state.model))
        extent = state.measure.extent if state.measure else None
        passed = extent.values * extent.probe if extent else 0
        return {
            INITIAL: 200e-9 * values,
            UPDATES: 40e-9 * values,
            PASS: SECONDS + SECONDS_A_LAYER * state.layers() + SECONDS_A_VALUE * passed,
            # Tracing and compiling it takes some times what the forward pass alone took.
            GRADIENTS: 3 * max(0.05, state.cost.parts.get("stages", 0.0)),
        }[part]

    def _follows(self) -> bool:
        """Whether the weights are few enough to be followed."""
        return size(trainable(self._state.model)) <= MOST_FOLLOWED_WEIGHTS

    def _variables(self) -> dict[str, Any]:
        """The weights that hold real numbers, by their names in the trace."""
        measure = self._state.measure
        variables = measure.forward.variables() if measure else {}
        return {name: each for name, each in variables.items() if size([each]) and is_float(each)}
