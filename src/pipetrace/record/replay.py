"""A saved model run on the rows that a run kept: what its outputs and its stages are."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pipetrace.capture import facts, structures
from pipetrace.capture.backend import load_quietly
from pipetrace.capture.forward import Forward
from pipetrace.capture.onnx_model import OnnxModel, OnnxNode
from pipetrace.capture.saved import load_model
from pipetrace.errors import ModelInputError
from pipetrace.trace.document import Array, Stage

ONNX = ".onnx"


@dataclass(frozen=True)
class Replayed:
    """What a saved model gives."""

    outputs: tuple[Array, ...]  # of the model, for all rows
    # by the name of a stage of the run its first output for the first rows
    stages: Mapping[str, Array]
    values: Mapping[str, str]  # by the same names what gave it, such as a node of an ONNX model
    # by the names that a trace has; none of an ONNX model
    weights: Mapping[str, Array] = field(default_factory=dict)


def replay(
    path: Path, inputs: Mapping[str, Array], stages: Sequence[Stage], followed: int
) -> Replayed:
    """Run a saved model on rows by the stages that give them, in the order of the model's inputs.

    The outputs of the run's stages are wanted of the first ``followed`` rows. A ``ModelFileError``
    or ``ModelInputError`` where that is impossible, or the library is missing.
    """
    if path.suffix.lower() == ONNX:
        return _of_onnx(path, inputs, stages, followed)
    return _of_keras(path, inputs, followed)


def _of_keras(path: Path, inputs: Mapping[str, Array], followed: int) -> Replayed:
    load_quietly()
    model = load_model(path)
    names = facts.input_names(model)
    several = len(inputs) > 1
    rows = (
        {each: inputs[each] for each in names} if set(names) == set(inputs) else [*inputs.values()]
    )
    given = rows if several else next(iter(inputs.values()))
    some = structures.taken(given, slice(0, followed))
    try:
        forward = Forward(model, some, [(name, 0) for name in inputs])
        outputs = forward.final(given)
        passed = forward.passed(some)
    except Exception as error:
        raise ModelInputError(
            f"The model cannot take the rows of the run: {' '.join(str(error).split())[:300]}",
            where=str(path),
            hint="Give a model with the inputs of the run's own.",
        ) from error
    found = {name: values[0] for name, values in passed.outputs.items()}
    values = {name: f"layer {name}" for name in found}
    return Replayed(tuple(outputs or ()), found, values, forward.weights())


def _of_onnx(
    path: Path, inputs: Mapping[str, Array], stages: Sequence[Stage], followed: int
) -> Replayed:
    model = OnnxModel(path)
    outputs, _ = model.run(inputs)
    candidates = _values_of(model.nodes, stages)
    wanted = [*dict.fromkeys(name for names in candidates.values() for name in names)]
    few = {name: each[:followed] for name, each in inputs.items()}
    _, values = model.run(few, wanted) if wanted else ((), {})
    found, sources = dict[str, Array](), dict[str, str]()
    for stage in stages:
        shape = (followed, *stage.outputs[0].shape[1:]) if stage.outputs else ()
        for name in candidates.get(stage.name, ()):
            if (fitting := _as_shaped(values[name], shape)) is not None:
                found[stage.name], sources[stage.name] = fitting, f"value {name}"
                break
    return Replayed(tuple(outputs), found, sources)


def _values_of(nodes: Sequence[OnnxNode], stages: Sequence[Stage]) -> dict[str, list[str]]:
    """What may be the output of each stage: the values of its nodes, the last first.

    A node's name has the name of its layer between slashes, with a number where Keras exported the
    model after it had been traced.
    """
    scopes: dict[str, list[str]] = {}
    for node in nodes:
        for part in node.name.split("/")[:-1]:
            scopes.setdefault(part, []).extend(node.outputs[:1])
    found: dict[str, list[str]] = {}
    for stage in stages:
        if stage.layer is None:
            continue
        fits = re.compile(rf"{re.escape(stage.name)}(_\d+)?").fullmatch
        if (scope := next(filter(fits, scopes), None)) is not None:
            found[stage.name] = scopes.pop(scope)[::-1]
    return found


def _as_shaped(values: Array, shape: Sequence[int | None]) -> Array | None:
    """Values in the shape of a stage's output, with the channels last; None where they are others.

    ONNX has the channels first, between layers that work on images.
    """
    if _fits(values.shape, shape):
        return values
    moved = np.moveaxis(values, 1, -1) if values.ndim > 2 else values
    return moved if _fits(moved.shape, shape) else None


def _fits(shape: Sequence[int], wanted: Sequence[int | None]) -> bool:
    pairs = zip(shape, wanted, strict=False)
    return len(shape) == len(wanted) and all(b is None or a == b for a, b in pairs)
