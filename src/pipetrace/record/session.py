"""One model's recording: the same for every door, over as many calls of ``fit`` as there are."""

import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from pipetrace.capture import backend, batches, facts, internals, nests
from pipetrace.capture.fit import FitCall
from pipetrace.capture.forward import Forward
from pipetrace.capture.weights import is_built, weights
from pipetrace.record.budget import FLOOR
from pipetrace.record.line import Line
from pipetrace.record.measure import failure
from pipetrace.record.measure.after_training import finish
from pipetrace.record.measure.dataset import DataFacts
from pipetrace.record.measure.dynamics import Health
from pipetrace.record.measure.epoch import choose, keep_weights, take_down
from pipetrace.record.measure.preprocessing import before_dataset
from pipetrace.record.measure.rows import Measure, Rows, source_names, sources
from pipetrace.record.measure.snapshots import RECENT
from pipetrace.record.recording import Recording, Settings
from pipetrace.record.words import in_short
from pipetrace.record.writer_thread import Journal
from pipetrace.trace.document import (
    FAILED,
    FINISHED,
    INTERRUPTED,
    STOPPED,
    Ending,
    Epoch,
    Run,
    Stage,
    Training,
)
from pipetrace.trace.events import DATA_ENDED, NO_BATCHES, UNFINISHED, Event
from pipetrace.trace.overhead import BUDGET, DECLINED, UNSUPPORTED, Overhead, Skipped

SECONDS, SECONDS_A_LAYER = 0.05, 0.008
"""What a first look at the stages takes, for the model and for each layer: measured on two cores, where MobileNetV2 with its
155 layers took 1.25 s and the digits' five 0.05 s. A slower machine shows in what was spent, and the rest makes up for it."""
FOR_STAGES = 0.6
"""Of what the recording may take, the share that the first look at the stages may have."""
FOR_ROWS = 0.3
"""The share that taking batches down on their way may have."""
LONGEST, SHARE_AFTER = 20.0, 0.05
"""Seconds that the figures which waited for the end of a training may take, or the share of its time where that is more."""
AFTER_FAILURE = 2.0
"""The same where it was interrupted or raised: whoever waits then wants to know why."""
BYTES_A_SECOND = 300e6
"""At which the facts of rows and targets are read: a SHA-256 of all, and the targets' statistics."""


