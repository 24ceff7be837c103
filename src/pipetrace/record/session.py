"""One model's recording, over as many calls of ``fit`` as there are: the same for every door."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from pipetrace.capture import facts, internals
from pipetrace.capture.distributed import processes
from pipetrace.capture.fit import FitCall
from pipetrace.capture.train_step import trains_by_step
from pipetrace.capture.weights import iterations
from pipetrace.errors import in_short
from pipetrace.record import live_findings, privacy
from pipetrace.record.budget import LossChecks
from pipetrace.record.describe import (
    Description,
    metrics_of,
    name_sources,
    overhead,
    renew_sources,
    see_stages,
)
from pipetrace.record.epochs.alerts import Alerts
from pipetrace.record.epochs.cell import Cell
from pipetrace.record.epochs.recorder import EpochRecorder
from pipetrace.record.finish import measure_after_training
from pipetrace.record.look import FirstLook
from pipetrace.record.measure import failure
from pipetrace.record.progress import asks_for_all, shown
from pipetrace.record.standard_error import say_once
from pipetrace.record.state import BRIEF, NONE, Settings, State
from pipetrace.trace.document import FAILED, FINISHED, INTERRUPTED, STOPPED, Ending, Epoch, Stage
from pipetrace.trace.events import DATA_ENDED, LOSS, NO_BATCHES, UNFINISHED, Event
from pipetrace.trace.overhead import (
    BUDGET,
    DECLINED,
    INTERRUPTED_BY_USER,
    UNSUPPORTED,
    Overhead,
)
from pipetrace.trace.training import MOST_EVALUATIONS, Evaluation

ROWS_SHARE = 0.3
"""Share of what recording may take for copying batches."""
AFTER_FAILURE_SECONDS = 2.0
"""Seconds that measurements which waited may take where training was interrupted or raised."""


class Session:
    """The recording of one model."""

    def __init__(self, model: Any, settings: Settings) -> None:
        self.state = State(model, settings)  # what is known so far
        # seconds: of the epoch that ended last
        # is_open: whether a training is being recorded
        self.is_open, self.seconds = False, 0.0
        self.trouble: str | None = None  # why the model cannot take the rows, after ``look_only``
        self._description = Description(self.state)
        self._epochs = EpochRecorder(self.state, self.overhead)
        self._losses = LossChecks(self.state.budget)
        self._cell = Cell(self.state)
        self.alerts = Alerts(self.state)  # what the rules find while it is recorded
        self._first_look = FirstLook(self.state, self._description)
        self._loss_is_broken = False
        self._began, self._waited, self._steps_took = 0.0, 0.0, 0.0
        self._in_epoch = False

    def begin(self, call: FitCall, steps: int | None, *, look: bool = True) -> None:
        """A ``fit`` begins, of so many steps an epoch where Keras knows.

        ``look`` is off where the model's stages are known to fail.
        """
        state = self.state
        state.budget.start()
        state.meeting = processes.meeting(state.settings.path.name)
        if not state.epoch:
            state.iterations = iterations(state.model, call.optimizer)
        brief = state.settings.budget is not None and state.settings.after == BRIEF
        spread = processes.spread(state.model, call.replicas)
        state.allowance.fit_begins(limited=brief, awaited=spread.processes is not None)
        state.planned = state.epoch + max(0, call.epochs - call.initial_epoch)
        state.step, self._loss_is_broken = 0, False
        self.alerts.fit_begins()
        self._cell.begins()
        state.steps, state.steps_together = steps, internals.steps_per_call(state.model)
        self._losses.epoch_begins()
        if self.is_open:
            state.note(Event(UNFINISHED, state.epoch or None))
        with state.safely("stages"):
            if trains_by_step(state.model):
                state.source.become_batches()
            state.source.fit_begins(call, spread)
            renew_sources(state)
        self._description.fit_begins()
        self._open()
        missing = [*internals.unsupported(state.model), *([] if call.known else ["fit arguments"])]
        state.skipped |= {(what, UNSUPPORTED): 1 for what in missing}
        state.limit_rows()
        if not self._first_look.fit_begins(allowed=look):
            self._description.read_beside()
        self._epochs.begins()

    def _open(self) -> None:
        state = self.state
        with state.safely("writing"):
            run = self._description.renewed()
            if not self.is_open:
                state.begin_writing(run)
                if state.epoch:
                    self._description.write()
            self.is_open = True

    def saw_batches(self, seen: list[Any], *, complete: bool) -> None:
        """Batches passed on their way into the training; the first ones show the stages."""
        with self.state.safely("rows"):
            self.state.source.passed(seen, complete=complete)
            self.state.limit_rows()
        self._first_look.if_affordable()

    @property
    def wants_batches(self) -> bool:
        """Whether the rows, or only their number in a batch, have to be taken from what passes."""
        source = self.state.source
        return (source.shown is None or source.batch_size is None) and self.state.can("rows")

    def saw_validation(self, seen: list[Any], *, complete: bool) -> None:
        """Batches passed on their way into the first validation."""
        with self.state.safely("rows"):
            self.state.source.validated(seen, complete=complete)

    @property
    def wants_validation_batches(self) -> bool:
        """Whether the validation rows have to be taken from what passes."""
        source = self.state.source
        unknown = source.validation is None and source.call.validation is not None
        return unknown and self.state.can("rows")

    def has_enough_batches(self) -> bool:
        """Whether copying batches has taken as long as it may, or one tells all."""
        return self.state.source.are_known or self.has_taken_long()

    def has_taken_long(self) -> bool:
        """Whether copying batches has taken as long as it may."""
        state = self.state
        return (
            state.budget.share is not None
            and state.cost.parts.get("rows", 0.0) > ROWS_SHARE * state.budget.allowed()
        )

    def epoch_begins(self, began: float | None = None) -> None:
        """Start the clock, or take the time of ``time.perf_counter`` when it was started."""
        state = self.state
        state.epoch += 1
        state.planned = max(state.planned, state.epoch)
        state.step = 0
        self._in_epoch = True
        self._first_look.epoch_begins()
        self._losses.epoch_begins()
        self.alerts.epoch_begins()
        self._began = time.perf_counter() if began is None else began
        self._waited = state.cost.during

    def step_ends(self, logs: Mapping[str, Any]) -> bool:
        """A step is done; False where the loss of its logs has just been found to be NaN or Inf."""
        cost = self.state.cost
        began, counted = time.perf_counter(), cost.during
        sound = self._step_ends(logs)
        self._steps_took += time.perf_counter() - began - (cost.during - counted)
        return sound

    def _step_ends(self, logs: Mapping[str, Any]) -> bool:
        state = self.state
        state.step += state.steps_together
        self._first_look.step_ends()
        number = state.step // state.steps_together
        self._epochs.before_last_step(number)
        name = "loss" if "loss" in logs else state.loss_name
        if self._loss_is_broken or name not in logs or not self._losses.is_due(state.step):
            return True
        try:
            sound = self._losses.look(logs[name], state.step)
        except Exception as error:  # such as a loss of somebody's own that is no single number
            state.lose("loss checks", error)
            self._loss_is_broken = True
            return True
        self._epochs.step_ends(self._losses.value, number)
        self._loss_is_broken = not sound
        return sound

    def loss_broke(self) -> None:
        """The loss is NaN or Inf; find where that began."""
        state = self.state
        with state.safely("loss checks"):
            if state.measure is None:
                self._first_look.now()  # whatever it takes: this is what the recorder is for
            loss, last = self._losses.value, self._losses.sound
            events = [Event(LOSS, value=loss, last_finite_step=last)]
            events += failure.not_finite(state.suspect, loss, self._epochs.sound)
            self._note_all(events, state.epoch, state.step)
        self.alerts.look(loss_broke=True)

    def epoch_ends(self, logs: Mapping[str, Any]) -> None:
        """Measure what the budget has room for."""
        state = self.state
        state.cost.add("steps", self._steps_took)
        self._steps_took, self._in_epoch = 0.0, False
        self.seconds = time.perf_counter() - self._began - (state.cost.during - self._waited)
        self._check_steps()
        last = state.epoch >= state.expected or facts.stops(state.model)
        if last:
            # Nothing waits for this any more, so it is outside the budget.
            state.budget.stop()
            if state.settings.after != NONE and self._first_look.at_end():
                state.skipped["late stages", BUDGET] = 1
        metrics = metrics_of(logs)
        rate = facts.learning_rate(state.model, state.source.call.optimizer)
        epoch = Epoch(state.epoch, metrics, self.seconds, rate, steps=state.step or None)
        self._epochs.epoch_ends(epoch, last=last)
        self._cell.epoch(epoch)
        if not last:
            self.alerts.look()

    def _check_steps(self) -> None:
        """See whether the data lasted for the whole epoch."""
        state = self.state
        if state.steps is not None:
            state.step = min(state.step, state.steps) if state.step else 0
        if not state.step:
            state.note(Event(NO_BATCHES, state.epoch))
        elif (state.steps or 0) > state.step and not facts.stops(state.model):
            event = Event(DATA_ENDED, state.epoch, state.step, count=state.step, total=state.steps)
            state.note(event)

    def evaluated(self, found: Evaluation) -> None:
        """The program has evaluated the model; an evaluation that is there is not added again."""
        state = self.state
        is_whole = not self._in_epoch or (state.steps is not None and state.step >= state.steps)
        ended, step = (state.epoch, 0) if is_whole else (state.epoch - 1, state.step)
        made = replace(found, epoch=ended, step=step)
        if made in state.evaluations or len(state.evaluations) >= MOST_EVALUATIONS:
            return
        state.evaluations.append(made)
        if state.writer is not None and state.can("writing") and state.can("evaluations"):
            with state.safely("evaluations"):
                state.writer.add_evaluations(tuple(state.evaluations))

    def end(self) -> None:
        """The ``fit`` is over: measure what waits for it, and close the trace."""
        if not self.is_open:
            return
        state = self.state
        state.budget.stop()
        try:
            if state.settings.after != NONE:
                self._first_look.at_end()
            self._first_look.lose_failed()  # training is over, so it was not the model that failed
            if state.measure is None and state.epoch and "stages" not in state.errors:
                self._first_look.without_tracing()
            self._epochs.ends()
            with state.safely("writing"):
                self._description.read_now()
                self._description.write()
            if state.settings.after == NONE:
                state.skip("after training", DECLINED)
            else:
                with state.safely("after training"), shown(state.settings) as progress:
                    measure_after_training(
                        state, progress, self._measure_what_waited, self._epochs.earlier()
                    )
        except KeyboardInterrupt:  # the training is over, and what was measured so far is there
            state.skip("after training", INTERRUPTED_BY_USER)
            if not asks_for_all(state.settings):
                raise
        finally:
            self.close(self._ending())

    def _ending(self) -> Ending:
        """How a training ended that did not fail."""
        state, rule = self.state, self.alerts.stopped_by
        is_cut = state.steps is not None and state.step < state.steps
        if state.epoch < state.planned or (rule and (is_cut or not state.source.call.epochs)):
            return Ending(STOPPED, epoch=state.epoch or None, rule=rule)
        return Ending(FINISHED, epoch=state.epoch or None)

    def failed(self, error: BaseException) -> None:
        """The ``fit`` raised; the trace says what, and where as far as that can be told."""
        if not self.is_open:
            return
        state = self.state
        state.budget.stop()
        ending = Ending(FAILED, in_short(error), None, *state.moment)
        if isinstance(error, KeyboardInterrupt):
            ending = replace(ending, kind=INTERRUPTED, error=None)
        try:
            if state.settings.after != NONE and isinstance(error, (Exception, KeyboardInterrupt)):
                self._measure_what_waited(min(AFTER_FAILURE_SECONDS, state.allowance.left))
            if isinstance(error, Exception):
                ending = replace(ending, stage=self._stage_that_failed(error))
        finally:  # also where Ctrl-C is pressed once more
            self.close(ending)

    def _stage_that_failed(self, error: Exception) -> str | None:
        """Find it, and write what is known of the stages before it."""
        state = self.state
        stage: str | None = None
        events: list[Event] = []
        seen: tuple[Stage, ...] = ()
        self._first_look.at_end()  # where the model runs, its outputs may not go with the loss
        with state.safely("failure"):
            name_sources(state)
            stage, events, seen = failure.of_exception(state.suspect, error)
        with state.safely("writing"):
            self._description.read_now()
            self._description.write(seen)
        self._note_all(events, *state.moment)
        return stage

    def close(self, ending: Ending) -> None:
        """End the trace, which may be opened again by another ``fit``."""
        state = self.state
        self.is_open = False
        state.budget.stop()
        if state.writer is None:
            return
        told = privacy.unnamed(ending) if state.settings.anonymous else ending
        state.writer.end(told, lambda: dict(state.cost.parts), self.overhead)
        if state.can("writing") and state.settings.verbose:
            with state.safely("findings"):
                for text in live_findings.at_end(state.path):
                    say_once(text)
        self.alerts.ends()
        if state.settings.log_to is not None and state.can("writing"):
            with state.safely("tracker"):
                if why := live_findings.log_artifacts(state.path, state.settings.log_to):
                    say_once(f"pipetrace: {why}")
        self._cell.ends()

    def look_only(self, progress: Callable[[int, int], None] | None) -> None:
        """Record the model as it is, without training it; an ``OutputError`` where it cannot be
        written.
        """
        state = self.state
        state.only_looks = True
        state.allowance.fit_begins(limited=False)
        self._description.read_now()
        self._open()
        self._raise_what_was_lost()
        try:
            if state.source.shown is not None:
                see_stages(state, state.source.shown)
        except Exception as error:
            self.trouble = in_short(error)
            self.failed(error)
            return
        self._description.read_now()
        self._description.write()
        measure_after_training(state, progress, lambda _: None)
        self.close(Ending(FINISHED))
        self._raise_what_was_lost()

    def _raise_what_was_lost(self) -> None:
        if self.state.writer is not None:
            self.state.writer.wait()
        if (error := self.state.errors.get("writing")) is not None:
            self.close(Ending(FAILED))
            raise error

    # What is written and said

    def overhead(self) -> Overhead:
        """What the recording took so far, and what was skipped."""
        return overhead(self.state, self._losses.every)

    def _measure_what_waited(self, seconds: float) -> None:
        """Measure the epochs that had to wait until training is over."""
        if self.state.can("measurements"):
            with self.state.safely("measurements"):
                self._epochs.finish(seconds)

    def _note_all(self, events: Iterable[Event], epoch: int | None, step: int | None) -> None:
        for event in events:
            self.state.note(replace(event, epoch=epoch, step=step))
