"""PT101 to PT104, PT150, PT151: inputs, and what normalises them."""

import math
from collections.abc import Iterator

from pipetrace.explain.findings.finding import ERROR, Evidence, Finding
from pipetrace.explain.findings.measured_run import MeasuredRun
from pipetrace.explain.findings.questions import POOR, margin, model_inputs, struggles
from pipetrace.explain.findings.rule import RunRule, as_note
from pipetrace.explain.formatting import counted, figure, share
from pipetrace.explain.other_rows import SCALE, SHIFT, other_columns, other_rms
from pipetrace.trace.document import Stage
from pipetrace.trace.measurements import TRAINING, DatasetCheck, NormalizedInput, Signal

LARGE_INPUT_RMS = 10.0
"""Initializers are made for a root mean square of about 1 (Glorot and Bengio 2010; LeCun et al.
1998, Efficient BackProp, section 4.3). With 10, nine of ten rows put a tanh unit where its
derivative is below a tenth."""
SMALL_INPUT_RMS = 0.02
"""Inputs below this were scaled too far, as when 0..255 is divided by 255 twice (at most 0.004)."""
COLUMN_STD_RATIO = 100.0
"""The curvature of the loss goes with its square: gradient descent that is stable along the largest
column takes 10^4 steps along the smallest."""
COLUMN_MEAN_STDS = 10.0
"""Standard deviations from zero, beyond which one direction dominates the curvature in the same
way."""
FOREIGN_STD = 5.0
"""Ratio of the standard deviations of what a frozen batch normalization gets and of what it was
trained on. Images of another kind stay within a factor of two, as contrast does; another scaling of
pixels is a factor of 60 (standardised against 0..255) or 255."""


class NanInData(RunRule):
    code = "PT101"
    name = "nan-in-data"
    level = ERROR
    needs = ("stages", "input values")
    root_cause_of = (
        *POOR,
        *("PT102", "PT106", "PT108", "PT201", "PT202", "PT305"),
        *("PT401", "PT402", "PT405", "PT406", "PT502", "PT701"),
    )
    what = "The inputs or the targets contain NaN or Inf."
    why = "One such value makes the loss of its batch NaN, then every gradient and every weight."

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        evidence, stage = [], None
        for source in run.sources:
            if source.summary is not None and source.summary.non_finite:
                bad, count = source.summary.non_finite, source.summary.count
                stage = source.name
                text = f"{bad:,} of {count:,} values of {source.name} are NaN or Inf."
                evidence.append(Evidence(text, float(bad), f"stages[{source.name}].summary"))
        check, place = run.of(DatasetCheck, TRAINING), "measurements[dataset_check/training]"
        if check.inputs_not_finite and not evidence:
            evidence.append(_not_finite(check.inputs_not_finite, "inputs", place))
        if check.targets_not_finite:
            evidence.append(_not_finite(check.targets_not_finite, "targets", place))
        if not evidence:
            return
        found = self.shown(
            *evidence,
            advice="Remove or fill these rows before training, or mask them in the loss.",
            stage=stage,
            change="keep = [np.isfinite(row).all() and np.isfinite(target).all() "
            "for row, target in zip(x, y)]; x, y = x[keep], y[keep]",
        )
        # A model that masks them trains on.
        yield found if run.broken else as_note(found)


class InputNotScaled(RunRule):
    code = "PT102"
    name = "input-not-scaled"
    category = "input_not_normalised"
    needs = ("stages", "activations")
    root_cause_of = (*POOR, "PT401", "PT405", "PT406", "PT502", "PT607")
    what = (
        "The inputs of the first layer with weights are far from a standard deviation of about 1."
    )
    why = (
        "Gradients grow with the inputs, so no learning rate suits all weights. Bounded units "
        "saturate at once."
    )

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        for stage in model_inputs(run):
            # Frozen weights have no gradients, and want the inputs that they were trained on.
            users = [each for each in run.after(stage) if each in run.weighted]
            if not any(each.parameters.trainable for each in users):
                continue
            # Normalising layers know their statistics only after training.
            signal = run.of(Signal, stage.name, run.last_epoch)
            if signal.rms is None:
                signal = run.of(Signal, stage.name, 0)
            evidence = list(_badly_scaled(stage, signal)) if signal.std else []
            if evidence:
                found = self.shown(
                    *evidence,
                    *run.how_well(),
                    advice="Scale each column to mean 0 and standard deviation 1, and pixels to "
                    "0..1, before the model or with a Normalization layer. Use the statistics of "
                    "the training rows for all rows.",
                    stage=stage.name,
                    change="norm = keras.layers.Normalization(); norm.adapt(x_train)  # the "
                    "first layer",
                    confidence=0.9 if run.behind is None or run.behind > 0.2 else 0.7,
                )
                yield found if struggles(run) else as_note(found)
                return


