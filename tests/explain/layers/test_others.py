"""Operations that are no layers, and what has no words of its own."""

from dataclasses import replace
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given
from tests.sums import came_out

from pipetrace.capture.backend import load
from pipetrace.explain.layers import Operation, operation
from pipetrace.explain.layers.ops import BY_VALUE, ELEMENT_BY_ELEMENT, OTHERS, OTHERWISE
from pipetrace.explain.layers.parts import table as rows
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


def test_operations_are_told_by_their_inputs_axes_and_shapes() -> None:
    """What must stand in the words of an operation, and in its sentence on the shape."""
    table: list[tuple[Stage, list[str], str]] = [
        (stage("Add", [FOUR, FOUR], FOUR), ["2 inputs"], "stays the same"),
        (stage("Add", [FOUR], FOUR), ["constant", "every value"], "stays the same"),
        # With one input it is not known which operand is on which side.
        (stage("Subtract", [FOUR], FOUR), ["difference", "constant"], "stays the same"),
        (stage("Subtract", [PLACES, (1, 8)], PLACES), ["second from the first"], "3 x 8 and 1 x 8"),
        (stage("TrueDivide", [FOUR, FOUR], FOUR), ["first", "by the second"], "stays the same"),
        (
            stage("Matmul", [PLACES, (8, 3)], (3, 3)),
            ["matrices"],
            "3 x 8 and 8 x 3 values in, 3 x 3",
        ),
        (stage("Mean", [PLACES], (3,), axis=-1), ["along axis 2"], "3 x 8 values in, 3 out"),
        (stage("Sum", [PLACES], (), axis=[1, 2]), ["along axes 1 and 2"], "3 x 8 values in, 1 out"),
        (stage("Max", [PLACES], (), axis=None), ["over all values"], "3 x 8 values in, 1 out"),
        (stage("Mean", [PLACES], (3,)), ["along axes."], "3 x 8 values in, 3 out"),
        (stage("Mean", [PLACES], (3,), axis="?"), ["along axes."], "3 x 8 values in, 3 out"),
        (stage("Reshape", [PLACES], (24,)), ["same order"], "3 x 8 values in, 24 out"),
        (stage("Relu", [FOUR], FOUR), ["ReLU"], "stays the same"),
        (stage("Clip", [FOUR], FOUR, x_min=0, x_max=1.5), ["0 to 1.50"], "stays the same"),
        (stage("GetItem", [PLACES], (8,)), ["part"], "3 x 8 values in, 8 out"),
        (stage("Concatenate", [(8,), FOUR], (12,)), ["along an axis"], "8 + 4 = 12 along axis 1"),
        (stage("Concatenate", [(2, 8), (3, 8)], (5, 8)), ["along"], "2 + 3 = 5 along axis 1"),
        (stage("Concatenate", [(None, 8), (3, 8)], (None, 8)), ["along"], "? x 8 and 3 x 8"),
        (
            stage("Multiply, Add", [FOUR, FOUR], FOUR),
            ["ultiplies", ", then adds"],
            "stays the same",
        ),
        (stage("Exp,Sum", [FOUR], ()), ["exponential", ", then sums"], "4 values in, 1 out"),
        (stage("Greater", [FOUR, FOUR], FOUR), ["first input", "second"], "stays the same"),
    ]
    for made, parts, shape in table:
        words = operation(made)
        assert "peration" not in words.does, words
        assert all(part in words.does for part in parts), words
        assert shape in str(words.shape), words
        came_out(words.shape)


def test_what_has_no_words_is_told_by_its_class_and_shapes() -> None:
    window: dict[str, Any] = {"filters": 2, "kernel_size": [3, 3], "strides": [1, 1]}
    table: list[tuple[Stage, str]] = [
        (stage("Fft", [FOUR], FOUR), "The operation Fft: 4 values in, 4 out."),
        # A layer's words are not those of an operation of its name.
        (stage("Dense", [FOUR], (2,), units=2), "The operation Dense: 4 values in, 2 out."),
        (
            stage("Mul, Fft", [FOUR, FOUR], FOUR),
            "The operations Mul, Fft: 4 and 4 values in, 4 out.",
        ),
        (stage("Add", [FOUR, FOUR], (5,)), "The operation Add: 4 and 4 values in, 5 out."),
        (stage("Exp", [PLACES], (7, 8)), "The operation Exp: 3 x 8 values in, 7 x 8 out."),
        (stage("Add", [], FOUR), "The operation Add."),
        (stage(None, [FOUR], FOUR), "An operation: 4 values in, 4 out."),
        (
            stage("Two", [(8,), (8,)], (16,), LAYER),
            "A layer of class Two: 8 and 8 values in, 16 out.",
        ),
        (stage("Scale", [()], (2,), LAYER), "A layer of class Scale: 1 value in, 2 out."),
        (
            stage("Sequential", [FOUR], (2,), LAYER),
            "A model of class Sequential: 4 values in, 2 out.",
        ),
    ]
    for made, does in table:
        words = operation(made)
        assert (words.does, words.shape) == (does, None)
    for made in (
        stage("Dense", [FOUR], (3,), LAYER),
        stage("Dense", [FOUR], (3,), LAYER, units=2),
        stage("Dropout", [FOUR], (3,), LAYER, rate=0.5),
        stage("Conv2D", [(8, 8, 1)], (8, 8, 2), LAYER, **window),
    ):
        words = operation(made)
        assert words.does.startswith(f"A layer of class {made.layer}, "), words
        assert (words.shape, words.parts) == (None, None)


def test_what_has_no_words_tells_its_parameters() -> None:
    mine = replace(stage("Mine", [FOUR], FOUR, LAYER), parameters=Parameters(1600))
    assert operation(mine).parameters == "1,600"
    # An operation holds none; what does is something else of the same name.
    assert operation(
        replace(stage("Add", [FOUR, FOUR], FOUR), parameters=Parameters(3))
    ) == Operation("Add", "The operation Add: 4 and 4 values in, 4 out.", parameters="3")


@given(
    st.sampled_from([*BY_VALUE, *OTHERWISE]),
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
    ops = found.src.ops
    modules = (plain, ops.nn, ops.core, ops.math, ops.linalg, ops.image)
    there = {name.lower() for module in modules for name in vars(module)}
    only_tensorflow = {
        *("convolution", "randomstandardnormal", "randomuniform", "rsqrt", "flatten", "prod"),
        *("identity", "squareddifference", "averagepool"),
    }
    first = {names.partition(", ")[0] for names, _ in rows(ELEMENT_BY_ELEMENT + OTHERS)}
    assert first - there <= only_tensorflow
    assert not set(BY_VALUE) & set(OTHERWISE)


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
        ops.logsumexp(one, axis=(1,)),
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
