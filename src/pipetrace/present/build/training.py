"""The view of the training: charts, the table of epochs, and what a step is."""

import math

from pipetrace.explain import metrics, task
from pipetrace.explain.ablations.rows import (
    NOISE_RULE,
    AblationRow,
    ablations,
    compared_by,
    spread,
)
from pipetrace.explain.balance import accuracy_at_chance, chance_words
from pipetrace.explain.before_training import before_training
from pipetrace.explain.facts import (
    Steps,
    accumulated,
    once_a_step,
    own_pipeline,
    steps_per_epoch,
    trained,
    validation_rows,
)
from pipetrace.explain.fits import borders, last_stretch, own_losses, stretches
from pipetrace.explain.formatting import counted, duration, figure, listed, number, share
from pipetrace.explain.judgement import best_validation, chance
from pipetrace.explain.observations import observations
from pipetrace.present.build.charts import Line, chart
from pipetrace.present.drawings import Chart, Grid
from pipetrace.present.views import EpochRow, TrainingView
from pipetrace.trace.document import Epoch, Trace
from pipetrace.trace.training import MOST_EVALUATIONS, Evaluation

MOST_CHARTS = 12
"""Further metrics are left to the table."""


def training(trace: Trace) -> TrainingView:
    """The training's view; it says so where no epoch was finished."""
    texts = {observation.epoch: observation.text for observation in observations(trace)}
    names, new, start = metrics.names(trace), borders(trace), before_training(trace)
    return TrainingView(
        charts=_charts(trace),
        columns=("epoch", *(_title(trace, name) for name in names), "seconds", "what happened"),
        rows=tuple(
            _row(trace, epoch, names, texts[epoch.number], new.get(epoch.number, ""))
            for epoch in trace.epochs
        ),
        steps=_steps(trace),
        note=_note(trace) if trace.epochs else "",
        empty=None if trace.epochs else "No epoch was finished.",
        absent=not trained(trace),
        start=("0", *(_cell(trace, name, start.get(name)) for name in names), "") if start else (),
        evaluations=_evaluations(trace) if trace.evaluations else None,
    )


def _title(trace: Trace, name: str) -> str:
    """The head of a column; a loss with weights is another number than one without."""
    weighted = all(part.run.training.is_weighted for part in stretches(trace))
    return "weighted loss" if name == "loss" and weighted else metrics.title(name)


def _row(
    trace: Trace, epoch: Epoch, names: tuple[str, ...], observation: str, border: str
) -> EpochRow:
    values = [epoch.metrics.get(name) for name in names]
    cells = [_cell(trace, name, value) for name, value in zip(names, values, strict=True)]
    exact = ["" if value is None else repr(value) for value in values]
    return EpochRow(
        id=f"epoch/{epoch.number}",
        epoch=epoch.number,
        cells=(str(epoch.number), *cells, duration(epoch.seconds).removesuffix(" s")),
        exact=(str(epoch.number), *exact, repr(epoch.seconds)),
        observation=observation,
        border=border,
    )


def _cell(trace: Trace, name: str, value: float | None) -> str:
    if value is None:
        return ""
    return metrics.writer(trace, name)(value) if math.isfinite(value) else figure(value)


