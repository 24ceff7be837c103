"""Operations that are no layers, and what has no words of its own."""

from dataclasses import replace
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given
from tests.sums import came_out

from pipetrace.capture.backend import load
from pipetrace.explain.layers import Operation, operation
from pipetrace.explain.layers.ops import BY_VALUE, OTHERS, SAME, WITH_CONSTANT
from pipetrace.trace.document import LAYER, OP, Parameters, Spec, Stage

FOUR, PLACES = (4,), (3, 8)


def stage(
    name: str | None,
    taken: list[tuple[Any, ...]],
    given_: tuple[Any, ...],
    kind: str = OP,
    **config: Any,
) -> Stage:
    inputs = tuple(Spec((None, *shape), "float32") for shape in taken)
    return Stage("it", kind, name, "it", config, inputs, (Spec((None, *given_), "float32"),))


@pytest.mark.parametrize(
    ("made", "does", "shape"),
    [
        (
            stage("Add", [FOUR, FOUR], FOUR),
            "Adds its 2 inputs, value by value.",
            "The shape stays.",
        ),
        (
            stage("AddV2", [FOUR], FOUR),
            "Adds a constant or a weight to every value.",
            "The shape stays.",
        ),
        (
            stage("Subtract", [FOUR], FOUR),
            "Takes the difference of every value and a constant or a weight.",
            "The shape stays.",
        ),
        (
            stage("Sub", [PLACES, (1, 8)], PLACES),
            "Subtracts the second from the first input.",
            "From 3 x 8 and 1 x 8 to 3 x 8 values.",
        ),
        (
            stage("TrueDivide", [FOUR, FOUR], FOUR),
            "Divides the first input by the second.",
            "The shape stays.",
        ),
        (
            stage("Matmul", [PLACES, (8, 3)], (3, 3)),
            "Multiplies rows by columns and adds the products up (matrix product).",
            "From 3 x 8 and 8 x 3 to 3 x 3 values.",
        ),
        (
            stage("Mean", [PLACES], (3,), axis=-1),
            "Takes the mean along axis 2.",
            "From 3 x 8 to 3 values.",
        ),
        (
            stage("Sum", [PLACES], (), axis=[1, 2]),
            "Adds up along axes 1 and 2.",
            "From 3 x 8 to 1 value.",
        ),
        (
            stage("Max", [PLACES], (), axis=None),
            "Keeps the largest over all values.",
            "From 3 x 8 to 1 value.",
        ),
        (stage("Mean", [PLACES], (3,)), "Takes the mean along axes.", "From 3 x 8 to 3 values."),
        (
            stage("Mean", [PLACES], (3,), axis="?"),
            "Takes the mean along axes.",
            "From 3 x 8 to 3 values.",
        ),
        (
            stage("Reshape", [PLACES], (24,)),
            "Puts the values, in the order they are in, into another form.",
            "From 3 x 8 to 24 values.",
        ),
        (stage("Relu", [FOUR], FOUR), "Sets what is negative to zero (ReLU).", "The shape stays."),
        (
            stage("Clip", [FOUR], FOUR, x_min=0, x_max=1.5),
            "Cuts every value off at 0 and 1.50.",
            "The shape stays.",
        ),
        (stage("GetItem", [PLACES], (8,)), "Takes a part of it.", "From 3 x 8 to 8 values."),
        (
            stage("ConcatV2", [(8,), FOUR], (12,)),
            "Lays its inputs one after another along an axis.",
            "8 + 4 = 12 along axis 1.",
        ),
        (
            stage("Concatenate", [(2, 8), (3, 8)], (5, 8)),
            "Lays its inputs one after another along an axis.",
            "2 + 3 = 5 along axis 1.",
        ),
        (
            stage("Concatenate", [(None, 8), (3, 8)], (None, 8)),
            "Lays its inputs one after another along an axis.",
            "From ? x 8 and 3 x 8 to ? x 8 values.",
        ),
        (
            stage("Mul, AddV2", [FOUR, FOUR], FOUR),
            "Multiplies two, value by value, then adds two, value by value.",
            "The shape stays.",
        ),
        (
            stage("Exp,Sum", [FOUR], ()),
            "Takes the exponential of every value, then adds up along axes.",
            "From 4 to 1 value.",
        ),
        (
            stage("Greater", [FOUR, FOUR], FOUR),
            "Tells whether the first input is greater than the second.",
            "The shape stays.",
        ),
        # Without words.
        (stage("Fft", [FOUR], FOUR), "The operation Fft: from 4 values to 4.", None),
        (
            stage("Mul, Fft", [FOUR, FOUR], FOUR),
            "The operations Mul, Fft: from 4 and 4 values to 4.",
            None,
        ),
        (stage("Add", [FOUR, FOUR], (5,)), "The operation Add: from 4 and 4 values to 5.", None),
        (stage("Exp", [PLACES], (7, 8)), "The operation Exp: from 3 x 8 values to 7 x 8.", None),
        (stage("Add", [], FOUR), "The operation Add.", None),
        (stage(None, [FOUR], FOUR), "An operation: from 4 values to 4.", None),
        (
            stage("TwoInputs", [(8,), (8,)], (16,), LAYER),
            "A layer of class TwoInputs, not one of Keras' own that are known here: from 8 and 8 values to 16.",
            None,
        ),
        (
            stage("Scale", [()], (2,), LAYER),
            "A layer of class Scale, not one of Keras' own that are known here: from 1 value to 2.",
            None,
        ),
        (
            stage("Sequential", [FOUR], (2,), LAYER),
            "A model of class Sequential: from 4 values to 2.",
            None,
        ),
        (
            stage("Dense", [FOUR], (3,), LAYER),
            "A layer of class Dense, not in the form that is known here of Keras' own: from 4 values to 3.",
            None,
        ),
        (
            stage("Dense", [FOUR], (3,), LAYER, units=2),
            "A layer of class Dense, not in the form that is known here of Keras' own: from 4 values to 3.",
            None,
        ),
        (
            stage("Dropout", [FOUR], (3,), LAYER, rate=0.5),
            "A layer of class Dropout, not in the form that is known here of Keras' own: from 4 values to 3.",
            None,
        ),
        (
            stage(
                "Conv2D",
                [(8, 8, 1)],
                (8, 8, 2),
                LAYER,
                filters=2,
                kernel_size=[3, 3],
                strides=[1, 1],
            ),
            "A layer of class Conv2D, not in the form that is known here of Keras' own: from 8 x 8 x 1 values to 8 x 8 x 2.",
            None,
        ),
    ],
)
def test_the_words(made: Stage, does: str, shape: str | None) -> None:
    words = operation(made)
    assert (words.does, words.shape) == (does, shape)
    came_out(words.shape)


