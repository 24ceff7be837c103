"""The steps through each family: what they state is what Keras gives for the row, and a changed weight leaves them out."""

import math
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import pipetrace
from pipetrace.explain.facts import of_shown_row
from pipetrace.explain.formatting import figure
from pipetrace.explain.learn.exercises import _parameters
from pipetrace.explain.learn.modes import lesson
from pipetrace.explain.learn.steps_of_attention import heads_of
from pipetrace.explain.learn.steps_of_others import (
    normalised,
    pooled,
    steps_of_normalization,
    steps_of_pooling,
)
from pipetrace.explain.learn.steps_of_recurrent import recurrent_runs
from pipetrace.explain.quiz.generator import has_known_shapes
from pipetrace.record.measure.rows import Rows
from pipetrace.record.pipeline import record_model
from pipetrace.trace import Trace
from pipetrace.trace.document import Stages

pytestmark = pytest.mark.framework
DOT = "dot"
STEPS = {
    "both_ways": 9,
    "both_ways_by_step": 9,
    DOT: 6,
    "group": 5,
    "lstm": 8,
    "lstm_by_step": 8,
    "gru": 8,
    "gru_reset_before": 8,
    "simple": 7,
    "heads": 7,
    "embedding": 6,
    "batch": 5,
    "layer": 5,
    "largest": 4,
    "mean": 4,
    "end": 7,
}
"""How many steps lead through each layer of the model, by its name."""
UNTOLD = ("largest", "mean")
"""Layers of which the page has no sum, so that no step says what Keras recorded."""


def branches(keras: Any, rows: Any, words: Any) -> list[Any]:
    """What each layer makes of the rows or of the words."""
    layers = keras.layers
    columns = layers.Normalization(name="columns")
    columns.adapt(np.arange(8.0).reshape(2, 4))
    of_rows = (
        layers.Bidirectional(layers.LSTM(3), name="both_ways"),
        layers.Bidirectional(layers.GRU(3, return_sequences=True), name="both_ways_by_step"),
        layers.GroupNormalization(2, name="group"),
        layers.LSTM(3, name="lstm"),
        layers.LSTM(3, return_sequences=True, name="lstm_by_step"),
        layers.GRU(3, name="gru"),
        layers.GRU(3, reset_after=False, name="gru_reset_before"),
        layers.SimpleRNN(3, name="simple"),
        layers.BatchNormalization(name="batch"),
        layers.LayerNormalization(name="layer"),
        layers.MaxPooling1D(2, name="largest"),
        layers.GlobalAveragePooling1D(name="mean"),
        layers.Dense(4, use_bias=False, name="unbiased"),
        columns,
    )
    return [
        *(layer(rows) for layer in of_rows),
        layers.Attention(use_scale=True, name=DOT)([rows, rows]),
        layers.MultiHeadAttention(2, 3, name="heads")(rows, rows),
        layers.Embedding(20, 4, name="embedding")(words),
    ]


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Trace:
    """A model with a layer of each kind side by side, and rows that passed it."""
    import keras

    rng = np.random.default_rng(0)
    rows, words = keras.Input((5, 4), name="rows"), keras.Input((6,), dtype="int32", name="words")
    flat = [keras.layers.Flatten()(each) for each in branches(keras, rows, words)]
    joined = keras.layers.Concatenate(name="joined")(flat)
    last = keras.layers.Dense(2, activation="softmax", name="end")(joined)
    model = keras.Model([rows, words], last)
    for each in model.weights:  # any but those that layers begin with, such as biases of 0
        if "float" in each.dtype:
            drawn = rng.normal(0, 0.5, each.shape)
            each.assign(np.abs(drawn) if "variance" in each.name else drawn)
    x = (rng.normal(size=(40, 5, 4)).astype("float32"), rng.integers(0, 20, (40, 6)))
    path = tmp_path_factory.mktemp("steps") / "run.trace"
    record_model(model, Rows(x, rng.integers(0, 2, 40)), path, None)
    return pipetrace.read(path)


