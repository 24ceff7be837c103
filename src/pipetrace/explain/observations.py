"""What each epoch did, in sentences, from its measurements and those of the epochs before it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from pipetrace.explain import metrics
from pipetrace.explain.cache import once
from pipetrace.explain.facts import (
    WORSE,
    Chance,
    against_validation,
    best_validation,
    better_than_chance,
    chance,
    classes,
    luck,
    occurring,
    train_rows,
    validation_error,
    validation_rows,
)
from pipetrace.explain.metrics import accuracy, held_out_accuracy
from pipetrace.explain.text import counted, figure, listed, points, share
from pipetrace.trace.document import Epoch, Trace

PLATEAU = 0.01
"""A loss that changed by less than this share has hardly moved."""
RISE = 0.02
"""A validation loss this share above its best has risen."""
NEAR = 0.02
"""A loss within this share of that of guessing is that of guessing."""
QUICK = 0.1
"""Where the loss fell by less than this share, an epoch's first steps were not much weaker than its last."""

Parts: TypeAlias = list[tuple[str, str]]
"""Kinds and sentences."""


@dataclass(frozen=True)
class Told:
    """What was told already: that the training loss fell in this epoch; the same of validation an epoch ago."""

    learning: bool
    before: bool


@dataclass(frozen=True)
class Observation:
    """What one epoch did.

    Attributes:
        epoch: its number.
        text: one to three sentences.
        kinds: what was seen, in words for programs. Of training: ``learning``, ``plateau``, ``rise``, ``chance``,
            ``worse``, ``complete``, ``unmeasured``, ``first``. Of validation: ``follows``, ``ahead``, ``gap``,
            ``turned``, ``memorising``, ``unclear``, ``validation``. Of both: ``non-finite``.
    """

    epoch: int
    text: str
    kinds: tuple[str, ...]


@once
def observations(trace: Trace) -> tuple[Observation, ...]:
    """One observation for each finished epoch.

    Each compares the epoch with guessing where one knows what that gives, with the epoch before, and with validation;
    the limits are the constants of this module and of ``facts``. Training figures are averages over the epoch's steps,
    validation is measured after the last one. What was explained an epoch ago is not explained again.

    Args:
        trace: the run.
    """
    found: list[Observation] = []
    for index, epoch in enumerate(trace.epochs):
        seen = found[-1].kinds if found else ()
        parts = _training(trace, index, seen)
        parts += _validation(trace, index, [kind for kind, _ in parts], seen)
        found.append(
            Observation(
                epoch.number, " ".join(text for _, text in parts), tuple(kind for kind, _ in parts)
            )
        )
    return tuple(found)


def _training(trace: Trace, index: int, seen: Sequence[str]) -> Parts:
    epoch, previous = trace.epochs[index], _finite_before(trace, index)
    loss = epoch.metrics.get("loss")
    if loss is None:
        return [("unmeasured", "No loss was measured.")]
    if not math.isfinite(loss):
        return [("non-finite", _broken(trace, index, loss))]
    guess = chance(trace)
    if guess and loss > WORSE * guess.loss:
        return [("worse", _worse(trace, guess, epoch, previous, seen))]
    if guess and not better_than_chance(trace, epoch):
        return [("chance", _at_chance(trace, guess, index, seen))]
    if previous is not None:
        return [_change(trace, epoch, previous), *_complete(trace, epoch, previous)]
    first = ("learning", _first(trace, guess, epoch)) if guess else ("first", _begin(trace, epoch))
    return [first, *_complete(trace, epoch, previous)]


def _finite_before(trace: Trace, index: int) -> Epoch | None:
    """The epoch before, where its loss is a number that one can compare with."""
    previous = trace.epochs[index - 1] if index else None
    return previous if previous and math.isfinite(previous.metrics.get("loss", math.nan)) else None


def _broken(trace: Trace, index: int, loss: float) -> str:
    if index and not math.isfinite(trace.epochs[index - 1].metrics.get("loss", 0.0)):
        return f"Loss is still {figure(loss)}; nothing can be learned from it."
    return f"Loss became {figure(loss)}: no step can be computed from that."


def _worse(
    trace: Trace, guess: Chance, epoch: Epoch, previous: Epoch | None, seen: Sequence[str]
) -> str:
    loss, named = epoch.metrics["loss"], accuracy(trace, epoch)
    text = f"Loss {figure(loss)} is {figure(loss / guess.loss, 2)} times the {figure(guess.loss)} of guessing"
    if previous is not None:
        text += f" (epoch {previous.number}: {figure(previous.metrics['loss'])})"
    if "worse" not in seen:
        text += ": the true class gets far less than an equal share"
    return f"{text}." if named is None else f"{text}; accuracy is {share(named)}."


