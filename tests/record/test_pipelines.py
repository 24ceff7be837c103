"""Pipelines of a source, steps and a model, each beside the same training written by hand."""

from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pipetrace
from pipetrace.errors import ArgumentError
from pipetrace.trace import Trace
from pipetrace.trace.document import Array

pytestmark = [
    pytest.mark.framework,
    pytest.mark.usefixtures("unhurried"),
    pytest.mark.filterwarnings("ignore:.*shuffle:UserWarning"),
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]

CHANCE = np.random.default_rng(0)
X = CHANCE.integers(0, 256, (100, 6)).astype(np.float32)
Y = (X[:, 0] > 128).astype(np.int64) + (X[:, 1] > 200)


def dense(*, name: str = "hidden", eager: bool = True) -> Any:
    import keras

    keras.utils.set_random_seed(3)
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((6,)),
            layers.Dense(5, activation="relu", name=name),
            layers.Dropout(0.3, name="drop"),
            layers.Dense(3, activation="softmax", name="answer"),
        ],
        name="small",
    )
    # Making a graph takes most of a short training, so most of these train without one.
    loss = "sparse_categorical_crossentropy"
    model.compile("adam", loss=loss, metrics=["accuracy"], run_eagerly=eager)
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


def both(
    tmp_path: Path, source: Any, steps: Any, rows: tuple[Any, ...], make: Any = None, **options: Any
) -> tuple[Any, Trace]:
    """A pipeline is fitted, and the same model by hand on these rows: weights and history are the same.

    Options of ``fit`` are for both; ``alone`` holds those of the training by hand.

    Returns:
        the pipeline's model, and its trace.
    """
    alone = options.pop("alone", {})
    model, bare = (make or dense)(), (make or dense)()
    pipeline = pipetrace.Pipeline(source, steps=steps, model=model)
    history = pipeline.fit(tmp_path / "run.trace", verbose=0, **options)
    assert bare.fit(*rows, verbose=0, **options, **alone).history == history.history
    assert_weights(model, bare)
    return model, read(tmp_path)


def assert_summary(trace: Trace, stage: str, values: Array) -> None:
    found = trace.stage(stage).summary
    assert found is not None
    assert (found.count, found.min, found.max) == (values.size, values.min(), values.max())
    assert found.mean == pytest.approx(values.mean(dtype=np.float64), rel=1e-6)
    assert found.std == pytest.approx(values.std(dtype=np.float64), rel=1e-6)
    assert found.zeros == (values == 0).sum()


def names(trace: Trace, kind: str = "") -> list[str]:
    return [stage.name for stage in trace.stages if stage.kind == kind or not kind]


def hidden(model: Any, rows: Any) -> Any:
    """What the hidden layer gives for rows."""
    return np.asarray(model.get_layer("hidden")(rows))


def assert_example(trace: Trace, stage: str, values: Array) -> None:
    example = trace.stage(stage).example
    assert example is not None
    np.testing.assert_array_equal(example, values)


def test_scaled_split_and_in_batches(tmp_path: Path) -> None:
    # The batches are trained on in their order; with shuffling the weights would be others.
    scaled, held = X[:80] / 255, (X[80:] / 255, Y[80:])
    alone = {"batch_size": 16, "shuffle": False, "validation_data": held}
    make = partial(dense, eager=False)
    model, trace = both(tmp_path, (X, Y), STEPS, (scaled, Y[:80]), make, alone=alone, epochs=2)
    steps = ["Scale", "Split", "Batch"]
    assert (names(trace, "source"), names(trace, "step")) == (["source"], steps)
    assert names(trace, "layer") == ["hidden", "drop", "answer"]
    data, training = trace.run.data, trace.run.training
    assert (data.rows, data.validation_rows, training.batch_size, trace.rows) == (80, 20, 16, 80)
    assert [epoch.steps for epoch in trace.epochs] == [5, 5]
    for stage, values in (("source", X), ("Scale", X / 255), ("Split", scaled), ("Batch", scaled)):
        assert_summary(trace, stage, values)
    assert_summary(trace, "hidden", hidden(model, scaled))
    assert trace.stage("hidden").inputs[0].source == "Batch"
    assert [stage.inputs[0].source for stage in trace.stages[1:4]] == ["source", *steps[:2]]
    for prediction in trace.predictions:
        assert prediction.validation
        row = X[80 + prediction.row] / 255
        np.testing.assert_allclose(prediction.outputs["Batch"], row, rtol=1e-6)
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

    steps, rows = [("Choose", chosen), ("Scale", scale)], (X[order] / 255, Y[order])
    _, trace = both(tmp_path, (X, Y), steps, rows, epochs=1, batch_size=20)
    assert (trace.run.data.rows, trace.run.data.validation_rows, trace.rows) == (60, 0, 60)
    assert trace.predictions
    for prediction in trace.predictions:
        assert not prediction.validation
        row = order[prediction.row]
        np.testing.assert_array_equal(prediction.outputs["source"], X[row])
        np.testing.assert_array_equal(prediction.outputs["Choose"], X[row])
        np.testing.assert_array_equal(prediction.outputs["Scale"], X[row] / 255)
        assert prediction.label == Y[row]
    # The example is the first row that the model gets, wherever it was before.
    first = X[order[0]]
    for stage, values in (("source", first), ("Choose", first), ("Scale", first / 255)):
        assert_example(trace, stage, values)


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

    steps, options = [("Window", windows)], {"epochs": 1, "batch_size": 99}
    _, trace = both(tmp_path, series, steps, windows(series), model, **options)
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

    rows, options = (scaled(x), X[:, 5]), {"epochs": 1, "shuffle": False}
    _, trace = both(tmp_path, (x, X[:, 5]), [("Scale", scaled)], rows, two_inputs, **options)
    assert names(trace) == ["source", "Scale", "join", "out"]
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
    assert_example(trace, "Scale", X[0, :2] / 255)
    np.testing.assert_array_equal(trace.stage("Scale").others[0], X[0, 2:5] / 255)
    for prediction in trace.predictions:
        row = np.concatenate([X[prediction.row, 2:5], X[prediction.row, :2]]) / 255
        np.testing.assert_allclose(prediction.outputs["join"], row, rtol=1e-6)