class ConstantInput(RunRule):
    code = "PT103"
    name = "constant-input"
    level = ERROR
    needs = ("stages", "activations", "training rows")
    root_cause_of = (*POOR, "PT401", "PT402", "PT405", "PT502")
    what = "An input has the same values in every row."
    why = "Values that never differ cannot tell rows apart."

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        if (run.of(DatasetCheck, TRAINING).rows or 0) < 2:
            return
        for source in run.sources:
            epoch = 0 if run.has(Signal, source.name, 0) else run.last_epoch
            if run.of(Signal, source.name, epoch).std == 0:
                yield self.fault(
                    f"{source.name} is the same in all rows: its standard deviation is 0.",
                    0.0,
                    f"measurements[signal/{source.name}].std",
                    advice="Check how the rows are read and scaled. An integer division turns "
                    "values below 1 into 0.",
                    stage=source.name,
                )


class ValidationScaledDifferently(RunRule):
    code = "PT104"
    name = "validation-scaled-differently"
    category = "input_not_normalised"
    needs = ("stages", "training rows", "validation rows")
    root_cause_of = (*POOR, "PT106", "PT108", "PT501")
    what = (
        "The columns of the validation inputs have another mean, scale or sign than those of the "
        "training inputs."
    )
    why = (
        "The model is validated on values that it never saw, so its validation metrics mean "
        "nothing."
    )

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        evidence = [each for each in (_other_rms(run), *_other_columns(run)) if each]
        if evidence:
            yield self.shown(
                *evidence,
                advice="Apply the same preprocessing, with the statistics of the training rows, "
                "to the validation rows and at prediction.",
                change="x_val = (x_val - mean_of_train) / std_of_train",
                confidence=0.95 if len(evidence) > 1 else 0.8,
            )


class FrozenBasePreprocessing(RunRule):
    code = "PT150"
    name = "frozen-base-preprocessing"
    category = "preprocessing_of_the_base"
    needs = ("stages", "normalized inputs")
    root_cause_of = (*POOR, "PT201", "PT202", "PT402", "PT404", "PT501", "PT502", "PT604")
    what = "A frozen, trained base gets inputs of another scale than it was trained on."
    why = (
        "Its weights and moving averages cannot adapt, so its features mean nothing for such "
        "inputs."
    )

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        found = _first_frozen(run)
        if found is None:
            return
        stage, ratio = found
        if 1 / FOREIGN_STD <= ratio <= FOREIGN_STD:
            return
        times = f"{figure(ratio)} times"
        yield self.fault(
            f"The inputs of the frozen {stage.name} have {times} the standard deviation that "
            "it was trained on (median over its channels).",
            ratio,
            f"measurements[normalized_input/{stage.name}].std_ratio",
            *run.how_well(),
            advice="Preprocess the inputs as those that the base was trained on, such as with the "
            "preprocess_input of its module in keras.applications, and in no other way.",
            stage=_entry(run, stage).name,
            confidence=margin(abs(math.log(ratio)), math.log(FOREIGN_STD), math.log(50)),
        )


class NormalizationNotAdapted(RunRule):
    code = "PT151"
    name = "normalization-not-adapted"
    category = "input_not_normalised"
    root_cause_of = (*POOR, "PT102", "PT401", "PT405", "PT406", "PT502")
    what = "A Normalization layer was never adapted: its mean is 0 and its variance 1."
    why = "It passes its inputs on as they are, at whatever scale."

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        for stage in run.layers:
            if stage.layer != "Normalization" or stage.config.get("mean") is not None:
                continue
            mean, variance = (
                run.trace.weights.get(f"{stage.name}/{name}") for name in ("mean", "variance")
            )
            if mean is None or variance is None or mean.any() or (variance != 1).any():
                continue
            found = self.fault(
                f"The mean of {stage.name} is 0 and its variance 1, as before any adapt.",
                0.0,
                f"weights[{stage.name}/mean]",
                *run.how_well(),
                advice="Adapt it to the training inputs before the model is trained.",
                stage=stage.name,
                change=f"model.get_layer('{stage.name}').adapt(x_train)",
            )
            # Models of keras.applications without their weights have one, behind a Rescaling.
            yield found if struggles(run) else as_note(found)