def _at_chance(trace: Trace, guess: Chance, index: int, seen: Sequence[str]) -> str:
    loss, named = trace.epochs[index].metrics["loss"], accuracy(trace, trace.epochs[index])
    level, name = guess.level, _guessing(trace, guess)
    ratio = loss / level if level else math.inf
    if ratio > 1 + NEAR:
        text = f"Loss {figure(loss)} is above the {figure(level)} of {name}"
    elif ratio >= 1 - NEAR:
        text = f"Loss {figure(loss)} is no better than the {figure(level)} of {name}"
    else:
        text = f"Loss {figure(loss)} is {share(1 - ratio)} below the {figure(level)} of {name}"
    if named is not None:
        text += f"; {_accuracy(trace, named, guess)}"
    if "chance" in seen:
        return f"{text}."
    if any(better_than_chance(trace, epoch) for epoch in trace.epochs[:index]):
        return f"{text}. What was learned before is lost."
    return f"{text}. Nothing is learned yet." if ratio >= 1 - NEAR else f"{text}."


def _guessing(trace: Trace, guess: Chance) -> str:
    if guess.informed:
        return "guessing each class as often as it occurs"
    return f"guessing among {counted(classes(trace), 'class', 'classes')} (ln {classes(trace)})"


def _accuracy(trace: Trace, named: float, guess: Chance) -> str:
    rows = train_rows(trace)
    if named <= guess.largest:
        return (
            f"accuracy {share(named)} is within chance, as the most frequent class alone makes up "
            f"{share(guess.largest)}"
        )
    if named <= luck(guess, rows):
        return (
            f"accuracy {share(named)} is within chance: luck alone reaches {share(luck(guess, rows))} on "
            f"{counted(rows, 'row')}"
        )
    if guess.uneven:
        return f"accuracy is {share(named)}, where the most frequent class alone makes up {share(guess.largest)}"
    times = f"{figure(named / guess.share, 2)} times the {share(guess.share)} of chance"
    if occurring(trace) < classes(trace):
        times += f", as {occurring(trace)} of the {classes(trace)} classes occur"
    return f"accuracy {share(named)} is {times}"


def _first(trace: Trace, guess: Chance, epoch: Epoch) -> str:
    loss, named = epoch.metrics["loss"], accuracy(trace, epoch)
    level, name = guess.level, _guessing(trace, guess)
    # Where both are written alike, to call one of them lower would tell of digits that nobody sees.
    where = "about" if figure(loss) == figure(level) else "below" if loss < level else "above"
    text = f"Loss {figure(loss)} is {where} the {figure(level)} of {name}"
    return f"{text}." if named is None else f"{text}; {_accuracy(trace, named, guess)}."


def _begin(trace: Trace, epoch: Epoch) -> str:
    """The first epoch of a run of which nobody knows what guessing would give."""
    others = (name for name in metrics.told(trace) if name in epoch.metrics)
    found = [
        f"Loss is {figure(epoch.metrics['loss'])}",
        *(f"{name} {metrics.writer(trace, name)(epoch.metrics[name])}" for name in others),
    ]
    return f"{listed(found)}, {'each taken' if len(found) > 1 else 'an average'} over the epoch's steps."


def _change(trace: Trace, epoch: Epoch, previous: Epoch) -> tuple[str, str]:
    before, now = previous.metrics["loss"], epoch.metrics["loss"]
    tail = _others(trace, epoch, previous)
    if figure(before) == figure(now):
        return "plateau", f"Loss stayed at {figure(now)}{tail}."
    figures = f"from {figure(before)} to {figure(now)}"
    if before == 0 and now > 0:
        return "rise", f"Loss rose {figures}{tail}."
    if now <= 0 or before <= 0:
        # Shares say nothing of a loss that is negative by nature, such as one minus a likelihood.
        kind = "learning" if now < before else "rise"
        kind = "plateau" if abs(now - before) < PLATEAU * max(abs(now), abs(before)) else kind
        did = {"learning": "fell", "rise": "rose", "plateau": "hardly moved,"}[kind]
        return kind, f"Loss {did} {figures}{tail}."
    moved = (now - before) / before
    if abs(moved) < PLATEAU:
        return "plateau", f"Loss hardly moved, {figures} ({share(abs(moved))}){tail}."
    if moved < 0:
        return "learning", f"Loss fell {figures} ({share(-moved)}){tail}."
    earlier, named = accuracy(trace, previous), accuracy(trace, epoch)
    back = ": a step back" if named is None or earlier is None or named < earlier else ""
    return "rise", f"Loss rose {figures} ({share(moved)}){tail}{back}."


