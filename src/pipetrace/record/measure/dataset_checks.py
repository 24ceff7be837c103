"""Checks of training and validation rows: repeated rows, order, baseline models."""

from dataclasses import replace

import numpy as np

from pipetrace.capture.fit import FitCall
from pipetrace.record.measure.model_pass import ModelPass, is_numbers
from pipetrace.record.measure.outcomes import Found, one_blas_thread
from pipetrace.record.measure.rows import Rows
from pipetrace.stats import baselines, dataset_checks, series
from pipetrace.stats.outcomes import class_labels
from pipetrace.stats.pairs import pairs
from pipetrace.trace.document import Array
from pipetrace.trace.measurements import TRAINING, VALIDATION, DatasetCheck, FitArguments

PADDED_ROWS = 1000
"""Rows of which the padding is measured."""
BASELINE_ROWS = 600
"""Rows that the baseline models get: their work grows with the third power."""
BASELINE_VALUES = 6_000_000
"""Values of all rows for the baseline models; longer rows mean fewer of them."""
BASELINE_TARGETS = 2000
"""Values of a row's target, at the most."""


def checks(
    measure: ModelPass,
    call: FitCall,
    trained: Rows,
    validation: Rows | None,
    earlier: list[Array],
) -> Found:
    """Repeated rows, contradictions, order, and what validation rows share with training rows.

    Hashes of the rows are added to ``earlier``, those of earlier calls of ``fit``.
    """
    some = trained.taken(slice(0, dataset_checks.MOST_ROWS))
    x = dataset_checks.hashes(_with_rows(some))
    y = dataset_checks.hashes(some.targets) if some.y is not None else None
    found = _with_values(dataset_checks.repeated(x, y), some)
    found = replace(found, possible_rows=dataset_checks.domain(_with_rows(some)))
    if y is not None and len(y) == len(x) and _targets_look_like_inputs(some):
        found = replace(
            found,
            targets_are_inputs=float((y == x).mean()),
            targets_among_inputs=float(np.isin(y, x).mean()),
        )
    table = _columns_of(trained)
    half = len(table[0]) // 2 if table else 0
    found = _with_columns(found, [each[:half] for each in table], [each[half:] for each in table])
    found = _with_series(found, some)
    labels = labels_of(measure, some)
    if labels is not None:
        runs, by_chance = dataset_checks.class_runs(labels[0])
        found = replace(found, class_runs=runs, expected_class_runs=by_chance)
    found = _with_target_columns(found, some, None if labels is None else labels[0])
    checked: Found = [(TRAINING, found)]
    if call.by_fit:
        checked.insert(0, ("fit", FitArguments(bool(call.shuffle), call.validation_split)))
    if validation is not None and len(validation):
        seen = np.concatenate(earlier) if earlier else None
        new = _of_validation(measure, validation, x, seen, labels)
        new = _with_columns(new, table, _columns_of(validation))
        checked.append((VALIDATION, replace(new, overlapping=_overlapping(some, validation))))
    earlier.append(x)
    return checked


def _of_validation(
    measure: ModelPass,
    validation: Rows,
    x: Array,
    earlier: Array | None,
    labels: tuple[Array, int] | None,
) -> DatasetCheck:
    kept = validation.taken(slice(0, dataset_checks.MOST_ROWS))
    new = dataset_checks.hashes(_with_rows(kept))
    found = _with_values(dataset_checks.repeated(new, None), kept)
    found = replace(
        found,
        seen_in_training=float(np.isin(new, x).mean()),
        seen_in_earlier_fits=None if earlier is None else float(np.isin(new, earlier).mean()),
    )
    others = labels_of(measure, kept)
    if labels is None or others is None:
        return found
    moved = dataset_checks.class_shift(labels[0], others[0], max(labels[1], others[1]))
    return replace(found, **moved)


def baseline_scores(
    measure: ModelPass, trained: Rows, validation: Rows | None, rows: int = BASELINE_ROWS
) -> Found:
    """What baseline models reach on so many of the rows; nothing where these are no numbers."""
    problem = _problem(measure, trained, validation, rows)
    if problem is None:
        return []
    with one_blas_thread():
        found: Found = [*baselines.learned(problem).items(), *baselines.shifted(problem).items()]
        if problem.x.shape == problem.y.shape and np.array_equal(problem.x, problem.y):
            found += baselines.components(problem.x).items()
    return found


def labels_of(measure: ModelPass, rows: Rows) -> tuple[Array, int] | None:
    """Each row's class and the number of classes, where the single output gives classes."""
    outputs = measure.forward.outputs
    if len(rows.targets) != 1 or len(outputs) != 1 or len(outputs[0].shape) != 2:
        return None
    width = outputs[0].shape[1]
    if width is None:
        return None
    labels = class_labels(rows.targets[0], (len(rows), width))
    return None if labels is None else (labels, max(2, width))


