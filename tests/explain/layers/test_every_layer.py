"""Every public layer of Keras has words of its own, and what they say of training is so."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from syrupy.assertion import SnapshotAssertion
from tests.keras_layers import (
    ABSTRACT,
    CHANGES,
    COMPUTED,
    ELSEWHERE,
    EVERY,
    MERGING,
    WRITTEN_FOR,
    keras_version,
    made,
    public,
    stage_of,
    tensors,
)
from tests.sums import came_out

from pipetrace.capture.backend import load
from pipetrace.explain.layers import LAYERS, Operation, operation
from pipetrace.trace.document import Parameters, Spec, Stage

pytestmark = pytest.mark.framework

GENERIC = re.compile(r"\b(layer|operation) of class\b")
FREE = ("Lambda", "MaxNumBoundingBoxes", "Pipeline", *ELSEWHERE)
"""The layers that may have outputs of any shape."""


def here(*names: str) -> list[str]:
    """The layers of these names that this version of Keras has."""
    known = public()
    return [name for name in names if name in known]


def told(name: str) -> tuple[Stage, Operation]:
    stage = replace(made(name))  # the words are kept with the stage
    return stage, operation(stage)


def without_words() -> Iterator[str]:
    """What is wrong with the words of the public layers, one line for each."""
    for name, layer in public().items():
        if name in ABSTRACT:
            continue
        if name not in EVERY and name not in ELSEWHERE:
            yield f"{name} is not in the table of layers"
        elif layer.__name__ not in LAYERS:
            yield f"{name} ({layer.__name__}) has no words"
        elif GENERIC.search(told(name)[1].does):
            yield f"{name} is told by its class alone: {told(name)[1].does}"


def test_every_layer_of_keras_has_words_but_those_that_are_newer_than_the_table() -> None:
    lines = list(without_words())
    if keras_version() > WRITTEN_FOR:
        lines = [line for line in lines if "not in the table" not in line]
    if keras_version() < WRITTEN_FOR:
        # Keras 3.8 says a wrong shape of the first, and leaves a number of the second out.
        lines = [line for line in lines if not line.startswith(("Discretization is", "ELU is"))]
    assert lines == []


def test_every_layer_with_words_is_one_of_keras_or_newer_than_this_keras() -> None:
    known = public()
    names = {known[name].__name__ for name in here(*EVERY, *ELSEWHERE)}
    if keras_version() < WRITTEN_FOR:
        assert names <= set(LAYERS)
        return
    assert {*EVERY, *ELSEWHERE, *ABSTRACT} <= set(known)
    assert names == set(LAYERS)


def test_a_layer_without_words_or_without_an_example_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(LAYERS, "GroupedQueryAttention")
    assert "GroupQueryAttention (GroupedQueryAttention) has no words" in list(without_words())
    monkeypatch.setattr(
        load().layers, "Fresh", type("Fresh", (load().layers.Layer,), {}), raising=False
    )
    assert "Fresh is not in the table of layers" in list(without_words())
    monkeypatch.setitem(LAYERS, "Dense", replace(LAYERS["Dense"], does="{mine}"))
    assert any(line.startswith("Dense is told by its class alone") for line in without_words())


def test_the_words_are_those_that_somebody_read(snapshot: SnapshotAssertion) -> None:
    if keras_version() != WRITTEN_FOR:
        pytest.skip("the configurations of another Keras differ")
    lines = []
    for name in sorted({*EVERY, *ELSEWHERE}):
        _, words = told(name)
        parts = f" ({words.parts})" if words.parts else ""
        lines += [
            f"{name}: {words.does}",
            f"    {words.shape}",
            f"    Parameters: {words.parameters}{parts}",
        ]
    assert "\n".join(lines) == snapshot


def test_the_words_are_whole_sentences_with_sums_that_come_out() -> None:
    for name in here(*EVERY, *ELSEWHERE):
        stage, words = told(name)
        assert words.title == stage.layer
        for text in (words.does, words.shape):
            assert text is None or re.fullmatch(r"[A-Z\d(].*[^ ]\.", text), text
            assert not re.search(
                r"None|[{}\[\]]|  |\bFalse|\bTrue|\.\.|\(\)|(?<!x )\b1 (?:steps|values)\b",
                text or "",
            ), text
        came_out(words.does)
        came_out(words.shape)
        assert came_out(words.parameters) in ([], [stage.parameters.total]), name
        if stage.parameters.total and name not in ELSEWHERE:
            assert str(words.parameters).endswith(f"{stage.parameters.total:,}"), name
            assert words.parts
        else:
            total = stage.parameters.total
            assert words.parameters == (f"{total}" if total else None)


def alone(name: str, low: float) -> tuple[Operation, Any, Any, Any]:
    """A layer's words on images of noise, the images, and what it makes of them: still, moved."""
    load().utils.set_random_seed(1)
    layer = EVERY[name][0](load().layers)
    rows = np.random.default_rng(0).uniform(low, 255, (8, 8, 8, 3)).astype(np.float32)
    still, moved = (np.asarray(layer(rows, training=training)) for training in (False, True))
    return operation(stage_of(layer, [rows], [still])), rows, still, moved