def _charts(trace: Trace) -> tuple[Chart, ...]:
    best, accuracy = best_validation(last_stretch(trace)), metrics.accuracy_name(trace)
    parts = stretches(trace)
    alike = len(parts) == 1
    guess, new = chance(trace) if alike else None, tuple(borders(trace))
    level = accuracy_at_chance(trace) if alike else None
    mark = (
        (best.number, f"lowest validation loss, epoch {best.number}")
        if best and len(trace.epochs) > 1
        else None
    )
    epochs, start = [epoch.number for epoch in trace.epochs], before_training(trace)
    found = []
    for name in metrics.kinds(trace)[:MOST_CHARTS]:
        write, title, reference = metrics.writer(trace, name), name, None
        if name == "loss":
            title, reference = (
                _loss(trace) if alike else "Loss",
                (guess.level, f"chance {figure(guess.level)}") if guess else None,
            )
        elif name in (accuracy, "accuracy"):
            title = "Accuracy"
            if level and name in metrics.ACCURACIES:
                reference = (level.share, f"chance {level.label}")
        limits = (0.0, 1.0) if write is share else None
        lines = _lines(trace, name)
        numbers = [0, *epochs] if f"{metrics.VALIDATION}{name}" in start else epochs
        weighted = name == "loss" and any(each.run.training.is_weighted for each in parts)
        for drawn in [[each] for each in lines] if weighted else [lines]:
            of = f"{title}, {drawn[0].name}" if weighted else title
            found.append(
                chart(
                    f"{of}, weighted" if weighted and drawn[0].role == "training" else of,
                    drawn,
                    numbers,
                    text=write,
                    limits=limits,
                    reference=reference,
                    best=mark,
                    borders=new,
                )
            )
    return tuple(each for each in found if each is not None)


def _loss(trace: Trace) -> str:
    """What the loss is, with its unit where it has one."""
    output, run = task.only(trace), trace.run.training
    if output is None:
        return "Loss of all outputs together" if len(task.outputs(trace)) > 1 else "Loss"
    nats = " in nats" if output.loss in task.CROSSENTROPIES and not run.is_weighted else ""
    if output.what == task.CLASSES and nats:
        return f"Loss, cross-entropy{nats}"
    return f"Loss, {run.loss}{nats}" if run.loss else "Loss"


def _lines(trace: Trace, metric: str) -> list[Line]:
    found, start = [], before_training(trace)
    for role, key in (("training", metric), ("validation", f"val_{metric}")):
        values = tuple(epoch.metrics.get(key, math.nan) for epoch in trace.epochs)
        if f"{metrics.VALIDATION}{metric}" in start:
            values = (start.get(key, math.nan), *values)
        if any(key in epoch.metrics for epoch in trace.epochs):
            found.append(Line(role, role, values))
    return found


def _note(trace: Trace) -> str:
    kinds, names, rows = metrics.kinds(trace), metrics.names(trace), validation_rows(trace)
    if kinds == ("loss", metrics.accuracy_name(trace)):
        what = "Loss and accuracy are averages over the steps of an epoch, while the weights change"
    elif kinds == ("loss",):
        what = "The loss is an average over the steps of an epoch, while the weights change"
    else:
        what = "Loss and metrics are averages over the steps of an epoch, while the weights change"
    level = chance_words(trace) if {*kinds} & {*metrics.ACCURACIES} else ""
    if all(f"{metrics.VALIDATION}{kind}" not in names for kind in kinds):
        return f"{what}; there is no validation. {level}".strip()
    if rows and own_pipeline(trace):
        where = f", on {counted(rows, 'row')} that are never trained on"
    else:
        where = f", on the {counted(rows, 'row')} that were given for it" if rows else ""
    start = ""
    if before_training(trace):
        start = " Epoch 0 is before training: computed from the recorded outputs of these rows."
    return f"{what}; validation is measured after the last step{where}.{start} {level}".strip()


def _evaluations(trace: Trace) -> Grid:
    """The calls of ``evaluate`` and ``predict`` with what they were given and what they gave."""
    found = trace.evaluations
    measured = dict.fromkeys(name for each in found for name in each.metrics)
    if own_losses(trace):
        measured.pop("loss", None)  # Keras' own, which nobody updates
    names = sorted(measured, key=lambda name: (name != "loss", not name.endswith("_loss")))
    rows = [
        (
            each.kind,
            _when(each),
            *(_cell(trace, name, each.metrics.get(name)) for name in names),
            _evaluated_data(trace, each),
        )
        for each in found
    ]
    note = f"The first {MOST_EVALUATIONS} are kept." if len(found) >= MOST_EVALUATIONS else None
    return Grid.plain("Evaluations", ("call", "when", *names, "data"), rows, note)


