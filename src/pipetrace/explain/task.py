"""What each output of a model is, decided from facts: the last stage's activation, the loss, the target, the shapes."""

from dataclasses import dataclass

import numpy as np

from pipetrace.explain.cache import once
from pipetrace.trace.document import Array, Config, Spec, Stage, Target, Trace

CLASSES, BINARY, MULTILABEL, NUMBERS, UNKNOWN = (
    "classes",
    "binary",
    "multilabel",
    "numbers",
    "unknown",
)
"""What is told at each place: one of k classes, yes or no, several times yes or no, numbers, or nobody knows."""
ROW, STEPS, PICTURE, OTHER = "row", "steps", "picture", "other"
"""How many places a row has: one, one after another, a grid, or more axes than these words know."""
PROBABILITIES, LOGITS, SCORES, PLAIN = "probabilities", "logits", "scores", "plain"
"""What the values are: probabilities, scores of which the loss makes probabilities, scores of another kind, numbers."""
SEQUENCE, IMAGE, MASK = "sequence", "image", "mask"
THRESHOLD = 0.5
"""Above this probability, yes, as Keras' metrics count it."""

CROSSENTROPIES = frozenset(
    {"sparse categorical crossentropy", "categorical crossentropy", "binary crossentropy"}
)
CATEGORICAL = frozenset(
    {
        "sparse categorical crossentropy",
        "categorical crossentropy",
        "categorical focal crossentropy",
    }
)
YES_OR_NO = frozenset({"binary crossentropy", "binary focal crossentropy"})
DISTANCES = frozenset(
    {
        "mean squared error",
        "mean absolute error",
        "mean absolute percentage error",
        "mean squared logarithmic error",
        "huber",
        "log cosh",
        "poisson",
        "cosine similarity",
    }
)
"""The losses of Keras by what they compare."""
SHORT = {
    "mse": "mean squared error",
    "mae": "mean absolute error",
    "mape": "mean absolute percentage error",
    "msle": "mean squared logarithmic error",
    "logcosh": "log cosh",
    "bce": "binary crossentropy",
}

ACTIVATIONS = frozenset({"softmax", "sigmoid", "log_softmax", "relu", "tanh", "linear"})
PASSING = frozenset(
    {"Reshape", "Flatten", "Dropout", "Permute", "Identity", "Squeeze", "ExpandDims"}
)
"""Layers whose outputs are what they received, in another form."""
CHANNELS = (1, 3, 4)
"""So many channels are one picture: grey, colours, colours and transparency."""


@dataclass(frozen=True)
class Output:
    """One thing that the model gives.

    Attributes:
        name: what it is called, or None where the model has one output only.
        stage, index: the stage that gives it, and which of that stage's outputs it is.
        shape: of a batch, None for the rows.
        what: ``classes``, ``binary``, ``multilabel``, ``numbers`` or ``unknown``: what is told at each place.
        layout: ``row``, ``steps``, ``picture`` or ``other``: how many places there are.
        scale: ``probabilities``, ``logits``, ``scores`` or ``plain``.
        loss: in words, such as "mean squared error"; None where there is none or the trace does not tell.
        target: what was to be given, or None.
    """

    name: str | None
    stage: str
    index: int
    shape: tuple[int | None, ...]
    what: str
    layout: str
    scale: str
    loss: str | None
    target: Target | None

    @property
    def form(self) -> str:
        """``classes``, ``binary``, ``multilabel``, ``numbers``, ``sequence``, ``image``, ``mask`` or ``unknown``."""
        if self.layout == ROW:
            return self.what
        if self.layout == STEPS:
            return SEQUENCE
        if self.layout == PICTURE and self.what in (CLASSES, BINARY):
            return MASK
        if self.layout == PICTURE and self.shape[-1] in CHANNELS:
            return IMAGE
        return UNKNOWN

    @property
    def classes(self) -> int:
        """How many classes it tells apart; 0 where it tells none."""
        if self.what == BINARY:
            return 2
        return (self.shape[-1] or 0) if self.what == CLASSES else 0

    @property
    def of_classes(self) -> bool:
        """Whether each row is of one of some classes."""
        return self.form in (CLASSES, BINARY)


@once
def outputs(trace: Trace) -> tuple[Output, ...]:
    """What the model gives, in the order of its outputs; none where the run did not come to its end.

    A trace of schema 1 names no outputs: there its last stage is the output.
    """
    model = trace.run.model
    specs = model.outputs if model else ()
    last = next((stage for stage in reversed(trace.stages) if stage.outputs), None)
    if not specs and last is not None and last is trace.stages[-1]:
        specs = (Spec(last.outputs[0].shape, last.outputs[0].dtype, last.name),)
    found = []
    for position, spec in enumerate(specs):
        stage = next((each for each in trace.stages if each.name == spec.source), None)
        if stage is not None:
            found.append(_output(trace, spec, stage, position, alone=len(specs) == 1))
    return tuple(found)


def only(trace: Trace) -> Output | None:
    """The model's output where it has just one."""
    found = outputs(trace)
    return found[0] if len(found) == 1 else None


