"""PT301, PT303, PT304, PT306: the last activation, and what the loss takes it for."""

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from pipetrace.explain import task
from pipetrace.explain.findings.finding import ERROR, NOTE, Evidence, Finding
from pipetrace.explain.findings.measured_run import MeasuredRun
from pipetrace.explain.findings.questions import POOR, REGRESSION_LOSSES, struggles
from pipetrace.explain.findings.rule import RunRule, as_note
from pipetrace.explain.formatting import figure
from pipetrace.trace.document import Prediction
from pipetrace.trace.measurements import TRAINING, VALIDATION, Outcome

LOSS_DIFFERENCE = 0.05
"""Relative difference of the reported loss from that of the outputs as probabilities, from which it
is another."""
SAME_LOSS, ROWS_TO_TELL = 1e-3, 3
"""Relative difference of two computations of a loss in 32 bits, and rows for which it must hold."""


class OneUnitSoftmax(RunRule):
    code = "PT301"
    name = "one-unit-softmax"
    category = "last_activation"
    level = ERROR
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
            yield self.shown(
                *evidence,
                advice=f"Use {'no activation' if numbers else 'sigmoid'} for this target.",
                stage=place,
                change="activation=None" if numbers else "activation='sigmoid'",
            )


class MissingSoftmax(RunRule):
    code = "PT303"
    name = "missing-softmax"
    level = ERROR
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
        yield self.shown(
            *evidence,
            *run.how_well(),
            advice="Add softmax to the last layer, or use from_logits=True in the loss.",
            stage=place,
            change="activation='softmax'  # or the loss with from_logits=True",
        )


class DoubleSoftmax(RunRule):
    code = "PT304"
    name = "double-softmax"
    level = ERROR
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
            yield from self._in_own_loss(run, output)
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
        found = self.shown(
            *evidence,
            *run.how_well(),
            advice="Remove one of the two.",
            stage=place,
            change="from_logits=False",
        )
        yield replace(found, level=NOTE, confidence=0.7) if undone else found

    def _in_own_loss(self, run: MeasuredRun, output: task.Output) -> Iterator[Finding]:
        """A loss of the user's own whose values are those of a second softmax, row by row."""
        if output.loss in task.KNOWN_LOSSES or run.last_activation != "softmax":
            return
        rows = [_twice(each, output) for each in run.trace.predictions]
        known = [each for each in rows if each is not None]
        alike = [each for each in known if abs(each[0] - each[1]) < SAME_LOSS * max(1.0, each[1])]
        other = any(abs(each[0] - each[2]) > LOSS_DIFFERENCE for each in known)
        if len(known) < ROWS_TO_TELL or len(alike) < len(known) or not other:
            return
        place, (loss, _, once) = run.before_reshaping(output.stage).name, known[0]
        yield self.fault(
            f"The loss {output.loss} applies softmax to the outputs of {place}, which applies "
            "it already.",
            None,
            "run.training.losses",
            Evidence(
                f"The loss of a row is {figure(loss)}, as with softmax applied twice; of the "
                f"outputs as they are it would be {figure(once)}.",
                loss,
                "predictions[0].loss",
            ),
            *run.how_well(),
            advice="Remove one of the two.",
            stage=place,
            change="activation=None  # or from_logits=False in the loss",
        )


def _twice(row: Prediction, output: task.Output) -> tuple[float, float, float] | None:
    """A row's loss, and its cross-entropy behind a second softmax and behind one."""
    values = row.outputs.get(output.stage)
    if values is None or row.label is None or row.loss is None or values.ndim != 1:
        return None
    given = values.astype(np.float64)
    if not 0 <= row.label < len(given) or not np.isfinite(given).all():
        return None
    powers = np.exp(given)
    twice = -math.log(powers[row.label] / powers.sum())
    return row.loss, twice, -math.log(max(float(given[row.label]), 1e-7))


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
        found = self.shown(
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
    flags = output.target is not None and output.target.shape == output.shape
    several = flags and outcome.target_binary == 1 and (outcome.target_sum_max or 0) > 1
    if last == "softmax" and loss in task.CATEGORICAL and several:
        return (
            f"A row has up to {outcome.target_sum_max:.0f} labels, but softmax gives {width} "
            "classes shares of 1 in all."
        )
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
