"""The words of stages: every sum in them is worked out, and must come out."""

import math
import re
from dataclasses import replace
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given
from tests.sums import came_out, positions, sums

from pipetrace.explain.layers import operation
from pipetrace.trace import Trace
from pipetrace.trace.document import LAYER, SOURCE, STEP, Parameters, Spec, Stage


def layer(
    name: str,
    taken: tuple[int | None, ...],
    given_: tuple[int | None, ...],
    total: int = 0,
    **config: Any,
) -> Stage:
    config.setdefault("data_format", "channels_last")
    return Stage(
        "it",
        LAYER,
        name,
        "it",
        config,
        (Spec((None, *taken), "float32", "before"),),
        (Spec((None, *given_), "float32"),),
        Parameters(total),
    )


def length(size: int, window: int, step: int, padding: str) -> int:
    """At how many positions a window fits, by putting it there."""
    if padding == "same":
        return len(range(0, size, step))
    return len([start for start in range(0, size, step) if start + window <= size])


@st.composite
def convolutions(draw: st.DrawFn) -> Stage:
    padding = draw(st.sampled_from(["valid", "same"]))
    window = draw(st.tuples(st.integers(1, 5), st.integers(1, 5)))
    gap = draw(st.sampled_from([1, 1, 2, 3]))
    # Keras has no strides with gaps.
    step = draw(st.tuples(st.integers(1, 3), st.integers(1, 3))) if gap == 1 else (1, 1)
    reach = [gap * (each - 1) + 1 for each in window]
    size = [draw(st.integers(each, each + 30)) for each in reach]
    groups = draw(st.sampled_from([1, 1, 2]))
    channels, filters = groups * draw(st.integers(1, 8)), groups * draw(st.integers(1, 40))
    bias = draw(st.booleans())
    given_ = [length(*each, padding) for each in zip(size, reach, step, strict=True)]
    taken = (*size, channels)
    total = window[0] * window[1] * channels // groups * filters + bias * filters
    first = draw(st.booleans())
    return layer(
        "Conv2D",
        (taken[2], *taken[:2]) if first else taken,
        (filters, *given_) if first else (*given_, filters),
        total,
        filters=filters,
        kernel_size=list(window),
        strides=list(step),
        padding=padding,
        dilation_rate=[gap, gap],
        groups=groups,
        use_bias=bias,
        activation="relu",
        data_format="channels_first" if first else "channels_last",
    )


def spatial(shape: tuple[int | None, ...], stage: Stage) -> tuple[int | None, ...]:
    return shape[2:] if stage.config["data_format"] == "channels_first" else shape[1:3]


@given(convolutions())
def test_the_sums_of_a_convolution_come_out(stage: Stage) -> None:
    words = operation(stage)
    assert came_out(words.parameters) == [stage.parameters.total]
    high, wide = spatial(stage.outputs[0].shape, stage)
    found = came_out(words.shape)
    assert found or stage.config["padding"] == "same"
    if stage.config["padding"] == "same" and stage.config["strides"] == [1, 1]:
        assert f"so {high} x {wide} positions stay {high} x {wide}." in str(words.shape)
    elif "in each direction" in str(words.shape):
        assert set(found) <= {high}
        assert high == wide
    else:
        told = re.search(r"(\d+) positions? down and (?:.* = )?(\d+) across", str(words.shape))
        assert told
        assert (int(told[1]), int(told[2])) == (high, wide)
    filters = stage.config["filters"]
    assert (f"Each of the {filters} filters" in str(words.shape)) == (filters > 1)
    assert (f"Each of the {filters} filters" in words.does) == (filters > 1)


@given(convolutions())
def test_a_convolution_is_told_with_its_groups_gaps_and_bias(stage: Stage) -> None:
    words, groups, gap = operation(stage), stage.config["groups"], stage.config["dilation_rate"][0]
    inputs = stage.inputs[0].shape
    channels = inputs[1] if stage.config["data_format"] == "channels_first" else inputs[3]
    assert ("groups" in words.does) == (groups > 1)
    if groups > 1:
        assert f"{(channels or 0) // groups} of the {channels} channels" in words.does
    assert ("Dilation" in words.does) == (gap > 1 and max(stage.config["kernel_size"]) > 1)
    assert ("at a time" in words.does) == (stage.config["strides"] != [1, 1])
    assert ("bias" in words.does) == ("bias" in str(words.parts)) == stage.config["use_bias"]
    assert "ReLU" in words.does
    weights = math.prod(stage.config["kernel_size"]) * (channels or 0) // groups
    assert str(words.parts).startswith(f"{weights:,} weight{'s' * (weights != 1)} in ")


@st.composite
def poolings(draw: st.DrawFn) -> Stage:
    padding = draw(st.sampled_from(["valid", "same"]))
    window = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    step = draw(st.one_of(st.just(window), st.tuples(st.integers(1, 5), st.integers(1, 5))))
    size = [draw(st.integers(each, each + 30)) for each in window]
    channels = draw(st.integers(1, 32))
    given_ = [length(*each, padding) for each in zip(size, window, step, strict=True)]
    return layer(
        "MaxPooling2D",
        (*size, channels),
        (*given_, channels),
        pool_size=list(window),
        strides=list(step),
        padding=padding,
    )


