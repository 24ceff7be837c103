"""PT3xx: what the model gives, what it should give, and the loss between them."""

from collections.abc import Iterator
from dataclasses import replace

from pipetrace.explain import task
from pipetrace.explain.findings.figures import NO_SKILL, POOR, Figures, figures_of, margin
from pipetrace.explain.findings.finding import ERROR, NOTE, Evidence, Finding
from pipetrace.explain.findings.rule import Rule
from pipetrace.explain.text import figure, share
from pipetrace.trace.document import Target, Trace
from pipetrace.trace.measurements import HELD_OUT, TRAINING, ClassOutcome, Outcome

REACH = {
    "sigmoid": (0.0, 1.0),
    "hard_sigmoid": (0.0, 1.0),
    "softmax": (0.0, 1.0),
    "tanh": (-1.0, 1.0),
    "softsign": (-1.0, 1.0),
    "relu": (0.0, None),
    "relu6": (0.0, 6.0),
    "softplus": (0.0, None),
    "exponential": (0.0, None),
}
"""What an activation can give."""
SQUARES = frozenset(
    {
        "mean squared error",
        "mean absolute error",
        "huber",
        "log cosh",
        "mean absolute percentage error",
        "mean squared logarithmic error",
    }
)
"""Losses that measure distances of numbers."""


class OneUnitSoftmax(Rule):
    """A softmax over a single unit."""

    code = "PT301"
    name = "one-unit-softmax"
    category = "last_activation"
    level = ERROR
    needs = ("stages",)
    root_cause_of = (*POOR, "PT110", "PT302", "PT402", "PT405", "PT502", "PT607")
    what = "A softmax over one unit, as the last activation."
    why = "Its value is 1 whatever goes in, so the model says the same of every row and no gradient comes back."

    def check(self, trace: Trace) -> Iterator[Finding]:
        facts = figures_of(trace)
        for output in task.outputs(trace):
            stage = facts.stage(output.stage)
            if task.activation(trace, stage) != "softmax" or output.shape[-1:] != (1,):
                continue
            place = _applied(facts, output.stage)
            outcome = facts.of(Outcome, TRAINING)
            evidence = [
                Evidence(
                    f"{place} applies softmax to 1 unit.", 1.0, f"stages[{place}].outputs[0].shape"
                )
            ]
            if outcome.min == outcome.max == 1.0:
                evidence.append(
                    Evidence("All outputs are 1.", 1.0, "measurements[outcome/training].min")
                )
            plain = output.target is not None and (
                not output.target.whole or (output.target.distinct or 0) > 2
            )
            yield self.found(
                f"{place} is a softmax over a single unit, which always gives 1.",
                evidence,
                "Use no activation for a number to predict."
                if plain
                else "Use sigmoid for one probability.",
                stage=place,
                change="activation=None" if plain else "activation='sigmoid'",
            )


