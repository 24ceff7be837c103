"""PT307 to PT310: the scale of targets, and poor outcomes whose cause no other rule may know."""

from collections.abc import Iterator

from pipetrace.explain.findings.finding import Evidence, Finding
from pipetrace.explain.findings.measured_run import NO_SKILL, MeasuredRun
from pipetrace.explain.findings.questions import (
    POOR,
    REGRESSION_LOSSES,
    margin,
    struggles,
)
from pipetrace.explain.findings.rule import RunRule, as_note
from pipetrace.explain.formatting import figure
from pipetrace.explain.headline import outcome
from pipetrace.explain.judgement import AT_CHANCE, WORSE
from pipetrace.trace.document import RUNNING
from pipetrace.trace.measurements import TRAINING, Outcome

LARGE_TARGETS = 30.0
"""Outputs start near 1 (Glorot). Adam moves a bias by at most its learning rate a step: 30 takes
30,000 steps at 0.001. A squared error of 30 standard deviations makes gradients thirty times the
usual."""
CONSTANT_OUTPUT = 0.02
"""Standard deviation of the outputs over that of the targets; with an R2 of 0.01 it is already a
tenth."""
CLEAR_BASELINE = 0.3
"""Skill of a baseline model, from which there surely is something to learn."""
LOSS_LEFT = 0.5
"""Part that is left of the loss before training."""


class TargetNotScaled(RunRule):
    code = "PT307"
    name = "target-not-scaled"
    category = "target_not_scaled"
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
        found = self.fault(
            *evidence,
            *run.how_well(),
            advice="Scale the targets to mean 0 and standard deviation 1 with the statistics of "
            "the training rows, and scale predictions back.",
            change="y = (y - y_train.mean()) / y_train.std()",
            confidence=margin(size, LARGE_TARGETS, 300.0),
        )
        yield found if struggles(run) else as_note(found)


class ConstantOutput(RunRule):
    code = "PT308"
    name = "constant-output"
    category = "constant_output"
    needs = ("stages", "outcomes")
    root_cause_of = ("PT309",)
    what = "The model outputs nearly the same for every row."
    why = "It predicts the most frequent class or the mean, and ignores the inputs."

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        outcome, skill = run.of(Outcome, TRAINING), run.skill(TRAINING)
        std, expected = outcome.std, outcome.target_std
        if not expected or std is None or (skill is not None and skill > NO_SKILL):
            return
        if std / (expected if outcome.r2 is not None else 0.5) > CONSTANT_OUTPUT:
            return
        yield self.fault(
            Evidence(
                f"Over {outcome.rows or 0:,} rows the outputs have a standard deviation of "
                f"{figure(std)}.",
                std,
                "measurements[outcome/training].std",
            ),
            *run.how_well(),
            advice="Find the first stage whose outputs do not differ between rows. Check its "
            "inputs and weights.",
            stage=run.output.stage if run.output else None,
            confidence=0.9,
        )


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
        found = self.fault(
            *evidence,
            advice="Train on 20 rows until all are right. If that fails, check the loss, the "
            "last activation and the learning rate.",
            confidence=0.7,
        )
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
            Evidence(
                f"On the same training rows the loss fell from {figure(start)} before training to "
                f"{figure(end)} after it, but the predictions are hardly better than chance.",
                end / start,
                f"measurements[loss/training, epoch {last}].loss",
            ),
            *run.how_well(),
            advice="Measure what you want (accuracy, balanced accuracy, R2) besides the loss, "
            "and check what the loss rewards.",
            confidence=0.7,
        )
