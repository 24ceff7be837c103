"""The stages of models of many forms, each built so that what has to be found is known."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pipetrace.capture.forward import Forward
from pipetrace.trace.document import LAYER, OP, Array, Spec, Stage

pytestmark = pytest.mark.framework

CHANCE = np.random.default_rng(0)
ROWS = CHANCE.normal(size=(5, 6)).astype(np.float32)
SEQUENCES = CHANCE.normal(size=(4, 7, 6)).astype(np.float32)
WORDS = np.array([[3, 1, 0, 0], [2, 2, 2, 2], [5, 0, 0, 0]], np.int64)


def seen(model: Any, rows: Any, *names: str, **options: Any) -> Forward:
    return Forward(model, rows, [(name, 0) for name in names or ("rows",)], **options)


def wires(forward: Forward) -> dict[str, list[tuple[str | None, int]]]:
    """Where the inputs of each stage come from."""
    return {stage.name: [(spec.source, spec.output) for spec in stage.inputs] for stage in forward.stages}


def sources(forward: Forward) -> dict[str, list[str | None]]:
    return {stage.name: [spec.source for spec in stage.inputs] for stage in forward.stages}


def stage(forward: Forward, name: str) -> Stage:
    (found,) = [each for each in forward.stages if each.name == name]
    return found


def subclassed(keras: Any, call: Callable[[Any, Any], Any], rows: Any = ROWS, **parts: Any) -> Any:
    """A model of layers and of a function that calls them, which is all that is known of it."""

    class Own(keras.Model):  # type: ignore[misc] # Keras has no types
        def __init__(self) -> None:
            super().__init__(name="own")
            for name, part in parts.items():
                setattr(self, name, part)

        def call(self, rows: Any) -> Any:
            return call(self, rows)

    model = Own()
    model(rows)
    return model


def holds_true(forward: Forward, model: Any, rows: Any) -> dict[str, Array]:
    """The outputs of all stages; the model's own are checked against the model."""
    passed = forward.passed(rows).outputs
    import keras

    expected = keras.tree.flatten(model(keras.tree.map_structure(keras.ops.convert_to_tensor, rows), training=False))
    assert len(expected) == len(forward.outputs)
    for spec, values in zip(forward.outputs, expected, strict=True):
        own = passed[str(spec.source)][spec.output]
        np.testing.assert_allclose(own, np.asarray(values), atol=1e-6)
    return {name: values[0] for name, values in passed.items()}


# Raw operations of TensorFlow


def test_a_residual_sum(keras: Any) -> None:
    dense = keras.layers.Dense(6, name="inner")
    model = subclassed(keras, lambda own, x: own.after(x + own.inner(x)), inner=dense, after=keras.layers.Dense(2))
    forward = seen(model, ROWS)
    assert sources(forward) == {"inner": ["rows"], "add": ["rows", "inner"], model.after.name: ["add"]}
    found = holds_true(forward, model, ROWS)
    np.testing.assert_allclose(found["add"], ROWS + found["inner"], atol=1e-6)
    add = stage(forward, "add")
    assert (add.kind, add.layer, add.parameters.total, add.path) == (OP, "AddV2", 0, "add")


def test_a_softmax_at_the_end_is_an_output(keras: Any) -> None:
    import tensorflow as tf

    model = subclassed(keras, lambda own, x: tf.nn.softmax(own.scores(x)), scores=keras.layers.Dense(3, name="scores"))
    forward = seen(model, ROWS)
    assert sources(forward) == {"scores": ["rows"], "softmax": ["scores"]}
    found = holds_true(forward, model, ROWS)
    np.testing.assert_allclose(found["softmax"].sum(axis=1), 1, atol=1e-6)
    assert forward.outputs == (Spec((None, 3), "float32", "softmax"),)


