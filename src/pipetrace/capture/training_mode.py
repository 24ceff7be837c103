"""Layers that do one thing in training and another in prediction, such as Dropout."""

import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np

from pipetrace.capture import internals
from pipetrace.capture.backend import load
from pipetrace.trace.document import Array


def has_modes(operation: Any) -> bool:
    """Whether a layer is told whether it is trained."""
    try:
        return "training" in inspect.signature(operation.call).parameters
    except (TypeError, ValueError, AttributeError):
        return False


def differs(
    layer: Any, received: Sequence[Array], given: Array, masks: Sequence[Array | None] = ()
) -> bool:
    """Whether a layer gives something else in prediction for what it received in training.

    The inputs are the same in both modes, so that a difference of layers ahead does not count.

    Args:
        layer: as it now is; its state stays.
        received: its inputs in training.
        given: its first output in training.
        masks: for each input the mask that it carries, or None.
    """
    import tensorflow as tf

    keras = load()

    def call(tensors: Sequence[Any]) -> Any:
        with keras.StatelessScope(collect_losses=True):
            for tensor, mask in zip(tensors, masks, strict=False):
                if mask is not None:
                    internals.set_mask(tensor, tf.convert_to_tensor(mask))
            return keras.tree.flatten(layer(*tensors, training=False))[0]

    # Code of the user's own runs while a function is traced, as in training, and not eagerly.
    own = not all(internals.is_of_keras(type(each)) for each in internals.all_layers(layer))
    run = tf.function(call, autograph=False) if own else call
    try:
        first = np.asarray(run([tf.convert_to_tensor(values) for values in received]))
    except Exception:  # a layer that takes its inputs in another way, such as a list
        return False
    if first.shape != given.shape:
        return True
    return not np.allclose(
        first.astype(np.float64), given.astype(np.float64), rtol=1e-3, atol=1e-5, equal_nan=True
    )
