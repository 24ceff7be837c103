"""The sums in the words of layers with windows, against what Keras computes."""

import math
import re
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given
from tests.explain.layers.by_keras import arranged, counted, drawn, spatial, told
from tests.keras_layers import WRITTEN_FOR, keras_version
from tests.sums import came_out, positions

from pipetrace.capture.backend import load

pytestmark = pytest.mark.framework


@st.composite
def windows(
    draw: st.DrawFn, dims: int, transposed: bool = False
) -> tuple[dict[str, Any], tuple[int, ...], bool]:
    """A window with its options; lengths that it fits in; whether the channels come first."""
    top = 4 if dims < 3 else 2
    kernel = draw(st.tuples(*[st.integers(1, top)] * dims))
    gap = draw(st.sampled_from([1, 1, 1, 2, 3])) if dims < 3 else 1
    step = draw(st.tuples(*[st.integers(1, 3)] * dims)) if gap == 1 else (1,) * dims
    first = draw(st.booleans())
    borders = ["valid", "same"] + ["causal"] * (dims == 1 and not transposed and not first)
    lengths = tuple(
        draw(st.integers(gap * (size - 1) + 1, gap * (size - 1) + (20 if dims < 3 else 5)))
        for size in kernel
    )
    options = {
        "kernel_size": kernel,
        "strides": step,
        "dilation_rate": gap,
        "padding": draw(st.sampled_from(borders)),
        "use_bias": draw(st.booleans()),
        "data_format": "channels_first" if first else "channels_last",
        "activation": draw(st.sampled_from([None, "relu", "softmax"])),
    }
    return options, lengths, first


@drawn
@given(st.data(), st.integers(1, 3))
def test_convolutions(data: st.DataObject, dims: int) -> None:
    options, lengths, first = data.draw(windows(dims))
    groups = data.draw(st.sampled_from([1, 1, 2, 3]))
    channels, filters = groups * data.draw(st.integers(1, 4)), groups * data.draw(st.integers(1, 5))
    layer = getattr(load().layers, f"Conv{dims}D")(filters, groups=groups, **options)
    stage, words = told(layer, [arranged(first, lengths, channels)])
    counted(words, stage)
    assert positions(words.shape, dims) == spatial(stage, first)
    stays = set(options["strides"]) == {1} and options["padding"] != "valid"
    assert bool(came_out(words.shape)) != stays
    assert (f"Each of the {filters} filters" in str(words.shape)) == (filters > 1)
    assert ("bias" in words.does) == ("bias" in str(words.parts)) == options["use_bias"]
    spread = options["dilation_rate"] > 1 and max(options["kernel_size"]) > 1
    assert ("Dilation" in words.does) == spread
    assert (f"{channels // groups} of the {channels} channels" in words.does) == (groups > 1)
    assert ("at a time" in words.does) == (set(options["strides"]) != {1})
    weights = math.prod(options["kernel_size"]) * channels // groups
    assert str(words.parts).startswith(f"{weights:,} weight{'s' * (weights != 1)} in ")


@drawn
@given(st.data(), st.integers(1, 3))
def test_transposed_convolutions(data: st.DataObject, dims: int) -> None:
    options, lengths, first = data.draw(windows(dims, transposed=True))
    channels, filters = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 5))
    # Keras 3.8 gives other lengths than its `compute_output_shape` says where the output is padded.
    if keras_version() >= WRITTEN_FOR and data.draw(st.booleans()):
        step = data.draw(st.tuples(*[st.integers(2, 3)] * dims))
        options |= {
            "strides": step,
            "dilation_rate": 1,
            "output_padding": data.draw(st.integers(0, min(step) - 1)),
        }
    layer = getattr(load().layers, f"Conv{dims}DTranspose")(filters, **options)
    stage, words = told(layer, [arranged(first, lengths, channels)])
    counted(words, stage)
    assert positions(words.shape, dims) == spatial(stage, first)
    grows = options["padding"] == "valid" or max(options["strides"]) > 1
    assert bool(came_out(words.shape)) == grows
    assert ("bias" in words.does) == options["use_bias"]


@drawn
@given(st.data(), st.integers(1, 2), st.sampled_from(["DepthwiseConv", "SeparableConv"]))
def test_depthwise_and_separable_convolutions(data: st.DataObject, dims: int, kind: str) -> None:
    options, lengths, first = data.draw(windows(dims, transposed=True))
    channels, each, filters = (data.draw(st.integers(1, top)) for top in (5, 3, 6))
    given = {
        **options,
        "depth_multiplier": each,
        **({"filters": filters} if kind == "SeparableConv" else {}),
    }
    stage, words = told(
        getattr(load().layers, f"{kind}{dims}D")(**given), [arranged(first, lengths, channels)]
    )
    counted(words, stage)
    assert positions(words.shape, dims) == spatial(stage, first)
    out = stage.outputs[0].shape[1 if first else -1]
    if kind == "DepthwiseConv":
        text = (
            f"channels stay {channels}." if each == 1 else f"{channels} x {each} = {out} channels"
        )
        assert text in str(words.shape)
    else:
        assert (f"Each of the {out} filters" in str(words.shape)) == ((out or 0) > 1)
    assert ("bias" in words.does) == options["use_bias"]


