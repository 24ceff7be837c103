"""Sequence outputs of a model for a row: a verdict, and a table of steps and targets."""

import numpy as np

from pipetrace.explain import task
from pipetrace.explain.facts import class_name
from pipetrace.explain.formatting import counted, figure, number, share
from pipetrace.present.drawings import Grid
from pipetrace.trace.document import LAYER, Array, Prediction, Trace

MOST_STEPS = 24
"""Of more steps the first ones stand in the table."""


def sequence(
    trace: Trace, made: Prediction, output: task.Output, values: Array, target: Array | None
) -> tuple[str, Grid]:
    """The verdict and the table of an output's steps, ``(steps, k)``, and targets, maybe class
    numbers.
    """
    there = _there(trace, made, output, len(values))
    if output.what in (task.CLASSES, task.BINARY):
        return _told(trace, output, values, target, there)
    return _numbers(values, target, there)


def _told(
    trace: Trace, output: task.Output, values: Array, target: Array | None, there: Array
) -> tuple[str, Grid]:
    shares = task.shares(output, values)
    if output.what == task.CLASSES:
        said = values.argmax(axis=-1)
    else:
        said = (values[:, 0] if shares is None else shares[:, 0]) > task.THRESHOLD
    said, meant = said.astype(int), _meant(target, len(values), output)
    columns = ["step", "predicted"]
    columns += ["probability"] if shares is not None else []
    columns += ["target"] if meant is not None else []
    rows, marks = [], []
    for step in range(min(len(values), MOST_STEPS)):
        cells = [str(step), _name(trace, output, int(said[step]))]
        if shares is not None:
            yes = float(
                shares[step, said[step]] if output.what == task.CLASSES else shares[step, 0]
            )
            cells.append(share(yes))
        if meant is not None:
            cells.append(_name(trace, output, int(meant[step])))
        rows.append(tuple(cells))
        marks.append(_mark(there[step], None if meant is None else bool(said[step] == meant[step])))
    verdict = f"{counted(int(there.sum()), 'step')} are predicted, one after another"
    if meant is not None:
        right = int((said == meant)[there].sum())
        verdict = f"{number(right)} of {counted(int(there.sum()), 'step')} are correct"
    return f"{verdict}{_hidden(there)}.", Grid(
        "The steps", tuple(columns), tuple(rows), tuple(marks), rest(len(values), len(rows))
    )


def _numbers(values: Array, target: Array | None, there: Array) -> tuple[str, Grid]:
    wanted = (
        None
        if target is None or target.size != values.size
        else target.reshape(values.shape).astype(float)
    )
    one = values.shape[1] == 1
    columns = ["step", "output" if one else "mean output"]
    columns += ["target" if one else "mean target", "difference"] if wanted is not None else []
    rows, marks = [], []
    for step in range(min(len(values), MOST_STEPS)):
        cells = [str(step), figure(float(values[step].mean()))]
        if wanted is not None:
            apart = (
                float((values[step] - wanted[step]).mean())
                if one
                else float(np.abs(values[step] - wanted[step]).mean())
            )
            cells += [figure(float(wanted[step].mean())), figure(apart)]
        rows.append(tuple(cells))
        marks.append(_mark(there[step], None))
    each = "" if one else f" of {counted(values.shape[1], 'number')} each"
    verdict = f"The model gives {counted(len(values), 'step')}{each}"
    if wanted is not None and there.any():
        off = np.abs(values - wanted)[there]
        mean, most = figure(float(off.mean())), figure(float(off.max()))
        verdict += f", off by {mean} on average and by {most} at most"
    return f"{verdict}{_hidden(there)}.", Grid(
        "The steps", tuple(columns), tuple(rows), tuple(marks), rest(len(values), len(rows))
    )


def _meant(target: Array | None, steps: int, output: task.Output) -> Array | None:
    if target is None or len(target) != steps or not np.isfinite(target).all():
        return None
    found: Array
    if target.size == steps:
        found = target.reshape(-1).astype(int)
        return found
    if target.ndim == 2 and target.shape[1] == output.classes:
        found = target.argmax(axis=-1)
        return found
    return None


def _there(trace: Trace, made: Prediction, output: task.Output, steps: int) -> Array:
    """For each step whether the mask shows it; the stage that made the mask says so."""
    whole = np.ones(steps, bool)
    last = trace.stage(output.stage)
    if last.mask is None and last.example_mask is None:
        return whole
    if (
        made.row == trace.run.data.example_row
        and last.example_mask is not None
        and len(last.example_mask) == steps
    ):
        return last.example_mask.astype(bool)
    for stage in trace.stages:
        source = stage.inputs[0].source if stage.inputs else None
        values = made.outputs.get(source) if source else None
        if stage.kind != LAYER or values is None or not len(values.shape) or len(values) != steps:
            continue
        if stage.layer == "Embedding" and stage.config.get("mask_zero") and values.ndim == 1:
            return np.asarray(values != 0)
        if stage.layer == "Masking" and values.ndim == 2:
            return np.asarray((values != stage.config.get("mask_value", 0.0)).any(axis=-1))
    return whole


def _name(trace: Trace, output: task.Output, index: int) -> str:
    """A class without the word, which the column says; by its name where it has one."""
    return class_name(trace, index, output).strip("'").removeprefix("class ")


def _mark(there: bool, right: bool | None) -> str:
    if not there:
        return "hidden"
    return "" if right is None else "right" if right else "wrong"


def _hidden(there: Array) -> str:
    hidden = int((~there).sum())
    return f"; {counted(hidden, 'step is', 'steps are')} hidden and not counted" if hidden else ""


def rest(total: int, shown: int) -> str | None:
    """What a table says of the entries that it does not show."""
    return f"the first {shown} of {number(total)}" if total > shown else None