class OutOfReach(Rule):
    """Targets that the last activation cannot give."""

    code = "PT302"
    name = "targets-out-of-range"
    category = "output_range"
    level = ERROR
    needs = ("stages", "outcomes")
    root_cause_of = (*POOR, "PT402", "PT405", "PT502")
    what = "Targets outside of what the last activation can give."
    why = "No weights bring the output there; the error stays, and the units that could be right are driven to their bound."

    SHARE = 0.01
    """Single outliers beyond the reach do not stop the rest from being learned,"""
    MANY = 0.1
    """and fewer than this cost something only where the model struggles;"""
    GOOD = 0.9
    """nor do more, just beyond the bound, where the model is as good as this."""

    def check(self, trace: Trace) -> Iterator[Finding]:
        facts = figures_of(trace)
        output, outcome = facts.output, facts.of(Outcome, TRAINING)
        final = facts.final or ""
        if (
            output is None
            or final not in REACH
            or output.loss not in SQUARES
            or outcome.target_min is None
            or outcome.target_max is None
        ):
            return
        low, high = REACH[final]
        below = outcome.target_below_zero if low == 0 else outcome.target_below_minus_one
        above = (
            outcome.target_above_one
            if high == 1
            else float(high is not None and outcome.target_max > high)
        )
        outside = (below or 0.0) + (above or 0.0)
        if outside < self.SHARE:
            return
        place = _applied(facts, output.stage)
        reach = f"from {low:g} to {high:g}" if high is not None else f"from {low:g} up"
        text = f"{share(min(1.0, outside))} of the targets lie outside of what {final} gives ({reach})."
        found = self.found(
            text,
            [
                Evidence(text, outside, "measurements[outcome/training].target_below_zero"),
                Evidence(
                    f"The targets go from {figure(outcome.target_min)} to {figure(outcome.target_max)}.",
                    outcome.target_min,
                    "measurements[outcome/training].target_min",
                ),
                *facts.how_well(),
            ],
            "Give the last layer an activation that reaches the targets, or none; or scale the targets into its reach.",
            stage=place,
            change="activation=None",
            confidence=margin(outside, self.SHARE, 0.1),
        )
        skill = facts.skill(facts.judged)
        costs = facts.struggles or (outside >= self.MANY and (skill is None or skill < self.GOOD))
        yield found if costs else replace(found, level=NOTE, confidence=0.6)


class MissingSoftmax(Rule):
    """A crossentropy of probabilities over outputs that are none."""

    code = "PT303"
    name = "missing-softmax"
    category = "missing_softmax"
    level = ERROR
    needs = ("stages",)
    root_cause_of = (*POOR, "PT401", "PT402", "PT405", "PT502", "PT701")
    what = "A crossentropy that takes probabilities gets the plain outputs of the last layer."
    why = "The logarithm of what is no probability is cut off or meaningless, and the gradients with it."

    def check(self, trace: Trace) -> Iterator[Finding]:
        facts = figures_of(trace)
        output = facts.output
        if (
            output is None
            or output.loss not in task.CROSSENTROPIES
            or trace.run.training.from_logits
        ):
            return
        outcome = trained_outcome(facts)
        low, high = outcome.min, outcome.max
        if facts.final != "linear" or output.loss not in task.CATEGORICAL:
            return
        if low is not None and high is not None and low >= 0 and high <= 1:
            return
        own = "softmax"
        evidence = [
            Evidence(
                f"{output.stage} ends with {facts.final}.", None, f"stages[{output.stage}].config"
            )
        ]
        if low is not None and high is not None:
            text = f"Its outputs go from {figure(low)} to {figure(high)}; probabilities lie between 0 and 1."
            evidence.append(Evidence(text, low, "measurements[outcome/training].min"))
        yield self.found(
            f"{output.loss} takes probabilities and gets the outputs of {output.stage}, which ends with {facts.final}.",
            [*evidence, *facts.how_well()],
            f"End with {own}, or tell the loss that it gets scores.",
            stage=_applied(facts, output.stage),
            change=f"activation='{own}'  # or the loss with from_logits=True",
        )


class DoubleSoftmax(Rule):
    """Probabilities that the loss takes for scores."""

    code = "PT304"
    name = "double-softmax"
    category = "double_softmax"
    level = ERROR
    needs = ("stages",)
    root_cause_of = (*POOR, "PT401", "PT402", "PT405", "PT502")
    what = "A softmax or sigmoid in the model and another one in the loss (from_logits=True)."
    why = "Twice through a softmax all classes stay near the same share, so the loss can hardly fall and gradients are small."

    APART = 0.05
    """Part by which the loss that Keras reports differs from that of the very probabilities, before it is another loss."""

    def check(self, trace: Trace) -> Iterator[Finding]:
        facts = figures_of(trace)
        output = facts.output
        if (
            output is None
            or not trace.run.training.from_logits
            or facts.final not in ("softmax", "sigmoid")
        ):
            return
        # Keras reads the scores behind a softmax that is the very last operation; the figures tell whether it did.
        told, own = (
            trace.epochs[-1].metrics.get("val_loss") if trace.epochs else None,
            facts.of(Outcome, HELD_OUT),
        )
        exact = own.log_loss
        undone = (
            told is not None
            and exact is not None
            and abs(told - exact) <= self.APART * max(exact, 0.1)
        )
        if told is None or exact is None:
            undone = facts.stage(output.stage) is facts.final_stage and not facts.struggles
        place = _applied(facts, output.stage)
        evidence = [
            Evidence(
                f"{place} ends with {facts.final}, and the loss has from_logits=True.",
                None,
                "run.training.from_logits",
            )
        ]
        if told is not None and exact is not None:
            text = f"The validation loss is {figure(told)}; of these very probabilities it would be {figure(exact)}."
            evidence.append(Evidence(text, exact, "measurements[outcome/held_out].log_loss"))
        found = self.found(
            f"{facts.final} is applied twice: by {place} and by the loss.",
            [*evidence, *facts.how_well()],
            "Drop one of the two.",
            stage=place,
            change="from_logits=False",
        )
        yield replace(found, level=NOTE, confidence=0.7) if undone else found


