"""What a trace says of the person and the machine: names of options and no values, and nothing with ``anonymous``."""

import getpass
import os
import platform
import re
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import keras
import numpy as np
import pytest
from benchmarks.reliability import base_traces
from tests.markdown import ROOT

import pipetrace
from pipetrace.record.privacy import command_line, started, unnamed_stages
from pipetrace.trace.document import Stage
from pipetrace.trace.schema import TABLES

PROGRAM = ("/usr/bin/python3", "/data/me/train.py")
ARGUMENTS: list[tuple[list[str], str, str]] = [
    (["--epochs", "5", "--quiet"], "--epochs ... --quiet", "--epochs 5 --quiet"),
    (["--lr=0.1", "lr=0.2", "-o", "x"], "--lr=... lr=... -o ...", "--lr=0.1 lr=0.2 -o x"),
    (["--token", "abc", "a b"], "--token ...", "--token *** 'a b'"),
    (["--api-key=abc", "PASSWORD=x"], "--api-key=... PASSWORD=...", "--api-key=*** PASSWORD=***"),
    (["-psecret", "-5"], "...", "*** -5"),
    (["--url", "https://me:pw@h/x?a=b"], "--url ...", "--url https://***@h/x?***"),
    (["hf_abcDEF1234567", "/data/me/data.csv"], "...", "*** /data/me/data.csv"),
    (["a1b2c3d4e5f6a1b2c3d4e5f6"], "...", "***"),
]


def test_values_are_dropped_or_secrets_masked() -> None:
    for given, names, values in ARGUMENTS:
        assert command_line(PROGRAM, given) == f"python3 train.py {names}"
        assert command_line(PROGRAM, given, values=True) == f"python3 train.py {values}"


def test_a_notebook_has_no_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/x/ipykernel_launcher.py", "-f", "/data/me/kernel.json"])
    monkeypatch.setitem(sys.modules, "ipykernel", pytest)
    assert started() == started(values=True) == "notebook"


def texts(path: Path) -> Iterator[str]:
    """Every text and blob of a trace."""
    with closing(sqlite3.connect(path)) as database:
        for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'"):
            for row in database.execute(f"SELECT * FROM {table}").fetchall():
                yield from (
                    str(each, "latin-1") if isinstance(each, bytes) else str(each) for each in row
                )


@pytest.mark.parametrize("anonymous", [False, True])
def test_what_a_real_run_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, anonymous: bool
) -> None:
    class Reads(keras.callbacks.Callback):  # type: ignore[misc] # Keras has no types
        def on_epoch_end(self, epoch: int, logs: object = None) -> None:
            (tmp_path / "private.csv").read_text()

    monkeypatch.setattr(sys, "argv", [str(tmp_path / "mine.py"), "--token", "hf_abcdef123456"])
    monkeypatch.setattr("platform.node", lambda: "the-machine-of-somebody")
    model = keras.Sequential(
        [keras.Input((3,)), keras.layers.Lambda(lambda x: x * 2), keras.layers.Dense(2, "softmax")]
    )
    model.compile("sgd", "sparse_categorical_crossentropy")
    path = tmp_path / "a.trace"
    recorder = pipetrace.Recorder(
        path, budget=None, verbose=False, class_names=["Alice", "Bob"], anonymous=anonymous
    )
    x, y = np.eye(6, 3, dtype=np.float32), np.arange(6) % 2
    with pytest.raises(FileNotFoundError):
        model.fit(x, y, epochs=1, verbose=0, callbacks=[recorder, Reads()])
    written = "\n".join(texts(path))
    for word in ("hf_abcdef123456", platform.node(), str(Path.home()) + os.sep):
        assert word not in written
    if len(getpass.getuser()) > 4:
        assert getpass.getuser() not in written
    for word in ("mine.py", "private.csv", "Alice"):
        assert (word in written) is not anonymous
    trace = pipetrace.read(path)
    assert (trace.run.command == "") is anonymous
    assert trace.ending.kind == "failed"
    assert str(trace.ending.error).startswith("FileNotFoundError")


def test_an_anonymous_stage_has_no_vocabulary() -> None:
    config = {"vocabulary": ["Alice"], "vocabulary_size": 2, "name": "words"}
    stage = Stage("words", "layer", "StringLookup", "words", config, (), ())
    [told] = unnamed_stages([stage])
    assert told.config == {**config, "vocabulary": None}


def rows_of(heading: str) -> set[str]:
    """The names in the first column of the table that follows a line of docs/privacy.md."""
    page = (ROOT / "docs" / "privacy.md").read_text()
    table = page.partition(heading)[2].partition("\n\n")[2].partition("\n\n")[0]
    cells = (line.split("|")[1] for line in table.splitlines()[2:])
    return {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}


def test_the_page_lists_all_that_enters_a_file(tmp_path: Path) -> None:
    assert rows_of("## What enters the file") == set(re.findall(r"CREATE TABLE (\w+)", TABLES))
    path = base_traces.written(tmp_path / "a.trace")
    with closing(sqlite3.connect(path)) as database:
        keys = {key for (key,) in database.execute("SELECT key FROM run")}
    # Only `pipetrace ablate` adds its own.
    assert rows_of("`run` holds these keys:") == keys | {"ablations"}
