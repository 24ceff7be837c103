"""Keras on another backend: the training stays as it is, and what is recorded is what Keras computes."""

import contextlib
import math
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.examples.compare_runs import compared
from tests.examples.gallery import EXAMPLES as FOLDER
from tests.examples.gallery import FITTED

import pipetrace
from pipetrace.capture.eager import EagerForward
from pipetrace.capture.hook import TookTooLongError
from pipetrace.explain.findings.finding import flat
from pipetrace.trace import Trace
from pipetrace.trace.measurements import Gradient

keras = pytest.importorskip("keras")

# Keras warns of NumPy and of the types that JAX lacks.
pytestmark = [pytest.mark.framework, pytest.mark.filterwarnings("default")]

NEEDS_TENSORFLOW = re.compile(r"^import tensorflow|\btf\.", re.M)
EXAMPLES = [
    name for name in FITTED if not NEEDS_TENSORFLOW.search((FOLDER / f"{name}.py").read_text())
]
if keras.backend.backend() == "torch":  # raises without pipetrace: grad_input must be contiguous
    EXAMPLES.remove("segmentation")
EVERYTHING: Any = {"budget": None, "after_training": "all", "verbose": False}


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_training_ends_the_same_to_the_bit(name: str, tmp_path: Path) -> None:
    line = compared(name, tmp_path, ["0.02"])
    assert "error" not in line, line["error"]
    assert line["differ"] == {"0.02": []}
    assert all(line["values"][kind] for kind in ("weight", "optimizer", "history", "random"))


