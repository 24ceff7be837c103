"""Several calls of ``fit``: which epochs can be compared, and what changed between them.

A loss compares with the loss of another epoch only where both are the same function of the same
rows. So a trace is judged in stretches. What is said of the model is said of the epoch that left
its weights.
"""

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any

from pipetrace.explain.cache import once
from pipetrace.explain.formatting import counted, exact, figure, listed, number
from pipetrace.trace.document import Epoch, Trace
from pipetrace.trace.measurements import (
    TRAINING,
    BaselineModel,
    ClassOutcome,
    Gradient,
    LossPoint,
    Outcome,
    StepLosses,
)
from pipetrace.trace.training import Fit, Training

BY_LOSS = frozenset(each.kind for each in (LossPoint, Gradient, StepLosses))
OF_MODEL = frozenset(each.kind for each in (Outcome, ClassOutcome, BaselineModel))


def stretches(trace: Trace) -> tuple[Trace, ...]:
    """The trace in parts whose epochs compare, each with the settings and rows of its fits.

    A new part begins where the loss, its weights or the rows changed. There is one part at least.
    """
    trace = _with_loss(trace)
    return (trace,) if len(_groups(trace)) < 2 else _stretches(trace)


def last_stretch(trace: Trace) -> Trace:
    """The part of the trace that the last epoch belongs to."""
    return stretches(trace)[-1]


def model_part(trace: Trace) -> Trace:
    """The last stretch up to the epoch whose weights the model has."""
    part, end = last_stretch(trace), final_epoch(trace)
    return part if end is None or end is part.epochs[-1] else _until(trace, end.number)


def final_epoch(trace: Trace) -> Epoch | None:
    """The epoch whose weights the model has: the last one, unless an earlier one was restored.

    None where no epoch of the last stretch left these weights, as far as that was recorded.
    """
    part = last_stretch(trace)
    last = part.epochs[-1] if part.epochs else None
    fit = part.fits[-1] if part.fits else None
    if last is None or fit is None or not fit.weights_differ:
        return last
    found = (epoch for epoch in part.epochs if epoch.number == fit.weights_epoch)
    return next(found, None)


def restored(trace: Trace) -> bool:
    """Whether the model's weights are not those that the last epoch left."""
    part = last_stretch(trace)
    return bool(part.epochs) and final_epoch(trace) is not part.epochs[-1]


def own_losses(trace: Trace) -> tuple[str, ...]:
    """The losses that a training step of the program's own makes smaller, where they are several
    or bear another name than ``loss``; none otherwise.

    Keras adds a ``loss`` of its own to what such a step reports, and nobody updates it: it stays 0.
    """
    step = trace.run.step
    losses = step.losses if step is not None and step.own else ()
    reported = {epoch.metrics.get("loss", 0.0) for epoch in trace.epochs}
    return losses if reported <= {0.0} and "loss" not in losses else ()


@once
def _with_loss(trace: Trace) -> Trace:
    """The trace with the one loss that is made smaller as ``loss``, whatever the step calls it."""
    losses = own_losses(trace)
    if not losses:
        return trace
    names = {losses[0]: "loss", f"val_{losses[0]}": "val_loss"} if len(losses) == 1 else {}
    return replace(
        trace,
        epochs=tuple(
            replace(
                epoch,
                metrics={
                    names.get(name, name): value
                    for name, value in epoch.metrics.items()
                    if name not in ("loss", "val_loss")
                },
            )
            for epoch in trace.epochs
        ),
    )


@once
def _stretches(trace: Trace) -> tuple[Trace, ...]:
    groups = _groups(trace)
    return tuple(_part(trace, group, is_last=group is groups[-1]) for group in groups)


@once
def _until(trace: Trace, number: int) -> Trace:
    part = last_stretch(trace)
    return replace(part, epochs=tuple(each for each in part.epochs if each.number <= number))


def _groups(trace: Trace) -> list[list[Fit]]:
    """The fits that finished an epoch, those together whose losses compare."""
    groups: list[list[Fit]] = []
    for fit in trace.fits:
        if fit.last_epoch is None:
            continue
        if groups and _compare(groups[-1][-1], fit):
            groups[-1].append(fit)
        else:
            groups.append([fit])
    return groups


def _compare(one: Fit, other: Fit) -> bool:
    known = one.fingerprint and other.fingerprint
    return _loss(one.training) == _loss(other.training) and (
        (one.data, one.rows, one.validation_rows) == (other.data, other.rows, other.validation_rows)
        and (not known or one.fingerprint == other.fingerprint)
    )


def _loss(training: Training) -> tuple[Any, ...]:
    """What makes a loss the same function."""
    settings = {key: dict(value) for key, value in training.loss_settings.items()}
    weights = dict(training.class_weights)
    return dict(training.losses), settings, weights, training.sample_weights


