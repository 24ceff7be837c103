"""The epochs of a trace as CSV and as Parquet."""

import io
import time
from collections.abc import Iterable
from datetime import datetime
from importlib import import_module
from importlib.util import find_spec

from pipetrace.errors import MissingLibraryError
from pipetrace.present.formats.csv import csv_text
from pipetrace.trace.document import Trace

WHOLE = frozenset({"epoch", "steps"})
"""The columns of whole numbers; all others are float64."""


def epochs_csv(trace: Trace) -> str:
    """A line for each epoch; an empty cell where it did not measure something."""
    columns = trace.columns()
    return csv_text(columns, zip(*columns.values(), strict=True))


def epochs_parquet(trace: Trace) -> bytes:
    """A row for each epoch, written by pyarrow or polars.

    Raises:
        MissingLibraryError: neither is installed.
    """
    columns, made = trace.columns(), io.BytesIO()
    if find_spec("pyarrow") is not None:
        arrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
        arrays = {
            name: arrow.array(values, arrow.int64() if name in WHOLE else arrow.float64())
            for name, values in columns.items()
        }
        parquet.write_table(arrow.table(arrays), made)
    elif find_spec("polars") is not None:
        polars = import_module("polars")
        types = {name: polars.Int64 if name in WHOLE else polars.Float64 for name in columns}
        polars.DataFrame(columns, schema=types).write_parquet(made)
    else:
        raise missing("Parquet", ("pyarrow", "polars"), "pyarrow")
    return made.getvalue()


def moment_of(trace: Trace) -> float:
    """When a run began, in seconds; now where that is not known."""
    try:
        return datetime.fromisoformat(trace.run.created).timestamp()
    except ValueError:
        return time.time()


def missing(what: str, libraries: Iterable[str], package: str) -> MissingLibraryError:
    """The error where none of the libraries is installed that can write something."""
    names = " or ".join(libraries)
    return MissingLibraryError(
        f"{what} is written by {names}, which is not installed.",
        where="--to",
        hint=f'Install it: pip install "{package}"',
    )