def shares(output: Output, values: Array) -> Array | None:
    """A row's output as probabilities, or None where it is not that.

    The softmax or the sigmoid of scores where the loss makes probabilities of them in this way; else the values
    themselves where they are shares.

    Args:
        output: which.
        values: shape ``(..., classes)`` for classes, any shape otherwise.
    """
    if values.dtype.kind not in "fiub" or not values.size or not np.isfinite(values).all():
        return None
    if output.what == CLASSES:
        if output.scale == LOGITS:
            powers = np.exp(values - values.max(axis=-1, keepdims=True))
            result: Array = powers / powers.sum(axis=-1, keepdims=True)
            return result
        apart = np.abs(values.sum(axis=-1, dtype=float) - 1).max()
        return (
            values
            if apart < (5e-3 if values.dtype.itemsize == 2 else 1e-3) and values.min() >= 0
            else None
        )
    if output.what in (BINARY, MULTILABEL):
        if output.scale == LOGITS:
            # The same for both signs, without powers that pass the largest float.
            small = np.exp(-np.abs(values))
            chosen: Array = np.where(values >= 0, 1 / (1 + small), small / (1 + small))
            return chosen
        return (
            values
            if output.scale == PROBABILITIES and values.min() >= 0 and values.max() <= 1
            else None
        )
    return None


def plain_loss(name: str) -> str:
    """A loss as Keras writes it, in plain words: ``MeanSquaredError``, ``mean_squared_error`` and ``mse`` are one."""
    spaced = (
        "".join(f" {letter}" if letter.isupper() else letter for letter in name)
        if "_" not in name
        else name
    )
    words = " ".join(spaced.replace("_", " ").lower().split())
    return SHORT.get(words.replace(" ", ""), words)


def activation(trace: Trace, stage: Stage) -> str | None:
    """The activation that a stage's output went through last: ``softmax``, ``linear``, ...; None where unknown."""
    for _ in range(len(trace.stages)):
        kind = (stage.layer or "").lower()
        if kind in ACTIVATIONS:
            return kind
        found = _activation(stage.config)
        if found or stage.layer not in PASSING or not stage.inputs:
            return found
        source = stage.inputs[0].source
        before = next((each for each in trace.stages if each.name == source), None)
        if before is None:
            return None
        stage = before
    return None


def _activation(config: Config) -> str | None:
    wrapped = config.get("layer")
    if "activation" not in config and isinstance(wrapped, dict):  # such as TimeDistributed
        inner = wrapped.get("config")
        return _activation(inner) if isinstance(inner, dict) else None
    found = config.get("activation", "")
    if isinstance(found, dict):
        found = found.get("class_name", "")
    return "linear" if found is None else str(found).lower() or None


def _output(trace: Trace, spec: Spec, stage: Stage, position: int, *, alone: bool) -> Output:
    training, targets = trace.run.training, trace.run.data.targets
    name = None if alone else spec.name or stage.name
    target = targets[position] if position < len(targets) else None
    written = next(
        (
            training.losses[key]
            for key in (spec.name, stage.name, str(position))
            if key and key in training.losses
        ),
        None,
    )
    if written is None and alone:
        written = next(
            iter(training.losses.values()), training.loss if "," not in training.loss else None
        )
    loss = plain_loss(written) if written else None
    shape = stage.outputs[spec.output].shape if spec.output < len(stage.outputs) else spec.shape
    layout = {1: ROW, 2: ROW, 3: STEPS, 4: PICTURE}.get(len(shape), OTHER)
    last = activation(trace, stage) if spec.output == 0 else None
    what = _what(loss, last, target, shape, layout)
    return Output(
        name,
        stage.name,
        spec.output,
        shape,
        what,
        layout,
        _scale(what, last, loss, training.from_logits),
        loss,
        target,
    )


def _what(
    loss: str | None,
    last: str | None,
    target: Target | None,
    shape: tuple[int | None, ...],
    layout: str,
) -> str:
    width = 1 if len(shape) < 2 else shape[-1] or 0
    several = BINARY if width == 1 else MULTILABEL
    flags = (
        target is not None
        and target.whole
        and target.min is not None
        and target.min >= 0
        and target.max == 1
    )
    if loss in CATEGORICAL:
        return CLASSES if width > 1 else UNKNOWN
    if loss in YES_OR_NO:
        if target is None:
            # A picture may be rebuilt with this loss, from grey values between 0 and 1.
            return NUMBERS if layout == PICTURE else several
        return several if target.whole else NUMBERS
    if last == "softmax" and width > 1:
        return CLASSES
    if loss in DISTANCES or (target is not None and not target.whole):
        return NUMBERS
    return several if last == "sigmoid" and flags else UNKNOWN


def _scale(what: str, last: str | None, loss: str | None, from_logits: bool) -> str:
    if what in (NUMBERS, UNKNOWN):
        return PLAIN
    own = "softmax" if what == CLASSES else "sigmoid"
    if last == own:
        return PROBABILITIES
    if from_logits and last not in ("softmax", "sigmoid"):
        return LOGITS
    # A loss that takes probabilities gets them from a layer whose activation is not known here.
    return PROBABILITIES if last is None and loss in CATEGORICAL | YES_OR_NO else SCORES
