import math
from typing import Any

import numpy as np
import pytest
from tests.capture.seeing import ROWS, seen, subclassed

from pipetrace.capture.graph import graph
from pipetrace.capture.hook import Call, watch
from pipetrace.capture.nodes import weight_names
from pipetrace.capture.weights import plain_config
from pipetrace.explain.layers import operation
from pipetrace.trace.document import LAYER, OP, Spec, Stage, Weight

pytestmark = pytest.mark.framework


def stages_of(keras: Any, model: Any, rows: Any) -> tuple[Stage, ...]:
    given = keras.ops.convert_to_tensor(rows)
    with watch() as calls:
        model(given, training=False)
    return graph(keras, calls, [(given, ("rows", 0))], rows=len(rows)).stages


def single(keras: Any, layer: Any, shape: tuple[int | None, ...]) -> Stage:
    """The stage of one layer, called on rows of a shape."""
    model = keras.Sequential([keras.layers.Input(shape), layer])
    rows = np.ones((2, *(5 if length is None else length for length in shape)), np.float32)
    (stage,) = stages_of(keras, model, rows)
    return stage


def test_the_parts_of_a_stage_are_keras_own(keras: Any, sample: Any) -> None:
    for stage in stages_of(keras, sample.model, sample.rows):
        if stage.kind == OP:
            assert stage.parameters.total == 0
            continue
        assert stage.kind == LAYER
        name = stage.name.split(":")[0]
        (layer,) = [each for each in sample.model._flatten_layers() if each.name == name]
        assert stage.layer == type(layer).__name__
        assert stage.parameters.total == layer.count_params()
        assert stage.parameters.trainable == sum(
            math.prod(each.shape) for each in layer.trainable_weights
        )
        assert stage.weights == tuple(
            Weight(each.name, tuple(each.shape), bool(each.trainable)) for each in layer.weights
        )
        assert stage.config["name"] == layer.name
        assert stage.config == plain_config(layer)


def test_what_one_stage_gives_the_next_one_receives(keras: Any, sample: Any) -> None:
    found = {stage.name: stage for stage in stages_of(keras, sample.model, sample.rows)}
    for stage in found.values():
        assert all(spec.source is None for spec in stage.outputs)
        for spec in stage.inputs:
            given = (
                found[str(spec.source)].outputs[0]
                if spec.source in found
                else Spec((None, 8, 8, 1), "float32")
            )
            assert (spec.shape, spec.dtype) == (given.shape, given.dtype)
            assert spec.shape[0] is None


def test_the_path_of_a_nested_stage(keras: Any, sample: Any) -> None:
    for stage in stages_of(keras, sample.model, sample.rows):
        nested = {
            "flat": "middle/inner/flat",
            "wide": "middle/inner/wide",
            "narrow": "middle/narrow",
        }
        expected = nested if sample.model.name == "outer" else {}
        assert stage.path == expected.get(stage.name, stage.name.split(":")[0])


def test_frozen_weights_are_counted_apart(keras: Any) -> None:
    layer = keras.layers.BatchNormalization(name="norm")
    stage = single(keras, layer, (7,))
    assert (stage.parameters.trainable, stage.parameters.frozen) == (14, 14)
    assert [weight.trainable for weight in stage.weights] == [True, True, False, False]
    layer.trainable = False
    assert single(keras, layer, (7,)).parameters.trainable == 0


def test_operations_of_dense_layers_and_convolutions_by_hand(keras: Any) -> None:
    layers = keras.layers
    # (layer, shape of a row, multiplications: inputs to one output value, times the output values)
    cases: list[tuple[Any, tuple[int | None, ...], int]] = [
        (layers.Dense(10), (5408,), 5408 * 10),
        (layers.Dense(4), (6, 3), 3 * 6 * 4),
        (layers.Conv2D(32, 3), (28, 28, 1), 3 * 3 * 1 * 26 * 26 * 32),
        (
            layers.Conv2D(5, (3, 2), strides=2, padding="same", use_bias=False),
            (9, 9, 4),
            3 * 2 * 4 * 5 * 5 * 5,
        ),
        (layers.Conv2D(6, 3, groups=2), (8, 8, 4), 3 * 3 * 2 * 6 * 6 * 6),
        (layers.Conv2D(2, 3, dilation_rate=2), (9, 9, 1), 3 * 3 * 1 * 5 * 5 * 2),
        (layers.Conv1D(5, 3), (10, 2), 3 * 2 * 8 * 5),
        (layers.Conv3D(2, 2), (4, 4, 4, 3), 2 * 2 * 2 * 3 * 3 * 3 * 3 * 2),
    ]
    for layer, shape, multiplications in cases:
        assert single(keras, layer, shape).flops == 2 * multiplications, (
            type(layer).__name__,
            shape,
        )