def ablations_grid(trace: Trace) -> Grid | None:
    """What the run became with one thing changed, the largest effects first; None before that."""
    rows, metric = ablations(trace), compared_by(trace)
    if not rows:
        return None
    write = metrics.writer(trace, metric)

    def cells(row: AblationRow) -> tuple[str, ...]:
        before, after = row.before, row.after
        if after.mean is None or before.mean is None:
            return row.title, "not measured", "", "", "", row.error or ""
        parameters = "unknown" if after.parameters is None else f"{after.parameters:,}"
        seconds = "unknown" if after.seconds is None else duration(after.seconds)
        verdict = {True: "larger", False: "within", None: "unknown"}
        judged = verdict[row.is_larger]
        return row.title, write(after.mean), write(before.mean), parameters, seconds, judged

    return Grid.plain(
        f"by {metrics.title(metric)}" if metric else "nothing measured",
        ("change", "with it", "without", "parameters", "seconds", "noise"),
        [cells(row) for row in rows],
        f"{NOISE_RULE} {spread(trace)}".strip(),
    )


def _when(evaluation: Evaluation) -> str:
    if evaluation.step:
        return f"epoch {evaluation.epoch + 1}, after {counted(evaluation.step, 'step')}"
    return f"after epoch {evaluation.epoch}" if evaluation.epoch else "before training"


def _evaluated_data(trace: Trace, evaluation: Evaluation) -> str:
    rows, batches = evaluation.rows, evaluation.batches
    if rows is not None:
        text = counted(rows, "row")
        fingerprints = {fit.fingerprint for fit in trace.fits if fit.rows == rows}
        if evaluation.fingerprint and evaluation.fingerprint in fingerprints:
            text += " trained on"
    elif batches is not None:
        text = counted(batches, "batch", "batches")
    else:
        text = "" if evaluation.data else "not recorded"
    return ", ".join(part for part in (text, evaluation.data) if part)


def _steps(trace: Trace) -> str:
    found, fits = steps_per_epoch(trace), len(trace.fits)
    if found is None:
        return ""
    if fits > 1:
        return f"In fit {fits}: {_of_steps(trace, found)}"
    return _of_steps(trace, found)


def _of_steps(trace: Trace, found: Steps) -> str:
    several = accumulated(trace)
    updates = f"The weights are updated every {several} steps." if several else _updates(trace)
    if once_a_step(trace):
        updates = f"{'The' if found.count == 1 else 'Each'} step updates the weights once."
    step = trace.run.step
    if step is not None and not step.by_fit:
        return f"An epoch is {counted(found.count, 'step')} of the program's own loop. {updates}"
    bar = f"Keras' progress bar counts them as {found.count}/{found.count}."
    if not found.rows:
        return f"An epoch is {counted(found.count, 'step')}. {bar} {updates}"
    rows = f"{counted(found.rows, 'row')} in batches of {number(found.batch)} are"
    if found.count == 1:
        return f"{rows} one step, 1/1 in Keras' progress bar. {updates}"
    full = found.last == found.batch
    tail = "all of them full" if full else f"the last with {counted(found.last, 'row')}"
    return f"{rows} {number(found.count)} steps, {tail}. {bar} {updates}"


def _updates(trace: Trace) -> str:
    """How often each optimizer changed weights, where that is not once a step."""
    step, steps = trace.run.step, sum(epoch.steps or 0 for epoch in trace.epochs)
    counts = [
        (each.name, each.updates) for each in (step.optimizers if step else ()) if each.updates
    ]
    if not counts or not steps or any(count % steps for _, count in counts):
        return ""
    each = [f"{name} updates weights {_times(count // steps)}" for name, count in counts]
    return f"In each step {listed(each)}."


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")
