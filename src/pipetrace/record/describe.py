"""What the trace says of a run: the model and its stages, the rows, the training, the overhead."""

import contextlib
import math
import platform
import threading
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from pipetrace.capture import backend, facts, internals, saved, structures
from pipetrace.capture.data.datasets import class_names
from pipetrace.capture.eager import forward_class
from pipetrace.capture.tensors import Origin
from pipetrace.capture.train_step import TrainStep, computes_loss, leaves_out, steps_itself
from pipetrace.capture.untraced import untraced_graph
from pipetrace.capture.weights import Untracked
from pipetrace.record import budget, privacy
from pipetrace.record.measure.constructions import constructions, program_files
from pipetrace.record.measure.dataset import HASHED_BYTES, DataFacts
from pipetrace.record.measure.model_pass import ModelPass, batch_names, source_names, sources
from pipetrace.record.measure.preprocessing import before_dataset
from pipetrace.record.measure.rows import Rows
from pipetrace.record.state import State
from pipetrace.trace.document import Data, Group, Run, Spec, Stage
from pipetrace.trace.overhead import BUDGET, NOT_BY_ROW, Overhead, Skipped
from pipetrace.trace.training import Fit, StepFacts, Training
from pipetrace.trace.writer import TraceWriter

READ_BYTES_A_SECOND, SECONDS_A_TARGET_VALUE = 300e6, 80e-9
"""Speed at which rows and targets are read for a SHA-256, and what the targets' statistics take."""
READ_SHARE = 0.4
"""Share of what is left of the allowance for reading the rows."""


def see_stages(state: State, rows: Rows, until: float = math.inf) -> None:
    """Trace the model once on some rows; the state then has its stages and a pass of all of them.

    Whatever the model raises is raised, or a ``TookTooLongError`` at the moment ``until``.
    """
    _name_sources(state, rows)
    few, batch, model = rows.taken(slice(0, 2)).x, state.source.batch_size, state.model
    given, by_step = structures.as_fit_gets(few), state.source.are_batches

    def seen(fixed: int | None) -> ModelPass:
        options: Any = {"taken": state.taken, "until": until, "rows": fixed}
        program = TrainStep(model) if by_step else model
        forward = forward_class()(program, given, state.names, **options)
        if fixed is None and forward.needs(batch):
            raise ValueError(f"the model works for {batch} rows at a time")
        return ModelPass(forward, state.names, few, state.rows_together)

    try:
        state.measure = seen(None)
    except Exception as error:
        try:
            if not batch or batch < 2:
                raise
            state.measure = seen(batch)  # whole batches, as in training
        except Exception:
            if by_step or not steps_itself(model):
                raise error from None
            # Its step may call it with something else than rows, as with a whole graph.
            state.source.become_batches()
            see_stages(state, state.source.shown or rows, until)
            return
    state.untraced = None
    with state.safely("untracked variables"):
        passed = state.measure.forward
        names = [stage.name for stage in passed.stages]
        state.untracked = Untracked(state.model, passed.function, names)
    forward = state.measure.forward
    if not by_step and computes_loss(model) and leaves_out(model, forward.seen):
        # What ``call`` leaves out is called by the training step.
        state.source.become_batches()
        if state.source.shown is not None:
            with state.safely("training step"):
                see_stages(state, state.source.shown, until)


def read_stages(state: State, rows: Rows) -> None:
    """Take the stages as the model was built, where tracing it would take too long."""
    _name_sources(state, rows)
    state.untraced = untraced_graph(state.model, state.names, state.taken)


def name_sources(state: State) -> None:
    """Take what comes before the model, where it failed before anyone looked at it."""
    if not state.names and state.source.shown is not None:
        _name_sources(state, state.source.shown)


def renew_sources(state: State) -> None:
    """Take what comes before the model from the ``fit`` that begins.

    Where the model gets its rows in another way than from the ``fit`` before, its stages have to
    be looked at anew.
    """
    rows, was = state.source.shown, _ways(state)
    if state.measure is None or rows is None:
        return
    _name_sources(state, rows)
    if _ways(state) != was:
        state.measure = None


def _ways(state: State) -> list[tuple[Origin, tuple[Spec, ...]]]:
    """Where each array of the rows comes from, and its form."""
    outputs = {stage.name: stage.outputs for stage in state.before}
    return [(origin, outputs.get(origin[0], ())) for origin in state.names]


