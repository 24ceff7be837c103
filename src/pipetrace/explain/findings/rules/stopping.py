"""PT502, PT520, PT521 and PT801: when and how training stopped, and with which weights."""

import math
import re
from collections.abc import Iterator
from dataclasses import replace

from pipetrace.explain.facts import trained, updates
from pipetrace.explain.findings.finding import ERROR, NOTE, Evidence, Finding
from pipetrace.explain.findings.measured_run import NO_SKILL, MeasuredRun
from pipetrace.explain.findings.pace import (
    MOST_TIMES,
    SHORT_TRAINING,
    UNMOVED,
    distance_moved,
    epochs_left,
    gets_worse,
    is_short,
    median,
    moving_steadily,
    stands_still,
    still_falling,
)
from pipetrace.explain.findings.questions import POOR, underfits
from pipetrace.explain.findings.rule import RunRule, as_note
from pipetrace.explain.fits import final_epoch
from pipetrace.explain.formatting import counted, figure, share
from pipetrace.explain.headline import shortened, status
from pipetrace.explain.metrics import (
    FALLS,
    RISES,
    VALIDATION,
    accuracy_name,
    direction,
    written,
)
from pipetrace.trace.document import FAILED, FINISHED, INTERRUPTED, RUNNING, STOPPED, Epoch
from pipetrace.trace.measurements import TRAINING, Outcome
from pipetrace.trace.measurements import VALIDATION as VALIDATION_ROWS
from pipetrace.trace.training import Callback

FEWEST_TIMES = 2
"""Times as many epochs as there were that are worth a try, at least."""
HALF_LEARNED = 0.5
"""Skill on the training rows, from which the length of a training may be intended."""
WORSE_SHARE, WORSE_PART = 0.05, 0.1
"""Difference of two shares, or of two other values relative to the better one, that is no noise of
some hundred rows: three standard errors of a share of 80 % of 500 rows."""
DISCRIMINATOR = re.compile(r"(^|_)(d|disc|discriminator|critic)_loss$")
GENERATOR = re.compile(r"(^|_)(g|gen|generator)_loss$")
WON, LOST = 0.05, 3.0
"""Cross-entropies. At the balance a discriminator is right as often as wrong, ln 2 = 0.69 a row.
With 0.05 it gives 95 % to the truth; the other side then has -ln(0.05) = 3.0."""
LAST_PART = 4
"""The last quarter of the epochs is judged by its median."""


class TooFewEpochs(RunRule):
    code = "PT502"
    name = "too-few-epochs"
    needs = ("stages", "epochs", "outcomes", "losses", "weight updates", "baseline models")
    root_cause_of = POOR
    what = (
        "Training ended while the loss was still falling, and the model still underfits. It is a "
        "note where few updates have already led somewhere."
    )
    why = "More epochs would improve it at no other cost than time."

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        moved, made, epochs = distance_moved(run), updates(run.trace), len(run.trace.epochs)
        short = is_short(run)
        falling = still_falling(run) or (moving_steadily(run) if short else None)
        if falling is None or stands_still(run) or gets_worse(run):
            return
        if (moved is None or moved[0] < UNMOVED) and not short:
            return
        if not underfits(run) or run.broken or run.trace.ending.kind == FAILED:
            return
        skill = run.skill(TRAINING)
        if skill is not None and skill >= (NO_SKILL if run.rebuilds else HALF_LEARNED):
            return
        done = []
        if made is not None:
            text = f"There were {counted(made, 'weight update')}."
            done = [Evidence(text, float(made), "epochs[].steps")]
        text = (
            f"After {counted(epochs, 'epoch')} the loss was still falling, and the model "
            "underfits its training rows."
        )
        found = self.fault(
            text,
            float(epochs),
            "epochs",
            falling,
            *done,
            *run.how_well(),
            advice="Train for more epochs, until the validation loss stops falling.",
            change=f"model.fit(..., epochs={_epochs_wanted(run)})",
            confidence=0.75,
        )
        # A few steps that led somewhere are a beginning; without any skill they led nowhere yet.
        few = made is not None and made < SHORT_TRAINING
        begun = few and skill is not None and skill >= NO_SKILL
        yield as_note(found) if begun else found


class WorseWeightsLeft(RunRule):
    code = "PT520"
    name = "worse-weights-left"
    category = "early_stopping"
    needs = ("stages", "epochs", "outcomes")
    root_cause_of = (*POOR, "PT321", "PT501", "PT502")
    what = "A callback brought back, or stopped at, an epoch that is worse than others."
    why = "The model that is left is not the best that this training had."

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        epochs, final = run.trace.epochs, final_epoch(run.whole)
        wrong = next(filter(_is_turned, run.trace.run.training.callbacks), None)
        evidence = []
        if final is not None and epochs and final is not epochs[-1]:
            evidence = _worse(final, epochs[-1])
        elif final is None and epochs:
            evidence = _below_last(run)
        if wrong is not None and (evidence or run.trace.ending.kind == STOPPED):
            settings = wrong.settings
            text = (
                f"{wrong.name} monitors {settings['monitor']} with mode {settings['mode']!r}, "
                "which takes the worst epoch for the best."
            )
            evidence.append(Evidence(text, None, "run.training.callbacks"))
        if not evidence:
            return
        change = "model.load_weights('best.weights.h5')"
        if wrong is not None:
            mode = "max" if wrong.settings["mode"] == "min" else "min"
            monitor = wrong.settings["monitor"]
            change = f"keras.callbacks.{wrong.name}(monitor={monitor!r}, mode={mode!r})"
        yield self.shown(
            *evidence,
            advice="Set the mode of the callback by what is better for its metric, or load the "
            "weights of a better epoch.",
            epochs=[final.number] if final is not None else [],
            change=change,
            confidence=0.95 if wrong is not None else 0.8,
        )


