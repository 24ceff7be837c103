"""The stages of models of many forms, each built so that what has to be found is known."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pytest
from tests.capture.seeing import ROWS, SEQUENCES, holds_true, seen, sources, stage, subclassed

from pipetrace.trace.document import OP, Array, Spec

pytestmark = pytest.mark.framework

# Raw operations of TensorFlow


class Ran(NamedTuple):
    """A call of a model that has only its layers ``a``, ``b`` and ``c``, and what its stages are.

    Attributes:
        call: the call of the model.
        sources: each stage with the names of its sources, as "stage: source source; ...".
        check: what must hold of the stages' outputs and the rows.
        rows: what is passed.
    """

    call: Callable[[Any, Any, Any], Any]
    sources: str
    check: Callable[[Mapping[str, Array], Array], Array | bool] = lambda found, rows: True
    rows: Array = ROWS


CALLS: dict[str, Ran] = {
    "a residual sum": Ran(
        lambda tf, own, x: own.b(x + own.a(x)),
        "a: rows; add: rows a; b: add",
        lambda found, rows: np.isclose(found["add"], rows + found["a"], atol=1e-6),
    ),
    "a softmax at the end": Ran(
        lambda tf, own, x: tf.nn.softmax(own.a(x)),
        "a: rows; softmax: a",
        lambda found, rows: np.isclose(found["softmax"].sum(axis=1), 1, atol=1e-6),
    ),
    "a slice": Ran(
        lambda tf, own, x: own.b(own.a(x)[:, -1]),
        "a: rows; get_item: a; b: get_item",
        lambda found, rows: found["get_item"] == found["a"][:, -1],
        SEQUENCES,
    ),
    "different operations between the same layers": Ran(
        lambda tf, own, x: own.join([tf.tanh(first := own.a(x)), tf.square(first), first - 1.0]),
        "a: rows; tanh: a; square: a; subtract: a; join: tanh square subtract",
        lambda found, rows: (
            np.isclose(found["tanh"], np.tanh(found["a"]), atol=1e-6)
            & np.isclose(found["square"], found["a"] ** 2, atol=1e-6)
        ),
    ),
    "the same operation twice": Ran(
        lambda tf, own, x: own.b((first := own.a(x)) + x) + first,
        "a: rows; add: a rows; b: add; add_1: b a",
    ),
    "a chain is one stage named by its last": Ran(
        lambda tf, own, x: own.b(tf.nn.relu(tf.exp(own.a(x)) * 2.0)), "a: rows; relu: a; b: relu"
    ),
    "casts and identities are no stages": Ran(
        lambda tf, own, x: own.b(
            tf.identity(tf.cast(tf.cast(tf.stop_gradient(own.a(x)), "float64"), "float32"))
        ),
        "a: rows; b: a",
    ),
    "a shape is not data": Ran(
        lambda tf, own, x: own.c(tf.zeros(tf.shape(own.a(x))) + own.b(x)),
        "a: rows; b: rows; add: b; c: add",
    ),
    "a branch chosen by a value": Ran(
        lambda tf, own, x: own.b(tf.where((first := own.a(x)) > 0, first, 0.1 * first)),
        "a: rows; where: a; b: where",
        lambda found, rows: np.isclose(
            found["where"], np.where(found["a"] > 0, found["a"], 0.1 * found["a"]), atol=1e-6
        ),
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_raw_operations(keras: Any, name: str) -> None:
    import tensorflow as tf

    ran, layers = CALLS[name], keras.layers
    made = {part: layers.Dense(6, name=part) for part in "abc"} | {
        "join": layers.Concatenate(name="join")
    }
    parts = {part: layer for part, layer in made.items() if f"{part}: " in ran.sources}
    model = subclassed(keras, lambda own, x: ran.call(tf, own, x), ran.rows, **parts)
    forward = seen(model, ran.rows)
    lines = [f"{stage}: {' '.join(map(str, came))}" for stage, came in sources(forward).items()]
    assert "; ".join(lines) == ran.sources
    assert np.all(ran.check(holds_true(forward, model, ran.rows), ran.rows))
    for each in forward.stages:
        if each.name not in parts:
            assert (each.kind, each.parameters.total, each.path) == (OP, 0, each.name)
    if name.startswith("a chain"):
        assert stage(forward, "relu").layer == "Exp, Multiply, Relu"


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
