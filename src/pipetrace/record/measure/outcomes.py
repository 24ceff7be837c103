"""What is measured once, at the end: outcomes of many rows, the rows themselves, and what simple learners get of them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from pipetrace.capture import nests
from pipetrace.capture.backend import load
from pipetrace.capture.forward import Forward
from pipetrace.record.measure.dynamics import (
    Found,
    outcome_figures,
    spaced,
    trained_on,
)
from pipetrace.record.measure.rows import Measure, Rows, is_numbers
from pipetrace.record.one_thread import one_thread
from pipetrace.record.recording import Recording
from pipetrace.stats import activations, baselines, dataset_checks, outcomes
from pipetrace.trace.document import Array
from pipetrace.trace.measured import Measurement
from pipetrace.trace.measurements import (
    HELD_OUT,
    TRAINING,
    TRAINING_MODE,
    DatasetCheck,
    Dimensions,
    FitArguments,
)

MOST_JUDGED = 2000
"""Rows of each kind whose outcome is measured."""
TAUGHT = 600
"""Rows that the simple learners get: their work grows with the third power."""
MOST_VALUES = 6_000_000
"""Values of all rows for the learners; longer rows mean fewer of them."""
OTHERWISE = ("Dropout", "BatchNorm", "Noise")
"""Layers of Keras whose outputs are others while they train; RNNs are told too, and mostly do the same."""


def on_trained(
    work: Callable[[Recording, Measure, Rows], None],
) -> Callable[[Recording, Measure, Rows], None]:
    """The same, of the rows that ``fit`` trained on instead of those that the recorder was given to look at."""

    def act(session: Recording, measure: Measure, rows: Rows) -> None:
        work(session, measure, trained_on(session) or rows)

    return act


def results(session: Recording, measure: Measure, rows: Rows) -> None:
    """How the outputs compare with the targets, on training and held-out rows, and in training's own mode."""
    found: Found = []
    wanted = {str(spec.source) for spec in measure.forward.outputs}
    few = nests.as_fit_gets(rows.taken(slice(0, 2)).x)
    final = Forward(session.model, few, measure.names, only=wanted, taken=session.taken)
    count = min(MOST_JUDGED, measure.extent.candidates)
    trained = spaced(rows, count)
    found += outcome_figures(
        session, trained, _given(final, trained, measure), TRAINING, losses=True, classes=True
    )
    if session.held_out is not None and len(session.held_out):
        kept = spaced(session.held_out, count)
        found += outcome_figures(
            session, kept, _given(final, kept, measure), HELD_OUT, losses=True, classes=True
        )
    if any(word in (stage.layer or "") for stage in measure.forward.stages for word in OTHERWISE):
        other = Forward(
            session.model, few, measure.names, training=True, only=wanted, taken=session.taken
        )
        found += outcome_figures(
            session, trained, _given(other, trained, measure), TRAINING_MODE, losses=True
        )
    add(session, found)


def dimensions(session: Recording, measure: Measure, rows: Rows) -> None:
    """In how many directions the rows differ at each stage."""
    passed = measure.passed(spaced(rows, measure.extent.together).x)
    with one_thread():
        found: Found = [
            (name, Dimensions(activations.dimensions(values[0]), int(values[0][0].size)))
            for name, values in passed.outputs.items()
            if is_numbers(values[0])
            and values[0].ndim
            and len(values[0]) > 1
            and np.isfinite(values[0]).all()
        ]
    add(session, found)


def data(session: Recording, measure: Measure, rows: Rows) -> None:
    """Repeated rows, contradictions, order, and what the held-out rows share with the others."""
    call = session.call
    found: Found = [("fit", FitArguments(bool(call.shuffle), call.validation_split))]
    flat = load().tree.flatten
    some = rows.taken(slice(0, dataset_checks.MOST))
    inputs = [each for each in flat(some.x) if each.ndim]
    x = dataset_checks.hashes(inputs)
    y = (
        dataset_checks.hashes([each for each in flat(some.y) if each is not None])
        if some.y is not None
        else None
    )
    figures = _with_values(dataset_checks.repeated(x, y), some)
    figures = replace(figures, possible_rows=dataset_checks.domain(inputs))
    if y is not None and len(y) == len(x) and _same_form(inputs, flat(some.y)):
        own = dataset_checks.hashes(flat(some.y))
        figures = replace(
            figures,
            targets_are_inputs=float((own == x).mean()),
            targets_among_inputs=float(np.isin(own, x).mean()),
        )
    labels = _labels(measure, some)
    if labels is not None:
        runs, by_chance = dataset_checks.class_runs(labels[0])
        figures = replace(figures, class_runs=runs, expected_class_runs=by_chance)
    found.append((TRAINING, figures))
    if session.held_out is not None and len(session.held_out):
        kept = session.held_out.taken(slice(0, dataset_checks.MOST))
        new = dataset_checks.hashes([each for each in flat(kept.x) if each.ndim])
        others = _with_values(dataset_checks.repeated(new, None), kept)
        others = replace(others, seen_in_training=float(np.isin(new, x).mean()))
        theirs = _labels(measure, kept)
        if labels is not None and theirs is not None:
            classes = max(labels[1], theirs[1])
            moved = dataset_checks.class_shift(labels[0], theirs[0], classes)
            others = replace(
                others,
                class_shift=moved.shift,
                class_shift_sigmas=moved.sigmas,
                unseen_classes=moved.unseen,
            )
        found.append((HELD_OUT, others))
    add(session, found)


