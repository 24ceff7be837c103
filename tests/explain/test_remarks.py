"""The sentences on what was measured: every number in them is the one that NumPy finds in the
arrays."""

import re
from dataclasses import replace
from typing import Any, TypeAlias

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from numpy.typing import NDArray
from tests import graphs
from tests.documents import changed
from tests.explain.conftest import SIZES, Net, forward, numbers_of, trace_of

from pipetrace.capture.backend import load
from pipetrace.explain.remarks import example, measured, place, pooled_block
from pipetrace.stats import summarise
from pipetrace.trace import Trace
from pipetrace.trace.document import OP, Spec, Stage, Stages

Array: TypeAlias = NDArray[Any]

DEAD = st.sets(st.integers(0, 11), max_size=12)


def told(text: str | None, values: list[Any]) -> None:
    """The numbers of a text are these, to three digits; a value that is nearly zero has none."""
    kept = [float(value) for value in values if value == 0 or abs(value) >= 1e-6]
    assert text is not None
    assert np.allclose(numbers_of(text.replace("under 0.001 %", "")), kept, rtol=0.00501, atol=0), (
        text,
        kept,
    )


def split(text: str | None) -> tuple[str, str]:
    """A sentence on a value, and the one that tells how it is computed."""
    first, word, rest = re.split(r"(\bIts? )", text or "", maxsplit=1)
    # What the kernel looks for is another test's.
    return first, word + rest.partition(" Its kernel ")[0]


def computed(text: str, values: Array, weights: Array, bias: float) -> None:
    """The text tells that the sum of the products of values and weights, and the bias, is taken."""
    products = values.astype(float) * weights
    if products.size <= 9:
        pairs = np.stack([values.reshape(-1), weights.reshape(-1)], axis=-1).reshape(-1)
        told(text, [*pairs, products.sum(), bias])
        return
    gain, loss = products[products > 0].sum(), -products[products < 0].sum()
    parts = [gain, loss] if gain and loss else []
    told(text.replace("- ", ""), [products.size, *parts, products.sum(), bias])


@settings(deadline=None, max_examples=15)
@given(sizes=SIZES, dead=DEAD)
def test_the_example_is_told_with_its_own_values(sizes: dict[str, Any], dead: set[int]) -> None:
    net = Net(**sizes, dead=tuple(each for each in dead if each < sizes["filters"]))
    trace, outputs = (
        trace_of(net=net),
        {name: each[0] for name, each in forward(net)[1].items()},
    )
    image, maps, pooled = outputs["image"], outputs["conv2d"], outputs["max_pooling2d"]
    at = tuple(int(each) for each in np.argwhere(image == trace.run.data.example_value)[0])
    where = list(at[: 2 if image.shape[2] == 1 else 3])
    shape = list(image.shape[:2])
    head = [7, *shape, 1, image.min(), image.max(), (image > 0).sum(), image.size, 0]
    told(example(trace, trace.stages[0]), [*head, *where, image[at]])
    text = example(trace, trace.stages[1])
    told(text, [*where, image[at], outputs["scale"][at]])
    assert np.float32(str(text).rpartition("becomes ")[2].rstrip(".")) == outputs["scale"][at]
    assert place(trace, trace.stages[0]) == place(trace, trace.stages[1]) == at

    if maps.min() != maps.max():
        row, column, channel = np.unravel_index(maps.argmax(), maps.shape)
        active = sum(bool(maps[..., index].any()) for index in range(net.filters))
        text, sum_of = split(example(trace, trace.stages[2]))
        told(text, [active, net.filters, 0, channel, maps.max(), row, column])
        patch = outputs["scale"][row : row + net.kernel[0], column : column + net.kernel[1]]
        weights = trace.weights["conv2d/kernel"][..., channel]
        computed(sum_of, patch, weights, float(trace.weights["conv2d/bias"][channel]))
        assert place(trace, trace.stages[2]) == (row, column, channel)
    else:
        told(example(trace, trace.stages[2]), [maps.size, maps.max()])
        assert place(trace, trace.stages[2]) is None
    if pooled.min() != pooled.max():
        row, column, channel = np.unravel_index(pooled.argmax(), pooled.shape)
        down, across = net.steps
        block = maps[row * down :, column * across :][
            : net.pool[0], : net.pool[1], channel
        ].reshape(-1)
        written = [block.max()] if block.size == 1 else [*block, block.max()]
        told(example(trace, trace.stages[3]), [channel, row, column, *written])
        assert place(trace, trace.stages[3]) == (row, column, channel)
    if pooled.min() != pooled.max() and pooled.size > 8:
        flat = outputs["flatten"]
        tail = [0, 7, 0, 0] if net.filters >= 8 else []
        # Where the first eight are 0, the first one that is not is told with its position.
        start = 0 if flat[:8].any() else min(int((flat != 0).argmax()), flat.size - 8)
        where = [8, flat.size, *([start] if start else [])]
        told(example(trace, trace.stages[4]), [*where, *flat[start : start + 8], *tail])
    assert place(trace, trace.stages[4]) is None
    scores = outputs["dense"].astype(float)
    order = np.argsort(-scores, kind="stable")
    text, sum_of = split(example(trace, trace.stages[5]))
    weights = trace.weights["dense/kernel"][:, order[0]]
    computed(sum_of, outputs["flatten"], weights, float(trace.weights["dense/bias"][order[0]]))
    if "over 99.9" not in text:
        first, second = order[:2]
        names = [f"'{name}'" for name in (first, second)]
        assert text.index(f"{names[0]} with") < text.index(f"{names[1]} with")
        told(text, [net.units, first, 100 * scores[first], second, 100 * scores[second]])


