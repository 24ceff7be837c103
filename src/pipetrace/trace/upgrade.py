"""Reading traces of earlier schemas: a copy in memory is brought to the layout of today; the file is not touched."""

import re
import sqlite3
from dataclasses import replace
from typing import Any

import numpy as np

from pipetrace.trace.contents import Contents
from pipetrace.trace.document import Histogram, Summary
from pipetrace.trace.schema import SCHEMA, TABLES

TO_2 = """
ALTER TABLE spec ADD COLUMN output INTEGER NOT NULL DEFAULT 0;
ALTER TABLE spec ADD COLUMN name TEXT;
ALTER TABLE prediction ADD COLUMN reason TEXT NOT NULL DEFAULT 'row';
ALTER TABLE prediction ADD COLUMN loss;
ALTER TABLE prediction ADD COLUMN held_out INTEGER NOT NULL DEFAULT 1;
CREATE TABLE stage_group (position INTEGER PRIMARY KEY, path TEXT, layer TEXT, trainable INTEGER, frozen INTEGER);
CREATE TABLE event (id INTEGER PRIMARY KEY, kind TEXT, message TEXT, epoch INTEGER, step INTEGER, stage TEXT);
INSERT INTO run VALUES ('model', 'null');
"""

SUMMARY_2 = """CREATE TABLE summary (
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
"""
"""Summaries up to schema 2: a row for each channel too, and histograms as they are."""

SUMMARIES_2 = (
    "SELECT part, name, epoch, channel, count, nan, positive_infinity, negative_infinity, zeros, min, max, mean, std,"
    " histogram_bits, histogram_keys, histogram_counts FROM summary_2 ORDER BY id"
)
NEW_IN_3 = ("content", "summary", "measurement")


def layout(schema: int) -> str:
    """The tables that a file of a schema has, as SQL."""
    if schema == SCHEMA:
        return TABLES
    # Each schema is the next one without what its upgrade adds.
    tables = _table("summary").sub(SUMMARY_2, TABLES)
    for name in ("content", "measurement"):
        tables = _table(name).sub("", tables)
    if schema > 1:
        return tables
    tables = _table("(stage_group|event)").sub("", tables)
    tables = tables.replace("    output INTEGER NOT NULL,\n    name TEXT,\n", "")
    prediction = (
        "CREATE TABLE prediction (id INTEGER PRIMARY KEY, row INTEGER NOT NULL, label INTEGER);\n"
    )
    return _table("prediction").sub(prediction, tables)


def _table(name: str) -> re.Pattern[str]:
    return re.compile(rf"CREATE TABLE {name} \((\n.*?\n|[^\n]*)\);\n", re.DOTALL)


def upgraded(database: sqlite3.Connection, schema: int) -> sqlite3.Connection:
    """A database of an earlier schema as one of today's, in memory.

    Args:
        database: the open file; it is closed.
        schema: its version.
    """
    copy = sqlite3.connect(":memory:")
    with database:
        database.backup(copy)
    database.close()
    if schema == 1:
        copy.executescript(TO_2)
    _to_3(copy)
    return copy


def _to_3(copy: sqlite3.Connection) -> None:
    """Make the tables that schema 3 has in another form, with the summaries in it."""
    copy.execute("ALTER TABLE summary RENAME TO summary_2")
    for name in NEW_IN_3:
        found = _table(name).search(TABLES)
        copy.execute(found[0] if found else "")
    wholes: dict[tuple[str, str, int | None], Summary] = {}
    channels: dict[tuple[str, str, int | None], list[Summary]] = {}
    for part, name, epoch, channel, *values in copy.execute(SUMMARIES_2):
        if channel is None:
            wholes[part, name, epoch] = _summary(values)
        else:
            channels.setdefault((part, name, epoch), []).append(_summary(values))
    for place, parts in channels.items():
        wholes[place] = replace(wholes[place], channels=tuple(parts))
    contents = Contents()
    for (part, name, epoch), summary in wholes.items():
        contents.add_summary(copy, part, name, epoch, summary)
    copy.execute("DROP TABLE summary_2")
    copy.commit()


def _summary(values: list[Any]) -> Summary:
    count, nan, positive, negative, zeros, low, high, mean, std, bits, keys, counts = values
    histogram = Histogram(np.frombuffer(keys, "<u2"), np.frombuffer(counts, "<i8"), bits)
    if len(histogram.keys) != len(histogram.counts) or not 9 < bits <= 16:
        raise ValueError("the keys, counts and bits of a histogram do not fit together")
    return Summary(count, nan, positive, negative, zeros, low, high, mean, std, histogram)