def test_a_dataset_as_the_source(tmp_path: Path) -> None:
    import tensorflow as tf

    def dataset() -> Any:
        return tf.data.Dataset.from_tensor_slices((X, Y)).map(lambda x, y: (x / 255, y)).batch(16)

    model, trace = both(tmp_path, dataset(), (), (dataset(),), epochs=2)
    assert names(trace, "layer") == ["hidden", "drop", "answer"]
    assert trace.stages[0].kind == "source"
    before = [stage.name for stage in trace.stages if stage.kind != "layer"]
    assert trace.stage("hidden").inputs[0].source == before[-1]
    assert [epoch.steps for epoch in trace.epochs] == [7, 7]
    assert trace.run.training.batch_size == 16
    assert_summary(trace, "hidden", hidden(model, X / 255))


def test_a_step_that_streams(tmp_path: Path) -> None:
    def stream(x: Any, y: Any) -> Iterator[Any]:
        while True:
            for start in range(0, len(x), 25):
                yield x[start : start + 25], y[start : start + 25]

    steps, rows = [("Scale", scale), ("Stream", stream)], (stream(X / 255, Y),)
    _, trace = both(tmp_path, (X, Y), steps, rows, epochs=2, steps_per_epoch=4)
    assert names(trace)[:3] == ["source", "Scale", "Stream"]
    assert [spec.shape for spec in trace.stages[2].outputs] == [(None, *X.shape[1:])]
    assert trace.run.training.batch_size == 25
    assert trace.run.data.rows is None
    with pytest.raises(ArgumentError, match="no arrays"):
        pipetrace.Pipeline((X, Y), steps=steps, model=dense()).trace(tmp_path / "other.trace")
    assert not (tmp_path / "other.trace").exists()


def test_uneven_batches(tmp_path: Path) -> None:
    edges = [0, 5, 45, 60, 100]

    def uneven(x: Any, y: Any) -> Any:
        return [(x[start:end], y[start:end]) for start, end in pairwise(edges)]

    def again(parts: Any) -> Iterator[Any]:
        while True:
            yield from parts

    rows, alone = (again(uneven(X / 255, Y)),), {"steps_per_epoch": 4}
    steps = [("Batch", uneven)]
    model, trace = both(tmp_path, (X / 255, Y), steps, rows, alone=alone, epochs=2)
    assert [epoch.steps for epoch in trace.epochs] == [4, 4]
    assert_summary(trace, "Batch", X / 255)
    assert_summary(trace, "hidden", hidden(model, X / 255))


def test_a_step_with_the_name_of_a_layer(tmp_path: Path) -> None:
    model = dense(name="Scale")
    pipetrace.Pipeline((X, Y), steps=[("Scale", scale), ("source", scale)], model=model).fit(
        tmp_path / "run.trace", verbose=0
    )
    trace = read(tmp_path)
    layers = ["Scale", "drop", "answer"]
    assert names(trace) == ["source_", "Scale (step)", "source", *layers]
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
    kinds = " ".join(stage.kind for stage in trace.stages)
    assert kinds == "source step step layer op layer"
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
    assert names(read(tmp_path)) == ["source", "only"]


def test_what_the_caller_gives_comes_before_what_the_steps_say(tmp_path: Path) -> None:
    import keras

    told = list[int]()
    counting = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: told.append(epoch))
    options = {"validation_data": (X[:10] / 255, Y[:10]), "callbacks": counting, "epochs": 2}
    alone, rows = {"batch_size": 16, "shuffle": False}, (X[:80] / 255, Y[:80])
    _, trace = both(tmp_path, (X, Y), STEPS, rows, alone=alone, **options)
    assert told == [0, 1] * 2
    assert trace.run.data.validation_rows == 10


def test_a_pipeline_is_fitted_again(tmp_path: Path) -> None:
    pipeline = pipetrace.Pipeline((X, Y), steps=STEPS, model=dense())
    for epochs in (1, 2):
        pipeline.fit(tmp_path / "run.trace", epochs=epochs, verbose=0)
    trace = read(tmp_path)
    assert [epoch.number for epoch in trace.epochs] == [1, 2, 3]
    assert names(trace)[:4] == ["source", "Scale", "Split", "Batch"]


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
