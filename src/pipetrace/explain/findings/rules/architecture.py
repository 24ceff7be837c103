"""PT6xx: how the network is built and how it starts."""

import math
from collections.abc import Iterator
from dataclasses import replace

from pipetrace.explain.facts import updates
from pipetrace.explain.findings.figures import (
    BENT,
    NO_SKILL,
    NORMALISING,
    PASSING,
    POOR,
    Figures,
    figures_of,
    margin,
)
from pipetrace.explain.findings.finding import ERROR, NOTE, Evidence, Finding
from pipetrace.explain.findings.rule import Rule
from pipetrace.explain.findings.rules.units import hidden
from pipetrace.explain.text import counted, figure, share
from pipetrace.trace.document import Stage, Trace
from pipetrace.trace.measurements import (
    KERNEL,
    LINEAR,
    TRAINING,
    TRAINING_MODE,
    BaselineModel,
    Dimensions,
    Gradient,
    InitialWeight,
    Outcome,
    Signal,
    Update,
)

FADED = 0.05
"""Spread of the rows at the last hidden stage over that at the first one, before training. Under Glorot initialisation a ReLU
layer keeps about 0.7 of it, so that this is some nine layers' loss; He initialisation keeps all of it (He et al. 2015)."""
WEAK = 0.5
"""Standard deviation of a kernel over that of Glorot's initialisation, below which the initialisation takes the signal away."""
STRONG = 5.0
"""The same above which it saturates or blows up what follows."""
GROWN = 100.0
"""Spread of the rows at a stage over that of the inputs, from which a network blows its inputs up."""
DRAWN = 0.03
"""Relative difference of a standard deviation from its initialiser's: two standard errors for 2,000 weights."""


class BadInitialisation(Rule):
    """Weights that start far from where signals keep their size."""

    code = "PT601"
    name = "bad-initialisation"
    category = "bad_init"
    needs = ("stages", "outcomes", "activations", "initial weights")
    root_cause_of = (*POOR, "PT201", "PT202", "PT401", "PT402", "PT405", "PT406", "PT502", "PT604")
    what = "Kernels start so small that the rows' differences fade from layer to layer, or so large that they blow up."
    why = "What does not reach the last layer cannot be learned from, and gradients fade in the same way on their way back."

    def check(self, trace: Trace) -> Iterator[Finding]:
        facts = figures_of(trace)
        if not facts.struggles:
            return
        ratios = {
            stage.name: ratio
            for stage in facts.weighted
            if (ratio := against_glorot(facts, stage)) is not None
        }
        weak = [name for name, ratio in ratios.items() if ratio < WEAK]
        strong = [name for name, ratio in ratios.items() if ratio > STRONG]
        lost = faded(facts)
        if lost is not None and len(weak) >= 2 and not _squashed(facts):
            part, last = lost
            text = (
                f"Before training the rows differ at {last.name} by {figure(part)} "
                "of what they do at the first hidden layer."
            )
            name = weak[0]
        elif len(strong) >= 2 and (facts.broken or grown(facts) > GROWN):
            name, part = strong[0], ratios[strong[0]]
            text = f"{counted(len(strong), 'kernel')} start at {STRONG:g} times Glorot's standard deviation and more."
        else:
            return
        start = facts.of(InitialWeight, _kernel(facts, name), 0)
        line = (
            f"The kernel of {name} starts with a standard deviation of {figure(start.std or 0.0)}; Glorot's is "
            f"{figure((start.std or 0.0) / ratios[name])}."
        )
        yield self.found(
            text,
            [
                Evidence(text, part, f"measurements[signal/{name}, epoch 0].std"),
                Evidence(line, ratios[name], f"measurements[initial_weight/{name}/kernel].std"),
                *facts.how_well(),
            ],
            "Use the initialiser that fits the activation: he_normal for ReLU, glorot_uniform (the default) for tanh.",
            stage=name,
            change="kernel_initializer='he_normal'",
            confidence=0.9,
        )