def _other_rms(run: MeasuredRun) -> Evidence | None:
    rms = other_rms(run.trace.measurements)
    if rms is None:
        return None
    ours, theirs = rms
    return Evidence(
        f"The root mean square of the validation inputs is {figure(theirs)}, that of the training "
        f"inputs {figure(ours)}.",
        theirs / ours,
        "measurements[dataset_check/validation].input_rms",
    )


def _other_columns(run: MeasuredRun) -> Iterator[Evidence]:
    """What the columns of validation rows have other than those of training rows."""
    ours = run.of(DatasetCheck, TRAINING)
    if run.reads_tokens:
        return
    for name, value in other_columns(run.trace.measurements).items():
        if name == SHIFT:
            text = (
                f"The median column of the validation rows has a mean {figure(value)} standard "
                f"deviations from that of the training rows (between halves of these "
                f"{figure(ours.column_shift or 0.0)})."
            )
        elif name == SCALE:
            text = (
                "The standard deviations of the median column of training and validation rows "
                f"differ by a factor of {figure(value)} (between halves of the training rows "
                f"{figure(ours.column_scale or 1.0)})."
            )
        else:
            text = (
                f"{share(value)} of the columns have values below zero in only one of the training "
                "and validation rows."
            )
        yield Evidence(text, value, f"measurements[dataset_check/validation].{name}")


def _not_finite(count: int, which: str, place: str) -> Evidence:
    are = "is" if count == 1 else "are"
    text = f"{counted(count, 'value')} of the {which} {are} NaN or Inf."
    return Evidence(text, float(count), f"{place}.{which}_not_finite")


def _badly_scaled(stage: Stage, signal: Signal) -> Iterator[Evidence]:
    place, name = f"measurements[signal/{stage.name}]", stage.name
    columns = any(len(spec.shape) == 2 for spec in stage.outputs[:1])
    rms, low, high = signal.rms or 0.0, signal.std_low or 0.0, signal.std_high or 0.0
    if rms > LARGE_INPUT_RMS or 0 < rms < SMALL_INPUT_RMS:
        only = "only " if rms < SMALL_INPUT_RMS else ""
        text = f"The output of {name} has a root mean square of {only}{figure(rms)}."
        yield Evidence(text, rms, f"{place}.rms")
    if columns and low > 0 and high / low > COLUMN_STD_RATIO:
        text = (
            f"The columns of {name} have standard deviations from {figure(low)} to {figure(high)} "
            "(5 % and 95 % quantile)."
        )
        yield Evidence(text, high / low, f"{place}.std_high")
    mean, std = signal.mean_rms or 0.0, signal.std or 0.0
    if columns and mean > COLUMN_MEAN_STDS * std and rms > 1:
        text = f"The columns of {name} are {figure(mean / std)} standard deviations from zero."
        yield Evidence(text, mean / std, f"{place}.mean_rms")


def _first_frozen(run: MeasuredRun) -> tuple[Stage, float] | None:
    """The first batch normalization that was trained and is frozen, and its ratio of deviations.

    Only that one tells of the preprocessing; those behind it get what the first one made.
    """
    for stage in run.layers:
        own = [each for each in stage.weights if not each.name.startswith("moving_")]
        if stage.layer != "BatchNormalization" or not own or any(each.trainable for each in own):
            continue
        course = run.course(NormalizedInput, stage.name, lambda each: each.std_ratio)
        ratio = next(reversed(course.values()), None)
        return (stage, ratio) if ratio else None
    return None


def _entry(run: MeasuredRun, stage: Stage) -> Stage:
    """The first frozen layer with weights on the way to a stage: what gets the inputs."""
    entry, current = stage, run.before(stage)
    while current is not None:
        if current.weights and not current.parameters.trainable:
            entry = current
        current = run.before(current)
    return entry
