"""PT302, PT305 and PT322: outputs, their targets, and the loss that compares them."""

import math
from collections.abc import Iterator
from dataclasses import replace

from pipetrace.explain import task
from pipetrace.explain.findings.finding import ERROR, Evidence, Finding
from pipetrace.explain.findings.measured_run import NO_SKILL, MeasuredRun
from pipetrace.explain.findings.questions import POOR, REGRESSION_LOSSES, margin, struggles
from pipetrace.explain.findings.rule import RunRule, as_note
from pipetrace.explain.formatting import counted, dimensions, figure, share
from pipetrace.trace.measurements import TRAINING, ClassOutcome, Outcome
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
"""nor do more where the model is as good as this; another loss or metric could not make it much
better either."""


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
            f"{share(min(1.0, outside))} of the targets are outside the range of {last} ({reach}).",
            outside,
            f"{place}.target_below_zero",
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


class LossMismatch(RunRule):
    code = "PT305"
    name = "loss-mismatch"
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
            change = "units=1"
            if target.whole and target.min >= 0:
                change = "loss='sparse_categorical_crossentropy'"
                change = change if last == "softmax" else f"activation='softmax'  # and {change}"
            found = self.fault(
                f"{output.stage} has {width} outputs for a row, but a target has one number; "
                f"{loss} compares it with all of them.",
                None,
                "run.data.targets[0].shape",
                *run.how_well(),
                advice="For class numbers use sparse categorical crossentropy with softmax. For "
                "one number use one unit.",
                stage=output.stage,
                change=change,
            )
            yield replace(found, level=ERROR)
        elif loss in task.YES_OR_NO and last == "softmax" and one_hot:
            found = self.fault(
                f"{loss} is for independent yes-or-no targets, but the {width} classes of "
                f"{output.stage} (softmax) are exclusive.",
                None,
                "run.training.losses",
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
            change = "activation=None  # and loss='mse'"
            if target.whole and low >= 0:
                change = f"keras.layers.Dense({int(high) + 1}, activation='softmax')"
                change += "  # and loss='sparse_categorical_crossentropy'"
            found = self.fault(
                f"{output.loss} expects targets from 0 to 1; these are {reach}.",
                high,
                "run.data.targets[0]",
                *run.how_well(),
                advice="For a regression use mean squared error and no last activation. For "
                "several classes use softmax, one unit for each class, and sparse categorical "
                "crossentropy.",
                stage=output.stage,
                change=change,
            )
            yield replace(found, level=ERROR)
        elif output.loss in task.CATEGORICAL and not target.whole and not logits:
            yield self.fault(
                f"{output.loss} expects classes; the targets are fractions {reach}.",
                high,
                "run.data.targets[0]",
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
            f"{output.loss} is a regression loss, but all targets are 0 or 1 (classes).",
            1.0,
            "measurements[outcome/training].target_binary",
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


Shape = tuple[int | None, ...]


class OutputShape(RunRule):
    code = "PT322"
    name = "output-shape-mismatch"
    category = "output_shape"
    level = ERROR
    needs = ("stages", "targets")
    root_cause_of = (*POOR, "PT305", "PT309", "PT402", "PT502")
    what = "An output has fewer values for a row than its target, and the loss repeats them."
    why = "One value is then compared with many, so the best the model can do is their mean."

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        for output in task.outputs(run.trace):
            target = output.target
            if target is None or output.loss not in REGRESSION_LOSSES | task.YES_OR_NO:
                continue
            given, wanted = without_last_ones(output.shape), without_last_ones(target.shape)
            if not _is_repeated(given, wanted):
                continue
            values, places = (
                math.prod(each or 1 for each in shape[1:]) for shape in (given, wanted)
            )
            change = f"keras.layers.Dense({places})" if len(wanted) == 2 else ""
            yield self.fault(
                f"{output.stage} has {counted(values, 'output')} for a row, its target has "
                f"{places:,} values; {output.loss} compares each output with several of them.",
                float(values),
                f"stages[{output.stage}].outputs[0].shape",
                Evidence(
                    f"The shape of a row's target is {dimensions(target.shape)}.",
                    float(places),
                    "run.data.targets[0].shape",
                ),
                advice="Give the output the shape of the target: a unit for each value, or a layer "
                "that keeps the steps (return_sequences=True).",
                stage=run.before_reshaping(output.stage).name,
                change=change,
            )


def without_last_ones(shape: Shape) -> Shape:
    """A shape without the last axes of length 1, which Keras drops before it compares."""
    while len(shape) > 1 and shape[-1] == 1:
        shape = shape[:-1]
    return shape


def _is_repeated(given: Shape, wanted: Shape) -> bool:
    """Whether an output is repeated along axes of its target: where it has a length of 1, or none
    but the rows."""
    if None in given[1:] or None in wanted[1:]:
        return False
    if len(given) == 1:
        return len(wanted) > 1
    pairs = list(zip(given[1:], wanted[1:], strict=False))
    return (
        len(given) == len(wanted)
        and any(one == 1 != other for one, other in pairs)
        and all(one in (1, other) for one, other in pairs)
    )