def test_what_works_in_training_alone_says_so() -> None:
    names = ("AlphaDropout", "Dropout", "GaussianDropout", "GaussianNoise", "SpatialDropout2D")
    for name in here(*CHANGES, *names):
        words, rows, still, moved = alone(name, 0)
        assert words.does.startswith("During training, "), name
        assert words.does.endswith("At prediction time it changes nothing."), name
        assert np.array_equal(still, rows), name
        assert not np.array_equal(moved, rows), name


def test_what_is_the_same_in_training_and_at_prediction_time_says_so() -> None:
    names = ("AutoContrast", "ContrastLimitedAdaptiveHistogramEqualization", "LayerNormalization")
    for name in here(*names):
        words, rows, still, moved = alone(name, 20)
        assert "The same in training and at prediction time." in words.does
        assert np.array_equal(still, moved), name
        assert not np.array_equal(still, rows), name


def test_layers_that_really_run_have_the_same_words() -> None:
    """The table's stages are built without computing; nothing differs where they compute."""
    keras = load()
    for name in here(*COMPUTED):
        if name == "InputLayer":
            continue  # computes nothing
        make, inputs = EVERY[name]
        layer = make(keras.layers)
        symbolic = tensors(keras, [list(inputs)] if name in MERGING else inputs)
        rows = keras.tree.map_structure(
            lambda each: keras.ops.zeros((2, *each.shape[1:]), each.dtype), symbolic
        )
        result = layer(*rows)
        stage = stage_of(layer, keras.tree.flatten(rows), keras.tree.flatten(result))
        assert operation(stage) == told(name)[1], name


def test_a_random_crop_is_measured_uncropped() -> None:
    layer = load().layers.RandomCrop(4, 5)
    rows = np.zeros((2, 8, 8, 3), np.float32)
    still, cut = (np.asarray(layer(rows, training=training)) for training in (False, True))
    assert still.shape == rows.shape
    assert operation(stage_of(layer, [rows], [still])).does.endswith("it changes nothing.")
    assert "4 x 5" in str(operation(stage_of(layer, [rows], [cut])).shape)


def test_a_layer_of_the_same_name_and_another_form_is_not_told_as_keras_own() -> None:
    """With outputs, inputs and parameters that no layer of that class has."""
    for name in here(*EVERY):
        if name in FREE:
            continue
        stage, own = told(name)
        wide = (Spec((None, 17, 3, 2, 5, 7, 9), "float32"), *stage.outputs[1:])
        other = operation(replace(stage, outputs=wide))
        assert GENERIC.search(other.does), other.does
        if stage.inputs:
            assert " in, " in other.does
            assert GENERIC.search(operation(replace(stage, inputs=())).does), name
        assert GENERIC.search(operation(replace(stage, outputs=())).does), name
        total = stage.parameters.total
        more = operation(replace(stage, parameters=Parameters(total + 123_457)))
        # Without parameters of its own, this is another's.
        assert GENERIC.search(more.does) or (total and came_out(more.parameters) == []), name
        assert own.does != more.does or more.parts is None, name


ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.integers(10**30, 10**31),
    st.floats(),
    st.text(max_size=3),
    st.just([]),
    st.just({}),
    st.lists(st.one_of(st.integers(-2, 4), st.none(), st.text(max_size=2)), max_size=4),
    st.just({"class_name": "LSTM", "config": {}}),
    st.just({"class_name": 3}),
)
SHAPES = st.lists(st.one_of(st.none(), st.integers(0, 5)), max_size=6).map(tuple)


@pytest.fixture(scope="module")
def stages() -> dict[str, Stage]:
    return {name: told(name)[0] for name in here(*EVERY, *ELSEWHERE)}


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(data=st.data())
def test_odd_configurations_and_forms_raise_nothing(
    data: st.DataObject, stages: dict[str, Stage]
) -> None:
    stage = stages[data.draw(st.sampled_from(sorted(stages)))]
    config: dict[str, Any] = dict(stage.config)
    for key in data.draw(st.lists(st.sampled_from(sorted(config)), max_size=3, unique=True)):
        if data.draw(st.booleans()):
            config[key] = data.draw(ODD)
        else:
            del config[key]
    made_of = st.lists(SHAPES.map(lambda shape: Spec(shape, "float32")), max_size=3).map(tuple)
    odd = replace(
        stage,
        config=config,
        inputs=data.draw(st.one_of(st.just(stage.inputs), made_of)),
        outputs=data.draw(st.one_of(st.just(stage.outputs), made_of)),
        parameters=Parameters(data.draw(st.sampled_from([stage.parameters.trainable, 0, 7]))),
        weights=stage.weights if data.draw(st.booleans()) else (),
    )
    words = operation(odd)
    assert words.does.endswith(".")
    came_out(words.shape)
    assert came_out(words.parameters) in ([], [odd.parameters.total])
