"""The sums in the words of other layers, against the shapes and parameters of Keras."""

import math
import re
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import assume, given, settings
from tests.explain.layers.by_keras import chosen, counted, drawn, fewer, told
from tests.keras_layers import accepted
from tests.sums import came_out

from pipetrace.capture.backend import load

pytestmark = pytest.mark.framework


@drawn
@given(st.lists(st.integers(1, 12), min_size=1, max_size=4), st.data())
def test_other_forms(lengths: list[int], data: st.DataObject) -> None:
    layers, total = load().layers, math.prod(lengths)
    _, words = told(layers.Flatten(), [tuple(lengths)])
    assert came_out(words.shape) == ([total] if len(lengths) > 1 else [])
    assert ("Order" in words.does) == (len(lengths) == 3)
    other = data.draw(st.permutations(lengths))
    target = [*other]
    if data.draw(st.booleans()):
        target[data.draw(st.integers(0, len(target) - 1))] = -1
    stage, words = told(layers.Reshape(target), [tuple(lengths)])
    assert came_out(words.shape) == ([total, total] if len(lengths) > 1 else [])
    assert f"into the shape {' x '.join(map(str, other))}," in words.does
    order = data.draw(st.permutations(range(1, len(lengths) + 1)))
    stage, words = told(layers.Permute(order), [tuple(lengths)])
    if list(order) != sorted(order):
        assert f"becomes {' x '.join(map(str, stage.outputs[0].shape[1:]))};" in str(words.shape)
    times = data.draw(st.integers(1, 9))
    _, words = told(layers.RepeatVector(times), [tuple(lengths[:1])])
    assert came_out(words.shape) == [times * lengths[0]]


@drawn
@given(st.lists(st.integers(1, 6), min_size=1, max_size=3), st.data())
def test_merging(lengths: list[int], data: st.DataObject) -> None:
    layers, count = load().layers, data.draw(st.integers(2, 4))
    axis = data.draw(st.integers(0, len(lengths) - 1))
    shapes = [
        tuple(
            data.draw(st.integers(1, 9)) if at == axis else length
            for at, length in enumerate(lengths)
        )
        for _ in range(count)
    ]
    back = data.draw(st.booleans())
    stage, words = told(layers.Concatenate(axis - len(lengths) if back else axis + 1), [shapes])
    assert f"its {count} inputs" in words.does
    assert came_out(words.shape) == [stage.outputs[0].shape[axis + 1]]
    assert str(words.shape).startswith(" + ".join(str(shape[axis]) for shape in shapes) + " = ")
    spread = [
        tuple(1 if data.draw(st.booleans()) else length for length in lengths) for _ in range(count)
    ]
    for name in ("Add", "Multiply", "Average", "Maximum", "Minimum"):
        stage, words = told(getattr(layers, name)(), [spread])
        got = " x ".join(str(length) for length in stage.outputs[0].shape[1:])
        assert str(words.shape).endswith("so has the output.") == (len(set(spread)) == 1)
        assert (f"give {got}:" in str(words.shape)) == (len(set(spread)) > 1)
        assert f"its {count} inputs" in words.does
    length = data.draw(st.integers(1, 9))
    stage, words = told(layers.Dot(-1), [[(*lengths[:1], length), (3, length)]])
    assert f"the {length} product" in words.does


RECURRENT = st.tuples(
    st.sampled_from(["SimpleRNN", "LSTM", "GRU", "GRU before", "RNN", "cells"]),
    st.integers(1, 9),
    st.booleans(),
    st.booleans(),
)
"""The kind, how many numbers it carries, whether it has a bias, and whether it gives every step."""


def recurrent(kind: str, units: int, bias: bool, every: bool) -> Any:
    layers, options = load().layers, {"return_sequences": every}
    made: dict[str, Any] = {
        "SimpleRNN": lambda: layers.SimpleRNN(units, use_bias=bias, **options),
        "LSTM": lambda: layers.LSTM(units, use_bias=bias, **options),
        "GRU": lambda: layers.GRU(units, use_bias=bias, **options),
        "GRU before": lambda: layers.GRU(units, use_bias=bias, reset_after=False, **options),
        "RNN": lambda: layers.RNN(layers.GRUCell(units, use_bias=bias), **options),
        "cells": lambda: layers.RNN(
            [layers.LSTMCell(3, use_bias=bias), layers.SimpleRNNCell(units)], **options
        ),
    }
    return made[kind]()