def test_a_slice(keras: Any) -> None:
    lstm = keras.layers.LSTM(3, return_sequences=True, name="read")
    model = subclassed(
        keras, lambda own, x: own.out(own.read(x)[:, -1]), SEQUENCES, read=lstm, out=keras.layers.Dense(2, name="out")
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
        "first": ["rows"], "add": ["first"], "second": ["add"], "multiply": ["second"], "third": ["multiply"],
    }  # fmt: skip
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
        keras, call, first=keras.layers.Dense(3, name="first"), join=keras.layers.Concatenate(name="join")
    )
    forward = seen(model, ROWS)
    assert sources(forward) == {
        "first": ["rows"], "tanh": ["first"], "square": ["first"], "subtract": ["first"],
        "join": ["tanh", "square", "subtract"],
    }  # fmt: skip
    found = holds_true(forward, model, ROWS)
    np.testing.assert_allclose(found["tanh"], np.tanh(found["first"]), atol=1e-6)
    np.testing.assert_allclose(found["square"], found["first"] ** 2, atol=1e-6)


def test_the_same_operation_twice_gets_two_names(keras: Any) -> None:
    def call(own: Any, x: Any) -> Any:
        first = own.first(x)
        return own.second(first + x) + first

    model = subclassed(
        keras, call, first=keras.layers.Dense(6, name="first"), second=keras.layers.Dense(6, name="second")
    )
    forward = seen(model, ROWS)
    found = sources(forward)
    (last,) = set(found) - {"first", "second", "add"}
    assert found == {"first": ["rows"], "add": ["first", "rows"], "second": ["add"], last: ["second", "first"]}
    assert last == "add_1"
    holds_true(forward, model, ROWS)


def test_a_chain_of_operations_is_one_stage_named_by_its_last(keras: Any) -> None:
    import tensorflow as tf

    model = subclassed(
        keras, lambda own, x: own.out(tf.nn.relu(tf.exp(own.first(x)) * 2.0)),
        first=keras.layers.Dense(3, name="first"), out=keras.layers.Dense(2, name="out"),
    )  # fmt: skip
    forward = seen(model, ROWS)
    assert sources(forward) == {"first": ["rows"], "relu": ["first"], "out": ["relu"]}
    assert stage(forward, "relu").layer == "Exp, Mul, Relu"
    holds_true(forward, model, ROWS)


def test_casts_and_identities_are_no_stages(keras: Any) -> None:
    import tensorflow as tf

    model = subclassed(
        keras, lambda own, x: own.out(tf.identity(tf.cast(tf.stop_gradient(own.first(x)), "float32"))),
        first=keras.layers.Dense(3, name="first"), out=keras.layers.Dense(2, name="out"),
    )  # fmt: skip
    assert sources(seen(model, ROWS)) == {"first": ["rows"], "out": ["first"]}


def test_a_shape_is_not_data(keras: Any) -> None:
    import tensorflow as tf

    def call(own: Any, x: Any) -> Any:
        noise = tf.zeros(tf.shape(own.first(x)))
        return own.out(noise + own.second(x))

    model = subclassed(
        keras, call, first=keras.layers.Dense(3, name="first"), second=keras.layers.Dense(3, name="second"),
        out=keras.layers.Dense(2, name="out"),
    )  # fmt: skip
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

    model = subclassed(keras, call, first=keras.layers.Dense(3, name="first"), out=keras.layers.Dense(2, name="out"))
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
            self.shift = self.add_weight(shape=(3,), initializer="zeros", trainable=False, name="shift")
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
    assert {stage.name: stage.path for stage in forward.stages} == {
        "inner": "gate/inner", "multiply": "gate/multiply", "out": "out",
    }  # fmt: skip
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
    assert set(forward.weights()) == {"code/kernel", "code/bias"}
    holds_true(forward, model, rows)