@settings(deadline=None, max_examples=15)
@given(sizes=SIZES, dead=DEAD)
def test_the_measurements_are_those_of_numpy(sizes: dict[str, Any], dead: set[int]) -> None:
    net = Net(**sizes, dead=tuple(each for each in dead if each < sizes["filters"]))
    trace, outputs = trace_of(net=net), forward(net)[1]
    for stage in trace.stages:
        values = outputs[stage.name].astype(float)
        sentences = measured(trace, stage)
        if values.min() == values.max():
            told(sentences[0], [values.size, values.min()])
        else:
            told(
                sentences[0], [values.size, values.min(), values.max(), values.mean(), values.std()]
            )
    check_zeros(trace, outputs)
    check_dead(trace, outputs["conv2d"], net.filters)
    check_pooled(trace, outputs["conv2d"].astype(float), outputs["max_pooling2d"].astype(float))
    assert len(measured(trace, trace.stages[4])) == len(measured(trace, trace.stages[5])) == 1


def check_zeros(trace: Trace, outputs: dict[str, Array]) -> None:
    for stage in (trace.stages[0], trace.stages[2]):
        values = outputs[stage.name]
        found = [
            each
            for each in measured(trace, stage)
            if each.startswith(tuple("0123456789")) and " % of " in each
        ]
        if (values == 0).all() or (stage.name == "image" and not (values == 0).any()):
            assert found == []
        else:
            told(found[0], [100 * (values == 0).mean(), 0])


def check_dead(trace: Trace, maps: Array, filters: int) -> None:
    """The dead filters are those whose maps are 0 in every row."""
    told_of = [each for each in measured(trace, trace.stages[2]) if "dead" in each]
    dead = [index for index in range(filters) if not maps[..., index].any()]
    if filters == 1:
        assert told_of == []
        return
    (text,) = told_of
    if len(dead) == filters:
        assert numbers_of(text) == [filters, 0]
    elif dead:
        named = dead if len(dead) <= 8 else [*dead[:8], len(dead) - 8]
        assert numbers_of(text) == [len(dead), filters, *named, 0]
    else:
        active = [(maps[..., index] > 0).mean() for index in range(filters)]
        assert active[int(numbers_of(text)[0])] == min(active)
        told(text, [np.argmin(active), 100 * min(active), 0])


