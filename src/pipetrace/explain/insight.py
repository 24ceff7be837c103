"""What follows from a whole run: one line for the top, and the key insight."""

import itertools
import math
import textwrap

from pipetrace.explain import metrics, task
from pipetrace.explain.events import called
from pipetrace.explain.facts import (
    Chance,
    best_validation,
    better_than_chance,
    chance,
    diverged,
    first_call,
    layer_stages,
    luck,
    things,
    train_rows,
    trained,
    updates,
    validation_rows,
)
from pipetrace.explain.metrics import accuracy, held_out_accuracy
from pipetrace.explain.observations import observations
from pipetrace.explain.text import counted, dimensions, exact, figure, listed, number, share
from pipetrace.trace.document import (
    DATA,
    FAILED,
    GRADIENT,
    INTERRUPTED,
    KILLED,
    OUTPUT,
    RUNNING,
    SOURCE,
    STOPPED,
    WEIGHTS,
    Epoch,
    Stage,
    Summary,
    Trace,
)


def headline(trace: Trace) -> str:
    """What the run reached and what to look at, in one line."""
    cut = _ended(trace)
    if not trained(trace):
        return f"{cut} {_looked_at(trace)}".strip()
    if not trace.epochs:
        return f"{cut} Only the stages and their shapes are known."
    cut = f"{cut} " if cut else ""
    broken = diverged(trace)
    if broken:
        return f"{cut}Training went wrong: {_broken(trace, broken)}. Look at the training table."
    last, guess = trace.epochs[-1], chance(trace)
    if guess and not better_than_chance(trace, last):
        return f"{cut}{_no_better(trace, guess, last)}. {_nothing(trace)}"
    remark = _remark(trace, last)
    return f"{cut}{_reached(trace, guess, last)}{f'; {remark}' if remark else ''}.{_stopped(trace)}"


def insight(trace: Trace) -> tuple[str, ...]:
    """Two or three sentences that follow from this run's figures; none before the first epoch is finished."""
    if not trace.epochs:
        failed = _what_failed(trace)
        found = [failed] if failed else [] if trained(trace) else [_where_numbers_sit(trace)]
    elif diverged(trace):
        found = _went_wrong(trace)
    elif not better_than_chance(trace, trace.epochs[-1]):
        found = _stayed_at_chance(trace)
    else:
        found = [_where_numbers_sit(trace), _learned(trace), _heads(trace), _kept_or_lost(trace)]
    return tuple(sentence for sentence in found if sentence)


def _ended(trace: Trace) -> str:
    """How the run ended, where it did not go to its planned end; nothing otherwise."""
    done, planned, kind = len(trace.epochs), trace.run.training.epochs, trace.ending.kind
    words = {
        INTERRUPTED: "Ctrl-C ended the run",
        KILLED: "The process was killed",
        FAILED: "The run failed",
        RUNNING: "The run is still going on",
    }.get(kind, "The run ended")
    if kind not in (INTERRUPTED, KILLED, FAILED, RUNNING) and (done or not trained(trace)):
        return ""
    if not trained(trace):
        return f"{words}.{_why(trace)}{'.' * bool(_why(trace))}"
    text = (
        f"{words}: {done} of {counted(planned, 'epoch')} {'is' if done == 1 else 'are'} finished."
    )
    return f"{text}{_why(trace)}." if _why(trace) else text


def _stopped(trace: Trace) -> str:
    """That training ended by itself, before the epochs that were planned."""
    planned = trace.run.training.epochs
    if trace.ending.kind != STOPPED or planned <= len(trace.epochs):
        return ""
    return f" Training stopped before the {counted(planned, 'epoch')} that were planned."


def _why(trace: Trace) -> str:
    """What failed, where, and what it had received."""
    if trace.ending.kind != FAILED:
        return ""
    where = _where_it_failed(trace)
    message = shortened(trace.ending.message or "").rstrip(". ")
    if where is None:
        return f" {message}" if message else ""
    return f" {where[0].upper()}{where[1:]}{f': {message}' if message else ''}"


