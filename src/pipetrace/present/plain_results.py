"""Training and predictions as plain text."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from pipetrace.present.drawings import Grid
from pipetrace.present.findings.plain import marks
from pipetrace.present.views import LayerView, OutcomeView, PredictionView, TrainingView

WIDTH = 88
SIGNS = {"wrong": "  <- wrong", "hidden": "  <- hidden"}

Wrapped: TypeAlias = Callable[..., list[str]]
"""Cuts a text into lines, with so many spaces before each."""


def training(view: TrainingView, wrapped: Wrapped) -> Iterator[str]:
    """What a step is, the table of epochs, in several parts where it is wide, and a sentence for each epoch."""
    yield from wrapped(view.steps)
    yield from wrapped(view.note)
    if view.empty:
        yield view.empty
        return
    yield ""
    for part in _parts(view):
        columns = [view.columns[index] for index in part]
        yield from _columns(columns, [[row.cells[index] for index in part] for row in view.rows])
        yield ""
    for row in view.rows:
        yield from wrapped(f"Epoch {row.epoch}: {row.observation}")
        yield from marks(row.findings, wrapped, 3)


def prediction(view: PredictionView, wrapped: Wrapped) -> Iterator[str]:
    """A prediction in full."""
    yield from wrapped(f"{view.title}. {view.verdict}")
    for outcome in view.outcomes:
        yield from _outcome(outcome)
    for layer in view.layers:
        yield from _layer(layer, wrapped)
    if view.layers and (view.omitted or view.check):
        yield ""
    yield from wrapped(view.omitted or "")
    yield from wrapped(view.check)


def short(view: PredictionView, wrapped: Wrapped) -> Iterator[str]:
    """A prediction in a paragraph."""
    yield ""
    yield from wrapped(f"{view.name}. {view.title}. {view.verdict}")


def _parts(view: TrainingView) -> Iterator[Sequence[int]]:
    """The columns of each part of the table; every part begins with the epoch."""
    last = len(view.columns) - 1
    widths = [
        max(len(name), *(len(row.cells[at]) for row in view.rows))
        for at, name in enumerate(view.columns[:last])
    ]
    part, used = [0], widths[0]
    for index in range(1, last):
        if used + 2 + widths[index] > WIDTH and len(part) > 1:
            yield part
            part, used = [0], widths[0]
        part.append(index)
        used += 2 + widths[index]
    yield part


def _columns(
    names: Sequence[str], rows: Sequence[Sequence[str]], marks: Sequence[str] = (), indent: int = 0
) -> Iterator[str]:
    widths = [
        max(len(name), *(len(row[at]) for row in rows)) if rows else len(name)
        for at, name in enumerate(names)
    ]
    before = " " * indent
    yield before + "  ".join(name.rjust(width) for name, width in zip(names, widths, strict=True))
    for at, row in enumerate(rows):
        sign = SIGNS.get(marks[at], "") if marks else ""
        yield (
            before
            + "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
            + sign
        )


def _outcome(outcome: OutcomeView) -> Iterator[str]:
    lines = list(_lines(outcome))
    if lines:
        yield ""
        if outcome.name:
            yield f"{outcome.name}:"
        yield from lines


def _lines(outcome: OutcomeView) -> Iterator[str]:
    if outcome.threshold:
        yield f"   {outcome.threshold.text}"
    width = max((len(bar.name) for bar in outcome.bars), default=0)
    for bar in outcome.bars:
        yield f"   {bar.name.rjust(width)}  {bar.text}{'  <- the largest' if bar.marked else ''}"
    if outcome.table:
        yield from _grid(outcome.table)


def _grid(grid: Grid) -> Iterator[str]:
    yield from _columns(grid.columns, grid.rows, grid.marks, 3)
    if grid.note:
        yield f"   {grid.note}"


def _layer(layer: LayerView, wrapped: Wrapped) -> Iterator[str]:
    yield ""
    yield f"Layer {layer.number}: {layer.title}, {layer.shape}"
    yield from wrapped(layer.text, 3)
    width = max((len(bar.name) for bar in layer.bars), default=0)
    for bar in layer.bars:
        yield f"   {bar.name.rjust(width)}  {bar.text}{'  <- the largest' if bar.marked else ''}"
