"""What follows from a whole run: one line for the top, and the key insight."""

import itertools
import math

from pipetrace.explain.facts import (
    best_validation,
    better_than_chance,
    chance,
    diverged,
    layer_stages,
    steps_per_epoch,
    things,
    train_rows,
)
from pipetrace.explain.observations import observations
from pipetrace.explain.wording import counted, figure, number, share
from pipetrace.trace.document import FAILED, INTERRUPTED, KILLED, RUNNING, Stage, Trace


def headline(trace: Trace) -> str:
    """What the run reached and what to look at, in one line."""
    if not trace.epochs:
        return f"{_ended(trace)} No epoch was finished, so there is nothing measured yet but the stages."
    last = trace.epochs[-1]
    broken = diverged(trace)
    cut = f"{_ended(trace)} " if trace.ending.kind in (INTERRUPTED, KILLED, FAILED, RUNNING) else ""
    epochs = counted(len(trace.epochs), "epoch")
    if broken:
        loss = broken.metrics["loss"]
        return f"{cut}Training went wrong: in epoch {broken.number} the loss is {figure(loss)}. Look at the training table."
    if not better_than_chance(trace, last):
        return (
            f"{cut}After {epochs} accuracy is {share(last.metrics['accuracy'])}, which guessing reaches too "
            f"({share(chance(trace).share)}). Nothing was learned yet."
        )
    held_out = last.metrics.get("val_accuracy")
    reached = (
        f"After {epochs} the model gets {share(held_out)} of {number(trace.run.data.validation_rows)} {things(trace)} "
        f"right that it never trained on (guessing: {share(chance(trace).share)})"
        if held_out is not None
        else f"After {epochs} accuracy is {share(last.metrics['accuracy'])} (guessing: {share(chance(trace).share)})"
    )
    kinds = observations(trace)[-1].kinds
    remark = "validation has turned upward, look at the training chart" if "memorising" in kinds else None
    if remark is None and "gap" in kinds:
        remark = f"on its training rows it is {share(last.metrics['accuracy'])}, look at the gap"
    return f"{cut}{reached}; {remark or _loss_fell(trace)}."


def insight(trace: Trace) -> tuple[str, ...]:
    """Two or three sentences that follow from this run's figures; none before the first epoch is finished."""
    if not trace.epochs:
        return ()
    broken = diverged(trace)
    if broken:
        return _went_wrong(trace)
    if not better_than_chance(trace, trace.epochs[-1]):
        return _stayed_at_chance(trace)
    return tuple(
        sentence for sentence in (_where_numbers_sit(trace), _learned(trace), _kept_or_lost(trace)) if sentence
    )


def _ended(trace: Trace) -> str:
    planned = trace.run.training.epochs
    done = len(trace.epochs)
    words = {
        INTERRUPTED: "Ctrl-C ended the run",
        KILLED: "The process was killed",
        FAILED: "The run failed",
        RUNNING: "The run is still going on",
    }.get(trace.ending.kind, "The run ended")
    text = f"{words}: {done} of {planned} epochs are finished."
    return f"{text} {trace.ending.message}." if trace.ending.kind == FAILED and trace.ending.message else text


def _loss_fell(trace: Trace) -> str:
    first, last = trace.epochs[0].metrics["loss"], trace.epochs[-1].metrics["loss"]
    if len(trace.epochs) == 1:
        return f"loss is {figure(last)}, guessing gives {figure(chance(trace).loss)}"
    return f"loss {'fell' if last < first else 'went'} from {figure(first)} to {figure(last)}"


def _where_numbers_sit(trace: Trace) -> str | None:
    layers = layer_stages(trace)
    holders = sorted((stage for stage in layers if stage.parameters.total), key=lambda stage: -stage.parameters.total)
    workers = sorted((stage for stage in layers if stage.flops), key=lambda stage: -(stage.flops or 0))
    if len(holders) < 2 or not workers:
        return None
    total = sum(stage.parameters.total for stage in layers)
    effort = sum(stage.flops or 0 for stage in layers)
    most, busiest = holders[0], workers[0]
    if most.name == busiest.name:
        return (
            f"{_named(most)} holds {share(most.parameters.total / total)} of the {number(total)} parameters and does "
            f"{share((busiest.flops or 0) / effort)} of the arithmetic."
        )
    reused = ""
    places = math.prod(length or 1 for length in busiest.outputs[0].shape[1:-1])
    if busiest.layer == "Conv2D" and places > 1:
        reused = f", because each of its weights is used again at {number(places)} places of a picture"
    return (
        f"{_named(busiest)} holds only {share(busiest.parameters.total / total)} of the {number(total)} parameters but "
        f"does {share((busiest.flops or 0) / effort)} of the arithmetic{reused}; {_named(most)} holds "
        f"{share(most.parameters.total / total)}."
    )