@fewer
@given(RECURRENT, st.integers(1, 9), st.integers(1, 9))
def test_recurrent_layers(drawn_of: tuple[str, int, bool, bool], steps: int, width: int) -> None:
    units, every = drawn_of[1], drawn_of[3]
    stage, words = told(recurrent(*drawn_of), [(steps, width)])
    counted(words, stage)
    assert every == ("at every step" in str(words.shape))
    assert stage.outputs[0].shape[1:] == ((steps, units) if every else (units,))
    assert f"{units} unit" in str(words.shape)
    assert (f"the {steps} steps" in words.does) == (steps > 1)
    assert f"of {width} value" in words.does


@fewer
@given(
    RECURRENT,
    st.integers(1, 9),
    st.integers(1, 9),
    st.sampled_from(["concat", "sum", "mul", "ave", None]),
    st.booleans(),
)
def test_bidirectional_layers(
    drawn_of: tuple[str, int, bool, bool], steps: int, width: int, mode: str | None, alike: bool
) -> None:
    layers, units, every = load().layers, drawn_of[1], drawn_of[3]
    other = None if alike else layers.LSTM(units, return_sequences=every, go_backwards=True)
    layer = layers.Bidirectional(recurrent(*drawn_of), merge_mode=mode, backward_layer=other)
    stage, words = told(layer, [(steps, width)])
    counted(words, stage)
    assert came_out(words.shape) == ([stage.outputs[0].shape[-1]] if mode == "concat" else [])
    assert stage.outputs[0].shape[-1] == (2 * units if mode == "concat" else units)


@settings(drawn, max_examples=12)
@given(st.data())
def test_attention(data: st.DataObject) -> None:
    layers, pick = load().layers, chosen(data)
    here, there, heads, key, value = pick(5), pick(5), pick(4), pick(6), pick(6)
    widths = [pick(8), pick(8), pick(8)]
    bias, gate = data.draw(st.booleans()), data.draw(st.booleans())
    out = data.draw(st.one_of(st.none(), st.integers(1, 9)))
    more = accepted(layers.MultiHeadAttention, use_gate=gate)
    layer = layers.MultiHeadAttention(
        heads, key, value_dim=value, use_bias=bias, output_shape=out, **more
    )
    stage, words = told(layer, [(here, widths[0]), (there, widths[1]), (there, widths[2])])
    counted(words, stage)
    assert f"in {heads} head" in words.does
    shared = pick(3)
    more = accepted(layers.GroupQueryAttention, use_gate=gate)
    layer = layers.GroupQueryAttention(key, heads * shared, shared, use_bias=bias, **more)
    stage, words = told(layer, [(here, widths[0]), (there, widths[0])])
    counted(words, stage)
    assert f"in {heads * shared} head" in words.does


