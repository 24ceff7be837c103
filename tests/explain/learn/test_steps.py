"""The steps through each family: what they state is what Keras gives for the row, and a changed weight leaves them out."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pipetrace
from pipetrace.explain.facts import of_shown_row
from pipetrace.explain.formatting import figure
from pipetrace.explain.learn.modes import lesson
from pipetrace.explain.learn.steps_of_attention import heads_of
from pipetrace.explain.learn.steps_of_others import (
    normalised,
    pooled,
    steps_of_normalization,
    steps_of_pooling,
)
from pipetrace.explain.learn.steps_of_recurrent import recurrent_runs
from pipetrace.trace import Trace

pytestmark = pytest.mark.framework
Build = Callable[[Any], Any]


def embedded(keras: Any, *layers: Any) -> Any:
    return [keras.Input((6,), dtype="int32"), keras.layers.Embedding(20, 4, name="table"), *layers]


def attending(keras: Any) -> Any:
    rows = keras.Input((5, 4))
    out = keras.layers.MultiHeadAttention(2, 3, name="layer")(rows, rows)
    return keras.Model(rows, keras.layers.Dense(2, name="end")(keras.layers.Flatten()(out)))


def sequence(layer: str, **options: Any) -> Build:
    def build(keras: Any) -> Any:
        made = getattr(keras.layers, layer)(**options, name="layer")
        return [
            keras.Input((5, 4)),
            made,
            keras.layers.Flatten(),
            keras.layers.Dense(2, name="end"),
        ]

    return build


def both_ways(layer: str, **options: Any) -> Build:
    def build(keras: Any) -> Any:
        inner = getattr(keras.layers, layer)(3, **options)
        made = keras.layers.Bidirectional(inner, name="layer")
        return [keras.Input((5, 4)), made, keras.layers.Flatten(), keras.layers.Dense(2)]

    return build


def comparing(keras: Any) -> Any:
    rows = keras.Input((5, 4))
    out = keras.layers.Attention(use_scale=True, name="layer")([rows, rows])
    return keras.Model(rows, keras.layers.Dense(2, name="end")(keras.layers.Flatten()(out)))


DOT = "attention without projections"
MODELS: dict[str, tuple[Build, int]] = {
    "both ways": (both_ways("LSTM"), 9),
    "both ways by step": (both_ways("GRU", return_sequences=True), 9),
    DOT: (comparing, 6),
    "group": (sequence("GroupNormalization", groups=2), 7),
    "lstm": (sequence("LSTM", units=3), 8),
    "lstm by step": (sequence("LSTM", units=3, return_sequences=True), 8),
    "gru": (sequence("GRU", units=3), 8),
    "gru, reset before": (sequence("GRU", units=3, reset_after=False), 8),
    "simple": (sequence("SimpleRNN", units=3), 7),
    "attention": (attending, 7),
    "embedding": (lambda keras: embedded(keras, keras.layers.Flatten(), keras.layers.Dense(2)), 6),
    "batch": (sequence("BatchNormalization"), 7),
    "layer": (sequence("LayerNormalization"), 7),
    "largest": (sequence("MaxPooling1D", pool_size=2), 7),
    "mean": (sequence("GlobalAveragePooling1D"), 7),
}
REPEATED = ("both ways", "lstm by step")
"""What "both ways by step" and "lstm" show together."""


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Trace]:
    folder, made = tmp_path_factory.mktemp("steps"), dict[str, Trace]()

    def trace(name: str) -> Trace:
        if name not in made:
            made[name] = record(MODELS[name][0], folder / f"{name}.trace")
        return made[name]

    return trace


def record(build: Build, path: Path) -> Trace:
    import keras

    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    layers = build(keras)
    model = layers if isinstance(layers, keras.Model) else keras.Sequential(layers)
    words = model.input_shape[1:] == (6,)
    x = rng.integers(0, 20, (40, 6)) if words else rng.normal(size=(40, 5, 4)).astype("float32")
    model.compile("adam", "sparse_categorical_crossentropy")
    model.layers[-1].activation = keras.activations.softmax
    recorder = pipetrace.Recorder(path, verbose=False, budget=None, after_training="all")
    model.fit(
        x, rng.integers(0, 2, 40), epochs=2, validation_split=0.25, callbacks=[recorder], verbose=0
    )
    return pipetrace.read(path)


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.slow) if name in REPEATED else name for name in MODELS],
)
def test_each_step_opens_a_place_of_the_row_and_states_its_value(
    traces: Callable[[str], Trace], name: str
) -> None:
    trace = traces(name)
    steps = lesson(trace, "deep").steps
    assert len(steps) == MODELS[name][1], [each.heading for each in steps]
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
    assert told


@pytest.mark.parametrize("name", ["batch", "layer", "group", "largest", "mean"])
def test_a_normalisation_and_a_pooling_are_computed_again(
    traces: Callable[[str], Trace], name: str
) -> None:
    trace = of_shown_row(traces(name))
    stage = trace.stages["layer"]
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


@pytest.mark.parametrize(
    "name",
    ["lstm", "gru", "simple", "both ways by step", "attention", DOT],
)
def test_steps_that_disagree_with_what_was_recorded_are_not_told(
    traces: Callable[[str], Trace], name: str
) -> None:
    trace = of_shown_row(traces(name))
    stage = trace.stages["layer"]
    make: Callable[..., Any] = heads_of if "attention" in name else recurrent_runs
    assert make(trace, stage)
    changed = {key: values + 0.3 for key, values in trace.weights.items()}
    assert not make(replace(trace, weights=changed), stage)
    lacking = lesson(replace(trace, weights={}), "deep").steps
    assert any("ot recorded" in " ".join(each.texts) for each in lacking)
    assert not any("Keras recorded" in " ".join(each.texts) for each in lacking)