@drawn
@given(st.data(), st.integers(1, 3), st.sampled_from(["Max", "Average"]), st.booleans())
def test_poolings(data: st.DataObject, dims: int, kind: str, first: bool) -> None:
    window = data.draw(st.tuples(*[st.integers(1, 4)] * dims))
    step = data.draw(st.one_of(st.none(), st.tuples(*[st.integers(1, 4)] * dims)))
    lengths = tuple(data.draw(st.integers(size, size + 15)) for size in window)
    border, channels = data.draw(st.sampled_from(["valid", "same"])), data.draw(st.integers(1, 9))
    form = "channels_first" if first else "channels_last"
    layer = getattr(load().layers, f"{kind}Pooling{dims}D")(window, step, border, form)
    stage, words = told(layer, [arranged(first, lengths, channels)])
    assert words.parameters is None
    out = spatial(stage, first)
    assert positions(words.shape, dims) == out
    assert came_out(words.shape) or (border == "same" and 1 in (step or window)), words.shape
    assert f"hannels stay {channels}." in str(words.shape)
    assert ("apart" in words.does) == (step not in (None, window))
    # What no block reaches, by laying the blocks.
    nouns = (("step",), ("line", "column"), ("plane", "line", "column"))[dims - 1]
    for length, size, hop, count, noun in zip(
        lengths, window, step or window, out, nouns, strict=True
    ):
        reached = max(start + size for start in range(0, count * hop, hop))
        left = 0 if border == "same" else length - reached
        assert bool(re.search(rf"\b{left} {noun}s?\b.*at the end", str(words.shape))) == (left > 0)


@drawn
@given(
    st.data(), st.integers(1, 3), st.sampled_from(["Max", "Average"]), st.booleans(), st.booleans()
)
def test_global_and_adaptive_poolings(
    data: st.DataObject, dims: int, kind: str, first: bool, keep: bool
) -> None:
    lengths, channels = (
        data.draw(st.tuples(*[st.integers(2, 9)] * dims)),
        data.draw(st.integers(1, 9)),
    )
    form = {"data_format": "channels_first" if first else "channels_last"}
    layer = getattr(load().layers, f"Global{kind}Pooling{dims}D")(keepdims=keep, **form)
    stage, words = told(layer, [arranged(first, lengths, channels)])
    assert came_out(words.shape) == ([math.prod(lengths)] if dims > 1 else [])
    if not hasattr(load().layers, f"Adaptive{kind}Pooling{dims}D"):
        return  # newer than this Keras
    size = tuple(data.draw(st.integers(1, length)) for length in lengths)
    layer = getattr(load().layers, f"Adaptive{kind}Pooling{dims}D")(size, **form)
    stage, words = told(layer, [arranged(first, lengths, channels)])
    assert spatial(stage, first) == size
    assert str(words.shape).startswith(
        f"{size[0]} block" if dims == 1 else f"{' x '.join(map(str, size))} blocks"
    )
    even = all(length % count == 0 for length, count in zip(lengths, size, strict=True))
    assert bool(came_out(words.shape)) == even
    if even:
        each = tuple(length // count for length, count in zip(lengths, size, strict=True))
        assert positions(str(words.shape).partition("each ")[2], dims) == each


@drawn
@given(st.data(), st.integers(1, 3), st.sampled_from(["Cropping", "ZeroPadding"]), st.booleans())
def test_cropping_and_padding(data: st.DataObject, dims: int, kind: str, first: bool) -> None:
    first = first and dims > 1
    pairs = data.draw(st.tuples(*[st.tuples(st.integers(0, 3), st.integers(0, 3))] * dims))
    lengths = tuple(data.draw(st.integers(sum(pair) + 1, 20)) for pair in pairs)
    channels = data.draw(st.integers(1, 5))
    form = {"data_format": "channels_first" if first else "channels_last"} if dims > 1 else {}
    layer = getattr(load().layers, f"{kind}{dims}D")(pairs[0] if dims == 1 else pairs, **form)
    stage, words = told(layer, [arranged(first, lengths, channels)])
    changed = [
        length for length, pair in zip(spatial(stage, first), pairs, strict=True) if any(pair)
    ]
    assert came_out(words.shape) == changed
    assert f"hannels stay {channels}." in str(words.shape)
    told_of = [int(each) for each in re.findall(r"(\d+) (?:step|plane|line|column)s?", words.does)]
    assert told_of == [each for pair in pairs for each in pair if each]


@drawn
@given(st.data(), st.integers(1, 3), st.booleans())
def test_upsampling(data: st.DataObject, dims: int, first: bool) -> None:
    first = first and dims > 1
    size = data.draw(st.tuples(*[st.integers(1, 4)] * dims))
    lengths, channels = (
        data.draw(st.tuples(*[st.integers(1, 9)] * dims)),
        data.draw(st.integers(1, 5)),
    )
    form: dict[str, Any] = (
        {"data_format": "channels_first" if first else "channels_last"} if dims > 1 else {}
    )
    if dims == 2:
        form["interpolation"] = data.draw(st.sampled_from(["nearest", "bilinear"]))
    layer = getattr(load().layers, f"UpSampling{dims}D")(size[0] if dims == 1 else size, **form)
    stage, words = told(layer, [arranged(first, lengths, channels)])
    grown = [length for length, times in zip(spatial(stage, first), size, strict=True) if times > 1]
    assert came_out(words.shape) == grown
    assert ("nothing changes" in words.does) == (grown == [])


@drawn
@given(st.data(), st.integers(1, 3))
def test_convolutions_that_remember(data: st.DataObject, dims: int) -> None:
    options, lengths, first = data.draw(windows(dims, transposed=True))
    steps, channels, filters = (data.draw(st.integers(1, 4)) for _ in range(3))
    options = {**options, "activation": "tanh", "return_sequences": data.draw(st.booleans())}
    layer = getattr(load().layers, f"ConvLSTM{dims}D")(filters, **options)
    stage, words = told(layer, [(steps, *arranged(first, lengths, channels))])
    counted(words, stage)
    shape = stage.outputs[0].shape[1:] if options["return_sequences"] else stage.outputs[0].shape
    assert positions(words.shape, dims) == tuple(shape[2:] if first else shape[1:-1])
