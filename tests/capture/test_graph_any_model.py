"""The stages of models of many forms, each built so that what has to be found is known."""

from typing import Any

import numpy as np
import pytest
from tests.capture.seeing import ROWS, SEQUENCES, holds_true, seen, sources, stage, subclassed

from pipetrace.trace.document import OP, Spec

pytestmark = pytest.mark.framework

# Raw operations of TensorFlow


def test_a_residual_sum(keras: Any) -> None:
    dense = keras.layers.Dense(6, name="inner")
    model = subclassed(
        keras, lambda own, x: own.after(x + own.inner(x)), inner=dense, after=keras.layers.Dense(2)
    )
    forward = seen(model, ROWS)
    assert sources(forward) == {
        "inner": ["rows"],
        "add": ["rows", "inner"],
        model.after.name: ["add"],
    }
    found = holds_true(forward, model, ROWS)
    np.testing.assert_allclose(found["add"], ROWS + found["inner"], atol=1e-6)
    add = stage(forward, "add")
    assert (add.kind, add.layer, add.parameters.total, add.path) == (OP, "AddV2", 0, "add")


def test_a_softmax_at_the_end_is_an_output(keras: Any) -> None:
    import tensorflow as tf

    model = subclassed(
        keras,
        lambda own, x: tf.nn.softmax(own.scores(x)),
        scores=keras.layers.Dense(3, name="scores"),
    )
    forward = seen(model, ROWS)
    assert sources(forward) == {"scores": ["rows"], "softmax": ["scores"]}
    found = holds_true(forward, model, ROWS)
    np.testing.assert_allclose(found["softmax"].sum(axis=1), 1, atol=1e-6)
    assert forward.outputs == (Spec((None, 3), "float32", "softmax"),)


def test_a_slice(keras: Any) -> None:
    lstm = keras.layers.LSTM(3, return_sequences=True, name="read")
    model = subclassed(
        keras,
        lambda own, x: own.out(own.read(x)[:, -1]),
        SEQUENCES,
        read=lstm,
        out=keras.layers.Dense(2, name="out"),
    )
    forward = seen(model, SEQUENCES)
    assert sources(forward) == {"read": ["rows"], "get_item": ["read"], "out": ["get_item"]}
    found = holds_true(forward, model, SEQUENCES)
    np.testing.assert_array_equal(found["get_item"], found["read"][:, -1])


def test_constants_and_weights_are_no_sources(keras: Any) -> None:
    class Shift(keras.Model):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(name="shift")
            self.first = keras.layers.Dense(6, name="first")
            self.second = keras.layers.Dense(6, name="second")
            self.third = keras.layers.Dense(6, name="third")
            self.offset = self.add_weight(shape=(6,), initializer="ones", name="offset")

        def call(self, rows: Any) -> Any:
            return self.third(self.second(self.first(rows) + 3.0) * self.offset)

    model = Shift()
    model(ROWS)
    forward = seen(model, ROWS)
    assert sources(forward) == {
        "first": ["rows"],
        "add": ["first"],
        "second": ["add"],
        "multiply": ["second"],
        "third": ["multiply"],
    }
    found = holds_true(forward, model, ROWS)
    np.testing.assert_array_equal(found["add"], found["first"] + np.float32(3))
    # The weight belongs to the model itself, so it is a group with parameters of its own.
    assert [(group.path, group.own.total) for group in forward.groups] == [("", 6)]
    np.testing.assert_array_equal(forward.weights()["offset"], np.ones(6))
    assert sum(each.size for each in forward.weights().values()) == model.count_params()


def test_different_operations_between_the_same_layers(keras: Any) -> None:
    import tensorflow as tf

    def call(own: Any, x: Any) -> Any:
        first = own.first(x)
        return own.join([tf.tanh(first), tf.square(first), first - 1.0])

    model = subclassed(
        keras,
        call,
        first=keras.layers.Dense(3, name="first"),
        join=keras.layers.Concatenate(name="join"),
    )
    forward = seen(model, ROWS)
    assert sources(forward) == {
        "first": ["rows"],
        "tanh": ["first"],
        "square": ["first"],
        "subtract": ["first"],
        "join": ["tanh", "square", "subtract"],
    }
    found = holds_true(forward, model, ROWS)
    np.testing.assert_allclose(found["tanh"], np.tanh(found["first"]), atol=1e-6)
    np.testing.assert_allclose(found["square"], found["first"] ** 2, atol=1e-6)