def _problem(
    measure: ModelPass, trained: Rows, validation: Rows | None, rows: int
) -> baselines.Problem | None:
    length = sum(int(np.prod(each.shape[1:])) for each in trained.arrays)
    count = min(rows, BASELINE_VALUES // max(1, length))
    old = _table(measure, trained.spaced(count))
    if old is None or len(old[0]) < baselines.FEWEST_ROWS:
        return None
    x, y, are_classes = old
    new = None
    if validation is not None and len(validation):
        new = _table(measure, validation.spaced(count))
    if new is None or new[0].shape[1:] != x.shape[1:] or new[1].shape[1:] != y.shape[1:]:
        return baselines.Problem(x, y, None, None, are_classes)
    return baselines.Problem(x, y, new[0], new[1], are_classes)


def _table(measure: ModelPass, rows: Rows) -> tuple[Array, Array, bool] | None:
    """Inputs and targets as tables, finite rows only, and whether targets are classes."""
    inputs, targets = rows.arrays, rows.targets
    if len(targets) != 1 or not all(is_numbers(each) and each.ndim for each in (*inputs, *targets)):
        return None
    x = np.concatenate([each.reshape(len(each), -1).astype(np.float64) for each in inputs], axis=1)
    labels = labels_of(measure, rows)
    y: Array = targets[0].reshape(len(targets[0]), -1).astype(np.float64)
    if labels is not None:
        y = np.eye(labels[1])[labels[0]]
    if y.shape[1] > BASELINE_TARGETS or len(x) != len(y):
        return None
    sound = np.isfinite(x).all(axis=1) & np.isfinite(y).all(axis=1)
    return x[sound], y[sound], labels is not None


def _with_values(found: DatasetCheck, rows: Rows) -> DatasetCheck:
    """The same with how many values are NaN or Inf, and the root mean square of the inputs."""
    inputs = [each for each in rows.arrays if is_numbers(each) and each.size]
    rms = None
    if inputs:
        sums = [float(np.nansum(each.astype(np.float64) ** 2)) for each in inputs]
        rms = float(np.sqrt(sum(sums) / sum(each.size for each in inputs)))
    return replace(
        found,
        input_rms=rms,
        inputs_not_finite=_not_finite(rows.arrays),
        targets_not_finite=_not_finite(rows.targets),
    )


def _columns_of(rows: Rows) -> list[Array]:
    """The rows whose columns are compared; none where they are no numbers."""
    if not all(is_numbers(each) and each.ndim for each in rows.arrays):
        return []
    values = sum(each[:1].size for each in rows.arrays)
    return rows.spaced(dataset_checks.MOST_VALUES // max(1, values)).arrays


def _with_columns(found: DatasetCheck, first: list[Array], second: list[Array]) -> DatasetCheck:
    """The same with how far the columns of some rows are from those of others."""
    both = [(len(each[0]), [one.shape[1:] for one in each]) for each in (first, second) if each]
    if len(both) < 2 or both[0][1] != both[1][1] or not (both[0][0] and both[1][0]):
        return found
    return replace(found, **dataset_checks.apart(first, second))


def _with_series(found: DatasetCheck, rows: Rows) -> DatasetCheck:
    """The same with the padding of series, and whether inputs look like their own targets."""
    few, (x, y) = rows.spaced(PADDED_ROWS), (rows.arrays, rows.targets)
    numbers = len(x) == len(y) == 1 and is_numbers(x[0]) and is_numbers(y[0])
    with one_blas_thread():
        alike = pairs(x[0], y[0]) if numbers else {}
    return replace(
        found,
        **alike,
        inputs_padded=_most_padded(few.arrays),
        targets_padded=_most_padded(few.targets),
    )


def _overlapping(rows: Rows, validation: Rows) -> float | None:
    """The share of validation rows that overlap training rows, as windows of a series."""
    x, new = rows.arrays, validation.spaced(PADDED_ROWS).arrays
    numbers = len(x) == len(new) == 1 and is_numbers(x[0]) and is_numbers(new[0])
    return series.overlapping(x[0], new[0]) if numbers else None


def _with_target_columns(found: DatasetCheck, rows: Rows, labels: Array | None) -> DatasetCheck:
    """The same with the columns of a table that alone give the target."""
    x, y = rows.arrays, rows.targets
    if len(x) != 1 or len(y) != 1 or not is_numbers(x[0]) or not is_numbers(y[0]):
        return found
    values = labels if labels is not None else y[0].reshape(len(y[0]), -1)
    if x[0].ndim != 2 or (values.ndim > 1 and values.shape[1] > 1):
        return found
    count = max(1, dataset_checks.MOST_VALUES // max(1, x[0].shape[1]))
    wanted = values[:count].reshape(-1)
    places = dataset_checks.target_columns(x[0][:count], wanted, classes=labels is not None)
    first = places[0] if places else None
    return replace(found, target_columns=len(places), target_column=first)


def _most_padded(arrays: list[Array]) -> float | None:
    shares = [series.padded(each) for each in arrays if is_numbers(each)]
    return max((each for each in shares if each is not None), default=None)


def _not_finite(arrays: list[Array]) -> int:
    floats = [each for each in arrays if each.dtype.kind == "f"]
    return sum(int((~np.isfinite(each)).sum()) for each in floats)


def _with_rows(rows: Rows) -> list[Array]:
    return [each for each in rows.arrays if each.ndim]


def _targets_look_like_inputs(rows: Rows) -> bool:
    inputs, targets = _with_rows(rows), rows.targets
    return (
        len(inputs) == len(targets) == 1
        and inputs[0].shape == targets[0].shape
        and inputs[0].ndim > 1
    )
