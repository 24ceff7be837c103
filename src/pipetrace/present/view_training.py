"""The view of the training: charts, the table of epochs, and what a step is."""

import math
from collections.abc import Callable

from pipetrace.explain.facts import best_validation, chance, steps_per_epoch, train_rows
from pipetrace.explain.observations import observations
from pipetrace.explain.wording import counted, duration, figure, number, share
from pipetrace.present.charts import Line, chart
from pipetrace.present.views import Chart, EpochRow, TrainingView
from pipetrace.trace.document import Epoch, Trace

COLUMNS: tuple[tuple[str, str, Callable[[float], str]], ...] = (
    ("loss", "loss", figure),
    ("accuracy", "accuracy", share),
    ("val loss", "val_loss", figure),
    ("val accuracy", "val_accuracy", share),
)


def training(trace: Trace) -> TrainingView:
    """The training's view; it says so where no epoch was finished."""
    told = {observation.epoch: observation.text for observation in observations(trace)}
    return TrainingView(
        charts=_charts(trace),
        columns=("epoch", *(title for title, _, _ in COLUMNS), "seconds", "what happened"),
        rows=tuple(_row(epoch, told[epoch.number]) for epoch in trace.epochs),
        steps=_steps(trace),
        note="Loss and accuracy are averages over an epoch's steps, taken while the weights change; validation is "
        f"measured after its last step, on {counted(trace.run.data.validation_rows, 'row')} that are never trained on.",
        empty=None if trace.epochs else "No epoch was finished.",
    )


def _row(epoch: Epoch, observation: str) -> EpochRow:
    values = [epoch.metrics.get(key) for _, key, _ in COLUMNS]
    cells = [
        "" if value is None else write(value) if math.isfinite(value) else figure(value)
        for value, (_, _, write) in zip(values, COLUMNS, strict=True)
    ]
    exact = ["" if value is None else repr(value) for value in values]
    return EpochRow(
        id=f"epoch/{epoch.number}",
        epoch=epoch.number,
        cells=(str(epoch.number), *cells, duration(epoch.seconds).removesuffix(" s")),
        exact=(str(epoch.number), *exact, repr(epoch.seconds)),
        observation=observation,
    )


def _charts(trace: Trace) -> tuple[Chart, ...]:
    best = best_validation(trace)
    mark = (best.number, f"lowest validation loss, epoch {best.number}") if best and len(trace.epochs) > 1 else None
    guess = chance(trace)
    numbers = [epoch.number for epoch in trace.epochs]
    found = [
        chart(
            "Loss, cross-entropy in nats",
            _lines(trace, "loss"),
            numbers,
            reference=(guess.loss, f"guessing {figure(guess.loss)}"),
            best=mark,
        ),
        chart(
            "Accuracy, share of rows named right",
            _lines(trace, "accuracy"),
            numbers,
            text=share,
            limits=(0.0, 1.0),
            reference=(guess.share, f"guessing {share(guess.share)}"),
            best=mark,
        ),
    ]
    return tuple(each for each in found if each is not None)


def _lines(trace: Trace, metric: str) -> list[Line]:
    found = []
    for name, role, key in (("training", "training", metric), ("validation", "validation", f"val_{metric}")):
        values = tuple(epoch.metrics.get(key, math.nan) for epoch in trace.epochs)
        if any(key in epoch.metrics for epoch in trace.epochs):
            found.append(Line(name, role, values))
    return found


def _steps(trace: Trace) -> str:
    rows, batch = train_rows(trace), trace.run.training.batch_size
    steps, last = steps_per_epoch(trace)
    if steps == 1:
        return (
            f"{counted(rows, 'row')} in batches of {number(batch)} are one step: Keras' 1/1 counts batches, not rows. "
            "The step changes the weights once."
        )
    tail = f"the last with {counted(last, 'row')}" if last != batch else "all of them full"
    return (
        f"{counted(rows, 'row')} in batches of {number(batch)} are {number(steps)} steps, {tail}. That is what "
        f"{steps}/{steps} in Keras' progress line counts: batches, not rows. Each step changes the weights once."
    )
