"""The layout of a trace file, and how stages are written. ``docs/trace-format.md`` explains it."""

import sqlite3
from collections.abc import Sequence
from typing import Any, Protocol

from pipetrace.trace.codec import encode_json
from pipetrace.trace.document import Group, Spec, Stage

APPLICATION_ID = 0x70747263
"""``ptrc`` in ASCII, at byte 68 of the file. It marks a SQLite database as a trace."""

SCHEMA = 1
"""The version of the layout, in ``user_version``. A reader refuses a file of a higher one."""

TABLES = """
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
    output INTEGER NOT NULL,
    name TEXT,
    PRIMARY KEY (stage, role, position)
) WITHOUT ROWID;
CREATE TABLE stage_group (
    position INTEGER PRIMARY KEY,
    path TEXT NOT NULL,
    layer TEXT NOT NULL,
    trainable INTEGER NOT NULL,
    frozen INTEGER NOT NULL,
    own_trainable INTEGER NOT NULL,
    own_frozen INTEGER NOT NULL
);
CREATE TABLE group_spec (
    stage_group INTEGER NOT NULL REFERENCES stage_group (position),
    role TEXT NOT NULL,
    position INTEGER NOT NULL,
    shape TEXT NOT NULL,
    dtype TEXT NOT NULL,
    source TEXT,
    output INTEGER NOT NULL,
    name TEXT,
    PRIMARY KEY (stage_group, role, position)
) WITHOUT ROWID;
CREATE TABLE weight (
    stage TEXT NOT NULL REFERENCES stage (name),
    position INTEGER NOT NULL,
    name TEXT NOT NULL,
    shape TEXT NOT NULL,
    trainable INTEGER NOT NULL,
    PRIMARY KEY (stage, position)
) WITHOUT ROWID;
CREATE TABLE epoch (
    number INTEGER PRIMARY KEY,
    seconds REAL NOT NULL,
    learning_rate,
    steps INTEGER
);
CREATE TABLE metric (
    epoch INTEGER NOT NULL REFERENCES epoch (number),
    name TEXT NOT NULL,
    value NOT NULL,
    PRIMARY KEY (epoch, name)
) WITHOUT ROWID;
CREATE TABLE content (id INTEGER PRIMARY KEY, data NOT NULL);
CREATE TABLE summary (
    id INTEGER PRIMARY KEY,
    part TEXT NOT NULL,
    name TEXT NOT NULL,
    epoch INTEGER,
    count INTEGER NOT NULL,
    nan INTEGER NOT NULL,
    positive_infinity INTEGER NOT NULL,
    negative_infinity INTEGER NOT NULL,
    zeros INTEGER NOT NULL,
    min REAL,
    max REAL,
    mean REAL,
    std REAL,
    histogram INTEGER NOT NULL REFERENCES content (id),
    channels INTEGER REFERENCES content (id)
);
CREATE TABLE tensor (
    part TEXT NOT NULL,
    name TEXT NOT NULL,
    dtype TEXT NOT NULL,
    shape TEXT NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (part, name)
);
CREATE TABLE prediction (
    id INTEGER PRIMARY KEY,
    row INTEGER NOT NULL,
    label INTEGER,
    reason TEXT NOT NULL,
    loss,
    validation INTEGER NOT NULL
);
CREATE TABLE event (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    epoch INTEGER,
    step INTEGER,
    stage TEXT,
    details TEXT NOT NULL
);
CREATE TABLE measurement (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    epoch INTEGER,
    figures INTEGER NOT NULL REFERENCES content (id)
);
CREATE TABLE cost (part TEXT PRIMARY KEY, seconds REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE ending (
    kind TEXT NOT NULL, error TEXT, stage TEXT, epoch INTEGER, step INTEGER, rule TEXT
);
"""


class Database(Protocol):
    """A database, or changes of one that are remembered."""

    def execute(self, sql: str, values: Sequence[Any] = ..., /) -> sqlite3.Cursor:
        """Execute a statement."""


def add_stage(database: Database, position: int, stage: Stage) -> None:
    """Write a stage with its specs and weights."""
    database.execute(
        "INSERT INTO stage VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            position,
            stage.name,
            stage.kind,
            stage.layer,
            stage.path,
            encode_json(stage.config),
            stage.parameters.trainable,
            stage.parameters.frozen,
            stage.flops,
        ),
    )
    _add_specs(database, "spec", stage.name, stage.inputs, stage.outputs)
    for number, weight in enumerate(stage.weights):
        values = (stage.name, number, weight.name, encode_json(weight.shape), weight.trainable)
        database.execute("INSERT INTO weight VALUES (?, ?, ?, ?, ?)", values)


def add_group(database: Database, position: int, group: Group) -> None:
    """Write a group with its specs."""
    whole, own = group.parameters, group.own
    values = (position, group.path, group.layer, whole.trainable, whole.frozen)
    database.execute(
        "INSERT INTO stage_group VALUES (?, ?, ?, ?, ?, ?, ?)",
        (*values, own.trainable, own.frozen),
    )
    _add_specs(database, "group_spec", position, group.inputs, group.outputs)


def _add_specs(
    database: Database,
    table: str,
    owner: str | int,
    inputs: tuple[Spec, ...],
    outputs: tuple[Spec, ...],
) -> None:
    for role, specs in (("input", inputs), ("output", outputs)):
        for number, spec in enumerate(specs):
            form = (encode_json(spec.shape), spec.dtype, spec.source, spec.output, spec.name)
            database.execute(
                f"INSERT INTO {table} VALUES (?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 our own table
                (owner, role, number, *form),
            )