def baseline_models(session: Recording, measure: Measure, rows: Rows) -> None:
    """What baseline models get of the same rows."""
    problem = _problem(session, measure, rows)
    if problem is None:
        return
    with one_thread():
        found: Found = [
            *baselines.learned(problem).items(),
            *baselines.shifted(problem).items(),
        ]
        if problem.x.shape == problem.y.shape and np.array_equal(problem.x, problem.y):
            found += baselines.components(problem.x).items()
    add(session, found)


def add(session: Recording, found: Found) -> None:
    """Write figures that were taken once."""
    if session.writer is not None:
        session.writer.add_measurements(Measurement(name, None, figures) for name, figures in found)


def _given(forward: Forward, rows: Rows, measure: Measure) -> list[Array]:
    parts: list[list[Array]] = []
    for start in range(0, len(rows), measure.extent.together):
        some = rows.taken(slice(start, start + measure.extent.together))
        found = forward.passed(nests.as_fit_gets(some.x)).outputs
        parts.append(
            [
                found[str(spec.source)][spec.output]
                for spec in forward.outputs
                if spec.source in found
            ]
        )
    return [np.concatenate(each) for each in zip(*parts, strict=True)] if parts else []


def _with_values(found: DatasetCheck, rows: Rows) -> DatasetCheck:
    """The same with how many values are not finite, and the root mean square of the inputs that are numbers."""
    inputs = [each for each in load().tree.flatten(rows.x) if is_numbers(each) and each.size]
    rms = None
    if inputs:
        sums = [
            float(np.nansum(each[: dataset_checks.MOST].astype(np.float64) ** 2)) for each in inputs
        ]
        rms = float(np.sqrt(sum(sums) / sum(each.size for each in inputs)))
    return replace(
        found,
        input_rms=rms,
        inputs_not_finite=_not_finite(rows.x),
        targets_not_finite=_not_finite(rows.y),
    )


def _not_finite(nest: Any) -> int:
    arrays = [
        each for each in load().tree.flatten(nest) if each is not None and each.dtype.kind == "f"
    ]
    return sum(int((~np.isfinite(each)).sum()) for each in arrays)


def _same_form(inputs: list[Array], targets: list[Array]) -> bool:
    return (
        len(inputs) == len(targets) == 1
        and inputs[0].shape == targets[0].shape
        and inputs[0].ndim > 1
    )


def _labels(measure: Measure, rows: Rows) -> tuple[Array, int] | None:
    """The class of each row, where the single output tells one for a row."""
    if rows.y is None or len(measure.forward.outputs) != 1:
        return None
    wanted = load().tree.flatten(rows.y)[0]
    shape = measure.forward.outputs[0].shape
    if len(shape) != 2 or shape[1] is None or not is_numbers(wanted):
        return None
    made = np.zeros((len(wanted), int(shape[1])), np.float32)
    labels = outcomes.labels_of(made, wanted)
    return (labels[1], labels[2]) if labels is not None else None


def _problem(session: Recording, measure: Measure, rows: Rows) -> baselines.Problem | None:
    if rows.y is None:
        return None
    length = sum(int(np.prod(each.shape[1:])) for each in load().tree.flatten(rows.x))
    count = min(TAUGHT, MOST_VALUES // max(1, length))
    trained = _table(measure, spaced(rows, count))
    if trained is None or len(trained[0]) < baselines.FEWEST_ROWS:
        return None
    kept = session.held_out
    new = _table(measure, spaced(kept, count)) if kept is not None and len(kept) else None
    if new is not None and (
        new[0].shape[1:] != trained[0].shape[1:] or new[1].shape[1:] != trained[1].shape[1:]
    ):
        new = None
    return baselines.Problem(
        trained[0],
        trained[1],
        None if new is None else new[0],
        None if new is None else new[1],
        trained[2],
    )


def _table(measure: Measure, rows: Rows) -> tuple[Array, Array, bool] | None:
    """Inputs and targets as two tables of numbers; rows with values that are not finite fall away."""
    inputs, targets = load().tree.flatten(rows.x), load().tree.flatten(rows.y)
    if not all(is_numbers(each) and each.ndim for each in [*inputs, *targets]) or len(targets) != 1:
        return None
    x = np.concatenate([each.reshape(len(each), -1).astype(np.float64) for each in inputs], axis=1)
    labels = _labels(measure, rows)
    y: Any = targets[0].reshape(len(targets[0]), -1).astype(np.float64)
    if labels is not None:
        y = np.eye(labels[1])[labels[0]]
    if y.shape[1] > 2000 or len(x) != len(y):
        return None
    sound = np.isfinite(x).all(axis=1) & np.isfinite(y).all(axis=1)
    return x[sound], y[sound], labels is not None