def test_one_name_in_two_nested_models(keras: Any) -> None:
    def part(name: str, units: int) -> Any:
        given = keras.Input((6,))
        return keras.Model(given, keras.layers.Dense(units, name="same")(given), name=name)

    given = keras.Input((6,))
    model = keras.Model(given, keras.layers.Concatenate(name="join")([part("left", 2)(given), part("right", 3)(given)]))
    forward = seen(model, ROWS)
    assert sources(forward) == {
        "left/same": ["rows"], "right/same": ["rows"], "join": ["left/same", "right/same"],
    }  # fmt: skip
    assert [each.path for each in forward.stages] == ["left/same", "right/same", "join"]
    assert {name: each.shape for name, each in forward.weights().items() if "kernel" in name} == {
        "left/same/kernel": (6, 2), "right/same/kernel": (6, 3),
    }  # fmt: skip
    found = holds_true(forward, model, ROWS)
    np.testing.assert_array_equal(found["join"], np.concatenate([found["left/same"], found["right/same"]], axis=1))


def test_operations_within_a_group_and_on_the_way_into_it(keras: Any) -> None:
    class Block(keras.layers.Layer):  # type: ignore[misc]
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            self.inner = keras.layers.Dense(6, name="inner")

        def call(self, rows: Any) -> Any:
            return self.inner(rows) + rows

    model = subclassed(
        keras, lambda own, x: own.out(own.block(x * 2.0)), block=Block(name="block"),
        out=keras.layers.Dense(1, name="out"),
    )  # fmt: skip
    forward = seen(model, ROWS)
    assert sources(forward) == {
        "multiply": ["rows"], "inner": ["multiply"], "add": ["inner", "multiply"], "out": ["add"],
    }  # fmt: skip
    assert [each.path for each in forward.stages] == ["multiply", "block/inner", "block/add", "out"]
    found = holds_true(forward, model, ROWS)
    np.testing.assert_array_equal(found["multiply"], ROWS * 2)


# Outputs


def test_a_dictionary_of_outputs(keras: Any) -> None:
    given = keras.Input((6,))
    hidden = keras.layers.Dense(4, name="hidden")(given)
    heads = {"b": keras.layers.Dense(1, name="first")(hidden), "a": keras.layers.Dense(2, name="second")(hidden)}
    model = keras.Model(given, heads)
    forward = seen(model, ROWS)
    named = {spec.name: (spec.source, spec.shape) for spec in forward.outputs}
    assert named == {"b": ("first", (None, 1)), "a": ("second", (None, 2))}
    holds_true(forward, model, ROWS)


def test_a_list_of_outputs_keeps_its_order_and_may_hold_one_twice(keras: Any) -> None:
    given = keras.Input((6,))
    first = keras.layers.Dense(1, name="first")(given)
    second = keras.layers.Dense(2, name="second")(first)
    model = keras.Model(given, [second, first, second])
    forward = seen(model, ROWS)
    assert [(spec.source, spec.output, spec.name) for spec in forward.outputs] == [
        ("second", 0, None), ("first", 0, None), ("second", 0, None),
    ]  # fmt: skip
    holds_true(forward, model, ROWS)


def test_the_second_output_of_a_layer_feeds_another(keras: Any) -> None:
    class Both(keras.layers.Layer):  # type: ignore[misc]
        def call(self, rows: Any) -> Any:
            return {"low": rows - 1.0, "high": rows + 1.0}

    given = keras.Input((6,))
    both = Both(name="both")(given)
    model = keras.Model(given, keras.layers.Dense(2, name="out")(both["high"]))
    forward = seen(model, ROWS)
    names = [spec.name for spec in stage(forward, "both").outputs]
    assert sorted(map(str, names)) == ["high", "low"]
    assert wires(forward)["out"] == [("both", names.index("high"))]
    passed = forward.passed(ROWS).outputs["both"]
    np.testing.assert_array_equal(passed[names.index("high")], ROWS + np.float32(1))
    np.testing.assert_array_equal(passed[names.index("low")], ROWS - np.float32(1))
    holds_true(forward, model, ROWS)