def images(rows: int = 96) -> tuple[Any, Any]:
    """Images of one bright column of four."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 4, rows)
    x = rng.uniform(0, 0.2, (rows, 8, 8, 1)).astype("float32")
    for row, column in enumerate(y):
        x[row, :, 2 * column] += 0.8
    return x, y


def classifier(rate: float = 0.01, last: str | None = "softmax") -> Any:
    keras.utils.set_random_seed(1)
    given = keras.Input((8, 8, 1), name="image")
    hidden = keras.layers.Conv2D(4, 3, padding="same", activation="relu", name="first")(given)
    other = keras.layers.Conv2D(4, 3, padding="same", name="second")(hidden)
    hidden = keras.layers.Add(name="joined")([hidden, other])
    hidden = keras.layers.BatchNormalization(name="normal")(hidden)
    hidden = keras.layers.Flatten(name="flat")(hidden)
    hidden = keras.layers.Dropout(0.2, name="drop")(hidden)
    model = keras.Model(given, keras.layers.Dense(4, activation=last, name="scores")(hidden))
    model.compile(
        keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    return model


def recorded(model: Any, path: Path, x: Any, y: Any, **options: Any) -> Trace:
    recorder = pipetrace.Recorder(path, **EVERYTHING)
    fit: Any = {"epochs": 2, "batch_size": 16, "verbose": 0, **options}
    model.fit(x, y, callbacks=[recorder], **fit)
    return pipetrace.read(path)


def test_stages_hold_what_keras_computes(tmp_path: Path) -> None:
    x, y = images()
    model = classifier()
    trace = recorded(model, tmp_path / "run.trace", x, y, validation_data=(x[:32], y[:32]))
    assert trace.run.backend == keras.backend.backend()
    assert trace.ending.kind == "finished"
    names = ["first", "second", "joined", "normal", "flat", "drop", "scores"]
    assert [stage.name for stage in trace.stages if stage.kind == "layer"] == names
    assert [spec.source for spec in trace.stages["joined"].inputs] == ["first", "second"]
    for name in names:
        layer = model.get_layer(name)
        values = keras.ops.convert_to_numpy(keras.Model(model.input, layer.output)(x))
        stage = trace.stages[name]
        assert stage.outputs[0].shape == (None, *values.shape[1:])
        assert stage.summary is not None
        assert stage.summary.count == values.size
        assert stage.summary.mean == pytest.approx(values.mean(dtype=np.float64), abs=1e-5)
        assert stage.example is not None
        np.testing.assert_allclose(stage.example, values[trace.run.data.example_row], atol=1e-5)
    for name, values in trace.weights.items():
        layer, _, which = name.rpartition("/")
        own = next(each for each in model.get_layer(layer).weights if each.name == which)
        np.testing.assert_array_equal(values, keras.ops.convert_to_numpy(own))
    assert trace.overhead is not None
    assert ("stage times", "unsupported") in {
        (each.what, each.reason) for each in trace.overhead.skipped
    }
    in_training = {stage.name for stage in trace.stages if stage.training is not None}
    assert in_training == {"normal", "drop"}


def test_gradients_are_those_of_the_loss(tmp_path: Path) -> None:
    """Of a linear model with a penalty, whose gradient has a closed form."""
    rng = np.random.default_rng(2)
    x, rate, rows = rng.normal(size=(64, 3)).astype("float32"), 0.0, 64
    y = (x @ np.array([[1.0], [-2.0], [0.5]]) + 0.3).astype("float32")
    keras.utils.set_random_seed(1)
    layer = keras.layers.Dense(1, kernel_regularizer=keras.regularizers.L2(0.1), name="line")
    model = keras.Sequential([keras.Input((3,)), layer])
    model.compile(keras.optimizers.SGD(rate), "mse")
    trace = recorded(model, tmp_path / "run.trace", x, y, batch_size=rows)
    kernel, bias = (keras.ops.convert_to_numpy(each).astype(np.float64) for each in layer.weights)
    error = x @ kernel + bias - y
    penalty = 0.2 * kernel
    whole = 2 * x.T @ error / rows + penalty
    found = trace.measurements
    assert found.of(Gradient, "line/kernel", 2).norm == pytest.approx(
        np.linalg.norm(whole), rel=1e-4
    )
    assert found.of(Gradient, "line/kernel", 2).penalty_norm == pytest.approx(
        np.linalg.norm(penalty), rel=1e-4
    )
    assert found.of(Gradient, "line/bias", 2).norm == pytest.approx(abs(2 * error.mean()), rel=1e-4)


def test_only_the_first_look_may_be_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Later passes run under the hook too, on JAX those of another number of rows."""
    x, _ = images()
    until = time.perf_counter() + 600
    forward = EagerForward(classifier(), x[:2], [("image", 0)], until=until)
    monkeypatch.setattr("pipetrace.capture.hook.time.perf_counter", lambda: until + 1)
    assert len(forward(x[:7])["scores"]) == 7
    with pytest.raises(TookTooLongError):
        EagerForward(classifier(), x[:2], [("image", 0)], until=until)


def test_a_fault_is_found(tmp_path: Path) -> None:
    """The loss expects probabilities, and the last layer gives scores."""
    x, y = images()
    codes = {
        last: {
            each.code
            for each in pipetrace.findings(
                recorded(classifier(last=last), tmp_path / f"{last}.trace", x, y)
            )
        }
        for last in ("softmax", None)
    }
    assert codes[None] - codes["softmax"]


def test_not_a_number_is_located(tmp_path: Path) -> None:
    x, y = images()
    x[40, 2, 2] = math.nan
    trace = recorded(classifier(), tmp_path / "run.trace", x, y, shuffle=False)
    assert any(event.row == 40 for event in trace.events)


class Raises(keras.layers.Layer):  # type: ignore[misc, name-defined] # Keras has no types
    """Wants three columns."""

    def call(self, inputs: Any) -> Any:
        if inputs.shape[-1] != 3:
            raise ValueError("not three columns")
        return inputs