def test_the_same_operation_twice_gets_two_names(keras: Any) -> None:
    def call(own: Any, x: Any) -> Any:
        first = own.first(x)
        return own.second(first + x) + first

    model = subclassed(
        keras,
        call,
        first=keras.layers.Dense(6, name="first"),
        second=keras.layers.Dense(6, name="second"),
    )
    forward = seen(model, ROWS)
    found = sources(forward)
    (last,) = set(found) - {"first", "second", "add"}
    assert found == {
        "first": ["rows"],
        "add": ["first", "rows"],
        "second": ["add"],
        last: ["second", "first"],
    }
    assert last == "add_1"
    holds_true(forward, model, ROWS)


def test_a_chain_of_operations_is_one_stage_named_by_its_last(keras: Any) -> None:
    import tensorflow as tf

    model = subclassed(
        keras,
        lambda own, x: own.out(tf.nn.relu(tf.exp(own.first(x)) * 2.0)),
        first=keras.layers.Dense(3, name="first"),
        out=keras.layers.Dense(2, name="out"),
    )
    forward = seen(model, ROWS)
    assert sources(forward) == {"first": ["rows"], "relu": ["first"], "out": ["relu"]}
    assert stage(forward, "relu").layer == "Exp, Mul, Relu"
    holds_true(forward, model, ROWS)


def test_casts_and_identities_are_no_stages(keras: Any) -> None:
    import tensorflow as tf

    model = subclassed(
        keras,
        lambda own, x: own.out(
            tf.identity(tf.cast(tf.cast(tf.stop_gradient(own.first(x)), "float64"), "float32"))
        ),
        first=keras.layers.Dense(3, name="first"),
        out=keras.layers.Dense(2, name="out"),
    )
    assert sources(seen(model, ROWS)) == {"first": ["rows"], "out": ["first"]}


def test_a_shape_is_not_data(keras: Any) -> None:
    import tensorflow as tf

    def call(own: Any, x: Any) -> Any:
        noise = tf.zeros(tf.shape(own.first(x)))
        return own.out(noise + own.second(x))

    model = subclassed(
        keras,
        call,
        first=keras.layers.Dense(3, name="first"),
        second=keras.layers.Dense(3, name="second"),
        out=keras.layers.Dense(2, name="out"),
    )
    assert sources(seen(model, ROWS))["add"] == ["second"]


def test_a_model_that_is_nothing_but_operations(keras: Any) -> None:
    import tensorflow as tf

    model = subclassed(keras, lambda own, x: tf.reduce_sum(x * 2.0, axis=1))
    forward = seen(model, ROWS)
    # There is no layer to be told from the model, which is then the one stage.
    assert sources(forward) == {"own": ["rows"]}
    assert forward.outputs == (Spec((None,), "float32", "own"),)
    found = holds_true(forward, model, ROWS)
    np.testing.assert_allclose(found["own"], (ROWS * 2).sum(axis=1), atol=1e-5)


def test_a_model_that_hands_on_what_it_gets(keras: Any) -> None:
    model = subclassed(keras, lambda own, x: x)
    forward = seen(model, ROWS)
    (only,) = forward.stages
    assert only.inputs[0].source == "rows"
    np.testing.assert_array_equal(forward(ROWS)[only.name], ROWS)


def test_a_model_of_one_layer(keras: Any) -> None:
    model = keras.Sequential([keras.layers.Input((6,)), keras.layers.Dense(2, name="only")])
    forward = seen(model, ROWS)
    assert sources(forward) == {"only": ["rows"]}
    assert forward.groups == ()
    assert forward.outputs == (Spec((None, 2), "float32", "only"),)
    holds_true(forward, model, ROWS)


def test_a_branch_chosen_by_a_value(keras: Any) -> None:
    import tensorflow as tf

    def call(own: Any, x: Any) -> Any:
        first = own.first(x)
        return own.out(tf.where(first > 0, first, 0.1 * first))

    model = subclassed(
        keras,
        call,
        first=keras.layers.Dense(3, name="first"),
        out=keras.layers.Dense(2, name="out"),
    )
    forward = seen(model, ROWS)
    assert sources(forward) == {"first": ["rows"], "where": ["first"], "out": ["where"]}
    found = holds_true(forward, model, ROWS)
    first = found["first"]
    np.testing.assert_allclose(found["where"], np.where(first > 0, first, 0.1 * first), atol=1e-6)


# Groups


