"""Every public layer of Keras has words of its own, and what they say of training and prediction is so."""

import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from syrupy.assertion import SnapshotAssertion
from tests.keras_layers import (
    ABSTRACT,
    CHANGES,
    CORE,
    ELSEWHERE,
    EVERY,
    MERGING,
    SLIDING,
    STEADY,
    STEP_BY_STEP,
    called,
    made,
    public,
    stage_of,
    tensors,
)
from tests.sums import came_out

from pipetrace.capture.backend import load
from pipetrace.explain.layers import LAYERS, Operation, operation
from pipetrace.trace.document import Parameters, Spec, Stage

pytestmark = pytest.mark.framework

GENERIC = re.compile(r"\b(layer|operation) of class\b")


def told(name: str) -> tuple[Stage, Operation]:
    stage = made(name)
    return stage, operation(stage)


def without_words() -> Iterator[str]:
    """What is wrong with the words of the public layers, one line for each."""
    for name, layer in public().items():
        if name in ABSTRACT:
            continue
        if name not in EVERY and name not in ELSEWHERE:
            yield f"{name} is not in the table of layers"
        elif layer.__name__ not in LAYERS:
            yield f"{name} ({layer.__name__}) has no words"
        elif GENERIC.search(told(name)[1].does):
            yield f"{name} is told by its class alone: {told(name)[1].does}"


def test_every_public_layer_of_keras_has_words() -> None:
    assert list(without_words()) == []


def test_the_table_and_the_words_name_only_layers_that_there_are() -> None:
    known = public()
    assert {*EVERY, *ELSEWHERE, *ABSTRACT} == set(known)
    assert {known[name].__name__ for name in (*EVERY, *ELSEWHERE)} == set(LAYERS)


def test_a_layer_without_words_or_without_an_example_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(LAYERS, "GroupedQueryAttention")
    assert list(without_words()) == ["GroupQueryAttention (GroupedQueryAttention) has no words"]
    monkeypatch.setattr(
        load().layers, "Fresh", type("Fresh", (load().layers.Layer,), {}), raising=False
    )
    assert "Fresh is not in the table of layers" in list(without_words())
    monkeypatch.setitem(LAYERS, "Dense", replace(LAYERS["Dense"], needs="mine"))
    assert any(line.startswith("Dense is told by its class alone") for line in without_words())


def test_the_words_are_as_they_were(snapshot: SnapshotAssertion) -> None:
    lines = []
    for name in sorted({*EVERY, *ELSEWHERE}):
        _, words = told(name)
        parts = f" ({words.parts})" if words.parts else ""
        lines += [
            f"{name}: {words.does}",
            f"    {words.shape}",
            f"    Parameters: {words.parameters}{parts}",
        ]
    assert "\n".join(lines) == snapshot


@pytest.mark.parametrize("name", [*EVERY, *ELSEWHERE])
def test_the_words_of_a_layer_are_whole_sentences_with_sums_that_come_out(name: str) -> None:
    stage, words = told(name)
    assert words.title == stage.layer
    for text in (words.does, words.shape):
        assert text is None or re.fullmatch(r"[A-Z\d(].*[^ ]\.", text), text
        assert not re.search(
            r"None|\{|\}|  |\bFalse|\bTrue|\.\.|\(\)|(?<!x )\b1 (?:steps|places|values|rows|units)\b",
            text or "",
        )
    came_out(words.does)
    came_out(words.shape)
    total = came_out(words.parameters)
    assert total in ([], [stage.parameters.total])
    if stage.parameters.total and name not in ELSEWHERE:
        assert str(words.parameters).endswith(f"{stage.parameters.total:,}")
        assert words.parts
    else:
        assert words.parameters == (f"{stage.parameters.total}" if stage.parameters.total else None)


@pytest.mark.parametrize(
    "name",
    [*CHANGES, "AlphaDropout", "Dropout", "GaussianDropout", "GaussianNoise", "SpatialDropout2D"],
)
def test_what_is_said_of_training_and_of_prediction_is_so(name: str) -> None:
    """That it changes nothing in prediction, and something in training, on pictures of noise."""
    make, _ = EVERY[name]
    load().utils.set_random_seed(1)
    layer = make(load().layers)
    rows = np.random.default_rng(0).uniform(0, 255, (8, 8, 8, 3)).astype(np.float32)
    still = np.asarray(layer(rows, training=False))
    moved = np.asarray(layer(rows, training=True))
    words = operation(stage_of(layer, [rows], [still]))
    assert words.does.startswith("In training ")
    assert words.does.lower().endswith("in prediction it changes nothing.")
    assert np.array_equal(still, rows)
    assert not np.array_equal(moved, rows)


