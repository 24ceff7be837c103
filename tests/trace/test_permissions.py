"""Reading where the process may not write, and what belongs to another user."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pipetrace.errors import NotATraceError
from pipetrace.trace import TraceWriter, read
from pipetrace.trace.document import Ending, Epoch

pytestmark = pytest.mark.skipif(os.name == "nt", reason="no users to become")

MakeEpoch = Callable[[int], Epoch]


@contextmanager
def folder_that_takes_no_writes(path: Path) -> Iterator[None]:
    """Permissions that bind this process, which may have to lay down root's rights for it."""
    user = os.geteuid()
    path.chmod(0o555)
    if user == 0:
        os.seteuid(65534)
    try:
        with pytest.raises(PermissionError):
            (path / "new").touch()
        yield
    finally:
        os.seteuid(user)
        path.chmod(0o755)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that another user may enter, as pytest's own may not."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def test_a_trace_in_a_folder_that_takes_no_writes(open_folder: Path, trace_file: Path) -> None:
    path = open_folder / "run.trace"
    shutil.copy(trace_file, path)
    with folder_that_takes_no_writes(open_folder):
        assert len(read(path).epochs) == 3


def test_a_live_trace_of_another_user(open_folder: Path, recording: Any, epoch: MakeEpoch) -> None:
    path = open_folder / "run.trace"
    writer = TraceWriter(path, recording.run, recording.stages)
    writer.add_epoch(epoch(1), {})
    with folder_that_takes_no_writes(open_folder):
        trace = read(path)
    assert (len(trace.epochs), trace.ending.kind) == (1, "running")
    writer.end(Ending("finished"), {})


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a file that this user may not read")
def test_a_file_that_may_not_be_read(open_folder: Path, trace_file: Path) -> None:
    path = open_folder / "run.trace"
    shutil.copy(trace_file, path)
    path.chmod(0)
    with (
        folder_that_takes_no_writes(open_folder),
        pytest.raises(NotATraceError, match="Permission denied"),
    ):
        read(path)
