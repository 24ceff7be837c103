"""PT307 to PT310, PT323 and PT350: the scale of targets, losses and poor outcomes."""

import math
from collections.abc import Iterator
from dataclasses import replace

from pipetrace.explain import task
from pipetrace.explain.findings.finding import ERROR, WARNING, Evidence, Finding
from pipetrace.explain.findings.measured_run import NO_SKILL, MeasuredRun
from pipetrace.explain.findings.questions import (
    POOR,
    REGRESSION_LOSSES,
    margin,
    struggles,
    unrelated,
)
from pipetrace.explain.findings.rule import RunRule, as_note
from pipetrace.explain.formatting import figure
from pipetrace.explain.headline import outcome
from pipetrace.explain.judgement import AT_CHANCE, WORSE
from pipetrace.trace.document import RUNNING
from pipetrace.trace.measurements import LINEAR, TRAINING, ClassOutcome, LossPoint, Outcome

LARGE_TARGETS = 30.0
"""Outputs start near 1 (Glorot). Adam moves a bias by at most its learning rate a step: 30 takes
30,000 steps at 0.001. A squared error of 30 standard deviations makes gradients thirty times the
usual."""
CLEAR_BASELINE = 0.3
"""Skill of a baseline model, from which there surely is something to learn."""
FAR_BELOW_MEAN = -0.5
"""R2 of predictions that are further from the targets than their mean by half of the variance."""
CHANCE_ERRORS = 5.0
"""Standard errors of a balanced accuracy, beyond which it is not below chance level by chance."""
LOSS_LEFT = 0.5
"""Part that is left of the loss before training."""
STRETCHED = 0.1
"""Difference of the two, as a part of the larger one. Means in another order differ by far less."""


class TargetNotScaled(RunRule):
    code = "PT307"
    name = "target-not-scaled"
    needs = ("stages", "outcomes")
    root_cause_of = (*POOR, "PT401", "PT402", "PT404", "PT405", "PT406", "PT502")
    what = "The targets are far larger than the first outputs of a network, which are about 1."
    why = (
        "The last layer must grow by orders of magnitude first, and large errors make large "
        "gradients."
    )

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        output, outcome = run.output, run.first_outcome
        mean, std, start = outcome.target_mean, outcome.target_std, run.of(Outcome, TRAINING, 0)
        if output is None or output.loss not in REGRESSION_LOSSES or outcome.target_binary == 1:
            return
        if mean is None or std is None or max(abs(mean), std) < LARGE_TARGETS:
            return
        size = max(abs(mean), std)
        text = f"The targets have mean {figure(mean)} and standard deviation {figure(std)}."
        evidence = [Evidence(text, size, "measurements[outcome/training].target_mean")]
        if start.min is not None and start.max is not None:
            text = (
                f"Before training the outputs were from {figure(start.min)} to {figure(start.max)}."
            )
            place = "measurements[outcome/training, epoch 0].max"
            evidence.append(Evidence(text, start.max, place))
        found = self.shown(
            *evidence,
            *run.how_well(),
            advice="Scale the targets to mean 0 and standard deviation 1 with the statistics of "
            "the training rows, and scale predictions back.",
            change="y = (y - y_train.mean()) / y_train.std()",
            confidence=margin(size, LARGE_TARGETS, 300.0),
        )
        yield found if struggles(run) else as_note(found)