def _others(trace: Trace, epoch: Epoch, previous: Epoch) -> str:
    """How the metrics beside the loss moved."""
    found = []
    main = metrics.accuracy_name(trace)
    for name in (main,) if main else metrics.told(trace):
        before, now = previous.metrics.get(name), epoch.metrics.get(name)
        if before is None or now is None:
            continue
        write, called = metrics.writer(trace, name), "accuracy" if name == main else name
        if write(before) == write(now):
            found.append(f", {called} at {write(now)}")
        else:
            found.append(f", {called} from {write(before)} to {write(now)}")
    return "".join(found)


def _complete(trace: Trace, epoch: Epoch, previous: Epoch | None) -> Parts:
    if accuracy(trace, epoch) != 1.0 or (previous and accuracy(trace, previous) == 1.0):
        return []
    return [("complete", "In this epoch every training row was named right.")]


def _validation(trace: Trace, index: int, kinds: Sequence[str], seen: Sequence[str]) -> Parts:
    epoch = trace.epochs[index]
    value = epoch.metrics.get("val_loss")
    if "non-finite" in kinds:
        return []
    if value is not None and not math.isfinite(value):
        return [("non-finite", f"Validation loss is {figure(value)}.")]
    if value is None or not {"learning", "plateau", "rise", "first"}.intersection(kinds):
        return []
    risen = _risen(trace, index, value, seen)
    if risen:
        return [risen]
    kind = against_validation(trace, epoch)
    if kind is None:
        return [("validation", _lowest(trace, index, value))]
    return [(kind, COMPARED[kind](trace, index, Told("learning" in kinds, kind in seen)))]


def _lowest(trace: Trace, index: int, value: float) -> str:
    """A validation loss beside the lowest one before it."""
    best = best_validation(trace, index)
    text = f"Validation loss is {figure(value)}"
    if best is None:
        return f"{text}."
    lowest = figure(best.metrics["val_loss"])
    if lowest == figure(value):
        return f"{text}, as in epoch {best.number}."
    if value < best.metrics["val_loss"]:
        return f"{text}, the lowest so far."
    return f"{text}; its lowest was {lowest} in epoch {best.number}."


def _risen(trace: Trace, index: int, value: float, seen: Sequence[str]) -> tuple[str, str] | None:
    best = best_validation(trace, index)
    if best is None or value - best.metrics["val_loss"] <= RISE * abs(best.metrics["val_loss"]):
        return None
    epoch = trace.epochs[index]
    text = f"Validation loss {figure(value)} is above its best, {figure(best.metrics['val_loss'])} in epoch {best.number}"
    now, then = epoch.metrics["loss"], best.metrics.get("loss", -math.inf)
    if epoch.number - best.number < 2 or now >= then:
        return "turned", f"{text}."
    if "memorising" in seen:
        return "memorising", f"{text}."
    return (
        "memorising",
        f"{text}, while the training loss fell from {figure(then)} to {figure(now)}: that is memorising.",
    )


def _follows(trace: Trace, index: int, told: Told) -> str:
    held_out = held_out_accuracy(trace, trace.epochs[index]) or 0.0
    why = ", so this is learning, not memorising" if told.learning and not told.before else ""
    return f"Validation agrees at {share(held_out)}{why}."


def _ahead(trace: Trace, index: int, told: Told) -> str:
    epoch, previous = trace.epochs[index], _finite_before(trace, index)
    held_out = held_out_accuracy(trace, epoch) or 0.0
    quick = previous is None or epoch.metrics["loss"] < (1 - QUICK) * previous.metrics["loss"]
    if told.before or not quick:
        return f"Validation is ahead at {share(held_out)}."
    return (
        f"Validation, measured after the epoch, is ahead at {share(held_out)}: the training figure averages in the "
        "epoch's weak first steps."
    )


def _gap(trace: Trace, index: int, told: Told) -> str:
    epoch = trace.epochs[index]
    named, held_out = accuracy(trace, epoch) or 0.0, held_out_accuracy(trace, epoch) or 0.0
    text = f"Validation is at {share(held_out)}, {points(named - held_out)} lower"
    return (
        f"{text}."
        if told.before
        else f"{text}: the model knows its training rows better than others."
    )


def _unclear(trace: Trace, index: int, told: Told) -> str:
    held_out = held_out_accuracy(trace, trace.epochs[index]) or 0.0
    if told.before:
        return f"Validation is at {share(held_out)}."
    rows, error = counted(validation_rows(trace), "row"), points(validation_error(trace, held_out))
    return (
        f"Validation is at {share(held_out)}; on {rows} a difference of up to {error} may be luck."
    )


COMPARED = {"follows": _follows, "ahead": _ahead, "gap": _gap, "unclear": _unclear}
"""How a comparison with validation is told."""
