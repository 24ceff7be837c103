"""The one judgement of a run, shared by headline, observations, findings and insight so that they
never disagree."""

import math
from functools import reduce

from pipetrace.explain import metrics, task
from pipetrace.explain.balance import accuracy_at_chance, is_blind
from pipetrace.explain.cache import once
from pipetrace.explain.facts import train_rows, trained, validation_rows
from pipetrace.explain.fits import final_epoch, model_part, stretches
from pipetrace.explain.formatting import figure
from pipetrace.explain.metrics import VALIDATION, accuracy, validation_accuracy
from pipetrace.explain.other_rows import validates_on_other_rows
from pipetrace.trace.document import Epoch, Trace
from pipetrace.trace.measurements import TRAINING, Outcome
from pipetrace.trace.records import Record

# What an epoch's training did.
LEARNING, PLATEAU, RISE, FIRST = "learning", "plateau", "rise", "first"
AT_CHANCE, WORSE, UNMEASURED, NON_FINITE = "chance", "worse", "unmeasured", "non-finite"

# How an epoch's validation compares with its training, or with the validation of earlier epochs.
FOLLOWS, AHEAD, GAP, UNCLEAR = "follows", "ahead", "gap", "unclear"
TURNED, OVERFITTING, LOSS_ONLY = "turned", "overfitting", "validation"
MAJORITY, MODES, OTHER_ROWS = "majority", "modes", "other rows"

# What came of the run. It is WORSE or AT_CHANCE as an epoch is.
UNTRAINED, NO_EPOCH, BROKEN = "untrained", "no epoch", "broken"
BETTER, UNKNOWN = "better", "unknown"

PLATEAU_SHARE = 0.01
"""A loss that changed by less than this share has barely changed."""
RISE_SHARE = 0.02
"""A validation loss this share above its best has risen."""
WORSE_TIMES = 1.5
"""A loss this many times chance level is worse than chance."""
FAR = 0.05
"""Accuracies this far apart differ, if the difference also exceeds three standard errors."""
MODE_TIMES = 2.0
"""Loss of training rows in prediction mode over that in training mode, from which a validation loss
tells of the modes. Dropout and augmentation make that of training mode the higher one."""
TOO_UNSURE = 0.15
"""With three standard errors above this, there are too few validation rows to compare."""


class Chance(Record):
    """What a model reaches at chance level."""

    loss: float  # the cross-entropy of equal probabilities, ln(classes)
    largest: float  # the accuracy of always answering the most frequent class of the training rows
    # the cross-entropy of answering with the class frequencies of the training rows. No answer that
    # ignores the row has a lower one. At most ``loss``.
    frequencies: float
    # whether the classes are so uneven that sentences compare with ``frequencies``
    informed: bool

    @property
    def level(self) -> float:
        """The loss at chance level that sentences compare with."""
        return self.frequencies if self.informed else self.loss


@once
def chance(trace: Trace) -> Chance | None:
    """Chance level of this run.

    None where it is unknown: rows have no class, the loss is no cross-entropy or weighs classes,
    or the classes were not counted.
    """
    output, counts = task.only(trace), trace.run.data.class_counts
    if output is None or not output.of_classes:
        return None
    if output.loss not in task.CROSSENTROPIES & task.LOSSES_OF[output.what]:
        return None
    if not sum(counts) or output.classes < max(2, len(counts)) or trace.run.training.is_weighted:
        return None
    shares = [count / sum(counts) for count in counts if count]
    frequencies = -sum(each * math.log(each) for each in shares)
    equal, level = math.log(output.classes), accuracy_at_chance(trace)
    informed = frequencies < 0.9 * equal or bool(level and level.uneven)
    return Chance(equal, max(shares), frequencies, informed)


def luck(guess: Chance, rows: int) -> float:
    """The accuracy up to which an answer at chance level may come by luck on so many rows.

    It is that of the most frequent class plus three standard errors, sqrt(p (1 - p) / n).
    """
    largest = guess.largest
    return min(1.0, largest + 3 * math.sqrt(largest * (1 - largest) / max(1, rows)))


def better_than_chance(trace: Trace, epoch: Epoch) -> bool:
    """Whether an epoch is better than chance, or there is nothing to compare.

    One of these is enough: a training or a validation accuracy that luck does not reach on as many
    rows, one of training rows measured after the epoch, or a training loss a tenth below
    ``Chance.frequencies``.
    """
    guess, loss = chance(trace), epoch.metrics.get("loss")
    after = _after(trace, epoch)
    reached = (
        (accuracy(trace, epoch), train_rows(trace)),
        (validation_accuracy(trace, epoch), validation_rows(trace)),
        (after.accuracy, after.rows or 0),
    )
    if guess is None or (loss is None and all(share is None for share, _ in reached)):
        return True
    return any(share is not None and share > luck(guess, rows) for share, rows in reached) or (
        loss is not None and loss < 0.9 * guess.frequencies
    )


