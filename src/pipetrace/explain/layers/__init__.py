"""What each stage does, in words, and where its shape and its parameters come from.

Everything is told from the stage's configuration and its measured specs. A sum stands only where it comes to what was
measured. Each family of layers has a file, and each class of layer a ``Known`` in its ``LAYERS``.
"""

from dataclasses import replace

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
from pipetrace.explain.layers.parts import ACTIVATIONS, NOT_TOLD, Known, Operation, none_held, sizes
from pipetrace.explain.layers.windows import kernel, strides
from pipetrace.explain.text import listed
from pipetrace.trace.document import LAYER, SOURCE, STEP, Stage

__all__ = ["ACTIVATIONS", "LAYERS", "Operation", "kernel", "operation", "strides"]


def operation(stage: Stage) -> Operation:
    """A stage in words. A layer of a class that has no words here is described by its class and shapes."""
    if stage.kind == SOURCE:
        return steps.source(stage)
    if stage.kind == STEP:
        return steps.step(stage)
    # A layer of somebody's own may bear the same name and be another thing; a stranger's trace may hold anything.
    try:
        return (_layer(stage) if stage.kind == LAYER else ops.named(stage)) or _other(stage)
    except NOT_TOLD:
        return _other(stage)


def _layer(stage: Stage) -> Operation | None:
    known = LAYERS.get(stage.layer or "")
    # A mask that a call was given says which places count, and is none of what the layer works on.
    stage = replace(
        stage,
        inputs=tuple(
            spec for at, spec in enumerate(stage.inputs) if not at or spec.dtype != "bool"
        ),
    )
    return (
        _frozen(stage, known.describe(stage)) if known is not None and known.fits(stage) else None
    )


def _frozen(stage: Stage, words: Operation) -> Operation:
    """The same, and that nothing of it trains, where that is so and its own words do not say it."""
    if stage.parameters.trainable or not stage.parameters.frozen or "frozen" in str(words.parts):
        return words
    frozen = "all frozen: training leaves them as they are"
    return replace(words, parts=f"{words.parts}; {frozen}" if words.parts else frozen)


def _other(stage: Stage) -> Operation:
    """What is known of a stage without words of its own: its class, and what went in and came out."""
    if stage.kind == LAYER and stage.layer in LAYERS:
        what = f"A layer of class {stage.layer}, not in the form that is known here of Keras' own"
    elif stage.kind == LAYER and stage.layer in MODELS:
        what = f"A model of class {stage.layer}"
    elif stage.kind == LAYER:
        what = (
            f"A layer of class {stage.layer}, not one of Keras' own that are known here"
            if stage.layer
            else "A layer"
        )
    elif "," in (stage.layer or ""):
        what = f"The operations {stage.layer}"
    else:
        what = f"The operation {stage.layer}" if stage.layer else "An operation"
    taken = listed([sizes(spec.shape).rpartition(" ")[0] for spec in stage.inputs])
    given = listed([sizes(spec.shape).rpartition(" ")[0] for spec in stage.outputs])
    ways = ""
    if taken and given:
        noun = "value" if taken == "1" else "values"
        ways = f": from {taken} {noun} to {given}"
    return Operation(stage.layer or stage.name, f"{what}{ways}.", parameters=none_held(stage))


MODELS = frozenset({"Sequential", "Functional", "Model"})
"""The classes of Keras' models, which may stand where a layer does."""

LAYERS: dict[str, Known] = {
    **activation.LAYERS,
    **attention.LAYERS,
    **augmentation.LAYERS,
    **convolution.LAYERS,
    **core.LAYERS,
    **merging.LAYERS,
    **normalization.LAYERS,
    "SpectralNormalization": Known(normalization.spectral(operation), "power_iterations"),
    **pooling.LAYERS,
    **preprocessing.LAYERS,
    **recurrent.LAYERS,
    "TimeDistributed": Known(recurrent.time_distributed(operation), "layer", inputs=(1, 2)),
    **regularization.LAYERS,
    **reshaping.LAYERS,
}
"""The layers that have words of their own."""