def test_the_layer_that_raised_is_named(tmp_path: Path) -> None:
    model = keras.Sequential([keras.layers.Dense(4, name="first"), Raises(name="raises")])
    model.compile("sgd", "mse")
    path = tmp_path / "run.trace"
    pipetrace.watch(model, path, verbose=False)
    with pytest.raises(Exception, match="not three columns"):
        model.fit(np.ones((8, 2), "float32"), np.ones((8, 4), "float32"), verbose=0)
    ending = pipetrace.read(path).ending
    assert (ending.kind, ending.stage) == ("failed", "raises")


def test_a_loss_that_raises_for_nan_is_explained_by_the_first_layer_with_it(tmp_path: Path) -> None:
    """PyTorch's binary crossentropy raises; on JAX the loss is NaN."""
    keras.utils.set_random_seed(1)
    names = [f"hidden_{number}" for number in range(6)]
    deep = [keras.layers.Dense(5, "exponential", name=name) for name in names]
    last = keras.layers.Dense(1, "sigmoid", name="scores")
    model = keras.Sequential([keras.Input((2,)), *deep, last])
    model.compile("adam", "binary_crossentropy")
    x = np.random.default_rng(0).normal(size=(64, 2)).astype("float32")
    made, values = [], keras.ops.convert_to_tensor(x)
    for layer in deep:
        values = layer(values)
        made.append(np.isfinite(keras.ops.convert_to_numpy(values)).all())
    path = tmp_path / "run.trace"
    pipetrace.watch(model, path, verbose=False)
    on_torch = keras.backend.backend() == "torch"
    with pytest.raises(RuntimeError) if on_torch else contextlib.nullcontext():
        model.fit(x, (x[:, 0] > 0).astype("float32"), verbose=0)
    found = {each.code: each for each in flat(pipetrace.findings(path))}
    assert found["PT701"].stage == names[made.index(False)]


class HasNoCall(keras.Model):  # type: ignore[misc, name-defined] # Keras has no types
    """Only its training step calls what it is made of, so Keras cannot build it."""

    def train_step(self, *given: Any) -> Any:
        raise AssertionError(given)


def test_a_model_that_keras_cannot_build_has_a_trace_that_says_so(tmp_path: Path) -> None:
    model = HasNoCall(name="without")
    model.compile("sgd", "mse")
    path = tmp_path / "run.trace"
    pipetrace.watch(model, path, verbose=False)
    with pytest.raises(RuntimeError, match="Unable to automatically build"):
        model.fit(np.ones((8, 2), "float32"), verbose=0)
    trace = pipetrace.read(path)
    assert (trace.ending.kind, trace.ending.stage) == ("failed", "without")
    assert [stage.kind for stage in trace.stages] == ["source", "layer"]
    assert "run-not-finished" in {each.name for each in pipetrace.findings(trace)}


def test_a_generator_s_rows_are_kept(tmp_path: Path) -> None:
    x, y = images()

    def batches() -> Any:
        while True:
            for start in range(0, len(x), 16):
                yield x[start : start + 16], y[start : start + 16]

    path = tmp_path / "run.trace"
    classifier().fit(
        batches(),
        steps_per_epoch=6,
        epochs=2,
        verbose=0,
        callbacks=[pipetrace.Recorder(path, **EVERYTHING)],
    )
    trace = pipetrace.read(path)
    assert trace.kept_rows is not None
    assert trace.predictions


def test_run_records_a_program_that_knows_nothing_of_it(tmp_path: Path) -> None:
    program = tmp_path / "train.py"
    program.write_text(
        "import numpy as np, keras\n"
        "model = keras.Sequential([keras.layers.Dense(1, name='line')])\n"
        "model.compile('sgd', 'mse')\n"
        "x = np.arange(8, dtype='float32').reshape(8, 1) / 8\n"
        "model.fit(x, 2 * x, epochs=2, verbose=0)\n"
    )
    command = [sys.executable, "-m", "pipetrace", "run", "--out", "run.trace", str(program)]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=300)
    trace = pipetrace.read(tmp_path / "run.trace")
    assert len(trace.epochs) == 2
    assert trace.run.backend == keras.backend.backend()