def _where_it_failed(trace: Trace) -> str | None:
    """The stage that failed, with the shapes that it had received; None where the run did not fail in a stage."""
    name = trace.ending.stage
    if trace.ending.kind != FAILED or name is None:
        return None
    stage = next((each for each in trace.stages if each.name == name), None)
    if stage is None:
        return f"it failed in {name}"
    shapes = listed([dimensions(spec.shape) for spec in stage.inputs])
    return f"it failed in {called(stage)}{f', which received rows of {shapes}' if shapes else ''}"


def _what_failed(trace: Trace) -> str | None:
    """The stage that failed: what it was made with, what gave it what."""
    if _where_it_failed(trace) is None:
        return None
    stage = next((each for each in trace.stages if each.name == trace.ending.stage), None)
    if stage is None:
        return None
    config = [
        f"{name} = {value}"
        for name, value in stage.config.items()
        if name not in UNTOLD
        and isinstance(value, str | int | float | list)
        and len(str(value)) <= MOST_LETTERS
    ]
    made = f", made with {', '.join(config[:MOST_SETTINGS])}," if config else ""
    given = [
        f"{called(source)} gave it rows of {dimensions(spec.shape)}"
        if source
        else f"it got rows of {dimensions(spec.shape)}"
        for spec in stage.inputs
        for source in [next((each for each in trace.stages if each.name == spec.source), None)]
    ]
    return f"{called(stage)}{made} gave nothing: {listed(given) or 'what it got is not known'}."


UNTOLD = ("name", "trainable", "dtype", "registered_name", "module", "build_config")
"""Settings that every layer has and that tell nothing of what it does."""
MOST_SETTINGS, MOST_LETTERS = 4, 40
LONGEST = 240
"""A longer message is cut; the foot has the whole of it."""


def shortened(message: str) -> str:
    """An error's own words, cut where they are long."""
    return textwrap.shorten(message, LONGEST, placeholder=" ...")


def _looked_at(trace: Trace) -> str:
    """A model that was not trained, in one line."""
    layers = layer_stages(trace)
    model = trace.run.model
    total = (
        model.parameters.total if model else sum(stage.parameters.total for stage in _owners(trace))
    )
    size = f"{counted(model.layers if model else len(layers), 'layer')} with {counted(total, 'parameter')}"
    taken = listed(
        [
            dimensions(each.outputs[0].shape)
            for each in trace.stages
            if each.kind == SOURCE and each.outputs
        ]
    )
    given = listed([dimensions(each.shape) for each in task.outputs(trace)])
    one = (model.layers if model else len(layers)) == 1
    way = f" turn{'s' * one} {taken} into {given} for each row" if given and taken else ""
    rows = f"{counted(trace.rows, 'row')} went through; nothing" if trace.rows else "Nothing"
    return f"{size}{way}. {rows} was trained."


def _broken(trace: Trace, broken: Epoch) -> str:
    loss, guess = broken.metrics["loss"], chance(trace)
    if not math.isfinite(loss) or guess is None:
        where = (
            f"from epoch {broken.number} on"
            if broken is not trace.epochs[-1]
            else f"in epoch {broken.number}"
        )
        return f"{where} the loss is {figure(loss)}"
    return f"in epoch {broken.number} the loss is {figure(loss)}, where guessing gives {figure(guess.loss)}"


def _no_better(trace: Trace, guess: Chance, last: Epoch) -> str:
    after, named = f"After {counted(len(trace.epochs), 'epoch')}", accuracy(trace, last)
    if named is None:
        loss = last.metrics.get("loss")
        was = "no loss was measured" if loss is None else f"the loss is {figure(loss)}"
        return f"{after} {was}; guessing gives {figure(guess.level)}"
    rows = train_rows(trace)
    return (
        f"{after} accuracy is {share(named)}, within chance: guessing reaches up to {share(luck(guess, rows))} on "
        f"{counted(rows, 'row')}"
    )


def _nothing(trace: Trace) -> str:
    best = _best_before(trace)
    if best is None:
        return "Nothing is learned yet." if trace.ending.kind == RUNNING else "Nothing was learned."
    return f"What it had learned by epoch {best.number} is lost."


def _best_before(trace: Trace) -> Epoch | None:
    """The last epoch that was better than guessing, of a run that is so no more."""
    return next(
        (epoch for epoch in reversed(trace.epochs) if better_than_chance(trace, epoch)), None
    )


