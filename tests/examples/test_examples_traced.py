"""What pipetrace records of the examples, held against routes that it has no part in, and against the examples' text."""

import functools
import math
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.examples.gallery import fit, load
from tests.examples.independent import independent
from tests.examples.sources import SOURCES

import pipetrace
from pipetrace.trace.document import OP, RECORDER, SOURCE, STEP, Stage, Trace

pytestmark = pytest.mark.framework

ROWS = 64
WATCHED = ("generator_input", "tf_data")
VALIDATION = 48
"""The first of the rows that ``fit`` holds out, a quarter of them."""


@functools.cache
def recorded(name: str) -> tuple[Any, Trace]:
    """An example's model after two epochs, and the trace of them."""
    import keras

    example = load(name)
    keras.utils.clear_session()  # so that Keras names its operations from the beginning
    model = example.build()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.trace"
        callbacks = []
        if name in WATCHED:
            pipetrace.watch(model, path)
        else:
            callbacks.append(pipetrace.Recorder(path, *example.rows(ROWS)))
        fit(example, model, ROWS, callbacks, epochs=2)
        return model, pipetrace.read(path)


@pytest.fixture
def model(name: str) -> Any:
    return recorded(name)[0]


@pytest.fixture
def trace(name: str) -> Trace:
    return recorded(name)[1]


def stage_of(trace: Trace, name: str) -> Stage:
    return next(stage for stage in trace.stages if stage.name == name)


def sources(trace: Trace) -> list[str]:
    # A dataset's own stages stand one after another, and the last of them is what the model gets.
    steps = [stage.name for stage in trace.stages if stage.kind == STEP]
    return steps[-1:] or [stage.name for stage in trace.stages if stage.kind == SOURCE]


def batch_of_one(name: str, values: list[Any]) -> Any:
    """Rows in the form that the example gives them in, from one row of each of its arrays."""
    import keras
    import tensorflow as tf

    given = [np.asarray(each)[None] for each in values]
    x = load(name).dataset(8) if name in WATCHED else load(name).rows(8)[0]
    if name in WATCHED:
        return given[0]
    if name == "text":
        return tf.constant([[each] if isinstance(each, str) else each for each in values])
    return keras.tree.pack_sequence_as(x, given)


def near(name: str, ours: Any, theirs: Any) -> None:
    assert np.shape(ours) == np.shape(theirs)
    # A float16 has 11 bits: two ways of adding it up may differ in the last of them, which is 1e-3.
    half = name.startswith("mixed_precision")
    np.testing.assert_allclose(
        ours, theirs, rtol=1e-3 if half else 1e-4, atol=2e-3 if half else 1e-5
    )


def test_the_run_is_whole(name: str, model: Any, trace: Trace) -> None:
    assert trace.ending.kind == "finished", trace.ending
    assert [event.message for event in trace.events] == []
    assert [epoch.number for epoch in trace.epochs] == [1, 2]
    for epoch in trace.epochs:
        assert math.isfinite(epoch.metrics["loss"])
        assert name in WATCHED or math.isfinite(epoch.metrics["val_loss"])
    assert trace.run.title == model.name == name
    assert trace.rows == ROWS
    assert trace.predictions
    assert not [event for event in trace.events if event.kind == RECORDER]


def test_every_stage_gives_what_keras_gives(name: str, model: Any, trace: Trace) -> None:
    given = trace.predictions[0].outputs
    theirs = independent(
        name, model, batch_of_one(name, [given[each] for each in sources(trace)]), batched(given)
    )
    assert sorted(given) == sorted([*theirs, *sources(trace)])
    for stage, values in theirs.items():
        near(f"{name} {stage}", given[stage], values[0][0])


def test_the_example_row_and_further_outputs_are_what_keras_gives(
    name: str, model: Any, trace: Trace
) -> None:
    ours = {stage.name: stage.example for stage in trace.stages}
    theirs = independent(
        name, model, batch_of_one(name, [ours[each] for each in sources(trace)]), batched(ours)
    )
    for stage in trace.stages:
        if stage.kind not in (SOURCE, STEP):
            first, *others = theirs[stage.name]
            near(name, stage.example, first[0])
            assert len(stage.others) == len(others), stage.name
            for our, their in zip(stage.others, others, strict=True):
                near(name, our, their[0])


def test_shapes_and_dtypes_are_kerass(name: str, model: Any, trace: Trace) -> None:
    ours = {stage.name: stage.example for stage in trace.stages}
    theirs = independent(
        name, model, batch_of_one(name, [ours[each] for each in sources(trace)]), batched(ours)
    )
    for stage, values in theirs.items():
        specs = [(spec.shape, spec.dtype) for spec in stage_of(trace, stage).outputs]
        assert specs == [((None, *each.shape[1:]), str(each.dtype)) for each in values], stage


def batched(values: Any) -> dict[str, Any]:
    return {name: np.asarray(each)[None] for name, each in values.items() if each is not None}


