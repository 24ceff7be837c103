"""Values that no recording writes, and where in a trace they are put."""

from collections.abc import Mapping
from typing import Any

HUGE = 2**63 - 1
NUMBERS: tuple[Any, ...] = (
    *(0, 1, -1, 7, 255, 2**31, 2**53, HUGE, -HUGE - 1),
    *(0.5, -0.5, 1e-320, 1e308, -1e308, 1e30, float("inf"), float("-inf")),
)
NAMES = (
    "[/red]",
    "[bold]b[/] [link=https://example.org]here[/link]",
    "\x1b]8;;https://example.org\x1b\\here\x1b]8;;\x1b\\",
    "\x1b[2J\x1b[31mred",
    "\u202egnp.exe\u202c",
    "a\u200bb\u2060c\ufeff",
    "one\ntwo\r\nthree\x00\x07\x9b31m",
    "::error file=a.py,line=1::stop\n::stop-commands::x",
    "</script><script>alert(1)</script><img src=x onerror=alert(1)>",
    "[here](https://example.org) ![](https://example.org/x.png) `code` | cell | <b>",
    "{title} {0} %s %(a)s ${x}",
    "conv2d:2",
    "a/b//c",
    "",
    " ",
    "\ud7ff\ufffe\U0001f9ff",
    "e" + "\u0301" * 500,
    "n" * 100_000,
)
TEXTS = (
    *NAMES,
    "NaN",
    "Infinity",
    "-Infinity",
    "nan",
    "null",
    "1",
    "float32",
    "object",
    "string",
    "finished",
    "source",
    "op",
    "[]",
    "{}",
)
BLOBS = (b"", b"\0", b"\xff\xfe", bytes(4096), b"[1]")
JSON_VALUES: tuple[Any, ...] = (
    *NUMBERS,
    *TEXTS,
    *(None, True, False, [], {}, [[]], {"": 0}, [None], [-1], [0], [HUGE], [1, 2, 3], ["a"]),
    *([HUGE] * 40, list(range(3000)), {"class_name": "Conv2D", "config": None}, 10**400),
)
RAW_JSON = (
    "",
    "{",
    "[" * 50_000,
    '{"a":' * 50_000,
    "NaN",
    "1e999",
    "9" * 5000,
    '"\\ud800"',
    '{"shape":[1],"shape":[2]}',
    '"' + "\\u0000" * 1000 + '"',
    "\ufeff{}",
    "[" + "0," * 200_000 + "0]",
)
PARTS = (
    *("0", "1", "2", "7", "100000", "9" * 30, "9" * 5000, "-1", "1.5", "", "/", "x", "\u0661", "%"),
    *("row", "input", "level", "target", "output", "output/0", "output/1", "output/9", "output/x"),
)
"""What may stand after ``weight/`` or ``kept/`` in the name of a tensor's part."""
TABLES: Mapping[str, tuple[str, ...]] = {
    "run": ("key", "value"),
    "stage": (
        *("position", "name", "kind", "layer", "path", "config"),
        *("trainable", "frozen", "flops"),
    ),
    "spec": ("stage", "role", "position", "shape", "dtype", "source", "output", "name"),
    "stage_group": (
        *("position", "path", "layer", "trainable", "frozen"),
        *("own_trainable", "own_frozen"),
    ),
    "group_spec": ("stage_group", "role", "position", "shape", "dtype", "source", "output", "name"),
    "weight": ("stage", "position", "name", "shape", "trainable"),
    "epoch": ("number", "seconds", "learning_rate", "steps"),
    "metric": ("epoch", "name", "value"),
    "content": ("id", "data"),
    "summary": (
        *("part", "name", "epoch", "count", "nan", "positive_infinity", "negative_infinity"),
        *("zeros", "min", "max", "mean", "std", "histogram", "channels"),
    ),
    "tensor": ("part", "name", "dtype", "shape", "data"),
    "prediction": ("row", "label", "reason", "loss", "validation"),
    "event": ("kind", "epoch", "step", "stage", "details"),
    "measurement": ("kind", "name", "epoch", "figures"),
    "cost": ("part", "seconds"),
    "ending": ("kind", "error", "stage", "epoch", "step"),
}
JSON_COLUMNS = (
    *[("run", "value")] * 4,
    *[("stage", "config")] * 3,
    ("spec", "shape"),
    ("weight", "shape"),
    ("tensor", "shape"),
    ("event", "details"),
    *[("content", "data")] * 2,
)
SCHEMAS = (
    "CREATE VIEW more AS SELECT * FROM epoch",
    "CREATE TRIGGER more AFTER INSERT ON epoch BEGIN SELECT 1; END",
    "CREATE INDEX more ON metric (name)",
    "CREATE TABLE more (a, b AS (hex(a)))",
    "CREATE VIRTUAL TABLE more USING fts5(a)",
    (
        "DROP TABLE event; CREATE VIEW event AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL "
        "SELECT i + 1 FROM n) SELECT 'loss' AS kind, i AS epoch, 1 AS step, '' AS stage, '{}' AS "
        "details, i AS id FROM n"
    ),
    "DROP TABLE cost; CREATE TABLE cost (part TEXT PRIMARY KEY, seconds REAL AS (abs(part)))",
    "ALTER TABLE epoch ADD COLUMN more",
    "ALTER TABLE metric RENAME TO metrics",
    "PRAGMA user_version = 99",
    "PRAGMA user_version = -1",
    "PRAGMA journal_mode = WAL",
    "PRAGMA writable_schema = ON; UPDATE sqlite_master SET rootpage = 2",
    "PRAGMA writable_schema = ON; UPDATE sqlite_master SET rootpage = 999999 WHERE name = 'epoch'",
    "PRAGMA writable_schema = ON; UPDATE sqlite_master SET sql = replace(sql, 'TEXT', 'BLOB')",
    (
        "PRAGMA writable_schema = ON; UPDATE sqlite_master SET sql = 'CREATE TABLE cost(' || "
        "replace(hex(zeroblob(100000)), '0', 'x') || ')' WHERE name = 'cost'"
    ),
    "PRAGMA writable_schema = ON; DELETE FROM sqlite_master WHERE name = 'epoch'",
)
