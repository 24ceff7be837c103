"""What each stage does, in words, and where its shape and its parameters come from.

The words come from the stage's configuration and its measured specs. A sum stands only where it
gives what was measured. Each family of layers has a file, whose ``LAYERS`` holds a ``Known`` with
the templates of each class; ``parts`` says how a template is written.
"""

from dataclasses import replace

from pipetrace.explain.cache import once_a_stage
from pipetrace.explain.formatting import has_rows
from pipetrace.explain.layers import (
    activation,
    attention,
    augmentation,
    convolution,
    core,
    merging,
    normalization,
    ops,
    pooling,
    preprocessing,
    recurrent,
    regularization,
    reshaping,
    steps,
)
from pipetrace.explain.layers.parts import NOT_TOLD, Known, Operation, none_held, shapes_of
from pipetrace.explain.layers.windows import kernel, strides
from pipetrace.trace.document import LAYER, SOURCE, STEP, Spec, Stage

__all__ = ["LAYERS", "Operation", "is_of_keras", "kernel", "operation", "strides"]

FROZEN = "all frozen: training does not change them"
OTHER_FORM = "A layer of class {name}, whose configuration or shapes are not those of Keras' own"
MODELS = frozenset({"Sequential", "Functional", "Model"})
"""The classes of Keras' models, which may stand where a layer does."""


def operation(stage: Stage) -> Operation:
    """A stage in words; a layer without templates is described by its class and shapes."""
    return _told(stage) or _other(_with_rows(stage))


def is_of_keras(stage: Stage) -> bool:
    """Whether a stage is a layer of Keras' own, by its configuration and shapes."""
    return stage.kind == LAYER and _told(stage) is not None


@once_a_stage
def _told(stage: Stage) -> Operation | None:
    """A stage in the words of its templates, if they fit."""
    stage = _with_rows(stage)
    # A user's own layer may have the name of one of Keras'; a stranger's trace may hold anything.
    try:
        if stage.kind == SOURCE:
            return steps.source(stage)
        if stage.kind == STEP:
            return steps.step(stage)
        return _layer(stage) if stage.kind == LAYER else ops.named(stage)
    except NOT_TOLD:
        return None


def _with_rows(stage: Stage) -> Stage:
    """The stage as if what all rows share were one of them: templates speak of a row's values."""

    def of_row(specs: tuple[Spec, ...]) -> tuple[Spec, ...]:
        return tuple(
            spec if has_rows(spec) or not spec.shape else replace(spec, shape=(None, *spec.shape))
            for spec in specs
        )

    return replace(stage, inputs=of_row(stage.inputs), outputs=of_row(stage.outputs))


def _layer(stage: Stage) -> Operation | None:
    known = LAYERS.get(stage.layer or "")
    if known is None:
        return None
    # A mask that a call was given says which positions count; the layer does not compute with it.
    inputs = tuple(spec for at, spec in enumerate(stage.inputs) if not at or spec.dtype != "bool")
    words = known.describe(replace(stage, inputs=inputs))
    if stage.parameters.trainable or not stage.parameters.frozen or "frozen" in str(words.parts):
        return words
    return replace(words, parts=f"{words.parts}; {FROZEN}" if words.parts else FROZEN)


def _other(stage: Stage) -> Operation:
    """What is known of a stage without templates: its class, and what goes in and comes out."""
    name = stage.layer or ""
    if stage.kind == LAYER and name in LAYERS:
        what = OTHER_FORM.format(name=name)
    elif stage.kind == LAYER and name in MODELS:
        what = f"A model of class {name}"
    elif stage.kind == LAYER:
        what = f"A layer of class {name}" if name else "A layer"
    elif "," in name:
        what = f"The operations {name}"
    else:
        what = f"The operation {name}" if name else "An operation"
    ways = shapes_of(stage)
    does = f"{what}: {ways}." if ways else f"{what}."
    return Operation(name or stage.name, does, parameters=none_held(stage))


LAYERS: dict[str, Known] = {
    **activation.LAYERS,
    **attention.LAYERS,
    **augmentation.LAYERS,
    **convolution.LAYERS,
    **core.LAYERS,
    **merging.LAYERS,
    **normalization.LAYERS,
    "SpectralNormalization": normalization.spectral(operation),
    **pooling.LAYERS,
    **preprocessing.LAYERS,
    **recurrent.LAYERS,
    "TimeDistributed": recurrent.time_distributed(operation),
    **regularization.LAYERS,
    **reshaping.LAYERS,
}
"""The layers that have templates."""