def test_the_first_example_is_the_first_row(name: str, trace: Trace) -> None:
    import keras

    if name in WATCHED:
        pytest.skip("its rows are shuffled or shifted on their way")
    x, _ = load(name).rows(ROWS)
    for source, values in zip(sources(trace), keras.tree.flatten(x), strict=True):
        assert text_or_numbers(stage_of(trace, source).example) == text_or_numbers(values[0])


def test_a_prediction_says_which_row_it_is_of(name: str, trace: Trace) -> None:
    import keras

    if name in WATCHED:
        pytest.skip("its rows are shuffled or shifted on their way")
    x, y = load(name).rows(ROWS)
    for prediction in trace.predictions:
        assert prediction.held_out
        for source, values in zip(sources(trace), keras.tree.flatten(x), strict=True):
            assert text_or_numbers(prediction.outputs[source]) == text_or_numbers(
                values[VALIDATION + prediction.row]
            )
        for target, values in zip(prediction.targets, keras.tree.flatten(y), strict=True):
            assert text_or_numbers(target) == text_or_numbers(values[VALIDATION + prediction.row])


def text_or_numbers(values: Any) -> Any:
    plain = values.numpy() if hasattr(values, "numpy") else values
    whole = plain.item() if isinstance(plain, np.ndarray) and plain.ndim == 0 else plain
    return whole.decode() if isinstance(whole, bytes) else np.asarray(whole).tolist()


@pytest.mark.parametrize("branching", list(SOURCES))
def test_inputs_come_from_where_they_come_from(branching: str) -> None:
    _, trace = recorded(branching)
    known: dict[str, str] = {}
    for stage in trace.stages:
        kind = str(stage.layer).upper()
        if stage.name in SOURCES[branching] or (
            stage.kind != OP and kind not in SOURCES[branching]
        ):
            known[stage.name] = stage.name
        else:
            times = sum(each == kind or each.startswith(f"{kind} ") for each in known.values())
            known[stage.name] = f"{kind} {times + 1}" if times else kind
    found = {
        known[stage.name]: tuple(
            known[str(spec.source)] + (f".{spec.output}" if spec.output else "")
            for spec in stage.inputs
        )
        for stage in trace.stages
        if stage.kind != SOURCE
    }
    assert {name: found.get(name) for name in SOURCES[branching]} == SOURCES[branching]


def test_the_parameters_are_all_there(model: Any, trace: Trace) -> None:
    stages = [stage.parameters for stage in trace.stages if ":" not in stage.name]
    counted = [*stages, *(group.own for group in trace.groups)]
    trainable = sum(math.prod(weight.shape) for weight in model.trainable_weights)
    assert sum(each.trainable for each in counted) == trainable
    assert sum(each.total for each in counted) == model.count_params()
    assert trace.run.model is not None
    assert (trace.run.model.parameters.trainable, trace.run.model.parameters.total) == (
        trainable,
        model.count_params(),
    )


def test_the_weights_are_the_models(model: Any, trace: Trace) -> None:
    ours = sorted(
        (array.shape, float(np.sum(array, dtype=np.float64))) for array in trace.weights.values()
    )
    theirs = sorted(
        (each.shape, float(np.sum(each, dtype=np.float64))) for each in model.get_weights()
    )
    assert ours == theirs


def test_what_is_particular_about_an_example() -> None:
    _, trace = recorded("nested_model")
    assert stage_of(trace, "soften").path == "encoder/stem/soften"
    assert [group.path for group in trace.groups] == ["encoder", "encoder/stem"]
    _, trace = recorded("frozen_backbone")
    assert stage_of(trace, "Conv1").parameters.trainable == 0
    assert len(trace.stages) > 150
    _, trace = recorded("bidirectional")
    vectors = stage_of(trace, "vectors")
    assert vectors.example_mask is not None
    words = np.asarray(stage_of(trace, sources(trace)[0]).example)
    assert vectors.example_mask.tolist() == (words != 0).tolist()
    _, trace = recorded("augmentation")
    differ = {stage.name for stage in trace.stages if stage.training is not None}
    assert {"flip", "turn", "norm_1", "norm_2", "drop"} <= differ
    _, trace = recorded("multi_output")
    assert trace.run.model is not None
    assert [(spec.name, spec.source) for spec in trace.run.model.outputs] == [
        ("kind", "kind"),
        ("weight", "weight"),
    ]


def test_a_draw_is_one_of_its_distribution() -> None:
    _, trace = recorded("vae")
    for outputs in [
        *(each.outputs for each in trace.predictions),
        {stage.name: stage.example for stage in trace.stages},
    ]:
        mean, log_variance, drawn = (
            np.asarray(outputs[name]) for name in ("mean", "log_variance", "sampling")
        )
        away = (drawn - mean) / np.exp(log_variance / 2)
        assert (np.abs(away) < 5).all()
        assert (away != 0).all()
