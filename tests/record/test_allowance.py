"""What a whole fit may cost: what is traced and measured within it, and what the trace says of the rest."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.record.models import classifier, rows

import pipetrace
from pipetrace.capture.forward import Forward
from pipetrace.explain.overhead import omissions
from pipetrace.record import budget, finish, look
from pipetrace.trace import Trace, read
from pipetrace.trace.overhead import BUDGET, INTERRUPTED_BY_USER

pytestmark = pytest.mark.framework


def skipped(trace: Trace) -> set[tuple[str, str]]:
    assert trace.overhead is not None
    return {(each.what, each.reason) for each in trace.overhead.skipped}


@pytest.fixture
def nothing_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FLOOR", "PLANNED_OF_FLOOR", "WHOLE_SECONDS", "WHOLE_SHARE"):
        monkeypatch.setattr(budget, name, 0.0)


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The models that are traced, in order."""
    found: list[Any] = []
    made = Forward.__init__

    def noted(self: Forward, model: Any, *rest: Any, **options: Any) -> None:
        if type(self) is Forward:  # the times of the stages are taken by a pass of its own
            found.append(model)
        made(self, model, *rest, **options)

    monkeypatch.setattr(Forward, "__init__", noted)
    return found


@pytest.mark.usefixtures("nothing_allowed")
def test_what_there_is_no_time_to_trace_is_described_as_it_was_built(tmp_path: Path) -> None:
    import keras

    calls = list[int]()

    class Slow(keras.layers.Layer):  # type: ignore[misc] # Keras has no types
        def call(self, values: Any) -> Any:
            calls.append(1)
            return values * 2.0

    counts = []
    for recorded in (False, True):
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((6,)), Slow(), keras.layers.Dense(3)])
        model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        x, y = rows()
        path = tmp_path / "run.trace"
        callbacks = [pipetrace.Recorder(path, budget=0.0, verbose=False)] if recorded else []
        model.fit(x, y, epochs=3, callbacks=callbacks, verbose=0)
        counts.append(len(calls))
        calls.clear()
    assert counts[0] == counts[1]
    trace = read(path)
    assert [stage.layer for stage in trace.stages] == [None, "Slow", "Dense"]
    assert [trace.stages[2].outputs[0].shape, trace.stages[2].parameters.total] == [(None, 3), 21]
    np.testing.assert_array_equal(
        trace.weights[f"{trace.stages[2].name}/kernel"], model.get_weights()[0]
    )
    assert ("passes", BUDGET) in skipped(trace)
    assert (trace.rows, trace.predictions, len(trace.epochs)) == (0, (), 3)
    assert "long to trace" in omissions(trace)


def test_tracing_that_takes_too_long_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import keras

    for name in ("FLOOR", "PLANNED_OF_FLOOR", "WHOLE_SHARE"):
        monkeypatch.setattr(budget, name, 0.0)
    monkeypatch.setattr(budget, "WHOLE_SECONDS", 2.0)
    monkeypatch.setattr(look, "LOOK_OF_TRACE", 0.0)  # it expects to be done in no time
    calls = list[str]()

    class Slow(keras.layers.Layer):  # type: ignore[misc]
        def call(self, values: Any) -> Any:
            calls.append(self.name)
            time.sleep(0.5)
            return values * 2.0

    weights, counts = [], []
    for recorded in (False, True):
        keras.utils.set_random_seed(0)
        slow = [Slow(name=f"slow_{number}") for number in range(6)]
        model = keras.Sequential([keras.Input((6,)), *slow, keras.layers.Dense(3)])
        model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        calls.clear()
        callbacks = [pipetrace.Recorder(tmp_path / "run.trace", verbose=False, budget=0.0)]
        x, y = rows()
        model.fit(x, y, callbacks=callbacks if recorded else [], verbose=0)
        weights.append(model.get_weights())
        counts.append([calls.count(layer.name) for layer in slow])
    np.testing.assert_array_equal(weights[0][0], weights[1][0])
    more = [ours - plain for plain, ours in zip(*counts, strict=True)]
    assert (more[0], more[-1]) == (1, 0)
    trace = read(tmp_path / "run.trace")
    assert ("passes", BUDGET) in skipped(trace)
    assert (len(trace.stages), trace.ending.kind) == (8, "finished")


def test_what_readers_use_first_is_had_where_nothing_else_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budget, "WHOLE_SECONDS", 600.0)
    monkeypatch.setattr(budget, "PLANNED_OF_WHOLE", 0.0)
    x, y = rows()
    recorder = pipetrace.Recorder(tmp_path / "run.trace", verbose=False)
    classifier().fit(x, y, epochs=2, validation_split=0.2, callbacks=[recorder], verbose=0)
    trace = read(tmp_path / "run.trace")
    assert trace.predictions
    assert trace.rows
    assert {each.name for each in trace.measurements if each.kind == "outcome"} >= {
        "validation",
        "training",
    }
    assert "baseline_model" in {each.kind for each in trace.measurements}
    assert ("dimensions", BUDGET) in skipped(trace)


def test_a_model_is_traced_once_over_several_fits(tmp_path: Path, traced: list[Any]) -> None:
    import keras

    keras.utils.set_random_seed(0)
    hidden = keras.layers.Dense(8, "relu", name="hidden")
    model = keras.Sequential([keras.Input((6,)), hidden, keras.layers.Dense(3, "softmax")])
    x, y = rows()
    recorder = pipetrace.Recorder(tmp_path / "run.trace", verbose=False, budget=None)
    for trains in (True, False):
        hidden.trainable = trains
        model.compile("sgd", "sparse_categorical_crossentropy")
        model.fit(x, y, epochs=2, validation_split=0.2, callbacks=[recorder], verbose=0)
        trace = read(tmp_path / "run.trace")
        parameters = trace.stages["hidden"].parameters
        assert (parameters.trainable, parameters.frozen) == ((56, 0) if trains else (0, 56))
        assert [each.trainable for each in trace.stages["hidden"].weights] == [trains] * 2
        assert trace.predictions
        assert trace.rows
    assert traced == [model]


@pytest.mark.parametrize("after", ["brief", "all"])
def test_ctrl_c_after_training_keeps_what_was_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: str
) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(finish, "flow", interrupted)
    x, y = rows()
    recorder = pipetrace.Recorder(tmp_path / "run.trace", verbose=False, after_training=after)
    try:
        history = classifier().fit(x, y, epochs=2, callbacks=[recorder], verbose=0)
    except KeyboardInterrupt:
        assert after == "brief"  # nobody asked for more, so it is the program's
    else:
        assert (after, len(history.history["loss"])) == ("all", 2)
    trace = read(tmp_path / "run.trace")
    assert (trace.ending.kind, len(trace.epochs), trace.rows) == ("finished", 2, 0)
    assert trace.predictions
    assert ("after training", INTERRUPTED_BY_USER) in skipped(trace)
