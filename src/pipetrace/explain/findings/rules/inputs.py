"""PT10x: what is wrong with the inputs."""

import math
from collections.abc import Iterator
from dataclasses import replace

from pipetrace.explain.findings.figures import (
    NORMALISING,
    PASSING,
    POOR,
    Figures,
    figures_of,
    margin,
)
from pipetrace.explain.findings.finding import ERROR, NOTE, Evidence, Finding
from pipetrace.explain.findings.rule import Rule
from pipetrace.explain.text import counted, figure
from pipetrace.trace.document import SOURCE, Stage, Trace
from pipetrace.trace.measurements import HELD_OUT, TRAINING, DatasetCheck, Signal

LARGE = 10.0
"""Inputs of a larger root mean square than this are not scaled. Initialisers are made for about 1 (Glorot and Bengio 2010;
LeCun et al. 1998, Efficient BackProp, section 4.3); with 10 a tanh unit starts with nine of ten rows where its slope is
below a tenth."""
SMALL = 0.02
"""Inputs of a smaller one were scaled too far, as when 0..255 is divided by 255 twice (at most 0.004)."""
UNEQUAL = 100.0
"""Ratio of the largest to the smallest column's standard deviation. The curvature of the loss goes with its square, so that
gradient descent takes some 10^4 steps along the small column when it is stable along the large one."""
FAR = 10.0
"""How many standard deviations the columns may lie from zero before one direction rules the curvature in the same way."""
SCALED_APART = 5.0
"""Ratio of the root mean squares of training and held-out inputs: no two samples of one distribution differ so much."""


class NotFiniteData(Rule):
    """NaN or infinity among the rows that training gets."""

    code = "PT101"
    name = "nan-in-data"
    category = "nan_in_data"
    level = ERROR
    needs = ("stages", "input values")
    root_cause_of = (
        *POOR,
        "PT102",
        "PT106",
        "PT108",
        "PT201",
        "PT202",
        "PT305",
        "PT401",
        "PT402",
        "PT405",
        "PT406",
        "PT502",
        "PT701",
    )
    what = "NaN or infinite values among the inputs or the targets."
    why = "One such value makes the loss of its batch, then every gradient and every weight NaN."

    def check(self, trace: Trace) -> Iterator[Finding]:
        facts = figures_of(trace)
        evidence, stage = [], None
        for source in (each for each in trace.stages if each.kind == SOURCE):
            if source.summary is not None and source.summary.non_finite:
                stage = source.name
                text = f"{source.summary.non_finite:,} of {source.summary.count:,} values of {source.name} are not finite."
                place = f"stages[{source.name}].summary"
                evidence.append(Evidence(text, float(source.summary.non_finite), place))
        check = facts.of(DatasetCheck, TRAINING)
        inputs, targets = check.inputs_not_finite or 0, check.targets_not_finite or 0
        if inputs and not evidence:
            text = f"{counted(inputs, 'value')} of the inputs {'is' if inputs == 1 else 'are'} not finite."
            evidence.append(
                Evidence(
                    text, float(inputs), "measurements[dataset_check/training].inputs_not_finite"
                )
            )
        if targets:
            text = f"{counted(targets, 'value')} of the targets {'is' if targets == 1 else 'are'} not finite."
            evidence.append(
                Evidence(
                    text, float(targets), "measurements[dataset_check/training].targets_not_finite"
                )
            )
        if not evidence:
            return
        found = self.found(
            "The data hold values that are no numbers: " + evidence[0].text,
            evidence,
            "Leave out or fill the rows with such values before training, or mask them in the loss.",
            stage=stage,
            change="keep = np.isfinite(x).all(axis=1) & np.isfinite(y).all(axis=1); x, y = x[keep], y[keep]",
        )
        # A model that masks them trains on.
        yield found if facts.broken else replace(found, level=NOTE, confidence=0.6)


class UnscaledInput(Rule):
    """Inputs whose scale hinders training, measured where they enter the first layer with a kernel."""

    code = "PT102"
    name = "input-not-scaled"
    category = "input_not_normalised"
    needs = ("stages", "activations")
    root_cause_of = (*POOR, "PT401", "PT405", "PT406", "PT502")
    what = "Values that enter the first layer with weights are far from a standard deviation of about 1."
    why = "Gradients grow with the inputs, so no learning rate suits all weights, and bounded units saturate at once."

    def check(self, trace: Trace) -> Iterator[Finding]:
        facts = figures_of(trace)
        for stage in entries(facts):
            # Normalising layers know their figures only after training.
            signal = facts.of(Signal, stage.name, facts.last)
            if signal.rms is None:
                signal = facts.of(Signal, stage.name, 0)
            if not signal.std:
                continue
            evidence = list(_badly_scaled(stage, signal, vector=len(stage.outputs[0].shape) == 2))
            if not evidence:
                continue
            found = self.found(
                evidence[0].text,
                [*evidence, *facts.how_well()],
                "Scale the inputs before the model, or put a Normalization layer in front: each column to mean 0 and "
                "standard deviation 1, pixels to 0..1. Use the figures of the training rows for all rows.",
                stage=stage.name,
                change="norm = keras.layers.Normalization(); norm.adapt(x_train)  # and the first layer of the model",
                confidence=0.9 if facts.behind is None or facts.behind > 0.2 else 0.7,
            )
            yield found if facts.struggles else replace(found, level=NOTE, confidence=0.6)
            return


