"""What follows from a whole run: one line for the top, and the key insight."""

import itertools
import math

from pipetrace.explain.facts import (
    best_validation,
    better_than_chance,
    chance,
    diverged,
    first_call,
    layer_stages,
    luck,
    steps_per_epoch,
    things,
    train_rows,
)
from pipetrace.explain.observations import observations
from pipetrace.explain.wording import counted, exact, figure, number, share
from pipetrace.trace.document import FAILED, INTERRUPTED, KILLED, RUNNING, Epoch, Stage, Summary, Trace


def headline(trace: Trace) -> str:
    """What the run reached and what to look at, in one line."""
    if not trace.epochs:
        return f"{_ended(trace)} Only the stages and their shapes are known."
    cut = f"{_ended(trace)} " if trace.ending.kind in (INTERRUPTED, KILLED, FAILED, RUNNING) else ""
    broken = diverged(trace)
    if broken:
        return f"{cut}Training went wrong: {_broken(trace, broken)}. Look at the training table."
    last = trace.epochs[-1]
    if not better_than_chance(trace, last):
        return f"{cut}{_no_better(trace, last)}. {_nothing(trace)}"
    return f"{cut}{_reached(trace, last)}; {_remark(trace, last)}."


def insight(trace: Trace) -> tuple[str, ...]:
    """Two or three sentences that follow from this run's figures; none before the first epoch is finished."""
    if not trace.epochs:
        return ()
    if diverged(trace):
        found = _went_wrong(trace)
    elif not better_than_chance(trace, trace.epochs[-1]):
        found = _stayed_at_chance(trace)
    else:
        found = [_where_numbers_sit(trace), _learned(trace), _kept_or_lost(trace)]
    return tuple(sentence for sentence in found if sentence)


def _ended(trace: Trace) -> str:
    done = len(trace.epochs)
    words = {
        INTERRUPTED: "Ctrl-C ended the run",
        KILLED: "The process was killed",
        FAILED: "The run failed",
        RUNNING: "The run is still going on",
    }.get(trace.ending.kind, "The run ended")
    text = f"{words}: {done} of {counted(trace.run.training.epochs, 'epoch')} {'is' if done == 1 else 'are'} finished."
    message = (trace.ending.message or "").rstrip(". ")
    return f"{text} {message}." if trace.ending.kind == FAILED and message else text


def _broken(trace: Trace, broken: Epoch) -> str:
    loss = broken.metrics["loss"]
    if not math.isfinite(loss):
        where = f"from epoch {broken.number} on" if broken is not trace.epochs[-1] else f"in epoch {broken.number}"
        return f"{where} the loss is {figure(loss)}"
    return f"in epoch {broken.number} the loss is {figure(loss)}, where guessing gives {figure(chance(trace).loss)}"


def _no_better(trace: Trace, last: Epoch) -> str:
    after, accuracy = f"After {counted(len(trace.epochs), 'epoch')}", last.metrics.get("accuracy")
    if accuracy is None:
        loss = last.metrics.get("loss")
        was = "no loss was measured" if loss is None else f"the loss is {figure(loss)}"
        return f"{after} {was}; guessing gives {figure(chance(trace).level)}"
    rows = train_rows(trace)
    return (
        f"{after} accuracy is {share(accuracy)}, within chance: guessing reaches up to {share(luck(trace, rows))} on "
        f"{counted(rows, 'row')}"
    )


def _nothing(trace: Trace) -> str:
    best = _best_before(trace)
    if best is None:
        return "Nothing is learned yet." if trace.ending.kind == RUNNING else "Nothing was learned."
    return f"What it had learned by epoch {best.number} is lost."


def _best_before(trace: Trace) -> Epoch | None:
    """The last epoch that was better than guessing, of a run that is so no more."""
    return next((epoch for epoch in reversed(trace.epochs) if better_than_chance(trace, epoch)), None)


def _reached(trace: Trace, last: Epoch) -> str:
    after = f"After {counted(len(trace.epochs), 'epoch')}"
    accuracy, held_out = last.metrics.get("accuracy"), last.metrics.get("val_accuracy")
    guess = chance(trace)
    guessing = f"most frequent class: {share(guess.largest)}" if guess.uneven else f"guessing: {share(guess.share)}"
    if held_out is None:
        was = f"the loss is {figure(last.metrics['loss'])}" if accuracy is None else f"accuracy is {share(accuracy)}"
        return f"{after} {was} ({guessing})" if accuracy is not None else f"{after} {was}"
    rows = trace.run.data.validation_rows
    others = counted(rows, f"held-out {things(trace)[:-1]}")
    if accuracy is not None and held_out <= luck(trace, rows):
        return (
            f"{after} the model names {share(accuracy)} of its training rows right, but {share(held_out)} of {others} "
            f"({guessing})"
        )
    return f"{after} the model names {share(held_out)} of {others} right ({guessing})"