def check_pooled(trace: Trace, maps: Array, pooled: Array) -> None:
    text = " ".join(measured(trace, trace.stages[3])[1:])
    assert numbers_of(text)[0] == pytest.approx(100 * pooled.size / maps.size, rel=0.00501)
    if maps.min() == maps.max():
        assert len(numbers_of(text)) == 1
        return
    for words, was, now in (
        ("The mean", maps.mean(), pooled.mean()),
        ("the share of zeros", 100 * (maps == 0).mean(), 100 * (pooled == 0).mean()),
    ):
        part = text.partition(words)[2].partition("; the share")[0]
        verb = re.match(r" (rose|fell|stayed)", part)
        assert verb, text
        if verb[1] == "stayed":
            told(part, [now])
            assert was == pytest.approx(now, rel=0.011)
        else:
            told(part, [was, now])
            assert (verb[1] == "rose") == (now > was)


@given(sizes=st.tuples(*[st.integers(1, 3)] * 4), row=st.integers(0, 3), channel=st.integers(0, 2))
def test_the_block_of_a_pooling_is_cut_where_it_lay(
    sizes: tuple[int, int, int, int], row: int, channel: int
) -> None:
    high, wide, down, across = sizes
    was = np.arange(20 * 20 * 3).reshape(20, 20, 3)
    pooling = trace_of().stages[3]
    stage = replace(
        pooling, config={"pool_size": [high, wide], "strides": [down, across], "padding": "valid"}
    )
    block = pooled_block(stage, was, (row, row, channel))
    assert block.shape == (high, wide)
    assert [*block.reshape(-1)] == [
        was[row * down + line, row * across + column, channel]
        for line in range(high)
        for column in range(wide)
    ]


def with_values(trace: Trace, name: str, values: Array) -> tuple[Trace, Stage]:
    """The trace with other values at one stage, summarised anew."""
    stage = replace(trace.stage(name), summary=summarise(values), example=values[0])
    return replace(
        trace, stages=Stages(stage if each.name == name else each for each in trace.stages)
    ), stage


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([np.nan] * 8, "All 8 values are NaN."),
        ([np.inf, -np.inf] * 4, "All 8 values are Inf."),
        (
            [np.nan, np.nan, np.inf, 1, 2, 3, 4, 5],
            "3 of 8 values are NaN or Inf (2 NaN and 1 Inf).",
        ),
        ([np.nan, 1, 2, 3, 4, 5, 6, 7], "1 of 8 values is NaN."),
        ([0] * 8, "All 8 values are 0."),
        ([2.5] * 8, "All 8 values are 2.50."),
    ],
)
@pytest.mark.parametrize("stage", ["scale", "conv2d", "max_pooling2d", "flatten", "dense"])
def test_values_that_are_not_finite_or_all_alike_are_told_as_that(
    values: list[float], words: str, stage: str
) -> None:
    flat = stage in ("flatten", "dense")
    array = np.array(values, np.float32).reshape((1, 8) if flat else (1, 2, 2, 2))
    trace, changed = with_values(trace_of(), stage, array)
    assert example(trace, changed) == words or (
        stage == "scale" and example(trace, changed) is None
    )
    assert measured(trace, changed)[0] == words
    assert place(trace, changed) is None
    assert not any(re.search(r"\bnan\b|\binf\b", each) for each in measured(trace, changed))


def test_a_single_value_is_told_alone() -> None:
    trace, stage = with_values(trace_of(), "max_pooling2d", np.full((1, 1, 1, 1), 2.5, np.float32))
    assert example(trace, stage) == "The only value is 2.50."


def test_some_values_not_finite_leave_the_statistics_of_the_others() -> None:
    for values, expected in (
        ([np.nan, 1, 2, 6], [[1, 4], [3, 1, 6, 3, 2.16]]),
        ([np.inf, 2, 2], [[1, 3], [2]]),
    ):
        trace, stage = with_values(trace_of(), "dense", np.array([values], np.float32))
        assert [numbers_of(text) for text in measured(trace, stage)] == expected


