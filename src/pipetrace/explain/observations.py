"""What each epoch did, in sentences, from its measurements and those of the epochs before it."""

import math
from dataclasses import dataclass

from pipetrace.explain.facts import Chance, best_validation, better_than_chance, chance, classes, occurring
from pipetrace.explain.wording import counted, figure, points, share
from pipetrace.trace.document import Epoch, Trace

PLATEAU = 0.02
"""A loss that changed by less than this share has not moved."""
RISE = 0.02
"""A validation loss this share above its best has risen."""
FAR = 0.05
"""An accuracy this much above validation's is far from it, where it is also beyond three standard errors."""
WORSE = 1.5
"""A loss this many times that of guessing is worse than guessing."""

AHEAD = ", measured after the epoch,"
AHEAD_WHY = ": the training figure averages in the epoch's weak first steps"
FOLLOWS_WHY = ", so this is learning, not memorising"


@dataclass(frozen=True)
class Observation:
    """What one epoch did.

    Attributes:
        epoch: its number.
        text: one to three sentences.
        kinds: what was seen, in words for programs: ``learning``, ``plateau``, ``rise``, ``chance``, ``worse``,
            ``non-finite``, ``follows``, ``ahead``, ``gap``, ``memorising``, ``complete``.
    """

    epoch: int
    text: str
    kinds: tuple[str, ...]


def observations(trace: Trace) -> tuple[Observation, ...]:
    """One observation for each finished epoch.

    Each compares the epoch with guessing, with the epoch before, and with validation; the limits are the constants of
    this module. Training figures are averages over the epoch's steps, validation is measured after the last one.
    """
    found = []
    for index, epoch in enumerate(trace.epochs):
        previous = trace.epochs[index - 1] if index else None
        parts = _broken(epoch, previous) or [*_movement(trace, epoch, previous), *_validation(trace, index)]
        parts = [_shortened(part, found[-1] if found else None) for part in parts]
        found.append(Observation(epoch.number, " ".join(text for _, text in parts), tuple(kind for kind, _ in parts)))
    return tuple(found)


def _broken(epoch: Epoch, previous: Epoch | None) -> list[tuple[str, str]]:
    loss = epoch.metrics.get("loss", math.nan)
    if math.isfinite(loss):
        return []
    still = previous is not None and not math.isfinite(previous.metrics.get("loss", 0.0))
    if still:
        return [("non-finite", f"Loss is still {figure(loss)}; nothing can be learned from it.")]
    return [("non-finite", f"Loss became {figure(loss)}: the weights are broken from this epoch on.")]


def _movement(trace: Trace, epoch: Epoch, previous: Epoch | None) -> list[tuple[str, str]]:
    loss, accuracy = epoch.metrics["loss"], epoch.metrics.get("accuracy")
    guess = chance(trace)
    if loss > WORSE * guess.loss:
        return [("worse", _worse(loss, accuracy, guess, previous))]
    if loss > 0.9 * guess.loss and not better_than_chance(trace, epoch):
        return [("chance", _at_chance(trace, loss, accuracy, guess))]
    if previous is None or not math.isfinite(previous.metrics["loss"]):
        return [("learning", _first(trace, loss, accuracy, guess))]
    return [_change(epoch, previous), *_complete(accuracy, previous)]


def _first(trace: Trace, loss: float, accuracy: float | None, guess: Chance) -> str:
    where = "below" if loss < guess.loss else "near"
    text = f"Loss {figure(loss)} is {where} the {figure(guess.loss)} of guessing among {classes(trace)} classes"
    text += f" (ln {classes(trace)})"
    if accuracy is None:
        return f"{text}."
    times = f"{figure(accuracy / guess.share, 2)} times the {share(guess.share)} of chance"
    if occurring(trace) < classes(trace):
        times += f", as {occurring(trace)} of the classes occur"
    return f"{text}; accuracy {share(accuracy)} is {times}."


def _at_chance(trace: Trace, loss: float, accuracy: float | None, guess: Chance) -> str:
    text = f"Loss {figure(loss)} is that of guessing among {classes(trace)} classes (ln {classes(trace)} = "
    text += f"{figure(guess.loss, 4)})"
    if accuracy is None:
        return f"{text}: nothing was learned."
    return (
        f"{text}; accuracy {share(accuracy)} is within chance, as the most frequent class alone makes up "
        f"{share(guess.largest)}. Nothing was learned."
    )


