"""One writer a file: who comes second takes another name, whoever died counts no more."""

import errno
import fcntl
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from pipetrace.errors import NotWritableError
from pipetrace.trace import TraceWriter, read
from pipetrace.trace.claim import claim, this_process
from pipetrace.trace.document import Ending

WAITING = "import sys, pathlib; from pipetrace.trace.claim import claim\n"
WAITING += "held = claim(pathlib.Path(sys.argv[1])); print(held.path.name, flush=True)\n"
WAITING += "sys.stdin.read()"


@pytest.fixture(params=["locks", "no locks"])
def locks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the locks of the file system, and without."""

    def no_locks(*_: Any) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    if request.param == "no locks":
        monkeypatch.setattr(fcntl, "flock", no_locks)


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Any]:
    """Another process that has claimed the file, until it is told to end."""
    command = [sys.executable, "-c", WAITING, str(tmp_path / "run.trace")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.name = process.stdout.readline().decode().strip()  # type: ignore[attr-defined]
        yield process
        process.kill()


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


@pytest.mark.usefixtures("locks")
def test_the_second_takes_the_next_name_that_is_free(tmp_path: Path, recording: Any) -> None:
    path = tmp_path / "run.trace"
    (tmp_path / "run-3.trace").write_bytes(b"something to keep")
    made = [TraceWriter(path, recording.run, (), force=True) for _ in range(3)]
    expected = ["run.trace", "run-2.trace", "run-4.trace"]
    assert [each.path.name for each in made] == expected
    for number, each in enumerate(made):
        for epoch in recording.epochs[: number + 1]:
            each.add_epoch(epoch, {})
    for each in made:
        each.end(Ending("finished"), {})
    assert names(tmp_path) == sorted([*expected, "run-3.trace"])
    assert [len(read(tmp_path / name).epochs) for name in expected] == [1, 2, 3]
    # Nobody writes any of them now, so the name that is asked for is taken again.
    again = TraceWriter(path, recording.run, (), force=True)
    assert again.path == path
    again.close()


@pytest.mark.usefixtures("locks")
def test_a_writer_that_could_not_begin_keeps_no_name(tmp_path: Path, recording: Any) -> None:
    path = tmp_path / "run.trace"
    path.mkdir()
    with pytest.raises(NotWritableError):
        TraceWriter(path, recording.run, (), force=True)
    path.rmdir()
    assert claim(path).path == path


def test_another_process_is_left_alone_while_it_lives(tmp_path: Path, elsewhere: Any) -> None:
    path = tmp_path / "run.trace"
    assert elsewhere.name == "run.trace"
    held = claim(path)
    assert held.path.name == "run-2.trace"
    elsewhere.kill()
    elsewhere.wait()
    again = claim(path)
    assert again.path == path
    for each in (again, held):
        each.release()
    assert names(tmp_path) == []


def test_without_locks_the_process_that_is_named_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(*_: Any) -> None:
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    path, lock = tmp_path / "run.trace", tmp_path / ".run.trace.lock"
    ended = {**this_process(), "started": "another moment"}
    cases = ((this_process(), "run-2.trace"), (ended, "run.trace"), (None, "run-2.trace"))
    for owner, expected in cases:
        lock.write_text(json.dumps(owner) if owner else "")
        held = claim(path)
        assert held.path.name == expected
        held.release()
        lock.unlink(missing_ok=True)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_child_that_outlives_its_parent_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "run.trace"
    telling, told = os.pipe()
    parent = os.fork()
    if not parent:
        held = claim(path)
        child = os.fork()
        if not child:
            held.release()  # as when its copy of the recorder goes
            signal.pause()
        os.write(told, str(child).encode())
        os._exit(0 if held.path == path else 1)
    child = int(os.read(telling, 20))
    try:
        assert os.waitpid(parent, 0)[1] == 0
        assert claim(path).path == path
    finally:
        os.kill(child, signal.SIGKILL)
        for each in (telling, told):
            os.close(each)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_of_processes_that_begin_at_once_each_has_a_file(tmp_path: Path, recording: Any) -> None:
    path, count = tmp_path / "run.trace", 8
    ready, go = os.pipe()
    children = []
    for number in range(count):
        if child := os.fork():
            children.append(child)
            continue
        code = 1
        with suppress(BaseException):
            os.close(go)
            os.read(ready, 1)  # until all are there
            writer = TraceWriter(path, recording.run, (), force=True)
            for epoch in recording.epochs[: number % 3 + 1]:
                writer.add_epoch(epoch, {})
            writer.end(Ending("finished", epoch=number), {})
            code = 0
        os._exit(code)
    os.close(go)
    os.close(ready)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * count
    # A process that begins when another has ended takes its place, so names may be fewer.
    found = [read(each) for each in tmp_path.iterdir()]
    assert found
    for trace in found:
        assert trace.ending.kind == "finished"
        assert len(trace.epochs) == (trace.ending.epoch or 0) % 3 + 1
