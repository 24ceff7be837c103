"""A model's variables: copies of their values, and passes with other values; its settings as plain
values."""

import contextlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from pipetrace.capture import internals
from pipetrace.capture.backend import load
from pipetrace.trace.document import Array

Weights: TypeAlias = Mapping[int, Array]
"""Values by the identities of their variables, as ``id`` gives them."""
MOST_WORDS = 10_000
"""A larger vocabulary is not recorded."""


def plain_config(operation: Any) -> dict[str, Any]:
    """The configuration of a layer as plain values; what cannot be told is left out.

    Keras leaves out a vocabulary that was learned by ``adapt``. Here it is the same as one that was
    given: without what stands for padding and for unknown entries.
    """
    import tensorflow as tf

    try:
        with (
            tf.init_scope()
        ):  # a layer may ask a table for its size, which within a traced function is no number yet
            config = operation.get_config()
            size = config.get("vocabulary_size") if internals.is_of_keras(type(operation)) else None
            if config.get("vocabulary") is None and size is not None and size <= MOST_WORDS:
                entries = operation.get_vocabulary(include_special_tokens=False)
                config["vocabulary"] = np.asarray(entries).tolist()
        plain: dict[str, Any] = json.loads(json.dumps(config, default=str))
    except Exception:  # a custom layer's own code, which may raise anything
        return {"name": str(operation.name)}
    return plain


def weights(model: Any) -> list[Any]:
    """All weights of a model, frozen ones included; no metrics and no seeds."""
    return list(model.weights)


def trainable(model: Any) -> list[Any]:
    """The weights that training changes."""
    return list(model.trainable_variables)


def is_built(model: Any) -> bool:
    """Whether a model and all layers in it have made their variables."""
    return model is not None and all(
        getattr(layer, "built", True) for layer in internals.all_layers(model)
    )


def size(variables: Iterable[Any]) -> int:
    """How many numbers variables hold."""
    return sum(int(math.prod(variable.shape)) for variable in variables)


def copied(variables: Iterable[Any]) -> dict[int, Array]:
    """Copies of what variables hold, by their identities."""
    return {id(variable): variable.numpy() for variable in variables}


def values_of(variable: Any, instead: Weights | None = None) -> Array:
    """What a variable holds, or what ``instead`` has for it."""
    value = None if instead is None else instead.get(id(variable))
    return np.asarray(variable.numpy() if value is None else value)


def is_float(variable: Any) -> bool:
    """Whether a variable holds real numbers; a seed and an index do not."""
    return "float" in str(variable.dtype)


def specs_of(variables: Sequence[Any]) -> list[Any]:
    """The TensorFlow signature of the variables' values."""
    import tensorflow as tf

    return [tf.TensorSpec(variable.shape, variable.value.dtype) for variable in variables]


def tensors_of(variables: Sequence[Any], others: Weights | None = None) -> list[Any]:
    """The values of variables as tensors.

    Args:
        variables: in the order of the result.
        others: values to take instead, where there are any for a variable.
    """
    import tensorflow as tf

    found = []
    for variable in variables:
        value = None if others is None else others.get(id(variable))
        if value is None:
            found.append(tf.convert_to_tensor(variable.value))
        else:
            found.append(tf.convert_to_tensor(value, dtype=variable.value.dtype))
    return found


@contextlib.contextmanager
def in_place_of(variables: Sequence[Any], given: Sequence[Any]) -> Iterator[None]:
    """A block in which variables have other values, and in which no state of a model changes.

    The variables themselves keep what they hold: Keras looks the values up in its stateless scope.
    Updates and added losses are forgotten when the block ends.

    Args:
        variables: of Keras.
        given: a tensor for each.
    """
    mapping = list(zip(variables, given, strict=True))
    with load().StatelessScope(state_mapping=mapping, collect_losses=True):
        yield