def _learned(trace: Trace) -> str | None:
    epochs = trace.epochs
    if len(epochs) < 2:
        return None
    falls = [before.metrics["loss"] - after.metrics["loss"] for before, after in itertools.pairwise(epochs)]
    whole = chance(trace).loss - epochs[-1].metrics["loss"]
    first = chance(trace).loss - epochs[0].metrics["loss"]
    if whole <= 0 or first <= 0 or max(falls) <= 0:
        return None
    steps, _ = steps_per_epoch(trace)
    biggest = falls.index(max(falls)) + 2
    part = max(falls) / whole
    return (
        f"From the {figure(chance(trace).loss)} of guessing the loss came down to {figure(epochs[-1].metrics['loss'])} in "
        f"{number(steps * len(epochs))} weight updates; {share(part)} of that came between epochs {biggest - 1} and "
        f"{biggest}, and the last epoch added {share(max(0.0, falls[-1]) / whole)}."
    )


def _kept_or_lost(trace: Trace) -> str | None:
    last = trace.epochs[-1].metrics
    best = best_validation(trace)
    if best is None or "val_accuracy" not in last:
        return None
    rows = number(trace.run.data.validation_rows)
    gap = last["accuracy"] - last["val_accuracy"]
    if best.number <= len(trace.epochs) - 2 and last["val_loss"] > best.metrics["val_loss"] * 1.02:
        return (
            f"Validation was best in epoch {best.number} (loss {figure(best.metrics['val_loss'])}); what was trained after "
            f"it made the {number(train_rows(trace))} training rows better and the {rows} held-out ones worse."
        )
    wrong = round((1 - last["val_accuracy"]) * trace.run.data.validation_rows)
    return (
        f"Of {rows} {things(trace)} kept aside {number(wrong)} are named wrong, an accuracy of "
        f"{share(last['val_accuracy'])} against {share(last['accuracy'])} in training: "
        + ("what it learned holds for others too." if abs(gap) < 0.05 else "part of what it learned is memory.")
    )


def _went_wrong(trace: Trace) -> tuple[str, ...]:
    broken = diverged(trace)
    loss = broken.metrics["loss"] if broken else math.nan
    rate = trace.epochs[-1].learning_rate
    where = _first_non_finite(trace)
    return tuple(
        sentence
        for sentence in (
            (
                f"In epoch {broken.number if broken else 0} the loss is {figure(loss)}, where guessing gives "
                f"{figure(chance(trace).loss)}: this run has learned nothing that can be used."
            ),
            f"The first output that is not a finite number is that of {where}." if where else None,
            f"The learning rate was {figure(rate)}." if rate is not None else None,
        )
        if sentence
    )


def _first_non_finite(trace: Trace) -> str | None:
    for epoch in trace.epochs:
        for stage in trace.stages:
            summary = epoch.probe.get(stage.name)
            if summary and summary.non_finite:
                return f"{_named(stage)} ({stage.name}), in epoch {epoch.number}"
    return None


def _stayed_at_chance(trace: Trace) -> tuple[str, ...]:
    last = trace.epochs[-1]
    moved = _weights_moved(trace)
    return (
        (
            f"After {counted(len(trace.epochs), 'epoch')} the loss is {figure(last.metrics['loss'])} and guessing gives "
            f"{figure(chance(trace).loss)}: the output carries no knowledge of the input."
        ),
        f"The weights {moved}." if moved else f"The learning rate is {figure(last.learning_rate or 0.0)}.",
    )


def _weights_moved(trace: Trace) -> str | None:
    if len(trace.epochs) < 2:
        return None
    first, last = trace.epochs[0].weights, trace.epochs[-1].weights
    changed = [
        name
        for name in first
        if name in last and (first[name].mean, first[name].std) != (last[name].mean, last[name].std)
    ]
    if not changed:
        return f"did not change from epoch {trace.epochs[0].number} to {trace.epochs[-1].number} at all"
    return f"did change ({len(changed)} of {len(first)} tensors), so the steps were taken and led nowhere"


def _named(stage: Stage) -> str:
    return stage.layer or stage.name