def _remark(trace: Trace, last: Epoch) -> str:
    kinds = observations(trace)[-1].kinds
    loss = last.metrics.get("loss")
    if "memorising" in kinds:
        return "the validation loss has turned upward, look at the training chart"
    if last.metrics.get("val_accuracy", 1.0) <= luck(trace, trace.run.data.validation_rows):
        return "look at the gap"
    if "gap" in kinds:
        return f"of its training rows it gets {share(last.metrics['accuracy'])}, look at the gap"
    if loss is None or not math.isfinite(loss):
        return "look at the training table"
    guess, first = chance(trace).level, trace.epochs[0].metrics.get("loss", math.nan)
    if loss >= guess or len(trace.epochs) == 1 or not math.isfinite(first):
        return f"training loss is {figure(loss)}, guessing gives {figure(guess)}"
    if figure(loss) == figure(first):
        return f"training loss stayed at {figure(loss)}"
    return f"training loss {'fell' if loss < first else 'rose'} from {figure(first)} to {figure(loss)}"


def _where_numbers_sit(trace: Trace) -> str | None:
    layers = layer_stages(trace)
    # A layer that is called twice holds its weights once.
    owners = [stage for stage in layers if first_call(trace, stage) == stage.name and stage.parameters.total]
    holders = sorted(owners, key=lambda stage: -stage.parameters.total)
    workers = sorted((stage for stage in layers if stage.flops), key=lambda stage: -(stage.flops or 0))
    if len(holders) < 2 or not workers:
        return None
    total = sum(stage.parameters.total for stage in owners)
    effort = sum(stage.flops or 0 for stage in layers)
    most, busiest = holders[0], workers[0]
    work = share((busiest.flops or 0) / effort)
    if most.name == busiest.name:
        return (
            f"{_named(trace, most)} holds {share(most.parameters.total / total)} of the {number(total)} parameters and "
            f"does {work} of the arithmetic."
        )
    reused = ""
    places = math.prod(length or 1 for length in busiest.outputs[0].shape[1:-1])
    if busiest.layer == "Conv2D" and places > 1:
        reused = f", because each of its weights is used again at {number(places)} places of a picture"
    return (
        f"{_named(trace, busiest)} holds {share(busiest.parameters.total / total)} of the {number(total)} parameters "
        f"but does {work} of the arithmetic{reused}; {_named(trace, most)} holds {share(most.parameters.total / total)}."
    )


def _learned(trace: Trace) -> str | None:
    losses = [chance(trace).level, *(epoch.metrics.get("loss", math.nan) for epoch in trace.epochs)]
    whole = losses[0] - losses[-1]
    if len(losses) < 3 or not all(map(math.isfinite, losses)) or whole <= 0:
        return None
    falls = [before - after for before, after in itertools.pairwise(losses)]
    steps, _ = steps_per_epoch(trace)
    text = (
        f"From the {figure(losses[0])} of guessing the training loss, an average over each epoch, came down to "
        f"{figure(losses[-1])} in {number(steps * len(trace.epochs))} weight updates"
    )
    biggest = falls.index(max(falls))
    part, last = falls[biggest] / whole, falls[-1] / whole
    # Where the loss rose in between, its falls add up to more than the whole, and their shares would mislead.
    if min(falls) < 0:
        return f"{text}{f'; in the last epoch it rose by {figure(-falls[-1])}' if last < 0 else ''}."
    where = f"between epochs {biggest} and {biggest + 1}" if biggest else "in epoch 1"
    if biggest == len(falls) - 1:
        return f"{text}; {share(part)} of that fall came in the last epoch."
    return f"{text}; {share(part)} of that fall came {where}, and the last epoch added {share(last)}."


