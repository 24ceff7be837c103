"""What a trace says of how its training ended, where that is not simple."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.record.models import as_arrays, classifier

import pipetrace
from pipetrace.errors import DiskFullError
from pipetrace.record.session import Session
from pipetrace.trace import TraceWriter, read

pytestmark = pytest.mark.framework

PROGRAM = """
import os, signal, keras, numpy
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
model.compile("sgd", "mse")
x = numpy.ones((64, 4), "float32")
os.chdir("/")
end = keras.callbacks.LambdaCallback(
    on_epoch_end=lambda epoch, _: epoch == 1 and os.kill(os.getpid(), signal.SIGTERM)
)
model.fit(x, x[:, :2], epochs=5, verbose=0, callbacks=[end])
"""


def fit(path: Path, after: str = "none", **options: Any) -> Any:
    model = classifier()
    recorder = pipetrace.Recorder(path, verbose=False, after_training=after)
    callbacks = [*options.pop("callbacks", []), recorder]
    model.fit(**as_arrays(), epochs=3, verbose=0, callbacks=callbacks, **options)
    return model


def test_ctrl_c_that_is_pressed_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import keras

    def again(*_: Any) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(Session, "_measure_what_waited", again)
    first = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, _: epoch == 2 and again())
    with pytest.raises(KeyboardInterrupt):
        fit(tmp_path / "run.trace", "brief", callbacks=[first])
    trace = read(tmp_path / "run.trace")
    assert (trace.ending.kind, len(trace.epochs)) == ("interrupted", 2)


def test_a_disk_that_was_full_for_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = TraceWriter.add_epoch

    def full(self: TraceWriter, epoch: Any, *rest: Any) -> None:
        if epoch.number == 2:
            raise DiskFullError("No room.", hint="Make room.")
        original(self, epoch, *rest)

    monkeypatch.setattr(TraceWriter, "add_epoch", full)
    fit(tmp_path / "run.trace")
    trace = read(tmp_path / "run.trace")
    assert (trace.ending.kind, trace.ending.epoch, len(trace.epochs)) == ("finished", 3, 1)
    assert [(each.kind, each.part) for each in trace.events] == [("recorder", "writing")]
    assert [each.name for each in tmp_path.iterdir()] == ["run.trace"]


def test_another_folder_between_two_trainings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path)
    model = classifier()
    recorder = pipetrace.Recorder("run.trace", verbose=False, after_training="none")
    for folder in (tmp_path / "other", tmp_path):
        model.fit(**as_arrays(), epochs=2, verbose=0, callbacks=[recorder])
        monkeypatch.chdir(folder)
    assert len(read(tmp_path / "run.trace").epochs) == 4
    assert list((tmp_path / "other").iterdir()) == []


def test_a_path_that_another_run_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "run.trace"
    fit(path)
    before = read(path)
    other = TraceWriter(path, before.run, before.stages, before.groups, force=True)
    fit(path)
    other.close()
    assert len(read(path).epochs) == 0
    assert len(read(tmp_path / "run-2.trace").epochs) == 3
    assert capsys.readouterr().err.count("is being written by another run") == 1


@pytest.mark.skipif(os.name == "nt", reason="no SIGTERM here")
def test_sigterm_ends_a_program_as_it_would_and_the_trace_says_so(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(PROGRAM)
    command = [sys.executable, "-m", "pipetrace", "run", "train.py"]
    ended = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, timeout=300)
    assert ended.returncode == -signal.SIGTERM
    trace = read(tmp_path / "train.trace")
    assert trace.ending.kind == "interrupted"
    assert len(trace.epochs) in (1, 2)