@fewer
@given(st.data(), st.lists(st.integers(1, 6), min_size=1, max_size=3), st.booleans(), st.booleans())
def test_weights_of_other_layers(
    data: st.DataObject, lengths: list[int], center: bool, scale: bool
) -> None:
    layers, shape, pick = load().layers, tuple(lengths), chosen(data)
    stage, words = told(layers.Dense(pick(9), use_bias=center), [shape])
    counted(words, stage)
    stage, words = told(layers.Embedding(pick(3000), pick(9)), [(shape, "int32")])
    counted(words, stage)
    assert came_out(words.shape) == [
        math.prod(length or 0 for length in stage.outputs[0].shape[1:])
    ]
    renorm = accepted(layers.BatchNormalization, renorm=data.draw(st.booleans()))
    stage, words = told(
        layers.BatchNormalization(center=center, scale=scale, **renorm),
        [shape],
    )
    counted(words, stage)
    assert came_out(words.parameters)[0] % lengths[-1] == 0
    axes = data.draw(st.lists(st.integers(1, len(shape)), min_size=1, unique=True))
    stage, words = told(layers.LayerNormalization(axes, center=center, scale=scale), [shape])
    assert came_out(words.parameters) == [stage.parameters.total] or center + scale < 2
    assert str(words.parameters or 0).endswith(f"{stage.parameters.total:,}")
    groups = data.draw(
        st.sampled_from([each for each in range(1, lengths[-1] + 1) if lengths[-1] % each == 0])
    )
    stage, words = told(
        layers.GroupNormalization(groups, center=center, scale=scale), [(2, *shape)]
    )
    assert came_out(words.does) == [lengths[-1] // groups]
    stage, words = told(layers.TimeDistributed(layers.Dense(3, use_bias=center)), [(4, *shape)])
    counted(words, stage)
    stage, words = told(layers.SpectralNormalization(layers.Dense(3, use_bias=center)), [shape])
    counted(words, stage)
    stage, words = told(layers.Normalization(axis=axes), [shape])
    counted(words, stage)
    stage, words = told(layers.PReLU(shared_axes=axes), [shape])
    assert str(words.parameters).endswith(f"{stage.parameters.total:,}")


@drawn
@given(st.data(), st.integers(1, 9), st.integers(1, 9), st.integers(1, 9), st.integers(1, 9))
def test_pictures_cut_and_resized(
    data: st.DataObject, high: int, wide: int, down: int, across: int
) -> None:
    layers = load().layers
    stage, words = told(layers.CenterCrop(down, across), [(high, wide, 3)])
    if down <= high and across <= wide:
        sums = [each for each, was in ((down, high), (across, wide)) if each != was]
        assert came_out(words.shape) == sums
    else:
        assert "Enlarges" in words.does
    stage, words = told(layers.Resizing(down, across), [(high, wide, 3)])
    assert f"{high} x {wide} becomes {down} x {across};" in str(words.shape)
    frame = data.draw(st.integers(2, 9))
    step, points = data.draw(st.integers(1, frame)), data.draw(st.sampled_from([None, 16, 32]))
    border = data.draw(st.sampled_from(["valid", "same"]))
    mode = data.draw(st.sampled_from(["log", "stft", "real"]))
    layer = layers.STFTSpectrogram(
        mode, frame, step, points, window=None, padding=border, expand_dims=data.draw(st.booleans())
    )
    length = data.draw(st.integers(frame, 60))
    assume(length >= frame)
    stage, words = told(layer, [(length, data.draw(st.integers(1, 3)))])
    counted(words, stage)
    assert re.search(rf"\b{stage.outputs[0].shape[1]} frames;", str(words.shape))
    assert came_out(words.shape)[-1] == stage.weights[0].shape[-1]


PARTLY_KNOWN: list[tuple[str, tuple[Any, ...], tuple[Any, ...]]] = [
    ("Conv1D", (4, 3), (None, 8)),
    ("Conv2D", (4, 3), (None, None, 3)),
    ("Conv2DTranspose", (4, 3), (None, None, 3)),
    ("DepthwiseConv2D", (3,), (None, 9, 3)),
    ("SeparableConv1D", (4, 3), (None, 8)),
    ("MaxPooling2D", (2,), (None, 8, 3)),
    ("GlobalAveragePooling1D", (), (None, 8)),
    ("AdaptiveMaxPooling1D", (3,), (None, 8)),
    ("Dense", (4,), (None, 8)),
    ("LSTM", (4,), (None, 8)),
    ("ConvLSTM1D", (4, 3), (None, 9, 3)),
    ("LayerNormalization", (), (None, 8)),
    ("BatchNormalization", (), (None, None, 8)),
    ("ZeroPadding2D", (1,), (None, 8, 3)),
    ("Cropping1D", (1,), (None, 3)),
    ("UpSampling2D", (2,), (None, 8, 3)),
    ("Flatten", (), (None, 8)),
    ("Reshape", ((-1, 4),), (None, 8)),
    ("Permute", ((2, 1),), (None, 8)),
    ("RepeatVector", (3,), (8,)),
    ("Dropout", (0.5,), (None, 8)),
    ("Masking", (), (None, 8)),
    ("Softmax", (), (None, 8)),
    ("RandomFlip", (), (None, None, 3)),
    ("Resizing", (4, 4), (None, None, 3)),
    ("UnitNormalization", (), (None, 8)),
    ("Activation", ("softmax",), (None, 8)),
    ("Rescaling", (2.0,), (None, None, 3)),
]
"""Layers with their arguments, and inputs of which some lengths are not known."""


def test_lengths_that_are_not_known_are_passed_over() -> None:
    for name, arguments, shape in PARTLY_KNOWN:
        if not hasattr(load().layers, name):
            continue  # newer than this Keras
        stage, words = told(getattr(load().layers, name)(*arguments), [shape])
        came_out(words.shape)
        assert "None" not in (words.shape or "")
        if stage.parameters.total:
            counted(words, stage)
        both = told(load().layers.Concatenate(1), [[shape, shape]])[1]
        start = "The lengths" if shape[0] is None else "8 + 8 = 16"
        assert str(both.shape).startswith(start)
        assert told(load().layers.Add(), [[shape, shape]])
