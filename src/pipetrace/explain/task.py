"""What each output of a model is, decided from facts: the last activation, the loss, the target
and the shapes."""

from dataclasses import dataclass

import numpy as np

from pipetrace.explain.cache import once
from pipetrace.trace.document import OP, SOURCE, STEP, Array, Spec, Stage, Trace
from pipetrace.trace.measurements import TRAINING, Outcome
from pipetrace.trace.rows import Target
from pipetrace.trace.training import Config

# What is predicted at each position: one of k classes, yes or no, several times yes or no,
# numbers, or unknown.
CLASSES, BINARY, MULTILABEL, NUMBERS = "classes", "binary", "multilabel", "numbers"
UNKNOWN = "unknown"
# The positions of a row: one, one after another, a grid, or more axes than that.
ROW, STEPS, PICTURE, OTHER = "row", "steps", "picture", "other"
# The values: probabilities, scores of which the loss makes probabilities, scores of another kind,
# or numbers.
PROBABILITIES, LOGITS, SCORES, PLAIN = "probabilities", "logits", "scores", "plain"
SEQUENCE, IMAGE, MASK = "sequence", "image", "mask"
THRESHOLD = 0.5
"""Above this probability an answer is yes, as in Keras' metrics."""

# The losses of Keras by what they compare.
SPARSE, CATEGORICAL_LOSS, BINARY_LOSS = (
    f"{kind} crossentropy" for kind in ("sparse categorical", "categorical", "binary")
)
CROSSENTROPIES = frozenset({SPARSE, CATEGORICAL_LOSS, BINARY_LOSS})
CATEGORICAL = frozenset({SPARSE, CATEGORICAL_LOSS, "categorical focal crossentropy"})
YES_OR_NO = frozenset({BINARY_LOSS, "binary focal crossentropy"})
LOSSES_OF = {CLASSES: CATEGORICAL, BINARY: YES_OR_NO}
"""The losses that are for one of several classes, and for yes or no."""
SHORT_NAMES = {
    "mse": "mean squared error",
    "mae": "mean absolute error",
    "mape": "mean absolute percentage error",
    "msle": "mean squared logarithmic error",
    "logcosh": "log cosh",
    "bce": "binary crossentropy",
}
DISTANCES = frozenset({"huber", "poisson", "cosine similarity", *SHORT_NAMES.values()} - YES_OR_NO)
HINGES = frozenset({"hinge", "squared hinge", "categorical hinge"})
KNOWN_LOSSES = CATEGORICAL | YES_OR_NO | DISTANCES | HINGES
"""Losses of Keras; any other may be of anything."""

ACTIVATIONS = frozenset({"softmax", "sigmoid", "log_softmax", "relu", "tanh", "linear"})
PASSING = frozenset(
    {"Reshape", "Flatten", "Dropout", "Permute", "Identity", "Squeeze", "ExpandDims"}
)
"""Layers whose outputs are what they received, in another form."""
CHANNELS = (1, 3, 4)
"""The channels that an image can have: grey, colours, or colours and transparency."""


@dataclass(frozen=True)
class Output:
    """One output of the model."""

    name: str | None  # its name, or None where the model has one output only
    # stage, index: the stage that computes it, and which of that stage's outputs it is
    stage: str
    index: int
    shape: tuple[int | None, ...]  # of a batch, None for the rows
    # ``classes``, ``binary``, ``multilabel``, ``numbers`` or ``unknown``: what is predicted at each
    # position
    what: str
    layout: str  # ``row``, ``steps``, ``picture`` or ``other``: how many positions there are
    scale: str  # ``probabilities``, ``logits``, ``scores`` or ``plain``
    # in words, such as "mean squared error"; None where there is none, or it is unknown
    loss: str | None
    target: Target | None  # facts on its target, or None

    @property
    def form(self) -> str:
        """``classes``, ``binary``, ``multilabel``, ``numbers``, ``sequence``, ``image``, ``mask``
        or ``unknown``."""
        if self.layout == ROW:
            return self.what
        if self.layout == STEPS:
            return SEQUENCE
        if self.layout == PICTURE and self.what in (CLASSES, BINARY):
            return MASK
        drawn = self.layout == PICTURE and (len(self.shape) == 3 or self.shape[-1] in CHANNELS)
        return IMAGE if drawn else UNKNOWN

    @property
    def classes(self) -> int:
        """How many classes it predicts; 0 where it predicts none."""
        if self.what == BINARY:
            return 2
        return (self.shape[-1] or 0) if self.what == CLASSES else 0

    @property
    def of_classes(self) -> bool:
        """Whether each row has one class."""
        return self.form in (CLASSES, BINARY)