class Symmetric(Rule):
    """Units that start as copies of each other."""

    code = "PT602"
    name = "identical-units"
    category = "bad_init"
    level = ERROR
    needs = ("stages", "initial weights")
    root_cause_of = (*POOR, "PT201", "PT401", "PT402", "PT405", "PT502", "PT601", "PT604", "PT607")
    what = "All units of a layer start with the same weights."
    why = "Equal units get equal gradients and stay equal, so the layer is worth a single unit."

    ALIKE = 0.9
    """Share of units with a twin."""

    def check(self, trace: Trace) -> Iterator[Finding]:
        facts = figures_of(trace)
        ends = facts.final_stage.name if facts.final_stage is not None else None
        for stage in facts.weighted:
            duplicates = facts.of(InitialWeight, _kernel(facts, stage.name), 0).duplicate_units
            # The last layer may start at zero: its units have targets of their own, which tell them apart.
            if (
                duplicates is None
                or duplicates < self.ALIKE
                or stage.name == ends
                or not stage.parameters.trainable
            ):
                continue
            text = f"{share(duplicates)} of the units of {stage.name} start with the weights of another unit."
            found = self.found(
                text,
                [
                    Evidence(
                        text,
                        duplicates,
                        f"measurements[initial_weight/{stage.name}/kernel].duplicate_units",
                    ),
                    *facts.how_well(),
                ],
                "Start from random weights.",
                stage=stage.name,
                change="kernel_initializer='glorot_uniform'",
            )
            yield found if facts.struggles else replace(found, level=NOTE, confidence=0.6)
            return


class FrozenByAccident(Rule):
    """Layers that do not train and were never trained."""

    code = "PT603"
    name = "frozen-layers"
    category = "frozen_layers"
    needs = ("stages", "initial weights")
    root_cause_of = (*POOR, "PT402", "PT502")
    what = "Layers that do not train and hold weights as an initialiser draws them, in a model that does not learn well."
    why = "Frozen layers are of use where they were trained before; features of chance stay features of chance."

    def check(self, trace: Trace) -> Iterator[Finding]:
        facts = figures_of(trace)
        frozen = [
            stage
            for stage in facts.weighted
            if not any(weight.trainable for weight in stage.weights)
        ]
        drawn = [stage for stage in frozen if _as_drawn(facts, stage)]
        if not drawn or _knows_data(facts):
            return
        held = sum(stage.parameters.frozen for stage in drawn)
        whole = trace.run.model.parameters.total if trace.run.model else held
        text = f"{counted(len(drawn), 'layer')} with {held:,} of {whole:,} parameters do not train and were never trained."
        std = facts.of(InitialWeight, _kernel(facts, drawn[0].name), 0).std or 0.0
        line = (
            f"The kernel of {drawn[0].name} has a standard deviation of "
            f"{figure(std)}, as an initialiser gives it."
        )
        found = self.found(
            text,
            [
                Evidence(text, float(held), f"stages[{drawn[0].name}].parameters"),
                Evidence(line, std, f"measurements[initial_weight/{drawn[0].name}/kernel].std"),
                *facts.how_well(),
            ],
            "Set trainable=True before compile, or load trained weights into them.",
            stage=drawn[0].name,
            change="layer.trainable = True  # for each of them, then compile again",
            confidence=0.9,
        )
        yield found if facts.struggles else replace(found, level=NOTE, confidence=0.6)


