"""PT604 to PT607: how the network is built."""

import math
from collections.abc import Iterator

from pipetrace.explain.facts import updates
from pipetrace.explain.findings.finding import Evidence, Finding
from pipetrace.explain.findings.layer_kinds import NONLINEAR, RESHAPING
from pipetrace.explain.findings.measured_run import NO_SKILL, MeasuredRun
from pipetrace.explain.findings.pace import hardly_begun
from pipetrace.explain.findings.questions import (
    FADED,
    POOR,
    faded_signal,
    glorot_ratios,
    log_margin,
    margin,
    of_all_alike,
    struggles,
    underfits,
    weak_kernels,
)
from pipetrace.explain.findings.rule import RunRule, as_note
from pipetrace.explain.formatting import counted, figure
from pipetrace.trace.document import Stage
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
    Update,
)

NONLINEAR_GAIN = 0.03
"""Score of the non-linear baseline model above the linear one, from which an activation pays."""
MODE_GAP, MODE_ERRORS = 0.1, 4.0
"""Skill in training mode above that in prediction mode on the same rows, and the same in standard
errors. Those are of different rows, and wider than the ones of the same rows."""
MODE_GAP_OF_NUMBERS = 0.3
"""The same for R2, which has no such error."""
MODE_LOSS, LOSS_OF_START = 2.0, 0.1
"""Loss in prediction mode over that in training mode; the difference counts if it is a tenth of the
loss before training."""
MODE_SHIFT, MODE_STD = 0.5, 1.5
"""A layer differs between the modes if its mean moves by half a standard deviation, or its standard
deviation by this factor."""
LINEAR_LAYERS = frozenset(
    {
        *RESHAPING,
        *("Dense", "EinsumDense", "TimeDistributed", "Activation", "Concatenate"),
        *("Add", "Average", "Subtract", "Rescaling", "Normalization", "BatchNormalization"),
        *("UpSampling1D", "UpSampling2D", "AveragePooling1D", "AveragePooling2D"),
        *("GlobalAveragePooling1D", "GlobalAveragePooling2D"),
    }
)
"""Layers that are linear without an activation; so are convolutions."""
STACKED = ("Dense", "Conv1D", "Conv2D", "Conv3D")


class VanishingSignal(RunRule):
    code = "PT604"
    name = "vanishing-signal"
    category = "architecture"
    needs = ("stages", "outcomes", "activations")
    root_cause_of = (*POOR, "PT201", "PT402", "PT405", "PT502")
    what = "The layers are so deep or narrow that the signal vanishes."
    why = "The last layer can only separate rows that still differ when they arrive there."

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        skill, faded = run.skill(TRAINING), faded_signal(run)
        if not struggles(run) or skill is None or run.broken:
            return
        if hardly_begun(run):
            return  # What arrives grows with training.
        if faded is None or weak_kernels(glorot_ratios(run)) or skill >= NO_SKILL:
            yield from self._narrow(run)
            return
        name = faded.place.removeprefix("measurements[signal/").partition(",")[0]
        evidence = [faded]
        directions = run.of(Dimensions, name).participation_ratio
        if directions is not None:
            text = f"After training the rows differ there in {figure(directions)} directions."
            place = f"measurements[dimensions/{name}].participation_ratio"
            evidence.append(Evidence(text, directions, place))
        yield self.shown(
            *evidence,
            *run.how_well(),
            advice="Use fewer and wider layers, He initialization, BatchNormalization, or skip "
            "connections.",
            stage=name,
            change=of_all_alike(run, "activation='relu', kernel_initializer='he_normal'", name),
            confidence=log_margin(faded.value or 0.0, FADED, 3.0),
        )

    def _narrow(self, run: MeasuredRun) -> Iterator[Finding]:
        """A hidden layer with fewer units than needed to separate the classes."""
        classes = run.of(Outcome, TRAINING).classes_present or 0
        if classes < 4 or not underfits(run):
            return
        # A ReLU unit orders the rows on a half line: k classes need about log2(k) directions.
        needed = math.ceil(math.log2(classes))
        widths = {
            stage.name: width
            for stage in run.hidden
            if stage in run.weighted
            and (width := run.of(Dimensions, stage.name).values) is not None
        }
        name = next((name for name, width in widths.items() if width < needed), None)
        if name is None:
            return
        key = "filters" if "filters" in run.stage(name).config else "units"
        yield self.fault(
            f"{name} has {counted(widths[name], 'unit')} for {classes} classes.",
            float(widths[name]),
            f"stages[{name}].outputs[0].shape",
            *run.how_well(),
            advice="Give every hidden layer at least as many units as there are classes.",
            stage=name,
            change=f"{key}={max(16, 4 * classes)}",
            confidence=0.8,
        )


