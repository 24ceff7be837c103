"""The weights after epochs and the rows that a recording keeps, beside what Keras has."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pipetrace
from pipetrace.capture.backend import load
from pipetrace.record.epochs import weights
from pipetrace.record.measure import kept_rows
from pipetrace.trace import Trace
from pipetrace.trace.document import Array

pytestmark = [pytest.mark.framework, pytest.mark.usefixtures("unhurried")]

RANDOM = np.random.default_rng(11)
X = RANDOM.normal(size=(300, 12)).astype(np.float32)
Y = (X[:, 0] > 0.5).astype(int) + (X[:, 1] > 0)


def model() -> Any:
    keras = load()
    keras.utils.set_random_seed(5)
    layers = keras.layers
    made = keras.Sequential(
        [
            keras.Input((12,)),
            layers.Dense(100, "relu", name="hidden"),
            layers.Dense(3, "softmax", name="answer"),
        ]
    )
    loss = "sparse_categorical_crossentropy"
    made.compile(keras.optimizers.Adam(0.01), loss, run_eagerly=True)  # sooner than with a graph
    return made


def recorded(path: Path, epochs: int, *callbacks: Any, **options: Any) -> tuple[Trace, Any, Any]:
    """A trace, the weights by epoch that a callback of Keras saw, and the model."""
    keras = load()
    seen: dict[int, dict[str, Array]] = {}

    def look(epoch: int) -> None:
        seen[epoch] = {
            f"{layer.name}/{each.name}": each.numpy()
            for layer in made.layers
            for each in layer.weights
        }

    made = model()
    looks = keras.callbacks.LambdaCallback(
        on_train_begin=lambda logs: look(0), on_epoch_end=lambda epoch, logs: look(epoch + 1)
    )
    recorder = pipetrace.Recorder(path, verbose=False, **options)
    made.fit(
        X[:200],
        Y[:200],
        epochs=epochs,
        batch_size=100,
        verbose=0,
        validation_data=(X[200:], Y[200:]),
        callbacks=[looks, recorder, *callbacks],
    )
    return pipetrace.read(path), seen, made


def test_weights_and_outputs_after_each_epoch_are_those_of_keras(tmp_path: Path) -> None:
    trace, seen, made = recorded(tmp_path / "run.trace", 4)
    assert list(trace.weights_after) == [0, 1, 2, 3]
    for epoch, kept in trace.weights_after.items():
        assert kept.keys() == seen[epoch].keys()
        for name, values in kept.items():
            largest = np.abs(seen[epoch][name]).max()
            np.testing.assert_allclose(values, seen[epoch][name], atol=5e-4 * largest)
    rows = trace.kept_rows
    assert rows is not None
    assert sorted(rows.numbers) == list(range(100))
    assert rows.validation.all()
    held = X[200:][rows.numbers]
    np.testing.assert_array_equal(rows.inputs["input"], held)
    np.testing.assert_array_equal(rows.targets[0], Y[200:][rows.numbers])
    np.testing.assert_allclose(rows.outputs[0], made.predict(held, verbose=0), atol=1e-5)
    assert list(rows.outputs_after) == [0, 1, 2, 3]
    for epoch, (outputs,) in rows.outputs_after.items():
        made.set_weights(list(seen[epoch].values()))
        np.testing.assert_allclose(outputs, made.predict(held, verbose=0), atol=1e-5)
    followed = [each.row for each in trace.predictions]
    assert list(rows.numbers[: len(followed)]) == sorted(followed)
    is_wrong = rows.outputs[0].argmax(1) != rows.targets[0]
    rest = is_wrong[len(followed) :]
    assert list(rest) == sorted(rest, reverse=True)


def test_a_restored_epoch_leaves_the_weights_of_the_last_one_apart(tmp_path: Path) -> None:
    def restore(logs: object) -> None:
        made.set_weights(seen[1])

    keras, made, seen = load(), model(), dict[int, Any]()
    looks = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.update({epoch + 1: made.get_weights()}),
        on_train_end=restore,
    )
    path = tmp_path / "run.trace"
    recorder = pipetrace.Recorder(path, verbose=False)
    made.fit(X, Y, epochs=3, verbose=0, callbacks=[looks, recorder])
    trace = pipetrace.read(path)
    assert list(trace.weights_after) == [0, 1, 2, 3]
    for place, name in ((1, "hidden/bias"), (3, "answer/bias")):
        np.testing.assert_array_equal(trace.weights_after[3][name], seen[3][place])
        np.testing.assert_array_equal(trace.weights[name], seen[1][place])
    rows = trace.kept_rows
    assert rows is not None
    np.testing.assert_allclose(rows.outputs[0], rows.outputs_after[1][0], atol=1e-6)
    assert np.abs(rows.outputs[0] - rows.outputs_after[3][0]).max() > 0.01


def test_epochs_are_thinned_evenly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "MOST_EPOCHS", 4)
    trace, seen, _ = recorded(tmp_path / "run.trace", 11)
    assert list(trace.weights_after) == [0, 4, 8]
    np.testing.assert_array_equal(trace.weights_after[8]["answer/bias"], seen[8]["answer/bias"])
    monkeypatch.setattr(weights, "MOST_BYTES", 1)
    assert len(recorded(tmp_path / "run.trace", 6)[0].weights_after) <= 3


def test_of_a_larger_model_small_layers_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "MOST_WEIGHTS", 1000)
    monkeypatch.setattr(weights, "MOST_OF_LAYER", 400)
    trace, *_ = recorded(tmp_path / "run.trace", 2)
    assert {name.partition("/")[0] for name in trace.weights_after[0]} == {"answer"}


def test_an_anonymous_trace_keeps_no_further_rows(tmp_path: Path) -> None:
    trace, *_ = recorded(tmp_path / "run.trace", 1, anonymous=True)
    assert trace.kept_rows is None
    assert trace.weights_after
    assert trace.fits[0].called_from == ""


@pytest.mark.parametrize(("limit", "rows"), [("MOST_ROWS", 23), ("MOST_BYTES", 20)])
def test_rows_are_limited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, rows: int
) -> None:
    a_row = 12 * 4 + 3 * 4 + 1 + 8 + 1  # input, output, target, number, set
    monkeypatch.setattr(kept_rows, limit, 20 if limit == "MOST_ROWS" else 20 * a_row)
    trace, *_ = recorded(tmp_path / "run.trace", 1)
    assert trace.kept_rows is not None
    assert rows - 3 <= len(trace.kept_rows.numbers) <= rows
