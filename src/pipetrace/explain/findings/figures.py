"""Questions that several rules ask of a trace: how well the model does, against what, and what lies before what."""

import math
from functools import cached_property

from pipetrace.explain import task
from pipetrace.explain.findings.alignment import NO_SKILL, misaligned
from pipetrace.explain.findings.finding import Evidence
from pipetrace.explain.findings.measurements import Measured, skill_of
from pipetrace.explain.text import figure
from pipetrace.trace.document import LAYER, SOURCE, STEP, Stage, Trace
from pipetrace.trace.measurements import (
    HELD_OUT,
    LINEAR,
    TRAINING,
    BaselineModel,
    Dimensions,
    LossPoint,
    Outcome,
    PrincipalComponents,
    Update,
)

POOR = ("PT308", "PT309", "PT310")
"""The rules that only say that the outcome is poor: whatever says why explains them."""
BEHIND = 0.2
"""How far a model may stay behind the better simple learner before it counts: about two standard errors of the difference
of two shares of 300 rows."""
BEHIND_REBUILT = 0.6
"""The same for a model that gives its input again: principal components are the best that any linear code of that width
can do, and networks come close to them only after very many epochs."""
NORMALISING = frozenset(
    {
        "BatchNormalization",
        "LayerNormalization",
        "GroupNormalization",
        "UnitNormalization",
        "Normalization",
        "RMSNormalization",
        "SpectralNormalization",
    }
)
BENT = frozenset(
    {
        "relu",
        "relu6",
        "elu",
        "selu",
        "gelu",
        "silu",
        "swish",
        "leaky_relu",
        "tanh",
        "sigmoid",
        "softplus",
        "softsign",
        "hard_sigmoid",
        "hard_silu",
        "hard_swish",
        "hard_tanh",
        "mish",
        "exponential",
        "softmax",
        "log_softmax",
        "celu",
        "glu",
        "prelu",
        "thresholdedrelu",
        "crelu",
        "sparsemax",
        "squareplus",
        "tanh_shrink",
        "log_sigmoid",
    }
)
"""Activations that are no straight line."""
RECTIFIERS = frozenset({"relu", "relu6", "leaky_relu", "elu", "selu", "gelu", "silu", "swish"})
LAYER_ACTIVATIONS = {
    "ReLU": "relu",
    "LeakyReLU": "leaky_relu",
    "ELU": "elu",
    "PReLU": "prelu",
    "Softmax": "softmax",
    "ThresholdedReLU": "thresholdedrelu",
}
"""Layers that are an activation."""
PASSING = frozenset(
    {
        "Dropout",
        "Flatten",
        "Reshape",
        "Permute",
        "Identity",
        "SpatialDropout1D",
        "SpatialDropout2D",
        "SpatialDropout3D",
        "GaussianNoise",
        "GaussianDropout",
        "AlphaDropout",
        "ActivityRegularization",
        "ZeroPadding1D",
        "ZeroPadding2D",
        "ZeroPadding3D",
        "Cropping1D",
        "Cropping2D",
        "Cropping3D",
        "RepeatVector",
        "InputLayer",
    }
)
"""Layers that bend nothing: what two straight layers on both sides do, one could do."""

__all__ = ["NO_SKILL", "POOR", "Figures", "figures_of", "margin"]