def test_the_states_of_an_lstm(keras: Any) -> None:
    given = keras.Input((7, 6))
    whole, hidden, cell = keras.layers.LSTM(3, return_sequences=True, return_state=True, name="read")(given)
    model = keras.Model(given, [keras.layers.Dense(2, name="from_cell")(cell), hidden, whole])
    forward = seen(model, SEQUENCES)
    assert wires(forward) == {"read": [("rows", 0)], "from_cell": [("read", 2)]}
    assert [(spec.source, spec.output) for spec in forward.outputs] == [("from_cell", 0), ("read", 1), ("read", 0)]
    whole_values, hidden_values, _ = forward.passed(SEQUENCES).outputs["read"]
    np.testing.assert_array_equal(whole_values[:, -1], hidden_values)
    holds_true(forward, model, SEQUENCES)


def test_attention_gives_its_weights_although_nobody_asked(keras: Any) -> None:
    layers = keras.layers
    given = keras.Input((7, 6))
    attention = layers.MultiHeadAttention(2, 3, name="attend")
    model = keras.Model(given, layers.GlobalAveragePooling1D(name="mean")(attention(given, given)))
    forward = seen(model, SEQUENCES)
    assert sources(forward) == {"attend": ["rows", "rows"], "mean": ["attend"]}
    outputs = stage(forward, "attend").outputs
    assert [(spec.shape, spec.name) for spec in outputs] == [((None, 7, 6), None), ((None, 2, 7, 7), "attention")]
    values, scores = attention(SEQUENCES, SEQUENCES, return_attention_scores=True)
    found = forward.passed(SEQUENCES).outputs["attend"]
    np.testing.assert_allclose(found[0], np.asarray(values), atol=1e-6)
    np.testing.assert_allclose(found[1], np.asarray(scores), atol=1e-6)
    np.testing.assert_allclose(found[1].sum(axis=-1), 1, atol=1e-5)
    holds_true(forward, model, SEQUENCES)


@pytest.mark.parametrize("kind", ["Attention", "AdditiveAttention", "GroupQueryAttention"])
def test_other_attentions_give_theirs_too(keras: Any, kind: str) -> None:
    made = {"GroupQueryAttention": {"head_dim": 3, "num_query_heads": 2, "num_key_value_heads": 1}}
    layer = getattr(keras.layers, kind)(**made.get(kind, {}), name="attend")
    given = keras.Input((7, 6))
    result = layer(given, given) if kind in made else layer([given, given])
    model = keras.Model(given, result)
    forward = seen(model, SEQUENCES)
    assert len(stage(forward, "attend").outputs) == 2
    arguments = (SEQUENCES, SEQUENCES) if kind in made else ([SEQUENCES, SEQUENCES],)
    _, scores = layer(*arguments, return_attention_scores=True)
    np.testing.assert_allclose(forward.passed(SEQUENCES).outputs["attend"][1], np.asarray(scores), atol=1e-6)
    holds_true(forward, model, SEQUENCES)


def test_attention_that_is_asked_for_its_weights(keras: Any) -> None:
    given = keras.Input((7, 6))
    attention = keras.layers.MultiHeadAttention(2, 3, name="attend")
    values, scores = attention(given, given, return_attention_scores=True)
    model = keras.Model(given, [values, scores])
    forward = seen(model, SEQUENCES)
    assert len(stage(forward, "attend").outputs) == 2
    assert [(spec.source, spec.output) for spec in forward.outputs] == [("attend", 0), ("attend", 1)]
    holds_true(forward, model, SEQUENCES)


# Masks


def test_a_mask_that_keras_carries_is_seen_and_is_no_input(keras: Any) -> None:
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((4,), dtype="int64"),
            layers.Embedding(6, 3, mask_zero=True, name="embed"),
            layers.Bidirectional(layers.LSTM(2, return_sequences=True), name="both"),
            layers.LSTM(2, name="read"),
            layers.Dense(1, name="out"),
        ]
    )
    forward = seen(model, WORDS)
    assert sources(forward) == {"embed": ["rows"], "both": ["embed"], "read": ["both"], "out": ["read"]}
    passed = forward.passed(WORDS)
    assert set(passed.masks) == {"embed", "both"}
    for mask in passed.masks.values():
        assert mask.dtype == bool
        np.testing.assert_array_equal(mask, WORDS != 0)
    holds_true(forward, model, WORDS)


