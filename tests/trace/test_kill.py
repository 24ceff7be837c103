"""Traces of writers that were killed with no chance to say goodbye."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pipetrace.trace import Trace, TraceWriter, read
from pipetrace.trace.document import Ending

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork and no kill -9 here")

WRITERS = Path(__file__).with_name("write_forever.py")
RECORDING = Path(__file__).with_name("record_digits.py")


class Writers:
    """The process that forks writers."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(WRITERS)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        )
        assert self.process.stdout is not None
        self._lines = self.process.stdout
        self._rest = b""

    def say(self, line: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n".encode())

    def start(self, path: Path) -> int:
        """The process number of a new writer; what the writer says before it is told is kept for ``finished``."""
        self.say(path)
        self._said = []
        while not (line := self._line()).isdigit():
            self._said.append(line)
        return int(line)

    def wait_for(self, line: str) -> None:
        while line not in self._said:
            assert "gone" not in self._said, f"the writer ended by itself before it said {line!r}"
            self._said.append(self._line())

    def finished(self) -> int:
        """How many epochs the dead writer had reported."""
        self.wait_for("gone")
        return sum(line.startswith("epoch ") for line in self._said)

    def _line(self) -> str:
        while b"\n" not in self._rest:
            more = self._lines.read(1 << 16)
            assert more, "the process that forks writers has ended"
            self._rest += more
        line, _, self._rest = self._rest.partition(b"\n")
        return line.decode()


@pytest.fixture(scope="module")
def writers() -> Iterator[Writers]:
    made = Writers()
    yield made
    assert made.process.stdin is not None
    made.process.stdin.close()
    assert made.process.wait(10) == 0
    made._lines.close()


def assert_whole_epochs(trace: Trace, finished: int) -> None:
    """All epochs that the writer had reported, perhaps the one in between, none in part."""
    numbers = [epoch.number for epoch in trace.epochs]
    assert numbers in (list(range(1, finished + 1)), list(range(1, finished + 2)))
    for epoch in trace.epochs:
        assert epoch.metrics == {"loss": 1 / epoch.number, "accuracy": 0.5}
        assert set(epoch.probe) == {"a", "b"}
        assert {len(summary.channels or ()) for summary in epoch.probe.values()} == {8}


def test_a_writer_at_work_is_running_and_shows_whole_epochs(
    tmp_path: Path, writers: Writers
) -> None:
    path = tmp_path / "run.trace"
    child = writers.start(path)
    writers.wait_for("epoch 1")
    seen: list[int] = []
    until = time.monotonic() + 1
    while time.monotonic() < until:
        trace = read(path)
        seen.append(len(trace.epochs))
        assert_whole_epochs(trace, seen[-1])
        assert trace.ending == Ending("running", epoch=seen[-1])
    os.kill(child, signal.SIGKILL)
    assert seen == sorted(seen)
    assert len(set(seen)) > 2, "nothing was written between the readings"
    assert seen[-1] <= writers.finished() + 1
    assert read(path).ending.kind == "killed"


def test_a_dead_process_that_nobody_has_waited_for_does_not_run(tmp_path: Path) -> None:
    path = tmp_path / "run.trace"
    writers = Writers()
    writers.say("wait")
    child = writers.start(path)
    writers.wait_for("epoch 1")
    os.kill(child, signal.SIGKILL)
    state = Path(f"/proc/{child}/stat")
    if state.exists():
        until = time.monotonic() + 10
        while state.read_text().rpartition(")")[2].split()[0] != "Z" and time.monotonic() < until:
            time.sleep(0.01)
        assert read(path).ending.kind == "killed"
    writers.say("")
    writers.finished()
    assert read(path).ending.kind == "killed"
    assert writers.process.stdin is not None
    writers.process.stdin.close()
    writers.process.wait(10)
    writers._lines.close()


def test_a_process_number_that_was_used_again_is_not_the_writer(
    tmp_path: Path, writers: Writers, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run.trace"
    child = writers.start(path)
    writers.wait_for("epoch 1")
    monkeypatch.setattr("pipetrace.trace.claim.process_start", lambda _: "another moment")
    assert read(path).ending.kind == "killed"
    monkeypatch.undo()
    assert read(path).ending.kind == "running"
    monkeypatch.setattr("platform.node", lambda: "another computer")
    assert read(path).ending.kind == "killed"
    os.kill(child, signal.SIGKILL)
    writers.finished()


def test_where_no_start_of_a_process_is_told_its_number_decides(
    tmp_path: Path, writers: Writers, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run.trace"
    monkeypatch.setattr("pipetrace.trace.claim.process_start", lambda _: None)
    child = writers.start(tmp_path / "other.trace")
    writers.wait_for("epoch 1")
    # The writer is this process, then one that has ended.
    old = read(tmp_path / "other.trace")
    TraceWriter(path, old.run, old.stages).close()
    assert read(path).ending.kind == "running"
    os.kill(child, signal.SIGKILL)
    writers.finished()
    monkeypatch.setattr("os.getpid", lambda: child)
    TraceWriter(path, old.run, old.stages, force=True).close()
    assert read(path).ending.kind == "killed"


def test_a_run_that_follows_replaces_the_killed_one(tmp_path: Path, writers: Writers) -> None:
    path = tmp_path / "run.trace"
    child = writers.start(path)
    writers.wait_for("epoch 2")
    os.kill(child, signal.SIGKILL)
    writers.finished()
    old = read(path)
    writer = TraceWriter(path, old.run, old.stages, force=True)
    assert read(path).epochs == ()
    writer.end(Ending("finished"), {})
    assert [each.name for each in tmp_path.iterdir()] == ["run.trace"]


@pytest.mark.framework
def test_a_killed_training_run(tmp_path: Path) -> None:
    moments = random.Random(0)
    # Side by side, since loading the framework takes most of the time.
    runs = {}
    for epochs in (0, 2):
        command = [sys.executable, str(RECORDING), str(tmp_path / f"{epochs}.trace")]
        runs[epochs] = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    for epochs, process in runs.items():
        assert process.stdout is not None
        for line in process.stdout:
            if line == (f"epoch {epochs}\n" if epochs else "Training\n"):
                break
        time.sleep(moments.uniform(0, 0.2))
        process.kill()
        finished = epochs + sum(line.startswith("epoch ") for line in process.stdout)
        process.stdout.close()
        assert process.wait(10) == -signal.SIGKILL
        trace = read(tmp_path / f"{epochs}.trace")
        assert_training_run(trace, finished)


def assert_training_run(trace: Trace, finished: int) -> None:
    assert len(trace.epochs) in (finished, finished + 1)
    assert [epoch.number for epoch in trace.epochs] == list(range(1, len(trace.epochs) + 1))
    assert trace.ending == Ending("killed", epoch=len(trace.epochs) or None)
    # The source's pictures are the same in each epoch.
    names = {stage.name for stage in trace.stages[1:]}
    for epoch in trace.epochs:
        assert set(epoch.metrics) == {"loss", "accuracy", "val_loss", "val_accuracy"}
        assert set(epoch.probe) == names
        assert np.isfinite(list(epoch.metrics.values())).all()
