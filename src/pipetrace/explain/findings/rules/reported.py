"""PT320 and PT321: metrics as Keras reports them, and what they measure."""

import math
from collections.abc import Iterator

from pipetrace.explain import task
from pipetrace.explain.facts import validation_rows
from pipetrace.explain.findings.finding import Finding
from pipetrace.explain.findings.measured_run import MeasuredRun
from pipetrace.explain.findings.rule import RunRule, as_note
from pipetrace.explain.findings.rules.outputs import GOOD_SKILL
from pipetrace.explain.fits import restored
from pipetrace.explain.formatting import counted, figure, share
from pipetrace.explain.metrics import ACCURACIES, accuracy_name, base
from pipetrace.trace.measurements import TRAINING, VALIDATION, LossPoint, Outcome

OTHER_SHARE, ERRORS = 0.02, 3.0
"""Difference of two shares of the same rows, at least and in standard errors, beyond which they do
not measure the same. Half precision changes the answer for a few rows in a thousand."""


class MetricDoesNotFit(RunRule):
    code = "PT320"
    name = "metric-does-not-fit"
    needs = ("stages", "epochs", "targets", "outcomes")
    what = (
        "The metric counts equal classes, but the targets are numbers or several labels for a row."
    )
    why = "It stays low, or high, whatever the model learns, so it says nothing about the run."

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        output, epochs = run.output, run.trace.epochs
        if output is None or output.target is None or not epochs:
            return
        name = next((each for each in epochs[-1].metrics if base(each) in ACCURACIES), None)
        if name is None:
            return
        value, place = epochs[-1].metrics[name], f"epochs[{run.last_epoch}].metrics[{name}]"
        if not output.target.whole:
            low, high = figure(output.target.min or 0.0), figure(output.target.max or 0.0)
            yield self.fault(
                f"{name} is {share(value)}: it counts equal values or equal classes, but the "
                f"targets are fractions from {low} to {high}.",
                value,
                place,
                *run.how_well(),
                advice="Measure the error instead: mean absolute error, or R2.",
                change="metrics=['mae', keras.metrics.R2Score()]",
            )
        elif output.what == task.MULTILABEL:
            yield from self._labels(run, name)

    def _labels(self, run: MeasuredRun, name: str) -> Iterator[Finding]:
        """The accuracy of the largest output, where each row has several labels or none."""
        value = run.trace.epochs[-1].metrics[name]
        known = f"val_{name}" in run.trace.epochs[-1].metrics
        outcome = run.of(Outcome, VALIDATION if known else TRAINING)
        value = run.trace.epochs[-1].metrics.get(f"val_{name}", value)
        right, rows = outcome.binary_accuracy, outcome.rows or 0
        # With exactly one label a row the largest output is an answer.
        if right is None or outcome.target_sum_min == outcome.target_sum_max == 1:
            return
        if not _differ(value, right, rows):
            return
        found = self.fault(
            f"{name} is {share(value)}: it asks only which output is the largest. Of all "
            f"labels {share(right)} are right.",
            right - value,
            "measurements[outcome/validation].binary_accuracy",
            advice="Use binary accuracy, which compares each label, or F1.",
            change="metrics=[keras.metrics.BinaryAccuracy()]",
        )
        skill = run.skill(run.evaluated_rows)
        yield as_note(found) if skill is not None and skill >= GOOD_SKILL else found


class ReportedValueDiffers(RunRule):
    code = "PT321"
    name = "reported-value-differs"
    category = "metric_does_not_fit"
    needs = ("stages", "epochs", "outcomes", "losses")
    what = "What training reports is not what the model does when it is measured on the same rows."
    why = "Decisions on the reported figure, such as early stopping, follow something else."

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        yield from self._never_updated(run)
        yield from self._accuracy(run)

    def _never_updated(self, run: MeasuredRun) -> Iterator[Finding]:
        """A reported loss that is exactly 0 all the time, while the measured one is not."""
        losses = {each.metrics.get("loss") for each in run.trace.epochs}
        measured = run.course(LossPoint, TRAINING, lambda each: each.loss)
        known = [loss for epoch, loss in measured.items() if epoch and math.isfinite(loss)]
        # A hinge can be exactly 0, and then it is measured as such.
        if losses != {0.0} or not known or not min(map(abs, known)) > 0:
            return
        yield self.fault(
            f"The reported training loss is exactly 0 in all {len(run.trace.epochs)} epochs; "
            f"measured after training it is {figure(known[-1])}.",
            known[-1],
            f"measurements[loss/training, epoch {max(measured)}].loss",
            advice="Update the metric that train_step returns as the loss, in every step.",
            change="self.loss_tracker.update_state(loss)  # in train_step",
        )

    def _accuracy(self, run: MeasuredRun) -> Iterator[Finding]:
        name, outcome = accuracy_name(run.trace), run.of(Outcome, VALIDATION)
        last = run.trace.epochs[-1] if run.trace.epochs else None
        weighted = run.trace.run.training.is_weighted
        if name is None or last is None or outcome.accuracy is None or weighted:
            return
        reported, rows = last.metrics.get(f"val_{name}"), outcome.rows or 0
        # Only of the same rows and the same weights can the two be compared.
        if reported is None or rows != validation_rows(run.trace) or restored(run.whole):
            return
        if not _differ(reported, outcome.accuracy, rows):
            return
        yield self.fault(
            f"val_{name} is reported as {share(reported)}; measured on the same "
            f"{counted(rows, 'row')} after training it is {share(outcome.accuracy)}.",
            reported - outcome.accuracy,
            f"epochs[{last.number}].metrics[val_{name}]",
            advice="Compare model.evaluate on the validation rows with the accuracy of "
            "model.predict. Look for a metric, a test_step or weights of your own.",
            change="np.mean(model.predict(x_val).argmax(axis=-1) == y_val)",
        )


def _differ(one: float, other: float, rows: int) -> bool:
    """Whether two shares of as many rows differ beyond chance."""
    error = math.sqrt((one * (1 - one) + other * (1 - other)) / max(1, rows))
    return abs(one - other) > max(OTHER_SHARE, ERRORS * error)