def _kept_or_lost(trace: Trace) -> str | None:
    last = trace.epochs[-1].metrics
    best, held_out, rows = best_validation(trace), last.get("val_accuracy"), trace.run.data.validation_rows
    if best is None or held_out is None or rows < 1:
        return None
    kinds = observations(trace)[-1].kinds
    then = f"Validation was best in epoch {best.number} (loss {figure(best.metrics['val_loss'])})"
    if "memorising" in kinds:
        return (
            f"{then}; since then the training loss fell from {figure(best.metrics['loss'])} to {figure(last['loss'])} "
            f"and the validation loss rose to {figure(last['val_loss'])}: that is memorising."
        )
    wrong = round((1 - held_out) * rows)
    text = (
        f"Of {counted(rows, things(trace)[:-1])} kept aside {number(wrong)} {'is' if wrong == 1 else 'are'} named wrong"
    )
    if "accuracy" in last:
        text += f", an accuracy of {share(held_out)} against {share(last['accuracy'])} in training, "
        text += "averaged over the last epoch"
    if held_out <= luck(trace, rows):
        return f"{text}: no more are right than guessing may reach."
    if "turned" in kinds:
        return f"{text}. {then}; it is {figure(last['val_loss'])} at the end."
    for kind, words in KEPT.items():
        if kind in kinds:
            return f"{text}{words}."
    return f"{text}."


KEPT = {
    "gap": ": it knows what it trained on better than the rest",
    "unclear": "; so few do not tell whether it memorised",
    "follows": ": what it learned holds for rows it never saw",
    "ahead": ": what it learned holds for rows it never saw",
}
"""What the last epoch's comparison with validation means for the whole run."""


def _went_wrong(trace: Trace) -> list[str | None]:
    broken = diverged(trace)
    if broken is None:
        return []
    loss, rate, where = broken.metrics["loss"], broken.learning_rate, _first_non_finite(trace)
    before = next((each for each in trace.epochs if each.number == broken.number - 1), None)
    text = f"{_broken(trace, broken)}: what the model is at the end cannot be used."
    if not math.isfinite(loss) and before:
        text += f" In epoch {before.number} the loss was {figure(before.metrics.get('loss', math.nan))}."
    return [
        f"{text[0].upper()}{text[1:]}",
        f"The first output with values that are not finite is that of {where}." if where else _nothing_passes(trace),
        f"The learning rate was {_rate(rate)}." if rate is not None else None,
    ]


def _first_non_finite(trace: Trace) -> str | None:
    for epoch in trace.epochs:
        for stage in trace.stages:
            summary = epoch.probe.get(stage.name)
            if summary and summary.non_finite:
                return f"{_named(trace, stage)}, after epoch {epoch.number}"
    return None


def _stayed_at_chance(trace: Trace) -> list[str | None]:
    loss = trace.epochs[-1].metrics.get("loss")
    first = None
    if loss is not None:
        first = (
            f"After {counted(len(trace.epochs), 'epoch')} the loss is {figure(loss)} and guessing gives "
            f"{figure(chance(trace).level)}: the answers tell no more than guesses do."
        )
    return [first, _nothing_passes(trace), _weights_moved(trace)]


def _nothing_passes(trace: Trace) -> str | None:
    silent = next((stage for stage in layer_stages(trace) if _silent(stage, trace.epochs[-1])), None)
    return f"All outputs of {_named(trace, silent)} are 0, whatever the row." if silent else None


def _silent(stage: Stage, last: Epoch) -> bool:
    summary = stage.summary or last.probe.get(stage.name)
    return summary is not None and summary.count > 0 and summary.zeros == summary.count


def _weights_moved(trace: Trace) -> str | None:
    first, last = trace.epochs[0], trace.epochs[-1]
    rate = None if last.learning_rate is None else _rate(last.learning_rate)
    names = [name for name in first.weights if name in last.weights]
    if first is last or not names:
        return rate and f"The learning rate was {rate}."
    moved = sum(_statistics(first.weights[name]) != _statistics(last.weights[name]) for name in names)
    how = f"from epoch {first.number} to {last.number}{f', at a learning rate of {rate}' if rate else ''}"
    if not moved:
        return f"The weights did not change at all {how}."
    did = f"The weights did change ({moved} of {counted(len(names), 'array')}) {how}"
    return f"{did}: the steps are too few, too small or in no direction."


def _rate(rate: float) -> str:
    # Somebody chose this number: 0.001 is what was written, 0.00100 is not.
    return exact(rate) if abs(rate) < 1e6 else figure(rate)


def _statistics(summary: Summary) -> tuple[float | None, ...]:
    return summary.min, summary.max, summary.mean, summary.std


def _named(trace: Trace, stage: Stage) -> str:
    """A stage's class, with its name where the class alone could be another one."""
    if stage.layer is None:
        return stage.name
    alone = sum(each.layer == stage.layer for each in trace.stages) == 1
    return stage.layer if alone else f"{stage.layer} ({stage.name})"