@given(poolings())
def test_the_sums_of_a_pooling_come_out(stage: Stage) -> None:
    text = str(operation(stage).shape)
    (_, high, wide, channels), (_, given_high, given_wide, _) = (
        stage.inputs[0].shape,
        stage.outputs[0].shape,
    )
    found = came_out(text)
    if "in each direction" in text:
        assert set(found) <= {given_high}
        assert given_high == given_wide
    else:
        told = re.search(r"(\d+) blocks? down and (?:.* = )?(\d+) across", text)
        assert told
        assert (int(told[1]), int(told[2])) == (given_high, given_wide)
    assert f"hannels stay {channels}." in text
    # What no block reaches, found by laying the blocks.
    reached = [
        max(start + window for start in range(0, size or 0, step) if start + window <= (size or 0))
        for size, window, step in zip(
            (high, wide), stage.config["pool_size"], stage.config["strides"], strict=True
        )
    ]
    left = [(high or 0) - reached[0], (wide or 0) - reached[1]]
    if stage.config["padding"] == "same":
        left = [0, 0]
    for count, noun in zip(left, ("row", "column"), strict=True):
        assert bool(re.search(rf"\b{count} {noun}s?\b.* at the end", text)) == (count > 0), text
    assert ("apart" in operation(stage).does) == (
        stage.config["pool_size"] != stage.config["strides"]
    )


@given(
    st.integers(1, 6000), st.integers(1, 300), st.booleans(), st.sampled_from([(), (7,), (3, 5)])
)
def test_the_sum_of_a_dense_layer_comes_out(
    width: int, units: int, bias: bool, positions: tuple[int, ...]
) -> None:
    total = width * units + units * bias
    stage = layer(
        "Dense",
        (*positions, width),
        (*positions, units),
        total,
        units=units,
        use_bias=bias,
        activation="softmax",
    )
    words = operation(stage)
    assert came_out(words.parameters) == [total]
    assert (f"the {width:,} inputs" in words.does) == (width > 1)
    assert (f"the {units} scores" in words.does) == (units > 1)
    assert ("at every position" in words.does) == bool(positions)
    assert ("at each position" in str(words.shape)) == bool(positions)
    assert ("bias" in words.does) == ("bias" in str(words.parts)) == bias


@given(st.lists(st.integers(1, 40), min_size=1, max_size=4))
def test_the_sum_of_a_flattening_comes_out(lengths: list[int]) -> None:
    total = math.prod(lengths)
    words = operation(layer("Flatten", tuple(lengths), (total,)))
    assert came_out(words.shape) == ([total] if len(lengths) > 1 else [])
    assert ("Order" in words.does) == (len(lengths) == 3)


def test_a_layer_with_other_parameters_has_no_sum_that_does_not_come_out() -> None:
    words = operation(layer("Dense", (4,), (2,), 12, units=2, use_bias=True))
    assert (words.parameters, words.parts) == ("12", None)


def test_activations() -> None:
    named: dict[str, Any] = {
        "ReLU": "relu",
        "0 to 1": "sigmoid",
        "-1 to 1": "tanh",
        "{0}": "{0}",
        "Mine": {"class_name": "Mine"},
        "of its own": {"config": {}},
    }
    for words, activation in named.items():
        stage = layer("Dense", (4,), (2,), 10, units=2, activation=activation)
        assert words in operation(stage).does
    for activation in ("linear", None):
        stage = layer("Dense", (4,), (2,), 10, units=2, activation=activation)
        assert operation(stage).does.endswith("and a bias is added.")


def test_sizes_that_are_not_known_give_no_sum() -> None:
    stage = layer(
        "Conv2D",
        (None, None, 1),
        (None, None, 4),
        40,
        filters=4,
        kernel_size=[3, 3],
        strides=[1, 1],
        padding="valid",
    )
    assert came_out(operation(stage).shape) == []
    assert operation(stage).parameters == "3 x 3 x 1 x 4 + 4 = 40"


def test_steps_and_sources(make_trace: Any) -> None:
    source, scale = make_trace().stages[:2]
    words = operation(source)
    assert (words.title, words.parameters) == ("Input image", None)
    assert "0 to 255" in words.does
    for by, title in ((255, "Scale to 0..1"), (127.5, "Scale to 0..2")):
        words = operation(replace(scale, config={"operation": "divide", "by": by}))
        assert words.title == title
        assert f" {by}." in words.does
    other = Stage("mine", STEP, None, "mine", {}, source.inputs, source.outputs)
    assert operation(other).title == "mine"
    assert operation(other).does.endswith(".")
    rows = Stage("rows", SOURCE, None, "rows", {}, (), (Spec((None, 4), "float32"),))
    assert operation(rows).title == "Input"


def test_the_check_of_sums_finds_a_wrong_one() -> None:
    assert list(sums("fits at (28 - 3) / 2 rounded down + 1 = 13 positions")) == [(13, 13)]
    assert list(sums("27 / 2 rounded up = 14 and 27 / 2 rounded down = 13")) == [(14, 14), (13, 13)]
    assert list(sums("3 x 3 x 1 x 32 + 32 = 321; 1,000 x 2 = 2,000")) == [(320, 321), (2000, 2000)]
    assert list(sums("of 3, 4 x ((8 + 16) x 16 + 16) = 1,600, 9 / 2 = 4")) == [
        (1600, 1600),
        (4.5, 4),
    ]
    assert positions(
        "fits at (8 - 3) / 2 rounded down + 1 = 3 positions down and 9 - 3 + 1 = 7 across.", 2
    ) == (
        3,
        7,
    )
    with pytest.raises(AssertionError):
        came_out("2 + 2 = 5")


@pytest.mark.framework
def test_the_recorded_stages_add_up(digits_trace: Trace) -> None:
    for stage in digits_trace.stages:
        words = operation(stage)
        assert came_out(words.parameters) == (
            [stage.parameters.total] if stage.parameters.total else []
        )
        came_out(words.shape)