def _worse(loss: float, accuracy: float | None, guess: Chance, previous: Epoch | None) -> str:
    text = f"Loss {figure(loss)} is {figure(loss / guess.loss, 2)} times the {figure(guess.loss)} of guessing"
    if previous is not None and math.isfinite(previous.metrics["loss"]):
        before = previous.metrics["loss"]
        text += f" (epoch {previous.number}: {figure(before)})"
    text += ": wrong answers are given with near certainty"
    return f"{text}, and {share(accuracy)} are right." if accuracy is not None else f"{text}."


def _change(epoch: Epoch, previous: Epoch) -> tuple[str, str]:
    before, now = previous.metrics["loss"], epoch.metrics["loss"]
    moved = (now - before) / before if before else 0.0
    figures = f"from {figure(before)} to {figure(now)}"
    accuracy, earlier = epoch.metrics.get("accuracy"), previous.metrics.get("accuracy")
    tail = ""
    if accuracy is not None and earlier is not None:
        tail = f", accuracy from {share(earlier)} to {share(accuracy)}"
    if abs(moved) < PLATEAU:
        return "plateau", f"Loss hardly moved, {figures} ({share(abs(moved))}){tail}."
    if moved > 0:
        return "rise", f"Loss rose {figures} ({share(moved)}){tail}: a step back."
    return "learning", f"Loss fell {figures} ({share(-moved)}){tail}."


def _complete(accuracy: float | None, previous: Epoch) -> list[tuple[str, str]]:
    if accuracy == 1.0 and previous.metrics.get("accuracy") != 1.0:
        return [("complete", "Every training row is now right.")]
    return []


def _validation(trace: Trace, index: int) -> list[tuple[str, str]]:
    metrics = trace.epochs[index].metrics
    value, accuracy, held_out = metrics.get("val_loss"), metrics.get("accuracy"), metrics.get("val_accuracy")
    if value is None or not better_than_chance(trace, trace.epochs[index]):
        return []
    if not math.isfinite(value):
        return [("non-finite", f"Validation loss is {figure(value)}.")]
    risen = _risen(trace, index, value)
    if risen:
        return [risen]
    if accuracy is None or held_out is None:
        return [("follows", f"Validation loss is {figure(value)}.")]
    rows = trace.run.data.validation_rows
    error = math.sqrt(max(held_out * (1 - held_out), 1 / rows) / rows)
    if accuracy - held_out > max(FAR, 3 * error):
        return [
            (
                "gap",
                f"Validation is at {share(held_out)}, {points(accuracy - held_out)} lower: part of this is memorised.",
            )
        ]
    if held_out - accuracy > max(FAR, 3 * error):
        return [("ahead", f"Validation{AHEAD} is ahead at {share(held_out)}{AHEAD_WHY}.")]
    return [("follows", f"Validation agrees at {share(held_out)}{FOLLOWS_WHY}.")]


def _shortened(part: tuple[str, str], previous: Observation | None) -> tuple[str, str]:
    """What was explained an epoch ago need not be explained again."""
    kind, text = part
    if previous is not None and kind in previous.kinds:
        for reason in (AHEAD, AHEAD_WHY, FOLLOWS_WHY):
            text = text.replace(reason, "")
    return kind, text


def _risen(trace: Trace, index: int, value: float) -> tuple[str, str] | None:
    best = best_validation(trace, index)
    if best is None or value <= best.metrics["val_loss"] * (1 + RISE):
        return None
    rose = f"Validation loss {figure(value)} is above its best, {figure(best.metrics['val_loss'])} in epoch {best.number}"
    epoch = trace.epochs[index]
    since = epoch.number - best.number
    if since >= 2 and epoch.metrics["loss"] < best.metrics["loss"]:
        return (
            "memorising",
            f"{rose}: for {counted(since, 'epoch')} the model has learned its training rows better and others worse, "
            "which is memorising.",
        )
    return "gap", f"{rose}."
