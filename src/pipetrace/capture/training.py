"""What a model does in training, which stays as it is: gradients of the loss, layers with modes."""

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import numpy as np

from pipetrace.capture import internals
from pipetrace.capture.backend import load
from pipetrace.capture.distributed.processes import alone
from pipetrace.capture.tensors import as_function, converter
from pipetrace.capture.weights import Weights, in_place_of, specs_of, tensors_of, trainable, weights
from pipetrace.trace.document import Array

SAME_IN_TRAINING = ("Dense", "EinsumDense", "Embedding")
"""Layers of Keras that are told it for the sake of quantization alone."""


class Gradients:
    """Gradients of a compiled model's loss by its weights, compiled once; the model stays as it is.

    The loss is what training sees: layers behave as in training, and added losses count. It is
    compiled since Keras reads the scores behind a final softmax or sigmoid only then. Of the rows
    given as ``fit`` gets them only shapes and dtypes are used.
    """

    def __init__(self, model: Any, x: Any, y: Any, sample_weight: Any = None) -> None:
        self._keras, self._model = load(), model
        self._variables, self._every = trainable(model), weights(model)
        self.penalised = False
        self.variables = [id(variable) for variable in self._variables]
        self._prepare(x, y, sample_weight)

    def _prepare(self, x: Any, y: Any, sample_weight: Any) -> None:
        import tensorflow as tf

        given = self._keras.tree.map_structure(
            lambda each: None if each is None else _spec(each), (x, y, sample_weight)
        )
        self._function = tf.function(self._trace, autograph=False).get_concrete_function(
            specs_of(self._variables), specs_of(self._every), *given
        )

    def __call__(
        self, x: Any, y: Any, sample_weight: Any = None, instead: Weights | None = None
    ) -> "Slopes":
        """The loss and the gradients for rows as ``fit`` gets them, with its weights or others."""
        import tensorflow as tf

        given = [
            self._keras.tree.map_structure(
                lambda each: None if each is None else tf.convert_to_tensor(each), nest
            )
            for nest in (x, y, sample_weight)
        ]
        trained = tensors_of(self._variables, instead)
        every = tensors_of(self._every, instead)
        with internals.as_traced():
            loss, extra, whole, parts = self._function(trained, every, *given)
        return Slopes(
            loss=float(loss),
            penalty=float(extra),
            gradients=self._named(whole),
            penalties=self._named(parts) if self.penalised else {},
        )

    def not_finite(
        self, x: Any, y: Any, sample_weight: Any = None, instead: Weights | None = None
    ) -> list[Any]:
        """The variables whose gradient has values that are not finite, in the model's order."""
        found = self(x, y, sample_weight, instead).gradients
        return [each for each in self._variables if not np.isfinite(found[id(each)]).all()]

    def _named(self, gradients: Any) -> dict[int, Any]:
        pairs = zip(self._variables, gradients, strict=True)
        return {id(variable): np.asarray(gradient) for variable, gradient in pairs}

    def _trace(
        self, trained: list[Any], every: list[Any], x: Any, y: Any, sample_weight: Any
    ) -> Any:
        import tensorflow as tf

        variables = [*self._every, *self._variables]
        with tf.GradientTape(persistent=True) as tape:
            for value in trained:
                tape.watch(value)
            with in_place_of(variables, [*every, *trained]):
                given = self._model(x, training=True)
                loss = self._model.compute_loss(
                    x=x, y=y, y_pred=given, sample_weight=sample_weight, training=True
                )
                added = [tf.cast(each, loss.dtype) for each in self._model.losses]
                extra = tf.add_n(added) if added else tf.zeros((), loss.dtype)
        self.penalised = bool(added)
        zeros = tf.UnconnectedGradients.ZERO
        whole = tape.gradient(loss, trained, unconnected_gradients=zeros)
        parts = tape.gradient(extra, trained, unconnected_gradients=zeros) if added else []
        return loss, extra, _plain(whole), _plain(parts)


@dataclass(frozen=True)
class Slopes:
    """What a loss and its gradients were."""

    loss: float  # the whole loss. ``penalty``: the part of regularizers and ``add_loss``.
    penalty: float
    gradients: Mapping[int, Any]  # of the whole loss, by the identity of the variable
    penalties: Mapping[int, Any]  # of the added losses alone; none where there are none


def mean(parts: Sequence[Slopes]) -> Slopes:
    """The mean over batches."""
    if len(parts) == 1:
        return parts[0]

    def each(found: list[Mapping[int, Any]]) -> dict[int, Any]:
        return {key: np.mean([one[key] for one in found], axis=0) for key in found[0]}

    return Slopes(
        loss=float(np.mean([part.loss for part in parts])),
        penalty=float(np.mean([part.penalty for part in parts])),
        gradients=each([part.gradients for part in parts]),
        penalties=each([part.penalties for part in parts]),
    )


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


def has_modes(operation: Any) -> bool:
    """Whether a layer is told whether it is trained, and may then do something else."""
    kind: type = type(operation)
    if kind.__name__ in SAME_IN_TRAINING and internals.is_of_keras(kind):
        return False
    try:
        return "training" in inspect.signature(operation.call).parameters
    except (TypeError, ValueError, AttributeError):
        return False


def differs(
    layer: Any,
    received: Sequence[Array],
    given: Array,
    masks: Sequence[Array | None] = (),
    names: Sequence[str | None] = (),
) -> bool:
    """Whether a layer gives something else in prediction for what it received in training.

    The inputs are the same in both modes, so that a difference of layers ahead does not count. Each
    may have a mask, and a key that it had, as of ``attention_mask=...``. The layer's state stays.
    """
    keras, arguments = load(), inspect.signature(layer.call).parameters

    convert = converter()

    def call(tensors: Sequence[Any]) -> Any:
        with alone(), keras.StatelessScope(collect_losses=True):
            for tensor, mask in zip(tensors, masks, strict=False):
                if mask is not None:
                    internals.set_mask(tensor, convert(mask))
            pairs = list(zip_longest(tensors, names))
            named = {str(name): one for one, name in pairs[1:] if name in arguments}
            places = [
                tensor for at, (tensor, name) in enumerate(pairs) if not at or name not in named
            ]
            return keras.tree.flatten(layer(*places, **named, training=False))[0]

    # Code of the user's own runs while a function is traced, as in training, and not eagerly.
    own = not all(internals.is_of_keras(type(each)) for each in internals.all_layers(layer))
    run = as_function(call) if own else call
    try:
        given_now = run([convert(values) for values in received])
        first = np.asarray(keras.ops.convert_to_numpy(given_now))
    except Exception:  # a layer that takes its inputs in another way, such as a list
        return False
    if first.shape != given.shape:
        return True
    return not np.allclose(
        first.astype(np.float64), given.astype(np.float64), rtol=1e-3, atol=1e-5, equal_nan=True
    )
