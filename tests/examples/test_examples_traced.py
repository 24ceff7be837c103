"""What pipetrace records of the examples, held against routes that it has no part in, and against the examples' text."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.agreement import contradictions
from tests.examples.gallery import FITTED, WATCHED, fit, load
from tests.examples.independent import independent
from tests.examples.sources import SOURCES

import pipetrace
from pipetrace.trace.document import OP, SOURCE, STEP, Stage, Trace

pytestmark = pytest.mark.framework

ROWS = 64
FEW = {
    "augmentation",
    "custom_train_step",
    "dict_inputs",
    "generator_input",
    "multi_output",
    "nested_model",
    "ops_functional",
    "shared_layer",
    "text",
    "vae",
}
"""One for each way to train and to give rows, and for each way through a model."""
OF_PARTS = {"gan", "positions"}
"""Those whose stages are parts of what Keras knows as one; they have tests of their own."""
VALIDATION = 48
"""The first of the rows that ``fit`` holds out, a quarter of them."""


def recorded(name: str, path: Path) -> tuple[Any, Trace]:
    """An example's model after two epochs, and the trace of them."""
    import keras

    example = load(name)
    keras.utils.clear_session()  # so that Keras names its operations from the beginning
    model = example.build()
    callbacks = []
    if name in WATCHED:
        pipetrace.watch(model, path, verbose=False)
    else:
        callbacks.append(pipetrace.Recorder(path, *example.rows(ROWS), verbose=False))
    fit(example, model, ROWS, callbacks, epochs=2)
    return model, pipetrace.read(path)


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


def check_run(name: str, model: Any, trace: Trace) -> None:
    assert trace.ending.kind == "finished", trace.ending
    assert trace.events == ()
    assert [epoch.number for epoch in trace.epochs] == [1, 2]
    for epoch in trace.epochs:
        assert math.isfinite(epoch.metrics["loss"])
        assert name in WATCHED or math.isfinite(epoch.metrics["val_loss"])
    assert trace.run.title == model.name == name
    assert trace.rows == ROWS
    assert trace.predictions


def check_values(name: str, model: Any, trace: Trace) -> None:
    """The outputs of every stage, with their shapes and types: of a prediction, and of the row that is the example."""
    given = trace.predictions[0].outputs
    theirs = independent(
        name, model, batch_of_one(name, [given[each] for each in sources(trace)]), batched(given)
    )
    assert sorted(given) == sorted([*theirs, *sources(trace)])
    for stage_name, values in theirs.items():
        near(f"{name} {stage_name}", given[stage_name], values[0][0])
    ours = {stage.name: stage.example for stage in trace.stages}
    theirs = independent(
        name, model, batch_of_one(name, [ours[each] for each in sources(trace)]), batched(ours)
    )
    for stage in (each for each in trace.stages if each.kind not in (SOURCE, STEP)):
        values = theirs[stage.name]
        for our, their in zip((stage.example, *stage.others), values, strict=True):
            near(name, our, their[0])
        specs = [(spec.shape, spec.dtype) for spec in stage.outputs]
        assert specs == [((None, *each.shape[1:]), str(each.dtype)) for each in values], stage.name


def batched(values: Any) -> dict[str, Any]:
    return {name: np.asarray(each)[None] for name, each in values.items() if each is not None}


def check_rows(name: str, trace: Trace) -> None:
    """The example is the first row, and a prediction says which row it is of."""
    import keras

    x, y = load(name).rows(ROWS)
    inputs, targets = keras.tree.flatten(x), keras.tree.flatten(y)
    for source, values in zip(sources(trace), inputs, strict=True):
        assert text_or_numbers(stage_of(trace, source).example) == text_or_numbers(values[0])
    for prediction in trace.predictions:
        assert prediction.validation
        row = VALIDATION + prediction.row
        for source, values in zip(sources(trace), inputs, strict=True):
            assert text_or_numbers(prediction.outputs[source]) == text_or_numbers(values[row])
        for target, values in zip(prediction.targets, targets, strict=True):
            assert text_or_numbers(target) == text_or_numbers(values[row])


def text_or_numbers(values: Any) -> Any:
    plain = values.numpy() if hasattr(values, "numpy") else values
    whole = plain.item() if isinstance(plain, np.ndarray) and plain.ndim == 0 else plain
    return whole.decode() if isinstance(whole, bytes) else np.asarray(whole).tolist()


def check_sources(expected: Mapping[str, tuple[str, ...]], trace: Trace) -> None:
    """The inputs of the stages come from where the example's text says."""
    known: dict[str, str] = {}
    for stage in trace.stages:
        kind = str(stage.layer).upper()
        if stage.name in expected or (stage.kind != OP and kind not in expected):
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
    assert {name: found.get(name) for name in expected} == expected


