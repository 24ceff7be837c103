"""Every public layer of Keras has words of its own, and what they say of training is so."""

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
    WRITTEN_FOR,
    called,
    keras_version,
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
FREE = ("Lambda", "MaxNumBoundingBoxes", "Pipeline", *ELSEWHERE)
"""The layers that may have outputs of any shape."""


def here(*names: str) -> list[str]:
    """The layers of these names that this version of Keras has."""
    known = public()
    return [name for name in names if name in known]


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


def test_every_layer_of_keras_has_words_but_those_that_are_newer_than_the_table() -> None:
    lines = list(without_words())
    if keras_version() > WRITTEN_FOR:
        lines = [line for line in lines if "not in the table" not in line]
    if keras_version() < WRITTEN_FOR:
        # Keras 3.8 says a wrong shape of the first, and leaves a number of the second out.
        lines = [line for line in lines if not line.startswith(("Discretization is", "ELU is"))]
    assert lines == []


def test_every_layer_with_words_is_one_of_keras_or_newer_than_this_keras() -> None:
    known = public()
    names = {known[name].__name__ for name in here(*EVERY, *ELSEWHERE)}
    if keras_version() < WRITTEN_FOR:
        assert names <= set(LAYERS)
        return
    assert {*EVERY, *ELSEWHERE, *ABSTRACT} <= set(known)
    assert names == set(LAYERS)


def test_a_layer_without_words_or_without_an_example_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(LAYERS, "GroupedQueryAttention")
    assert "GroupQueryAttention (GroupedQueryAttention) has no words" in list(without_words())
    monkeypatch.setattr(
        load().layers, "Fresh", type("Fresh", (load().layers.Layer,), {}), raising=False
    )
    assert "Fresh is not in the table of layers" in list(without_words())
    monkeypatch.setitem(LAYERS, "Dense", replace(LAYERS["Dense"], does="{mine}"))
    assert any(line.startswith("Dense is told by its class alone") for line in without_words())


def test_the_words_are_those_that_somebody_read(snapshot: SnapshotAssertion) -> None:
    if keras_version() != WRITTEN_FOR:
        pytest.skip("the configurations of another Keras differ")
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


def test_the_words_are_whole_sentences_with_sums_that_come_out() -> None:
    for name in here(*EVERY, *ELSEWHERE):
        stage, words = told(name)
        assert words.title == stage.layer
        for text in (words.does, words.shape):
            assert text is None or re.fullmatch(r"[A-Z\d(].*[^ ]\.", text), text
            assert not re.search(
                r"None|[{}\[\]]|  |\bFalse|\bTrue|\.\.|\(\)|(?<!x )\b1 (?:steps|positions|values)\b",
                text or "",
            ), text
        came_out(words.does)
        came_out(words.shape)
        assert came_out(words.parameters) in ([], [stage.parameters.total]), name
        if stage.parameters.total and name not in ELSEWHERE:
            assert str(words.parameters).endswith(f"{stage.parameters.total:,}"), name
            assert words.parts
        else:
            total = stage.parameters.total
            assert words.parameters == (f"{total}" if total else None)


def alone(name: str, low: float) -> tuple[Operation, Any, Any, Any]:
    """A layer's words on images of noise, the images, and what it makes of them: still, moved."""
    load().utils.set_random_seed(1)
    layer = EVERY[name][0](load().layers)
    rows = np.random.default_rng(0).uniform(low, 255, (8, 8, 8, 3)).astype(np.float32)
    still, moved = (np.asarray(layer(rows, training=training)) for training in (False, True))
    return operation(stage_of(layer, [rows], [still])), rows, still, moved


def test_what_works_in_training_alone_says_so() -> None:
    names = ("AlphaDropout", "Dropout", "GaussianDropout", "GaussianNoise", "SpatialDropout2D")
    for name in here(*CHANGES, *names):
        words, rows, still, moved = alone(name, 0)
        assert words.does.startswith("During training, "), name
        assert words.does.endswith("At prediction time it changes nothing."), name
        assert np.array_equal(still, rows), name
        assert not np.array_equal(moved, rows), name