class MissingActivation(RunRule):
    code = "PT605"
    name = "missing-activation"
    needs = ("stages", "baseline models")
    root_cause_of = (*POOR, "PT502")
    what = "There is no activation between layers with weights, so the network is linear."
    why = "Stacked linear layers are equivalent to one linear layer."

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        pairs = ((first, second) for first in run.weighted for second in _next_kernels(run, first))
        first, second = next(pairs, (None, None))
        if first is None or second is None:
            return
        linear = all(_is_linear(run, stage) for stage in run.hidden)
        text = f"There is no activation between {first.name} and {second.name}"
        text += ", nor anywhere else: the network is linear." if linear else "."
        evidence = [Evidence(text, None, f"stages[{first.name}].config.activation")]
        gain = _nonlinear_gain(run)
        if gain is not None and gain >= NONLINEAR_GAIN:
            text = (
                f"A non-linear baseline model scores {figure(gain)} higher than a linear one on "
                "the same rows."
            )
            evidence.append(Evidence(text, gain, "measurements[baseline_model/kernel].score"))
        found = self.shown(
            *evidence,
            *run.how_well(),
            advice="Give the hidden layers an activation.",
            stage=first.name,
            change=of_all_alike(run, "activation='relu'", first.name),
            confidence=0.9 if linear else 0.6,
        )
        harms = linear and struggles(run) and gain is not None and gain >= NONLINEAR_GAIN
        yield found if harms else as_note(found)


class TrainInferenceMismatch(RunRule):
    code = "PT606"
    name = "train-inference-mismatch"
    category = "batch_normalisation"
    needs = ("stages", "outcomes")
    root_cause_of = (*POOR, "PT501", "PT502")
    what = "The model does far worse in prediction mode than in training mode, on the same rows."
    why = (
        "In prediction BatchNormalization uses moving averages. If they lag behind the batches, "
        "the outputs differ."
    )

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        layer = _first_that_differs(run)
        # Dropout and augmentation make training mode worse, so they cannot be the cause.
        evidence = [] if layer is None else [*_apart(run), *_other_loss(run)]
        if layer is None or not evidence:
            return
        before = run.of(InitialWeight, f"{layer.name}/moving_mean", 0)
        momentum, made = layer.config.get("momentum"), updates(run.trace)
        if before.mean or before.std:
            text = f"{layer.name} had learned its moving averages before this training."
            place = f"measurements[initial_weight/{layer.name}/moving_mean, epoch 0].std"
            evidence.append(Evidence(text, before.std, place))
            advice = (
                "Freeze BatchNormalization in a model that was trained before, then compile. "
                "In Keras 3 training=False in the call of a frozen part does not keep its averages."
            )
            change = "layer.trainable = False  # for each BatchNormalization, then compile again"
        else:
            advice = (
                "Lower the momentum of BatchNormalization, train for more steps, or use larger "
                "batches."
            )
            change = "keras.layers.BatchNormalization(momentum=0.9)"
        if isinstance(momentum, (int, float)) and momentum < 1 and made:
            steps = 1 / (1 - momentum)
            text = f"The moving averages need about {steps:.0f} steps; training made {made:,}."
            evidence.append(Evidence(text, momentum, f"stages[{layer.name}].config.momentum"))
        yield self.shown(
            *evidence,
            advice=advice,
            stage=layer.name,
            change=change,
            confidence=margin(evidence[0].value or 0.0, MODE_GAP, 0.6),
        )


class NoGradient(RunRule):
    code = "PT607"
    name = "no-gradient"
    needs = ("stages", "epochs", "gradients", "weight updates")
    root_cause_of = (*POOR, "PT402", "PT405")
    what = "The gradient of trainable kernels is zero throughout training."
    why = "They keep their initial weights: the loss does not depend on them."

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        epochs = len(run.trace.epochs)
        if not epochs or run.broken:
            return
        for name in run.kernels:
            if run.of(Update, name, run.last_epoch).from_start != 0:
                continue
            course = run.course(Gradient, name, lambda each: each.max)
            if len(course) >= 2 and not any(course.values()):
                yield self.fault(
                    f"The gradient of {name} was 0 at every measurement, and it did not move "
                    f"in {counted(epochs, 'epoch')}.",
                    0.0,
                    f"measurements[gradient/{name}].max",
                    *run.how_well(),
                    advice="Check that its output reaches the loss. No gradient passes "
                    "stop_gradient, argmax or rounding.",
                    stage=run.owner(name),
                    epochs=[epoch for epoch in course if epoch],
                    confidence=0.9,
                )
                return