class LossSign(RunRule):
    code = "PT323"
    name = "loss-sign"
    level = ERROR
    needs = ("stages", "epochs", "outcomes", "class outcomes", "losses")
    root_cause_of = (*POOR, "PT110", "PT201", "PT302", "PT305", "PT402", "PT405", "PT502")
    what = "The lower the loss, the worse the predictions: they end far below chance level."
    why = "Training lowers the loss, so it drives the model away from the targets."

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        epochs = sorted(each for each in run.epochs_of(Outcome, TRAINING) if each is not None)
        output = run.output
        if output is None or output.loss in task.KNOWN_LOSSES or len(epochs) < 2:
            return
        first, last = (run.of(Outcome, TRAINING, each) for each in (epochs[0], epochs[-1]))
        course = run.course(LossPoint, TRAINING, lambda each: each.loss)
        known = [course[each] for each in sorted(course)]
        if len(known) < 2 or not known[-1] < known[0]:
            return
        skills = [run.skill(TRAINING, each) for each in (epochs[0], epochs[-1])]
        if None in skills or (skills[1] or 0.0) >= (skills[0] or 0.0):
            return
        if last.balanced_accuracy is not None:
            worse = _below_chance(run, last)
            value, start = last.balanced_accuracy, first.balanced_accuracy or 0.0
            what, chance = "the balanced accuracy", 1 / (last.classes_present or 2)
        else:
            # Scores of another scale than the targets have a poor R2 without being wrong.
            bounded = run.last_activation in ("sigmoid", "softmax", "hard_sigmoid")
            value, start = last.r2 or 0.0, first.r2 or 0.0
            worse, what, chance = bounded and value < FAR_BELOW_MEAN, "R2", 0.0
        if not worse:
            return
        yield self.fault(
            f"While the loss fell from {figure(known[0])} to {figure(known[-1])}, {what} on "
            f"training rows went from {figure(start)} to {figure(value)}; chance level is "
            f"{figure(chance)}.",
            value,
            f"measurements[outcome/training, epoch {epochs[-1]}]",
            *run.how_well(),
            advice="Check the sign of your loss: a score that is better when higher, such as Dice "
            "or IoU, must be subtracted from 1.",
            change="return 1 - dice(y_true, y_pred)",
            confidence=0.95,
        )


def _below_chance(run: MeasuredRun, outcome: Outcome) -> bool:
    """Whether less than half as many are right as by chance, and that is no chance."""
    classes, value = outcome.classes_present or 0, outcome.balanced_accuracy or 0.0
    names = [each for each in run.names(ClassOutcome) if each.startswith(f"{TRAINING}/")]
    rows = [count for each in names if (count := run.of(ClassOutcome, each).rows)]
    if classes < 2 or not rows or value >= 0.5 / classes:
        return False
    chance = 1 / classes
    error = math.sqrt(chance * (1 - chance) * sum(1 / count for count in rows)) / len(rows)
    return chance - value > CHANCE_ERRORS * error


class NotLearning(RunRule):
    code = "PT309"
    name = "not-learning"
    category = "no_learning"
    needs = ("stages", "epochs", "outcomes", "baseline models")
    what = (
        "The model is at chance level or worse, or hardly better while a baseline model clearly "
        "is. It is a note while the run goes on, where no baseline model learns either, or where "
        "there are too few rows to tell."
    )
    why = "The model does not use its inputs: the network, its training or the rows are at fault."

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        trace, skill, attainable = run.trace, run.skill(TRAINING), run.attainable
        judged = run.outcome in (AT_CHANCE, WORSE)
        behind = attainable is not None and attainable >= CLEAR_BASELINE
        unlearned = skill is not None and skill < NO_SKILL and behind and bool(trace.epochs)
        if not judged and not unlearned:
            return
        evidence = run.how_well()
        if judged:
            evidence.insert(0, Evidence(outcome(trace), None, f"epochs[{run.last_epoch}].metrics"))
        advice = (
            "Train on 20 rows until all are right. If that fails, check the loss, the last "
            "activation and the learning rate."
        )
        if unrelated(run):
            text = (
                "Neither the model nor the baseline models do better than chance level: as far as "
                "they can tell, nothing relates inputs and targets."
            )
            place = f"measurements[baseline_model/{LINEAR}]"
            evidence.insert(0, Evidence(text, attainable, place))
            advice = (
                "Check that each row has its own target (shuffle, sort and join inputs and targets "
                "together), and that the inputs say something about it."
            )
        found = self.shown(*evidence, advice=advice, confidence=0.7)
        unclear = trace.ending.kind == RUNNING or not (unlearned or struggles(run))
        yield as_note(found) if unclear else found