class SignalDies(Rule):
    """A network in which the rows' differences are lost."""

    code = "PT604"
    name = "vanishing-signal"
    category = "architecture"
    needs = ("stages", "outcomes", "activations")
    root_cause_of = (*POOR, "PT201", "PT402", "PT405", "PT502")
    what = "A chain of layers so deep or narrow that the rows no longer differ behind it."
    why = "The last layer can only tell apart what still differs when it arrives there."

    def check(self, trace: Trace) -> Iterator[Finding]:
        facts = figures_of(trace)
        skill = facts.skill(TRAINING)
        if not facts.struggles or skill is None or facts.broken:
            return
        lost = faded(facts)
        ratios = [
            ratio for stage in facts.weighted if (ratio := against_glorot(facts, stage)) is not None
        ]
        weak = sum(ratio < WEAK for ratio in ratios) >= 2
        if lost is not None and not weak and not _squashed(facts) and skill < NO_SKILL:
            part, last = lost
            text = (
                f"Before training the rows differ at {last.name} by {figure(part)} "
                "of what they do at the first hidden layer."
            )
            evidence = [Evidence(text, part, f"measurements[signal/{last.name}, epoch 0].std")]
            directions = facts.of(Dimensions, last.name).participation_ratio
            if directions is not None:
                line = f"After training they differ there in {figure(directions)} directions."
                evidence.append(
                    Evidence(
                        line,
                        directions,
                        f"measurements[dimensions/{last.name}].participation_ratio",
                    )
                )
            yield self.found(
                text,
                [*evidence, *facts.how_well()],
                "Take fewer and wider layers, He initialisation and BatchNormalization, or connections past the layers.",
                stage=last.name,
                change="keras.layers.Dense(64, activation='relu', kernel_initializer='he_normal')",
                confidence=margin(-math.log10(max(part, 1e-12)), -math.log10(FADED), 3.0),
            )
            return
        yield from self._narrow(facts)

    def _narrow(self, facts: Figures) -> Iterator[Finding]:
        """A hidden layer with fewer units than it takes to tell the classes apart."""
        classes = facts.of(Outcome, TRAINING).classes_present or 0
        if classes < 4 or not facts.underfits:
            return
        # One rectified unit orders the rows on a half line; k classes want about log2(k) directions at the very least.
        need = math.ceil(math.log2(classes))
        for stage in hidden(facts):
            width = facts.of(Dimensions, stage.name).values
            if stage in facts.weighted and width is not None and width < need:
                text = f"{stage.name} has {counted(width, 'unit')} for {classes} classes."
                yield self.found(
                    text,
                    [
                        Evidence(text, float(width), f"stages[{stage.name}].outputs[0].shape"),
                        *facts.how_well(),
                    ],
                    "Give every hidden layer at least as many units as there are classes.",
                    stage=stage.name,
                    change=f"keras.layers.Dense({max(16, 4 * classes)}, activation='relu')",
                    confidence=0.8,
                )
                return


class NoBend(Rule):
    """Layers with weights that follow each other with nothing bent between them."""

    code = "PT605"
    name = "missing-activation"
    category = "missing_activation"
    needs = ("stages", "baseline models")
    root_cause_of = (*POOR, "PT502")
    what = "No activation between layers with weights, in a network that is a single straight map for it."
    why = "Straight maps one after the other are one straight map, so the layers add weights and no ability."

    GAIN = 0.03
    """Skill of the bent simple learner over that of the straight one, from which a bend pays."""

    def check(self, trace: Trace) -> Iterator[Finding]:
        facts = figures_of(trace)
        pairs = [
            (first, second) for first in facts.weighted for second in _next_kernels(facts, first)
        ]
        if not pairs:
            return
        gain = _gain(facts)
        whole = all(not bends(facts, stage) for stage in hidden(facts))
        first, second = pairs[0]
        text = f"Between {first.name} and {second.name} is no activation" + (
            ", nor anywhere else: the network is one straight map." if whole else "."
        )
        evidence = [Evidence(text, None, f"stages[{first.name}].config.activation")]
        if gain is not None:
            line = f"A simple learner that bends is {figure(gain)} better in skill than a straight one on the same rows."
            evidence.append(Evidence(line, gain, "measurements[baseline_model/kernel].score"))
        found = self.found(
            text,
            [*evidence, *facts.how_well()],
            "Give the layers within the network an activation.",
            stage=first.name,
            change="activation='relu'",
            confidence=0.9 if whole else 0.6,
        )
        costs = whole and facts.struggles and gain is not None and gain >= self.GAIN
        yield found if costs else replace(found, level=NOTE, confidence=0.6)


class NoGradient(Rule):
    """Weights that no gradient reaches."""

    code = "PT607"
    name = "no-gradient"
    category = "no_gradient"
    needs = ("stages", "epochs", "gradients", "weight updates")
    root_cause_of = (*POOR, "PT402")
    what = "Trainable kernels whose gradient is zero all through training."
    why = "They stay as they were drawn: the loss does not depend on them."

    def check(self, trace: Trace) -> Iterator[Finding]:
        facts = figures_of(trace)
        if not trace.epochs or facts.broken:
            return
        for name in facts.kernels:
            course = facts.course(Gradient, name, lambda each: each.max)
            moved = facts.of(Update, name, facts.last).from_start
            if len(course) >= 2 and not any(course.values()) and moved == 0:
                text = (
                    f"The gradient of {name} was 0 at every measurement, and it did not "
                    f"move in {counted(len(trace.epochs), 'epoch')}."
                )
                found = self.found(
                    text,
                    [Evidence(text, 0.0, f"measurements[gradient/{name}].max"), *facts.how_well()],
                    "See whether its output reaches a loss: through stop_gradient, argmax or rounding nothing comes back.",
                    stage=name.rpartition("/")[0],
                    epochs=[epoch for epoch in course if epoch],
                    confidence=0.9,
                )
                yield found
                return


