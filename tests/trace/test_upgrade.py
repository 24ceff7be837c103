"""Traces of the schema before this one."""

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipetrace.errors import DamagedTraceError, NewerTraceError
from pipetrace.trace import Trace, read
from pipetrace.trace.document import (
    Ending,
    Epoch,
    Prediction,
    Summary,
)
from pipetrace.trace.schema import APPLICATION_ID, SCHEMA, TABLES
from pipetrace.trace.upgrade import layout

Differ = Callable[[Any, Any], list[str]]
MakeEpoch = Callable[[int], Epoch]

VERSION_1 = """
CREATE TABLE run (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE stage (
    position INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    layer TEXT,
    path TEXT NOT NULL,
    config TEXT NOT NULL,
    trainable INTEGER NOT NULL,
    frozen INTEGER NOT NULL,
    flops INTEGER
);
CREATE TABLE spec (
    stage TEXT NOT NULL REFERENCES stage (name),
    role TEXT NOT NULL,
    position INTEGER NOT NULL,
    shape TEXT NOT NULL,
    dtype TEXT NOT NULL,
    source TEXT,
    PRIMARY KEY (stage, role, position)
) WITHOUT ROWID;
CREATE TABLE weight (
    stage TEXT NOT NULL REFERENCES stage (name),
    position INTEGER NOT NULL,
    name TEXT NOT NULL,
    shape TEXT NOT NULL,
    trainable INTEGER NOT NULL,
    PRIMARY KEY (stage, position)
) WITHOUT ROWID;
CREATE TABLE epoch (number INTEGER PRIMARY KEY, seconds REAL NOT NULL, learning_rate, steps INTEGER);
CREATE TABLE metric (
    epoch INTEGER NOT NULL REFERENCES epoch (number),
    name TEXT NOT NULL,
    value NOT NULL,
    PRIMARY KEY (epoch, name)
) WITHOUT ROWID;
CREATE TABLE summary (
    id INTEGER PRIMARY KEY,
    part TEXT NOT NULL,
    name TEXT NOT NULL,
    epoch INTEGER,
    channel INTEGER,
    count INTEGER NOT NULL,
    nan INTEGER NOT NULL,
    positive_infinity INTEGER NOT NULL,
    negative_infinity INTEGER NOT NULL,
    zeros INTEGER NOT NULL,
    min REAL,
    max REAL,
    mean REAL,
    std REAL,
    histogram_bits INTEGER NOT NULL,
    histogram_keys BLOB NOT NULL,
    histogram_counts BLOB NOT NULL
);
CREATE TABLE tensor (
    part TEXT NOT NULL,
    name TEXT NOT NULL,
    dtype TEXT NOT NULL,
    shape TEXT NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (part, name)
);
CREATE TABLE prediction (id INTEGER PRIMARY KEY, row INTEGER NOT NULL, label INTEGER);
CREATE TABLE cost (part TEXT PRIMARY KEY, seconds REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE ending (kind TEXT NOT NULL, message TEXT, stage TEXT, epoch INTEGER);
"""
"""What pipetrace wrote under schema 1, as commit 156f679 has it. A file of that time never changes, nor does this."""

RUN_1 = {
    "title",
    "created",
    "command",
    "versions",
    "backend",
    "platform",
    "model_fingerprint",
    "data",
    "training",
}
NEW_IN_DATA = ("rows", "targets", "complete")
NEW_IN_TRAINING = ("losses", "from_logits", "callbacks", "class_weights", "policy")


NEW_RUN_IN_3 = ("spending", "histogram_rows")


def summaries_of(trace: Trace) -> Iterator[tuple[str, str, int | None, Summary]]:
    """All summaries, in the order in which a run writes them."""
    for epoch in trace.epochs:
        for part, found in (("probe", epoch.probe), ("weight", epoch.weights)):
            for name, summary in found.items():
                yield part, name, epoch.number, summary
    for attribute, part in (
        ("summary", "rows"),
        ("mask", "mask"),
        ("training", "training"),
        ("prediction", "prediction"),
    ):
        for stage in trace.stages:
            summary = getattr(stage, attribute)
            if summary is not None:
                yield part, stage.name, None, summary