class LossMismatch(Rule):
    """A loss that is made for another kind of target."""

    code = "PT305"
    name = "loss-mismatch"
    category = "loss_mismatch"
    needs = ("stages", "targets")
    root_cause_of = (*POOR, "PT502")
    what = (
        "A distance of numbers as loss where classes are told, or a crossentropy where numbers are."
    )
    why = "Where a sigmoid or softmax is surely wrong a squared error has nearly no slope, and a crossentropy its largest."

    GOOD = 0.9
    """A skill beyond this leaves little that another loss could give."""

    def check(self, trace: Trace) -> Iterator[Finding]:
        facts = figures_of(trace)
        output, target = facts.output, facts.output.target if facts.output else None
        if output is None or target is None or target.min is None or target.max is None:
            return
        wide, single = (
            (output.shape[-1] or 1) if len(output.shape) > 1 else 1,
            len(target.shape) < 2 or target.shape[-1] == 1,
        )
        flags = target.whole and target.min >= 0 and target.max <= 1 and (target.distinct or 0) == 2
        if output.loss in SQUARES and wide > 1 and single and len(output.shape) == 2:
            found = self.found(
                f"{output.stage} gives {wide} numbers for a row and its target is one, which {output.loss} compares with all.",
                [
                    Evidence(
                        f"The targets have the shape {target.shape}.",
                        None,
                        "run.data.targets[0].shape",
                    ),
                    *facts.how_well(),
                ],
                "For the number of a class use sparse categorical crossentropy with softmax; for one number one unit.",
                stage=output.stage,
                change="loss='sparse_categorical_crossentropy'",
            )
            yield replace(found, level=ERROR)
        elif (
            output.loss in task.YES_OR_NO
            and facts.final == "softmax"
            and wide > 2
            and target.shape == output.shape
            and flags
        ):
            found = self.found(
                f"{output.loss} asks yes or no of each of {wide} exclusive classes; softmax gives one share of 1 among them.",
                [
                    Evidence(
                        f"{output.stage} has {wide} units and ends with softmax.",
                        None,
                        "run.training.losses",
                    ),
                    *facts.how_well(),
                ],
                "Use categorical crossentropy with softmax.",
                stage=None,
                change="loss='categorical_crossentropy'",
                confidence=0.7,
            )
            yield found if facts.struggles else replace(found, level=NOTE, confidence=0.6)
        elif output.loss in SQUARES and flags:
            yield from self._squares(facts, output)
        else:
            yield from self._out_of_reach(trace, facts, output, target)

    def _out_of_reach(
        self, trace: Trace, facts: Figures, output: task.Output, target: Target
    ) -> Iterator[Finding]:
        """A crossentropy of targets that are no classes."""
        if target.min is None or target.max is None:
            return
        if (
            output.loss in task.YES_OR_NO
            and (target.min < 0 or target.max > 1)
            and not (target.whole and target.distinct == 2)
        ):
            reach = f"from {figure(target.min)} to {figure(target.max)}"
            found = self.found(
                f"{output.loss} takes targets between 0 and 1; these go {reach}.",
                [
                    Evidence(f"The targets go {reach}.", target.max, "run.data.targets[0]"),
                    *facts.how_well(),
                ],
                "For numbers use mean squared error and no last activation; for one of several classes softmax with as many "
                "units and sparse categorical crossentropy.",
                stage=output.stage,
                change="loss='mse'"
                if not target.whole
                else "loss='sparse_categorical_crossentropy'",
            )
            yield replace(found, level=ERROR)
        elif (
            output.loss in task.CATEGORICAL
            and not target.whole
            and facts.final != "softmax"
            and not trace.run.training.from_logits
        ):
            yield self.found(
                f"{output.loss} takes classes; the targets are numbers from {figure(target.min)} to {figure(target.max)}.",
                [
                    Evidence(
                        "The targets are no whole numbers.", target.max, "run.data.targets[0]"
                    ),
                    *facts.how_well(),
                ],
                "For numbers use mean squared error and no last activation.",
                stage=output.stage,
                change="loss='mse'",
            )

    def _squares(self, facts: Figures, output: task.Output) -> Iterator[Finding]:
        skill = facts.skill(facts.judged)
        bounded = facts.final in ("sigmoid", "softmax", "hard_sigmoid")
        single = output.shape[-1] == 1
        own = (
            "binary_crossentropy"
            if single or not facts.has(ClassOutcome, f"{TRAINING}/0")
            else "categorical_crossentropy"
        )
        found = self.found(
            f"{output.loss} measures distances, and the targets are classes or flags (0 and 1 only).",
            [
                Evidence(
                    "All targets are 0 or 1.", 1.0, "measurements[outcome/training].target_binary"
                ),
                Evidence(
                    f"The loss is {output.loss}, the last activation {facts.final}.",
                    None,
                    "run.training.losses",
                ),
                *facts.how_well(),
            ],
            f"Use {own}, with {'sigmoid' if own.startswith('binary') else 'softmax'} at the end.",
            stage=None,
            change=f"loss='{own}'",
            confidence=0.8 if bounded else 0.7,
        )
        # It often trains all the same (Hui and Belkin 2021), so it counts where the outcome is poor.
        good = (
            not facts.broken
            and skill is not None
            and (skill >= self.GOOD or (not facts.struggles and skill > NO_SKILL))
        )
        yield replace(found, level=NOTE, confidence=0.6) if good else found


