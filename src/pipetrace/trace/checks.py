"""What a document has to be: types, counts and order, checked once, where a file is read.

Whoever gets a trace may rely on it. SQLite looks through the columns itself, which is fast.
"""

import sqlite3
import types
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from pipetrace.trace.codec import decode_number
from pipetrace.trace.document import Group, ModelFacts, Prediction, Spec, Stage

Record = TypeVar("Record")

MOST_ROWS = {
    "stage": 20_000,
    "spec": 200_000,
    "stage_group": 20_000,
    "group_spec": 200_000,
    "weight": 200_000,
    "epoch": 100_000,
    "metric": 1_000_000,
    "summary": 1_000_000,
    "tensor": 100_000,
    "prediction": 1_000,
    "event": 100_000,
    "measurement": 1_000_000,
    "content": 1_000_000,
    "cost": 1_000,
    "run": 1_000,
    "ending": 1,
}
"""A file with more rows in a table is refused: no training comes near."""
SIGNED = frozenset({"example_label", "label"})
"""Whole numbers that may be negative; all others are counts, positions or sizes."""


LARGEST_REAL = "1.7976931348623157e308"
ALLOWED = {
    "TEXT": "typeof({0}) = 'text'",
    "INTEGER": "typeof({0}) = 'integer' AND {0} >= 0",
    "REAL": f"typeof({{0}}) = 'real' AND abs({{0}}) <= {LARGEST_REAL}",
    "BLOB": "typeof({0}) = 'blob'",
}
"""What a value of a declared type must be. SQLite itself takes anything."""
NUMBER = (
    f"(typeof({{0}}) IN ('real', 'integer') AND abs({{0}}) <= {LARGEST_REAL}"
    " OR {0} IN ('NaN', 'Infinity', '-Infinity'))"
)
OTHERS = {
    "metric.value": NUMBER,
    "epoch.learning_rate": NUMBER,
    "prediction.loss": NUMBER,
    "prediction.label": "typeof({0}) = 'integer'",
}
"""Columns whose declared type does not say what they hold."""
FURTHER = {
    "summary": """
        nan + positive_infinity + negative_infinity + zeros <= count
        AND (min IS NULL) = (nan + positive_infinity + negative_infinity = count)
        AND (min IS NULL) = (max IS NULL) AND (min IS NULL) = (mean IS NULL)
        AND (min IS NULL OR min <= max) AND (std IS NULL OR std >= 0)
    """,
    "epoch": "seconds >= 0",
    "cost": "seconds >= 0",
}
"""What the values of a row must be to each other."""


def check_tables(database: sqlite3.Connection) -> None:
    """Check how many rows each table has, and the type of each value, or raise a ``ValueError``.

    Contents and summaries are checked when they are read.
    """
    for table, most in MOST_ROWS.items():
        (count,) = database.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608 ours
        if count > most:
            raise ValueError(f"its table {table} has more than {most:,} rows")
        if table not in ("content", "summary"):
            check_values(database, table)


def check_values(database: sqlite3.Connection, table: str, where: str = "1") -> None:
    """Raise a ``ValueError`` unless these rows of a table hold what a writer writes."""
    parts = [FURTHER.get(table, "1")]
    for _, name, declared, needed, _, _ in database.execute(f"PRAGMA table_info({table})"):
        holds = OTHERS.get(f"{table}.{name}", ALLOWED.get(declared, "0")).format(name)
        parts.append(holds if needed else f"({name} IS NULL OR {holds})")
    whole = " AND ".join(parts)
    query = f"SELECT 1 FROM {table} WHERE {where} AND NOT ({whole}) LIMIT 1"  # noqa: S608 ours
    if database.execute(query).fetchone():
        raise ValueError(f"its table {table} has a value that no writer writes")


def record(kind: type[Record], facts: Any, /, **more: Any) -> Record:
    """A dataclass from the entries of a JSON object, and from fields that are checked already.

    Unknown entries are left out; a ``ValueError`` or ``KeyError`` where others do not fit.
    """
    if not isinstance(facts, dict):
        raise ValueError(f"no JSON object where {kind.__name__} is expected")  # noqa: TRY004 damage
    found = {}
    for name, (wanted, optional, needed) in _fields(cast(Hashable, kind)).items():
        if name in more:
            found[name] = more[name]
        elif name in facts:
            value = facts[name]
            # Of thousands of figures most are floats, or not there.
            known = optional if value is None else wanted is not int and type(value) is wanted
            found[name] = value if known else typed(value, wanted, name)
        elif needed:
            raise KeyError(name)
    return kind(**found)


@cache
def _fields(kind: Hashable) -> Mapping[str, tuple[Any, bool, bool]]:
    """The type of each field without None, whether it may be None, whether it must be given."""
    hints, found = get_type_hints(cast(Any, kind)), {}
    for each in fields(cast(Any, kind)):
        wanted, needed = hints[each.name], each.default is MISSING
        optional = get_origin(wanted) in (Union, types.UnionType)  # with None, everywhere
        inner = get_args(wanted)[0] if optional else wanted
        found[each.name] = (inner, optional, needed and each.default_factory is MISSING)
    return found


def typed(value: Any, wanted: Any, name: str) -> Any:
    """A value of JSON as a field's type, such as a list as a tuple; a ``ValueError`` for other
    types.
    """
    if wanted is float:
        return decode_number(value)
    if type(value) is wanted:
        if wanted is int and value < 0 and name not in SIGNED:
            raise ValueError(f"{name} is {value}")
        return value
    if wanted is Any:
        return value
    origin, inner = get_origin(wanted), get_args(wanted)
    if origin in (Union, types.UnionType):
        return None if value is None else typed(value, inner[0], name)
    if origin is tuple and isinstance(value, list):
        return tuple(typed(each, inner[0], name) for each in value)
    if origin is not None and issubclass(origin, Mapping) and isinstance(value, dict):
        return {key: typed(each, inner[1], name) for key, each in value.items()}
    if isinstance(wanted, type) and is_dataclass(wanted):
        return record(wanted, value)
    raise ValueError(f"{name} is {repr(value)[:100]}")


def check_order(
    stages: Iterable[Stage],
    groups: Iterable[Group],
    model: ModelFacts | None,
    predictions: Iterable[Prediction],
) -> None:
    """Raise a ``ValueError`` unless what comes from a stage comes from an output of it."""
    outputs: dict[str, int] = {}
    for stage in stages:
        for spec in stage.inputs:
            _check_source(spec, outputs, f"the stage {stage.name!r}")
        if stage.name in outputs:
            raise ValueError(f"two stages are called {stage.name!r}")
        if not stage.outputs and (stage.example is not None or stage.summary is not None):
            raise ValueError(f"values were measured of {stage.name!r}, which has no outputs")
        outputs[stage.name] = len(stage.outputs)
    for group in groups:
        for spec in (*group.inputs, *group.outputs):
            _check_source(spec, outputs, f"the group {group.path!r}")
    for prediction in predictions:
        if not all(outputs.get(name, 1) for name in prediction.outputs):
            raise ValueError("a prediction has values of a stage without outputs")
    for spec in model.outputs if model else ():
        _check_source(spec, outputs, "the model")


def _check_source(spec: Spec, outputs: Mapping[str, int], who: str) -> None:
    if spec.source is None:
        return
    if spec.output >= outputs.get(spec.source, 0):
        raise ValueError(
            f"{who} refers to output {spec.output} of {spec.source!r}, which does not stand before"
        )