class ConstantInput(Rule):
    """Inputs that are the same for every row."""

    code = "PT103"
    name = "constant-input"
    category = "constant_input"
    level = ERROR
    needs = ("stages", "activations", "training rows")
    root_cause_of = (*POOR, "PT401", "PT402", "PT405", "PT502")
    what = "An input that has the same values in every row."
    why = "What does not differ from row to row cannot tell the rows apart."

    def check(self, trace: Trace) -> Iterator[Finding]:
        facts = figures_of(trace)
        sources = [each for each in trace.stages if each.kind == SOURCE]
        for source in sources:
            epoch = 0 if facts.has(Signal, source.name, 0) else facts.last
            rows = facts.of(DatasetCheck, TRAINING).rows or 0
            if facts.of(Signal, source.name, epoch).std == 0 and rows > 1:
                yield self.found(
                    f"{source.name} is the same in all rows.",
                    [
                        Evidence(
                            "Its standard deviation over the rows is 0.",
                            0.0,
                            f"measurements[signal/{source.name}].std",
                        )
                    ],
                    "Look at how the rows are read or scaled; an integer division turns values below 1 into 0.",
                    stage=source.name,
                )


class ScaledApart(Rule):
    """Held-out inputs on another scale than those of training."""

    code = "PT104"
    name = "validation-scaled-differently"
    category = "input_not_normalised"
    needs = ("stages", "training rows", "validation rows")
    root_cause_of = (*POOR, "PT106", "PT108", "PT501")
    what = "Held-out inputs have another scale than the training inputs."
    why = (
        "The model is judged on values that it never saw, and its validation figures mean nothing."
    )

    def check(self, trace: Trace) -> Iterator[Finding]:
        facts = figures_of(trace)
        ours, theirs = (facts.of(DatasetCheck, rows).input_rms for rows in (TRAINING, HELD_OUT))
        if not ours or not theirs:
            return
        ratio = max(ours, theirs) / min(ours, theirs)
        if ratio >= SCALED_APART:
            text = (
                f"The root mean square of the held-out inputs is {figure(theirs)}, "
                f"of the training inputs {figure(ours)}."
            )
            yield self.found(
                text,
                [Evidence(text, theirs / ours, "measurements[dataset_check/held_out].input_rms")],
                "Apply the same steps, with the same figures, to the held-out rows and at prediction.",
                change="x_val = (x_val - mean_of_train) / std_of_train",
                confidence=margin(math.log(ratio), math.log(SCALED_APART), math.log(50)),
            )


def entries(facts: Figures) -> list[Stage]:
    """The stages whose outputs enter the first layers with a kernel, with nothing but changes of form and scale before."""
    found: list[Stage] = []
    for stage in facts.weighted:
        for spec in stage.inputs:
            before = next((each for each in facts.trace.stages if each.name == spec.source), None)
            if before is not None and before not in found and _only_form(facts, before):
                found.append(before)
    return found


def _only_form(facts: Figures, stage: Stage) -> bool:
    """Whether a stage is a source, or gives what a source gave in another form, place or scale."""
    current: Stage | None = stage
    while current is not None:
        if current.kind == SOURCE:
            return True
        plain = (
            current.layer in PASSING
            or current.layer in NORMALISING
            or current.layer in ("Rescaling", "Concatenate")
        )
        if current.kind != "step" and not plain:
            return False
        current = facts.before(current)
    return False


def _badly_scaled(stage: Stage, signal: Signal, *, vector: bool) -> Iterator[Evidence]:
    place = f"measurements[signal/{stage.name}]"
    rms, small, large = signal.rms or 0.0, signal.std_low or 0.0, signal.std_high or 0.0
    if rms > LARGE:
        yield Evidence(
            f"What leaves {stage.name} has a root mean square of {figure(rms)}.",
            rms,
            f"{place}.rms",
        )
    elif 0 < rms < SMALL:
        yield Evidence(
            f"What leaves {stage.name} has a root mean square of only {figure(rms)}.",
            rms,
            f"{place}.rms",
        )
    if vector and small > 0 and large / small > UNEQUAL:
        text = (
            f"The columns of {stage.name} have standard deviations from {figure(small)} to {figure(large)} (5 % and 95 % "
            "quantile)."
        )
        yield Evidence(text, large / small, f"{place}.std_high")
    center, spread = signal.mean_rms or 0.0, signal.std or 0.0
    if vector and center > FAR * spread and rms > 1:
        text = f"The columns of {stage.name} lie {figure(center / spread)} standard deviations from zero."
        yield Evidence(text, center / spread, f"{place}.mean_rms")