class LossFallsWithoutLearning(RunRule):
    code = "PT310"
    name = "loss-falls-without-learning"
    category = "loss_mismatch"
    needs = ("stages", "epochs", "outcomes", "losses")
    root_cause_of = ("PT308", "PT309")
    what = "The loss fell to less than half, but the predictions are hardly better than chance."
    why = (
        "The loss then measures something other than what you want, such as a class that is "
        "always predicted."
    )

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        last, skill = run.last_epoch, run.skill(TRAINING)
        start, end = run.loss_at(0), run.loss_at(last)
        if start is None or end is None or skill is None or not last or not struggles(run):
            return
        if not start > 0 or not end < LOSS_LEFT * start or skill >= NO_SKILL:
            return
        # R2 is made of the squared error: far from the mean of the targets it falls and R2 stays.
        if run.output is not None and run.output.loss in REGRESSION_LOSSES:
            return
        yield self.fault(
            f"On the same training rows the loss fell from {figure(start)} before training to "
            f"{figure(end)} after it, but the predictions are hardly better than chance.",
            end / start,
            f"measurements[loss/training, epoch {last}].loss",
            *run.how_well(),
            advice="Measure what you want (accuracy, balanced accuracy, R2) besides the loss, "
            "and check what the loss rewards.",
            confidence=0.7,
        )


class StretchedLoss(RunRule):
    code = "PT350"
    name = "stretched-loss"
    category = "loss_broadcast"
    level = ERROR
    needs = ("stages", "outcomes", "baseline models")
    root_cause_of = ("PT308", "PT309", "PT310", "PT402", "PT404", "PT502")
    what = "A loss of your own compares each target with the outputs of all rows of the batch."
    why = (
        "Targets (rows,) and outputs (rows, 1) are stretched to (rows, rows), and then the loss is "
        "least where every row has the same output."
    )

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        yield from self._in_own_step(run)
        for epoch in run.trace.measurements.epochs(Outcome, TRAINING):
            outcome = run.of(Outcome, TRAINING, epoch)
            batch, rows, skill = outcome.batch_loss, outcome.row_losses, run.skill(TRAINING)
            if batch is None or rows is None or skill is None or skill >= NO_SKILL:
                continue
            # Losses that compare rows on purpose get targets with as many axes as the outputs.
            if abs(batch - rows) <= STRETCHED * max(abs(rows), abs(batch)):
                continue
            output = run.output
            yield self.fault(
                f"The loss of a few rows is {figure(batch)} together, and {figure(rows)} on "
                "average alone; their targets have fewer axes than the outputs.",
                batch,
                f"measurements[outcome/{TRAINING}].batch_loss",
                *run.how_well(),
                advice="Give the targets the shape of the outputs.",
                stage=output.stage if output else None,
                change="y = y.reshape(-1, 1)",
            )
            return

    def _in_own_step(self, run: MeasuredRun) -> Iterator[Finding]:
        """The same within a training step, whose loss cannot be computed of other rows."""
        output, skill = run.output, run.skill(TRAINING)
        target = output.target if output is not None else None
        if output is None or target is None or run.trace.run.training.losses:
            return
        if len(target.shape) != 1 or output.shape[1:] != (1,):
            return
        # Whoever reshapes them in the step learns something.
        if skill is None or skill >= NO_SKILL or (run.attainable or 0.0) < CLEAR_BASELINE:
            return
        found = self.fault(
            "The targets of a batch have the shape (rows,), its outputs (rows, 1), and the "
            "training step computes a loss of its own.",
            None,
            "run.data.targets[0].shape",
            *run.how_well(),
            advice="Give the targets the shape of the outputs: y - y_pred has the shape "
            "(rows, rows) otherwise.",
            stage=output.stage,
            change="y = y.reshape(-1, 1)",
            confidence=0.7,
        )
        yield replace(found, level=WARNING)