def test_a_mask_that_the_user_gives_is_an_input(keras: Any) -> None:
    layers = keras.layers
    given, mask = keras.Input((7, 6), name="given"), keras.Input((7,), dtype="bool", name="mask")
    model = keras.Model([given, mask], layers.LSTM(2, name="read")(given, mask=mask))
    hidden = np.ones((4, 7), bool)
    hidden[:, 4:] = False
    rows = [SEQUENCES, hidden]
    forward = seen(model, rows, "given", "mask")
    assert sources(forward) == {"read": ["given", "mask"]}
    assert [spec.name for spec in stage(forward, "read").inputs][1] == "mask"
    found = holds_true(forward, model, rows)
    np.testing.assert_allclose(found["read"], np.asarray(model.layers[-1](SEQUENCES[:, :4])), atol=1e-6)


def test_masking_by_value(keras: Any) -> None:
    layers = keras.layers
    model = keras.Sequential([layers.Input((7, 6)), layers.Masking(9.0, name="mask"), layers.GRU(2, name="read")])
    rows = SEQUENCES.copy()
    rows[1, 3:] = 9
    forward = seen(model, rows)
    assert sources(forward) == {"mask": ["rows"], "read": ["mask"]}
    np.testing.assert_array_equal(forward.passed(rows).masks["mask"], (rows != 9).any(axis=2))
    holds_true(forward, model, rows)


# Loops and cells


@pytest.mark.parametrize("kind", ["scan", "while_loop", "map_fn"])
def test_a_loop_of_the_users_own(keras: Any, kind: str) -> None:
    import tensorflow as tf

    step = keras.layers.Dense(6, name="step")

    def scan(own: Any, x: Any) -> Any:
        _, every = keras.ops.scan(lambda state, _: (own.step(state), own.step(state)), x, length=3)
        return own.out(every[-1])

    def while_loop(own: Any, x: Any) -> Any:
        own.step(x)  # its variables cannot be made within the loop
        _, last = tf.while_loop(lambda i, _: i < 3, lambda i, state: (i + 1, own.step(state)), (0, x))
        return own.out(last)

    def map_fn(own: Any, x: Any) -> Any:
        own.step(x)
        return own.out(tf.map_fn(lambda row: own.step(row[None])[0], x))

    call = {"scan": scan, "while_loop": while_loop, "map_fn": map_fn}[kind]
    step.build((None, 6))
    model = subclassed(keras, call, step=step, out=keras.layers.Dense(2, name="out"))
    forward = seen(model, ROWS)
    names = [each.name for each in forward.stages]
    assert names[-1] == "out"
    inner = [each for each in forward.stages if each.name.startswith("step")]
    assert len(inner) == (kind != "scan")
    # What the loop gives comes from what went in, through an operation.
    before = stage(forward, names[-2])
    assert before.kind == OP
    assert [spec.source for spec in before.inputs] == ["rows"]
    found = holds_true(forward, model, ROWS)
    times = {"scan": 3, "while_loop": 3, "map_fn": 1}[kind]
    values = ROWS
    for _ in range(times):
        values = np.asarray(step(values))
    np.testing.assert_allclose(np.asarray(model.out(values)), found["out"], atol=1e-5)


def test_the_cells_of_an_rnn_are_no_stages(keras: Any) -> None:
    layers = keras.layers

    class Cell(layers.Layer):  # type: ignore[misc,name-defined]
        state_size = 3

        def __init__(self) -> None:
            super().__init__(name="cell")
            self.inner = layers.Dense(3, name="inner")

        def build(self, shape: Any) -> None:
            self.inner.build((shape[0], shape[1] + 3))

        def call(self, rows: Any, states: Any) -> Any:
            state = self.inner(keras.ops.concatenate([rows, states[0]], axis=-1))
            return state, [state]

    model = keras.Sequential(
        [
            layers.Input((7, 6)),
            layers.RNN([layers.GRUCell(3), layers.LSTMCell(2)], return_sequences=True, name="stacked"),
            layers.RNN(Cell(), return_sequences=True, name="own"),
            layers.TimeDistributed(layers.Dense(2), name="each"),
            layers.SimpleRNN(2, name="simple"),
        ]
    )
    forward = seen(model, SEQUENCES)
    assert sources(forward) == {"stacked": ["rows"], "own": ["stacked"], "each": ["own"], "simple": ["each"]}
    assert sum(each.parameters.total for each in forward.stages) == model.count_params()
    holds_true(forward, model, SEQUENCES)


