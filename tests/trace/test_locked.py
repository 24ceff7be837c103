"""Another program that keeps the trace locked, or reads it for long, while it is written."""

import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from pipetrace.errors import NotWritableError
from pipetrace.trace import TraceWriter, read
from pipetrace.trace.document import (
    FINISHED,
    SOURCE,
    Data,
    Ending,
    Epoch,
    Run,
    Spec,
    Stage,
    Training,
)

DATA = Data("rows", "A few rows.", None, "here", 2, "00", ("0", "1"), (1, 1), 1, 0, 0, 1.0)
TRAINING = Training(1, 1, "Adam", {}, "mse", (), 0, 1)
RUN = Run(
    "Rows",
    "2026-01-01T00:00:00+00:00",
    "pipetrace",
    {},
    "tensorflow",
    "Linux",
    "00",
    DATA,
    TRAINING,
)
STAGE = Stage("rows", SOURCE, None, "rows", {}, (), (Spec((None, 2), "float32"),))


def test_the_hint_names_the_lock_and_not_the_folder(tmp_path: Path) -> None:
    path = tmp_path / "some.trace"
    with (
        closing(TraceWriter(path, RUN, (STAGE,))) as writer,
        closing(sqlite3.connect(path)) as other,
    ):
        writer._database.execute("PRAGMA busy_timeout = 0")
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(NotWritableError, match="locked") as caught:
            writer.add_weights({})
    assert "sqlite3" in caught.value.hint
    assert "folder" not in caught.value.hint


def test_training_does_not_wait_for_a_reader(tmp_path: Path) -> None:
    path = tmp_path / "some.trace"
    writer = TraceWriter(path, RUN, (STAGE,))
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        writer.add_epoch(Epoch(1, {}, 1.0), {})
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM epoch").fetchall()
        began = time.monotonic()
        for number in range(2, 6):
            writer.add_epoch(Epoch(number, {}, 1.0), {})
        # A wait that is left in is ten seconds an epoch.
        assert time.monotonic() - began < 5
    writer.end(Ending(FINISHED), {})
    assert len(read(path).epochs) == 5


def test_a_reader_who_leaves_soon_after_the_end_leaves_one_file(tmp_path: Path) -> None:
    path = tmp_path / "some.trace"
    writer = TraceWriter(path, RUN, (STAGE,))
    # One that may only read, as pipetrace's own: any other tidies up when it closes.
    reader = sqlite3.connect(
        f"file:{path}?mode=ro", uri=True, isolation_level=None, check_same_thread=False
    )
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM epoch").fetchall()
    leaving = threading.Timer(0.2, reader.close)
    leaving.start()
    writer.end(Ending(FINISHED), {})
    leaving.join()
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
