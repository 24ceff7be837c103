"""The headline: how the run ended, what it reached, and what to look at."""

import math
import textwrap

from pipetrace.explain import metrics, task
from pipetrace.explain.balance import accuracy_at_chance, balance, is_blind, missed_words
from pipetrace.explain.events import called
from pipetrace.explain.facts import first_call, layer_stages, row_noun, stage_of, trained
from pipetrace.explain.fits import loss_name, model_part, own_losses, restored_words
from pipetrace.explain.formatting import counted, dimensions, figure, listed, moved, points, share
from pipetrace.explain.judgement import (
    AT_CHANCE,
    BROKEN,
    GAP,
    NO_EPOCH,
    NON_FINITE,
    OVERFITTING,
    UNTRAINED,
    WORSE,
    Chance,
    Judgement,
    Score,
    chance,
    judgement,
    luck,
)
from pipetrace.explain.metrics import accuracy
from pipetrace.trace.document import (
    FAILED,
    FINISHED,
    INTERRUPTED,
    KILLED,
    RUNNING,
    SOURCE,
    STOPPED,
    Trace,
)

STATUS = {
    FINISHED: "Finished",
    STOPPED: "Stopped early",
    FAILED: "Failed",
    INTERRUPTED: "Interrupted",
    KILLED: "Killed",
    RUNNING: "Still running",
}
CUT = " ..."
LONGEST_MESSAGE = 240
"""A longer error message is cut; the foot of the page has the whole of it."""


def headline(trace: Trace) -> str:
    """What the run reached and what to look at, in a few short sentences."""
    return " ".join(sentences(trace))


def sentences(trace: Trace) -> tuple[str, ...]:
    """The parts of the headline: how the run ended or what it reached, then what to look at."""
    judged = judgement(trace)
    found = [*_how_it_ended(trace)]
    if judged.outcome == UNTRAINED:
        found += _model(trace)
    elif judged.outcome == NO_EPOCH:
        found.append("" if trace.stages else "No stage was recorded.")
    else:
        found += [outcome(trace), restored_words(trace), _remark(model_part(trace), judged)]
    return tuple(sentence for sentence in found if sentence)


def outcome(trace: Trace) -> str:
    """What came of a run that finished an epoch: its score, or that it broke or diverged."""
    judged = judgement(trace)
    return broken(trace, judged) if judged.broken else _score(trace, judged)


def shortened(message: str) -> str:
    """An error's own message, cut where it is long."""
    return textwrap.shorten(message, LONGEST_MESSAGE, placeholder=CUT)


def broken(trace: Trace, judged: Judgement) -> str:
    """That the loss became NaN or Inf, or ended worse than chance."""
    epoch, guess = judged.broken, chance(trace)
    if epoch is None:
        return ""
    loss = figure(epoch.metrics["loss"])
    if judged.outcome == WORSE and guess:
        after = counted(epoch.number, "epoch")
        return (
            f"Training loss after {after}: {loss}, worse than chance level ({figure(guess.loss)})."
        )
    stayed = "" if epoch is trace.epochs[-1] else " and did not recover"
    return f"The training loss became {loss} in epoch {epoch.number}{stayed}."


def status(trace: Trace) -> str:
    """How the run ended, such as ``Failed after 1 of 3 epochs``; empty if it ran as planned."""
    done, planned, kind = len(trace.epochs), trace.run.training.epochs, trace.ending.kind
    if not trained(trace):
        return "" if kind in (FINISHED, STOPPED) else STATUS.get(kind, kind)
    if kind == RUNNING:
        return f"{STATUS[kind]}: {done} of {counted(planned, 'epoch')} finished"
    if trace.ending.rule:
        after = f"after {done} of {counted(planned, 'epoch')}"
        return f"Stopped by an error that rule {trace.ending.rule} found, {after}"
    if (kind == FINISHED and done) or (kind == STOPPED and done >= planned):
        return ""
    return f"{STATUS.get(kind, kind)} after {done} of {counted(planned, 'epoch')}"


def _how_it_ended(trace: Trace) -> tuple[str, ...]:
    """How it ended; of a failure the stage, the shapes it received, and the error's message."""
    text, ending = status(trace), trace.ending
    if ending.kind != FAILED:
        return (f"{text}.",) if text else ()
    stage, message = stage_of(trace, ending.stage), shortened(ending.error or "")
    if message and not message.endswith(CUT):
        message = f"{message.rstrip('. ')}."
    where = f" in {called(stage) if stage else ending.stage}" if ending.stage else ""
    shapes = listed([dimensions(spec.shape) for spec in stage.inputs]) if stage else ""
    return (
        f"{text}{where}.",
        f"It received rows of shape {shapes}." if shapes else "",
        message,
    )