# What runs and what it holds


def test_a_vectorization_tells_plain_facts(keras: Any) -> None:
    layers = keras.layers
    vectorize = layers.TextVectorization(output_sequence_length=4, vocabulary=["good", "bad"], name="words")
    model = keras.Sequential([layers.Input((), dtype="string"), vectorize, layers.Embedding(4, 2, name="embed")])
    texts = np.array(["good good", "bad film", ""], object)
    forward = seen(model, texts)
    assert sources(forward) == {"words": ["rows"], "embed": ["words"]}
    config = dict(stage(forward, "words").config)
    text = json.dumps(config)
    assert "Tensor" not in text
    assert "tf." not in text
    assert config["vocabulary_size"] == 4
    assert stage(forward, "words").inputs[0].dtype == "string"
    np.testing.assert_array_equal(forward(texts)["words"], [[2, 2, 0, 0], [3, 1, 0, 0], [0, 0, 0, 0]])


def test_tensors_without_an_axis_of_rows(keras: Any) -> None:
    class Placed(keras.layers.Layer):  # type: ignore[misc]
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            self.places = keras.layers.Embedding(7, 6, name="places")

        def call(self, rows: Any) -> Any:
            return rows + self.places(keras.ops.arange(7))

    model = keras.Sequential([keras.layers.Input((7, 6)), Placed(name="placed")])
    forward = seen(model, SEQUENCES)
    assert stage(forward, "places").outputs[0].shape == (7, 6)
    assert stage(forward, "add").outputs[0].shape == (None, 7, 6)
    assert sources(forward)["add"] == ["rows", "places"]
    found = holds_true(forward, model, SEQUENCES)
    assert found["places"].shape == (7, 6)
    np.testing.assert_array_equal(found["add"], SEQUENCES + found["places"])


@pytest.mark.parametrize("count", [1, 3, 4, 9])
def test_a_model_built_for_a_fixed_number_of_rows(keras: Any, count: int) -> None:
    layers = keras.layers
    places = keras.layers.Embedding(6, 6, name="places")

    class Placed(keras.layers.Layer):  # type: ignore[misc]
        def call(self, rows: Any) -> Any:
            return rows + places(keras.ops.arange(6))[0]

    given = keras.Input(batch_shape=(4, 6))
    hidden = layers.Dense(3, name="hidden")(Placed(name="placed")(given))
    model = keras.Model(given, layers.Dense(2, name="out")(hidden))
    rows = CHANCE.normal(size=(count, 6)).astype(np.float32)
    forward = seen(model, rows[:2])
    found = forward(rows)
    assert stage(forward, "hidden").outputs[0].shape == (None, 3)
    assert stage(forward, "places").outputs[0].shape == (6, 6)
    assert found["places"].shape == (6, 6)
    assert len(found["out"]) == len(found["hidden"]) == count
    padded = np.concatenate([rows, np.zeros((-count % 4, 6), np.float32)])
    whole = [np.asarray(model(padded[start : start + 4])) for start in range(0, len(padded), 4)]
    np.testing.assert_allclose(found["out"], np.concatenate(whole)[:count], atol=1e-6)