def check_weights(model: Any, trace: Trace) -> None:
    """All parameters are counted once, and the weights are those that the model has now."""
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
    ours = sorted(
        (array.shape, float(np.sum(array, dtype=np.float64))) for array in trace.weights.values()
    )
    theirs = sorted(
        (each.shape, float(np.sum(each, dtype=np.float64))) for each in model.get_weights()
    )
    assert ours == theirs


def nested_model(trace: Trace) -> None:
    assert stage_of(trace, "soften").path == "encoder/stem/soften"
    assert [group.path for group in trace.groups] == ["encoder", "encoder/stem"]


def frozen_backbone(trace: Trace) -> None:
    assert stage_of(trace, "Conv1").parameters.trainable == 0
    assert len(trace.stages) > 150


def bidirectional(trace: Trace) -> None:
    vectors = stage_of(trace, "vectors")
    assert vectors.example_mask is not None
    words = np.asarray(stage_of(trace, sources(trace)[0]).example)
    assert vectors.example_mask.tolist() == (words != 0).tolist()


def augmentation(trace: Trace) -> None:
    differ = {stage.name for stage in trace.stages if stage.training is not None}
    assert {"flip", "turn", "norm_1", "norm_2", "drop"} <= differ


def multi_output(trace: Trace) -> None:
    assert trace.run.model is not None
    assert [(spec.name, spec.source) for spec in trace.run.model.outputs] == [
        ("kind", "kind"),
        ("weight", "weight"),
    ]


def vae(trace: Trace) -> None:
    """A draw is one of its distribution."""
    examples = {stage.name: stage.example for stage in trace.stages}
    for outputs in [*(each.outputs for each in trace.predictions), examples]:
        mean, log_variance, drawn = (
            np.asarray(outputs[name]) for name in ("mean", "log_variance", "sampling")
        )
        away = (drawn - mean) / np.exp(log_variance / 2)
        assert (np.abs(away) < 5).all()
        assert (away != 0).all()


PARTICULAR: Mapping[str, Callable[[Trace], None]] = {
    each.__name__: each
    for each in (nested_model, frozen_backbone, bidirectional, augmentation, multi_output, vae)
}
"""What an example was written to show."""


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name in FEW else pytest.mark.slow)
        for name in FITTED
        if name not in OF_PARTS
    ],
)
def test_the_trace_of_an_example_says_what_keras_says(name: str, tmp_path: Path) -> None:
    model, trace = recorded(name, tmp_path / "run.trace")
    assert contradictions(trace) == []
    check_run(name, model, trace)
    check_values(name, model, trace)
    check_weights(model, trace)
    if name not in WATCHED:
        check_rows(name, trace)
    if name in SOURCES:
        check_sources(SOURCES[name], trace)
    if name in PARTICULAR:
        PARTICULAR[name](trace)


# Examples whose stages are parts of what Keras knows as one: a training step, a layer, a loop


def test_a_gan_shows_both_models_losses_and_optimizers(tmp_path: Path) -> None:
    _, trace = recorded("gan", tmp_path / "run.trace")
    assert contradictions(trace) == []
    assert trace.events == ()
    paths = [group.path for group in trace.groups if group.path]
    assert paths == ["generator", "discriminator", "generator:2", "discriminator:2"]
    assert trace.stages["look"].outputs[0].shape == (32, 16)
    assert trace.stages["look:2"].outputs[0].shape == (None, 16)
    step = trace.run.step
    assert step is not None
    assert step.losses == ("discriminator_loss", "generator_loss")
    names = [(each.name, each.updates) for each in step.optimizers]
    assert sorted(names) == [("discriminator_optimizer", 8), ("generator_optimizer", 8)]


def test_positions_have_no_rows(tmp_path: Path) -> None:
    _, trace = recorded("positions", tmp_path / "run.trace")
    assert contradictions(trace) == []
    position = trace.stages["position"]
    assert [spec.shape for spec in (*position.inputs, *position.outputs)] == [(10,), (10, 8)]
    assert position.summary is not None
    assert position.summary.count == 80
    np.testing.assert_array_equal(position.example, trace.weights["position/embeddings"])


def test_a_loop_of_its_own_is_recorded(tmp_path: Path) -> None:
    example, path = load("own_loop"), tmp_path / "run.trace"
    x, y = example.rows(64)
    model = example.build()
    model.compile("adam", example.LOSS)
    with pipetrace.recording(model, path, x, y, epochs=2, verbose=False) as run:
        example.train(model, x, y, run.step, run.epoch, 2)
    trace = pipetrace.read(path)
    assert contradictions(trace) == []
    assert [epoch.steps for epoch in trace.epochs] == [4, 4]
    assert trace.run.step is not None
    assert [each.updates for each in trace.run.step.optimizers] == [8]