def test_layers_without_weights_cost_nothing_and_unknown_ones_are_not_guessed(keras: Any) -> None:
    layers = keras.layers
    for free in (
        layers.Flatten(),
        layers.MaxPooling2D(),
        layers.Dropout(0.5),
        layers.Activation("relu"),
    ):
        assert single(keras, free, (8, 8, 2)).flops == 0
    for unknown in (
        layers.DepthwiseConv2D(3),
        layers.BatchNormalization(),
        layers.LayerNormalization(),
    ):
        assert single(keras, unknown, (8, 8, 2)).flops is None


def test_a_layer_with_an_axis_of_no_fixed_length_has_no_count(keras: Any) -> None:
    given = keras.Input((None, None, 1))
    layer = keras.layers.Conv2D(2, 3, name="conv")
    (stage,) = graph(
        keras,
        [Call(layer, [given], [None], [layer(given)], [None])],
        [],
        rows=given.shape[0],
    ).stages
    assert stage.outputs[0].shape == (None, None, None, 2)
    assert stage.flops is None


def test_several_tensors_in_and_out(keras: Any) -> None:
    class Both(keras.layers.Layer):  # type: ignore[misc]
        def call(self, first: Any, second: Any = None) -> Any:
            return {"sum": first + second, "difference": first - second}

    both = Both(name="both")
    first, second = keras.ops.ones((2, 3)), keras.ops.ones((2, 3), "float32")
    with watch() as calls:
        both(first, second=second)
    inputs = [(first, ("one", 0)), (second, ("other", 0))]
    (stage,) = graph(keras, calls, inputs, rows=first.shape[0]).stages
    assert [spec.source for spec in stage.inputs] == ["one", "other"]
    assert len(stage.outputs) == 2


def test_a_configuration_that_cannot_be_told_is_left_out(keras: Any) -> None:
    class Secretive(keras.layers.Layer):  # type: ignore[misc]
        def get_config(self) -> Any:
            raise RuntimeError("not telling")

        def call(self, rows: Any) -> Any:
            return rows + 1

    assert plain_config(Secretive(name="secretive")) == {"name": "secretive"}
    config = plain_config(keras.layers.Dense(3, name="dense"))
    assert (config["units"], config["name"]) == (3, "dense")


def test_a_vocabulary_that_was_learned_is_told_like_a_given_one(keras: Any) -> None:
    words = ["soup", "good", "good"]
    learned = keras.layers.TextVectorization(name="learned")
    learned.adapt(words)
    given = keras.layers.TextVectorization(vocabulary=["good", "soup"], name="given")
    for layer in (learned, given):
        config = plain_config(layer)
        assert config["vocabulary"] == layer.get_vocabulary()[2:] == ["good", "soup"]
        assert config["vocabulary_size"] == 4
    numbers = keras.layers.IntegerLookup()
    numbers.adapt(np.array([7, 5, 7]))
    assert plain_config(numbers)["vocabulary"] == [7, 5]

    class Mine(keras.layers.Layer):  # type: ignore[misc]
        def get_config(self) -> Any:
            return {**super().get_config(), "vocabulary_size": 9}

    assert plain_config(Mine(name="mine"))["vocabulary_size"] == 9


def test_weights_are_named_by_stage_and_variable(keras: Any, small: Any) -> None:
    layer = small.layers[0]
    assert [name for name, _ in weight_names("conv2d", layer)] == ["conv2d/kernel", "conv2d/bias"]
    assert weight_names("relu", keras.ops.relu) == []


def test_a_layer_that_does_nothing_is_no_source_of_what_passes_it_by(keras: Any) -> None:
    given = keras.Input((3,))
    wide = keras.layers.Dense(3, name="wide")(given)
    dropped = keras.layers.Dropout(0.5, name="drop")(wide)
    model = keras.Model(given, keras.layers.Add(name="join")([wide, dropped]))
    *_, join = stages_of(keras, model, np.ones((2, 3), np.float32))
    assert [spec.source for spec in join.inputs] == ["wide", "drop"]


def test_operations_of_tensorflow_bear_the_names_of_keras(keras: Any) -> None:
    """What computes positions and factors from no stage is not told of; a random draw is."""
    import tensorflow as tf

    def noisy(model: Any, rows: Any) -> Any:
        times = tf.random.uniform((tf.shape(rows)[0],), 0, 4, dtype="int32")
        share = tf.gather([0.9, 0.5, 0.2, 0.1], (times + 1) % 4)[:, None]
        return model.last(tf.sqrt(share) * rows + (1 - share) * tf.random.normal(tf.shape(rows)))

    forward = seen(subclassed(keras, noisy, last=keras.layers.Dense(1, name="last")), ROWS)
    between, _ = forward.stages
    assert (between.name, between.layer) == ("add", "Multiply, RandomStandardNormal, Add")
    assert operation(between).does != f"The operations {between.layer}: 6 values in, 6 out."
