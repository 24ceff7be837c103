"""What stages give: several outputs, masks, loops, shapes and dtypes of every kind."""

import json
from typing import Any

import numpy as np
import pytest
from tests.capture.seeing import (
    CHANCE,
    ROWS,
    SEQUENCES,
    WORDS,
    chain,
    holds_true,
    seen,
    sources,
    stage,
    subclassed,
    wires,
)

from pipetrace.trace.document import LAYER, OP

pytestmark = pytest.mark.framework


def given_by(forward: Any) -> list[tuple[str | None, int]]:
    """Which output of which stage each output of the model is."""
    return [(spec.source, spec.output) for spec in forward.outputs]


def in_a_row(forward: Any) -> list[str | None]:
    """The source and the stages, each of which receives from the one before it."""
    (first, *_), *rest = sources(forward).values()
    names = [each.name for each in forward.stages]
    assert [each for (each,) in rest] == names[:-1]
    return [first, *names]


# Outputs


def test_a_dictionary_of_outputs(keras: Any) -> None:
    given = keras.Input((6,))
    hidden = keras.layers.Dense(4, name="hidden")(given)
    first, second = keras.layers.Dense(1, name="first"), keras.layers.Dense(2, name="second")
    model = keras.Model(given, {"b": first(hidden), "a": second(hidden)})
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
    assert given_by(forward) == [("second", 0), ("first", 0), ("second", 0)]
    assert {spec.name for spec in forward.outputs} == {None}
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
    read = keras.layers.LSTM(3, return_sequences=True, return_state=True, name="read")
    whole, hidden, cell = read(given)
    model = keras.Model(given, [keras.layers.Dense(2, name="from_cell")(cell), hidden, whole])
    forward = seen(model, SEQUENCES)
    assert wires(forward) == {"read": [("rows", 0)], "from_cell": [("read", 2)]}
    assert given_by(forward) == [("from_cell", 0), ("read", 1), ("read", 0)]
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
    assert [(spec.shape, spec.name) for spec in outputs] == [
        ((None, 7, 6), None),
        ((None, 2, 7, 7), "attention"),
    ]
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
    np.testing.assert_allclose(
        forward.passed(SEQUENCES).outputs["attend"][1], np.asarray(scores), atol=1e-6
    )
    holds_true(forward, model, SEQUENCES)


def test_attention_that_is_asked_for_its_weights(keras: Any) -> None:
    given = keras.Input((7, 6))
    attention = keras.layers.MultiHeadAttention(2, 3, name="attend")
    values, scores = attention(given, given, return_attention_scores=True)
    model = keras.Model(given, [values, scores])
    forward = seen(model, SEQUENCES)
    assert len(stage(forward, "attend").outputs) == 2
    assert given_by(forward) == [("attend", 0), ("attend", 1)]
    holds_true(forward, model, SEQUENCES)


# Masks


def test_a_mask_that_keras_carries_is_seen_and_is_no_input(keras: Any) -> None:
    layers = keras.layers
    embed = layers.Embedding(6, 3, mask_zero=True, name="embed")
    both = layers.Bidirectional(layers.LSTM(2, return_sequences=True), name="both")
    rest = layers.LSTM(2, name="read"), layers.Dense(1, name="out")
    model = chain(keras, (4,), embed, both, *rest, dtype="int64")
    forward = seen(model, WORDS)
    assert in_a_row(forward) == ["rows", "embed", "both", "read", "out"]
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
    np.testing.assert_allclose(
        found["read"], np.asarray(model.layers[-1](SEQUENCES[:, :4])), atol=1e-6
    )


def test_masking_by_value(keras: Any) -> None:
    layers = keras.layers
    model = chain(keras, (7, 6), layers.Masking(9.0, name="mask"), layers.GRU(2, name="read"))
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
        _, last = tf.while_loop(
            lambda i, _: i < 3, lambda i, state: (i + 1, own.step(state)), (0, x)
        )
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

    cells = [layers.GRUCell(3), layers.LSTMCell(2)]
    stacked = layers.RNN(cells, return_sequences=True, name="stacked")
    own = layers.RNN(Cell(), return_sequences=True, name="own")
    rest = layers.TimeDistributed(layers.Dense(2), name="each"), layers.SimpleRNN(2, name="simple")
    model = chain(keras, (7, 6), stacked, own, *rest)
    forward = seen(model, SEQUENCES)
    assert in_a_row(forward) == ["rows", "stacked", "own", "each", "simple"]
    assert sum(each.parameters.total for each in forward.stages) == model.count_params()
    holds_true(forward, model, SEQUENCES)


# What runs and what it holds


def test_a_vectorization_tells_plain_facts(keras: Any) -> None:
    layers = keras.layers
    options = {"output_sequence_length": 4, "vocabulary": ["good", "bad"], "name": "words"}
    both = layers.TextVectorization(**options), layers.Embedding(4, 2, name="embed")
    model = chain(keras, (), *both, dtype="string")
    texts = np.array(["good good", "bad film", ""], object)
    forward = seen(model, texts)
    assert sources(forward) == {"words": ["rows"], "embed": ["words"]}
    config = dict(stage(forward, "words").config)
    text = json.dumps(config)
    assert "Tensor" not in text
    assert "tf." not in text
    assert config["vocabulary_size"] == 4
    assert stage(forward, "words").inputs[0].dtype == "string"
    np.testing.assert_array_equal(
        forward(texts)["words"], [[2, 2, 0, 0], [3, 1, 0, 0], [0, 0, 0, 0]]
    )


def test_tensors_without_an_axis_of_rows(keras: Any) -> None:
    class Placed(keras.layers.Layer):  # type: ignore[misc]
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            self.places = keras.layers.Embedding(7, 6, name="places")

        def call(self, rows: Any) -> Any:
            return rows + self.places(keras.ops.arange(7))

    model = chain(keras, (7, 6), Placed(name="placed"))
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
    many = keras.layers.CategoryEncoding(
        5, output_mode="multi_hot", sparse=True, dtype="int64", name="many"
    )
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
    model = chain(keras, (6,), inner, layers.Dense(2, dtype="float32", name="out"))
    forward = seen(model, ROWS)
    # Keras 3.8 makes each change of the type an operation of the model.
    given = sources(forward)
    before = {name: came[0] for name, came in given.items() if name.startswith("cast")}
    assert {
        name: [before.get(str(each), each) for each in came]
        for name, came in given.items()
        if name not in before
    } == {"half": ["rows"], "out": ["half"]}
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
    model = chain(keras, (6,), layers.Dense(3, name="one"), layers.Dense(2, name="two"))
    forward = seen(model, ROWS, only={"two"})
    assert set(forward(ROWS)) == {"two"}
    assert [each.name for each in forward.stages] == ["one", "two"]