class ModesDisagree(Rule):
    """A model that gives another thing in prediction than in training."""

    code = "PT606"
    name = "train-inference-mismatch"
    category = "batch_normalisation"
    needs = ("stages", "outcomes")
    root_cause_of = (*POOR, "PT501", "PT502")
    what = "The same rows come out far worse in prediction mode than in training mode."
    why = "BatchNormalization uses moving averages in prediction; where these lag behind the batches it computes another thing."

    GAP = 0.3
    """Skill in training mode less that in prediction mode, on the same rows."""

    def check(self, trace: Trace) -> Iterator[Finding]:
        facts = figures_of(trace)
        learning, predicting = facts.skill(TRAINING_MODE), facts.skill(TRAINING)
        layer = next((stage for stage in facts.layers if stage.layer == "BatchNormalization"), None)
        if (
            learning is None
            or predicting is None
            or layer is None
            or learning - predicting < self.GAP
        ):
            return
        momentum = layer.config.get("momentum")
        made = updates(trace)
        text = (
            f"On the same training rows skill is {figure(learning)} in training "
            f"mode and {figure(predicting)} in prediction mode."
        )
        evidence = [Evidence(text, learning - predicting, "measurements[outcome/training_mode]")]
        if isinstance(momentum, (int, float)) and momentum < 1 and made:
            line = f"The moving averages take in about {1 / (1 - momentum):.0f} steps; {made:,} were made."
            evidence.append(Evidence(line, momentum, f"stages[{layer.name}].config.momentum"))
        yield self.found(
            text,
            evidence,
            "Lower the momentum of BatchNormalization, train for more steps, or use larger batches.",
            stage=layer.name,
            change="keras.layers.BatchNormalization(momentum=0.9)",
            confidence=margin(learning - predicting, self.GAP, 0.6),
        )


def against_glorot(facts: Figures, stage: Stage) -> float | None:
    """The standard deviation that a stage's kernel starts with over Glorot's; None where it was not measured."""
    start = facts.of(InitialWeight, _kernel(facts, stage.name), 0)
    # A handful of weights tells no standard deviation.
    if (
        start.std is None
        or not start.fan_in
        or not start.fan_out
        or start.fan_in * start.fan_out < 16
    ):
        return None
    # Glorot and Bengio (2010)
    return start.std / math.sqrt(2 / (start.fan_in + start.fan_out))


def faded(facts: Figures) -> tuple[float, Stage] | None:
    """How much of the rows' differences the last hidden stage has of the first one's, before training, where it is little."""
    # Behind an activation, since bounded ones take the size away, but not the differences.
    behind = [
        stage
        for stage in hidden(facts)
        if facts.activation(stage) in BENT and stage.layer not in PASSING
    ]
    spreads = [(facts.of(Signal, stage.name, 0).std, stage) for stage in behind]
    known = [(spread, stage) for spread, stage in spreads if spread is not None]
    if len(known) < 3 or not known[0][0]:
        return None
    # What comes after a normalising layer has its size again.
    if any(stage.layer in NORMALISING for stage in facts.layers):
        return None
    part = known[-1][0] / known[0][0]
    return (part, known[-1][1]) if part < FADED else None


def grown(facts: Figures) -> float:
    """The largest spread of the rows at a stage before training, over that of the inputs."""
    spreads = {
        stage.name: facts.of(Signal, stage.name, 0).std or 0.0 for stage in facts.trace.stages
    }
    first = max(
        (spreads[stage.name] for stage in facts.trace.stages if stage.kind == "source"), default=0.0
    )
    return max(spreads.values(), default=0.0) / first if first > 0 else 0.0