def test_a_layer_made_of_layers_holds_weights_of_its_own(keras: Any) -> None:
    class Gate(keras.layers.Layer):  # type: ignore[misc]
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            self.inner = keras.layers.Dense(4, name="inner")

        def build(self, shape: Any) -> None:
            self.scale = self.add_weight(shape=(4,), initializer="ones", name="scale")
            self.shift = self.add_weight(
                shape=(3,), initializer="zeros", trainable=False, name="shift"
            )
            self.inner.build(shape)

        def call(self, rows: Any) -> Any:
            return self.inner(rows) * self.scale

    given = keras.Input((6,))
    model = keras.Model(given, keras.layers.Dense(2, name="out")(Gate(name="gate")(given)))
    forward = seen(model, ROWS)
    assert sources(forward) == {"inner": ["rows"], "multiply": ["inner"], "out": ["multiply"]}
    (group,) = forward.groups
    assert (group.path, group.layer) == ("gate", "Gate")
    assert (group.own.trainable, group.own.frozen) == (4, 3)
    assert group.parameters.total == 4 + 3 + 6 * 4 + 4
    assert [(spec.shape, spec.source) for spec in group.inputs] == [((None, 6), "rows")]
    assert [spec.shape for spec in group.outputs] == [(None, 4)]
    assert {stage.name: stage.path for stage in forward.stages} == {
        "inner": "gate/inner",
        "multiply": "gate/multiply",
        "out": "out",
    }
    # Every parameter is counted once: with its stage, or with the group that holds it.
    counted = sum(each.parameters.total for each in forward.stages) + group.own.total
    assert counted == model.count_params()
    assert set(forward.weights()) == {
        "inner/kernel",
        "inner/bias",
        "gate/scale",
        "gate/shift",
        "out/kernel",
        "out/bias",
    }
    holds_true(forward, model, ROWS)


def test_a_nested_model_called_twice(keras: Any) -> None:
    given = keras.Input((6,))
    encoder = keras.Model(given, keras.layers.Dense(3, name="code")(given), name="encoder")
    one, two = keras.Input((6,), name="one"), keras.Input((6,), name="two")
    join = keras.layers.Concatenate(name="join")([encoder(one), encoder(two)])
    model = keras.Model([one, two], join)
    rows = [ROWS, ROWS + 1]
    forward = seen(model, rows, "one", "two")
    assert sources(forward) == {"code": ["one"], "code:2": ["two"], "join": ["code", "code:2"]}
    assert [each.path for each in forward.stages] == ["encoder/code", "encoder:2/code", "join"]
    assert [group.path for group in forward.groups] == ["encoder", "encoder:2"]
    assert all(group.own.total == 0 for group in forward.groups)
    assert [group.parameters.total for group in forward.groups] == [21, 21]
    assert [group.inputs[0].source for group in forward.groups] == ["one", "two"]
    assert [group.outputs[0].shape for group in forward.groups] == [(None, 3), (None, 3)]
    assert set(forward.weights()) == {"code/kernel", "code/bias"}
    holds_true(forward, model, rows)


def test_one_name_in_two_nested_models(keras: Any) -> None:
    def part(name: str, units: int) -> Any:
        given = keras.Input((6,))
        return keras.Model(given, keras.layers.Dense(units, name="same")(given), name=name)

    given = keras.Input((6,))
    model = keras.Model(
        given,
        keras.layers.Concatenate(name="join")([part("left", 2)(given), part("right", 3)(given)]),
    )
    forward = seen(model, ROWS)
    assert sources(forward) == {
        "left/same": ["rows"],
        "right/same": ["rows"],
        "join": ["left/same", "right/same"],
    }
    assert [each.path for each in forward.stages] == ["left/same", "right/same", "join"]
    assert {name: each.shape for name, each in forward.weights().items() if "kernel" in name} == {
        "left/same/kernel": (6, 2),
        "right/same/kernel": (6, 3),
    }
    found = holds_true(forward, model, ROWS)
    np.testing.assert_array_equal(
        found["join"], np.concatenate([found["left/same"], found["right/same"]], axis=1)
    )


def test_operations_within_a_group_and_on_the_way_into_it(keras: Any) -> None:
    class Block(keras.layers.Layer):  # type: ignore[misc]
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            self.inner = keras.layers.Dense(6, name="inner")

        def call(self, rows: Any) -> Any:
            return self.inner(rows) + rows

    model = subclassed(
        keras,
        lambda own, x: own.out(own.block(x * 2.0)),
        block=Block(name="block"),
        out=keras.layers.Dense(1, name="out"),
    )
    forward = seen(model, ROWS)
    assert sources(forward) == {
        "multiply": ["rows"],
        "inner": ["multiply"],
        "add": ["inner", "multiply"],
        "out": ["add"],
    }
    assert [each.path for each in forward.stages] == ["multiply", "block/inner", "block/add", "out"]
    found = holds_true(forward, model, ROWS)
    np.testing.assert_array_equal(found["multiply"], ROWS * 2)
