from typing import Any

import numpy as np
import pytest

from pipetrace.capture.forward import Forward
from pipetrace.capture.weights import Untracked
from pipetrace.trace.document import Array
from pipetrace.trace.measurements import UntrackedVariables

pytestmark = pytest.mark.framework


def all_outputs(keras: Any, sample: Any) -> dict[str, Array]:
    """Every stage's output by a Keras model of its own, for a model whose layers are a plain graph."""
    layers = [layer for layer in sample.model.layers if layer.name in dict(sample.stages)]
    full = keras.Model(sample.model.inputs[0], [layer.output for layer in layers])
    outputs = full(sample.rows, training=False)
    return {layer.name: np.asarray(each) for layer, each in zip(layers, outputs, strict=True)}


def test_outputs_are_those_of_keras_bit_for_bit(keras: Any, sample: Any) -> None:
    found = Forward(sample.model, sample.rows, [("rows", 0)])(sample.rows)
    assert tuple(found) == tuple(name for name, _ in sample.stages)
    *_, last = found.values()
    np.testing.assert_array_equal(last, np.asarray(sample.model(sample.rows, training=False)))
    np.testing.assert_array_equal(last, sample.model.predict(sample.rows, verbose=0))
    if isinstance(sample.model, keras.Sequential) or "join" in found:
        expected = all_outputs(keras, sample)
        assert set(expected) == set(found)
        for name, values in expected.items():
            np.testing.assert_array_equal(found[name], values)


def test_outputs_of_operations_by_numpy(sample: Any) -> None:
    found = Forward(sample.model, sample.rows, [("rows", 0)])(sample.rows)
    if "hidden" in found:
        hidden, relu, mean, multiply, _ = found.values()
        np.testing.assert_array_equal(relu, np.maximum(hidden, 0))
        np.testing.assert_allclose(mean, hidden.mean(-1, keepdims=True), rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(multiply, relu * mean)


def test_any_number_of_rows(sample: Any) -> None:
    forward = Forward(sample.model, sample.rows[:1], [("rows", 0)])
    for count in (0, 1, 5):
        for name, values in forward(sample.rows[:count]).items():
            assert len(values) == count, name


def test_stages_have_the_shapes_of_their_outputs(sample: Any) -> None:
    forward = Forward(sample.model, sample.rows, [("rows", 0)])
    found = forward(sample.rows)
    assert (
        tuple((stage.name, tuple(spec.source for spec in stage.inputs)) for stage in forward.stages)
        == sample.stages
    )
    for stage in forward.stages:
        assert stage.outputs[0].shape == (None, *found[stage.name].shape[1:])
        assert stage.outputs[0].dtype == str(found[stage.name].dtype)


def test_the_example_is_used_for_its_form_alone(small: Any) -> None:
    forward = Forward(small, np.full((1, 3), np.nan, np.float32), [("rows", 0)])
    found = forward(np.ones((2, 3), np.float32))
    assert all(np.isfinite(values).all() for values in found.values())


def test_it_follows_the_weights(keras: Any) -> None:
    model = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(2, name="out")])
    forward = Forward(model, np.ones((1, 3), np.float32), [("rows", 0)])
    kernel, bias = np.ones((3, 2), np.float32), np.array([0, 5], np.float32)
    model.set_weights([kernel, bias])
    np.testing.assert_array_equal(forward(np.ones((1, 3), np.float32))["out"], [[3, 8]])
    weights = forward.weights()
    np.testing.assert_array_equal(weights["out/kernel"], kernel)
    np.testing.assert_array_equal(weights["out/bias"], bias)


def test_weights_are_copies_of_the_moment(keras: Any) -> None:
    model = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(2, name="out")])
    weights = Forward(model, np.ones((1, 3), np.float32), [("rows", 0)]).weights()
    before = weights["out/kernel"].copy()
    model.set_weights([np.zeros((3, 2), np.float32), np.zeros(2, np.float32)])
    np.testing.assert_array_equal(weights["out/kernel"], before)


def test_weights_are_named_and_each_layer_listed_once(sample: Any) -> None:
    weights = Forward(sample.model, sample.rows, [("rows", 0)]).weights()
    expected = {
        f"{layer.name}/{each.name}"
        for layer in sample.model._flatten_layers()
        for each in layer._trainable_variables
    }
    assert set(weights) == expected
    assert sum(values.size for values in weights.values()) == sample.model.count_params()


def test_the_models_own_functions_are_left_alone(keras: Any, small: Any) -> None:
    small.compile(optimizer="sgd", loss="mse")
    rows = np.ones((4, 3), np.float32)
    small.predict(rows, verbose=0)
    before = small.predict_function
    Forward(small, rows, [("rows", 0)])(rows)
    assert small.predict_function is before


def model_that_reads(**kept: Any) -> Any:
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


def untracked(model: Any) -> tuple[Untracked, list[tuple[str, UntrackedVariables]]]:
    forward = Forward(model, np.ones((2, 3), np.float32), [("rows", 0)])
    found = Untracked(model, forward.function, [stage.name for stage in forward.stages])
    return found, found.figures()


def test_those_of_the_layer_that_reads_them_are_counted_and_constants_are_not() -> None:
    import tensorflow as tf

    variable, other = tf.Variable([1.0, 2.0, 3.0]), tf.Variable(2.0)
    model = model_that_reads(
        a=variable, b=other, c=tf.Variable(1.0, trainable=False), d=tf.constant(3.0)
    )
    found, before = untracked(model)
    assert before == [("mix", UntrackedVariables(count=2, values=4, changed=False))]
    other.assign(5.0)
    assert found.figures() == [("mix", UntrackedVariables(count=2, values=4, changed=True))]
    assert np.array_equal(variable.numpy(), [1, 2, 3])


def test_a_model_of_keras_has_none() -> None:
    assert untracked(model_that_reads())[1] == [("model", UntrackedVariables(count=0, values=0))]
