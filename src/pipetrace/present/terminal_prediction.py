"""Predictions in a terminal: the first one in full, the others in short."""

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from pipetrace.explain.text import counted
from pipetrace.present.drawings import Grid, Threshold
from pipetrace.present.terminal_flow import INDENT, drawn
from pipetrace.present.terminal_graphics import bars
from pipetrace.present.views import LayerView, OutcomeView, PredictionView

ENDS = 4
"""Of many layers so many of the first and of the last are shown."""
LINE = 40
STYLES = {"wrong": "red", "hidden": "dim"}
SIGNS = {"right": "", "wrong": "wrong", "hidden": "hidden", "": ""}


def prediction(view: PredictionView, width: int, *, colour: bool) -> Iterator[RenderableType]:
    """A prediction in full."""
    yield Text(view.title, "dim")
    yield Text(view.verdict, "bold")
    for outcome in view.outcomes:
        yield from _outcome(outcome, width, colour=colour)
    many = len(view.layers) > 3 * ENDS
    for index, layer in enumerate(view.layers):
        if many and index == ENDS:
            between = counted(len(view.layers) - 2 * ENDS, "layer")
            yield Padding(Text(f"{between} between are on the page.", "dim"), (1, 0, 0, 0))
        if not many or index < ENDS or index >= len(view.layers) - ENDS:
            yield from _layer(layer, width, colour=colour)
    for text in (view.omitted, view.check):
        if text:
            yield Padding(Text(text, "dim"), (1, 0, 0, 0))


def short(view: PredictionView) -> Iterator[RenderableType]:
    """A prediction in two lines."""
    yield Padding(Text.assemble((view.name, "bold"), (f"  {view.title}", "dim")), (1, 0, 0, 0))
    yield Text(view.verdict)


def _outcome(outcome: OutcomeView, width: int, *, colour: bool) -> Iterator[RenderableType]:
    body: list[RenderableType] = []
    if outcome.threshold:
        body.append(_line(outcome.threshold))
    if outcome.bars:
        body.append(bars(outcome.bars, width - INDENT))
    if outcome.table:
        body.append(_grid(outcome.table))
        if outcome.table.note:
            body.append(Text(outcome.table.note, "dim"))
    for image in outcome.images:
        body += [Text(image.label, "dim"), *drawn(image, width - INDENT, colour=colour)]
    if body:
        head = [Text(outcome.name, "bold")] if outcome.name else []
        yield Padding(Group(*head, *body), (1, 0, 0, INDENT))


def _line(line: Threshold) -> Text:
    cells = ["─"] * (LINE + 1)
    cells[round(line.limit * LINE)] = "┼"
    at = round(line.at * LINE)
    return Text.assemble(
        ("0 ", "dim"),
        ("".join(cells[:at]), "dim"),
        ("●", "bold cyan"),
        ("".join(cells[at + 1 :]), "dim"),
        (" 1  ", "dim"),
        line.text,
    )


def _grid(grid: Grid) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for column in grid.columns:
        table.add_column(Text(column), justify="right", no_wrap=True)
    told = any(SIGNS.get(mark) for mark in grid.marks)
    if told:
        table.add_column("")
    for cells, mark in zip(grid.rows, grid.marks, strict=True):
        texts = [Text(cell) for cell in (*cells, *((SIGNS.get(mark, ""),) if told else ()))]
        table.add_row(*texts, style=STYLES.get(mark, ""))
    return table


def _layer(layer: LayerView, width: int, *, colour: bool) -> Iterator[RenderableType]:
    yield Padding(
        Text.assemble(
            (f"{layer.number:>2} ", "cyan"),
            (layer.title, "bold"),
            (f"  {layer.shape}", "cyan"),
            f"  {layer.text}",
        ),
        (1, 0, 0, 0),
    )
    body: list[RenderableType] = [*drawn(layer.image, width - INDENT, colour=colour)]
    if layer.bars:
        body.append(bars(layer.bars, width - INDENT))
    if body:
        yield Padding(Group(*body), (0, 0, 0, INDENT))