@pytest.mark.parametrize(
    "name", ["AutoContrast", "ContrastLimitedAdaptiveHistogramEqualization", "LayerNormalization"]
)
def test_what_is_alike_in_training_and_in_prediction(name: str) -> None:
    layer = EVERY[name][0](load().layers)
    rows = np.random.default_rng(0).uniform(20, 200, (2, 8, 8, 3)).astype(np.float32)
    still, moved = (np.asarray(layer(rows, training=training)) for training in (False, True))
    assert (
        "In training and in prediction alike." in operation(stage_of(layer, [rows], [still])).does
    )
    assert np.array_equal(still, moved)
    assert not np.array_equal(still, rows)


@pytest.mark.parametrize("name", [*CORE, *SLIDING, *STEADY, *STEP_BY_STEP])
def test_a_layer_that_really_runs_is_told_in_the_same_words(name: str) -> None:
    """The table's stages are built without computing; TensorFlow gives the same forms where it computes."""
    if name == "InputLayer":
        pytest.skip("computes nothing")
    keras, (make, inputs) = load(), EVERY[name]
    layer = make(keras.layers)
    symbolic = tensors(keras, [list(inputs)] if name in MERGING else inputs)
    rows = keras.tree.map_structure(
        lambda each: keras.ops.zeros((2, *each.shape[1:]), each.dtype), symbolic
    )
    result = layer(*rows)
    assert (
        operation(stage_of(layer, keras.tree.flatten(rows), keras.tree.flatten(result)))
        == told(name)[1]
    )


def test_a_random_crop_is_measured_uncropped() -> None:
    layer = load().layers.RandomCrop(4, 5)
    rows = np.zeros((2, 8, 8, 3), np.float32)
    still = np.asarray(layer(rows, training=False))
    words = operation(stage_of(layer, [rows], [still]))
    assert still.shape == rows.shape
    assert words.does.endswith("In prediction it changes nothing.")
    assert (
        operation(stage_of(layer, [rows], [np.asarray(layer(rows, training=True))])).shape
        == "4 x 5 whatever goes in."
    )


@pytest.mark.parametrize("name", [*EVERY, *ELSEWHERE])
def test_a_layer_of_the_same_name_and_another_form_is_not_told_as_keras_own(name: str) -> None:
    """With outputs or inputs that no layer of that class gives or takes, and with parameters that it cannot have."""
    stage, own = told(name)
    if name in ELSEWHERE or name in ("Lambda", "MaxNumBoundingBoxes", "Pipeline"):
        pytest.skip("may have any form")
    other = replace(stage, outputs=(Spec((None, 17, 3, 2, 5, 7, 9), "float32"), *stage.outputs[1:]))
    assert GENERIC.search(operation(other).does), operation(other).does
    if stage.inputs:
        assert "from " in operation(other).does
        assert GENERIC.search(operation(replace(stage, inputs=())).does)
    assert GENERIC.search(operation(replace(stage, outputs=())).does)
    more = operation(replace(stage, parameters=Parameters(stage.parameters.total + 123_457)))
    assert GENERIC.search(more.does) or came_out(more.parameters) == []
    assert GENERIC.search(more.does) or stage.parameters.total, (
        "it has no parameters, so this is another's"
    )
    assert own.does != more.does or more.parts is None


ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.integers(10**30, 10**31),
    st.floats(),
    st.text(max_size=3),
    st.just([]),
    st.just({}),
    st.lists(st.one_of(st.integers(-2, 4), st.none(), st.text(max_size=2)), max_size=4),
    st.just({"class_name": "LSTM", "config": {}}),
    st.just({"class_name": 3}),
)
SHAPES = st.lists(st.one_of(st.none(), st.integers(0, 5)), max_size=6).map(tuple)


@pytest.fixture(scope="module")
def stages() -> dict[str, Stage]:
    return {name: told(name)[0] for name in (*EVERY, *ELSEWHERE)}


