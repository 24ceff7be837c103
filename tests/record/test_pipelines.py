"""Pipelines of a source, steps and a model, each beside the same training written by hand."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pipetrace
from pipetrace.errors import ArgumentError, OutputExistsError, StepError
from pipetrace.trace import Trace
from pipetrace.trace.document import Array

pytestmark = [
    pytest.mark.framework,
    pytest.mark.filterwarnings("ignore:.*shuffle:UserWarning"),
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]

CHANCE = np.random.default_rng(0)
X = CHANCE.integers(0, 256, (100, 6)).astype(np.float32)
Y = (X[:, 0] > 128).astype(np.int64) + (X[:, 1] > 200)


def dense(*, name: str = "hidden", shape: tuple[int, ...] = (6,), seed: int = 3) -> Any:
    import keras

    keras.utils.set_random_seed(seed)
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input(shape),
            layers.Dense(5, activation="relu", name=name),
            layers.Dropout(0.3, name="drop"),
            layers.Dense(3, activation="softmax", name="answer"),
        ],
        name="small",
    )
    model.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def scale(x: Any) -> Any:
    return x / 255


def split(x: Any, y: Any) -> Any:
    return (x[:80], y[:80]), (x[80:], y[80:])


def batch(x: Any, y: Any) -> Any:
    return [(x[start : start + 16], y[start : start + 16]) for start in range(0, len(x), 16)]


STEPS = [("Scale", scale), ("Split", split), ("Batch", batch)]


def assert_weights(ours: Any, theirs: Any) -> None:
    for one, other in zip(
        [*ours.variables, *ours.optimizer.variables],
        [*theirs.variables, *theirs.optimizer.variables],
        strict=True,
    ):
        np.testing.assert_array_equal(one.numpy(), other.numpy(), err_msg=str(one.path))


def read(tmp_path: Path) -> Trace:
    trace = pipetrace.read(tmp_path / "run.trace")
    assert trace.ending.kind == "finished"
    assert not trace.events
    return trace


def assert_summary(trace: Trace, stage: str, values: Array) -> None:
    found = trace.stage(stage).summary
    assert found is not None
    assert found.count == values.size
    assert (found.min, found.max) == (values.min(), values.max())
    assert found.mean == pytest.approx(values.mean(dtype=np.float64), rel=1e-6)
    assert found.std == pytest.approx(values.std(dtype=np.float64), rel=1e-6)
    assert found.zeros == (values == 0).sum()


def names(trace: Trace) -> list[tuple[str, str]]:
    return [(stage.name, stage.kind) for stage in trace.stages]


MODEL = [("hidden", "layer"), ("drop", "layer"), ("answer", "layer")]


def test_scaled_split_and_in_batches(tmp_path: Path) -> None:
    model, bare = dense(), dense()
    history = pipetrace.Pipeline((X, Y), steps=STEPS, model=model).fit(
        tmp_path / "run.trace", epochs=2, verbose=0
    )
    # The batches are trained on in their order; with shuffling the weights would be others.
    other = bare.fit(
        X[:80] / 255,
        Y[:80],
        batch_size=16,
        shuffle=False,
        validation_data=(X[80:] / 255, Y[80:]),
        epochs=2,
        verbose=0,
    )
    assert_weights(model, bare)
    assert history.history == other.history
    trace = read(tmp_path)
    assert names(trace) == [
        ("source", "source"),
        ("Scale", "step"),
        ("Split", "step"),
        ("Batch", "step"),
        *MODEL,
    ]
    data, training = trace.run.data, trace.run.training
    assert (data.rows, data.validation_rows, training.batch_size, trace.rows) == (80, 20, 16, 80)
    assert [epoch.steps for epoch in trace.epochs] == [5, 5]
    assert [epoch.metrics["val_loss"] for epoch in trace.epochs] == other.history["val_loss"]
    assert_summary(trace, "source", X)
    assert_summary(trace, "Scale", X / 255)
    assert_summary(trace, "Split", X[:80] / 255)
    assert_summary(trace, "Batch", X[:80] / 255)
    assert_summary(trace, "hidden", np.asarray(model.get_layer("hidden")(X[:80] / 255)))
    assert trace.stage("hidden").inputs[0].source == "Batch"
    assert [stage.inputs[0].source for stage in trace.stages[1:4]] == ["source", "Scale", "Split"]
    for prediction in trace.predictions:
        assert prediction.held_out
        np.testing.assert_allclose(
            prediction.outputs["Batch"], X[80 + prediction.row] / 255, rtol=1e-6
        )
        assert prediction.label == Y[80 + prediction.row]


def test_the_comparison_of_weights_can_fail(tmp_path: Path) -> None:
    model, bare = dense(), dense()
    pipetrace.Pipeline((X, Y), steps=STEPS, model=model).fit(tmp_path / "run.trace", verbose=0)
    bare.fit(X[:80] / 255, Y[:80], batch_size=16, shuffle=True, verbose=0)
    with pytest.raises(AssertionError):
        assert_weights(model, bare)


def test_without_a_split_the_way_of_a_row_leads_back_to_the_source(tmp_path: Path) -> None:
    order = CHANCE.permutation(100)[:60]

    def chosen(x: Any, y: Any) -> Any:
        return x[order], y[order]

    model, bare = dense(), dense()
    pipeline = pipetrace.Pipeline((X, Y), steps=[("Choose", chosen), ("Scale", scale)], model=model)
    pipeline.fit(tmp_path / "run.trace", epochs=1, batch_size=20, verbose=0)
    bare.fit(X[order] / 255, Y[order], epochs=1, batch_size=20, verbose=0)
    assert_weights(model, bare)
    trace = read(tmp_path)
    assert (trace.run.data.rows, trace.run.data.validation_rows, trace.rows) == (60, 0, 60)
    assert trace.predictions
    for prediction in trace.predictions:
        assert not prediction.held_out
        row = order[prediction.row]
        np.testing.assert_array_equal(prediction.outputs["source"], X[row])
        np.testing.assert_array_equal(prediction.outputs["Choose"], X[row])
        np.testing.assert_array_equal(prediction.outputs["Scale"], X[row] / 255)
        assert prediction.label == Y[row]
    # The example is the first row that the model gets, wherever it was before.
    for stage, values in (
        ("source", X[order[0]]),
        ("Choose", X[order[0]]),
        ("Scale", X[order[0]] / 255),
    ):
        example = trace.stage(stage).example
        assert example is not None
        np.testing.assert_array_equal(example, values)


def test_a_thousand_rows_become_990_windows(tmp_path: Path) -> None:
    import keras

    series = CHANCE.normal(size=(1000, 2)).astype(np.float32)

    def windows(x: Any) -> Any:
        return np.stack([x[start : start + 10] for start in range(len(x) - 10)]), x[10:, 0]

    def model() -> Any:
        keras.utils.set_random_seed(1)
        made = keras.Sequential(
            [keras.layers.Input((10, 2)), keras.layers.LSTM(2, name="read"), keras.layers.Dense(1)]
        )
        made.compile("sgd", loss="mse")
        return made

    ours, bare = model(), model()
    pipetrace.Pipeline(series, steps=[("Window", windows)], model=ours).fit(
        tmp_path / "run.trace", epochs=1, batch_size=99, verbose=0
    )
    bare.fit(*windows(series), epochs=1, batch_size=99, verbose=0)
    assert_weights(ours, bare)
    trace = read(tmp_path)
    window = trace.stage("Window")
    assert list(window.config["rows"]) == [1000, 990]
    assert (trace.run.data.rows, trace.rows, trace.epochs[0].steps) == (990, 990, 10)
    assert window.outputs[0].shape == (None, 10, 2)
    assert_summary(trace, "source", series)
    assert_summary(trace, "Window", windows(series)[0])
    for prediction in trace.predictions:
        np.testing.assert_array_equal(
            prediction.outputs["Window"], series[prediction.row : prediction.row + 10]
        )
        np.testing.assert_array_equal(prediction.targets[0], series[prediction.row + 10, 0])
        # Which row of the series a window was is not known.
        assert "source" not in prediction.outputs


def two_inputs() -> Any:
    import keras

    keras.utils.set_random_seed(2)
    given = {"left": keras.Input((3,), name="left"), "right": keras.Input((2,), name="right")}
    join = keras.layers.Concatenate(name="join")([given["left"], given["right"]])
    model = keras.Model(given, keras.layers.Dense(1, name="out")(join))
    model.compile("sgd", loss="mse")
    return model


def test_a_dictionary_of_arrays(tmp_path: Path) -> None:
    x = {"right": X[:, :2], "left": X[:, 2:5]}

    def scaled(x: Any) -> Any:
        return {key: values / 255 for key, values in x.items()}

    model, bare = two_inputs(), two_inputs()
    pipetrace.Pipeline((x, X[:, 5]), steps=[("Scale", scaled)], model=model).fit(
        tmp_path / "run.trace", epochs=1, shuffle=False, verbose=0
    )
    bare.fit(scaled(x), X[:, 5], epochs=1, shuffle=False, verbose=0)
    assert_weights(model, bare)
    trace = read(tmp_path)
    assert names(trace) == [
        ("source", "source"),
        ("Scale", "step"),
        ("join", "layer"),
        ("out", "layer"),
    ]
    outputs = trace.stage("Scale").outputs
    assert [spec.name for spec in outputs] == ["right", "left"]
    # Each input of the model comes from the output that has its name, whatever the order.
    inputs = trace.stage("join").inputs
    assert [(spec.source, outputs[spec.output].name, spec.shape) for spec in inputs] == [
        ("Scale", "left", (None, 3)),
        ("Scale", "right", (None, 2)),
    ]
    assert trace.rows == 100
    # What is measured of a stage is its first output.
    assert_summary(trace, "Scale", X[:, :2] / 255)
    first = trace.stage("Scale").example
    assert first is not None
    np.testing.assert_array_equal(first, X[0, :2] / 255)
    np.testing.assert_array_equal(trace.stage("Scale").others[0], X[0, 2:5] / 255)
    for prediction in trace.predictions:
        row = np.concatenate([X[prediction.row, 2:5], X[prediction.row, :2]]) / 255
        np.testing.assert_allclose(prediction.outputs["join"], row, rtol=1e-6)


def test_a_dataset_as_the_source(tmp_path: Path) -> None:
    import tensorflow as tf

    def dataset() -> Any:
        return tf.data.Dataset.from_tensor_slices((X, Y)).map(lambda x, y: (x / 255, y)).batch(16)

    model, bare = dense(), dense()
    pipetrace.Pipeline(dataset(), model=model).fit(tmp_path / "run.trace", epochs=2, verbose=0)
    bare.fit(dataset(), epochs=2, verbose=0)
    assert_weights(model, bare)
    trace = read(tmp_path)
    assert [stage.name for stage in trace.stages if stage.kind == "layer"] == [
        "hidden",
        "drop",
        "answer",
    ]
    assert trace.stages[0].kind == "source"
    assert (
        trace.stage("hidden").inputs[0].source
        == [stage.name for stage in trace.stages if stage.kind != "layer"][-1]
    )
    assert [epoch.steps for epoch in trace.epochs] == [7, 7]
    assert trace.run.training.batch_size == 16
    assert_summary(trace, "hidden", np.asarray(model.get_layer("hidden")(X / 255)))


def test_a_step_that_streams(tmp_path: Path) -> None:
    def stream(x: Any, y: Any) -> Iterator[Any]:
        while True:
            for start in range(0, len(x), 25):
                yield x[start : start + 25], y[start : start + 25]

    model, bare = dense(), dense()
    pipeline = pipetrace.Pipeline((X, Y), steps=[("Scale", scale), ("Stream", stream)], model=model)
    pipeline.fit(tmp_path / "run.trace", epochs=2, steps_per_epoch=4, verbose=0)
    bare.fit(stream(X / 255, Y), epochs=2, steps_per_epoch=4, verbose=0)
    assert_weights(model, bare)
    trace = read(tmp_path)
    assert [stage.name for stage in trace.stages[:3]] == ["source", "Scale", "Stream"]
    assert trace.run.training.batch_size == 25
    assert trace.run.data.rows is None
    with pytest.raises(ArgumentError, match="no arrays"):
        pipeline.trace(tmp_path / "other.trace")
    assert not (tmp_path / "other.trace").exists()


def test_uneven_batches(tmp_path: Path) -> None:
    edges = [0, 5, 45, 60, 100]

    def uneven(x: Any, y: Any) -> Any:
        return [(x[start:end], y[start:end]) for start, end in pairwise(edges)]

    def again(parts: Any) -> Iterator[Any]:
        while True:
            yield from parts

    model, bare = dense(), dense()
    pipetrace.Pipeline((X / 255, Y), steps=[("Batch", uneven)], model=model).fit(
        tmp_path / "run.trace", epochs=2, verbose=0
    )
    bare.fit(again(uneven(X / 255, Y)), steps_per_epoch=4, epochs=2, verbose=0)
    assert_weights(model, bare)
    trace = read(tmp_path)
    assert [epoch.steps for epoch in trace.epochs] == [4, 4]
    assert_summary(trace, "Batch", X / 255)
    assert_summary(trace, "hidden", np.asarray(model.get_layer("hidden")(X / 255)))


def test_a_step_that_raises(tmp_path: Path) -> None:
    def broken(x: Any) -> Any:
        raise KeyError("no such column")

    model = dense()
    before = [np.array(each.numpy()) for each in model.variables]
    pipeline = pipetrace.Pipeline((X, Y), steps=[("Scale", scale), ("Break", broken)], model=model)
    for act in (pipeline.fit, pipeline.trace):
        with pytest.raises(StepError, match=r"'Break' raised KeyError.*no such column") as caught:
            act(tmp_path / "run.trace")
        assert caught.value.slug == "step-failed"
        assert caught.value.where == "steps[1]"
        assert isinstance(caught.value.__cause__, KeyError)
    assert list(tmp_path.iterdir()) == []
    for variable, values in zip(model.variables, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), values)


def test_a_step_that_raises_leaves_the_trace_that_was_there(tmp_path: Path) -> None:
    path = tmp_path / "run.trace"
    pipetrace.Pipeline((X, Y), model=dense()).fit(path, verbose=0)
    before = path.read_bytes()
    with pytest.raises(StepError):
        pipetrace.Pipeline((X, Y), steps=[("Break", lambda x: x.missing)], model=dense()).fit(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("model", [None, "model.keras", object()])
def test_no_model(model: Any) -> None:
    with pytest.raises(ArgumentError, match="needs a Keras model") as caught:
        pipetrace.Pipeline((X, Y), steps=[("Scale", scale)], model=model)
    assert caught.value.where == "model"


def test_steps_that_are_none_are_refused_at_once() -> None:
    for steps in ([("Scale", 3)], [("Scale", scale), ("Scale", scale)], [("", scale)], [scale]):
        with pytest.raises(ArgumentError):
            pipetrace.Pipeline((X, Y), steps=steps, model=dense())  # type: ignore[arg-type]


def test_the_place_is_looked_at_before_the_steps_run(tmp_path: Path) -> None:
    path, ran = tmp_path / "thesis.txt", list[int]()
    path.write_text("my thesis")

    def note(x: Any) -> Any:
        ran.append(1)
        return x

    pipeline = pipetrace.Pipeline((X, Y), steps=[("Note", note)], model=dense())
    for act in (pipeline.fit, pipeline.trace):
        with pytest.raises(OutputExistsError):
            act(path)
    assert ran == []
    assert path.read_text() == "my thesis"


def test_a_step_with_the_name_of_a_layer(tmp_path: Path) -> None:
    model = dense(name="Scale")
    pipetrace.Pipeline((X, Y), steps=[("Scale", scale), ("source", scale)], model=model).fit(
        tmp_path / "run.trace", verbose=0
    )
    trace = read(tmp_path)
    assert [stage.name for stage in trace.stages] == [
        "source_",
        "Scale (step)",
        "source",
        "Scale",
        "drop",
        "answer",
    ]
    assert_summary(trace, "Scale (step)", X / 255)
    assert_summary(trace, "Scale", np.asarray(model.get_layer("Scale")(X / 255 / 255)))


@pytest.mark.parametrize("name", ["code", "multiply"])
def test_a_step_with_the_name_of_something_within_the_model(tmp_path: Path, name: str) -> None:
    import keras

    class Own(keras.Model):  # type: ignore[misc] # Keras has no types
        def __init__(self) -> None:
            super().__init__()
            parts = [keras.layers.Input((6,)), keras.layers.Dense(3, name="code")]
            self.encoder = keras.Sequential(parts, name="encoder")
            self.out = keras.layers.Dense(3, activation="softmax", name="out")

        def call(self, rows: Any) -> Any:
            return self.out(self.encoder(rows) * 2.0)

    model = Own()
    model.compile("sgd", loss="sparse_categorical_crossentropy")
    pipetrace.Pipeline((X, Y), steps=[(name, scale), ("Again", scale)], model=model).fit(
        tmp_path / "run.trace", verbose=0
    )
    trace = read(tmp_path)
    assert len({stage.name for stage in trace.stages}) == len(trace.stages) == 6
    assert [stage.kind for stage in trace.stages] == [
        "source",
        "step",
        "step",
        "layer",
        "op",
        "layer",
    ]
    assert_summary(trace, trace.stages[1].name, X / 255)
    assert trace.stages[3].summary is not None
    assert trace.stages[3].summary.count == 300
    assert set(trace.epochs[0].probe) <= {stage.name for stage in trace.stages}


def test_a_pipeline_that_is_not_trained(tmp_path: Path) -> None:
    import keras

    model = dense()
    before = [np.array(each.numpy()) for each in model.variables]
    pipetrace.Pipeline(
        (X, Y), steps=STEPS[:1], model=model, title="as it is", class_names=("a", "b", "c")
    ).trace(tmp_path / "run.trace")
    trace = read(tmp_path)
    assert (trace.epochs, trace.rows, trace.run.title) == ((), 100, "as it is")
    assert trace.run.data.class_names == ("a", "b", "c")
    assert trace.run.data.class_counts == tuple(np.bincount(Y, minlength=3))
    assert_summary(trace, "Scale", X / 255)
    given = model.predict(X / 255, verbose=0)
    for prediction in trace.predictions:
        np.testing.assert_allclose(prediction.outputs["answer"], given[prediction.row], atol=1e-6)
        np.testing.assert_array_equal(prediction.outputs["source"], X[prediction.row])
    for variable, values in zip(model.variables, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), values)
    # One that was never compiled has no loss, and is looked at all the same.
    plain = keras.Sequential([keras.layers.Input((6,)), keras.layers.Dense(2, name="only")])
    pipetrace.Pipeline(X, model=plain).trace(tmp_path / "run.trace")
    assert [stage.name for stage in read(tmp_path).stages] == ["source", "only"]


def test_rows_that_the_model_cannot_take(tmp_path: Path) -> None:
    pipeline = pipetrace.Pipeline((X, Y), steps=[("Cut", lambda x: x[:, :4])], model=dense())
    with pytest.raises(pipetrace.PipetraceError, match="cannot take these rows"):
        pipeline.trace(tmp_path / "run.trace")
    assert pipetrace.read(tmp_path / "run.trace").ending.kind == "failed"
    with pytest.raises(ValueError, match=r"shape"):
        pipeline.fit(tmp_path / "run.trace", verbose=0)
    trace = pipetrace.read(tmp_path / "run.trace")
    assert trace.ending.kind == "failed"
    assert [stage.name for stage in trace.stages[:2]] == ["source", "Cut"]


def test_what_the_caller_gives_comes_before_what_the_steps_say(tmp_path: Path) -> None:
    import keras

    told = list[int]()
    counting = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: told.append(epoch))
    model, bare = dense(), dense()
    own = (X[:10] / 255, Y[:10])
    pipeline = pipetrace.Pipeline((X, Y), steps=STEPS, model=model)
    pipeline.fit(
        tmp_path / "run.trace", epochs=2, verbose=0, validation_data=own, callbacks=counting
    )
    bare.fit(
        X[:80] / 255, Y[:80], batch_size=16, shuffle=False, validation_data=own, epochs=2, verbose=0
    )
    assert_weights(model, bare)
    assert told == [0, 1]
    assert read(tmp_path).run.data.validation_rows == 10


def test_a_pipeline_is_fitted_again(tmp_path: Path) -> None:
    pipeline = pipetrace.Pipeline((X, Y), steps=STEPS, model=dense())
    for epochs in (1, 2):
        pipeline.fit(tmp_path / "run.trace", epochs=epochs, verbose=0)
    trace = read(tmp_path)
    assert [epoch.number for epoch in trace.epochs] == [1, 2, 3]
    assert names(trace)[:4] == [
        ("source", "source"),
        ("Scale", "step"),
        ("Split", "step"),
        ("Batch", "step"),
    ]


def test_the_source_stays_as_it_was(tmp_path: Path) -> None:
    def in_place(x: Any) -> Any:
        x /= 255
        return x

    x = X.copy()
    pipetrace.Pipeline((x, Y), steps=[("Scale", in_place)], model=dense()).fit(
        tmp_path / "run.trace", verbose=0
    )
    np.testing.assert_array_equal(x, X)
    trace = read(tmp_path)
    assert_summary(trace, "source", X)
    assert_summary(trace, "Scale", X / 255)


def test_batches_that_a_later_step_puts_together(tmp_path: Path) -> None:
    def together(parts: Any) -> Any:
        return np.concatenate([x for x, _ in parts]), np.concatenate([y for _, y in parts])

    model = dense()
    steps = [("Scale", scale), ("Batch", batch), ("Together", together)]
    pipetrace.Pipeline((X, Y), steps=steps, model=model).fit(tmp_path / "run.trace", verbose=0)
    trace = read(tmp_path)
    assert_summary(trace, "Batch", X / 255)
    assert_summary(trace, "Together", X / 255)
    assert trace.rows == 100
