"""PT501 and PT503 to PT506: overfitting, regularization, and the rows of a training."""

import math
from collections.abc import Iterator

from pipetrace.explain.facts import train_rows
from pipetrace.explain.findings.finding import Evidence, Finding
from pipetrace.explain.findings.measured_run import MeasuredRun
from pipetrace.explain.findings.questions import POOR, margin, underfits
from pipetrace.explain.findings.rule import RunRule, as_note
from pipetrace.explain.formatting import figure, share
from pipetrace.explain.judgement import AHEAD, FOLLOWS, GAP, OVERFITTING, judgement
from pipetrace.explain.metrics import accuracy, accuracy_name, validation_accuracy
from pipetrace.trace.document import Epoch
from pipetrace.trace.measurements import (
    TRAINING,
    VALIDATION,
    DatasetCheck,
    Gradient,
    LossPoint,
    Outcome,
    Update,
)

VALIDATION_RISE, RISING_EPOCHS = 0.25, 3
"""Rise of the validation loss above its best, and the epochs that it lasts. With some hundred rows
it varies by a few percent from epoch to epoch."""
RISE_OF_START = 0.1
"""The rise relative to the loss before training: twice of nearly nothing is nearly nothing."""
PENALTY_SHARE = 0.5
"""Part of the loss that is penalty, before training or in the median over the epochs."""
DROPOUT_RATE = 0.5
"""Best for hidden units, and the highest rate, in Srivastava et al. (2014)."""
LEAKED_ROWS = 0.05
"""Share of validation rows; fewer change a metric by less than its error on a few hundred rows."""
DISTINCT_ROWS = 0.9
"""If fewer training rows are distinct, new rows repeat old ones by chance."""
LEARNED, SKILL_GAP = 0.8, 0.2
"""Skill on training rows, and how far that on validation rows is below it."""
ROWS_PER_CLASS = 20
"""Few rows for a class; for a regression five times as many are few."""


class Overfitting(RunRule):
    code = "PT501"
    name = "overfitting"
    needs = ("stages", "epochs")
    root_cause_of = POOR
    what = (
        "The validation loss rose far above its best while the training loss kept falling. A "
        "smaller rise, or validation accuracy far below that of training, is a note."
    )
    why = "After its best epoch, the model overfits: the weights of that epoch are better."

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        judged = judgement(run.trace)
        seen = judged.last.validation if judged.last else None
        if seen == OVERFITTING and judged.best is not None:
            yield from self._rose(run, judged.best)
        elif seen == GAP and judged.last is not None:
            yield from self._apart(run, judged.last.epoch)

    def _rose(self, run: MeasuredRun, best: Epoch) -> Iterator[Finding]:
        epochs = run.trace.epochs
        late = [epoch for epoch in epochs if epoch.number > best.number]
        held = [epoch.metrics.get("val_loss", math.nan) for epoch in late]
        lowest, number = best.metrics["val_loss"], best.number
        # The lowest of the last epochs, so that one bad epoch at the end is not enough.
        low, start = min(held[-RISING_EPOCHS:]), run.loss_at(0)
        rise = low / lowest - 1 if lowest > 0 else 0.0
        first = epochs[0].metrics.get("val_loss", 0.0)
        before = max(first, start if start is not None and math.isfinite(start) else 0.0)
        found = self.fault(
            f"The validation loss was best in epoch {number} ({figure(lowest)}) and is "
            f"{figure(held[-1])} at the end.",
            rise,
            f"epochs[{number}].metrics[val_loss]",
            Evidence(
                f"Meanwhile the training loss fell from {figure(best.metrics['loss'])} to "
                f"{figure(epochs[-1].metrics['loss'])}.",
                epochs[-1].metrics["loss"],
                f"epochs[{run.last_epoch}].metrics[loss]",
            ),
            advice=f"Stop at the best epoch and use its weights (epoch {number}). Or add Dropout, "
            "weight decay or more rows.",
            epochs=[epoch.number for epoch in late],
            change="keras.callbacks.EarlyStopping(patience=3, restore_best_weights=True)",
            confidence=margin(rise, VALIDATION_RISE, 0.6),
        )
        far = rise >= VALIDATION_RISE and low - lowest >= RISE_OF_START * before
        lasts = len(held) >= RISING_EPOCHS and all(map(math.isfinite, held))
        stops = any(each.name == "EarlyStopping" for each in run.trace.run.training.callbacks)
        yield found if far and lasts and not stops else as_note(found)

    def _apart(self, run: MeasuredRun, last: Epoch) -> Iterator[Finding]:
        ours, theirs = accuracy(run.trace, last), validation_accuracy(run.trace, last)
        if ours is None or theirs is None:
            return
        text = f"Training accuracy is {share(ours)}, validation accuracy {share(theirs)}."
        place = f"epochs[{last.number}].metrics[val_{accuracy_name(run.trace)}]"
        found = self.fault(
            text,
            ours - theirs,
            place,
            advice="Collect or augment rows, or add Dropout or weight decay.",
            epochs=[last.number],
        )
        yield as_note(found)


