"""PT150 and PT151: normalisations that do not belong to the inputs they get."""

import math
from collections.abc import Iterator

from pipetrace.explain.findings.finding import Evidence, Finding
from pipetrace.explain.findings.measured_run import MeasuredRun
from pipetrace.explain.findings.questions import POOR, margin, struggles
from pipetrace.explain.findings.rule import RunRule, as_note
from pipetrace.explain.formatting import figure
from pipetrace.trace.document import Stage
from pipetrace.trace.measurements import NormalizedInput

FOREIGN_STD = 5.0
"""Ratio of the standard deviations of what a frozen batch normalization gets and of what it was
trained on. Images of another kind stay within a factor of two, as contrast does; another scaling of
pixels is a factor of 60 (standardised against 0..255) or 255."""


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
            Evidence(
                f"The inputs of the frozen {stage.name} have {times} the standard deviation that "
                "it was trained on (median over its channels).",
                ratio,
                f"measurements[normalized_input/{stage.name}].std_ratio",
            ),
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
                Evidence(
                    f"The mean of {stage.name} is 0 and its variance 1, as before any adapt.",
                    0.0,
                    f"weights[{stage.name}/mean]",
                ),
                *run.how_well(),
                advice="Adapt it to the training inputs before the model is trained.",
                stage=stage.name,
                change=f"model.get_layer('{stage.name}').adapt(x_train)",
            )
            # Models of keras.applications without their weights have one, behind a Rescaling.
            yield found if struggles(run) else as_note(found)


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
