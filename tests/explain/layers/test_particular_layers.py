"""What the words of particular layers must say."""

import re
from dataclasses import replace

import numpy as np
import pytest
from tests.keras_layers import called, made, stage_of
from tests.sums import came_out

from pipetrace.capture.backend import load
from pipetrace.explain.layers import operation
from pipetrace.trace.document import Spec

pytestmark = pytest.mark.framework

GENERIC = re.compile(r"\b(layer|operation) of class\b")


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
