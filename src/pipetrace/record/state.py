"""What a recording was asked for, what is known of it so far, and what of it has failed."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipetrace.capture.guard import contained
from pipetrace.capture.internals import all_layers
from pipetrace.capture.nodes import Graph
from pipetrace.capture.tensors import Origin
from pipetrace.capture.weights import Untracked
from pipetrace.errors import ArgumentError, in_short
from pipetrace.record import privacy
from pipetrace.record.budget import DEFAULT_SHARE, Allowance, Budget, Cost
from pipetrace.record.measure.data_flow import Flow
from pipetrace.record.measure.failure import Suspect
from pipetrace.record.measure.model_pass import PROBE_ROWS, ModelPass
from pipetrace.record.measure.outcomes import Found
from pipetrace.record.measure.preprocessing import Before
from pipetrace.record.measure.rows import KERAS_BATCH_SIZE, Rows, RowSource
from pipetrace.record.standard_error import say_once
from pipetrace.record.writer_thread import WriterThread
from pipetrace.trace.document import Array, Data, Run, Stage
from pipetrace.trace.events import RECORDER, Event
from pipetrace.trace.measurement_table import Measurement
from pipetrace.trace.output_place import typed
from pipetrace.trace.training import Evaluation, Fit
from pipetrace.trace.writer import TraceWriter

EXPECTED_EPOCHS = 10
"""Epochs of a loop that does not tell how many it plans, until there were half as many."""
BRIEF, ALL, NONE = "brief", "all", "none"
"""How much is measured when training is over."""


def check_after_training(given: object) -> None:
    """Raise an ``ArgumentError`` for anything but the three words for after training."""
    if given not in (BRIEF, ALL, NONE):
        raise ArgumentError(
            f"after_training must be 'brief', 'all' or 'none', received {given!r}.",
            where="after_training",
            hint="Use 'all' to measure all rows however long it takes.",
        )


@dataclass(frozen=True, eq=False)
class Followed:
    """One row to follow through all stages."""

    row: Rows  # as the model gets it, with its axis of rows
    number: int  # of the row in its source
    label: int  # its class
    way: Mapping[str, Array]  # what it was before the model, by stage


@dataclass(frozen=True, eq=False)
class Measured:
    """What was measured of all rows before, of which the rows of the recording are a sample."""

    flow: Flow  # without examples
    outcomes: Found
    numbers: Array  # of the sample's rows in the data


@dataclass(frozen=True)
class Settings:
    """What a recording was asked for."""

    path: Path  # where the trace goes; made absolute
    rows: Rows | None = None  # the rows to look at; None takes those that ``fit`` gets
    # rows for the predictions; None takes the validation rows of ``fit``
    validation: Rows | None = None
    validation_numbers: Array | None = None  # of these rows in their data; None counts them from 0
    # title, class_names, anonymous, verbose, budget: as for ``Recorder``
    title: str | None = None
    class_names: tuple[str, ...] = ()
    command: str = ""  # how the run was started
    anonymous: bool = False
    verbose: bool = True
    alert: bool = True  # whether to report errors that the rules find at once
    # what the rows are called; None takes the kind of what ``fit`` gets
    data_name: str | None = None
    # the stages before the model, where there are any but the rows themselves
    before: Before | None = None
    budget: float | None = DEFAULT_SHARE
    after: str = BRIEF  # as ``after_training`` of ``Recorder``
    # whether the data flow's histograms count all rows, however long that takes
    exact: bool = False
    # whether the caller handles the errors, so that nothing is said of them here
    strict: bool = False
    data: Data | None = None  # what is known of the data beforehand, in place of what the rows tell
    measured: Measured | None = (
        None  # what is known of all rows, where ``rows`` is a sample of them
    )
    # the single row to show as a prediction, in place of those that are chosen
    followed: Followed | None = None
    # is called with the rows of the data flow that are done; None draws a line on standard error
    progress: Callable[[int, int], None] | None = None
    # stop_on, on_finding, log_to: as for ``Recorder``
    stop_on: str | None = None
    on_finding: Callable[[Any], object] | None = None
    log_to: str | None = None
    # hears where the trace goes, where somebody else writes the file that was asked for
    moved: Callable[[Path], None] | None = None

    def __post_init__(self) -> None:
        # The program may change into another folder between two trainings.
        object.__setattr__(self, "path", self.path.absolute())


class State:
    """What is known of one model's training while it is recorded.

    Nothing that goes wrong in a recording reaches the training: it is said once, noted in the
    trace, and that part is skipped from there on.
    """

    def __init__(self, model: Any, settings: Settings) -> None:
        self.model, self.settings = model, settings
        self.cost = Cost()
        self.budget = Budget(settings.budget, self.cost)
        self.allowance = Allowance(self.budget)  # what the ``fit`` that runs may still be delayed
        self.source = RowSource(settings.rows, settings.validation)  # which rows the training has
        self.writer: WriterThread | None = None
        # the forward pass of all stages; None until the stages were seen
        self.measure: ModelPass | None = None
        # the stages as far as they are known without tracing, where that was too long
        self.untraced: Graph | None = None
        # the variables that the model reads and Keras does not know
        self.untracked: Untracked | None = None
        self.names: list[Origin] = []
        # the stages before the model; ``names``: for each array of the rows the one it comes from
        self.before: tuple[Stage, ...] = ()
        self.fits: list[Fit] = []  # the calls of ``fit`` so far, the one that runs last
        self.evaluations: list[Evaluation] = []  # the calls of ``evaluate`` and ``predict`` so far
        # epoch, step: those that run, from 1; the step within its epoch
        # planned: the number of the last epoch that is planned
        self.planned, self.epoch, self.step = 0, 0, 0
        # of an epoch, or None where Keras does not know; ``steps_together``: of one call
        self.steps: int | None = None
        self.steps_together = 1
        # how many times as long as its processor time a first look took: on a machine that does
        # other work, everything takes longer than at rest
        self.slowness = 1.0
        self.only_looks = False  # whether the model is not trained
        self.errors: dict[str, BaseException] = {}  # what each part raised that has failed
        # how often something was skipped, by what and why
        self.skipped: dict[tuple[str, str], int] = {}
        # how often each optimizer had changed weights when recording began
        self.iterations: dict[str, int] = {}
        self.meeting = ""  # where the processes of the ``fit`` that runs compare their weights
        self._layers: int | None = None

    @property
    def moment(self) -> tuple[int | None, int | None]:
        """The epoch and the step that did not come to their end; None outside of them."""
        between = self.steps is not None and self.step >= self.steps
        return self.epoch or None, self.step + 1 if self.epoch and not between else None

    @property
    def expected(self) -> int:
        """The number of the last epoch to reckon with: as planned; of a loop that does not tell how
        many it plans, as many again as there were."""
        is_told = self.source.call.by_fit or self.source.call.epochs > 0
        return self.planned if is_told else max(EXPECTED_EPOCHS, 2 * self.epoch)

    @property
    def suspect(self) -> Suspect:
        """What is searched for the cause of a failure."""
        rows = self.source.shown
        return Suspect(self.model, self.measure, rows, self.names, self.taken, self.rows_together)

    @property
    def taken(self) -> frozenset[str]:
        """The names of the stages before the model, which none of its own may have."""
        return frozenset(stage.name for stage in self.before)

    @property
    def rows_together(self) -> int:
        """Rows that the model and its loss may get at a time: those of a batch of the training."""
        if self.only_looks:
            return PROBE_ROWS
        return self.source.batch_size or KERAS_BATCH_SIZE

    @property
    def is_built(self) -> bool:
        """Whether the layers have made their variables; of a model without ``call`` those in it."""
        own = self.model if self.source.are_batches else None
        inner = (each for each in all_layers(self.model) if each is not own)
        return all(getattr(each, "built", True) for each in inner)

    @property
    def loss_name(self) -> str:
        """What the logs of a step call the loss, where it is one."""
        step = self.measure.forward.step if self.measure else None
        return step.optimised[0] if step is not None and len(step.optimised) == 1 else "loss"

    def limit_rows(self) -> None:
        """Pass no more rows than a batch of the ``fit`` that runs."""
        if self.measure is not None:
            self.measure.limit(self.rows_together)

    def layers(self) -> int:
        """How many layers the model has, those of nested models included."""
        if self._layers is None:
            self._layers = len(all_layers(self.model))
        return self._layers

    @property
    def path(self) -> Path:
        """Where the trace goes indeed."""
        return self.settings.path if self.writer is None else self.writer.path

    def begin_writing(self, run: Run) -> None:
        """Make the file of the trace, or open it again; a ``NotWritableError`` where that is
        impossible.
        """
        if self.writer is None:
            self.writer = WriterThread(self.settings.path, self.lose, self.cost)
        asked = self.path
        self.writer.begin(run)
        if self.path != asked:
            other = f"{typed(asked)} is being written by another run"
            say_once(f"pipetrace: {other}; this one is recorded in {typed(self.path)}.")
            if self.settings.moved is not None:
                self.settings.moved(self.path)

    @contextmanager
    def safely(self, part: str) -> Iterator[None]:
        """Do a part of the recording; what it raises stays here."""
        with self.cost.of(part), contained(lambda error: self.lose(part, error)):
            yield

    @contextmanager
    def safely_beside(self, part: str) -> Iterator[None]:
        """The same in the writer's thread, beside the training."""
        with self.cost.beside(part), contained(lambda error: self.lose(part, error)):
            yield

    def can(self, part: str) -> bool:
        """Whether a part of the recording has not failed before."""
        return part not in self.errors

    def skip(self, what: str, reason: str, amount: int = 1) -> None:
        """Remember that something was not recorded, so many times more."""
        self.skipped[what, reason] = self.skipped.get((what, reason), 0) + amount

    def note(self, event: Event) -> None:
        """Write down something that happened."""
        if self.writer is not None and self.can("writing"):
            with self.safely("writing"):
                self.writer.write(TraceWriter.add_event, self._told(event))

    def _told(self, event: Event) -> Event:
        return privacy.unnamed(event) if self.settings.anonymous else event

    def add(self, found: Found, epoch: int | None = None) -> None:
        """Write figures of an epoch, or those that are taken once."""
        if found and self.writer is not None and self.can("writing"):
            measured = [Measurement(name, epoch, each) for name, each in found]
            self.writer.write(TraceWriter.add_measurements, measured)

    def lose(self, part: str, error: BaseException) -> None:
        """Skip a part of the recording from here on, and say so once."""
        if part in self.errors:
            return
        self.errors[part] = error
        if self.settings.strict or (self.only_looks and part == "writing"):
            return  # the caller raises it
        what = in_short(error)
        why = what.rstrip(".")
        say_once(f"pipetrace: Recording {part} failed and is now off: {why}. Training continues.")
        if self.writer is not None and part != "writing":
            with contextlib.suppress(Exception):
                epoch, step = self.epoch or None, self.step or None
                lost = Event(RECORDER, epoch, step, part=part, error=what)
                self.writer.write(TraceWriter.add_event, self._told(lost))