class AdversaryWon(RunRule):
    code = "PT521"
    name = "adversary-won"
    category = "gan_balance"
    needs = ("epochs",)
    root_cause_of = POOR
    what = (
        "Of a generator and a discriminator one has won: its loss is near 0, the other's is high."
    )
    why = "The winner is always right, so the other gets no gradient that it could learn from."

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        epochs = run.trace.epochs
        names = [*epochs[-1].metrics] if epochs else []
        first = next(filter(DISCRIMINATOR.search, names), None)
        second = next(filter(GENERATOR.search, names), None)
        if first is None or second is None:
            return
        some = epochs[-max(1, len(epochs) // LAST_PART) :]
        sides = {
            name: median([each.metrics.get(name, float("nan")) for each in some])
            for name in (first, second)
        }
        # Wasserstein losses have no such scale, and are negative sooner or later.
        if min(each.metrics.get(name, 0.0) for each in epochs for name in sides) < 0:
            return
        winner = min(sides, key=lambda name: sides[name])
        loser = second if winner == first else first
        if not sides[winner] < WON or not sides[loser] > LOST:
            return
        yield self.fault(
            f"{winner} is {figure(sides[winner])} at the end, {loser} is {figure(sides[loser])}.",
            sides[winner],
            f"epochs[{run.last_epoch}].metrics[{winner}]",
            advice="Slow the winner down: a learning rate several times smaller, fewer steps, "
            "Dropout or label smoothing; or use a Wasserstein loss with a gradient penalty.",
            epochs=[each.number for each in some],
            change=f"keras.optimizers.Adam(2e-5, beta_1=0.5)  # the one behind {winner}",
            confidence=0.8,
        )


def _is_turned(callback: Callback) -> bool:
    """Whether a callback takes what is worse for better."""
    monitor, mode = callback.settings.get("monitor"), callback.settings.get("mode")
    better = direction(str(monitor)) if monitor else None
    return (better, mode) in ((RISES, "min"), (FALLS, "max"))


def _worse(one: Epoch, other: Epoch) -> list[Evidence]:
    """That an epoch is worse than another by all its metrics whose better way is known.

    Where there are validation metrics, only those count: an epoch that is the best by one of them
    may be worse by another.
    """
    names = [name for name in one.metrics if name in other.metrics and direction(name)]
    names = [name for name in names if name.startswith(VALIDATION)] or names
    found, clear = [], False
    for name in names:
        before, after = one.metrics[name], other.metrics[name]
        is_share = written(name, after).endswith("%")
        lost = after - before if direction(name) == RISES else before - after
        if not lost > 0:
            return []
        clear = clear or lost > (WORSE_SHARE if is_share else WORSE_PART * abs(after))
        text = (
            f"The weights of epoch {one.number} are left: {name} was {written(name, before)}, and "
            f"{written(name, after)} in epoch {other.number}."
        )
        found.append(Evidence(text, before, f"epochs[{one.number}].metrics[{name}]"))
    return found if clear else []


def _below_last(run: MeasuredRun) -> list[Evidence]:
    """That the model that is left is worse than after the last epoch, whatever it is of."""
    name, measured = accuracy_name(run.trace), run.of(Outcome, VALIDATION_ROWS).accuracy
    last = run.trace.epochs[-1]
    reported = last.metrics.get(f"{VALIDATION}{name}") if name else None
    if reported is None or measured is None or reported - measured <= WORSE_SHARE:
        return []
    text = (
        f"Validation accuracy of the model that is left is {share(measured)}; after epoch "
        f"{last.number} it was {share(reported)}."
    )
    return [Evidence(text, measured, "measurements[outcome/validation].accuracy")]


def _epochs_wanted(run: MeasuredRun) -> int:
    """How many epochs are worth a try, in two digits, by how fast the loss falls."""
    done = len(run.trace.epochs)
    left = epochs_left(run)
    most = MOST_TIMES * done
    wanted = most if left is None else min(max(math.ceil(done + left), FEWEST_TIMES * done), most)
    unit: int = 10 ** max(0, len(str(wanted)) - 2)
    return -(-wanted // unit) * unit


ADVICE = {
    FAILED: "Correct the error, then train again.",
    INTERRUPTED: "Train again, for as many epochs as you want.",
    RUNNING: "Check again when it has finished.",
    FINISHED: "Check that the data gives batches and that epochs are left to train.",
    STOPPED: "Check the callback that stopped it.",
}
KILLED_ADVICE = "See what ended the process, such as lack of memory, then train again."


class RunNotFinished(RunRule):
    code = "PT801"
    name = "run-not-finished"
    level = ERROR
    root_cause_of = (*POOR, "PT502")
    what = (
        "The run failed, was killed or interrupted, or finished no epoch. A run that is still "
        "going on is a note."
    )
    why = "The trace holds only part of the run: its model is not the one that you wanted."

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        trace, ending = run.whole, run.whole.ending
        done = len(trace.epochs)
        if ending.kind in (FINISHED, STOPPED) and (done or not trained(trace)):
            return
        evidence = [Evidence(f"{status(trace)}.", float(done), "epochs")]
        if ending.error:
            evidence.append(Evidence(shortened(ending.error), None, "ending.error"))
        found = self.shown(
            *evidence,
            advice=ADVICE.get(ending.kind, KILLED_ADVICE),
            stage=ending.stage,
            epochs=[ending.epoch] if ending.epoch else [],
        )
        yield replace(found, level=NOTE) if ending.kind == RUNNING else found
