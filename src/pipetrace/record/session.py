"""One model's recording: the same for every door, over as many calls of ``fit`` as there are."""

import atexit
import contextlib
import math
import platform
import sys
import time
import weakref
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from pipetrace.capture import backend, batches, facts
from pipetrace.capture.backend import load
from pipetrace.capture.calling import FitCall
from pipetrace.capture.forward import Forward
from pipetrace.record import trouble
from pipetrace.record.before import before_dataset
from pipetrace.record.data import data_facts
from pipetrace.record.ending import finish
from pipetrace.record.health import Health
from pipetrace.record.measuring import Measure, Rows, source_names, sources
from pipetrace.record.recording import Recording, Settings
from pipetrace.record.words import in_short
from pipetrace.summary import summarise
from pipetrace.trace.document import (
    DATA,
    EXCEPTION,
    FAILED,
    FINISHED,
    INTERRUPTED,
    STOPPED,
    Ending,
    Epoch,
    Event,
    Run,
    Stage,
    Summary,
    Training,
)
from pipetrace.trace.store import TraceWriter


class Session(Recording):
    """The recording of one model: the same for every door, over as many calls of ``fit`` as there are."""

    def __init__(self, model: Any, settings: Settings) -> None:
        super().__init__(model, settings)
        self.health = Health(self)

    def begin(self, call: FitCall, steps: int | None, *, build: bool = True) -> None:
        """A ``fit`` begins.

        Args:
            call: its arguments.
            steps: how many steps an epoch has, where Keras knows.
            build: whether to look at the model's stages now; off where they are known to fail.
        """
        self.call = call
        self.planned = self.epoch + max(0, call.epochs - call.initial_epoch)
        self.step, self._told_not_finite = 0, False
        self.steps = steps
        self._together = int(getattr(self.model, "steps_per_execution", 1) or 1)
        if self.open:
            self.note(Event(EXCEPTION, "The fit before did not come to its end.", self.epoch or None))
        with self.safely("stages"):
            if self.rows is None:
                self.rows = _rows(call.x, call.y, call.sample_weight)
            if self.held_out is None and call.validation is not None:
                x, y, weight = batches.split(call.validation) if isinstance(call.validation, tuple) else (None,) * 3
                self.held_out = _rows(x, y, weight)
        with self.safely("writing"):
            self._run = self._facts()
            if self.writer is None:
                self.writer = TraceWriter(self.settings.path, self._run, (), force=True)
            elif not self.open:
                self.writer.resume()
                self._describe()
            self.open = True
            OPEN.add(self)
        trains = tuple(bool(variable.trainable) for variable in self.model.weights)
        # A model that was thawed or frozen between two fits has other parameters, and other stages perhaps.
        if build and self.rows is not None and (self.measure is None or trains != self._trains):
            self.look()
        self._trains = trains
        self.keep_weights()

    @property
    def wants_rows(self) -> bool:
        """Whether the rows have to be taken from what passes."""
        return self.rows is None and self.can("rows") and self.can("writing")

    def saw(self, seen: list[Any], *, complete: bool) -> None:
        """Batches passed on their way into the training; the first ones show what the stages are."""
        with self.safely("rows"):
            x, y, weight = batches.split(batches.joined(seen))
            self.rows = Rows(x, y, weight, complete=complete and len(batches.alike(seen)) == len(seen))
            self.batch_size = max(len(Rows(batches.split(batch)[0])) for batch in seen)
        if self.measure is None and self.rows is not None:
            self.look()

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
            self._run = self._facts()
            self._describe()
        self.health.begins()

    def _look(self) -> None:
        if self.rows is not None:
            few = batches.as_fit_gets(self.rows.taken(slice(0, 2)).x)
            arrays = load().tree.flatten(self.rows.x)
            taken = {str(layer.name) for layer in facts.layers(self.model)}
            told = before_dataset(self.call.x, taken) if self.settings.rows is None else None
            before = self.settings.before or told
            if before is not None and len(before.sources) == len(arrays):
                self.names, self.before = list(before.sources), before.stages
            else:
                plain = source_names(self.model, self.rows.x)
                self.names, self.before = [(name, 0) for name in plain], sources(plain, self.rows.x, {"name": "rows"})
            forward = Forward(self.model, few, self.names, taken=self.taken)
            self.measure = Measure(forward, self.names, self.rows.taken(slice(0, 2)).x)

    def look_only(self, progress: Callable[[int, int], None]) -> None:
        """Record the model as it is, without training it.

        Raises:
            OutputError: the trace cannot be written.
        """
        self._run = self._facts()
        self.writer = TraceWriter(self.settings.path, self._run, (), force=True)
        self.open = True
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

    def epoch_begins(self) -> None:
        """Start the clock."""
        self.epoch += 1
        self.step = 0
        self._began = time.perf_counter()

    def step_ends(self, logs: Mapping[str, Any]) -> None:
        """A step is done; the loss is looked at, and when it is not a number any more, where that began."""
        self.step += self._together
        if self._unseen is not None:
            # The model does run, so it was the recorder.
            self.lose("stages", self._unseen)
            self._unseen = None
        if self._told_not_finite or "loss" not in logs:
            return
        loss = logs["loss"]
        with self.safely("steps"):
            self.health.step_ends(float(loss), self.step // self._together, self.steps)
        with self.safely("watching the loss"):
            if not math.isfinite(float(loss)):
                self._told_not_finite = True
                for event in trouble.not_finite(self, float(loss)):
                    self.note(event)

    def epoch_ends(self, logs: Mapping[str, Any]) -> None:
        """Measure the probe and the weights, and write the epoch in one transaction."""
        seconds = time.perf_counter() - self._began
        self._look_at_steps()
        probe, examples, weights = {}, {}, {}
        if self.measure is not None and self.rows is not None and self.can("probe"):
            with self.safely("probe"):
                passed = self.measure.passed(self.rows.taken(slice(0, self.measure.budget.probe)).x)
                probe = self.measure.probe(passed)
                examples = {name: values[0] for name, values in self.measure.examples(passed).items()}
        if self.measure is not None and self.can("weights"):
            with self.safely("weights"):
                weights = self._weights(self.measure)
        epoch = Epoch(
            number=self.epoch,
            metrics={str(name): float(value) for name, value in logs.items() if _is_number(value)},
            seconds=seconds,
            learning_rate=facts.learning_rate(self.model),
            steps=self.step or None,
            probe=probe,
            weights=weights,
        )
        if self.writer is not None and self.can("writing"):
            with self.safely("writing"):
                self.writer.add_epoch(epoch, examples)
        self.health.epoch_ends(self.epoch)
        self.tell_meanwhile()
        self.keep_weights()

    def _weights(self, measure: Measure) -> dict[str, Summary]:
        """The weights after an epoch; those that do not train are told again only where they moved all the same."""
        found = {}
        for name, variable in measure.forward.variables().items():
            if not math.prod(variable.shape):
                continue
            summary = summarise(variable.numpy().reshape(variable.shape or (1,)), by_channel=False, coarse=True)
            figures = (summary.min, summary.max, summary.mean, summary.std)
            if variable.trainable or self._still.get(name) != figures:
                found[name] = summary
            self._still[name] = figures
        return found

    def _look_at_steps(self) -> None:
        """See whether the data lasted for the whole epoch."""
        if self.steps is not None:
            self.step = min(self.step, self.steps) if self.step else 0
        if not self.step:
            self.note(Event(DATA, "The data gave no batch in this epoch.", self.epoch))
        elif self.steps is not None and self.step < self.steps and not getattr(self.model, "stop_training", False):
            text = f"The data ended after {self.step} of {self.steps} steps of epoch {self.epoch}."
            self.note(Event(DATA, text, self.epoch, self.step))

    def keep_weights(self) -> None:
        """Remember the weights, where they are few and sound: what a broken step made of them cannot be undone."""
        if self.can("watching the loss"):
            with self.safely("watching the loss"):
                self.good = trouble.sound_weights(self.model) or self.good

    def end(self) -> None:
        """The ``fit`` is over: measure what waits for it, and close the trace."""
        if not self.open:
            return
        stopped = self.epoch < self.planned
        with self.safely("writing"):
            self._run = self._facts()
            self._describe()
        try:
            finish(self)
        except BaseException as error:  # Ctrl-C while it is measured; the epochs are all there
            self.close(Ending(INTERRUPTED, in_short(error), epoch=self.epoch or None))
            raise
        self.close(Ending(STOPPED if stopped else FINISHED, epoch=self.epoch or None))

    def failed(self, error: BaseException) -> None:
        """The ``fit`` raised; the trace says what, and where as far as that can be told."""
        if not self.open:
            return
        if isinstance(error, KeyboardInterrupt):
            self.close(Ending(INTERRUPTED, "Ctrl-C", epoch=self.epoch or None))
            return
        if not isinstance(error, Exception):
            self.close(Ending(FAILED, in_short(error), epoch=self.epoch or None))
            return
        stage: str | None = None
        events: tuple[Event, ...] = ()
        if self.measure is None:
            # Where the model itself runs, its outputs may not go with the loss.
            self.look()
        with self.safely("failure"):
            stage, events, seen = trouble.of_exception(self, error)
            self._describe_stages(seen)
        for event in events:
            self.note(event)
        self.close(Ending(FAILED, in_short(error), stage=stage, epoch=self.epoch or None))

    def close(self, ending: Ending) -> None:
        """End the trace, which may be opened again by another ``fit``."""
        self.open = False
        OPEN.discard(self)
        if self.writer is None:
            return
        if self.can("writing"):
            with self.safely("writing"):
                self.writer.end(ending, self.cost.parts)
                if self.settings.verbose:
                    self.tell_at_end()
        else:
            with contextlib.suppress(Exception):
                self.writer.close()

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
        self.writer.describe(self._run, stages, forward.groups if forward else ())

    def _facts(self) -> Run:
        forward = self.measure.forward if self.measure else None
        before = self._run
        return Run(
            title=self.settings.title or str(self.model.name),
            created=before.created if before else datetime.now().astimezone().isoformat(timespec="seconds"),
            command=self.settings.command,
            versions=backend.versions(),
            backend="tensorflow",
            platform=f"{platform.system()} {platform.machine()}",
            model_fingerprint=before.model_fingerprint if before else facts.fingerprint(self.model),
            data=data_facts(self),
            training=self._training(),
            model=facts.model_facts(self.model, forward.outputs if forward else ()),
        )

    def _training(self) -> Training:
        names = [type(each).__name__ for each in getattr(self.call.callbacks, "callbacks", None) or ()]
        own = ("History", "ProgbarLogger", "Recorder", "_Teller")
        size = self.call.batch_size or self.batch_size
        if size is None and _rows(self.call.x, None, None) is not None:
            size = 32  # what Keras takes where it makes the batches itself
        training = facts.training_facts(
            self.model,
            epochs=self.planned,
            batch_size=size,
            probe_rows=min(self.measure.budget.probe, len(self.rows)) if self.measure and self.rows else 0,
            callbacks=[name for name in names if name not in own],
            weighted=self.call.class_weight
            or self.call.sample_weight is not None
            or (self.rows is not None and self.rows.weight is not None),
        )
        return replace(training, seed=facts.seed())


OPEN: "weakref.WeakSet[Session]" = weakref.WeakSet()
"""The recordings of trainings that have not come to their end."""


@atexit.register
def _close_what_is_open() -> None:
    """Say how a training ended that raised where a callback does not hear of it, as in another callback."""
    last = getattr(sys, "last_value", None)
    for session in list(OPEN):
        with contextlib.suppress(Exception):
            if last is not None:
                session.failed(last)
            else:
                session.close(Ending(FAILED, "The fit did not come to its end.", epoch=session.epoch or None))


def _rows(x: Any, y: Any, weight: Any) -> Rows | None:
    found = batches.plain_arrays(x)
    if found is None or not len(load().tree.flatten(found)[0].shape):
        return None
    return Rows(found, batches.plain_arrays(y), batches.plain_arrays(weight))


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True