@once
def outputs(trace: Trace) -> tuple[Output, ...]:
    """The model's outputs, in its own order; none where the run failed before them, or where a
    training step calls the parts of a model that has no ``call``.

    If the trace names no outputs, the last stage within the model is the output. While none of
    these is recorded yet, what the model gives is unknown.
    """
    inside = [stage for stage in trace.stages if stage.kind not in (SOURCE, STEP)]
    model, last = trace.run.model, inside[-1] if inside else None
    specs = model.outputs if model else ()
    if trace.run.step is not None and trace.run.step.own:
        return ()
    if not specs and last is not None and last.outputs:
        specs = (Spec(last.outputs[0].shape, last.outputs[0].dtype, last.name),)
    return tuple(
        _output(trace, spec, stage, position, alone=len(specs) == 1)
        for position, spec in enumerate(specs)
        if (stage := trace.stages.by_name.get(spec.source or "")) is not None
    )


IMAGE_SIDE = 8
"""An axis of an image has this length at least."""
LAYING_OUT = frozenset({"Flatten", "Reshape"})
SAME_SHAPE = frozenset({"Rescaling", "Normalization", "Dropout", "GaussianNoise", "InputLayer"})


@once
def flat_images(trace: Trace) -> frozenset[str]:
    """The stages whose outputs are images without an axis of channels, ``(rows, height, width)``.

    The rows are if the model gives them that axis, or if it takes squares apart into single values,
    as it would not take steps; then an output of their shape is an image too.
    """
    taken = {spec.source for stage in trace.stages for spec in stage.inputs}
    found: dict[str | None, tuple[int | None, ...]] = {}
    for stage in trace.stages:
        shape = stage.outputs[0].shape if len(stage.outputs) == 1 else ()
        before = found.get(stage.inputs[0].source) if stage.inputs else None
        is_first = stage.kind in (SOURCE, STEP) and _may_be_image(shape)
        if is_first or (shape == before and (stage.layer in SAME_SHAPE or stage.kind == OP)):
            found[stage.name] = shape
    images = {
        spec.source
        for stage in trace.stages
        for spec in stage.inputs
        if spec.source in found and _is_image(found[spec.source], stage)
    }
    shapes = {found[name] for name in images if name}
    ends = {
        stage.name
        for stage in trace.stages
        if stage.name not in taken and stage.outputs and stage.outputs[0].shape in shapes
    }
    return frozenset(ends | {name for name, shape in found.items() if name and shape in shapes})


def _may_be_image(shape: tuple[int | None, ...]) -> bool:
    return len(shape) == 3 and all((length or 0) >= IMAGE_SIDE for length in shape[1:])


def _is_image(shape: tuple[int | None, ...], user: Stage) -> bool:
    """Whether what a stage does with values of this shape is done with images."""
    given = user.outputs[0].shape if user.outputs else ()
    if len(given) == 4 and given[1:3] == shape[1:] and given[3] in CHANNELS:
        return True
    return user.layer in LAYING_OUT and len(given) == 2 and shape[1] == shape[2]


def only(trace: Trace) -> Output | None:
    """The model's output where it has just one."""
    found = outputs(trace)
    return found[0] if len(found) == 1 else None


def shares(output: Output, values: Array) -> Array | None:
    """A row's output, ``(..., classes)`` for classes, as probabilities; None where it is not that.

    Where the loss takes logits, this is the softmax or the sigmoid that it applies to them.
    """
    if values.dtype.kind not in "fiub" or not values.size or not np.isfinite(values).all():
        return None
    if output.what == CLASSES:
        if output.scale == LOGITS:
            powers = np.exp(values - values.max(axis=-1, keepdims=True))
            result: Array = powers / powers.sum(axis=-1, keepdims=True)
            return result
        error = np.abs(values.sum(axis=-1, dtype=float) - 1).max()
        close = error < (5e-3 if values.dtype.itemsize == 2 else 1e-3)
        return values if close and values.min() >= 0 else None
    if output.what not in (BINARY, MULTILABEL):
        return None
    if output.scale == LOGITS:
        # The same for both signs, without powers beyond the largest float.
        small = np.exp(-np.abs(values))
        chosen: Array = np.where(values >= 0, 1 / (1 + small), small / (1 + small))
        return chosen
    inside = values.min() >= 0 and values.max() <= 1
    return values if output.scale == PROBABILITIES and inside else None


