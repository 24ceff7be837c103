"""PT308 to PT310: what only says that the outcome is poor, where no rule says why."""

from collections.abc import Iterator

from pipetrace.explain.findings.figures import NO_SKILL, figures_of
from pipetrace.explain.findings.finding import Evidence, Finding
from pipetrace.explain.findings.rule import Rule
from pipetrace.explain.text import figure
from pipetrace.trace.document import Trace
from pipetrace.trace.measurements import TRAINING, Outcome


class ConstantOutput(Rule):
    """The same prediction for every row."""

    code = "PT308"
    name = "constant-output"
    category = "constant_output"
    needs = ("stages", "outcomes")
    root_cause_of = ("PT309",)
    what = "The model gives nearly the same for every row."
    why = "It tells what is most frequent or the mean, and uses nothing of the inputs."

    PART = 0.02
    """Spread over the rows as a part of what is to be told; a model as poor as R2 0.01 already spreads by a tenth."""

    def check(self, trace: Trace) -> Iterator[Finding]:
        facts = figures_of(trace)
        outcome, skill = facts.of(Outcome, TRAINING), facts.skill(TRAINING)
        if (
            not outcome.target_std
            or outcome.std is None
            or (skill is not None and skill > NO_SKILL)
        ):
            return
        part = outcome.std / (outcome.target_std if outcome.r2 is not None else 0.5)
        if part > self.PART:
            return
        place = facts.output.stage if facts.output else None
        text = (
            f"Over {outcome.rows or 0:,} rows the outputs differ by a "
            f"standard deviation of {figure(outcome.std)}."
        )
        yield self.found(
            text,
            [
                Evidence(text, outcome.std, "measurements[outcome/training].std"),
                *facts.how_well(),
            ],
            "Look for the first stage whose outputs do not differ between rows, and at what its inputs and weights are.",
            stage=place,
            confidence=0.9,
        )


class LossFallsAlone(Rule):
    """A loss that falls while the predictions stay as poor as they were."""

    code = "PT310"
    name = "loss-falls-without-learning"
    category = "loss_mismatch"
    needs = ("stages", "epochs", "outcomes", "losses")
    root_cause_of = ("PT308", "PT309")
    what = "The loss fell to less than half, and the predictions are no better than guessing."
    why = "The loss then measures something else than what is wanted, such as a class that is always named."

    FALL = 0.5
    """Part that is left of the loss before training."""

    def check(self, trace: Trace) -> Iterator[Finding]:
        facts = figures_of(trace)
        start, end, skill = facts.loss_at(0), facts.loss_at(facts.last), facts.skill(TRAINING)
        if start is None or end is None or skill is None or not facts.last or not facts.struggles:
            return
        if not start > 0 or not end < self.FALL * start or skill >= NO_SKILL:
            return
        text = f"The loss fell from {figure(start)} to {figure(end)}, and the model does no better than guessing."
        yield self.found(
            text,
            [
                Evidence(
                    text, end / start, f"measurements[loss/training, epoch {facts.last}].loss"
                ),
                *facts.how_well(),
            ],
            "Measure what is wanted (accuracy, balanced accuracy, R2) beside the loss, and see what the loss rewards.",
            confidence=0.7,
        )


class LearnsNothing(Rule):
    """A model that does no better than guessing where simple means do."""

    code = "PT309"
    name = "not-learning"
    category = "no_learning"
    needs = ("stages", "epochs", "outcomes", "baseline models")
    what = "On its own training rows the model does no better than guessing, where a simple learner does."
    why = "The rows can be told apart, so it is the network or its training that fails."

    CLEAR = 0.3
    """Skill of the simple learner from which there surely is something to learn."""

    def check(self, trace: Trace) -> Iterator[Finding]:
        facts = figures_of(trace)
        skill, attainable = facts.skill(TRAINING), facts.attainable
        if (
            skill is None
            or attainable is None
            or skill >= NO_SKILL
            or attainable < self.CLEAR
            or not trace.epochs
        ):
            return
        evidence = facts.how_well()
        yield self.found(
            evidence[0].text,
            evidence,
            "Train on 20 rows until they are all right; if that fails too, look at loss, last activation and learning rate.",
            confidence=0.7,
        )