def test_what_has_no_words_tells_its_parameters() -> None:
    mine = replace(stage("Mine", [FOUR], FOUR, LAYER), parameters=Parameters(1600))
    assert operation(mine).parameters == "1,600"
    # An operation holds none; what does is something else of the same name.
    assert operation(
        replace(stage("Add", [FOUR, FOUR], FOUR), parameters=Parameters(3))
    ) == Operation("Add", "The operation Add: from 4 and 4 values to 4.", parameters="3")


def test_a_layers_words_are_not_those_of_an_operation_of_its_name() -> None:
    assert (
        operation(stage("Dense", [FOUR], (2,), OP, units=2)).does
        == "The operation Dense: from 4 values to 2."
    )


@given(
    st.sampled_from([*BY_VALUE, *OTHERS, *SAME]),
    st.lists(st.lists(st.one_of(st.none(), st.integers(0, 4)), max_size=4), max_size=4),
    st.lists(st.integers(0, 4), max_size=4),
    st.one_of(st.none(), st.integers(-5, 5), st.text(max_size=2), st.lists(st.integers(-5, 5))),
)
def test_operations_of_any_form_raise_nothing(
    name: str, taken: list[Any], given_: list[Any], axis: Any
) -> None:
    words = operation(stage(name, [tuple(each) for each in taken], tuple(given_), axis=axis))
    assert words.does.endswith(".")
    assert "{" not in words.does
    came_out(words.shape)


@pytest.mark.framework
def test_the_names_are_those_of_keras() -> None:
    """Every operation with words that Keras has is called by its class's name there."""
    import keras.src.ops.numpy as plain

    found = load()
    modules = (
        plain,
        found.src.ops.nn,
        found.src.ops.core,
        found.src.ops.math,
        found.src.ops.linalg,
        found.src.ops.image,
    )
    there = {name.lower() for module in modules for name in vars(module)}
    only_tensorflow = {
        "biasadd",
        "convolution",
        "rsqrt",
        "flatten",
        "prod",
        "identity",
        "squareddifference",
        "averagepool",
    }
    assert {kind for kind in (*BY_VALUE, *OTHERS) if kind not in there} <= only_tensorflow
    assert set(SAME.values()) <= {*BY_VALUE, *OTHERS}
    assert set(WITH_CONSTANT) <= set(BY_VALUE)


@pytest.mark.framework
def test_operations_of_a_functional_model_have_words() -> None:
    keras = load()
    ops, one, other = keras.ops, keras.Input((3, 8)), keras.Input((3, 8))
    given_ = [
        one + other,
        one * 2,
        1 - one,
        one / other,
        one**2,
        ops.matmul(one, ops.transpose(other, (0, 2, 1))),
        one[:, 0],
        ops.mean(one, axis=-1),
        ops.concatenate([one, other], axis=1),
        ops.reshape(one, (-1, 24)),
        ops.softmax(one),
        ops.relu(one),
        ops.exp(one),
        ops.log(one),
        ops.sqrt(one),
        ops.sigmoid(one),
        ops.sum(one, axis=1),
        ops.max(one, axis=1),
        ops.expand_dims(one, 1),
        ops.stack([one, other], axis=1),
        ops.abs(one),
        ops.clip(one, 0, 1),
        ops.where(one > 0, one, other),
        ops.leaky_relu(one),
        ops.logsumexp(one, axis=1),
        ops.maximum(one, other),
        ops.cast(one, "int32"),
        ops.normalize(one),
    ]
    for tensor in given_:
        done = tensor._keras_history.operation
        node = done._inbound_nodes[-1]
        config = {key: value for key, value in done.get_config().items() if key != "name"}
        shapes = [each.shape[1:] for each in node.input_tensors]
        words = operation(stage(type(done).__name__, shapes, tensor.shape[1:], **config))
        assert not words.does.startswith("The operation"), words
