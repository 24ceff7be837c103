"""What recording adds to the wall time of ``fit``, as ``benchmarks.cost`` measures it."""

from collections.abc import Callable

from benchmarks.cost.__main__ import HEADINGS, cells
from benchmarks.cost.table import measured
from benchmarks.reliability.table import Table

TITLE = "What a training waits for"


def run(quick: bool, progress: Callable[[str], None]) -> Table:
    """Two pairs of each training, within ten minutes; one short pair where it must be quick."""
    rows = measured(2, quick=quick, told=progress)
    note = (
        "Wall time of `fit` until it returns, plain and with a `Recorder`, in turns: means of two pairs, the least "
        "and the most in brackets. Allowed is 5 % of the training, or 2 s for each `fit` where that is more."
    )
    return Table(HEADINGS, [cells(row) for row in rows], note)
