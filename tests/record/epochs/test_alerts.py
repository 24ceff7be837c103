"""What a program has done about findings while it trains: it is stopped, and a function of its own is called."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pipetrace
from pipetrace.explain.headline import status
from pipetrace.record import live_findings
from pipetrace.trace.document import Ending

EPOCHS = 6


@pytest.fixture(autouse=True)
def _looks_are_free(monkeypatch: pytest.MonkeyPatch) -> None:
    live_findings.forget_what_was_told()
    monkeypatch.setattr(live_findings, "LOOK_SHARE", 1e9)


def model(*, faulty: bool) -> Any:
    import keras

    keras.utils.set_random_seed(0)
    last = keras.layers.Dense(3, None if faulty else "softmax", name="last")
    made = keras.Sequential([keras.Input((8,)), keras.layers.Dense(16, "relu"), last])
    made.compile("adam", "sparse_categorical_crossentropy")
    return made


def rows() -> tuple[Any, Any]:
    x = np.random.default_rng(0).random((200, 8), np.float32)
    return x, (x[:, 0] * 3).astype("int32")


def fit(
    path: Path, *, faulty: bool = True, epochs: int = EPOCHS, **options: Any
) -> tuple[Any, Any, Any]:
    """The history, the model and the trace of a training."""
    import keras

    made = model(faulty=faulty)
    recorder = pipetrace.Recorder(path, verbose=False, **options)

    class Waits(keras.callbacks.Callback):  # type: ignore[misc] # Keras has no types
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            if recorder._session and recorder._session.state.writer:
                recorder._session.state.writer.wait()

    history = made.fit(*rows(), epochs=epochs, verbose=0, callbacks=[recorder, Waits()])
    return history, made, pipetrace.read(path)


@pytest.mark.framework
def test_a_training_that_cannot_work_is_stopped_and_the_trace_says_by_what(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    history, _, trace = fit(tmp_path / "run.trace", stop_on="error")
    assert 1 <= len(history.epoch) < EPOCHS
    assert (trace.ending.kind, trace.ending.rule) == ("stopped", "PT303")
    assert len(trace.epochs) == len(history.epoch)
    assert capsys.readouterr().err.count("PT303") == 1
    assert "PT303" in status(trace)
    # The same training of a model without the fault goes on, and so does one that nobody wants stopped.
    for faulty, options in ((False, {"stop_on": "error"}), (True, {})):
        history, _, trace = fit(tmp_path / "run.trace", faulty=faulty, epochs=3, **options)
        assert (len(history.epoch), trace.ending) == (3, Ending("finished", epoch=3))


@pytest.mark.framework
def test_a_loss_that_becomes_nan_stops_the_training_within_the_epoch(tmp_path: Path) -> None:
    made = model(faulty=False)
    made.compile("sgd", lambda _, given: given * float("nan"))
    x, y = (np.tile(each, (5, *[1] * (each.ndim - 1))) for each in rows())
    made.fit(
        x,
        y,
        batch_size=2,
        epochs=2,
        verbose=0,
        callbacks=[pipetrace.Recorder(tmp_path / "run.trace", stop_on="error")],
    )
    trace = pipetrace.read(tmp_path / "run.trace")
    assert trace.ending.rule == "PT701"
    assert len(trace.epochs) == 1
    assert (trace.epochs[0].steps or 0) < len(x) // 2
    assert "PT551" not in [each.code for each in pipetrace.findings(trace)]


@pytest.mark.framework
def test_each_finding_is_told_once_and_all_of_the_trace_by_the_end(tmp_path: Path) -> None:
    told: list[Any] = []
    _, _, trace = fit(
        tmp_path / "run.trace", epochs=3, on_finding=lambda each: told.append((each, len(told)))
    )
    assert isinstance(told[0][0], pipetrace.Finding)
    keys = [(each.code, each.stage) for each, _ in told]
    assert len(keys) == len(set(keys))
    assert {(each.code, each.stage) for each in pipetrace.findings(trace)} <= set(keys)


@pytest.mark.framework
def test_a_function_that_raises_is_called_once_and_changes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    calls: list[Any] = []

    def fails(finding: Any) -> None:
        calls.append(finding)
        raise ZeroDivisionError("of the function")

    _, told, trace = fit(tmp_path / "a.trace", epochs=3, on_finding=fails)
    assert len(calls) == 1
    assert capsys.readouterr().err.count("ZeroDivisionError") == 1
    assert [(each.kind, each.part) for each in trace.events] == [("recorder", "on_finding")]
    _, plain, _ = fit(tmp_path / "b.trace", epochs=3)
    assert all(map(np.array_equal, told.get_weights(), plain.get_weights()))
    # What is meant to end the program does so.
    with pytest.raises(SystemExit):
        fit(tmp_path / "c.trace", on_finding=lambda _: exit(3))
    assert pipetrace.read(tmp_path / "c.trace").ending.kind == "failed"


@pytest.mark.framework
def test_a_loop_of_ones_own_reads_stop_training(tmp_path: Path) -> None:
    made, (x, y) = model(faulty=True), rows()
    made.stop_training = False
    with pipetrace.recording(
        made, tmp_path / "run.trace", x, y, verbose=False, stop_on="error"
    ) as run:
        for _ in range(50):
            run.step(loss=made.train_on_batch(x, y))
            run.epoch()
            writer = run._session and run._session.state.writer
            assert writer
            writer.wait()
            if made.stop_training:
                break
    trace = pipetrace.read(tmp_path / "run.trace")
    assert (trace.ending.kind, trace.ending.rule) == ("stopped", "PT303")
    assert len(trace.epochs) < 50