def old_rows(
    part: str, name: str, epoch: int | None, summary: Summary
) -> Iterator[tuple[Any, ...]]:
    """A summary as it was stored up to schema 2: a row for the whole and one for each channel."""
    for channel, each in ((None, summary), *enumerate(summary.channels or ())):
        counts = (each.count, each.nan, each.positive_infinity, each.negative_infinity, each.zeros)
        histogram = each.histogram
        keys, counted = (
            histogram.keys.astype("<u2").tobytes(),
            histogram.counts.astype("<i8").tobytes(),
        )
        yield (
            None,
            part,
            name,
            epoch,
            channel,
            *counts,
            each.min,
            each.max,
            each.mean,
            each.std,
            histogram.bits,
            keys,
            counted,
        )


def write_old(source: Path, path: Path, schema: int, tables: str) -> None:
    """A finished trace as a file of an earlier schema: the tables as they were, the rows without what they could not hold."""
    with closing(sqlite3.connect(path)) as old, closing(sqlite3.connect(source)) as new:
        old.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        old.execute(f"PRAGMA user_version = {schema}")
        old.executescript(tables)
        for (table,) in old.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table'"
        ).fetchall():
            columns = [row[1] for row in old.execute(f"PRAGMA table_info({table})")]
            if table == "summary":
                rows = [row for each in summaries_of(read(source)) for row in old_rows(*each)]
            else:
                rows = new.execute(f"SELECT {', '.join(columns)} FROM {table}").fetchall()
            old.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(columns))})", rows)
        old.execute(f"DELETE FROM run WHERE key IN ({', '.join(map(repr, NEW_RUN_IN_3))})")
        old.commit()


def write_1(source: Path, path: Path) -> None:
    """A finished trace as a file of schema 1."""
    write_old(source, path, 1, VERSION_1)
    with closing(sqlite3.connect(path)) as old:
        old.execute(
            f"DELETE FROM run WHERE key NOT IN ({', '.join(map(repr, [*RUN_1, 'rows', 'writer']))})"
        )
        for key, fields in (("data", NEW_IN_DATA), ("training", NEW_IN_TRAINING)):
            for field in fields:
                old.execute(
                    f"UPDATE run SET value = json_remove(value, '$.{field}') WHERE key = '{key}'"
                )
        old.execute("DELETE FROM tensor WHERE part LIKE 'target/%'")
        old.commit()


@pytest.fixture
def old_file(trace_file: Path) -> Path:
    path = trace_file.with_name("old.trace")
    write_1(trace_file, path)
    return path


def as_schema_1(trace: Trace) -> Trace:
    """What of a trace schema 1 can tell."""
    predictions = tuple(
        Prediction(
            each.row, each.label, each.outputs, reason="row", loss=None, targets=(), held_out=True
        )
        for each in trace.predictions
    )
    run = replace(trace.run, model=None)
    kept = replace(trace, schema=1, run=run, predictions=predictions, groups=(), events=())
    return without_news_of_3(kept)


def without_news_of_3(trace: Trace) -> Trace:
    """The trace without what schema 3 has added."""
    return replace(trace, measurements=(), spending=None, histogram_rows=None)


def test_the_layout_of_schema_1_is_what_it_was() -> None:
    assert layout(1) == VERSION_1
    assert layout(3) == TABLES
    assert SCHEMA == 3


def test_the_layout_of_schema_2_is_that_of_today_but_for_summaries_and_measurements() -> None:
    old = re.search(r"CREATE TABLE summary \(.*?\n\);\n", VERSION_1, re.DOTALL)
    assert old
    expected = re.sub(r"CREATE TABLE summary \(.*?\n\);\n", old[0], TABLES, flags=re.DOTALL)
    for name in ("content", "measurement"):
        expected, count = re.subn(rf"CREATE TABLE {name} \([^;]*\);\n", "", expected)
        assert count == 1
    assert layout(2) == expected


@pytest.mark.parametrize("real", [False, True])
def test_a_trace_of_schema_2_is_the_same_but_for_what_it_had_not(
    trace_file: Path, digits_file: Path, tmp_path: Path, differ: Differ, *, real: bool
) -> None:
    source, path = digits_file if real else trace_file, tmp_path / "two.trace"
    write_old(source, path, 2, layout(2))
    expected, trace = read(source), read(path)
    assert trace.schema == 2
    assert differ(trace, replace(without_news_of_3(expected), schema=2)) == []
    assert len(trace.epochs) == 3
    assert any(summary.channels for epoch in trace.epochs for summary in epoch.probe.values())


