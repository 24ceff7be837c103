"""The training in a terminal: the chart of the loss, and as much of the table as fits."""

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from pipetrace.explain.text import counted
from pipetrace.present.findings.terminal import marks
from pipetrace.present.terminal_graphics import chart
from pipetrace.present.views import EpochRow, TrainingView

NARROW = 90
"""Below this the sentences stand under the table."""
SENTENCES = 40
"""So wide at least is the column of the sentences."""
GAP = 2


def training(view: TrainingView, width: int) -> Iterator[RenderableType]:
    """What is known of a step, the chart, the table and the sentences."""
    note = " ".join(text for text in (view.steps, view.note) if text)
    if note:
        yield Text(note, "dim")
    if view.empty:
        yield Text(view.empty, "yellow")
        return
    for each in view.charts[:1]:
        yield Padding(chart(each, width), (1, 0, 0, 0))
    narrow = width < NARROW
    *_, told = view.columns
    kept = fitting(view, width if narrow else width - SENTENCES)
    table = Table(box=None, padding=(0, GAP, 0, 0), header_style="dim", pad_edge=False)
    for index in kept:
        table.add_column(view.columns[index], justify="right", no_wrap=True)
    if not narrow:
        table.add_column(told, ratio=1)
    for row in view.rows:
        table.add_row(*(row.cells[index] for index in kept), *([] if narrow else [_told(row)]))
    yield Padding(table, (1, 0, 0, 0))
    left = [name for index, name in enumerate(view.columns[:-1]) if index not in kept]
    if left:
        yield Text(f"{counted(len(left), 'more column')} on the page: {', '.join(left)}.", "dim")
    if narrow:
        yield Text()
        for row in view.rows:
            yield Text.assemble((f"Epoch {row.epoch}: ", "dim"), row.observation)
            yield from marks(row.findings)


def _told(row: EpochRow) -> RenderableType:
    return Group(Text(row.observation), *marks(row.findings))


def fitting(view: TrainingView, width: int) -> Sequence[int]:
    """The columns that fit: epoch and seconds, and of the metrics as many as there is room for, the first ones first."""
    *columns, _ = view.columns
    widths = [
        max(len(name), *(len(row.cells[index]) for row in view.rows))
        for index, name in enumerate(columns)
    ]
    last = len(columns) - 1
    kept, used = [0, last], widths[0] + GAP + widths[last]
    for index in range(1, last):
        used += widths[index] + GAP
        if used > width and index > 1:
            break
        kept.append(index)
    return sorted(kept)
