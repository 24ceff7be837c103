from typing import Any

import numpy as np
import pytest

from pipetrace.capture.training import Gradients
from pipetrace.capture.weights import Weights

pytestmark = pytest.mark.framework

X = np.array([[1.0, 2.0], [0.0, 4.0]], np.float32)
Y = np.array([[1.0], [2.0]], np.float32)


def model(keras: Any, activation: Any = None, **options: Any) -> Any:
    keras.utils.set_random_seed(0)
    parts = [
        keras.layers.Input((2,)),
        keras.layers.Dense(3, kernel_initializer="ones", name="first"),
        keras.layers.BatchNormalization(name="norm"),
        keras.layers.Dropout(0.5, name="drop"),
        keras.layers.Dense(1, activation=activation, kernel_initializer="zeros", name="second"),
    ]
    made = keras.Sequential(parts)
    made.compile("sgd", loss="mse", **options)
    return made


def weights(made: Any) -> dict[int, Any]:
    return {id(each): np.array(each.numpy()) for each in made.weights}


def not_finite(model: Any, instead: Weights, x: Any, y: Any, weight: Any = None) -> list[Any]:
    return Gradients(model, x, y, weight).not_finite(x, y, weight, instead)


def test_a_sound_gradient(keras: Any) -> None:
    made = model(keras)
    assert not_finite(made, weights(made), X, Y) == []


def test_a_gradient_that_is_not_finite_although_the_output_is(keras: Any) -> None:
    # The square root has no finite slope at 0, where a kernel of zeros puts it.
    made = model(keras, keras.ops.sqrt)
    assert np.isfinite(made.predict(X, verbose=0)).all()
    found = not_finite(made, weights(made), X, Y)
    assert any(each is made.get_layer("second").kernel for each in found)
    order = [id(each) for each in made.trainable_variables]
    assert [id(each) for each in found] == [
        each for each in order if each in {id(one) for one in found}
    ]


def test_the_weights_are_those_that_are_given(keras: Any) -> None:
    made = model(keras)
    second = {id(each) for each in made.get_layer("second").weights}
    broken = {
        key: values * np.nan if key in second else values for key, values in weights(made).items()
    }
    assert not_finite(made, broken, X, Y)
    made.get_layer("first").kernel.assign(np.full((2, 3), np.nan))
    good = {key: np.ones_like(values) for key, values in weights(made).items()}
    assert not_finite(made, good, X, Y) == []
    assert np.isnan(made.get_layer("first").kernel.numpy()).all()


def test_targets_and_weights_of_rows_count(keras: Any) -> None:
    made = model(keras)
    assert not_finite(made, weights(made), X, Y * np.nan)
    made = model(keras)
    assert not_finite(made, weights(made), X, Y, np.array([1.0, np.inf], np.float32))


def test_nothing_changes(keras: Any) -> None:
    made = model(keras)
    made(X, training=True)
    kept = [*made.variables, *made.optimizer.variables]
    before = [np.array(each.numpy()) for each in kept]
    not_finite(made, weights(made), X, Y)
    for variable, values in zip(kept, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), values, err_msg=str(variable.path))
    made(X, training=True)
    assert any((each.numpy() != values).any() for each, values in zip(kept, before, strict=True))