class Figures(Measured):
    """A trace with its measurements, and what several rules make of them.

    Args:
        trace: any.
    """

    @cached_property
    def last(self) -> int:
        """The last epoch that was recorded, 0 where there is none."""
        return self.trace.epochs[-1].number if self.trace.epochs else 0

    @cached_property
    def output(self) -> task.Output | None:
        """The single output, or None where there are several."""
        return task.only(self.trace)

    @cached_property
    def final(self) -> str | None:
        """The activation that the single output went through last."""
        return (
            None
            if self.output is None
            else task.activation(self.trace, self.stage(self.output.stage))
        )

    @cached_property
    def final_stage(self) -> Stage | None:
        """The stage that gives the final activation, behind what only changes the form."""
        if self.output is None:
            return None
        stage = self.stage(self.output.stage)
        while stage.layer in PASSING:
            before = self.before(stage)
            if before is None:
                break
            stage = before
        return stage

    def stage(self, name: str) -> Stage:
        """The stage of that name."""
        return self.trace.stage(name)

    @cached_property
    def layers(self) -> list[Stage]:
        """The stages within the model."""
        return [stage for stage in self.trace.stages if stage.kind not in (SOURCE, STEP)]

    def before(self, stage: Stage) -> Stage | None:
        """The stage that the first input comes from."""
        name = stage.inputs[0].source if stage.inputs else None
        return next((each for each in self.trace.stages if each.name == name), None)

    def after(self, stage: Stage) -> list[Stage]:
        """The stages that take a stage's output."""
        return [
            each for each in self.layers if any(spec.source == stage.name for spec in each.inputs)
        ]

    @cached_property
    def weighted(self) -> list[Stage]:
        """The layers that have a kernel."""
        return [
            stage
            for stage in self.layers
            if any(weight.name.endswith("kernel") for weight in stage.weights)
        ]

    @cached_property
    def kernels(self) -> list[str]:
        """The kernels that train, ``dense/kernel``, in the order of execution."""
        return [
            f"{stage.name}/{weight.name}"
            for stage in self.weighted
            for weight in stage.weights
            if weight.trainable
            and weight.name.split("/")[-1] in ("kernel", "pointwise_kernel", "depthwise_kernel")
        ]

    # How well it does

    @cached_property
    def judged(self) -> str:
        """The rows by which the model is judged: held-out ones where there are any."""
        return HELD_OUT if self.has(Outcome, HELD_OUT) else TRAINING

    @cached_property
    def baseline_skill(self) -> float | None:
        """The skill of the better baseline model on the judged rows; None where none was measured."""
        outcome = self.of(Outcome, self.judged)
        found = []
        for baseline in self.baselines.values():
            if baseline.classification != (outcome.balanced_accuracy is not None):
                return None  # One has classes and the other numbers, as for the pixels of a mask.
            held_out = self.judged == HELD_OUT
            if baseline.classification:
                share = baseline.held_out_balanced if held_out else baseline.balanced
                found.append(None if share is None else skill_of(share, outcome.classes_present))
            else:
                found.append(baseline.held_out if held_out else baseline.score)
        return max((each for each in found if each is not None), default=None)

    @cached_property
    def baselines(self) -> dict[str, BaselineModel]:
        """The baseline models that were measured, by name."""
        return {name: self.of(BaselineModel, name) for name in self.names(BaselineModel)}

    @cached_property
    def width(self) -> int:
        """The least number of values that a row has at any stage within the model."""
        widths = [self.of(Dimensions, stage.name).values for stage in self.layers]
        return min((each for each in widths if each), default=0)

    @cached_property
    def attainable(self) -> float | None:
        """What the model should reach at least, by what baseline models reach on the same rows; None where not known."""
        if not self.rebuilds:
            return self.baseline_skill
        fits = [
            part.r2
            for name in self.names(PrincipalComponents)
            if int(name) <= self.width
            and (part := self.of(PrincipalComponents, name)).r2 is not None
        ]
        return max(fits) - BEHIND_REBUILT if fits else None

    @cached_property
    def behind(self) -> float | None:
        """How far the judged skill stays behind what is attainable; None where either is not known."""
        skill = self.skill(self.judged)
        return None if skill is None or self.attainable is None else self.attainable - skill

    @cached_property
    def broken(self) -> bool:
        """Whether the loss or a kernel stopped being a number."""
        norms = [self.of(Update, name, self.last).weight_norm for name in self.kernels]
        if any(norm is not None and not math.isfinite(norm) for norm in norms):
            return True
        return any(
            not math.isfinite(epoch.metrics.get("loss", 0.0)) for epoch in self.trace.epochs
        ) or any(event.kind == "loss" for event in self.trace.events)

    @cached_property
    def struggles(self) -> bool:
        """Whether the model does no better than guessing, or clearly less well than a simple learner, or broke."""
        if self.broken:
            return True
        skill = self.skill(self.judged)
        if skill is None:
            return False
        attainable = self.attainable
        if (
            attainable is not None
            and attainable <= NO_SKILL
            and not self._blind
            and misaligned(self) is None
        ):
            return False  # Nobody learns anything from these rows, and nothing says that it should be otherwise.
        return skill < NO_SKILL or (
            self.behind is not None and self.behind > (0 if self.rebuilds else BEHIND)
        )

    @cached_property
    def _blind(self) -> bool:
        """Whether the simple learners cannot read the rows: numbers of words, whose size means nothing."""
        return any(stage.layer == "Embedding" for stage in self.layers)

    @cached_property
    def underfits(self) -> bool:
        """Whether it struggles on the very rows that it was trained on."""
        skill, attainable = self.skill(TRAINING), self.attainable
        if self.broken:
            return True
        if skill is None or not self.struggles:
            return False
        return skill < NO_SKILL or (
            attainable is not None and skill < attainable - (0 if self.rebuilds else BEHIND)
        )

    def how_well(self) -> list[Evidence]:
        """The model's skill, and that of the simple learners, as evidence."""
        found = []
        outcome = self.of(Outcome, self.judged)
        rows = "held-out rows" if self.judged == HELD_OUT else "training rows"
        place = f"measurements[outcome/{self.judged}]"
        if outcome.accuracy is not None:
            text = (
                f"On the {rows} the model is right on {100 * outcome.accuracy:.3g} %; always naming the most frequent "
                f"class is right on {100 * (outcome.majority_share or 0):.3g} %."
            )
            found.append(Evidence(text, outcome.accuracy, f"{place}.accuracy"))
        elif outcome.r2 is not None:
            text = f"On the {rows} R2 is {figure(outcome.r2)}; predicting the mean gives 0."
            found.append(Evidence(text, outcome.r2, f"{place}.r2"))
        if self.baseline_skill is not None and not self.rebuilds and self.baseline_skill > NO_SKILL:
            found.append(self._better_baseline())
        return found

    def _better_baseline(self) -> Evidence:
        """The score of the better baseline model on the judged rows."""
        field = "held_out" if self.judged == HELD_OUT else "score"
        scores = {
            name: each.held_out if self.judged == HELD_OUT else each.score
            for name, each in self.baselines.items()
        }
        name, value = max(
            ((name, score) for name, score in scores.items() if score is not None),
            key=lambda each: each[1],
            default=(LINEAR, math.nan),
        )
        baseline = self.of(BaselineModel, name)
        kind = "A linear fit" if name == LINEAR else "Kernel ridge regression"
        got = (
            f"is right on {100 * value:.3g} %"
            if baseline.classification
            else f"reaches R2 {figure(value)}"
        )
        text = f"{kind} on {baseline.rows or 0} of the training rows {got} of the same rows."
        return Evidence(text, value, f"measurements[baseline_model/{name}].{field}")

    # What kind of thing it is

    def activation(self, stage: Stage) -> str:
        """The activation that a stage applies itself; ``linear`` where it applies none."""
        if stage.layer in LAYER_ACTIVATIONS:
            return LAYER_ACTIVATIONS[stage.layer or ""]
        config = stage.config
        wrapped = config.get("layer")
        if "activation" not in config and isinstance(wrapped, dict):
            config = wrapped.get("config") or {}
        found = config.get("activation")
        if isinstance(found, dict):
            found = found.get("class_name") or found.get("config")
        if found is None and stage.kind != LAYER:
            return (stage.layer or "linear").lower()
        return str(found or "linear").lower()

    def loss_at(self, epoch: int) -> float | None:
        """The loss of fixed training rows in training mode after an epoch, 0 for before the first one."""
        return self.of(LossPoint, TRAINING, epoch).loss


_latest: tuple[Trace, Figures] | None = None


def figures_of(trace: Trace) -> Figures:
    """The figures of a trace; those of the latest one are kept, since every rule asks for them."""
    global _latest  # noqa: PLW0603 one place to remember
    kept = _latest
    if kept is None or kept[0] is not trace:
        kept = (trace, Figures(trace))
        _latest = kept
    return kept[1]


def margin(value: float, limit: float, sure: float) -> float:
    """How sure a finding is: 0.6 where the figure just passes its limit, 0.95 from where there is no doubt left."""
    if not (math.isfinite(value) and sure != limit):
        return 0.95
    return round(0.6 + 0.35 * min(1.0, max(0.0, (value - limit) / (sure - limit))), 2)