def _reached(trace: Trace, guess: Chance | None, last: Epoch) -> str:
    after = f"After {counted(len(trace.epochs), 'epoch')}"
    named, held_out = accuracy(trace, last), held_out_accuracy(trace, last)
    if named is None and held_out is None:
        return f"{after} {_figures(trace, guess, last)}"
    guessing = ""
    if guess:
        most = (
            f"most frequent class: {share(guess.largest)}"
            if guess.uneven
            else f"guessing: {share(guess.share)}"
        )
        guessing = f" ({most})"
    if held_out is None:
        return f"{after} accuracy is {share(named or 0.0)}{guessing}"
    rows = validation_rows(trace)
    others = (
        counted(rows, f"held-out {things(trace)[:-1]}") if rows else f"the held-out {things(trace)}"
    )
    if named is not None and guess and held_out < named and held_out <= luck(guess, rows):
        return (
            f"{after} the model names {share(named)} of its training rows right, but {share(held_out)} of {others}"
            f"{guessing}"
        )
    return f"{after} the model names {share(held_out)} of {others} right{guessing}"


def _figures(trace: Trace, guess: Chance | None, last: Epoch) -> str:
    """The last epoch's figures of a run that names no rows: its first metric beside the loss, or the loss."""
    output = task.only(trace)
    told = metrics.told(trace) if output is not None and guess is None else ()
    name = next((each for each in told if each in last.metrics), "loss")
    held_out, rows = f"{metrics.VALIDATION}{name}", validation_rows(trace)
    write, called = metrics.writer(trace, name), "the loss" if name == "loss" else name
    if held_out in last.metrics and guess is None:
        where = f"on {counted(rows, 'held-out row')}" if rows else "in validation"
        return f"{called} is {write(last.metrics[held_out])} {where}"
    if name not in last.metrics:
        return "no loss was measured"
    return f"{called} is {write(last.metrics[name])}{'' if guess else ' in training'}"


def _remark(trace: Trace, last: Epoch) -> str | None:
    kinds = observations(trace)[-1].kinds
    loss, guess = last.metrics.get("loss"), chance(trace)
    if "memorising" in kinds:
        return "the validation loss has turned upward, look at the training chart"
    held_out, named = held_out_accuracy(trace, last), accuracy(trace, last)
    behind = held_out is not None and held_out < (1.0 if named is None else named)
    if (
        guess
        and held_out is not None
        and behind
        and held_out <= luck(guess, validation_rows(trace))
    ):
        return "look at the gap"
    if "gap" in kinds and named is not None:
        return f"of its training rows it gets {share(named)}, look at the gap"
    if loss is None or not math.isfinite(loss):
        return "look at the training table"
    first = trace.epochs[0].metrics.get("loss", math.nan)
    if guess and (loss >= guess.level or len(trace.epochs) == 1 or not math.isfinite(first)):
        return f"training loss is {figure(loss)}, guessing gives {figure(guess.level)}"
    if len(trace.epochs) == 1 or not math.isfinite(first):
        return f"training loss is {figure(loss)}"
    if figure(loss) == figure(first):
        return f"training loss stayed at {figure(loss)}"
    return (
        f"training loss {'fell' if loss < first else 'rose'} from {figure(first)} to {figure(loss)}"
    )


def _owners(trace: Trace) -> list[Stage]:
    """The stages that hold weights, each once: a layer that is called twice holds them once."""
    return [
        each
        for each in layer_stages(trace)
        if first_call(trace, each) == each.name and each.parameters.total
    ]


