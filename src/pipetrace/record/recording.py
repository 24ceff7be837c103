"""The state of a recording, and the promise that nothing which goes wrong in it reaches the training."""

import contextlib
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipetrace.capture.fit import FitCall
from pipetrace.capture.internals import all_layers
from pipetrace.capture.tensors import Origin
from pipetrace.capture.weights import Weights
from pipetrace.errors import PipetraceError
from pipetrace.record.budget import SHARE, Budget, Schedule
from pipetrace.record.cost import Cost
from pipetrace.record.live_findings import Telling
from pipetrace.record.loss import LossWatch
from pipetrace.record.measure.preprocessing import Before
from pipetrace.record.measure.rows import Measure, Rows
from pipetrace.record.words import in_short
from pipetrace.record.writer_thread import Journal
from pipetrace.trace.document import Array, Data, Run, Stage
from pipetrace.trace.events import RECORDER, Event


@dataclass(frozen=True, eq=False)
class Followed:
    """One row to follow through all stages.

    Attributes:
        row: as the model gets it, with its axis of rows.
        number: of the row in its source.
        label: its class.
        way: what it was before the model, by stage.
    """

    row: Rows
    number: int
    label: int
    way: Mapping[str, Array]


@dataclass(frozen=True)
class Settings:
    """What whoever records has said.

    Attributes:
        path: where the trace goes.
        rows: the rows to look at; None takes those that ``fit`` gets.
        held_out: rows that are not trained on, for the predictions; None takes those that ``fit`` validates on.
        title: what the trace is called; None takes the model's name.
        class_names: what the classes are called; none leaves them numbered.
        command: how the run was started.
        verbose: whether to say where the trace is, and at the end what the rules find in it.
        alert: whether to say in training at once what is grave.
        data_name: what the rows are called; None takes the kind of what ``fit`` gets.
        before: the stages before the model, where there are any but the rows themselves.
        budget: the share of training time that recording may take while training runs; None sets no limit.
        after: whether the data flow, predictions and weights are measured when training is over.
        exact: whether the data flow's histograms count all rows, however many, and however long that takes.
        strict: whether whoever records looks at the errors, so that nothing is said of them here.
        data: what is known of the data beforehand, in place of what the rows tell.
        followed: the single row to show as a prediction, in place of those that are chosen.
        progress: who is told how many rows of the data flow are done; a line on standard error where None.
    """

    path: Path
    rows: Rows | None = None
    held_out: Rows | None = None
    title: str | None = None
    class_names: tuple[str, ...] = ()
    command: str = ""
    verbose: bool = True
    alert: bool = True
    data_name: str | None = None
    before: Before | None = None
    budget: float | None = SHARE
    after: bool = True
    exact: bool = False
    strict: bool = False
    data: Data | None = None
    followed: Followed | None = None
    progress: Callable[[int, int], None] | None = None


class Recording:
    """What is known of one model's training while it is recorded.

    Nothing that goes wrong in here reaches the training: it is said once, noted in the trace, and that part is left out
    from there on.

    Args:
        model: whose training is recorded.
        settings: what to record, and where to.
    """

    def __init__(self, model: Any, settings: Settings) -> None:
        self.model, self.settings = model, settings
        self.cost = Cost()
        self.budget = Budget(settings.budget, self.cost)
        self.schedule = Schedule(self.budget)
        self.skipped: dict[tuple[str, str], int] = {}
        self.writer: Journal | None = None
        self.measure: Measure | None = None
        self.rows: Rows | None = settings.rows
        self.held_out: Rows | None = settings.held_out
        self.names: list[Origin] = []
        self.before: tuple[Stage, ...] = ()
        self.call = FitCall()
        self.planned = 0
        self.epoch, self.step = 0, 0
        self.open = False
        self.batch_size: int | None = None
        self.good: Weights = {}
        self._run: Run | None = None
        self._began = 0.0
        self.errors: dict[str, Exception] = {}
        self.alone = False
        self._told_not_finite = False
        self._trains: tuple[bool, ...] = ()
        self.trouble: str | None = None
        self._unseen: Exception | None = None
        self.still: dict[str, Any] = {}
        self.losses = LossWatch()
        self.may_look = True
        self._waited, self._steps_took, self.seconds = 0.0, 0.0, 0.0
        self._layers: int | None = None
        self.steps_together = 1
        self.steps: int | None = None
        self.telling = Telling()

    @property
    def taken(self) -> frozenset[str]:
        """The names of the stages before the model, which none of its own may have."""
        return frozenset(stage.name for stage in self.before)

    def moment(self) -> tuple[int | None, int | None]:
        """The epoch and the step that did not come to their end; None outside of them."""
        between = self.steps is not None and self.step >= self.steps
        return self.epoch or None, self.step + 1 if self.epoch and not between else None

    def layers(self) -> int:
        """How many layers the model has, those of nested models included."""
        if self._layers is None:
            self._layers = len(all_layers(self.model))
        return self._layers

    @contextmanager
    def safely(self, part: str) -> Iterator[None]:
        """Do a part of the recording; what it raises stays here."""
        with self.cost.of(part):
            try:
                yield
            except Exception as error:  # whatever it is, it is ours, and the training is not
                self.lose(part, error)

    def can(self, part: str) -> bool:
        """Whether a part of the recording has not failed before."""
        return part not in self.errors and not (part != "writing" and "writing" in self.errors)

    def skip(self, what: str, reason: str, amount: int = 1) -> None:
        """Remember that something was not recorded, so many times more."""
        self.skipped[what, reason] = self.skipped.get((what, reason), 0) + amount

    def note(self, event: Event) -> None:
        """Write down something that happened."""
        if self.writer is not None and self.can("writing"):
            with self.safely("writing"):
                self.writer.add_event(event)

    def lose(self, part: str, error: Exception) -> None:
        """Leave a part of the recording out from here on, and say so once."""
        if part in self.errors:
            return
        self.errors[part] = error
        if self.settings.strict or (self.alone and part == "writing"):
            return  # without a training there is nothing but the trace, and whoever waits for it gets the error
        what = error.what if isinstance(error, PipetraceError) else in_short(error)
        with contextlib.suppress(
            Exception
        ):  # a closed standard error is no reason to stop a training
            say(
                f"pipetrace: {part} could not be recorded, and nothing of it from here on: {what} The training goes on."
            )
        if self.writer is not None and part != "writing":
            with contextlib.suppress(Exception):
                event = Event(
                    RECORDER, self.epoch or None, self.step or None, part=part, error=what
                )
                self.writer.add_event(event)

    def tell_meanwhile(self) -> None:
        """Say at once what is grave in what was written so far; in the background, once that is written."""
        if (
            not self.settings.alert
            or self.writer is None
            or not self.can("findings")
            or not self.can("writing")
        ):
            return
        if not self.budget.has_room_for(self.telling.seconds):
            return

        def work() -> None:
            with self.cost.beside("findings"):
                lines = self.telling.meanwhile(self.settings.path)
            for line in lines:
                say(line)

        self.writer.do("findings", work)

    def tell_at_end(self) -> None:
        """Say where the trace is, and what the rules find in it."""
        path = self.settings.path
        say(f"pipetrace: the trace is {path}; see it with: pipetrace show {path}")
        if self.can("findings"):
            with self.safely("findings"):
                if text := self.telling.at_end(path):
                    say(text)


def say(text: str) -> None:
    """A line for whoever watches the training, beside what it prints itself."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