def test_an_old_trace_is_the_same_trace(old_file: Path, trace_file: Path, differ: Differ) -> None:
    trace = read(old_file)
    assert differ(trace, as_schema_1(read(trace_file))) == []
    assert trace.schema == 1
    assert len(trace.epochs) == 3
    assert trace.stages[1].inputs[0].source == "input"


def test_an_old_trace_of_a_real_run(digits_file: Path, tmp_path: Path, differ: Differ) -> None:
    path = tmp_path / "old.trace"
    write_1(digits_file, path)
    expected = read(digits_file)
    data = replace(expected.run.data, rows=None, targets=(), complete=True)
    training = replace(
        expected.run.training,
        losses={},
        from_logits=False,
        callbacks=(),
        class_weights=False,
        policy="float32",
    )
    expected = replace(expected, run=replace(expected.run, data=data, training=training))
    assert differ(read(path), as_schema_1(expected)) == []


def test_the_comparison_with_an_old_trace_can_fail(
    old_file: Path, trace_file: Path, differ: Differ
) -> None:
    with closing(sqlite3.connect(old_file)) as database:
        database.execute("UPDATE metric SET value = value + 1 WHERE epoch = 2 AND name = 'loss'")
        database.commit()
    (found,) = differ(read(old_file), as_schema_1(read(trace_file)))
    assert "loss" in found


def test_reading_an_old_trace_changes_nothing(old_file: Path) -> None:
    before = old_file.read_bytes()
    names = sorted(each.name for each in old_file.parent.iterdir())
    read(old_file)
    assert old_file.read_bytes() == before
    assert sorted(each.name for each in old_file.parent.iterdir()) == names


@pytest.mark.parametrize(
    "script",
    [
        "CREATE TABLE more (a)",
        "CREATE VIEW more AS SELECT 1",
        "CREATE TRIGGER more AFTER INSERT ON run BEGIN SELECT 1; END",
        "CREATE INDEX more ON metric (name)",
        "ALTER TABLE prediction ADD COLUMN reason TEXT NOT NULL DEFAULT 'row'",
        "ALTER TABLE spec ADD COLUMN output INTEGER",
        "CREATE TABLE event (id INTEGER PRIMARY KEY, kind TEXT)",
        "DROP TABLE cost",
        "ALTER TABLE cost RENAME COLUMN part TO name",
    ],
)
def test_an_old_trace_with_anything_else_in_it_is_refused(old_file: Path, script: str) -> None:
    with closing(sqlite3.connect(old_file)) as database:
        database.executescript(script)
    with pytest.raises(DamagedTraceError, match=r"it (lacks|holds) the"):
        read(old_file)


@pytest.mark.parametrize(
    ("version", "error", "said"),
    [
        (0, DamagedTraceError, "it has no schema version"),
        (-1, DamagedTraceError, "it has no schema version"),
        (1, DamagedTraceError, "it lacks the table"),
        (2, DamagedTraceError, "it lacks the table summary"),
        (4, NewerTraceError, "has schema 4; this pipetrace reads up to 3"),
    ],
)
def test_a_trace_of_another_schema(
    trace_file: Path, version: int, error: type[Exception], said: str
) -> None:
    with closing(sqlite3.connect(trace_file)) as database:
        database.execute(f"PRAGMA user_version = {version}")
    with pytest.raises(error, match=said):
        read(trace_file)


def test_an_old_file_that_calls_itself_new_is_refused(old_file: Path) -> None:
    with closing(sqlite3.connect(old_file)) as database:
        database.execute("PRAGMA user_version = 2")
    with pytest.raises(DamagedTraceError, match="it lacks the table"):
        read(old_file)


def test_an_old_trace_without_an_ending(old_file: Path) -> None:
    with closing(sqlite3.connect(old_file)) as database:
        database.execute("DELETE FROM ending")
        database.execute("UPDATE run SET value = json_set(value, '$.pid', 0) WHERE key = 'writer'")
        database.commit()
    assert read(old_file).ending == Ending("killed", epoch=3)