def _after(trace: Trace, epoch: Epoch) -> Outcome:
    """The outcome on training rows after an epoch; one without figures where it was not
    measured."""
    measured = trace.measurements
    at = epoch.number if measured.has(Outcome, TRAINING, epoch.number) else None
    return measured.of(Outcome, TRAINING, at) if at or epoch is final_epoch(trace) else Outcome()


class EpochJudgement(Record):
    """What one epoch did."""

    epoch: Epoch  # as it was recorded
    previous: Epoch | None  # the epoch before, where it has a finite loss to compare with
    training: str  # one of the kinds above, from ``learning`` to ``non-finite``
    complete: bool  # whether training accuracy reached 100 % in this epoch
    # one of the kinds above, from ``follows`` to ``other rows``, or ``non-finite``; None without
    # validation, or where training tells enough
    validation: str | None
    best: Epoch | None  # the epoch before this one with the lowest validation loss

    @property
    def kinds(self) -> tuple[str, ...]:
        """What was seen, in words for programs."""
        found = (self.training, "complete" if self.complete else None, self.validation)
        return tuple(kind for kind in found if kind)


def epochs(trace: Trace) -> tuple[EpochJudgement, ...]:
    """The judgement of each finished epoch, among those whose losses compare with its own."""
    return tuple(judged for part in stretches(trace) for judged in _of_stretch(part))


@once
def _of_stretch(trace: Trace) -> tuple[EpochJudgement, ...]:
    found: list[EpochJudgement] = []
    before: Epoch | None = None
    best: Epoch | None = None
    for epoch in trace.epochs:
        best = _better_validation(best, before)
        previous = before if before and metrics.finite([before.metrics.get("loss")]) else None
        training = _training(trace, epoch, previous)
        reached = accuracy(trace, epoch) == 1.0 and training in (LEARNING, PLATEAU, RISE, FIRST)
        complete = reached and not (previous and accuracy(trace, previous) == 1.0)
        validation = _validation(trace, epoch, training, best)
        found.append(EpochJudgement(epoch, previous, training, complete, validation, best))
        before = epoch
    return tuple(found)


def _training(trace: Trace, epoch: Epoch, previous: Epoch | None) -> str:
    loss, guess = epoch.metrics.get("loss"), chance(trace)
    if loss is None:
        return UNMEASURED
    if not math.isfinite(loss):
        return NON_FINITE
    if guess and loss > WORSE_TIMES * guess.loss:
        return WORSE
    if guess and not better_than_chance(trace, epoch):
        return AT_CHANCE
    if previous is None:
        return LEARNING if guess else FIRST
    return change(previous.metrics["loss"], loss)


def change(before: float, now: float) -> str:
    """How a loss moved: ``learning``, ``plateau`` or ``rise``. Both are finite."""
    # A share of a negative loss, such as a log-likelihood, means little: it is compared with the
    # larger of both.
    reference = before if before > 0 and now > 0 else max(abs(before), abs(now))
    if figure(before) == figure(now) or abs(now - before) < PLATEAU_SHARE * reference:
        return PLATEAU
    return LEARNING if now < before else RISE


def _validation(trace: Trace, epoch: Epoch, training: str, best: Epoch | None) -> str | None:
    value = epoch.metrics.get("val_loss")
    if training == NON_FINITE:
        return None
    if value is not None and not math.isfinite(value):
        return NON_FINITE
    if value is not None and validates_on_other_rows(trace):
        return OTHER_ROWS
    if value is None or training not in (LEARNING, PLATEAU, RISE, FIRST):
        return None
    if best is not None:
        lowest = best.metrics["val_loss"]
        if value - lowest > RISE_SHARE * abs(lowest) and figure(value) != figure(lowest):
            same, weighted = _after(trace, epoch).loss, trace.run.training.is_weighted
            if same is not None and not weighted and same >= MODE_TIMES * epoch.metrics["loss"]:
                return LOSS_ONLY  # in prediction mode training rows do badly too
            fell = epoch.metrics["loss"] < best.metrics.get("loss", -math.inf)
            return OVERFITTING if fell and epoch.number - best.number > 1 else TURNED
    return compared(trace, epoch) or LOSS_ONLY


def compared(trace: Trace, epoch: Epoch) -> str | None:
    """How an epoch's validation accuracy compares with its training accuracy.

    Returns:
        ``majority`` where it is no better than the most frequent class of uneven ones; ``modes``
        where it is far lower, but not than that of training rows in prediction mode; else ``gap``
        or ``ahead`` where it is far lower or higher, ``follows`` where it is close, ``unclear``
        where there are too few validation rows to tell; None where one was not measured.
    """
    ours, theirs = accuracy(trace, epoch), validation_accuracy(trace, epoch)
    if ours is None or theirs is None or math.isnan(ours - theirs) or not validation_rows(trace):
        return None
    if is_blind(trace, theirs):
        return MAJORITY
    majority = trace.measurements.of(Outcome, TRAINING).majority_share
    if majority is not None and ours <= majority + FAR:
        return None  # what is no better than chance level cannot be overfitting
    apart, error = ours - theirs, validation_error(trace, theirs)
    if apart > max(FAR, error):
        same = in_prediction_mode(trace, epoch)
        return MODES if same is not None and same - theirs <= max(FAR, error) else GAP
    if -apart > max(FAR, error):
        return AHEAD
    return FOLLOWS if abs(apart) <= FAR and error <= TOO_UNSURE else UNCLEAR