def _name_sources(state: State, rows: Rows) -> None:
    taken = {str(layer.name) for layer in internals.all_layers(state.model)}
    of_dataset = None
    if state.settings.rows is None:
        of_dataset = before_dataset(state.source.call.x, taken)
    before = state.settings.before or of_dataset
    if before is not None and len(before.sources) == len(rows.arrays):
        state.names, state.before = list(before.sources), before.stages
        *ahead, last = before.stages
        if not last.outputs:  # no arrays, such as a generator: the model gets the ones it gives
            (seen,) = sources([last.name], rows.x, {})
            state.before = (*ahead, replace(last, outputs=seen.outputs))
    else:
        plain = source_names(state.model, rows.x)
        if state.source.are_batches and isinstance(rows.x, tuple):
            plain = batch_names(rows.x)
        state.names = [(name, 0) for name in plain]
        state.before = sources(plain, rows.x, {"name": "rows"})


class Description:
    """What the trace says of a run, kept up to date while more becomes known."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._data = DataFacts()
        self._run: Run | None = None
        self._stages: tuple[Stage, ...] = ()  # those that were seen up to one that failed
        self._writing = threading.RLock()  # the rows are read beside the training
        self._looked_for: tuple[str, ...] = ()
        self._constructed: Mapping[str, str] = {}

    def fit_begins(self) -> None:
        """Remember the ``fit`` that begins as one of several."""
        state = self._state
        place = "" if state.settings.anonymous else privacy.place_of_call()
        state.fits.append(Fit(state.epoch + 1, _training(state), called_from=place))

    def renewed(self) -> Run:
        """The facts of the run as they are known now; rows are not read for it."""
        state, earlier = self._state, self._run
        now = datetime.now().astimezone().isoformat(timespec="seconds")
        known = state.measure.forward if state.measure else state.untraced
        outputs, training = known.outputs if known else (), _training(state)
        data = self._data.told(state.source.shown, known_data(state), state.settings.data)
        if state.fits:
            state.fits[-1] = _renewed(state, training, data)
        fingerprint = earlier.model_fingerprint if earlier else saved.fingerprint(state.model)
        self._run = Run(
            title=state.settings.title or facts.model_name(state.model),
            created=earlier.created if earlier else now,
            command=state.settings.command,
            versions=backend.versions(),
            backend=backend.name(),
            platform=f"{platform.system()} {platform.machine()}",
            model_fingerprint=fingerprint,
            data=data,
            training=training,
            model=saved.model_facts(state.model, outputs, earlier.model if earlier else None),
            step=None if state.only_looks else _step(state),
            fits=tuple(state.fits),
            evaluations=tuple(state.evaluations),
        )
        if state.settings.anonymous:
            self._run = privacy.unnamed_run(self._run)
        return self._run

    def read_now(self) -> None:
        """Read rows and targets for their facts, where the allowance has room for that."""
        state = self._state
        if state.can("data facts"):
            if state.allowance.has_room_for(self._seconds(), READ_SHARE):
                with state.safely("data facts"):
                    self._read()
            else:
                state.skipped["data facts", BUDGET] = 1
        self.renewed()

    def read_beside(self) -> None:
        """Do that beside the training; without room for it in the budget it waits for the end."""
        state, rows = self._state, self._state.source.shown
        if rows is None or state.writer is None or not state.can("data facts"):
            return
        if not state.budget.has_room_for(self._seconds()):
            return

        def work() -> None:
            with state.cost.beside("data facts"):
                self._read()
            self.write()

        state.writer.do("data facts", work)

    def write(self, stages: tuple[Stage, ...] = ()) -> None:
        """Write what runs, and its stages; those given where a whole pass was never seen."""
        with self._writing:
            self._write(stages)

    def _write(self, stages: tuple[Stage, ...]) -> None:
        state = self._state
        if state.writer is None or self._run is None or not state.can("writing"):
            return
        known = state.measure.forward if state.measure else state.untraced
        self._stages = stages or self._stages
        found = (*state.before, *(known.stages if known else self._stages))
        data = self._data.told(state.source.shown, known_data(state), state.settings.data)
        groups, run = tuple(known.groups) if known else (), replace(self._run, data=data)
        if state.settings.anonymous:
            run, found = privacy.unnamed_run(run), privacy.unnamed_stages(found)
        else:
            run = replace(run, constructed_at=self._constructions(found, groups))
        state.writer.write(TraceWriter.describe, run, found, groups)

    def _constructions(
        self, stages: tuple[Stage, ...], groups: tuple[Group, ...]
    ) -> Mapping[str, str]:
        """Where the program constructs the layers, looked for again when other stages are known."""
        names = tuple(each.name for each in stages)
        if names != self._looked_for:
            self._looked_for = names
            with self._state.cost.of("stages"), contextlib.suppress(Exception):
                sources = {name: file.read_bytes() for name, file in program_files().items()}
                self._constructed = constructions(stages, groups, sources, facts.constructor)
        return self._constructed

    def _seconds(self) -> float:
        """What reading the rows takes; nothing where that is done."""
        rows, measure = self._state.source.shown, self._state.measure
        if rows is None or self._data.has_read(rows, measure):
            return 0.0
        hashed = min(HASHED_BYTES, sum(each.nbytes for each in (*rows.arrays, *rows.targets)))
        sorted_values = sum(each.size for each in rows.targets)
        return hashed / READ_BYTES_A_SECOND + sorted_values * SECONDS_A_TARGET_VALUE

    def _read(self) -> None:
        state = self._state
        self._data.read(
            known_data(state),
            state.source.shown,
            state.measure,
            state.settings.class_names or class_names(state.source.call.x),
            classifies=facts.classifies(state.model),
        )


def _training(state: State) -> Training:
    source, measure = state.source, state.measure
    rows = source.trained
    return facts.training_facts(
        state.model,
        epochs=state.planned,
        batch_size=source.batch_size,
        probe_rows=min(measure.extent.probe, len(rows)) if measure and rows else 0,
        call=source.call,
        sample_weights=source.has_weights,
        spread=source.spread,
    )


def _renewed(state: State, training: Training, data: Data) -> Fit:
    """The ``fit`` that runs, as it is known now; the optimizer is as it began."""
    before = state.fits[-1].training
    if before.optimizer == training.optimizer:
        training = replace(training, optimizer_config=before.optimizer_config)
    return replace(
        state.fits[-1],
        training=training,
        data=data.name,
        fingerprint=data.fingerprint,
        rows=data.rows,
        validation_rows=data.validation_rows,
        steps=state.steps,
        frozen=facts.frozen_layers(state.model),
    )


def _step(state: State) -> StepFacts:
    step = state.measure.forward.step if state.measure else None
    begun = None if state.cost.training else state.iterations
    return facts.step_facts(state.model, step, begun, state.source.call)


def known_data(state: State) -> Data:
    """What is known of the rows without reading them."""
    source, settings = state.source, state.settings
    rows = source.shown
    return Data(
        name=settings.data_name or source.kind,
        description="",
        notice=None,
        origin="fit",
        available=len(rows) if rows and rows.complete else 0,
        fingerprint="",
        class_names=(),
        class_counts=(),
        validation_rows=source.validation_rows(of_fit=not state.only_looks),
        example_row=(settings.before.row or 0) if settings.before else 0,
        example_label=None,
        example_value=None,
        rows=source.in_an_epoch(state.steps),
        complete=bool(rows and rows.complete),
        feature_names=structures.column_names(source.call.x),
    )


def metrics_of(logs: Mapping[str, Any]) -> dict[str, float]:
    """What of an epoch's logs are single numbers; callbacks may put anything there."""
    found = {}
    for name, value in logs.items():
        with contextlib.suppress(TypeError, ValueError):
            found[str(name)] = float(value)
    return found


def overhead(state: State, steps_a_look: int) -> Overhead:
    """What the recording took so far, and what was skipped."""
    of = dict.fromkeys(("probe", "weights", "measurements"), state.epoch)
    if state.source.shown is not None:
        of["rows"] = len(state.source.shown)
    skipped = [
        Skipped(what, why, amount, of.get(what)) for (what, why), amount in state.skipped.items()
    ]
    if state.measure is not None and state.measure.losses.apart is False:
        skipped.append(Skipped("row losses", NOT_BY_ROW))
    if steps_a_look > 1:
        skipped.append(Skipped("loss checks", BUDGET, steps_a_look))
    return Overhead(
        budget=state.budget.share,
        floor=budget.FLOOR,
        training=state.budget.training,
        during=state.cost.during,
        background=state.cost.background,
        after=state.cost.after,
        skipped=tuple(skipped),
    )
