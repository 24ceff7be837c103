"""Gradients of the loss for given rows and weights, without a trace on the model."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from pipetrace.capture.backend import load, quiet


def not_finite(model: Any, weights: Mapping[Any, Any], x: Any, y: Any, sample_weight: Any = None) -> list[Any]:
    """The variables whose gradient has values that are not finite.

    Args:
        model: compiled.
        weights: the value that each trainable variable is to have for this, by the variable's ``path``.
        x, y, sample_weight: rows as ``fit`` gets them.

    Returns:
        the variables, in the model's order.
    """
    import tensorflow as tf

    keras = load()
    variables = list(model.trainable_variables)
    values = [tf.convert_to_tensor(weights[variable.path]) for variable in variables]
    x, y = keras.tree.map_structure(tf.convert_to_tensor, (x, y))
    with quiet(), tf.GradientTape() as tape:
        for value in values:
            tape.watch(value)
        with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True)), collect_losses=True):
            given = model(x, training=True)
            loss = model.compute_loss(x=x, y=y, y_pred=given, sample_weight=sample_weight, training=True)
    gradients = tape.gradient(loss, values)
    return [
        variable
        for variable, gradient in zip(variables, gradients, strict=True)
        if gradient is not None and not np.isfinite(np.asarray(tf.convert_to_tensor(gradient), np.float64)).all()
    ]
