"""Outputs against targets: of training rows, of validation rows, and in training mode."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np

from pipetrace.capture import internals
from pipetrace.record.measure.model_pass import ModelPass, is_numbers
from pipetrace.record.measure.rows import Rows
from pipetrace.stats import activations, outcomes, series
from pipetrace.trace.document import Array
from pipetrace.trace.measurements import BatchDependence, Dimensions, Figures, Outcome

Found: TypeAlias = list[tuple[str, Figures]]
"""Figures with the names of what they are of."""

NEIGHBOURS = 4
"""Rows that pass with as many others, and then with others instead, to see whether these matter."""
DEPENDENCE_PASSES = 3
NOISE = 1e-3
"""Change from one pass to the next, over the spread of the rows, from which a stage is random."""
DEPENDENT = 0.05
"""Change with other neighbours, over the spread of the rows, from which these matter: sums in
another order change less, also of 16-bit numbers."""
STRETCHED_ROWS = 8
"""Rows whose loss together is compared with that of each."""
SET_BY_THREADPOOLCTL = "KMP_DUPLICATE_LIB_OK"


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """A block in which NumPy's linear algebra uses one thread.

    Threads of such a library wait for each other by spinning: for matrices of a few hundred rows,
    on a machine that does other work too, several took five to eleven times as long as one.
    """
    before = os.environ.get(SET_BY_THREADPOOLCTL)
    from threadpoolctl import threadpool_limits

    # Importing it sets a variable of the environment, which belongs to the user's process.
    if before is None:
        os.environ.pop(SET_BY_THREADPOOLCTL, None)
    with threadpool_limits(1, user_api="blas"):
        yield


def compared(
    measure: ModelPass, rows: Rows, outputs: list[Array], name: str, *, classes: bool = False
) -> Found:
    """Outputs against targets, one outcome for each output; with the mean loss of the rows.

    ``name`` is of the kind of rows; ``classes``: whether each class is measured by itself too.
    """
    if not outputs:
        return []
    targets: list[Array | None] = [*rows.targets]
    if len(targets) != len(outputs):
        targets = [None] * len(outputs)
    loss = None
    if rows.y is not None:
        losses = measure.losses.of(rows.y, outputs if len(outputs) > 1 else outputs[0])
        loss = float(np.mean(losses)) if losses is not None and len(losses) else None
    found: Found = []
    if loss is not None and len(outputs) > 1:
        found.append((name, Outcome(loss=loss)))
    for place, (output, target) in enumerate(zip(outputs, targets, strict=True)):
        title = name if len(outputs) == 1 else f"{name}/{place}"
        outcome = outcomes.outcome(output, target, classes=measure.tells_classes)
        if len(outputs) == 1 and target is not None and target.ndim != output.ndim:
            outcome = _with_batch_loss(outcome, measure.forward.model, target, output)
        if outcome.r2 is not None and target is not None and len(rows.arrays) == 1:
            last = series.error_of_last(rows.arrays[0], target)
            outcome = replace(outcome, mean_squared_error_of_last=last)
        found.append((title, replace(outcome, loss=loss) if len(outputs) == 1 else outcome))
        if classes and measure.tells_classes:
            of_class = outcomes.by_class(output, target)
            found += [(f"{title}/{label}", values) for label, values in of_class.items()]
    return found


def _with_batch_loss(outcome: Outcome, model: Any, target: Array, output: Array) -> Outcome:
    """The same with what a loss of the user's own gives for a few rows together, and alone.

    Keras makes the axes of targets and outputs the same, but not for a class of losses that it does
    not know. There the one is then stretched over the other.
    """
    loss: Any = getattr(model, "loss", None)
    if not hasattr(loss, "call") or internals.is_of_keras(type(loss)):
        return outcome
    try:
        together = float(np.mean(loss(target[:STRETCHED_ROWS], output[:STRETCHED_ROWS])))
        each = [
            float(np.mean(loss(target[place : place + 1], output[place : place + 1])))
            for place in range(min(STRETCHED_ROWS, len(output)))
        ]
    except Exception:  # it may want more than a target and an output
        return outcome
    return replace(outcome, batch_loss=together, row_losses=float(np.mean(each)))


def dimensions(measure: ModelPass, rows: Rows) -> Found:
    """In how many directions the rows differ at each stage."""
    passed = measure.passed(rows.spaced(measure.extent.probe).x)
    with one_blas_thread():
        return [
            (name, Dimensions(activations.dimensions(values[0]), int(values[0][0].size)))
            for name, values in passed.outputs.items()
            if name in measure.by_row
            and is_numbers(values[0])
            and len(values[0]) > 1
            and np.isfinite(values[0]).all()
        ]


def batch_dependence(measure: ModelPass, rows: Rows) -> Found:
    """How much outputs depend on the other rows: of the first stage that does, and of the last.

    Some rows pass twice with the same neighbours, and once with others. Nothing where the model
    takes one number of rows only, or gives something else each time.
    """
    few = rows.spaced(3 * NEIGHBOURS)
    half = min(len(few) // 3, measure.extent.together // 2)
    if not half or measure.forward.fixed is not None:
        return []
    kept = np.arange(half)
    # Random numbers are drawn anew from the same seed, so the same place gets the same ones.
    first, again, other = (
        measure.passed(few.taken(np.concatenate([kept, kept + moved])).x).outputs
        for moved in (half, half, 2 * half)
    )
    found: dict[str, Figures] = {}
    last = {str(spec.source) for spec in measure.forward.outputs}
    for stage in measure.forward.stages:
        values = first[stage.name][0]
        # A table of all pairs of rows compares them on purpose.
        pairs = (
            values.ndim > 1 and stage.outputs[0].shape[1] is None and values.shape[1] == 2 * half
        )
        if stage.name not in measure.by_row or not is_numbers(values) or pairs:
            continue
        scale = _spread(values) or 1.0
        if _rms(_apart(values, again[stage.name][0])) > NOISE * scale:
            return []
        apart = _rms(_apart(values, other[stage.name][0])[:half]) / scale
        if (apart > DEPENDENT and not found) or stage.name in last:
            found[stage.name] = BatchDependence(apart)
    return [*found.items()]


def _apart(values: Array, others: Array) -> Array:
    found: Array = values.astype(np.float64) - others
    return found


def _rms(values: Array) -> float:
    return float(np.sqrt((values.astype(np.float64) ** 2).mean())) if values.size else 0.0


def _spread(values: Array) -> float:
    """The standard deviation over the rows, or a thousandth of the size if that is more."""
    wide = values.astype(np.float64)
    return max(float(np.sqrt(wide.var(axis=0).mean())), 1e-3 * _rms(wide)) if wide.size else 0.0
