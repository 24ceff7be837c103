"""What is measured when training is over, part by part, and written."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pipetrace.capture.distributed import processes
from pipetrace.capture.nodes import variables_of
from pipetrace.capture.stage_times import can_be_timed
from pipetrace.capture.weights import Weights
from pipetrace.record.measure import after_training, dataset_checks, outcomes
from pipetrace.record.measure.after_training import Sample, TrainingMode
from pipetrace.record.measure.data_flow import first_row, flow
from pipetrace.record.measure.kept_rows import kept_rows, with_earlier_outputs
from pipetrace.record.measure.model_pass import ModelPass
from pipetrace.record.measure.outcomes import DEPENDENCE_PASSES, compared
from pipetrace.record.measure.rows import Rows
from pipetrace.record.state import Followed, State
from pipetrace.record.writer_thread import WriterThread
from pipetrace.trace.document import Array, Prediction
from pipetrace.trace.events import REPLICAS, Event
from pipetrace.trace.measurements import TRAINING, VALIDATION
from pipetrace.trace.overhead import BUDGET, NOT_TOLD, SPREAD, UNSUPPORTED
from pipetrace.trace.writer import TraceWriter

SAMPLE_SHARE, KEPT_SHARE, FLOW_SHARE, WAITED_SHARE, TIMES_SHARE = 0.2, 0.2, 0.5, 0.5, 0.5
"""Shares of what is left of the allowance, when their turn comes: for one kind of rows whose
outputs are compared with the targets, for the kept rows after earlier epochs, for the data flow,
for epochs that waited, and for the times of the stages."""
LEAST_OF_SAMPLE, LEAST_OF_WAITED, LEAST_OF_FLOW = (0.25, 0.3), (0.3, 0.3), (0.4, 0.6)
"""Seconds that these may take at least, and their shares of what is left for what readers use
first, if that is less."""
SECONDS_A_STAGE = 0.0005
"""What a pass takes for each stage, at the most: measured on two cores."""
CHECKED_BYTES_A_SECOND = 100e6
"""Speed at which rows are checked for repeated ones."""
BASELINE_SECONDS, BASELINE_SECONDS_A_VALUE = 0.5, 300e-9
"""What the baseline models take with all their rows, and for each value of these: measured on two
cores. Half of the rows take an eighth of the first."""
FEWEST_BASELINE_ROWS, BASELINE_SHARE = 200, 0.25
"""Rows that they get at the least, and the share of the time left that they may take before they
get fewer."""
DIMENSION_SECONDS_A_PRODUCT = 0.5e-9
"""What the dimensions take for each product of two values."""
PREPARED = 0.35
"""What the function of the outputs alone takes to prepare, as a multiple of the first look."""
TRACED_AGAIN = 1.5
"""What layers in training mode take, and the times of stages, as a multiple of the first look: the
model is traced again."""

LEAST_WAIT, MOST_WAIT = 1.0, 30.0
"""Seconds to wait for another process to tell of its weights; it ends training at the same time."""

ShowRows = Callable[[int, int], None]


@dataclass(frozen=True)
class Part:
    """One part of what is measured after training."""

    name: str  # in the trace
    # gives what it takes at the least; it is skipped without room for that. Minus infinity for what
    # is always done, as it takes next to nothing.
    seconds: Callable[[], float]
    work: Callable[[], None]  # measures and writes it
    # whether it is among what readers and rules use first, of which at least a little is had
    is_first: bool = False


def measure_after_training(
    state: State,
    progress: ShowRows | None,
    measure_waiting: Callable[[float], None],
    earlier: Iterable[tuple[int, Weights]] = (),
) -> None:
    """Measure it all and write it, in the order in which readers use it, each part for itself.

    ``measure_waiting`` measures epochs that waited, in so many seconds; ``earlier`` has written
    ones.
    """
    measure, rows, writer = state.measure, state.source.shown, state.writer
    if measure is None and state.untraced is not None and writer is not None:
        with state.safely("final weights"):
            variables = variables_of(state.untraced)
            writer.write(TraceWriter.add_weights, after_training.stored_weights(variables))
    if measure is None or rows is None or writer is None:
        return
    parts = _Parts(state, measure, rows, writer, earlier)
    for part in parts.in_order(progress, measure_waiting):
        if state.can(part.name) and state.can("writing"):
            with state.safely(part.name):
                allowance = state.allowance
                left = allowance.left_for_first if part.is_first else allowance.left
                if part.seconds() * state.slowness <= left:
                    part.work()
                else:
                    state.skip(part.name, BUDGET)


class _Parts:
    """The parts, and what several of them use."""

    def __init__(
        self,
        state: State,
        measure: ModelPass,
        rows: Rows,
        writer: WriterThread,
        earlier: Iterable[tuple[int, Weights]],
    ) -> None:
        self.state, self.measure, self.rows, self.writer = state, measure, rows, writer
        self.earlier, self.shown_rows = earlier, list[int]()
        self.trained = state.source.trained or rows
        validation = state.source.validation
        self.validation = validation if validation is not None and len(validation) else None
        self.mode = TrainingMode(state.model, measure, rows)
        self._samples: dict[int, Sample] = {}

    def in_order(
        self, progress: ShowRows | None, measure_waiting: Callable[[float], None]
    ) -> list[Part]:
        """What readers use first comes first."""
        a_pass = SECONDS_A_STAGE * len(self.measure.forward.stages)
        return [
            Part("prediction", lambda: a_pass, self._predictions, is_first=True),
            Part("outcomes", lambda: a_pass, self._outcomes, is_first=True),
            Part("final weights", lambda: -math.inf, self._weights),
            Part("untracked variables", lambda: -math.inf, self._untracked),
            Part("measurements", lambda: 0.0, lambda: measure_waiting(self._of_epochs), True),
            Part("dataset checks", self._seconds_of_checks, self._checks, is_first=True),
            Part("baseline models", self._seconds_of_baselines, self._baselines, is_first=True),
            Part("kept rows", lambda: a_pass, self._kept_rows, is_first=True),
            Part("data flow", lambda: 2 * a_pass, lambda: self._data_flow(progress), is_first=True),
            Part("dimensions", self._seconds_of_dimensions, self._dimensions),
            Part("batch dependence", lambda: DEPENDENCE_PASSES * a_pass, self._dependence),
            Part("training mode", self._seconds_of_mode, self._training_mode),
            Part("stage times", lambda: self._seconds_traced_again, self._stage_times),
        ]

    def _share(self, share: float) -> float:
        return share * self.state.allowance.left

    @property
    def _of_epochs(self) -> float:
        return self._share_or_least(WAITED_SHARE, LEAST_OF_WAITED)

    def _share_or_least(self, share: float, least: tuple[float, float]) -> float:
        seconds, of_first = least
        return max(self._share(share), min(seconds, of_first * self.state.allowance.left_for_first))

    def _sample(self, rows: Rows) -> Sample:
        if id(rows) not in self._samples:
            is_ready = self.measure.forward.has_final
            self._samples[id(rows)] = after_training.sample(
                self.measure,
                rows,
                self._share_or_least(SAMPLE_SHARE, LEAST_OF_SAMPLE),
                0.0 if is_ready else PREPARED * self.state.cost.parts.get("stages", 0.0),
            )
        return self._samples[id(rows)]

    def _predictions(self) -> None:
        measure, followed = self.measure, self.state.settings.followed
        if followed is not None:
            self.writer.write(TraceWriter.add_prediction, _followed(measure, followed))
            return
        validation = self.validation is not None
        of = self.validation or self.rows
        before = None if validation else self.state.settings.before
        found, numbers = self._sample(of), self._numbers(of)
        for each in after_training.predictions(measure, of, found, before, validation=validation):
            # Predictions of a user's validation rows are numbered within these.
            row = each.row if validation else int(numbers[each.row])
            self.writer.write(TraceWriter.add_prediction, replace(each, row=row))
            self.shown_rows.append(each.row)

    def _numbers(self, rows: Rows) -> Array:
        """The numbers of the rows in their data."""
        settings = self.state.settings
        given = settings.measured.numbers if settings.measured else None
        if self.validation is not None:
            given = settings.validation_numbers
        return np.arange(len(rows)) if given is None else given

    def _kept_rows(self) -> None:
        state, measure = self.state, self.measure
        if state.settings.anonymous:
            return
        of = self.validation or self.rows
        numbers = self._numbers(of)
        found = self._sample(of)
        shown = [place for place, row in enumerate(found.places) if row in self.shown_rows]
        if (followed := state.settings.followed) is not None and followed.row.y is not None:
            outputs = zip(measure.outputs_of(followed.row), found.outputs, strict=True)
            found = Sample(
                found.rows.after(followed.row),
                np.concatenate([[len(numbers)], found.places]),
                [np.concatenate(each) for each in outputs],
            )
            numbers, shown = np.append(numbers, followed.number), [0]
        validation = np.full(len(numbers), self.validation is not None)
        validation[len(of) :] = False
        made = kept_rows(measure, found, numbers, validation, shown)
        if made is not None:
            seconds = self._share(KEPT_SHARE)
            kept = with_earlier_outputs(measure, *made, self.earlier, seconds)
            self.writer.write(TraceWriter.add_kept_rows, kept)

    def _outcomes(self) -> None:
        if (measured := self.state.settings.measured) is not None:
            self.state.add(measured.outcomes)
            return
        for rows, name in ((self.validation, VALIDATION), (self.trained, TRAINING)):
            if rows is not None:
                found = self._sample(rows)
                made = compared(self.measure, found.rows, found.outputs, name, classes=True)
                self.state.add(made)

    def _weights(self) -> None:
        variables = self.measure.forward.variables()
        self.writer.write(TraceWriter.add_weights, after_training.stored_weights(variables))
        here, others = processes.unequal(self.state.model, variables), list[str]()
        if self.state.source.spread.processes is not None:
            others = self._unequal_elsewhere(variables)
        for name in dict.fromkeys([*here, *others]):
            self.state.note(Event(REPLICAS, self.state.epoch or None, weight=name))

    def _unequal_elsewhere(self, variables: Mapping[str, Any]) -> list[str]:
        state, names = self.state, {id(each): name for name, each in variables.items()}
        seconds = min(max(LEAST_WAIT, state.allowance.left), MOST_WAIT)
        found = processes.unequal_elsewhere(state.meeting, state.model, seconds)
        if found is None:
            state.skip("replicas", NOT_TOLD)
        return [names.get(id(each), str(each.path)) for each in found or ()]

    def _untracked(self) -> None:
        if self.state.untracked is not None:
            self.state.add([*self.state.untracked.figures()])

    def _dependence(self) -> None:
        self.state.add(outcomes.batch_dependence(self.measure, self.trained))

    def _seconds_of_checks(self) -> float:
        return sum(each.nbytes for each in self.trained.arrays) / CHECKED_BYTES_A_SECOND

    def _checks(self) -> None:
        state, source = self.state, self.state.source
        if state.settings.measured is not None:
            state.skip("dataset checks", SPREAD)
            return
        state.add(
            dataset_checks.checks(
                self.measure, source.call, self.trained, self.validation, source.trained_before
            )
        )

    def _seconds_of_baselines(self, rows: int = FEWEST_BASELINE_ROWS) -> float:
        of_row = sum(each[:1].size for each in self.trained.arrays)
        share = rows / dataset_checks.BASELINE_ROWS
        values = min(dataset_checks.BASELINE_VALUES, rows * of_row)
        return BASELINE_SECONDS * share**3 + BASELINE_SECONDS_A_VALUE * share * values

    def _baselines(self) -> None:
        state = self.state
        seconds = BASELINE_SHARE * state.allowance.left_for_first
        counts = range(dataset_checks.BASELINE_ROWS, FEWEST_BASELINE_ROWS, -100)
        fitting = (
            each for each in counts if self._seconds_of_baselines(each) * state.slowness <= seconds
        )
        rows = next(fitting, FEWEST_BASELINE_ROWS)
        made = dataset_checks.baseline_scores(self.measure, self.trained, self.validation, rows)
        state.add(made)

    def _seconds_of_dimensions(self) -> float:
        extent = self.measure.extent
        return DIMENSION_SECONDS_A_PRODUCT * extent.probe**2 * extent.values

    def _dimensions(self) -> None:
        self.state.add(outcomes.dimensions(self.measure, self.trained))

    @property
    def _seconds_traced_again(self) -> float:
        return TRACED_AGAIN * self.state.cost.parts.get("stages", 0.0)

    def _seconds_of_mode(self) -> float:
        return self._seconds_traced_again if self.mode.has_layers else 0

    def _training_mode(self) -> None:
        if self.mode.has_layers:
            in_training, in_prediction, examples = self.mode.facts()
            self.writer.write(TraceWriter.add_details, "training", in_training, examples)
            self.writer.write(TraceWriter.add_details, "prediction", in_prediction, {})
        if self.mode.changes_outputs:
            self.state.add(self.mode.outcome(self._sample(self.trained).rows))

    def _stage_times(self) -> None:
        if not can_be_timed():
            self.state.skip("stage times", UNSUPPORTED)
            return
        seconds = TIMES_SHARE * self.state.allowance.left
        self.state.add(after_training.stage_times(self.measure, self.trained, seconds))

    def _data_flow(self, progress: ShowRows | None) -> None:
        state, writer, before = self.state, self.writer, self.state.settings.before
        seconds = self._share_or_least(FLOW_SHARE, LEAST_OF_FLOW)
        if (measured := state.settings.measured) is not None:
            found = measured.flow
            passed = self.measure.passed(self.rows.taken(slice(0, 1)).x)
            found.examples, found.mask_examples = first_row(self.measure, passed)
        else:
            found = flow(
                self.measure,
                self.rows.x,
                len(self.rows),
                progress,
                seconds=seconds if state.allowance.is_limited else None,
                exact=state.settings.exact,
            )
        if found.rows < found.total:
            state.skip("rows", BUDGET, found.total - found.rows)
        ahead = before.way(0) if before else {}
        first = {**ahead, **{name: values[0] for name, values in found.examples.items()}}
        summaries = {**(before.summaries if before else {}), **found.summaries}
        writer.write(TraceWriter.add_data_flow, found.rows, summaries, first, found.histogram_rows)
        writer.write(TraceWriter.add_details, "mask", found.masks, found.mask_examples)
        for place in range(1, max((len(values) for values in found.examples.values()), default=1)):
            further = {
                name: values[place]
                for name, values in found.examples.items()
                if len(values) > place
            }
            writer.write(TraceWriter.add_details, f"example/{place}", {}, further)


def _followed(measure: ModelPass, followed: Followed) -> Prediction:
    passed = measure.passed(followed.row.x)
    outputs = {name: values[0] for name, values in measure.examples(passed).items()}
    return Prediction(followed.number, followed.label, {**followed.way, **outputs})
