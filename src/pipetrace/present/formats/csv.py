"""Tables as CSV."""

import csv
import io
from collections.abc import Iterable

RISKY = ("=", "+", "-", "@", "\t", "\r")
"""How a text begins that a spreadsheet would take for a formula; it gets an apostrophe."""


def csv_text(columns: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A line for each row below the names of the columns; floats by ``repr``, None as nothing."""
    made = io.StringIO(newline="")
    writer = csv.writer(made, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(map(_safe, row) for row in rows)
    return made.getvalue()


def _safe(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(RISKY) else cell
