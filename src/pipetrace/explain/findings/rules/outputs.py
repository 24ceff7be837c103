"""PT301 to PT307: the outputs, their targets, and the loss between them."""

from collections.abc import Iterator
from dataclasses import replace

from pipetrace.explain import task
from pipetrace.explain.findings.finding import ERROR, NOTE, Evidence, Finding
from pipetrace.explain.findings.measured_run import NO_SKILL, MeasuredRun
from pipetrace.explain.findings.questions import POOR, REGRESSION_LOSSES, margin, struggles
from pipetrace.explain.findings.rule import RunRule, as_note
from pipetrace.explain.findings.rules.shapes import without_last_ones
from pipetrace.explain.formatting import figure, share
from pipetrace.trace.measurements import TRAINING, VALIDATION, ClassOutcome, Outcome
from pipetrace.trace.rows import Target

OUTPUT_RANGES: dict[str, tuple[float, float | None]] = {
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
OUT_OF_RANGE, MANY_OUT_OF_RANGE = 0.01, 0.1
"""Single outliers do not stop the rest from being learned. Fewer than the second do harm only where
the model struggles,"""
GOOD_SKILL = 0.9
"""nor do more where the model is as good as this; another loss could not make it much better
either."""
LOSS_DIFFERENCE = 0.05
"""Relative difference of the reported loss from that of the outputs as probabilities, from which it
is another."""


class OneUnitSoftmax(RunRule):
    code = "PT301"
    name = "one-unit-softmax"
    category = "last_activation"
    level = ERROR
    needs = ("stages",)
    root_cause_of = (*POOR, "PT110", "PT302", "PT402", "PT405", "PT502", "PT607")
    what = "The last activation is a softmax over a single unit."
    why = "It always outputs 1, so every prediction is the same and the gradient is zero."

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        outcome = run.of(Outcome, TRAINING)
        for output in task.outputs(run.trace):
            stage = run.stage(output.stage)
            if task.activation(run.trace, stage) != "softmax" or output.shape[-1:] != (1,):
                continue
            place, target = run.before_reshaping(output.stage).name, output.target
            text = f"The layer {place} applies softmax to a single unit, so its output is always 1."
            evidence = [Evidence(text, 1.0, f"stages[{place}].outputs[0].shape")]
            if outcome.min == outcome.max == 1.0:
                text = "All measured outputs are 1."
                evidence.append(Evidence(text, 1.0, "measurements[outcome/training].min"))
            numbers = target is not None and (not target.whole or (target.distinct or 0) > 2)
            yield self.fault(
                *evidence,
                advice=f"Use {'no activation' if numbers else 'sigmoid'} for this target.",
                stage=place,
                change="activation=None" if numbers else "activation='sigmoid'",
            )


class TargetsOutOfRange(RunRule):
    code = "PT302"
    name = "targets-out-of-range"
    category = "output_range"
    level = ERROR
    needs = ("stages", "outcomes")
    root_cause_of = (*POOR, "PT402", "PT405", "PT502")
    what = "Targets lie outside the output range of the last activation."
    why = (
        "No weights can produce such an output. The error stays, and units are driven to their "
        "limit."
    )

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        output, outcome, last = run.output, run.of(Outcome, TRAINING), run.last_activation or ""
        lowest, highest = outcome.target_min, outcome.target_max
        if output is None or output.loss not in REGRESSION_LOSSES or last not in OUTPUT_RANGES:
            return
        if lowest is None or highest is None:
            return
        low, high = OUTPUT_RANGES[last]
        below = outcome.target_below_zero if low == 0 else outcome.target_below_minus_one
        above: float | None = float(high is not None and highest > high)
        if high == 1:
            above = outcome.target_above_one
        outside = (below or 0.0) + (above or 0.0)
        if outside < OUT_OF_RANGE:
            return
        reach = f"{low:g} to {high:g}" if high is not None else f"{low:g} and above"
        place = "measurements[outcome/training]"
        found = self.fault(
            Evidence(
                f"{share(min(1.0, outside))} of the targets are outside the range of {last} "
                f"({reach}).",
                outside,
                f"{place}.target_below_zero",
            ),
            Evidence(
                f"The targets are from {figure(lowest)} to {figure(highest)}.",
                lowest,
                f"{place}.target_min",
            ),
            *run.how_well(),
            advice="Use a last activation whose range contains the targets, or none. Or scale "
            "the targets into its range.",
            stage=run.before_reshaping(output.stage).name,
            change="activation=None",
            confidence=margin(outside, OUT_OF_RANGE, 0.1),
        )
        skill = run.skill(run.evaluated_rows)
        many = outside >= MANY_OUT_OF_RANGE and (skill is None or skill < GOOD_SKILL)
        yield found if struggles(run) or many else as_note(found)


class MissingSoftmax(RunRule):
    code = "PT303"
    name = "missing-softmax"
    category = "missing_softmax"
    level = ERROR
    needs = ("stages",)
    root_cause_of = (*POOR, "PT401", "PT402", "PT405", "PT502", "PT701")
    what = "The loss expects probabilities, but the last layer outputs logits (no softmax)."
    why = (
        "The logarithm of a value that is not a probability is clipped or meaningless, and so are "
        "the gradients."
    )

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        output = run.output
        if output is None or output.loss not in task.CROSSENTROPIES & task.CATEGORICAL:
            return
        if run.trace.run.training.from_logits or run.last_activation != "linear":
            return
        low, high = run.first_outcome.min, run.first_outcome.max
        if low is not None and high is not None and low >= 0 and high <= 1:
            return
        place = run.before_reshaping(output.stage).name
        evidence = [
            Evidence(
                f"The loss expects probabilities, but the last layer ({place}) outputs logits (no "
                "softmax).",
                None,
                f"stages[{place}].config",
            )
        ]
        if low is not None and high is not None:
            text = f"Its outputs are from {figure(low)} to {figure(high)}, not from 0 to 1."
            evidence.append(Evidence(text, low, "measurements[outcome/training].min"))
        yield self.fault(
            *evidence,
            *run.how_well(),
            advice="Add softmax to the last layer, or use from_logits=True in the loss.",
            stage=place,
            change="activation='softmax'  # or the loss with from_logits=True",
        )


class DoubleSoftmax(RunRule):
    code = "PT304"
    name = "double-softmax"
    category = "double_softmax"
    level = ERROR
    needs = ("stages",)
    root_cause_of = (*POOR, "PT401", "PT402", "PT405", "PT502")
    what = "Softmax or sigmoid is applied twice: in the model and in the loss (from_logits=True)."
    why = (
        "After a second softmax all classes have similar probabilities, so the loss can hardly "
        "fall."
    )

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        output, last, trace = run.output, run.last_activation, run.trace
        if output is None or last not in ("softmax", "sigmoid"):
            return
        if not trace.run.training.from_logits:
            return
        # Keras undoes a softmax that is the very last operation. The losses show whether it did.
        reported = trace.epochs[-1].metrics.get("val_loss") if trace.epochs else None
        exact = run.of(Outcome, VALIDATION).log_loss
        place = run.before_reshaping(output.stage).name
        evidence = [
            Evidence(
                f"{last} is applied twice: by the layer {place} and by the loss "
                "(from_logits=True).",
                None,
                "run.training.from_logits",
            )
        ]
        if reported is not None and exact is not None:
            undone = abs(reported - exact) <= LOSS_DIFFERENCE * max(exact, 0.1)
            text = (
                f"The validation loss is {figure(reported)}; with these outputs as probabilities "
                f"it would be {figure(exact)}."
            )
            evidence.append(Evidence(text, exact, "measurements[outcome/validation].log_loss"))
        else:
            undone = run.stage(output.stage) is run.last_stage and not struggles(run)
        found = self.fault(
            *evidence,
            *run.how_well(),
            advice="Remove one of the two.",
            stage=place,
            change="from_logits=False",
        )
        yield replace(found, level=NOTE, confidence=0.7) if undone else found


class LossMismatch(RunRule):
    code = "PT305"
    name = "loss-mismatch"
    category = "loss_mismatch"
    needs = ("stages", "targets")
    root_cause_of = (*POOR, "PT502")
    what = "A regression loss is used for classification, or a cross-entropy for regression."
    why = "Where a sigmoid or softmax is confidently wrong, a squared error has almost no gradient."

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        output, target = run.output, run.output.target if run.output else None
        if output is None or target is None or target.min is None or target.max is None:
            return
        width = (output.shape[-1] or 1) if len(output.shape) > 1 else 1
        single = len(without_last_ones(target.shape)) == 1
        flags = target.whole and target.min >= 0 and target.max <= 1 and target.distinct == 2
        one_hot = flags and width > 2 and target.shape == output.shape
        loss, last = output.loss, run.last_activation
        if loss in REGRESSION_LOSSES and width > 1 and single and len(output.shape) == 2:
            found = self.fault(
                Evidence(
                    f"{output.stage} has {width} outputs for a row, but a target has one number; "
                    f"{loss} compares it with all of them.",
                    None,
                    "run.data.targets[0].shape",
                ),
                *run.how_well(),
                advice="For class numbers use sparse categorical crossentropy with softmax. For "
                "one number use one unit.",
                stage=output.stage,
                change="loss='sparse_categorical_crossentropy'",
            )
            yield replace(found, level=ERROR)
        elif loss in task.YES_OR_NO and last == "softmax" and one_hot:
            found = self.fault(
                Evidence(
                    f"{loss} is for independent yes-or-no targets, but the {width} classes of "
                    f"{output.stage} (softmax) are exclusive.",
                    None,
                    "run.training.losses",
                ),
                *run.how_well(),
                advice="Use categorical crossentropy with softmax.",
                change="loss='categorical_crossentropy'",
                confidence=0.7,
            )
            yield found if struggles(run) else as_note(found)
        elif loss in REGRESSION_LOSSES and flags:
            yield self._regression(run, output)
        else:
            yield from self._not_classes(run, output, target)

    def _not_classes(
        self, run: MeasuredRun, output: task.Output, target: Target
    ) -> Iterator[Finding]:
        """A cross-entropy with targets that are not classes."""
        low, high = target.min or 0.0, target.max or 0.0
        reach = f"from {figure(low)} to {figure(high)}"
        two_labels = target.whole and target.distinct == 2
        logits = run.last_activation == "softmax" or run.trace.run.training.from_logits
        if output.loss in task.YES_OR_NO and (low < 0 or high > 1) and not two_labels:
            found = self.fault(
                Evidence(
                    f"{output.loss} expects targets from 0 to 1; these are {reach}.",
                    high,
                    "run.data.targets[0]",
                ),
                *run.how_well(),
                advice="For a regression use mean squared error and no last activation. For "
                "several classes use softmax, one unit for each class, and sparse categorical "
                "crossentropy.",
                stage=output.stage,
                change=f"loss='{'sparse_categorical_crossentropy' if target.whole else 'mse'}'",
            )
            yield replace(found, level=ERROR)
        elif output.loss in task.CATEGORICAL and not target.whole and not logits:
            yield self.fault(
                Evidence(
                    f"{output.loss} expects classes; the targets are fractions {reach}.",
                    high,
                    "run.data.targets[0]",
                ),
                *run.how_well(),
                advice="For a regression use mean squared error and no last activation.",
                stage=output.stage,
                change="loss='mse'",
            )

    def _regression(self, run: MeasuredRun, output: task.Output) -> Finding:
        """A regression loss with targets of 0 and 1."""
        skill = run.skill(run.evaluated_rows)
        binary = output.shape[-1:] == (1,) or not run.has(ClassOutcome, f"{TRAINING}/0")
        loss = "binary_crossentropy" if binary else "categorical_crossentropy"
        bounded = run.last_activation in ("sigmoid", "softmax", "hard_sigmoid")
        found = self.fault(
            Evidence(
                f"{output.loss} is a regression loss, but all targets are 0 or 1 (classes).",
                1.0,
                "measurements[outcome/training].target_binary",
            ),
            Evidence(f"The last activation is {run.last_activation}.", None, "run.training.losses"),
            *run.how_well(),
            advice=f"Use {loss} with {'sigmoid' if binary else 'softmax'} in the last layer.",
            change=f"loss='{loss}'",
            confidence=0.8 if bounded else 0.7,
        )
        # It often works (Hui and Belkin 2021), so it counts only where the outcome is poor.
        good = skill is not None and (
            skill >= GOOD_SKILL or (skill > NO_SKILL and not struggles(run))
        )
        return as_note(found) if good and not run.broken else found


class LastActivationMismatch(RunRule):
    code = "PT306"
    name = "last-activation-mismatch"
    category = "last_activation"
    needs = ("stages", "outcomes")
    root_cause_of = (*POOR, "PT502", "PT701")
    what = "The last activation does not match the loss of a classification."
    why = (
        "Only softmax makes the probabilities of exclusive classes sum to 1, so a higher score "
        "lowers the others."
    )

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        output, outcome = run.output, run.first_outcome
        if output is None or run.trace.run.training.from_logits:
            return
        text = _mismatch(run, output, outcome)
        if not text:
            return
        place, several = run.before_reshaping(output.stage).name, _exclusive(output, outcome)
        evidence = [Evidence(text, None, f"stages[{place}].config")]
        if several and outcome.sum_min is not None:
            low, high = outcome.sum_min, outcome.sum_max or 1.0
            line = f"The outputs of a row sum to between {figure(low)} and {figure(high)}."
            evidence.append(Evidence(line, high, "measurements[outcome/training].sum_max"))
        found = self.fault(
            *evidence,
            *run.how_well(),
            advice="Use the last activation that matches the loss.",
            stage=place,
            change=f"activation='{'softmax' if several else 'sigmoid'}'",
            confidence=0.8,
        )
        # The logarithm of a value that is not a probability is clipped, however well the rest goes.
        harms = struggles(run) or output.loss in task.YES_OR_NO
        yield found if harms else as_note(found)


def _exclusive(output: task.Output, outcome: Outcome) -> bool:
    """Whether each row is of one of several classes."""
    return ((output.shape or (0,))[-1] or 0) > 2 and outcome.accuracy is not None


def _mismatch(run: MeasuredRun, output: task.Output, outcome: Outcome) -> str:
    """How the last activation does not match the loss; empty where it does."""
    last, loss, width = run.last_activation, output.loss, (output.shape or (0,))[-1]
    sums = 1.0 if outcome.sum_max is None else outcome.sum_max
    if _exclusive(output, outcome):
        onehot = output.target is not None and output.target.shape == output.shape
        shares = last in ("softmax", None, "linear") or abs(sums - 1) <= 0.01
        if loss in task.CATEGORICAL and not shares:
            return (
                f"{last} gives each of {width} exclusive classes its own probability; {loss} "
                "expects them to sum to 1."
            )
        unbounded = last in ("linear", "relu", "tanh")
        if loss in REGRESSION_LOSSES and onehot and unbounded:
            return (
                f"The scores of {width} exclusive classes have the activation {last}, not softmax."
            )
        return ""
    if loss in task.YES_OR_NO and last in ("linear", "tanh", "relu", "softplus"):
        return f"{loss} expects a probability, but {last} outputs other values."
    flags = width == 1 and outcome.accuracy is not None and loss in REGRESSION_LOSSES
    if flags and last in ("linear", "relu") and run.broken:
        return f"The output of a yes-or-no question has the activation {last}, not sigmoid."
    return ""
