"""What a file that somebody else made, or forged, can do to whoever reads it: be refused, or be read as plain values."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from pipetrace.errors import DamagedTraceError
from pipetrace.trace import read


def change(trace_file: Path, script: str) -> None:
    with closing(sqlite3.connect(trace_file)) as database:
        database.executescript(script)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("CREATE VIEW more AS SELECT 1", "the view more"),
        ("CREATE TRIGGER more AFTER INSERT ON run BEGIN SELECT 1; END", "the trigger more"),
        ("CREATE TABLE more (x CHECK (length(hex(zeroblob(9))) > 0))", "the table more"),
        ("CREATE INDEX more ON run (hex(value))", "the index more"),
        ("CREATE TABLE more (x, y AS (hex(x)))", "the table more"),
        ("DROP TABLE cost; CREATE TABLE cost (part, seconds AS (length(part)))", "the table cost"),
        ("DROP TABLE cost", "the table cost"),
    ],
)
def test_a_file_of_another_layout_is_refused(trace_file: Path, script: str, said: str) -> None:
    change(trace_file, script)
    with pytest.raises(DamagedTraceError, match=said):
        read(trace_file)


def test_nothing_of_another_layout_runs_before_it_is_refused(trace_file: Path) -> None:
    # Whoever computes this column gets an error of its own.
    change(
        trace_file,
        "DROP TABLE cost; CREATE TABLE cost (part); INSERT INTO cost VALUES (-9223372036854775808)",
    )
    change(trace_file, "ALTER TABLE cost ADD COLUMN seconds AS (abs(part))")
    with (
        closing(sqlite3.connect(trace_file)) as database,
        pytest.raises(sqlite3.OperationalError, match="integer overflow"),
    ):
        database.execute("SELECT * FROM cost").fetchall()
    with pytest.raises(DamagedTraceError, match="the table cost"):
        read(trace_file)


@pytest.mark.parametrize("text", ["\x1b]0;title\x07", "\x9b31m", "\x00", "\u202e", "\u200b"])
def test_no_text_gives_orders_to_a_terminal(trace_file: Path, text: str) -> None:
    with closing(sqlite3.connect(trace_file)) as database, database:
        database.execute("UPDATE run SET value = ? WHERE key = 'title'", (json.dumps(text),))
        database.execute(
            "UPDATE run SET value = ? WHERE key = 'versions'", (json.dumps({text: text}),)
        )
        database.execute(
            "UPDATE stage SET layer = ?, config = ?", (text, json.dumps({"name": [text]}))
        )
        database.execute("UPDATE ending SET error = ?", (text,))
    trace = read(trace_file)
    said = [
        trace.run.title,
        *map(str, trace.run.versions),
        str(trace.stages[0].layer),
        str(trace.ending.error),
    ]
    said += [str(trace.run.versions), str(trace.stages[0].config)]
    assert all("\N{REPLACEMENT CHARACTER}" in each for each in said)
    assert not any(
        character in each for each in said for character in text if not character.isprintable()
    )


def test_text_that_no_output_can_carry_is_replaced(trace_file: Path) -> None:
    with closing(sqlite3.connect(trace_file)) as database, database:
        database.execute("UPDATE run SET value = ? WHERE key = 'title'", ('"\\ud800"',))
    assert read(trace_file).run.title == "\N{REPLACEMENT CHARACTER}"


def test_texts_stand_on_one_line_and_are_cut(trace_file: Path) -> None:
    for given, expected in (
        ("one\n\ttwo\r\nthree", "one  two three"),
        ("a" * 20_000, "a" * 9_999 + "…"),
        (
            "\u0646\u200c\u0627 \U0001f468\u200d\U0001f469 \u00a0",
            "\u0646\u200c\u0627 \U0001f468\u200d\U0001f469 \u00a0",
        ),
    ):
        with closing(sqlite3.connect(trace_file)) as database, database:
            database.execute("UPDATE run SET value = ? WHERE key = 'title'", (json.dumps(given),))
            database.execute("UPDATE stage SET path = ?", (given,))
        trace = read(trace_file)
        assert (trace.run.title, trace.stages[0].path) == (expected, expected)


@pytest.mark.parametrize("value", ["[1]", "null", "3", '"me"'])
def test_a_writer_that_is_no_record_is_damage(trace_file: Path, value: str) -> None:
    with closing(sqlite3.connect(trace_file)) as database, database:
        database.execute("DELETE FROM ending")
        database.execute("UPDATE run SET value = ? WHERE key = 'writer'", (value,))
    with pytest.raises(DamagedTraceError):
        read(trace_file)


def test_what_is_missing_is_named(trace_file: Path) -> None:
    change(trace_file, "DELETE FROM run WHERE key = 'rows'")
    with pytest.raises(DamagedTraceError, match="it lacks 'rows'"):
        read(trace_file)


def test_the_message_itself_gives_no_orders(trace_file: Path) -> None:
    change(trace_file, "CREATE VIEW [\x1b[31m] AS SELECT 1")
    with pytest.raises(DamagedTraceError) as caught:
        read(trace_file)
    assert "\x1b" not in str(caught.value)