def _where_numbers_sit(trace: Trace) -> str | None:
    layers, owners = layer_stages(trace), _owners(trace)
    holders = sorted(owners, key=lambda stage: -stage.parameters.total)
    workers = sorted(
        (stage for stage in layers if stage.flops), key=lambda stage: -(stage.flops or 0)
    )
    if len(holders) < 2 or not workers or not all(stage.outputs for stage in layers):
        return None
    total = sum(stage.parameters.total for stage in owners)
    effort = sum(stage.flops or 0 for stage in layers)
    most, busiest = holders[0], workers[0]
    work = share((busiest.flops or 0) / effort)
    if any(stage.parameters.total and stage.flops is None for stage in layers):
        # Nobody counted the arithmetic of some layers, so nothing can be said of its shares.
        return f"{_named(trace, most)} holds {share(most.parameters.total / total)} of the {number(total)} parameters."
    if most.name == busiest.name:
        return (
            f"{_named(trace, most)} holds {share(most.parameters.total / total)} of the {number(total)} parameters and "
            f"does {work} of the arithmetic."
        )
    held, done = busiest.parameters.total / total, (busiest.flops or 0) / effort
    if done < APART * held:
        return (
            f"{_named(trace, busiest)} holds {share(held)} of the {number(total)} parameters and does {work} of the "
            f"arithmetic; {_named(trace, most)} holds {share(most.parameters.total / total)}."
        )
    reused = ""
    places = math.prod(length or 1 for length in busiest.outputs[0].shape[1:-1])
    if busiest.layer == "Conv2D" and places > 1:
        reused = (
            f", because each of its weights is used again at {number(places)} places of a picture"
        )
    return (
        f"{_named(trace, busiest)} holds {share(busiest.parameters.total / total)} of the {number(total)} parameters "
        f"but does {work} of the arithmetic{reused}; {_named(trace, most)} holds {share(most.parameters.total / total)}."
    )


APART = 1.5
"""A layer that does so many times its share of the parameters is worth a "but"."""


def _learned(trace: Trace) -> str | None:
    guess = chance(trace)
    found = [epoch.metrics.get("loss", math.nan) for epoch in trace.epochs]
    losses = [guess.level, *found] if guess else found
    if len(losses) < (3 if guess else 2) or not all(map(math.isfinite, losses)):
        return None
    whole = losses[0] - losses[-1]
    if figure(losses[0]) == figure(losses[-1]):
        return None
    start = (
        f"the {figure(losses[0])} of guessing"
        if guess
        else f"the {figure(losses[0])} of the first epoch"
    )
    if whole <= 0:
        if guess or figure(losses[0]) == figure(losses[-1]):
            return None
        return f"From {start} the training loss rose to {figure(losses[-1])}: it got worse, not better."
    falls = [before - after for before, after in itertools.pairwise(losses)]
    text = f"From {start} the training loss, an average over each epoch, came down to {figure(losses[-1])}"
    steps = updates(trace)
    text += f" in {number(steps)} weight updates" if steps and guess else ""
    biggest = falls.index(max(falls))
    part, last = falls[biggest] / whole, falls[-1] / whole
    # Where the loss rose in between, its falls add up to more than the whole, and their shares would mislead.
    if min(falls) < 0:
        return (
            f"{text}{f'; in the last epoch it rose by {figure(-falls[-1])}' if last < 0 else ''}."
        )
    if len(falls) == 1:
        return f"{text}."
    first = biggest if guess else biggest + 1
    where = f"between epochs {first} and {first + 1}" if first else "in epoch 1"
    if biggest == len(falls) - 1:
        return f"{text}; {share(part)} of that fall came in the last epoch."
    return (
        f"{text}; {share(part)} of that fall came {where}, and the last epoch added {share(last)}."
    )


def _heads(trace: Trace) -> str | None:
    """How the losses of several outputs moved, where each has one of its own."""
    names = [
        name
        for name in metrics.kinds(trace)
        if name.endswith("_loss") and name in trace.epochs[0].metrics
    ]
    first, last = trace.epochs[0].metrics, trace.epochs[-1].metrics
    names = [name for name in names if metrics.finite((first[name], last.get(name)))]
    if len(names) < 2 or len(trace.epochs) < 2 or len(names) > MOST_HEADS:
        return None
    return f"Of its losses {listed([_moved(name, first[name], last[name]) for name in names])}."


def _moved(name: str, before: float, now: float) -> str:
    if figure(before) == figure(now):
        return f"{name} stayed at {figure(now)}"
    return f"{name} {'fell' if now < before else 'rose'} from {figure(before)} to {figure(now)}"


MOST_HEADS = 4
"""More losses than this are left to the table."""


