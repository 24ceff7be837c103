"""Variables that a model reads and Keras does not know, of layers of one's own."""

from typing import Any

import numpy as np
import pytest

from pipetrace.capture.forward import Forward
from pipetrace.capture.weights import Untracked
from pipetrace.trace.measurements import UntrackedVariables

pytestmark = pytest.mark.framework


def model_of(**kept: Any) -> Any:
    """A layer that multiplies by what it keeps, behind one that draws random numbers and counts."""
    import keras
    import tensorflow as tf

    class Mix(keras.layers.Layer):  # type: ignore[misc] # Keras has no types
        def build(self, shape: Any) -> None:
            self.scale = self.add_weight(shape=(3,), name="scale")
            self.kept = kept

        def call(self, values: Any) -> Any:
            for each in self.kept.values():
                values = values * each
            return values * self.scale

    tf.random.set_seed(0)
    layers = [keras.layers.Dropout(0.5), keras.layers.BatchNormalization(), Mix(name="mix")]
    return keras.Sequential([keras.Input((3,)), *layers])


def figures(model: Any) -> tuple[Untracked, list[tuple[str, UntrackedVariables]]]:
    forward = Forward(model, np.ones((2, 3), np.float32), [("rows", 0)])
    found = Untracked(model, forward.function, [stage.name for stage in forward.stages])
    return found, found.figures()


def test_those_of_the_layer_that_reads_them_are_counted_and_constants_are_not() -> None:
    import tensorflow as tf

    variable, other = tf.Variable([1.0, 2.0, 3.0]), tf.Variable(2.0)
    model = model_of(a=variable, b=other, c=tf.Variable(1.0, trainable=False), d=tf.constant(3.0))
    found, before = figures(model)
    assert before == [("mix", UntrackedVariables(count=2, values=4, changed=False))]
    other.assign(5.0)
    assert found.figures() == [("mix", UntrackedVariables(count=2, values=4, changed=True))]
    assert np.array_equal(variable.numpy(), [1, 2, 3])


def test_a_model_of_keras_has_none() -> None:
    assert figures(model_of())[1] == [("model", UntrackedVariables(count=0, values=0))]