@settings(max_examples=800, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(data=st.data())
def test_odd_configurations_and_forms_raise_nothing(
    data: st.DataObject, stages: dict[str, Stage]
) -> None:
    stage = stages[data.draw(st.sampled_from(sorted(stages)))]
    config: dict[str, Any] = dict(stage.config)
    for key in data.draw(st.lists(st.sampled_from(sorted(config)), max_size=3, unique=True)):
        if data.draw(st.booleans()):
            config[key] = data.draw(ODD)
        else:
            del config[key]
    made_of = st.lists(SHAPES.map(lambda shape: Spec(shape, "float32")), max_size=3).map(tuple)
    odd = replace(
        stage,
        config=config,
        inputs=data.draw(st.one_of(st.just(stage.inputs), made_of)),
        outputs=data.draw(st.one_of(st.just(stage.outputs), made_of)),
        parameters=Parameters(data.draw(st.sampled_from([stage.parameters.trainable, 0, 7]))),
        weights=stage.weights if data.draw(st.booleans()) else (),
    )
    words = operation(odd)
    assert words.does.endswith(".")
    came_out(words.shape)
    assert came_out(words.parameters) in ([], [odd.parameters.total])


def test_a_frozen_layer_says_so() -> None:
    layer = load().layers.Dense(3)
    layer.trainable = False
    words = operation(called(layer, [(4,)]))
    assert (
        words.parameters,
        str(words.parts).endswith("; all frozen: training leaves them as they are"),
    ) == (
        "4 x 3 + 3 = 15",
        True,
    )
    steady = load().layers.BatchNormalization()
    steady.trainable = False
    words = operation(called(steady, [(4,)]))
    assert (
        words.parts
        == "for each of 4 values 4 frozen, scale, shift, running mean and running variance"
    )
    assert "in training too" in words.does


def test_batch_normalisation_counts_what_trains() -> None:
    for options, trained, frozen in (
        ({}, 2, 2),
        ({"center": False}, 1, 2),
        ({"scale": False, "center": False}, 0, 2),
    ):
        layer = load().layers.BatchNormalization(**options)
        stage = called(layer, [(5, 5, 32)])
        words = operation(stage)
        assert (stage.parameters.trainable, stage.parameters.frozen) == (32 * trained, 32 * frozen)
        assert came_out(words.parameters) == [32 * (trained + frozen)]
        assert f"{frozen} frozen" in str(words.parts)
        assert (f"{trained} trainable" in str(words.parts)) == bool(trained)


@pytest.mark.parametrize("units", [1, 3])
def test_a_linear_last_layer_gives_no_probabilities(units: int) -> None:
    layers = load().layers
    for linear in (
        layers.Dense(units),
        layers.Activation("linear"),
        layers.Conv1D(units, 1),
        layers.TimeDistributed(layers.Dense(units)),
    ):
        words = operation(called(linear, [(5, units)]))
        assert "probabilit" not in str(words)
        assert "softmax" not in str(words)
    for sure in (
        layers.Dense(3, activation="softmax"),
        layers.Softmax(),
        layers.Activation("softmax"),
    ):
        assert "3 scores" in operation(called(sure, [(3,)])).does
        assert "probabilities that add up to 1" in operation(called(sure, [(3,)])).does


def test_the_sums_of_the_brief_stand_as_they_are_wanted() -> None:
    layers = load().layers
    shapes: dict[str, tuple[Any, list[Any]]] = {
        "(26 - 1) x 2 + 3 = 53 places in each direction": (
            layers.Conv2DTranspose(4, 3, strides=2),
            [(26, 26, 3)],
        ),
        "8 + 4 = 12": (layers.Concatenate(), [[(8,), (4,)]]),
    }
    for text, (layer, inputs) in shapes.items():
        assert text in str(operation(called(layer, inputs)).shape)
    totals: dict[str, tuple[Any, list[Any]]] = {
        "4 x ((8 + 16) x 16 + 16) = 1,600": (layers.LSTM(16), [(10, 8)]),
        "1,000 x 16 = 16,000": (layers.Embedding(1000, 16), [(10,)]),
        "4 x 32 = 128": (layers.BatchNormalization(), [(26, 26, 32)]),
    }
    for text, (layer, inputs) in totals.items():
        assert operation(called(layer, inputs)).parameters == text


def test_attention_is_told_whichever_way_its_inputs_are_named() -> None:
    layers = load().layers
    query, value, key = (
        np.zeros((2, *shape), np.float32) for shape in ((10, 64), (12, 32), (12, 48))
    )
    for layer in (
        layers.MultiHeadAttention(4, 8, value_dim=6),
        layers.MultiHeadAttention(4, 8, output_shape=5),
    ):
        given = layer(query, value, key, return_attention_scores=True)
        for order in ((query, value, key), (key, query, value), (query, key, value)):
            stage = stage_of(layer, order, given)
            words = operation(stage)
            assert came_out(words.parameters) == [stage.parameters.total]
            assert words.does.startswith(
                "Lets each of 10 places look at 12 places of the second input in 4 heads"
            )
            assert "The second output holds the shares, 4 x 10 x 12." in str(words.shape)
        masked = stage_of(layer, [query, value, key, np.ones((2, 10, 12), bool)], given)
        assert operation(masked) == operation(stage_of(layer, [query, value, key], given))


def test_a_mask_that_is_given_is_no_input_to_speak_of() -> None:
    layers = load().layers
    for layer, shape in (
        (layers.LSTM(4), (6, 3)),
        (layers.GlobalAveragePooling1D(), (6, 3)),
        (layers.Softmax(), (3,)),
    ):
        plain = called(layer, [shape])
        masked = replace(plain, inputs=(*plain.inputs, Spec((None, *shape[:1]), "bool")))
        assert operation(masked) == operation(plain)
        assert "state that it is given" not in operation(masked).does
    started = called(layers.GRU(4), [(6, 3)], initial_state=[load().KerasTensor((None, 4))])
    assert "starts" not in operation(started).does
    started = replace(started, inputs=(*started.inputs, Spec((None, 4), "float32")))
    assert "It starts from the state that it is given." in operation(started).does


def test_pictures_with_labels_are_told_as_pictures() -> None:
    plain = made("MixUp")
    labels = Spec((None, 10), "float32")
    both = replace(plain, inputs=(labels, *plain.inputs), outputs=(labels, *plain.outputs))
    assert operation(both) == operation(plain)
    assert GENERIC.search(operation(replace(both, inputs=plain.inputs)).does)


def test_several_outputs_are_told() -> None:
    layers = load().layers
    words = operation(called(layers.LSTM(4, return_state=True, return_sequences=True), [(6, 3)]))
    assert "gives those of every step" in words.does
    assert "2 further outputs: what it remembers after the last step." in words.does
    both = called(layers.Bidirectional(layers.GRU(4), merge_mode=None), [(6, 3)])
    assert len(both.outputs) == 2
    assert "gives both results" in operation(both).does
    assert "further" not in operation(both).does


def test_a_layer_within_a_layer_is_told_by_its_own_words() -> None:
    layers = load().layers
    words = operation(called(layers.TimeDistributed(layers.Conv2D(4, 3)), [(5, 8, 8, 1)]))
    assert "8 - 3 + 1 = 6 places in each direction" in str(words.shape)
    assert words.does.startswith(
        "Does the same at each of 5 steps, with the same weights: slides 4 filters of 3 x 3"
    )
    assert words.parameters == "3 x 3 x 1 x 4 + 4 = 40"
    unknown = called(layers.TimeDistributed(layers.Dense(3)), [(5, 4)])
    layer = {**unknown.config["layer"], "class_name": "Mine"}
    words = operation(replace(unknown, config={**unknown.config, "layer": layer}))
    assert "a layer of class Mine" in words.does
    assert words.parameters == "15"


def test_recurrent_layers_with_a_cell_of_ones_own() -> None:
    stage = called(load().layers.RNN(load().layers.LSTMCell(4)), [(6, 3)])
    cell = {**stage.config["cell"], "class_name": "MyCell"}
    words = operation(replace(stage, config={**stage.config, "cell": cell}))
    assert "by a cell of class MyCell" in words.does
    assert (words.parameters, words.parts) == (f"{stage.parameters.total}", None)


def test_no_words_import_a_framework() -> None:
    """The words are made from plain values alone; nothing of Keras is asked."""
    for module in {inspect.getmodule(each.describe) for each in LAYERS.values()}:
        assert module is None or not hasattr(module, "keras")


def test_the_classes_with_several_inputs_say_how_many() -> None:
    makes: dict[str, Callable[[Any], Any]] = {
        name: make for name, (make, _) in STEADY.items() if name in MERGING
    }
    for name in ("Add", "Average", "Concatenate", "Maximum", "Minimum", "Multiply"):
        for count in (2, 3, 5):
            words = operation(called(makes[name](load().layers), [[(4, 3)] * count]))
            assert f"its {count} inputs" in words.does