class Session(Recording):
    """The recording of one model: the same for every door, over as many calls of ``fit`` as there are."""

    def __init__(self, model: Any, settings: Settings) -> None:
        super().__init__(model, settings)
        self.data = DataFacts(self)
        self.health = Health(self)

    def begin(self, call: FitCall, steps: int | None, *, build: bool = True) -> None:
        """A ``fit`` begins.

        Args:
            call: its arguments.
            steps: how many steps an epoch has, where Keras knows.
            build: whether to look at the model's stages now; off where they are known to fail.
        """
        self.budget.start()
        self.call = call
        self.planned = self.epoch + max(0, call.epochs - call.initial_epoch)
        self.step, self._told_not_finite = 0, False
        self.steps = steps
        self.steps_together = internals.steps_per_call(self.model)
        self.losses.begin(self.budget)
        if self.open:
            self.note(Event(UNFINISHED, self.epoch or None))
        with self.safely("stages"):
            self._take_rows(call)
        with self.safely("writing"):
            self._run = self._facts(data=False)
            if self.writer is None:
                self.writer = Journal(self.settings.path, self.lose, self.cost)
            if not self.open:
                again = self.epoch > 0
                self.writer.begin(self._run)
                if again:
                    self._describe()
            self.open = True
        missing = [*internals.unsupported(self.model), *([] if call.known else ["fit arguments"])]
        self.skipped |= {(what, UNSUPPORTED): 1 for what in missing}
        trains = tuple(bool(variable.trainable) for variable in weights(self.model))
        # A model that was thawed or frozen between two fits has other parameters, and other stages perhaps.
        if self.measure is not None and trains != self._trains:
            self.measure = None
        self._trains = trains
        self.may_look = build
        if not self._look_if_affordable():
            self._tell_data()
        # Of what came before training no second copy can be had.
        self.health.begins(keep_weights(self, needed=self.health.follows()))

    def _take_rows(self, call: FitCall) -> None:
        """Take the rows that ``fit`` was given, where they are arrays and no others were asked for."""
        if self.rows is None:
            self.rows = _rows(call.x, call.y, call.sample_weight)
        if self.held_out is None and isinstance(call.validation, tuple):
            self.held_out = _rows(*batches.split(call.validation))

    def _look_if_affordable(self) -> bool:
        """Look at the stages, where that was not done and the budget has room for it."""
        if (
            self.measure is not None
            or self.rows is None
            or not self.may_look
            or not self.can("stages")
            or not is_built(self.model)  # the first pass would take names that training would take
        ):
            return False
        seconds = SECONDS + SECONDS_A_LAYER * self.layers()
        # The first look of a short training is paid from what it may take in all, of which the epochs want a part too.
        if self.budget.share is not None and not self.budget.has_room_for(seconds / FOR_STAGES):
            return False
        self.look()
        return True

    @property
    def wants_rows(self) -> bool:
        """Whether the rows have to be taken from what passes."""
        return self.rows is None and self.can("rows") and self.can("writing")

    def has_taken_enough(self) -> bool:
        """Whether taking rows down on their way has taken as long as it may, and there are enough to look at."""
        return (
            self.budget.share is not None
            and self.cost.parts.get("rows", 0.0) > FOR_ROWS * self.budget.allowed()
        )

    def saw(self, seen: list[Any], *, complete: bool) -> None:
        """Batches passed on their way into the training; the first ones show what the stages are."""
        with self.safely("rows"):
            x, y, weight = batches.split(batches.joined(seen))
            self.rows = Rows(
                x, y, weight, complete=complete and len(batches.alike(seen)) == len(seen)
            )
            self.batch_size = max(len(Rows(batches.split(batch)[0])) for batch in seen)
        self._look_if_affordable()

    def look(self) -> None:
        """See which stages the model has, by its rows.

        Where that fails it may be the model that fails, and then the training is about to say so itself.
        """
        if self.rows is None or not self.can("stages"):
            return
        with self.cost.of("stages"):
            try:
                self._look()
            except Exception as error:
                self._unseen = error
                return
        with self.safely("writing"):
            self._run = self._facts(data=False)
            self._describe()
        self._tell_data()

    def _tell_data(self) -> None:
        """Say what the rows and their targets are; that reads all of them, so it is done beside the training."""
        if (
            self.rows is None
            or self.writer is None
            or self._run is None
            or not self.can("data facts")
        ):
            return
        seconds = (
            sum(each.nbytes for each in (*self.rows.arrays, *self.rows.targets)) / BYTES_A_SECOND
        )
        if not self.budget.has_room_for(seconds):
            return  # then it is done at the end

        def work() -> None:
            with self.cost.beside("data facts"):
                self.data.read()
            self._describe()

        self.writer.do("data facts", work)

    def _look(self) -> None:
        if self.rows is not None:
            few = nests.as_fit_gets(self.rows.taken(slice(0, 2)).x)
            arrays = self.rows.arrays
            taken = {str(layer.name) for layer in internals.all_layers(self.model)}
            told = before_dataset(self.call.x, taken) if self.settings.rows is None else None
            before = self.settings.before or told
            if before is not None and len(before.sources) == len(arrays):
                self.names, self.before = list(before.sources), before.stages
            else:
                plain = source_names(self.model, self.rows.x)
                self.names, self.before = (
                    [(name, 0) for name in plain],
                    sources(plain, self.rows.x, {"name": "rows"}),
                )
            forward = Forward(self.model, few, self.names, taken=self.taken)
            self.measure = Measure(forward, self.names, self.rows.taken(slice(0, 2)).x)

    def look_only(self, progress: Callable[[int, int], None]) -> None:
        """Record the model as it is, without training it.

        Raises:
            OutputError: the trace cannot be written.
        """
        self._run = self._facts()
        self.alone = True
        self.writer = Journal(self.settings.path, self.lose, self.cost)
        self.writer.begin(self._run)
        self.open = True
        self._raise_what_was_lost()
        try:
            self._look()
        except Exception as error:
            self.trouble = in_short(error)
            self.failed(error)
            return
        self._run = self._facts()
        self._describe()
        finish(self, progress)
        self.close(Ending(FINISHED))
        self._raise_what_was_lost()

    def _raise_what_was_lost(self) -> None:
        if self.writer is not None:
            self.writer.wait()
        error = self.errors.get("writing")
        if error is not None:
            self.close(Ending(FAILED))
            raise error

    def epoch_begins(self) -> None:
        """Start the clock."""
        self.epoch += 1
        self.step = 0
        if self.measure is None and self.epoch > 1:
            self._look_if_affordable()
        self.losses.epoch_begins()
        self._began = time.perf_counter()
        self._waited = self.cost.during

    def step_ends(self, logs: Mapping[str, Any]) -> bool:
        """A step is done.

        Args:
            logs: as Keras tells them, its own average of the loss among them.

        Returns:
            False where the loss has just been found to be no number any more.
        """
        began = time.perf_counter()
        try:
            return self._step_ends(logs)
        finally:
            self._steps_took += time.perf_counter() - began

    def _step_ends(self, logs: Mapping[str, Any]) -> bool:
        self.step += self.steps_together
        if self._unseen is not None:
            # The model does run, so it was the recorder.
            self.lose("stages", self._unseen)
            self._unseen = None
        number = self.step // self.steps_together
        self.health.before_last_step(number, self.steps)
        if self._told_not_finite or "loss" not in logs or not self.losses.is_due(self.step):
            return True
        try:
            sound = self.losses.look(logs["loss"], self.step)
        except Exception as error:  # such as a loss of somebody's own that is no single number
            self.lose("loss checks", error)
            self._told_not_finite = True
            return True
        self.health.step_ends(self.losses.value, number)
        self._told_not_finite = not sound
        return sound

    def loss_broke(self) -> None:
        """The loss is no number any more; where did that begin?"""
        with self.safely("loss checks"):
            if self.measure is None:
                self.look()  # whatever it takes: the training is broken, and this is what the recorder is for
            for event in failure.not_finite(self, self.losses.value, self.losses.sound):
                self.note(event)

    def epoch_ends(self, logs: Mapping[str, Any]) -> None:
        """Measure what the budget has room for; it is summarised and written in one transaction beside the training."""
        self.cost.add("steps", self._steps_took)
        self._steps_took = 0.0
        self.seconds = time.perf_counter() - self._began - (self.cost.during - self._waited)
        self._look_at_steps()
        last = self.epoch >= self.planned or facts.stops(self.model)
        if last:
            # Nothing waits for this any more, so it is outside the budget.
            self.budget.stop()
            if self.settings.after and self.measure is None and self.may_look:
                self.look()
                if self.measure is not None:
                    self.skipped["late stages", BUDGET] = 1
        with self.cost.of("epoch"):
            epoch = Epoch(
                number=self.epoch,
                metrics={
                    str(name): float(value) for name, value in logs.items() if _is_number(value)
                },
                seconds=self.seconds,
                learning_rate=facts.learning_rate(self.model),
                steps=self.step or None,
            )
            detail = choose(self, last=last)
        # How the last epochs moved the weights tells most of why training got no further.
        near_end = self.epoch > self.planned - RECENT and self.health.follows()
        weights = keep_weights(self, needed=detail.weights or near_end)
        if self.writer is not None and self.can("writing"):
            self.writer.add_epoch(take_down(self, epoch, detail, weights, self.overhead))
        self.health.epoch_ends(self.epoch, weights)
        if not last:
            self.tell_meanwhile()

    def _look_at_steps(self) -> None:
        """See whether the data lasted for the whole epoch."""
        if self.steps is not None:
            self.step = min(self.step, self.steps) if self.step else 0
        if not self.step:
            self.note(Event(NO_BATCHES, self.epoch))
        elif self.steps is not None and self.step < self.steps and not facts.stops(self.model):
            self.note(Event(DATA_ENDED, self.epoch, self.step, count=self.step, total=self.steps))

    def end(self) -> None:
        """The ``fit`` is over: measure what waits for it, and close the trace."""
        if not self.open:
            return
        stopped = self.epoch < self.planned
        self.budget.stop()
        if self.settings.after and self.measure is None and self.may_look and self.rows is not None:
            self.look()
        if self._unseen is not None:  # training is over, so it was not the model that failed
            self.lose("stages", self._unseen)
            self._unseen = None
        if self.measure is None and self.epoch and "stages" not in self.errors:
            self.skipped["stages", UNSUPPORTED if self.rows is None else BUDGET] = 1
        with self.safely("writing"):
            self._run = self._facts()
            self._describe()
        try:
            if self.settings.after:
                self._measure_what_waited(max(LONGEST, SHARE_AFTER * self.budget.training))
                line = Line("measuring the data flow") if self.settings.verbose else None
                finish(self, self.settings.progress or line)
            else:
                self.skip("after training", DECLINED)
        except BaseException:  # Ctrl-C while it is measured; the epochs are all there
            self.close(Ending(INTERRUPTED, epoch=self.epoch or None))
            raise
        self.close(Ending(STOPPED if stopped else FINISHED, epoch=self.epoch or None))

    def _measure_what_waited(self, seconds: float) -> None:
        """The figures of the epochs that had to wait until training is over."""
        if self.can("measurements") and self.can("writing"):
            with self.safely("measurements"):
                self.health.finish(seconds)

    def failed(self, error: BaseException) -> None:
        """The ``fit`` raised; the trace says what, and where as far as that can be told."""
        if not self.open:
            return
        self.budget.stop()
        if self.settings.after and isinstance(error, (Exception, KeyboardInterrupt)):
            self._measure_what_waited(AFTER_FAILURE)
        if isinstance(error, KeyboardInterrupt):
            self.close(Ending(INTERRUPTED, None, None, *self.moment()))
            return
        if not isinstance(error, Exception):
            self.close(Ending(FAILED, in_short(error), None, *self.moment()))
            return
        stage: str | None = None
        events: tuple[Event, ...] = ()
        if self.measure is None:
            # Where the model itself runs, its outputs may not go with the loss.
            self.look()
        with self.safely("failure"):
            stage, events, seen = failure.of_exception(self, error)
            self._describe_stages(seen)
        for event in events:
            self.note(event)
        self.close(Ending(FAILED, in_short(error), stage, *self.moment()))

    def close(self, ending: Ending) -> None:
        """End the trace, which may be opened again by another ``fit``."""
        self.open = False
        self.budget.stop()
        if self.writer is None:
            return
        if not self.can("writing"):
            self.writer.close()
            return
        self.writer.end(ending, lambda: dict(self.cost.parts), self.overhead)
        if self.can("writing") and self.settings.verbose:
            self.tell_at_end()

    def overhead(self) -> Overhead:
        """What the recording took so far."""
        of = dict.fromkeys(
            ("probe", "probe rows", "channels", "weights", "measurements"), self.epoch
        )
        if self.rows is not None:
            of["rows"] = len(self.rows)
        skipped = [
            Skipped(what, why, amount, of.get(what)) for (what, why), amount in self.skipped.items()
        ]
        if self.losses.every > 1:
            skipped.append(Skipped("loss checks", BUDGET, self.losses.every))
        return Overhead(
            budget=self.budget.share,
            floor=FLOOR,
            training=self.budget.training,
            during=self.cost.during,
            background=self.cost.background,
            after=self.cost.after,
            skipped=tuple(skipped),
        )

    def _describe_stages(self, stages: tuple[Stage, ...]) -> None:
        """Say which stages there are where a whole pass was never seen."""
        if stages and self.writer is not None and self._run is not None and self.can("writing"):
            with self.safely("writing"):
                self.writer.describe(self._run, (*self.before, *stages))

    def _describe(self) -> None:
        if self.writer is None or self._run is None or not self.can("writing"):
            return
        forward = self.measure.forward if self.measure else None
        stages = (*self.before, *(forward.stages if forward else ()))
        run = replace(self._run, data=self.data.told())
        self.writer.describe(run, stages, forward.groups if forward else ())

    def _facts(self, *, data: bool = True) -> Run:
        """What runs.

        Args:
            data: whether to read the rows for it; without that their facts are those that are known already.
        """
        forward = self.measure.forward if self.measure else None
        before = self._run
        if data and self.can("data facts"):
            with self.safely("data facts"):
                self.data.read()
        return Run(
            title=self.settings.title or str(self.model.name),
            created=before.created
            if before
            else datetime.now().astimezone().isoformat(timespec="seconds"),
            command=self.settings.command,
            versions=backend.versions(),
            backend="tensorflow",
            platform=f"{platform.system()} {platform.machine()}",
            model_fingerprint=before.model_fingerprint if before else facts.fingerprint(self.model),
            data=self.data.told(),
            training=self._training(),
            model=facts.model_facts(self.model, forward.outputs if forward else ()),
        )

    def _training(self) -> Training:
        kinds = [type(each) for each in self.call.callbacks]
        keras_own = ("History", "ProgbarLogger")
        names = [
            kind.__name__
            for kind in kinds
            if kind.__module__.partition(".")[0] != __name__.partition(".")[0]
        ]
        size = self.call.batch_size or self.batch_size
        if size is None and _rows(self.call.x, None, None) is not None:
            size = 32  # what Keras takes where it makes the batches itself
        training = facts.training_facts(
            self.model,
            epochs=self.planned,
            batch_size=size,
            probe_rows=min(self.measure.extent.probe, len(self.rows))
            if self.measure and self.rows
            else 0,
            callbacks=[name for name in names if name not in keras_own],
            weighted=self.call.class_weight
            or self.call.sample_weight is not None
            or (self.rows is not None and self.rows.weight is not None),
        )
        return replace(training, seed=internals.seed())


def _rows(x: Any, y: Any, weight: Any) -> Rows | None:
    found = nests.plain_arrays(x)
    if found is None or not len(nests.flatten(found)[0].shape):
        return None
    return Rows(found, nests.plain_arrays(y), nests.plain_arrays(weight))


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True
