"""The source of a pipeline as rows: arrays, pairs, frames, dictionaries, a source of digits, or a dataset as it is."""

from typing import Any

from pipetrace.errors import ArgumentError, CountMismatchError
from pipetrace.pipeline.forms import (
    DICT,
    LIST,
    NOTHING,
    SCALAR,
    TEXT,
    TUPLE,
    form_of,
    form_text,
    is_flat,
    kind_of,
    rows_of,
)
from pipetrace.pipeline.results import Rows

HINT = (
    "Give x or (x, y): arrays, data frames or dictionaries of arrays with the same number of rows."
)


def read_source(source: Any) -> tuple[Rows, str | None, str | None]:
    """The rows of a source, with its name and description where it has them.

    A tuple is ``(x, y)``; a dictionary or a list of arrays is the several inputs of a model. What has no rows, such as
    a dataset or a generator, is passed on as it is.

    Raises:
        ArgumentError: it is no source, or has no rows.
        CountMismatchError: x and y, or the parts of x, have different numbers of rows.
    """
    kind = kind_of(source)
    if kind in (TEXT, SCALAR, NOTHING) or (kind == TUPLE and len(source) not in (1, 2)):
        raise ArgumentError(
            f"The source is {form_text(form_of(source))}.", where="source", hint=HINT
        )
    if kind == TUPLE:
        rows = Rows(*source)
        if rows_of(rows.x) is None:
            _refuse(rows.x, "x")
        if rows.y is not None and rows_of(rows.y) is None:
            _refuse(rows.y, "y")
        x, y = rows_of(rows.x), rows_of(rows.y)
        if rows.y is not None and x != y:
            raise CountMismatchError(
                f"x has {x:,} rows and y has {y:,}.",
                where="source",
                hint="Take x and y from the same rows.",
            )
    else:
        rows = Rows(source)
        if kind in (DICT, LIST) and rows_of(source) is None:
            _refuse(source, "x")
    if rows_of(rows.x) == 0:
        raise ArgumentError("The source has no rows.", where="source", hint=HINT)
    return rows, None, None


def _refuse(value: Any, name: str) -> None:
    kind = kind_of(value)
    parts = list(value.values()) if kind == DICT else list(value) if kind in (LIST, TUPLE) else []
    counts = [rows_of(each) for each in parts]
    if parts and None not in counts and not is_flat(value):
        listed = ", ".join(f"{count:,}" for count in counts)
        raise CountMismatchError(
            f"The parts of {name} have different numbers of rows: {listed}.",
            where="source",
            hint="Give parts that belong together row by row.",
        )
    if kind == LIST and not parts:
        raise ArgumentError("The source has no rows.", where="source", hint=HINT)
    raise ArgumentError(
        f"{name} has no rows: it is {form_text(form_of(value))}.", where="source", hint=HINT
    )