def test_what_is_the_same_in_training_and_at_prediction_time_says_so() -> None:
    names = ("AutoContrast", "ContrastLimitedAdaptiveHistogramEqualization", "LayerNormalization")
    for name in here(*names):
        words, rows, still, moved = alone(name, 20)
        assert "The same in training and at prediction time." in words.does
        assert np.array_equal(still, moved), name
        assert not np.array_equal(still, rows), name


def test_layers_that_really_run_have_the_same_words() -> None:
    """The table's stages are built without computing; nothing differs where they compute."""
    keras = load()
    for name in here(*CORE, *SLIDING, *STEADY, *STEP_BY_STEP):
        if name == "InputLayer":
            continue  # computes nothing
        make, inputs = EVERY[name]
        layer = make(keras.layers)
        symbolic = tensors(keras, [list(inputs)] if name in MERGING else inputs)
        rows = keras.tree.map_structure(
            lambda each: keras.ops.zeros((2, *each.shape[1:]), each.dtype), symbolic
        )
        result = layer(*rows)
        stage = stage_of(layer, keras.tree.flatten(rows), keras.tree.flatten(result))
        assert operation(stage) == told(name)[1], name


def test_a_random_crop_is_measured_uncropped() -> None:
    layer = load().layers.RandomCrop(4, 5)
    rows = np.zeros((2, 8, 8, 3), np.float32)
    still, cut = (np.asarray(layer(rows, training=training)) for training in (False, True))
    assert still.shape == rows.shape
    assert operation(stage_of(layer, [rows], [still])).does.endswith("it changes nothing.")
    assert "4 x 5" in str(operation(stage_of(layer, [rows], [cut])).shape)


def test_a_layer_of_the_same_name_and_another_form_is_not_told_as_keras_own() -> None:
    """With outputs, inputs and parameters that no layer of that class has."""
    for name in here(*EVERY):
        if name in FREE:
            continue
        stage, own = told(name)
        wide = (Spec((None, 17, 3, 2, 5, 7, 9), "float32"), *stage.outputs[1:])
        other = operation(replace(stage, outputs=wide))
        assert GENERIC.search(other.does), other.does
        if stage.inputs:
            assert " in, " in other.does
            assert GENERIC.search(operation(replace(stage, inputs=())).does), name
        assert GENERIC.search(operation(replace(stage, outputs=())).does), name
        total = stage.parameters.total
        more = operation(replace(stage, parameters=Parameters(total + 123_457)))
        # Without parameters of its own, this is another's.
        assert GENERIC.search(more.does) or (total and came_out(more.parameters) == []), name
        assert own.does != more.does or more.parts is None, name


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
    return {name: told(name)[0] for name in here(*EVERY, *ELSEWHERE)}


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
    assert words.parameters == "4 x 3 + 3 = 15"
    assert "; all frozen" in str(words.parts)
    steady = load().layers.BatchNormalization()
    steady.trainable = False
    words = operation(called(steady, [(4,)]))
    assert "4 frozen (scale, shift, running mean and running variance)" in str(words.parts)
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


def test_a_linear_last_layer_gives_no_probabilities() -> None:
    layers = load().layers
    for units in (1, 3):
        for linear in (
            layers.Dense(units),
            layers.Activation("linear"),
            layers.Conv1D(units, 1),
            layers.TimeDistributed(layers.Dense(units)),
        ):
            words = operation(called(linear, [(5, units)]))
            assert "probabilit" not in str(words)
            assert "softmax" not in str(words).lower()
    for sure in (
        layers.Dense(3, activation="softmax"),
        layers.Softmax(),
        layers.Activation("softmax"),
    ):
        assert "3 scores" in operation(called(sure, [(3,)])).does
        assert "probabilities" in operation(called(sure, [(3,)])).does