def bends(facts: Figures, stage: Stage) -> bool:
    """Whether a stage is no straight map of its input."""
    if facts.activation(stage) in BENT or (
        "Pooling" in (stage.layer or "") and "Max" in (stage.layer or "")
    ):
        return True
    straight = (
        *PASSING,
        "Dense",
        "EinsumDense",
        "Rescaling",
        "Concatenate",
        "Add",
        "Average",
        "Subtract",
        "BatchNormalization",
        "Normalization",
        "UpSampling1D",
        "UpSampling2D",
        "AveragePooling1D",
        "AveragePooling2D",
        "GlobalAveragePooling1D",
        "GlobalAveragePooling2D",
        "TimeDistributed",
        "Activation",
    )
    return not (
        stage.layer in straight
        or (stage.layer or "").startswith(("Conv", "DepthwiseConv", "SeparableConv"))
    )


def _squashed(facts: Figures) -> bool:
    """Whether most hidden activations are sigmoids or softmaxes, whose slope of at most 1/4 takes the signal away."""
    kinds = [facts.activation(stage) for stage in hidden(facts)]
    bent = [kind for kind in kinds if kind in BENT]
    return (
        bool(bent)
        and sum(kind in ("sigmoid", "softmax", "hard_sigmoid") for kind in bent) > len(bent) / 2
    )


def _kernel(facts: Figures, stage: str) -> str:
    """The name of a stage's kernel."""
    names = [
        f"{stage}/{weight.name}"
        for weight in facts.stage(stage).weights
        if weight.name.endswith("kernel")
    ]
    return names[0] if names else f"{stage}/kernel"


def _next_kernels(facts: Figures, stage: Stage) -> list[Stage]:
    """The layers with a kernel that get what a stage gives with nothing bent between; none where it bends itself."""
    if facts.activation(stage) in BENT or stage.layer not in (
        "Dense",
        "Conv1D",
        "Conv2D",
        "Conv3D",
    ):
        return []
    found, left = [], facts.after(stage)
    while left:
        current = left.pop()
        if current in facts.weighted and current.layer in ("Dense", "Conv1D", "Conv2D", "Conv3D"):
            found.append(current)
        elif current.layer in PASSING or (
            current.layer == "Activation" and facts.activation(current) == "linear"
        ):
            left += facts.after(current)
    # A narrow layer between wide ones is a straight map of low rank, which is of use (as in MobileNetV2).
    return [each for each in found if not _narrower(stage, each)]


def _narrower(stage: Stage, following: Stage) -> bool:
    width, before, after = (
        stage.outputs[0].shape[-1],
        stage.inputs[0].shape[-1],
        following.outputs[0].shape[-1],
    )
    return None not in (width, before, after) and (width or 0) < min(before or 0, after or 0)


def _gain(facts: Figures) -> float | None:
    kernel, linear = facts.of(BaselineModel, KERNEL), facts.of(BaselineModel, LINEAR)
    if kernel.held_out is not None and linear.held_out is not None:
        return kernel.held_out - linear.held_out
    if kernel.score is not None and linear.score is not None:
        return kernel.score - linear.score
    return None


def _knows_data(facts: Figures) -> bool:
    """Whether a frozen normalisation has averages of data, which it can only have from an earlier pass of training."""
    averages = [
        facts.of(InitialWeight, f"{stage.name}/moving_mean", 0)
        for stage in facts.layers
        if stage.layer == "BatchNormalization" and not stage.parameters.trainable
    ]
    return any(each.std or each.mean for each in averages)


def _as_drawn(facts: Figures, stage: Stage) -> bool:
    """Whether a stage's weights are as an initialiser of Keras draws them: its standard deviation, and no bias yet."""
    start = facts.of(InitialWeight, _kernel(facts, stage.name), 0)
    if not start.std or not start.fan_in or not start.fan_out:
        return False
    bias = facts.of(InitialWeight, f"{stage.name}/bias", 0)
    if bias.std or bias.mean:
        return False
    fans = start.fan_in, start.fan_out
    usual = (
        math.sqrt(2 / sum(fans)),
        math.sqrt(2 / fans[0]),
        math.sqrt(1 / fans[0]),
        0.05,
        0.05 / math.sqrt(3),
    )
    count = fans[0] * fans[1]
    near = max(DRAWN, 3 / math.sqrt(2 * count))
    return any(abs(start.std / each - 1) < near for each in usual)
