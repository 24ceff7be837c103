"""Gradients of the loss for given rows and weights; the model stays as it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipetrace.capture.backend import load, quiet


def not_finite(
    model: Any, weights: Mapping[Any, Any], x: Any, y: Any, sample_weight: Any = None
) -> list[Any]:
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
        with keras.StatelessScope(
            state_mapping=list(zip(variables, values, strict=True)), collect_losses=True
        ):
            given = model(x, training=True)
            loss = model.compute_loss(
                x=x, y=y, y_pred=given, sample_weight=sample_weight, training=True
            )
    gradients = tape.gradient(loss, values)
    return [
        variable
        for variable, gradient in zip(variables, gradients, strict=True)
        if gradient is not None
        and not np.isfinite(np.asarray(tf.convert_to_tensor(gradient), np.float64)).all()
    ]


class Gradients:
    """The gradients of a model's loss by its weights, compiled once; its state and random numbers stay as they are.

    The loss is what training sees: layers behave as in training, and added losses count. It is compiled since Keras reads
    the scores behind a final softmax or sigmoid only then.

    Args:
        model: compiled.
        x, y, sample_weight: rows as ``fit`` gets them; only shapes and dtypes are used.
    """

    def __init__(self, model: Any, x: Any, y: Any, sample_weight: Any = None) -> None:
        import tensorflow as tf

        self._keras, self._model = load(), model
        self._variables = list(model.trainable_variables)
        self.penalised = False
        self.variables = [id(variable) for variable in self._variables]
        given = self._keras.tree.map_structure(
            lambda each: None if each is None else _spec(each), (x, y, sample_weight)
        )
        values = [
            tf.TensorSpec(variable.shape, variable.value.dtype) for variable in self._variables
        ]
        with quiet():
            self._function = tf.function(self._trace, autograph=False).get_concrete_function(
                values, *given
            )

    def __call__(self, x: Any, y: Any, sample_weight: Any = None) -> "Slopes":
        """The loss and the gradients for rows, under the weights as they are."""
        import tensorflow as tf

        given = [
            self._keras.tree.map_structure(
                lambda each: None if each is None else tf.convert_to_tensor(each), nest
            )
            for nest in (x, y, sample_weight)
        ]
        values = [tf.convert_to_tensor(variable.value) for variable in self._variables]
        with quiet():
            loss, extra, whole, parts = self._function(values, *given)
        return Slopes(
            loss=float(loss),
            penalty=float(extra),
            gradients=self._named(whole),
            penalties=self._named(parts) if self.penalised else {},
        )

    def _named(self, gradients: Any) -> dict[int, Any]:
        pairs = zip(self._variables, gradients, strict=True)
        return {id(variable): np.asarray(gradient) for variable, gradient in pairs}

    def _trace(self, values: Any, x: Any, y: Any, sample_weight: Any) -> Any:
        import tensorflow as tf

        mapping = list(zip(self._variables, values, strict=True))
        with tf.GradientTape(persistent=True) as tape:
            for value in values:
                tape.watch(value)
            with self._keras.StatelessScope(state_mapping=mapping, collect_losses=True):
                given = self._model(x, training=True)
                loss = self._model.compute_loss(
                    x=x, y=y, y_pred=given, sample_weight=sample_weight, training=True
                )
                added = [tf.cast(each, loss.dtype) for each in self._model.losses]
                extra = tf.add_n(added) if added else tf.zeros((), loss.dtype)
        self.penalised = bool(added)
        zeros = tf.UnconnectedGradients.ZERO
        whole = tape.gradient(loss, values, unconnected_gradients=zeros)
        parts = tape.gradient(extra, values, unconnected_gradients=zeros) if added else []
        return loss, extra, _plain(whole), _plain(parts)


@dataclass(frozen=True)
class Slopes:
    """What a loss and its gradients were.

    Attributes:
        loss: the whole, with the added losses; ``penalty``: these alone, such as those of regularizers.
        gradients: of the whole loss, by the identity of the variable.
        penalties: of the added losses alone; none where there are none.
    """

    loss: float
    penalty: float
    gradients: Mapping[int, Any]
    penalties: Mapping[int, Any]


def _spec(values: Any) -> Any:
    import tensorflow as tf

    return tf.TensorSpec(
        (None, *values.shape[1:]),
        tf.as_dtype(values.dtype) if values.dtype.kind != "U" else tf.string,
    )


def _plain(gradients: Any) -> Any:
    """Gradients of single rows of a table, such as an embedding's, as whole arrays."""
    import tensorflow as tf

    return [tf.convert_to_tensor(each) for each in gradients]
