"""A forward pass that gives every stage's output, compiled once and used for all measuring."""

from typing import Any

import numpy as np

from pipetrace.capture.backend import load, quiet
from pipetrace.capture.calls import Call, watch
from pipetrace.capture.graph import leaves, stages, weight_names
from pipetrace.trace.document import Array, Stage


class Forward:
    """The model in inference mode, as a compiled function from rows to the outputs of all its stages.

    The hook runs while TensorFlow traces the function, so that what it sees is compiled with the rest and costs nothing
    when the function runs. The model's own functions, state and random numbers are not touched.

    Args:
        model: a built Keras model with one input.
        example: a batch of rows as the model gets them; only its shape and dtype are used.
        source: the name of the stage that the rows come from.
    """

    def __init__(self, model: Any, example: Array, source: str) -> None:
        import tensorflow as tf

        self._keras = load()
        self._model = model
        self._source = source
        self._leaves: list[Call] = []
        self.stages: tuple[Stage, ...] = ()
        signature = tf.TensorSpec((None, *example.shape[1:]), example.dtype)
        with quiet():
            self._function = tf.function(self._trace, autograph=False).get_concrete_function(signature)
        self._layers = [call.operation for call in self._leaves]
        self._leaves = []  # their symbolic tensors belong to the function

    def __call__(self, rows: Array) -> dict[str, Array]:
        """The outputs of all stages.

        Args:
            rows: shape ``(n, ...)``.

        Returns:
            for each stage its first output, shape ``(n, ...)``.
        """
        import tensorflow as tf

        with quiet():
            outputs = self._function(tf.convert_to_tensor(rows))
        return {stage.name: np.asarray(output) for stage, output in zip(self.stages, outputs, strict=True)}

    def weights(self) -> dict[str, Array]:
        """The weights as they are now, ``conv2d/kernel`` to array; a layer called twice is listed once."""
        found: dict[str, Array] = {}
        seen: set[int] = set()
        for stage, layer in zip(self.stages, self._layers, strict=True):
            if id(layer) not in seen:
                seen.add(id(layer))
                found.update((name, variable.numpy()) for name, variable in weight_names(stage.name, layer))
        return found

    def _trace(self, rows: Any) -> list[Any]:
        with watch() as calls:
            self._model(rows, training=False)
        self._leaves = leaves(calls)
        self.stages = stages(self._keras, self._leaves, {id(rows): self._source})
        return [call.outputs[0] for call in self._leaves]