def alone(trace: Trace, name: str) -> Trace:
    """The trace as that of a model with one of its layers: what comes in, the layer, what follows."""
    sources = {each.source for each in trace.stages[name].inputs}
    follows = (each for each in trace.stages if name in {one.source for one in each.inputs})
    names = {*sources, name, *(each.name for each in follows)}
    return replace(trace, stages=Stages(each for each in trace.stages if each.name in names))


@pytest.mark.parametrize("name", STEPS)
def test_each_step_opens_a_place_of_the_row_and_states_its_value(trace: Trace, name: str) -> None:
    steps = lesson(alone(trace, name), "deep").steps
    assert len(steps) == STEPS[name], [each.heading for each in steps]
    told = 0
    for each in steps:
        assert each.place is not None
        asked = dict(part.split("=") for part in each.place.address.split("&"))
        values = trace.predictions[0].outputs[asked["stage"]]
        if "at" not in asked:
            continue
        at = tuple(map(int, asked["at"].split(".")))
        assert len(at) == values.ndim
        assert all(0 <= one < length for one, length in zip(at, values.shape, strict=True))
        found = [float(one) for one in re.findall(r"-?\d+\.\d+(?:e-\d+)?", " ".join(each.texts))]
        if "recorded" in " ".join(each.texts):
            assert any(np.isclose(one, values[at], rtol=0.006, atol=1e-4) for one in found), each
            told += 1
    assert bool(told) is (name not in UNTOLD)


@pytest.mark.parametrize("name", ["batch", "layer", "group", "largest", "mean"])
def test_a_normalisation_and_a_pooling_are_computed_again(trace: Trace, name: str) -> None:
    trace = of_shown_row(trace)
    stage = trace.stages[name]
    x = trace.predictions[0].outputs[str(stage.inputs[0].source)].astype(float)
    assert stage.example is not None
    if name in ("batch", "layer", "group"):
        found = normalised(trace, stage)
        assert found is not None
        assert found.value == x[found.at]
        made = (found.value - found.mean) / found.spread * found.scale + found.shift
        assert made == pytest.approx(float(stage.example[found.at]), abs=1e-5)
    else:
        block = pooled(trace, stage)
        assert block is not None
        made = block.block.max() if name == "largest" else block.block.mean()
        assert block.block.size == (2 if name == "largest" else 5)
        assert made == pytest.approx(float(stage.example[block.at]), abs=1e-6)
    steps = steps_of_normalization(trace, stage) or steps_of_pooling(trace, stage) or []
    assert len(steps) == (4 if name in ("batch", "layer", "group") else 3)
    assert any(figure(made) in " ".join(each.texts) for each in steps)


@pytest.mark.parametrize("name", ["lstm", "gru", "simple", "both_ways_by_step", "heads", DOT])
def test_steps_that_disagree_with_what_was_recorded_are_not_told(trace: Trace, name: str) -> None:
    trace = of_shown_row(alone(trace, name))
    stage = trace.stages[name]
    make: Callable[..., Any] = heads_of if name in ("heads", DOT) else recurrent_runs
    assert make(trace, stage)
    changed = {key: values + 0.3 for key, values in trace.weights.items()}
    assert not make(replace(trace, weights=changed), stage)
    lacking = lesson(replace(trace, weights={}), "deep").steps
    assert any("ot recorded" in " ".join(each.texts) for each in lacking)
    assert not any("Keras recorded" in " ".join(each.texts) for each in lacking)


def test_a_hint_for_the_parameters_leads_to_them(trace: Trace) -> None:
    made = list(_parameters(trace, [each for each in trace.stages if has_known_shapes(each)]))
    assert len(made) == 16
    for each in made:
        assert each.place
        stage = trace.stages[each.place.address.split("=")[1]]
        has_bias = stage.name == "end"
        assert ("add its bias" in each.hint) == has_bias
        assert any("biases" in one.remark for one in each.blanks[0].slips) == has_bias
        if stage.layer != "Dense":
            assert all(one.name in each.hint for one in stage.weights)
            total = sum(math.prod(one.shape) for one in stage.weights)
            assert str(total) == each.blanks[0].answer, each.hint
