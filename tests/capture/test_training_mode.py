from typing import Any

import numpy as np
import pytest
from tests.capture.seeing import SEQUENCES, seen

from pipetrace.capture.training import differs, has_modes

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


def test_a_pass_in_training_mode_leaves_every_state_as_it_is(keras: Any) -> None:
    layers = keras.layers

    class Noise(layers.Layer):  # type: ignore[misc,name-defined]
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            self.seeds = keras.random.SeedGenerator(7)
            self.calls = self.add_weight(
                shape=(), initializer="zeros", trainable=False, name="calls"
            )

        def call(self, rows: Any, training: bool = False) -> Any:
            if training:
                self.calls.assign_add(1.0)
                self.add_loss(keras.ops.sum(rows))
                return rows + keras.random.normal(keras.ops.shape(rows), seed=self.seeds)
            return rows

    keras.utils.set_random_seed(11)
    given = keras.Input(batch_shape=(4, 7, 6))
    read = layers.LSTM(3, stateful=True, return_sequences=True, dropout=0.3, name="read")(given)
    norm = layers.BatchNormalization(name="norm")(layers.Dropout(0.5, name="drop")(read))
    spectral = layers.SpectralNormalization(layers.Dense(2), name="spectral")(
        Noise(name="noise")(norm)
    )
    model = keras.Model(given, layers.GaussianNoise(1.0, name="gauss")(spectral))
    model(SEQUENCES, training=True)
    keras.random.normal((2,))  # makes the global generator
    chance = keras.src.backend.common.global_state.get_global_attribute("global_seed_generator")
    assert chance is not None
    kept = [*model.variables, *model.get_layer("read").states, chance.state]
    before = [np.array(each.numpy()) for each in kept]
    for training in (True, False):
        forward = seen(model, SEQUENCES, training=training)
        first, second = forward(SEQUENCES), forward(SEQUENCES)
        forward.passed(SEQUENCES[:2])
        # The random numbers are those that come next; nothing moved between the two.
        np.testing.assert_array_equal(first["gauss"], second["gauss"])
        assert bool((first["drop"] == first["read"]).all()) is not training
    for variable, values in zip(kept, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), values, err_msg=str(variable.path))
    # The check itself can fail: the model's own pass moves all that the check is about.
    model(SEQUENCES, training=True)
    pairs = zip(kept, before, strict=True)
    moved = {id(each) for each, values in pairs if (each.numpy() != values).any()}
    seeds = [model.get_layer(name).seed_generator.state for name in ("drop", "gauss")]
    norm, noise = model.get_layer("norm"), model.get_layer("noise")
    must = [*model.get_layer("read").states, norm.moving_mean, norm.moving_variance, *seeds]
    must += [noise.calls, noise.seeds.state]
    assert {id(each) for each in must} <= moved


def test_an_input_with_a_name_is_given_by_it(capfd: pytest.CaptureFixture[str]) -> None:
    """A mask of an attention is no key; TensorFlow would complain of its shape."""
    import keras

    layer = keras.layers.MultiHeadAttention(2, 4)
    x, mask = np.ones((3, 5, 8), np.float32), np.ones((3, 1, 5), bool)
    given = np.asarray(layer(x, x, attention_mask=mask))
    names = [None, None, "attention_mask"]
    assert not differs(layer, [x, x, mask], given, names=names)
    assert differs(layer, [x, x, mask], given + 1, names=names)
    assert "rendezvous" not in capfd.readouterr().err