class LastActivation(Rule):
    """A last activation that does not fit the kind of target, though it reaches it."""

    code = "PT306"
    name = "last-activation-mismatch"
    category = "last_activation"
    needs = ("stages", "outcomes")
    root_cause_of = (*POOR, "PT502", "PT701")
    what = "Scores of exclusive classes end with sigmoid or with no activation under a loss that wants shares of one."
    why = "Only a softmax makes the classes share 1 among them, so that a higher score of one lowers the others."

    def check(self, trace: Trace) -> Iterator[Finding]:
        facts = figures_of(trace)
        output, outcome = facts.output, trained_outcome(facts)
        if output is None or trace.run.training.from_logits:
            return
        final = facts.final
        sums = 1.0 if outcome.sum_max is None else outcome.sum_max
        several = (output.shape[-1] or 0) > 2 and outcome.accuracy is not None
        onehot = output.target is not None and output.target.shape == output.shape
        text, change = "", "activation='softmax'"
        if (
            several
            and output.loss in task.CATEGORICAL
            and final not in ("softmax", None, "linear")
            and abs(sums - 1) > 0.01
        ):
            text = (
                f"{final} gives each of {output.shape[-1]} exclusive classes a "
                f"share of its own; {output.loss} wants shares of 1."
            )
        elif several and onehot and output.loss in SQUARES and final in ("linear", "relu", "tanh"):
            text = f"The scores of {output.shape[-1]} exclusive classes end with {final}, which bounds them to no share."
        elif (
            not several
            and output.loss in task.YES_OR_NO
            and final in ("linear", "tanh", "relu", "softplus")
        ):
            text, change = (
                f"{output.loss} takes a probability; {final} gives other values.",
                "activation='sigmoid'",
            )
        elif (
            output.shape[-1] == 1
            and output.loss in SQUARES
            and final in ("linear", "relu")
            and outcome.accuracy is not None
            and facts.broken
        ):
            text, change = (
                f"The answers yes and no end with {final}, which bounds them to no probability.",
                "activation='sigmoid'",
            )
        if not text:
            return
        place = _applied(facts, output.stage)
        evidence = [Evidence(f"{place} ends with {final}.", None, f"stages[{place}].config")]
        if several and outcome.sum_min is not None:
            line = (
                f"The outputs of a row sum to between {figure(outcome.sum_min)} and {figure(sums)}."
            )
            evidence.append(Evidence(line, sums, "measurements[outcome/training].sum_max"))
        found = self.found(
            text,
            [*evidence, *facts.how_well()],
            "End with the activation that fits the loss.",
            stage=place,
            change=change,
            confidence=0.8,
        )
        # A logarithm of what is no share is cut off, however well the rest goes.
        never = output.loss in task.YES_OR_NO
        yield found if facts.struggles or never else replace(found, level=NOTE, confidence=0.6)