def _model(trace: Trace) -> tuple[str, ...]:
    """A model that was not trained."""
    model, layers = trace.run.model, layer_stages(trace)
    owners = [each for each in layers if first_call(trace, each) == each.name]
    total = model.parameters.total if model else sum(each.parameters.total for each in owners)
    size = counted(model.layers if model else len(layers), "layer")
    has = f"The model has {size} and {counted(total, 'parameter')}."
    sources = [each for each in trace.stages if each.kind == SOURCE and each.outputs]
    taken = listed([dimensions(each.outputs[0].shape) for each in sources])
    given = listed([dimensions(each.shape) for each in task.outputs(trace)])
    maps = ""
    if taken and given:
        maps = f"It maps rows of shape {taken} to shape {given}."
    passed = f"; {counted(trace.rows, 'row')} passed through it" if trace.rows else ""
    return has, maps, f"It was not trained{passed}."


def _score(trace: Trace, judged: Judgement) -> str:
    score, guess = judged.score, chance(trace)
    losses, measured = own_losses(trace), trace.epochs[-1].metrics
    if len(losses) > 1 and all(name in measured for name in losses):
        each = listed([f"{name} {figure(measured[name])}" for name in losses])
        return f"Training losses after {counted(len(trace.epochs), 'epoch')}: {each}."
    last = judged.last.epoch.number if judged.last else 0
    after = f"after {counted(last, 'epoch')}"
    if score is None:
        return f"No loss was recorded {after}."
    name = "accuracy" if score.is_accuracy else score.metric
    kind = "Validation" if score.validation else "Training"
    if score.metric == "loss" and not score.validation:
        kind, name = loss_name(model_part(trace)).capitalize().rsplit(" ", 1)
    text = f"{kind} {name} {after}: "
    text += metrics.writer(trace, score.metric)(score.value)
    if score.rows and (score.validation or score.is_accuracy):
        text += f" on {counted(score.rows, row_noun(trace))}"
    if guess and judged.outcome == AT_CHANCE:
        return f"{text}{_no_better(guess, score)}{_lost(judged)}"
    if guess and not score.is_accuracy:
        text += f" (chance: {figure(guess.level)})"
    elif metrics.base(score.metric) in metrics.ACCURACIES:
        level = accuracy_at_chance(model_part(trace))
        text += f" ({level.text})" if level else ""
    return f"{text}."


def _no_better(guess: Chance, score: Score) -> str:
    if not score.is_accuracy:
        return f", no better than chance level ({figure(guess.level)})."
    reach = share(luck(guess, score.rows))
    return f". Up to {reach} can be luck, so this is no better than chance level."


def _lost(judged: Judgement) -> str:
    return (
        f" The run was better than chance until epoch {judged.lost.number}." if judged.lost else ""
    )


def _remark(trace: Trace, judged: Judgement) -> str:
    """The most important thing beside the score."""
    last, score, guess = judged.last, judged.score, chance(trace)
    uneven = balance(trace)
    if last is None or score is None or judged.outcome in (BROKEN, WORSE):
        return ""
    if score.is_accuracy and uneven and (uneven.missed or is_blind(trace, score.value)):
        return missed_words(trace)
    if judged.outcome == AT_CHANCE:
        return ""
    measured, best = last.epoch.metrics, judged.best
    if last.validation == OVERFITTING and best:
        rose = moved("Validation loss", best.metrics["val_loss"], measured["val_loss"], figure)
        return f"{rose} since epoch {best.number}: overfitting."
    if last.validation == NON_FINITE:
        return f"Validation loss is {figure(measured['val_loss'])}."
    ours = accuracy(trace, last.epoch)
    if score.is_accuracy and score.validation and ours is not None and ours > score.value:
        if last.validation == GAP:
            apart = points(ours - score.value)
            return f"Training accuracy is {share(ours)}, {apart} higher: a sign of overfitting."
        if guess and score.rows and score.value <= luck(guess, score.rows):
            return (
                f"On so few {row_noun(trace)}s, up to {share(luck(guess, score.rows))} can be luck."
            )
    return _course(trace, judged)


def _course(trace: Trace, judged: Judgement) -> str:
    """How the training loss moved over the run."""
    part = model_part(trace)
    guess, first = chance(part), part.epochs[0].metrics.get("loss")
    loss = part.epochs[-1].metrics.get("loss")
    name = loss_name(part).capitalize()
    if loss is None or not math.isfinite(loss):
        return ""
    if guess and loss >= guess.level:
        return f"Training loss is {figure(loss)}, above chance level ({figure(guess.level)})."
    score = judged.score
    told = score is not None and score.metric == "loss" and not score.validation
    if len(part.epochs) > 1 and first is not None and math.isfinite(first):
        since = "" if part.epochs[0].number == 1 else f" since epoch {part.epochs[0].number}"
        course = f"{moved(name, first, loss, figure)}{since}."
        return f"It was {figure(first)} in epoch {part.epochs[0].number}." if told else course
    level = f" (chance: {figure(guess.level)})" if guess else ""
    return "" if told else f"{name} is {figure(loss)}{level}."
