"""From calls to stages: what each stage received, gave, holds and computes."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from pipetrace.capture.calls import Call
from pipetrace.trace.document import LAYER, OP, Parameters, Spec, Stage, Weight


def leaves(calls: Sequence[Call]) -> list[Call]:
    """The calls that called nothing further: what the data passes, without the models around it."""
    return [call for call in calls if not call.inner and call.outputs]


def stages(keras: Any, calls: Sequence[Call], inputs: Mapping[int, str]) -> tuple[Stage, ...]:
    """The stages of the calls.

    Args:
        keras: the module.
        calls: leaf calls in order, their tensors alive.
        inputs: the names of the stages that the model's own inputs come from, by the tensors' ``id``.

    Returns:
        one stage for each call; the second call of a layer gets a number after its name.
    """
    origin = dict(inputs)
    names: dict[str, int] = {}
    found = []
    for call in calls:
        base = str(call.operation.name)
        names[base] = names.get(base, 0) + 1
        name = base if names[base] == 1 else f"{base}:{names[base]}"
        received = tuple(_spec(keras, tensor, origin.get(id(tensor))) for tensor in call.inputs)
        given = tuple(_spec(keras, tensor) for tensor in call.outputs)
        origin.update((id(tensor), name) for tensor in call.outputs)
        found.append(_stage(keras, call, name, received, given))
    return tuple(found)


def weight_names(stage: str, layer: Any) -> list[tuple[str, Any]]:
    """A layer's variables with the names that the trace gives them, such as ``conv2d/kernel``."""
    return [(f"{stage}/{variable.name}", variable) for variable in getattr(layer, "weights", [])]


def plain_config(operation: Any) -> dict[str, Any]:
    """The configuration of a layer as plain values; what cannot be told is left out."""
    try:
        config = operation.get_config()
        plain: dict[str, Any] = json.loads(json.dumps(config, default=str))
    except Exception:  # a custom layer's own code, which may raise anything
        return {"name": str(operation.name)}
    return plain


def _stage(keras: Any, call: Call, name: str, received: tuple[Spec, ...], given: tuple[Spec, ...]) -> Stage:
    operation = call.operation
    is_layer = isinstance(operation, keras.layers.Layer)
    weights = [(variable, bool(variable.trainable)) for variable in getattr(operation, "weights", [])]
    return Stage(
        name=name,
        kind=LAYER if is_layer else OP,
        layer=type(operation).__name__,
        path="/".join(call.path[1:]) or name,
        config=plain_config(operation),
        inputs=received,
        outputs=given,
        parameters=Parameters(
            trainable=sum(math.prod(variable.shape) for variable, trains in weights if trains),
            frozen=sum(math.prod(variable.shape) for variable, trains in weights if not trains),
        ),
        weights=tuple(Weight(str(variable.name), tuple(variable.shape), trains) for variable, trains in weights),
        flops=_flops(operation, given[0].shape),
    )


def _flops(operation: Any, output: tuple[int | None, ...]) -> int | None:
    """The multiplications and additions with weights, for one row; None where the layer's class is not known here.

    A dense layer and a convolution use each kernel entry of an output channel once per output value of that channel
    (Goodfellow, Bengio and Courville, "Deep Learning", chapter 9); bias, activation and comparisons are not counted.
    """
    kind = type(operation).__name__
    if kind in ("Flatten", "Reshape", "MaxPooling1D", "MaxPooling2D", "Dropout", "Activation"):
        return 0
    if kind not in ("Dense", "Conv1D", "Conv2D", "Conv3D") or None in output[1:]:
        return None
    per_value = math.prod(int(length) for length in operation.kernel.shape[:-1])
    return 2 * per_value * math.prod(length for length in output[1:] if length is not None)


def _spec(keras: Any, tensor: Any, source: str | None = None) -> Spec:
    shape = tuple(None if length is None else int(length) for length in tensor.shape)
    # The first axis is the rows, also where the run had a fixed number of them.
    return Spec((None, *shape[1:]) if shape else shape, str(keras.backend.standardize_dtype(tensor.dtype)), source)