class TargetNotScaled(Rule):
    """Numbers to predict that are far larger than what the network gives at first."""

    code = "PT307"
    name = "target-not-scaled"
    category = "target_not_scaled"
    needs = ("stages", "outcomes")
    root_cause_of = (*POOR, "PT401", "PT402", "PT404", "PT405", "PT406", "PT502")
    what = "Targets whose size is far from 1, which the network starts from."
    why = "The last layer must grow by orders of magnitude first; with large errors gradients are large or clipped to a step."

    LARGE = 30.0
    """Outputs start near 1 (Glorot). Adam moves a bias by at most its learning rate a step, so 30 takes 30,000 steps at 0.001;
    a squared error of 30 standard deviations makes gradients thirty times those that learning rates are made for."""

    def check(self, trace: Trace) -> Iterator[Finding]:
        facts = figures_of(trace)
        output, outcome = facts.output, trained_outcome(facts)
        if (
            output is None
            or output.loss not in SQUARES
            or outcome.target_mean is None
            or outcome.target_std is None
            or outcome.target_binary == 1
        ):
            return
        size = max(abs(outcome.target_mean), outcome.target_std)
        if size < self.LARGE:
            return
        text = (
            f"The targets have a mean of {figure(outcome.target_mean)} and a "
            f"standard deviation of {figure(outcome.target_std)}."
        )
        start = facts.of(Outcome, TRAINING, 0)
        evidence = [Evidence(text, size, "measurements[outcome/training].target_mean")]
        if start.min is not None and start.max is not None:
            line = (
                f"Before training the outputs went from {figure(start.min)} to {figure(start.max)}."
            )
            evidence.append(
                Evidence(line, start.max, "measurements[outcome/training, epoch 0].max")
            )
        found = self.found(
            text,
            [*evidence, *facts.how_well()],
            "Scale the targets to mean 0 and standard deviation 1 by the training rows, and scale predictions back.",
            change="y = (y - y_train.mean()) / y_train.std()",
            confidence=margin(size, self.LARGE, 300.0),
        )
        yield found if facts.struggles else replace(found, level=NOTE, confidence=0.6)


def trained_outcome(facts: Figures) -> Outcome:
    """The outcome on the training rows after training; before it, where training did not come to its end."""
    return facts.of(Outcome, TRAINING, None if facts.has(Outcome, TRAINING) else 0)


def _applied(facts: Figures, stage: str) -> str:
    """The stage that applies the last activation, behind those that only change the form."""
    current = facts.stage(stage)
    for _ in range(len(facts.trace.stages)):
        if current.layer not in task.PASSING:
            break
        before = facts.before(current)
        if before is None:
            break
        current = before
    return current.name