def _first_that_differs(run: MeasuredRun) -> Stage | None:
    """The first BatchNormalization that trains and gives something else in prediction mode.

    Where that was not measured, the first that trains. A frozen one uses its averages always.
    """
    layers = [
        each
        for each in run.layers
        if each.layer == "BatchNormalization"
        and (each.parameters.trainable or each.config.get("scale") is False)
    ]
    for stage in layers:
        trained, used = stage.training, stage.prediction
        if trained is None or used is None or not trained.std or not used.std:
            continue
        shift = abs((trained.mean or 0.0) - (used.mean or 0.0)) / trained.std
        ratio = max(trained.std, used.std) / min(trained.std, used.std)
        if shift >= MODE_SHIFT or ratio >= MODE_STD:
            return stage
    return layers[0] if layers else None


def _apart(run: MeasuredRun) -> list[Evidence]:
    """That skill is lower in prediction mode than in training mode."""
    training, prediction = run.skill(TRAINING_MODE), run.skill(TRAINING)
    if training is None or prediction is None:
        return []
    gap, least = training - prediction, MODE_GAP_OF_NUMBERS
    found = run.of(Outcome, TRAINING_MODE), run.of(Outcome, TRAINING)
    shares = [each.accuracy for each in found if each.accuracy is not None]
    rows = min(each.rows or 0 for each in found)
    if len(shares) == 2 and rows:
        error = math.sqrt(sum(each * (1 - each) / rows for each in shares))
        least = max(MODE_GAP, MODE_ERRORS * error)
    if gap < least:
        return []
    text = (
        f"On the same training rows skill is {figure(training)} in training mode and "
        f"{figure(prediction)} in prediction mode."
    )
    return [Evidence(text, gap, "measurements[outcome/training_mode]")]


def _other_loss(run: MeasuredRun) -> list[Evidence]:
    """That the loss is far higher in prediction mode."""
    training, prediction = run.of(Outcome, TRAINING_MODE).loss, run.of(Outcome, TRAINING).loss
    start = run.of(Outcome, TRAINING, 0).loss
    if training is None or prediction is None or start is None or not training > 0:
        return []
    if prediction / training < MODE_LOSS or prediction - training < LOSS_OF_START * start:
        return []
    text = (
        f"The loss of these rows is {figure(training)} in training mode and {figure(prediction)} "
        "in prediction mode."
    )
    return [Evidence(text, prediction / training, "measurements[outcome/training_mode].loss")]


def _is_linear(run: MeasuredRun, stage: Stage) -> bool:
    """Whether a stage is a linear map of its input."""
    layer = stage.layer or ""
    convolution = layer.startswith(("Conv", "DepthwiseConv", "SeparableConv"))
    return run.activation(stage) not in NONLINEAR and (layer in LINEAR_LAYERS or convolution)


def _next_kernels(run: MeasuredRun, stage: Stage) -> Iterator[Stage]:
    """The layers with a kernel that get a stage's output without an activation between."""
    if run.activation(stage) in NONLINEAR or stage.layer not in STACKED or _is_projection(stage):
        return
    weighted, seen = {each.name for each in run.weighted}, set[str]()
    left = run.after(stage)
    while left:
        current = left.pop()
        if current.name in seen:
            continue
        seen.add(current.name)
        linear = current.layer == "Activation" and run.activation(current) == "linear"
        # A narrow layer between wide ones is a low-rank map, which is useful (as in MobileNetV2),
        # and one that only changes the number of channels is meant to be linear (residual paths).
        if current.name in weighted and current.layer in STACKED:
            if not _narrower(stage, current) and not _is_projection(current):
                yield current
        elif current.layer in RESHAPING or linear:
            left += run.after(current)


def _is_projection(stage: Stage) -> bool:
    """Whether a convolution looks at one position at a time."""
    size = stage.config.get("kernel_size") or ()
    return bool(size) and all(each == 1 for each in (size if isinstance(size, list) else [size]))


def _narrower(stage: Stage, following: Stage) -> bool:
    if not (stage.inputs and stage.outputs and following.outputs):
        return False
    width, before = stage.outputs[0].shape[-1], stage.inputs[0].shape[-1]
    after = following.outputs[0].shape[-1]
    return None not in (width, before, after) and (width or 0) < min(before or 0, after or 0)


def _nonlinear_gain(run: MeasuredRun) -> float | None:
    kernel, linear = run.of(BaselineModel, KERNEL), run.of(BaselineModel, LINEAR)
    if kernel.validation is not None and linear.validation is not None:
        return kernel.validation - linear.validation
    if kernel.score is not None and linear.score is not None:
        return kernel.score - linear.score
    return None
