"""What each epoch did, in sentences made from its judgement."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from pipetrace.explain import metrics
from pipetrace.explain.balance import accuracy_at_chance, majority_words
from pipetrace.explain.cache import once
from pipetrace.explain.facts import classes, occurring, row_noun, train_rows, validation_rows
from pipetrace.explain.fits import final_epoch, loss_name, own_losses, restored, stretches
from pipetrace.explain.formatting import counted, figure, listed, moved, number, points, share
from pipetrace.explain.judgement import (
    AHEAD,
    AT_CHANCE,
    FIRST,
    FOLLOWS,
    GAP,
    LEARNING,
    LOSS_ONLY,
    MAJORITY,
    MODES,
    NON_FINITE,
    OTHER_ROWS,
    OVERFITTING,
    PLATEAU,
    RISE,
    TURNED,
    UNCLEAR,
    UNMEASURED,
    WORSE,
    Chance,
    EpochJudgement,
    better_than_chance,
    chance,
    epochs,
    in_prediction_mode,
    luck,
    validation_error,
)
from pipetrace.explain.metrics import accuracy, validation_accuracy
from pipetrace.trace import Given, opened
from pipetrace.trace.document import Epoch, Trace
from pipetrace.trace.records import Record

QUICK = 0.1
"""If the loss fell by less than this share, the first steps of an epoch were not much worse than
its last."""


@dataclass(frozen=True)
class Observation:
    """What one epoch did.

    Attributes:
        epoch: its number.
        text: a few short sentences.
        kinds: what was seen, in words for programs. Of training: ``learning``, ``plateau``,
            ``rise``, ``chance``, ``worse`` (than chance), ``complete`` (accuracy 100 %),
            ``unmeasured``, ``first``. Of validation: ``follows``, ``ahead``, ``gap``, ``turned``,
            ``overfitting``, ``unclear``, ``validation``, ``majority`` (no better than the most
            frequent class), ``modes`` (low in prediction mode on training
            rows too). Of both: ``non-finite``.
    """

    epoch: int
    text: str
    kinds: tuple[str, ...]


def observations(trace: Given) -> tuple[Observation, ...]:
    """One observation for each finished epoch of a trace.

    Each compares the epoch with chance level where that is known, with the epoch before, and with
    validation. The limits are the constants of ``judgement``. What one epoch explains the next one
    does not repeat.

    Args:
        trace: of any run, or its path.
    """
    return _observations(opened(trace))


@once
def _observations(trace: Trace) -> tuple[Observation, ...]:
    return tuple(each for part in stretches(trace) for each in _of_stretch(part))


def _of_stretch(trace: Trace) -> list[Observation]:
    """Of epochs whose losses compare."""
    found: list[Observation] = []
    back = final_epoch(trace) if restored(trace) else None
    for judged in epochs(trace):
        of = _Told(trace, judged, found[-1].kinds if found else ())
        sentences = [TRAINING[judged.training](of)]
        if judged.validation:
            sentences.append(COMPARED[judged.validation](of))
        if judged.epoch is back:
            sentences.append("These weights were restored at the end.")
        found.append(Observation(judged.epoch.number, " ".join(sentences), judged.kinds))
    return found


class _Told(Record):
    """An epoch to describe."""

    trace: Trace  # the run
    judged: EpochJudgement  # what the epoch did
    seen: tuple[str, ...]  # the kinds of the epoch before, which need no second explanation

    @property
    def epoch(self) -> Epoch:
        return self.judged.epoch

    @property
    def name(self) -> str:
        """What the loss is called: with weights it is another number than without."""
        return f"The {loss_name(self.trace).replace('training ', '')}"

    @property
    def loss(self) -> float:
        return self.epoch.metrics["loss"]

    @property
    def validation_loss(self) -> str:
        return f"Validation loss is {figure(self.epoch.metrics['val_loss'])}"

    @property
    def theirs(self) -> float:
        return validation_accuracy(self.trace, self.epoch) or 0.0

    @property
    def guess(self) -> Chance:
        """Chance level, of an epoch that was compared with it."""
        return cast(Chance, chance(self.trace))


def _broken(of: _Told) -> str:
    again = of.seen[:1] == (NON_FINITE,)
    return f"The loss {'is still' if again else 'became'} {figure(of.loss)}."


def _worse(of: _Told) -> str:
    level = f"chance level (ln {classes(of.trace)} = {figure(of.guess.loss)})"
    text = f"The loss is {figure(of.loss)}, {figure(of.loss / of.guess.loss, 2)} times {level}."
    named = accuracy(of.trace, of.epoch)
    return text if named is None else f"{text} Accuracy is {share(named)}."


def _beside_chance(of: _Told) -> str:
    """Loss and accuracy beside those at chance level."""
    level, named = of.guess.level, accuracy(of.trace, of.epoch)
    where = f"(ln {classes(of.trace)} = {figure(level)})"
    if of.guess.informed:
        where = f"for these class frequencies ({figure(level)})"
    below = 1 - of.loss / level if level else -math.inf
    # Where both are written alike, "below" would speak of digits that nobody sees.
    beside = "equal to" if figure(of.loss) == figure(level) else "above"
    if beside == "above" and below > 0:
        beside = f"{share(below)} below"
    text = f"The loss is {figure(of.loss)}, {beside} chance level {where}."
    return text if named is None else f"{text} {_accuracy(of, named)}"


def _accuracy(of: _Told, named: float) -> str:
    guess, trace, rows = of.guess, of.trace, train_rows(of.trace)
    text, level = f"Accuracy is {share(named)}", accuracy_at_chance(trace)
    if level is None or level.uneven:
        return f"{text} ({level.text})." if level else f"{text}."
    if named <= guess.largest:
        return f"{text}; the most frequent class alone makes up {share(guess.largest)}."
    if named <= luck(guess, rows):
        on = counted(rows, f"training {row_noun(trace)}")
        return f"{text}; on {on}, up to {share(luck(guess, rows))} can be luck."
    text += f", {figure(named / level.share, 2)} times chance level ({level.label})"
    if occurring(trace) < classes(trace):
        text += f", as {occurring(trace)} of {classes(trace)} classes occur"
    return f"{text}."


def _at_chance(of: _Told) -> str:
    earlier = (each for each in of.trace.epochs if each.number < of.epoch.number)
    lost = AT_CHANCE not in of.seen and any(better_than_chance(of.trace, each) for each in earlier)
    return f"{_beside_chance(of)}{' The model is back at chance level.' if lost else ''}"


def _first(of: _Told) -> str:
    """The first epoch of a run whose chance level is unknown."""
    measured = of.epoch.metrics
    others = [name for name in metrics.main(of.trace) if name in measured]
    found = [f"{name} is {metrics.writer(of.trace, name)(measured[name])}" for name in others]
    return f"{listed([f'{of.name} is {figure(of.loss)}', *found])}."


def _change(of: _Told) -> str:
    if of.judged.previous is None:
        return _beside_chance(of)
    before, now = of.judged.previous.metrics["loss"], of.loss
    course = f"from {figure(before)} to {figure(now)}"
    part = ""
    if before > 0 and now > 0:
        change = abs(now - before) / before
        # No more digits than the two losses give, as they are written here.
        part = f"about {number(round(100 * change))} %" if 0.01 <= change < 1e6 else share(change)
    if figure(before) == figure(now):
        text = f"{of.name} stayed at {figure(now)}."
    elif of.judged.training == PLATEAU:
        text = f"{of.name} barely changed{f' ({part})' if part else ''}, {course}."
    else:
        verb = "fell" if now < before else "rose"
        text = f"{of.name} {verb}{f' by {part},' if part else ''} {course}."
    return f"{text}{_others(of, of.judged.previous)}"


def _others(of: _Told, previous: Epoch) -> str:
    """How the metrics beside the loss moved."""
    found: list[str] = []
    main = metrics.accuracy_name(of.trace)
    for name in (main,) if main else metrics.main(of.trace):
        before, now = previous.metrics.get(name), of.epoch.metrics.get(name)
        if before is not None and now is not None:
            called = "Accuracy" if name == main else name if found else f"The {name}"
            found.append(moved(called, before, now, metrics.writer(of.trace, name)))
    return f" {listed(found)}." if found else ""


def _loss_only(of: _Told) -> str:
    """A validation loss beside the lowest one before it."""
    if of.judged.best is None:
        return f"{of.validation_loss}."
    lowest, value = of.judged.best.metrics["val_loss"], of.epoch.metrics["val_loss"]
    if figure(lowest) == figure(value):
        return f"{of.validation_loss}, as in epoch {of.judged.best.number}."
    if value < lowest and LOSS_ONLY in of.seen:
        return f"{of.validation_loss}, lower again."
    if value < lowest:
        return f"{of.validation_loss}, the lowest so far."
    return (
        f"{of.validation_loss}; the lowest was {figure(lowest)} in epoch {of.judged.best.number}."
    )


def _turned(of: _Told) -> str:
    best = of.judged.best or of.epoch
    text = (
        f"{of.validation_loss}, up from {figure(best.metrics['val_loss'])} in epoch {best.number}"
    )
    if of.judged.validation == OVERFITTING and OVERFITTING not in of.seen:
        fell = moved("training loss", best.metrics["loss"], of.loss, figure)
        return f"{text}, while {fell}: overfitting."
    return f"{text}."


def _follows(of: _Told) -> str:
    text = f"Validation accuracy is {share(of.theirs)}, close to training"
    first = of.judged.training == LEARNING and FOLLOWS not in of.seen
    return f"{text}: no sign of overfitting." if first else f"{text}."


def _ahead(of: _Told) -> str:
    text = f"Validation accuracy is higher, {share(of.theirs)}"
    before = of.judged.previous.metrics["loss"] if of.judged.previous else math.inf
    if AHEAD in of.seen or of.loss >= (1 - QUICK) * before:
        return f"{text}."
    return f"{text}: it is measured after the epoch, training accuracy during it."


def _gap(of: _Told) -> str:
    apart = points((accuracy(of.trace, of.epoch) or 0.0) - of.theirs)
    text = f"Validation accuracy is {share(of.theirs)}, {apart} below training"
    return f"{text}." if GAP in of.seen else f"{text}: a sign of overfitting."


def _majority(of: _Told) -> str:
    text = f"Validation accuracy is {share(of.theirs)}"
    return f"{text}." if MAJORITY in of.seen else f"{text}; {majority_words(of.trace)}."


def _modes(of: _Told) -> str:
    text = f"Validation accuracy is {share(of.theirs)}"
    same = in_prediction_mode(of.trace, of.epoch)
    if MODES in of.seen or same is None:
        return f"{text}."
    rows = f"{row_noun(of.trace)}s"
    return f"{text}; in prediction mode, that on training {rows} is {share(same)} too."


def _other_rows(of: _Told) -> str:
    if OTHER_ROWS in of.seen:
        return f"{of.validation_loss}."
    rows = f"{row_noun(of.trace)}s"
    return (
        f"{of.validation_loss}; the validation {rows} are scaled differently from the training "
        f"{rows}."
    )


def _unclear(of: _Told) -> str:
    text = f"Validation accuracy is {share(of.theirs)}."
    if UNCLEAR in of.seen:
        return text
    rows = counted(validation_rows(of.trace), f"validation {row_noun(of.trace)}")
    error = points(validation_error(of.trace, of.theirs))
    return f"{text} On {rows}, a difference of up to {error} can be luck."


def _several_losses(of: _Told) -> str:
    """The losses of a training step that has several; how they moved since the epoch before."""
    now = of.epoch.metrics
    names = [name for name in own_losses(of.trace) if name in now]
    if not names:
        return "No loss was recorded."
    numbers = [epoch.number for epoch in of.trace.epochs]
    at = numbers.index(of.epoch.number)
    before = of.trace.epochs[at - 1].metrics if at else {}
    told = [
        moved(name, before[name], now[name], figure)
        if name in before
        else f"{name} is {figure(now[name])}"
        for name in names
    ]
    return f"{listed(told)}."


Sentence = Callable[[_Told], str]
TRAINING: dict[str, Sentence] = {
    UNMEASURED: _several_losses,
    NON_FINITE: _broken,
    WORSE: _worse,
    AT_CHANCE: _at_chance,
    FIRST: _first,
    **dict.fromkeys((LEARNING, PLATEAU, RISE), _change),
}
COMPARED: dict[str, Sentence] = {
    FOLLOWS: _follows,
    AHEAD: _ahead,
    GAP: _gap,
    UNCLEAR: _unclear,
    MAJORITY: _majority,
    MODES: _modes,
    OTHER_ROWS: _other_rows,
    TURNED: _turned,
    OVERFITTING: _turned,
    LOSS_ONLY: _loss_only,
    NON_FINITE: lambda of: f"{of.validation_loss}.",
}