def test_a_sparse_output_is_given_as_a_plain_array(keras: Any) -> None:
    given = keras.Input((3,), dtype="int64")
    many = keras.layers.CategoryEncoding(5, output_mode="multi_hot", sparse=True, dtype="int64", name="many")
    model = keras.Model(given, keras.layers.Dense(2, name="out")(many(given)))
    rows = np.array([[0, 1, 1], [4, 4, 4]], np.int64)
    forward = seen(model, rows)
    assert sources(forward) == {"many": ["rows"], "out": ["many"]}
    expected = np.zeros((2, 5), np.float32)
    expected[0, :2] = expected[1, 4] = 1
    found = forward(rows)
    np.testing.assert_array_equal(found["many"], expected)
    kernel, bias = (np.asarray(each) for each in model.get_layer("out").weights)
    np.testing.assert_allclose(found["out"], expected @ kernel + bias, atol=1e-6)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "mixed_float16", "mixed_bfloat16"])
def test_layers_of_half_precision(keras: Any, dtype: str) -> None:
    layers = keras.layers
    inner = layers.Dense(3, dtype=dtype, name="half")
    model = keras.Sequential([layers.Input((6,)), inner, layers.Dense(2, dtype="float32", name="out")])
    forward = seen(model, ROWS)
    assert sources(forward) == {"half": ["rows"], "out": ["half"]}
    assert stage(forward, "half").outputs[0].dtype == dtype.removeprefix("mixed_")
    found = forward(ROWS)
    assert found["half"].dtype == (np.float32 if "bfloat" in dtype else np.float16)
    np.testing.assert_array_equal(found["half"], np.asarray(keras.ops.cast(inner(ROWS), "float32")))
    holds_true(forward, model, ROWS)


def test_outputs_of_whole_numbers_and_of_truths(keras: Any) -> None:
    def call(own: Any, x: Any) -> Any:
        scores = own.scores(x)
        return keras.ops.argmax(scores, axis=-1), scores > 0

    model = subclassed(keras, call, scores=keras.layers.Dense(3, name="scores"))
    forward = seen(model, ROWS)
    numbers, truths = forward.outputs
    assert numbers.dtype in ("int32", "int64")
    assert truths.dtype == "bool"
    assert {numbers.source, truths.source} <= set(sources(forward))
    found = holds_true(forward, model, ROWS)
    np.testing.assert_array_equal(found[str(numbers.source)], found["scores"].argmax(axis=-1))
    np.testing.assert_array_equal(found[str(truths.source)], found["scores"] > 0)


def test_the_kinds_of_stages(keras: Any) -> None:
    given = keras.Input((6,))
    model = keras.Model(given, keras.ops.relu(keras.layers.Dense(3, name="hidden")(given)))
    assert [each.kind for each in seen(model, ROWS).stages] == [LAYER, OP]


def test_only_some_outputs_are_wanted(keras: Any) -> None:
    layers = keras.layers
    model = keras.Sequential([layers.Input((6,)), layers.Dense(3, name="one"), layers.Dense(2, name="two")])
    forward = seen(model, ROWS, only={"two"})
    assert set(forward(ROWS)) == {"two"}
    assert [each.name for each in forward.stages] == ["one", "two"]


# No trace is left on the model


def test_a_pass_in_training_mode_leaves_every_state_as_it_is(keras: Any) -> None:
    layers = keras.layers

    class Noise(layers.Layer):  # type: ignore[misc,name-defined]
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            self.seeds = keras.random.SeedGenerator(7)
            self.calls = self.add_weight(shape=(), initializer="zeros", trainable=False, name="calls")

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
    spectral = layers.SpectralNormalization(layers.Dense(2), name="spectral")(Noise(name="noise")(norm))
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
    moved = {id(each) for each, values in zip(kept, before, strict=True) if (each.numpy() != values).any()}
    seeds = [model.get_layer(name).seed_generator.state for name in ("drop", "gauss")]
    norm, noise = model.get_layer("norm"), model.get_layer("noise")
    must = [
        *model.get_layer("read").states,
        norm.moving_mean,
        norm.moving_variance,
        noise.calls,
        noise.seeds.state,
        *seeds,
    ]
    assert {id(each) for each in must} <= moved