def test_a_softmax_is_told_along_the_axis_that_keras_takes() -> None:
    layers = load().layers
    for form, count in (("channels_last", 4), ("channels_first", 6)):
        layer = layers.Conv2D(4, 3, activation="softmax", data_format=form)
        assert f"{count} scores" in operation(called(layer, [(8, 8, 8)])).does


def test_the_sums_of_the_brief_stand_as_they_are_wanted() -> None:
    layers = load().layers
    shapes: dict[str, tuple[Any, list[Any]]] = {
        "(26 - 1) x 2 + 3 = 53 positions in each direction": (
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
            for part in ("10 positions", "12 positions of the second input", "in 4 heads"):
                assert part in words.does
            assert "4 x 10 x 12" in str(words.shape)
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
        assert "starts from" not in operation(masked).does
    started = called(layers.GRU(4), [(6, 3)], initial_state=[load().KerasTensor((None, 4))])
    assert "starts from" not in operation(started).does
    started = replace(started, inputs=(*started.inputs, Spec((None, 4), "float32")))
    assert "starts from" in operation(started).does


def test_images_with_labels_are_told_as_images() -> None:
    plain = made("MixUp")
    labels = Spec((None, 10), "float32")
    both = replace(plain, inputs=(labels, *plain.inputs), outputs=(labels, *plain.outputs))
    assert operation(both) == operation(plain)
    assert GENERIC.search(operation(replace(both, inputs=plain.inputs)).does)


def test_several_outputs_are_told() -> None:
    layers = load().layers
    words = operation(called(layers.LSTM(4, return_state=True, return_sequences=True), [(6, 3)]))
    assert "at every step" in words.does
    assert "2 further outputs" in words.does
    both = called(layers.Bidirectional(layers.GRU(4), merge_mode=None), [(6, 3)])
    assert len(both.outputs) == 2
    assert "Both results" in operation(both).does
    assert "further" not in operation(both).does


def test_a_layer_within_a_layer_is_told_by_its_own_words() -> None:
    layers = load().layers
    words = operation(called(layers.TimeDistributed(layers.Conv2D(4, 3)), [(5, 8, 8, 1)]))
    assert "8 - 3 + 1 = 6 positions in each direction" in str(words.shape)
    assert "each of 5 steps" in words.does
    assert "Each of the 4 filters" in words.does
    assert words.parameters == "3 x 3 x 1 x 4 + 4 = 40"
    unknown = called(layers.TimeDistributed(layers.Dense(3)), [(5, 4)])
    layer = {**unknown.config["layer"], "class_name": "Mine"}
    words = operation(replace(unknown, config={**unknown.config, "layer": layer}))
    assert "A layer of class Mine" in words.does
    assert words.parameters == "15"


def test_recurrent_layers_with_a_cell_of_ones_own() -> None:
    stage = called(load().layers.RNN(load().layers.LSTMCell(4)), [(6, 3)])
    cell = {**stage.config["cell"], "class_name": "MyCell"}
    words = operation(replace(stage, config={**stage.config, "cell": cell}))
    assert "cell of class MyCell" in words.does
    assert (words.parameters, words.parts) == (f"{stage.parameters.total}", None)


def test_no_words_import_a_framework() -> None:
    """The words are made from plain values alone; nothing of Keras is asked."""
    for module in {inspect.getmodule(each.fields) for each in LAYERS.values()}:
        assert module is None or not hasattr(module, "keras")


def test_the_classes_with_several_inputs_say_how_many() -> None:
    makes: dict[str, Callable[[Any], Any]] = {
        name: make for name, (make, _) in STEADY.items() if name in MERGING
    }
    for name in ("Add", "Average", "Concatenate", "Maximum", "Minimum", "Multiply"):
        for count in (2, 3, 5):
            words = operation(called(makes[name](load().layers), [[(4, 3)] * count]))
            assert f"its {count} inputs" in words.does
