"""How a trace is damaged or forged: each kind is one function that changes a copy in place."""

import json
import random
import sqlite3
import struct
import zlib
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, TypeAlias

from benchmarks.reliability.forging_tensors import later_tensors
from benchmarks.reliability.hostile_values import (
    BLOBS,
    HUGE,
    JSON_COLUMNS,
    JSON_VALUES,
    NAMES,
    NUMBERS,
    RAW_JSON,
    SCHEMAS,
    TABLES,
    TEXTS,
)

Forge: TypeAlias = Callable[[Path, random.Random], None]


def flipped_bits(path: Path, rng: random.Random) -> None:
    """Flip some bits, half of the time where something stands."""
    data = bytearray(path.read_bytes())
    filled = [at for at, byte in enumerate(data) if byte]
    for _ in range(rng.choice([1, 1, 2, 8, 64])):
        at = rng.choice(filled) if rng.random() < 0.5 else rng.randrange(len(data))
        data[at] ^= 1 << rng.randrange(8)
    path.write_bytes(data)


def cut_short(path: Path, rng: random.Random) -> None:
    """Cut the file anywhere, or at the end of a page, or add bytes."""
    data = path.read_bytes()
    end = rng.choice([rng.randrange(len(data)), 4096 * rng.randrange(len(data) // 4096)])
    path.write_bytes(data + rng.randbytes(5000) if rng.random() < 0.1 else data[:end])


def changed_header(path: Path, rng: random.Random) -> None:
    """Change bytes of the file's or a page's header."""
    data = bytearray(path.read_bytes())
    page = 0 if rng.random() < 0.5 else 4096 * rng.randrange(len(data) // 4096)
    for _ in range(rng.choice([1, 2, 4])):
        data[page + rng.randrange(16, 100) if page == 0 else page + rng.randrange(12)] = rng.choice(
            [0, 1, 255, rng.randrange(256)]
        )
    path.write_bytes(data)


def swapped_pages(path: Path, rng: random.Random) -> None:
    """Swap, repeat, empty or randomise pages."""
    data = path.read_bytes()
    pages = [data[at : at + 4096] for at in range(0, len(data), 4096)]
    for _ in range(rng.choice([1, 1, 3])):
        one, other = rng.randrange(len(pages)), rng.randrange(len(pages))
        pages[one], pages[other] = rng.choice(
            [
                (pages[other], pages[one]),
                (pages[other], pages[other]),
                (bytes(4096), pages[other]),
                (rng.randbytes(4096), pages[other]),
            ]
        )
    path.write_bytes(b"".join(pages))


def side_files(path: Path, rng: random.Random) -> None:
    """Put a log or a journal of something else beside the file."""
    suffix = rng.choice(["-wal", "-journal", "-shm"])
    journal = b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7" + struct.pack(">IIIII", 1, 7, 3, 512, 4096)
    log = struct.pack(">IIIIIIII", 0x377F0682, 3007000, 4096, 0, 1, 1, 0, 0)
    content = rng.choice([b"", rng.randbytes(9000), journal + rng.randbytes(4600), log * 200])
    path.with_name(path.name + suffix).write_bytes(content)
    if rng.random() < 0.5:
        flipped_bits(path, rng)


def another_schema(path: Path, rng: random.Random) -> None:
    """Add or change what the database declares."""
    _run(path, rng.choice(SCHEMAS))


def column_values(path: Path, rng: random.Random) -> None:
    """Put values of another type, size or sign into a column: in one row, or in all."""
    for _ in range(rng.choice([1, 1, 2])):
        table, column = _column(rng)
        value = rng.choice(rng.choice([NUMBERS, TEXTS, BLOBS, (None,)]))
        where = rng.choice(
            [
                "",
                "",
                (
                    f"WHERE {_key(table)} = (SELECT {_key(table)} FROM {table} "
                    f"ORDER BY random() LIMIT 1)"
                ),
            ]
        )
        _run(path, f"UPDATE OR IGNORE {table} SET {column} = ? {where}", value)


def swapped_values(path: Path, rng: random.Random) -> None:
    """Give a row another row's value of a column, or a value of another column."""
    for _ in range(rng.choice([1, 2, 4])):
        table, column = _column(rng)
        from_table, from_column = (table, column) if rng.random() < 0.7 else _column(rng)
        key = _key(table)
        _run(
            path,
            f"UPDATE OR IGNORE {table} SET {column} = (SELECT {from_column} FROM {from_table} "
            f"LIMIT 1 OFFSET {rng.randrange(8)}) WHERE {key} = "
            f"(SELECT {key} FROM {table} LIMIT 1 OFFSET {rng.randrange(8)})",
        )


def missing_rows(path: Path, rng: random.Random) -> None:
    """Delete one row, some, or all rows of a table."""
    table = rng.choice(list(TABLES))
    _run(path, f"DELETE FROM {table} WHERE abs(random() % 100) < {rng.choice([5, 50, 100])}")


def more_rows(path: Path, rng: random.Random) -> None:
    """Repeat rows under other keys, up to thousands."""
    count = rng.choice([2, 50, 3000])
    numbers = f"WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) "
    _run(
        path,
        rng.choice(
            [
                "INSERT INTO event SELECT NULL, kind, epoch, step, stage, details FROM event, n",
                "INSERT OR IGNORE INTO epoch SELECT i, 1.0, 0.1, 3 FROM n",
                "INSERT OR IGNORE INTO epoch SELECT -i, 1.0, 0.1, 3 FROM n",
                "INSERT OR IGNORE INTO epoch SELECT i * 1000000007, 1.0, 0.1, 3 FROM n",
                "INSERT OR IGNORE INTO metric SELECT 1, 'metric' || i, i FROM n",
                (
                    "INSERT OR IGNORE INTO stage SELECT i + 100, 's' || i, 'layer', 'Dense', "
                    "'a/b' || (i % 3), '{}', 1, 1, 1 FROM n"
                ),
                (
                    "INSERT OR IGNORE INTO stage_group SELECT i + 9, 'g' || i, 'Model', 1, 1, 1, 1 "
                    "FROM n"
                ),
                (
                    "INSERT OR IGNORE INTO spec SELECT 'dense', 'input', i + 9, '[null,3]', 'float32', "
                    "'conv2d', 0, NULL FROM n"
                ),
                "INSERT OR IGNORE INTO weight SELECT 'dense', i + 9, 'w' || i, '[3]', 1 FROM n",
                "INSERT INTO prediction SELECT NULL, i, 0, 'right', 0.1, 1 FROM n",
                "INSERT INTO ending SELECT 'failed', 'again', NULL, i, 1, NULL FROM n",
                "INSERT OR IGNORE INTO cost SELECT 'part' || i, i FROM n",
                (
                    "INSERT INTO measurement SELECT NULL, kind, name, i, figures FROM measurement, n "
                    f"LIMIT {count}"
                ),
                (
                    "INSERT INTO summary SELECT NULL, part, name, i, count, nan, positive_infinity, "
                    "negative_infinity, zeros, min, max, mean, std, histogram, channels "
                    f"FROM summary, n LIMIT {count}"
                ),
            ]
        ).replace("INSERT", f"{numbers}INSERT", 1),
    )


def json_values(path: Path, rng: random.Random) -> None:
    """Replace, delete, add or repeat an entry anywhere in a JSON text."""
    for _ in range(rng.choice([1, 1, 2])):
        table, column = rng.choice(JSON_COLUMNS)
        with closing(sqlite3.connect(path)) as database, database:
            key = _key(table)
            rows = database.execute(
                f"SELECT {key}, {column} FROM {table} WHERE typeof({column}) = 'text'"
            ).fetchall()
            if not rows:
                return
            of, text = rng.choice(rows)
            forged = rng.choice(RAW_JSON) if rng.random() < 0.1 else _forged_json(text, rng)
            query = f"UPDATE {table} SET {column} = ? WHERE {key} = ?"
            database.execute(query, (forged, of))


def bombs(path: Path, rng: random.Random) -> None:
    """Put compressed or declared sizes that are far larger than the file."""
    most, many = 1 << 32, rng.choice([1, 3, 1000, 70_000, 2**32 - 1])
    head = struct.pack("<IB", many % most, rng.choice([0, 1, 2, 4, 8, 9]))
    plain = rng.choice(
        [
            bytes(1 << 27),
            head,
            head + bytes([16]) * min(many, 100_000) + b"\xff" * rng.choice([4, 400, 1 << 20]),
            head + bytes([rng.randrange(20)]) * min(many, 70_000) + bytes(1 << 22),
            struct.pack("<IB", 1, 1) + b"\x10" + struct.pack("<I", 70_000) + bytes(210_000),
        ]
    )
    blob = zlib.compress(plain)
    shapes = ("[1000000,1000000]", "[0,9223372036854775807]", "[65536]", "[]", "[-1]", "[1e3]")
    with closing(sqlite3.connect(path)) as database, database:
        if rng.random() < 0.6:
            column = rng.choice(["histogram", "channels"])
            one = "ORDER BY random() LIMIT 1" if rng.random() < 0.5 else ""
            database.execute(
                f"UPDATE content SET data = ? WHERE id IN (SELECT {column} FROM summary {one})",
                (blob,),
            )
        else:
            database.execute(
                "UPDATE tensor SET shape = ?, data = ?, dtype = ? WHERE rowid = "
                "(SELECT rowid FROM tensor ORDER BY random() LIMIT 1)",
                (
                    rng.choice(shapes),
                    rng.choice([b"", bytes(65536), b"[" + b'"a",' * 300_000 + b'"a"]']),
                    rng.choice(["bool", "float64", "string", "uint8"]),
                ),
            )


def cycles(path: Path, rng: random.Random) -> None:
    """Let stages receive from themselves, from later stages, or from nowhere."""
    with closing(sqlite3.connect(path)) as database, database:
        names = [row[0] for row in database.execute("SELECT name FROM stage ORDER BY position")]
        for _ in range(rng.choice([1, 2, 5])):
            source = rng.choice([*names, *names, "nowhere", None, ""])
            table = rng.choice(["spec", "spec", "group_spec"])
            database.execute(
                f"UPDATE {table} SET source = ?, output = ? WHERE rowid_of = 0".replace(
                    "rowid_of = 0", f"role = 'input' AND {_key(table)} = ?"
                ),
                (source, rng.choice([0, 0, 1, -1, HUGE]), rng.choice([*names, 0])),
            )
        if rng.random() < 0.3:
            one, other = rng.choice(names), rng.choice(names)
            database.execute("UPDATE stage SET position = -9 WHERE name = ?", (one,))
            database.execute("UPDATE stage SET path = ? WHERE name = ?", (other + "/" + one, other))


def hostile_names(path: Path, rng: random.Random) -> None:
    """Rename a stage, a metric, a class or a group wherever it stands."""
    name = rng.choice(NAMES)
    with closing(sqlite3.connect(path)) as database, database:
        if rng.random() < 0.5:
            old = rng.choice([row[0] for row in database.execute("SELECT name FROM stage")])
            for query in (
                "UPDATE OR IGNORE stage SET name = ?, path = ?1 WHERE name = ?",
                "UPDATE OR IGNORE spec SET stage = ? WHERE stage = ?",
                "UPDATE OR IGNORE spec SET source = ? WHERE source = ?",
                "UPDATE OR IGNORE group_spec SET source = ? WHERE source = ?",
                "UPDATE OR IGNORE weight SET stage = ? WHERE stage = ?",
                "UPDATE OR IGNORE summary SET name = ? WHERE name = ?",
                "UPDATE OR IGNORE tensor SET name = ? WHERE name = ?",
                "UPDATE event SET stage = ? WHERE stage = ?",
                "UPDATE run SET value = replace(value, json_quote(?2), json_quote(?1))",
            ):
                database.execute(query, (name, old))
            return
        database.execute(
            rng.choice(
                [
                    "UPDATE OR IGNORE metric SET name = ? || substr(name, 1, 3)",
                    "UPDATE OR IGNORE stage_group SET path = ?",
                    "UPDATE stage SET layer = ?",
                    "UPDATE ending SET kind = 'failed', error = ?",
                    "UPDATE spec SET name = ?, dtype = ?1",
                    (
                        "UPDATE run SET value = json_set(value, '$.class_names[1]', ?) "
                        "WHERE key = 'data'"
                    ),
                    "UPDATE run SET value = json_quote(?) WHERE key IN ('title', 'command')",
                    "UPDATE event SET details = json_set(details, '$.error', ?)",
                ]
            ),
            (name,),
        )


KINDS: Mapping[str, Forge] = {
    "flipped bits": flipped_bits,
    "cut short": cut_short,
    "changed headers": changed_header,
    "pages swapped or replaced": swapped_pages,
    "side files of something else": side_files,
    "another schema": another_schema,
    "values of other types, sizes and signs": column_values,
    "values exchanged": swapped_values,
    "rows missing": missing_rows,
    "rows repeated, up to 3,000 times": more_rows,
    "JSON changed anywhere": json_values,
    "sizes that unpack to much more": bombs,
    "cycles and unknown sources": cycles,
    "hostile names": hostile_names,
    "weights after epochs and kept rows": later_tensors,
}
WEIGHTS = (6, 3, 4, 5, 3, 3, 14, 9, 5, 6, 20, 6, 4, 5, 7)
"""How often each kind is drawn, of 100."""


def forge(path: Path, number: int, seed: int = 0) -> str:
    """Change a copy of a trace in place, the same way for the same number.

    Args:
        path: the copy.
        number: of the file.
        seed: of the whole series.

    Returns:
        the kind.
    """
    rng = random.Random(f"{seed}/{number}")
    (kind,) = rng.choices(list(KINDS), WEIGHTS)
    with suppress(sqlite3.IntegrityError):  # the table itself refuses the value
        KINDS[kind](path, rng)
    return kind


def _run(path: Path, script: str, *values: Any) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(script, values) if values else database.executescript(script)


def _column(rng: random.Random) -> tuple[str, str]:
    table = rng.choice(list(TABLES))
    return table, rng.choice(TABLES[table])


def _key(table: str) -> str:
    """A column that tells rows apart, at least roughly."""
    return {
        "run": "key",
        "spec": "stage",
        "group_spec": "stage_group",
        "weight": "stage",
        "metric": "name",
        "cost": "part",
    }.get(table, "rowid")


def _forged_json(text: str, rng: random.Random) -> str:
    try:
        value = json.loads(text)
    except ValueError:
        return rng.choice(RAW_JSON)
    holders: list[Any] = [[value]]
    for holder in holders:
        inside = holder.values() if isinstance(holder, dict) else holder
        holders += [each for each in inside if isinstance(each, (dict, list)) and each]
    holder = rng.choice(holders)
    keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
    key, other, way = rng.choice(keys), rng.choice(keys), rng.randrange(10)
    if way == 0 and holder is not holders[0]:
        del holder[key]
    elif way == 1:
        holder[key] = holder[other]
    elif way == 2 and isinstance(holder, dict):
        holder[rng.choice(TEXTS)] = rng.choice(JSON_VALUES)
    else:
        holder[key] = rng.choice(JSON_VALUES)
    return json.dumps(holders[0][0]).encode("utf-8", "replace").decode()