def in_prediction_mode(trace: Trace, epoch: Epoch) -> float | None:
    """The accuracy on training rows after an epoch, measured as validation is: the epoch's own is
    an average in training mode. None where that was not measured."""
    return _after(trace, epoch).accuracy


def validation_error(trace: Trace, value: float) -> float:
    """Three standard errors of a validation accuracy, sqrt(p (1 - p) / n), as if at least one row
    were wrong."""
    rows = max(1, validation_rows(trace))
    return 3 * math.sqrt(max(value * (1 - value), 1 / rows) / rows)


def best_validation(trace: Trace, upto: int | None = None) -> Epoch | None:
    """The epoch with the lowest finite validation loss, of all or of the first ``upto`` epochs."""
    return reduce(_better_validation, trace.epochs[:upto], None)


def _better_validation(best: Epoch | None, epoch: Epoch | None) -> Epoch | None:
    """The one of two epochs with the lower finite validation loss, the first if it is the same."""
    loss = math.nan if epoch is None else epoch.metrics.get("val_loss", math.nan)
    if not math.isfinite(loss):
        return best
    return epoch if best is None or loss < best.metrics["val_loss"] else best


def diverged(trace: Trace) -> Epoch | None:
    """The epoch from which on no loss is finite; otherwise the last one if its loss is far worse
    than chance."""
    found = None
    for epoch in reversed(trace.epochs):
        if math.isfinite(epoch.metrics.get("loss", 0.0)):
            break
        found = epoch
    last, guess = trace.epochs[-1] if trace.epochs else None, chance(trace)
    if found or last is None or guess is None or better_than_chance(trace, last):
        return found
    return last if last.metrics.get("loss", 0.0) > WORSE_TIMES * guess.loss else None


class Score(Record):
    """The figure by which the run is measured."""

    metric: str  # its name without ``val_``
    value: float  # after the last epoch
    validation: bool  # whether it was measured on the validation set
    rows: int  # on how many rows; 0 where that is unknown
    is_accuracy: bool  # whether it is the share of rows that are classified correctly


class Judgement(Record):
    """What came of a run."""

    # ``untrained``, ``no epoch``, ``broken`` (the loss ended as NaN or Inf), ``worse`` than chance,
    # at ``chance``, ``better`` than chance, or ``unknown`` where chance level is unknown
    outcome: str
    score: Score | None = None  # the figure to report; None where nothing was measured
    # the epoch from which on the loss is NaN or Inf, or worse than chance
    broken: Epoch | None = None
    # the last epoch that was better than chance, of a run that no longer is
    lost: Epoch | None = None
    best: Epoch | None = None  # the epoch with the lowest validation loss
    # the judgement of the last epoch, whose ``validation`` tells of overfitting
    last: EpochJudgement | None = None
    # how the loss moved in the last epoch: ``learning``, ``plateau`` or ``rise``; None where
    # unknown
    trend: str | None = None


@once
def judgement(trace: Trace) -> Judgement:
    """Judge a whole run by the model that it left, and the epochs that compare with its own."""
    if not trace.epochs:
        return Judgement(NO_EPOCH if trained(trace) else UNTRAINED)
    trace = model_part(trace)
    last, broken, lost = epochs(trace)[-1], diverged(trace), None
    if broken:
        outcome = WORSE if math.isfinite(broken.metrics["loss"]) else BROKEN
    elif not better_than_chance(trace, last.epoch) and _score(trace, last.epoch, AT_CHANCE):
        better = (epoch for epoch in reversed(trace.epochs) if better_than_chance(trace, epoch))
        outcome, lost = AT_CHANCE, next(better, None)
    else:
        known = chance(trace) is not None and better_than_chance(trace, last.epoch)
        outcome = BETTER if known else UNKNOWN
    trend = None
    if last.previous and metrics.finite([last.epoch.metrics.get("loss")]):
        trend = change(last.previous.metrics["loss"], last.epoch.metrics["loss"])
    best = best_validation(trace)
    return Judgement(outcome, _score(trace, last.epoch, outcome), broken, lost, best, last, trend)


def _score(trace: Trace, last: Epoch, outcome: str) -> Score | None:
    """Accuracy where there is one, else the first metric whose better way is known, else the
    loss."""
    name = metrics.accuracy_name(trace)
    names = [name] if name else []
    if task.only(trace) is not None and chance(trace) is None:
        names += metrics.main(trace)
    for each in (*names, "loss"):
        for validation, rows in ((True, validation_rows(trace)), (False, train_rows(trace))):
            key = f"{VALIDATION}{each}" if validation else each
            # At chance level the training loss decides, or an accuracy on a known number of rows.
            if outcome == AT_CHANCE and validation and (each == "loss" or not rows):
                continue
            if key in last.metrics:
                return Score(each, last.metrics[key], validation, rows, each == name)
    return None