def test_units_of_a_dense_layer_are_no_filters() -> None:
    values = np.array([[0, 1, 2], [0, 0, 3]], np.float32)
    trace, stage = with_values(trace_of(), "dense", values)
    stage = replace(stage, config={**stage.config, "activation": "relu"})
    alive = replace(stage, summary=summarise(values[:, 1:]))
    for each, expected in ((stage, [1, 3, 0, 0]), (alive, [0, 50, 0])):
        text = measured(trace, each)[-1]
        assert numbers_of(text) == expected
        assert "unit" in text
        assert "filter" not in text


def test_a_pooling_that_lowers_the_mean_is_told_so() -> None:
    # The last column, which no block reaches, holds what is largest.
    maps = np.zeros((1, 3, 3, 1), np.float32)
    maps[0, 0, 0] = 1
    maps[0, :, 2] = 9
    trace, _ = with_values(trace_of(), "conv2d", maps)
    trace, stage = with_values(trace, "max_pooling2d", maps[:, :1, :1])
    kept, moved = measured(trace, stage)[-2:]
    assert numbers_of(kept) == [11.1]
    assert numbers_of(moved) == [3.11, 1, 55.6, 0]
    assert moved.count("fell") == 2


@pytest.mark.parametrize(
    "change",
    [
        {"config": {"padding": "same", "pool_size": [2, 2]}},
        {"layer": "AveragePooling2D"},
        {"kind": OP},
    ],
)
def test_other_stages_have_their_range_and_no_place(change: dict[str, Any]) -> None:
    trace = trace_of()
    stage = replace(trace.stages[3], **change)
    assert stage.example is not None
    told(example(trace, stage), [stage.example.min(), stage.example.max()])
    assert str(example(trace, stage)).startswith("Values from ")
    assert place(trace, stage) is None


def test_a_large_block_is_not_written_out() -> None:
    trace = trace_of(net=Net(image=(12, 12, 1), pool=(4, 4)))
    text = str(example(trace, trace.stages[3]))
    assert "16 values" in text
    assert len(numbers_of(text)) == 5


def test_a_convolution_without_relu_does_not_speak_of_answering() -> None:
    trace = trace_of()
    stage = replace(trace.stages[2], config={**trace.stages[2].config, "activation": "tanh"})
    assert len(numbers_of(split(example(trace, stage))[0])) == 4


@pytest.mark.parametrize("options", [{"padding": "same"}, {"padding": "same", "strides": (2, 3)}])
def test_a_padded_convolution_is_computed_as_keras_does(options: dict[str, Any]) -> None:
    keras, random = load(), np.random.default_rng(3)
    layer = keras.layers.Conv2D(4, (3, 2), **options)
    values = random.normal(size=(1, 7, 8, 1)).astype("float32")
    maps = np.asarray(layer(values))[0]
    source = graphs.stage("image", graphs.INPUT, shape=values.shape[1:])
    made = graphs.stage("conv", "Conv2D", "image", maps.shape, config=layer.get_config())
    stages = [replace(source, example=values[0]), replace(made, example=maps)]
    weights = {f"conv/{each.name}": np.asarray(each) for each in layer.weights}
    trace = replace(graphs.trace_of(stages), weights=weights)
    *_, total, bias = numbers_of(split(example(trace, trace.stages[1]))[1])
    assert total + bias == pytest.approx(maps.max(), rel=0.01)


def test_without_an_example_or_measurements_nothing_is_said() -> None:
    trace = trace_of(measured=False)
    for stage in trace.stages:
        assert (example(trace, stage), place(trace, stage), measured(trace, stage)) == (
            None,
            None,
            (),
        )
    lone = replace(trace_of().stages[3], inputs=(Spec((None, 6, 6, 4), "float32", "elsewhere"),))
    assert numbers_of(str(example(trace_of(), lone))) == [0.121, 1.76]


def test_a_scaling_with_an_unknown_value_has_no_example() -> None:
    trace = changed(trace_of(), data={"example_value": None})
    assert example(trace, trace.stages[1]) is None
    assert place(trace, trace.stages[0]) is None
    assert str(example(trace, trace.stages[0])).endswith("above 0.")
