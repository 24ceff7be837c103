from typing import Any

import numpy as np
import pytest

from pipetrace.capture.training_mode import differs, has_modes

pytestmark = pytest.mark.framework

ROWS = np.random.default_rng(0).normal(2, 3, size=(8, 5)).astype(np.float32)


def in_training(layer: Any, *received: Any) -> Any:
    return np.asarray(layer(*received, training=True))


@pytest.mark.parametrize(
    ("kind", "options"),
    [("Dropout", {"rate": 0.5}), ("GaussianNoise", {"stddev": 1.0}), ("BatchNormalization", {})],
)
def test_layers_that_do_another_thing_in_training(
    keras: Any, kind: str, options: dict[str, Any]
) -> None:
    layer = getattr(keras.layers, kind)(**options)
    layer.build(ROWS.shape)
    given = in_training(layer, ROWS)
    state = [np.array(each.numpy()) for each in layer.variables]
    assert has_modes(layer)
    assert differs(layer, [ROWS], given)
    assert not differs(layer, [ROWS], np.asarray(layer(ROWS, training=False)))
    for variable, values in zip(layer.variables, state, strict=True):
        np.testing.assert_array_equal(variable.numpy(), values)


def test_a_layer_that_is_only_told_does_not_differ(keras: Any) -> None:
    class Told(keras.layers.Layer):  # type: ignore[misc] # Keras has no types
        def call(self, rows: Any, training: bool = False) -> Any:
            return rows * 2

    for layer in (Told(), keras.layers.Dropout(0.0)):
        assert has_modes(layer)
        assert not differs(layer, [ROWS], in_training(layer, ROWS))
    assert not has_modes(keras.layers.Flatten())
    assert not has_modes(keras.ops.relu)
    assert not has_modes(None)


def test_the_state_of_a_layer_that_counts_stays(keras: Any) -> None:
    class Counting(keras.layers.Layer):  # type: ignore[misc]
        def build(self, shape: Any) -> None:
            self.calls = self.add_weight(shape=(), initializer="zeros", trainable=False)

        def call(self, rows: Any, training: bool = False) -> Any:
            self.calls.assign_add(1.0)
            return rows

    layer = Counting()
    assert not differs(layer, [ROWS], in_training(layer, ROWS))
    assert float(layer.calls.numpy()) == 1


def test_what_differs_ahead_of_a_layer_is_none_of_its_own(keras: Any) -> None:
    dropped = in_training(keras.layers.Dropout(0.5, seed=1), ROWS)
    read = keras.layers.LSTM(2)
    assert not differs(read, [dropped[:, None]], in_training(read, dropped[:, None]))


def test_another_shape_and_values_that_are_not_finite(keras: Any) -> None:
    class Cut(keras.layers.Layer):  # type: ignore[misc]
        def call(self, rows: Any, training: bool = False) -> Any:
            return rows[:, :2] if training else rows

    assert differs(Cut(), [ROWS], ROWS[:, :2])
    broken = ROWS.copy()
    broken[0, 0], broken[1, 1] = np.nan, np.inf
    layer = keras.layers.Dropout(0.0)
    assert not differs(layer, [broken], broken)
    assert differs(layer, [broken], ROWS)


def test_rounding_is_no_difference_and_a_little_more_is(keras: Any) -> None:
    layer = keras.layers.Dropout(0.5)
    assert not differs(layer, [ROWS], ROWS * np.float32(1 + 1e-6))
    assert differs(layer, [ROWS], ROWS * np.float32(1.01))


def test_a_layer_that_takes_its_inputs_otherwise_is_not_said_to_differ(keras: Any) -> None:
    class Pair(keras.layers.Layer):  # type: ignore[misc]
        def call(self, pair: Any, training: bool = False) -> Any:
            return pair[0] + pair[1] if training else pair[0] - pair[5]

    assert not differs(Pair(), [ROWS, ROWS], ROWS * 2)


def test_whole_numbers(keras: Any) -> None:
    layer = keras.layers.Dropout(0.5, dtype="float16")
    assert not differs(layer, [ROWS], np.asarray(layer(ROWS, training=False)))
