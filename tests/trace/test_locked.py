"""Another program that keeps the trace locked while it is written."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from pipetrace.errors import NotWritableError
from pipetrace.trace import TraceWriter
from pipetrace.trace.document import SOURCE, Data, Run, Spec, Stage, Training

DATA = Data("rows", "A few rows.", None, "here", 2, "00", ("0", "1"), (1, 1), 1, 0, 0, 1.0)
TRAINING = Training(1, 1, "Adam", {}, "mse", (), 0, 1)
RUN = Run("Rows", "2026-01-01T00:00:00+00:00", "pipetrace", {}, "tensorflow", "Linux", "00", DATA, TRAINING)
STAGE = Stage("rows", SOURCE, None, "rows", {}, (), (Spec((None, 2), "float32"),))


def test_the_hint_names_the_lock_and_not_the_folder(tmp_path: Path) -> None:
    path = tmp_path / "some.trace"
    with closing(TraceWriter(path, RUN, (STAGE,))) as writer, closing(sqlite3.connect(path)) as other:
        writer._database.execute("PRAGMA busy_timeout = 0")
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(NotWritableError, match="locked") as caught:
            writer.add_weights({})
    assert "open transaction" in caught.value.hint
    assert "folder" not in caught.value.hint
