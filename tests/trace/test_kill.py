"""Traces of writers that were killed with no chance to say goodbye."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from benchmarks.reliability.writing import Forked, synthetic

from pipetrace.trace import TraceWriter, read
from pipetrace.trace.document import Ending

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork and no kill -9 here")

Writing = Callable[[Path], Forked]


@pytest.fixture
def writing() -> Iterator[Writing]:
    """Gives a child that goes on to write a trace, of which one epoch is finished."""
    made: list[Forked] = []

    def write(path: Path) -> Forked:
        made.append(Forked(partial(synthetic, epochs=100_000), path))
        until = time.monotonic() + 60
        while "epoch 1" not in made[-1].said:
            assert time.monotonic() < until
            time.sleep(0.001)
        return made[-1]

    yield write
    for each in made:
        os.kill(each.child, signal.SIGKILL)
        each.wait()


def test_a_dead_process_that_nobody_has_waited_for_does_not_run(
    tmp_path: Path, writing: Writing
) -> None:
    path = tmp_path / "run.trace"
    child = writing(path).child
    assert read(path).ending.kind == "running"
    os.kill(child, signal.SIGKILL)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    if Path(f"/proc/{child}/stat").exists():
        assert read(path).ending.kind == "killed"


def test_a_process_number_that_was_used_again_is_not_the_writer(
    tmp_path: Path, writing: Writing, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run.trace"
    writing(path)
    monkeypatch.setattr("pipetrace.trace.claim.process_start", lambda _: "another moment")
    assert read(path).ending.kind == "killed"
    monkeypatch.undo()
    assert read(path).ending.kind == "running"
    monkeypatch.setattr("platform.node", lambda: "another computer")
    assert read(path).ending.kind == "killed"


def test_where_no_start_of_a_process_is_told_its_number_decides(
    trace_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipetrace.trace.claim.process_start", lambda _: None)
    # The writer is this process, then one that has ended.
    old = read(trace_file)
    TraceWriter(trace_file, old.run, old.stages, force=True).close()
    assert read(trace_file).ending.kind == "running"
    if not (child := os.fork()):
        os._exit(0)
    os.waitpid(child, 0)
    monkeypatch.setattr("os.getpid", lambda: child)
    TraceWriter(trace_file, old.run, old.stages, force=True).close()
    assert read(trace_file).ending.kind == "killed"


def test_a_run_that_follows_replaces_the_killed_one(tmp_path: Path, writing: Writing) -> None:
    path = tmp_path / "run.trace"
    child = writing(path).child
    os.kill(child, signal.SIGKILL)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    old = read(path)
    writer = TraceWriter(path, old.run, old.stages, force=True)
    assert read(path).epochs == ()
    writer.end(Ending("finished"), {})
    assert [each.name for each in tmp_path.iterdir()] == ["run.trace"]


@pytest.mark.framework
def test_a_killed_training_run(tmp_path: Path) -> None:
    path = tmp_path / "run.trace"
    options = ["--rows", "96", "--epochs", "100000", "-o", str(path)]
    command = [sys.executable, "-m", "pipetrace", "digits", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("Epoch 2:"):
                break
        time.sleep(random.Random(0).uniform(0, 0.2))
        process.kill()
        finished = 2 + sum(line.startswith("Epoch ") for line in process.stdout)
        assert process.wait(10) == -signal.SIGKILL
    trace = read(path)
    # All epochs that were shown, perhaps the one in between, none in part.
    assert len(trace.epochs) in (finished, finished + 1)
    assert [epoch.number for epoch in trace.epochs] == list(range(1, len(trace.epochs) + 1))
    assert trace.ending == Ending("killed", epoch=len(trace.epochs))
    # The source's pictures are the same in each epoch.
    names = {stage.name for stage in trace.stages[1:]}
    for epoch in trace.epochs:
        assert set(epoch.metrics) == {"loss", "accuracy", "val_loss", "val_accuracy"}
        assert set(epoch.probe) == names
        assert np.isfinite(list(epoch.metrics.values())).all()