def _part(trace: Trace, group: list[Fit], *, is_last: bool) -> Trace:
    first, last, fit = group[0].first_epoch, group[-1].last_epoch or 0, group[-1]
    data, ends = trace.run.data, trace.run.fits[-1]
    same_rows = (fit.rows, fit.fingerprint) == (ends.rows, ends.fingerprint)
    run = replace(
        trace.run,
        training=fit.training,
        fits=tuple(group),
        data=replace(
            data,
            rows=fit.rows,
            validation_rows=fit.validation_rows,
            class_counts=data.class_counts if same_rows else (),
        ),
    )

    def counts(kind: str, epoch: int | None) -> bool:
        if epoch is None:
            return is_last or kind not in OF_MODEL
        return epoch <= last and (kind not in BY_LOSS or epoch >= first or first == 1)

    return replace(
        trace,
        run=run,
        epochs=tuple(each for each in trace.epochs if first <= each.number <= last),
        measurements=trace.measurements.kept(counts),
    )


# In words


def borders(trace: Trace) -> Mapping[int, str]:
    """By the first epoch of each further fit, what is new in it."""
    fits = [fit for fit in trace.fits if fit.last_epoch is not None]
    return {
        after.first_epoch: f"Fit {at}: {listed(_changes(before, after, trace))}."
        for at, (before, after) in enumerate(pairwise(fits), 2)
    }


def _changes(before: Fit, after: Fit, trace: Trace) -> list[str]:
    one, other = before.training, after.training
    found = []
    rates = [
        next((each.learning_rate for each in trace.epochs if each.number == fit.first_epoch), None)
        for fit in (before, after)
    ]
    if one.optimizer != other.optimizer or rates[0] != rates[1]:
        rate = "" if rates[1] is None else f" at {exact(rates[1])}"
        found.append(f"{other.optimizer or 'no optimizer'}{rate}")
    if _loss(one)[:2] != _loss(other)[:2]:
        found.append(f"loss {other.loss or 'not recorded'}")
    if _loss(one)[2:] != _loss(other)[2:]:
        found.append(weights_words(other) or "no weights of classes or rows")
    if before.frozen != after.frozen:
        frozen = counted(len(after.frozen), "frozen layer") if after.frozen else "no frozen layer"
        found.append(frozen)
    if before.rows != after.rows and after.rows is not None:
        found.append(f"{number(after.rows)} training rows")
    elif before.fingerprint != after.fingerprint and before.fingerprint and after.fingerprint:
        found.append("other training rows")
    if before.validation_rows != after.validation_rows:
        rows = after.validation_rows
        some = "unknown validation" if rows is None else f"{number(rows)} validation rows"
        found.append(some if rows != 0 else "no validation")
    if one.batch_size != other.batch_size and other.batch_size is not None:
        found.append(f"batches of {number(other.batch_size)}")
    if after.initial_epoch is not None and after.initial_epoch != before.last_epoch:
        when = f"after epoch {after.initial_epoch}" if after.initial_epoch else "before training"
        found.append(f"from the weights {when}")
    return found or ["the same settings again"]


MOST_CLASSES = 6
"""Weights of more classes are counted."""


def weights_words(training: Training) -> str:
    """How classes and rows weigh in the loss; empty where all weigh the same."""
    weights = training.class_weights
    parts = [f"{name}: {figure(weight)}" for name, weight in weights.items()]
    found = []
    if len(parts) > MOST_CLASSES:
        found.append(f"class weights from {figure(min(weights.values()))} to")
        found[0] += f" {figure(max(weights.values()))}"
    elif parts:
        found.append(f"class weights {', '.join(parts)}")
    if training.sample_weights:
        found.append("sample weights")
    return listed(found)


@once
def loss_name(trace: Trace) -> str:
    """What the training loss is called.

    With weights it is another number than without. It is only reported where it is 0 in all epochs
    and was measured as something else.
    """
    if trace.run.training.is_weighted:
        return "weighted training loss"
    measured = trace.measurements.course(LossPoint, TRAINING, lambda each: each.loss)
    known = any(value for epoch, value in measured.items() if epoch)
    if known and {each.metrics.get("loss") for each in trace.epochs} == {0.0}:
        return "reported training loss"
    return "training loss"


def restored_words(trace: Trace) -> str:
    """Which epoch the final weights are of, where that is not the last one; empty otherwise."""
    if not restored(trace):
        return ""
    epoch, part = final_epoch(trace), last_stretch(trace)
    if epoch is None:
        return f"The final weights are not those after epoch {part.epochs[-1].number}."
    names = [
        each.name
        for each in part.run.training.callbacks
        if each.settings.get("restore_best_weights")
    ]
    by = f", restored by {listed(names)}" if names else ""
    return f"The final weights are those of epoch {epoch.number}{by}."