def _kept_or_lost(trace: Trace) -> str | None:
    last, named = trace.epochs[-1].metrics, accuracy(trace, trace.epochs[-1])
    best, held_out = best_validation(trace), held_out_accuracy(trace, trace.epochs[-1])
    rows, guess = validation_rows(trace), chance(trace)
    if best is None:
        return None
    kinds = observations(trace)[-1].kinds
    then = f"Validation was best in epoch {best.number} (loss {figure(best.metrics['val_loss'])})"
    if "memorising" in kinds:
        return (
            f"{then}; since then the training loss fell from {figure(best.metrics['loss'])} to {figure(last['loss'])} "
            f"and the validation loss rose to {figure(last['val_loss'])}: that is memorising."
        )
    if held_out is None or rows < 1:
        return _lowest(trace, best)
    wrong = round((1 - held_out) * rows)
    text = f"Of {counted(rows, things(trace)[:-1])} kept aside {number(wrong)} {'is' if wrong == 1 else 'are'} named wrong"
    if named is not None:
        text += f", an accuracy of {share(held_out)} against {share(named)} in training, "
        text += "averaged over the last epoch"
    if guess and held_out <= luck(guess, rows):
        return f"{text}: no more are right than guessing may reach."
    if "turned" in kinds:
        return f"{text}. {then}; it is {figure(last['val_loss'])} at the end."
    for kind, words in KEPT.items():
        if kind in kinds:
            return f"{text}{words}."
    return f"{text}."


def _lowest(trace: Trace, best: Epoch) -> str | None:
    """Where the validation loss of a run that names no rows was lowest."""
    last = trace.epochs[-1]
    if len(trace.epochs) < 2:
        return None
    lowest = f"The validation loss was lowest in {'the last' if best is last else f'epoch {best.number}'}"
    lowest += f"{' epoch' if best is last else ''}, {figure(best.metrics['val_loss'])}"
    if best is last:
        return f"{lowest}: it was still falling when training ended."
    end = last.metrics.get("val_loss", math.nan)
    return (
        f"{lowest}; in epoch {last.number} it is {figure(end)}."
        if math.isfinite(end)
        else f"{lowest}."
    )


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
        f"The first output with values that are not finite is that of {where}."
        if where
        else _nothing_passes(trace),
        f"The learning rate was {_rate(rate)}." if rate is not None else None,
    ]


def _first_non_finite(trace: Trace) -> str | None:
    if any(event.kind in (DATA, OUTPUT, GRADIENT, WEIGHTS) for event in trace.events):
        return None  # told there, from the very step
    for epoch in trace.epochs:
        for stage in trace.stages:
            summary = epoch.probe.get(stage.name)
            if summary and summary.non_finite:
                return f"{_named(trace, stage)}, after epoch {epoch.number}"
    return None


def _stayed_at_chance(trace: Trace) -> list[str | None]:
    loss, guess = trace.epochs[-1].metrics.get("loss"), chance(trace)
    first = None
    if loss is not None and guess:
        first = (
            f"After {counted(len(trace.epochs), 'epoch')} the loss is {figure(loss)} and guessing gives "
            f"{figure(guess.level)}: the answers tell no more than guesses do."
        )
    return [first, _nothing_passes(trace), _weights_moved(trace)]


def _nothing_passes(trace: Trace) -> str | None:
    silent = next(
        (stage for stage in layer_stages(trace) if _silent(stage, trace.epochs[-1])), None
    )
    return f"All outputs of {_named(trace, silent)} are 0, whatever the row." if silent else None


def _silent(stage: Stage, last: Epoch) -> bool:
    summary = stage.summary or last.probe.get(stage.name)
    return summary is not None and summary.count > 0 and summary.zeros == summary.count


def _weights_moved(trace: Trace) -> str | None:
    first, last = trace.epochs[0], trace.epochs[-1]
    # Under a schedule no single rate is that of all epochs.
    rates = {epoch.learning_rate for epoch in trace.epochs}
    rate = None if last.learning_rate is None or len(rates) > 1 else _rate(last.learning_rate)
    names = [name for name in first.weights if name in last.weights]
    if first is last or not names:
        return rate and f"The learning rate was {rate}."
    moved = sum(
        _statistics(first.weights[name]) != _statistics(last.weights[name]) for name in names
    )
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