def plain_loss(name: str) -> str:
    """A loss in plain words: ``MeanSquaredError``, ``mean_squared_error`` and ``mse`` are one."""
    if "_" not in name:
        name = "".join(f" {letter}" if letter.isupper() else letter for letter in name)
    words = " ".join(name.replace("_", " ").lower().split())
    return SHORT_NAMES.get(words.replace(" ", ""), words)


def activation(trace: Trace, stage: Stage) -> str | None:
    """The last activation before a stage's output: ``softmax``, ``linear``, ...; None where
    unknown."""
    for _ in trace.stages:
        kind = (stage.layer or "").lower()
        if kind in ACTIVATIONS:
            return kind
        found = own_activation(stage.config)
        if found or stage.layer not in PASSING or not stage.inputs:
            return found
        before = trace.stages.by_name.get(stage.inputs[0].source or "")
        if before is None:
            return None
        stage = before
    return None


def own_activation(config: Config) -> str | None:
    """The activation in a layer's configuration, ``linear`` for none; None where it has no such
    setting."""
    wrapped = config.get("layer")
    if "activation" not in config and isinstance(wrapped, dict):  # such as TimeDistributed
        inner = wrapped.get("config")
        return own_activation(inner) if isinstance(inner, dict) else None
    found = config.get("activation", "")
    if isinstance(found, dict):
        found = found.get("class_name", "")
    return "linear" if found is None else str(found).lower() or None


def _output(trace: Trace, spec: Spec, stage: Stage, position: int, *, alone: bool) -> Output:
    targets = trace.run.data.targets
    target = targets[position] if position < len(targets) else None
    shape = stage.outputs[spec.output].shape if spec.output < len(stage.outputs) else spec.shape
    layout = {1: ROW, 2: ROW, 3: STEPS, 4: PICTURE}.get(len(shape), OTHER)
    if stage.name in flat_images(trace):
        layout = PICTURE
    last = activation(trace, stage) if spec.output == 0 else None
    loss = _loss(trace, (spec.name, stage.name, str(position)), alone=alone)
    what = _measured(trace, position, shape, alone=alone) or _what(loss, last, target, shape)
    scale = _scale(what, last, loss, trace.run.training.from_logits)
    name = None if alone else spec.name or stage.name
    return Output(name, stage.name, spec.output, shape, what, layout, scale, loss, target)


def _loss(trace: Trace, keys: tuple[str | None, ...], *, alone: bool) -> str | None:
    """The loss of an output, which is stored under one of these keys; of a single output under
    any."""
    training = trace.run.training
    found = [training.losses[key] for key in keys if key and key in training.losses]
    if alone:
        found += [*training.losses.values()]
        found += [training.loss] if "," not in training.loss else []
    return plain_loss(found[0]) if found and found[0] else None


def _measured(
    trace: Trace, position: int, shape: tuple[int | None, ...], *, alone: bool
) -> str | None:
    """What the targets were measured to be: ``classes`` or ``binary``; None for anything else."""
    name = TRAINING if alone else f"{TRAINING}/{position}"
    epochs = trace.measurements.epochs(Outcome, name)
    if not epochs or trace.measurements.of(Outcome, name, epochs[-1]).classes is None:
        return None
    return BINARY if len(shape) < 2 or shape[-1] == 1 else CLASSES


def _what(
    loss: str | None, last: str | None, target: Target | None, shape: tuple[int | None, ...]
) -> str:
    width = 1 if len(shape) < 2 else shape[-1] or 0
    several = BINARY if width == 1 else MULTILABEL
    if loss in CATEGORICAL:
        return CLASSES if width > 1 else UNKNOWN
    if loss in YES_OR_NO:
        if target is None:
            # An autoencoder may rebuild grey values between 0 and 1 with this loss.
            return NUMBERS if len(shape) == 4 else several
        return several if target.whole else NUMBERS
    if last == "softmax" and width > 1:
        return CLASSES
    if loss in DISTANCES or (target is not None and not target.whole):
        return NUMBERS
    flags = target is not None and target.whole and (target.min or 0) >= 0 and target.max == 1
    return several if last == "sigmoid" and flags else UNKNOWN


def _scale(what: str, last: str | None, loss: str | None, from_logits: bool) -> str:
    if what in (NUMBERS, UNKNOWN):
        return PLAIN
    if last == ("softmax" if what == CLASSES else "sigmoid"):
        return PROBABILITIES
    if from_logits and last not in ("softmax", "sigmoid"):
        return LOGITS
    # A loss that takes probabilities gets them from a layer whose activation is unknown here.
    return PROBABILITIES if last is None and loss in CATEGORICAL | YES_OR_NO else SCORES
