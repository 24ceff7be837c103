"""Reading traces of earlier schemas: a copy in memory is brought to the layout of today; the file is not touched."""

import re
import sqlite3

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

TO_3 = """
CREATE TABLE measurement (id INTEGER PRIMARY KEY, part TEXT, name TEXT, epoch INTEGER, key TEXT, value);
"""

UPGRADES = {1: TO_2, 2: TO_3}
"""What brings a file of each schema to the next one."""


def layout(schema: int) -> str:
    """The tables that a file of a schema has, as SQL."""
    if schema >= 2:
        return TABLES
    # Each schema is the next one without what its upgrade adds.
    tables = re.sub(r"CREATE TABLE measurement \(.*?\n\);\n", "", TABLES, flags=re.DOTALL)
    if schema > 1:
        return tables
    tables = re.sub(r"CREATE TABLE (stage_group|event) \(.*?\n\);\n", "", tables, flags=re.DOTALL)
    tables = tables.replace("    output INTEGER NOT NULL,\n    name TEXT,\n", "")
    prediction = "CREATE TABLE prediction (id INTEGER PRIMARY KEY, row INTEGER NOT NULL, label INTEGER);\n"
    return re.sub(r"CREATE TABLE prediction \(.*?\n\);\n", prediction, tables, flags=re.DOTALL)


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
    for version in range(schema, SCHEMA):
        copy.executescript(UPGRADES[version])
    return copy