class RegularisationTooStrong(RunRule):
    code = "PT503"
    name = "regularisation-too-strong"
    needs = ("stages", "outcomes", "losses")
    root_cause_of = (*POOR, "PT201", "PT401", "PT402", "PT405", "PT502", "PT604")
    what = "Penalties on weights make up most of the loss, and the model learns little."
    why = "Training makes the weights small instead of making the predictions right."

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        losses = run.course(LossPoint, TRAINING, lambda each: each.loss)
        penalties = run.course(LossPoint, TRAINING, lambda each: each.penalty)
        parts = {
            epoch: penalties[epoch] / loss
            for epoch, loss in losses.items()
            if loss > 0 and epoch in penalties
        }
        if not parts or not underfits(run):
            return
        # A strong penalty soon becomes small itself, since it leaves no weights.
        first, middle = parts.get(0, 0.0), sorted(parts.values())[len(parts) // 2]
        part = max(first, middle)
        if part < PENALTY_SHARE:
            return
        when = "before training" if part == first else "in the median over the epochs"
        text = f"Penalties make up {share(part)} of the loss ({when})."
        evidence, stage = [Evidence(text, part, "measurements[loss/training].penalty")], None
        norms = {name: _penalty_norm(run, name) for name in run.kernels}
        name = next((each for each, norm in norms.items() if norm > 0), None)
        if name is not None:
            stage = run.owner(name)
            text = f"The gradient of the penalty on {name} has a norm of {figure(norms[name])}."
            place = f"measurements[gradient/{name}].penalty_norm"
            evidence.append(Evidence(text, norms[name], place))
        yield self.shown(
            *evidence,
            *run.how_well(),
            advice="Weaken the regularizers by a factor of 100, or remove them. Raise them again "
            "once the model learns its training rows.",
            stage=stage,
            change="kernel_regularizer=keras.regularizers.L2(1e-4)",
            confidence=margin(part, PENALTY_SHARE, 0.9),
        )


class DropoutTooHigh(RunRule):
    code = "PT504"
    name = "dropout-too-high"
    needs = ("stages", "outcomes")
    root_cause_of = (*POOR, "PT201", "PT502")
    what = "A Dropout rate is above 0.5, and the model underfits its own training rows."
    why = "At rate p the noise has p / (1 - p) times the power of the signal: 4 times at 0.8."

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        rates = {
            stage.name: float(rate)
            for stage in run.layers
            if "ropout" in (stage.layer or "")
            and isinstance(rate := stage.config.get("rate"), (int, float))
            and rate > DROPOUT_RATE
        }
        if not rates or not underfits(run):
            return
        name, rate = next(iter(rates.items()))
        text = f"{name} drops {share(rate)} of its values."
        if len(rates) > 1:
            kept = math.prod(1 - each for each in rates.values())
            text = f"{text[:-1]}; the {len(rates)} such layers together keep {share(kept)}."
        yield self.fault(
            text,
            rate,
            f"stages[{name}].config.rate",
            *run.how_well(),
            advice="Remove Dropout until the model learns its training rows. Then use 0.2 to 0.5.",
            stage=name,
            change=f"keras.layers.{run.stage(name).layer}(0.2)",
            confidence=margin(rate, DROPOUT_RATE, 0.8),
        )


class ValidationLeak(RunRule):
    code = "PT505"
    name = "validation-leak"
    needs = ("stages", "training rows", "validation rows")
    root_cause_of = POOR
    what = "Validation rows are also in the training set."
    why = "Validation then measures overfitting as success, not how the model does on new rows."

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        ours, theirs = run.of(DatasetCheck, TRAINING), run.of(DatasetCheck, VALIDATION)
        rows, distinct, now = ours.rows, ours.distinct, theirs.seen_in_training or 0.0
        before = theirs.seen_in_earlier_fits or 0.0
        seen, earlier = max(now, before), now < LEAKED_ROWS
        if not rows or distinct is None or seen < LEAKED_ROWS:
            return
        # If the rows cover all that is possible, as for XOR, validation rows cannot be others.
        possible = math.inf if ours.possible_rows is None else ours.possible_rows
        if distinct >= 0.5 * possible or distinct < DISTINCT_ROWS * rows:
            return
        place = "measurements[dataset_check"
        yield self.fault(
            f"{share(seen)} of the {theirs.rows or 0:,} validation rows are also training "
            f"rows{' of an earlier fit of this model' if earlier else ''}.",
            seen,
            f"{place}/validation].seen_in_{'earlier_fits' if earlier else 'training'}",
            Evidence(
                f"{distinct:,} of the {rows:,} training rows are distinct, so this is not chance.",
                distinct / rows,
                f"{place}/training].distinct",
            ),
            advice="Make and compile a new model for each split of the rows."
            if earlier
            else "Split the rows once, before you copy, oversample or augment any. Validate on the "
            "other part only.",
            confidence=margin(seen, LEAKED_ROWS, 0.3),
        )


class TooLittleData(RunRule):
    code = "PT506"
    name = "too-little-data"
    needs = ("stages", "outcomes")
    root_cause_of = (*POOR, "PT501")
    what = "The model learns the few training rows but not the validation rows."
    why = "The model also learns what a few rows have in common by chance."

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        own, held, rows = run.skill(TRAINING), run.skill(VALIDATION), train_rows(run.trace)
        if own is None or held is None or own < LEARNED or own - held < SKILL_GAP or not rows:
            return
        last = judgement(run.trace).last
        if last is not None and last.validation in (FOLLOWS, AHEAD):
            return
        classes = run.of(Outcome, TRAINING).classes_present
        if rows > ROWS_PER_CLASS * (classes or 5):
            return
        each = f", {rows / classes:.0f} for each class" if classes else ""
        yield self.fault(
            f"There are {rows:,} training rows{each}.",
            float(rows),
            "run.data.rows",
            Evidence(
                f"Skill is {figure(own)} on training rows and {figure(held)} on validation rows "
                "(0: chance level, 1: perfect).",
                own - held,
                "measurements[outcome/validation]",
            ),
            *run.how_well(),
            advice="Collect or augment rows, fine-tune a pretrained model, or use a much smaller "
            "one.",
            confidence=0.75,
        )


def _penalty_norm(run: MeasuredRun, name: str) -> float:
    """The first measured gradient norm of the penalty; 0 if there is none."""
    course = run.course(Gradient, name, lambda each: each.penalty_norm)
    norms = run.course(Update, name, lambda each: each.weight_norm)
    return next((value for epoch, value in course.items() if norms.get(epoch, not epoch)), 0.0)
