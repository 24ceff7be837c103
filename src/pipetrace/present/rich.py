"""Blocks in a terminal: colours, charts of characters, feature maps as half-blocks."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

from rich.console import Console, Group, JustifyMethod, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from pipetrace.explain.formatting import counted
from pipetrace.present import terminal_graphics
from pipetrace.present.blocks import (
    LETTERS,
    Bars,
    Block,
    Code,
    Entry,
    Epochs,
    Facts,
    Figure,
    Finding,
    Heading,
    Labelled,
    Paragraph,
    Question,
    Shapes,
    Title,
)
from pipetrace.present.compose import document_blocks
from pipetrace.present.drawings import Chart, GraphView, Grid, Threshold
from pipetrace.present.views import Document, EpochRow, Mark

MAX_WIDTH = 110
"""Longer lines are hard to read, however wide the window is."""
BODY_INDENT = 5
NARROW = 90
"""Below this width the observations stand under the table of epochs."""
OBSERVATION_WIDTH = 40
"""The column of observations is at least so wide."""
MOST_UNBROKEN = 16
"""Characters of a cell that is never broken into lines: numbers and names."""
COLUMN_GAP = 2
TONES = {"note": "dim", "strong": "bold", "warning": "yellow", "accent": "cyan"}
LEVEL_STYLES = {"error": "bold red", "warning": "bold yellow", "note": "bold"}
ROW_STYLES = {"wrong": "red", "hidden": "dim"}
THRESHOLD_CELLS = 40


@dataclass(frozen=True)
class Canvas:
    """What is drawn on: its width in characters, and whether it has colours."""

    width: int
    colour: bool


class LastingConsole(Console):
    """A console without markup that falls silent when its reader, such as ``head``, has left; the
    run goes on."""

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, **options)

    def on_broken_pipe(self) -> None:
        """Discard all further output of the process."""
        self.quiet = True
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.file.fileno())
        os.close(nowhere)


def show(made: Document, console: Console, *, file: str = "FILE") -> None:
    """Print a document; the console's width and colours decide how. Commands name the file."""
    console.print()
    print_blocks(document_blocks(made, file), console)


def print_blocks(blocks: Iterable[Block], console: Console) -> None:
    """Print blocks, none wider than the window."""
    # NO_COLOR leaves the colour system in place and drops the colours, so both are asked.
    colour = console.color_system is not None and not console.no_color
    canvas = Canvas(min(console.width, MAX_WIDTH), colour)
    for block in blocks:
        for part in _drawn(block, canvas):
            # A name is text: what stands in it in brackets or between colons is no markup.
            console.print(part, width=canvas.width, highlight=False, markup=False, emoji=False)


def _all(blocks: Iterable[Block], canvas: Canvas) -> Group:
    return Group(*(part for block in blocks for part in _drawn(block, canvas)))


@singledispatch
def _drawn(block: Block, canvas: Canvas) -> Iterator[RenderableType]:  # noqa: ARG001
    raise TypeError(f"{type(block).__name__} is no block")


@_drawn.register
def _title(block: Title, canvas: Canvas) -> Iterator[RenderableType]:
    left, right = Text(block.text, "bold"), Text(block.framework, "dim")
    apart = canvas.width - left.cell_len - right.cell_len
    yield Group(left, right) if apart < 2 else Text.assemble(left, " " * apart, right)
    yield Text(" · ".join(block.facts), "dim")


@_drawn.register
def _heading(block: Heading, canvas: Canvas) -> Iterator[RenderableType]:
    if block.minor:
        yield Padding(Text(block.text, "bold"), (1, 0, 0, 0))
        return
    text = f"{block.text} · {block.count}" if block.count else block.text
    rule = Rule(Text(f"{text} ", "bold cyan"), align="left", style="dim", characters="─")
    yield Padding(rule, (1, 0, 0, 0), expand=canvas.width > 0)


@_drawn.register
def _paragraph(block: Paragraph, canvas: Canvas) -> Iterator[RenderableType]:  # noqa: ARG001
    yield Text(block.text, TONES.get(block.tone, ""))


@_drawn.register
def _labelled(block: Labelled, canvas: Canvas) -> Iterator[RenderableType]:  # noqa: ARG001
    yield Text.assemble((f"{block.label}: ", "dim"), block.text)


@_drawn.register
def _facts(block: Facts, canvas: Canvas) -> Iterator[RenderableType]:  # noqa: ARG001
    table = Table.grid(padding=(0, COLUMN_GAP, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(ratio=1)
    for row in block.rows:
        table.add_row(row.label, Text(row.text))
    yield table


@_drawn.register
def _code(block: Code, canvas: Canvas) -> Iterator[RenderableType]:  # noqa: ARG001
    yield Padding(Text(block.text, "green"), (0, 0, 0, BODY_INDENT))


@_drawn.register
def _shapes(block: Shapes, canvas: Canvas) -> Iterator[RenderableType]:  # noqa: ARG001
    if block.input == block.output:
        yield Text(block.output, "cyan")
    else:
        yield Text.assemble((block.input, "dim"), (" → ", "dim"), (block.output, "cyan"))


@_drawn.register
def _bars(block: Bars, canvas: Canvas) -> Iterator[RenderableType]:
    yield terminal_graphics.bars(block.bars, canvas.width)


@_drawn.register
def _figure(block: Figure, canvas: Canvas) -> Iterator[RenderableType]:
    if block.caption:
        yield Text(f"{block.caption}:", "dim")
    yield terminal_graphics.image(block.image, canvas.width, colour=canvas.colour)


@_drawn.register
def _chart(block: Chart, canvas: Canvas) -> Iterator[RenderableType]:
    yield Padding(terminal_graphics.chart(block, canvas.width), (1, 0, 0, 0))


@_drawn.register
def _epochs(block: Epochs, canvas: Canvas) -> Iterator[RenderableType]:
    """The columns that fit; the observations beside them, or below in a narrow window."""
    narrow = canvas.width < NARROW
    *names, observations = block.columns
    kept = fitting_columns(block, canvas.width - (0 if narrow else OBSERVATION_WIDTH))
    table = _table()
    for index in kept:
        table.add_column(names[index], justify="right", no_wrap=True)
    if not narrow:
        table.add_column(observations, ratio=1)
    for row in block.rows:
        if row.border:
            table.add_section()
            if not narrow:
                table.add_row(*("" for _ in kept), Text(row.border, "cyan"))
        beside = [] if narrow else [Group(Text(row.observation), _all(row.findings, canvas))]
        table.add_row(*(row.cells[index] for index in kept), *beside)
    yield Padding(table, (1, 0, 0, 0))
    hidden = [name for index, name in enumerate(names) if index not in kept]
    if hidden:
        yield Text(
            f"{counted(len(hidden), 'more column')} on the page: {', '.join(hidden)}.", "dim"
        )
    if narrow:
        yield Text()
        yield from (part for row in block.rows for part in _observation(row, canvas))


def _observation(row: EpochRow, canvas: Canvas) -> Iterator[RenderableType]:
    if row.border:
        yield Text(f"\n{row.border}", "cyan")
    yield Text.assemble((f"Epoch {row.epoch}: ", "dim"), row.observation)
    yield _all(row.findings, canvas)


def fitting_columns(block: Epochs, width: int) -> Sequence[int]:
    """The columns that fit: epoch, seconds, and of the metrics the first ones."""
    *names, _ = block.columns
    widths = [
        max(len(name), *(len(row.cells[index]) for row in block.rows))
        for index, name in enumerate(names)
    ]
    last = len(names) - 1
    kept, used = [0, last], widths[0] + COLUMN_GAP + widths[last]
    for index in range(1, last):
        used += widths[index] + COLUMN_GAP
        if used > width and index > 1:
            break
        kept.append(index)
    return sorted(kept)


@_drawn.register
def _question(block: Question, canvas: Canvas) -> Iterator[RenderableType]:  # noqa: ARG001
    yield Text(f"\n{block.number}. {block.text}", "bold")
    for letter, option in zip(LETTERS, block.options, strict=False):
        yield Text.assemble("   ", (letter, "cyan"), f"  {option}")


@_drawn.register
def _entry(block: Entry, canvas: Canvas) -> Iterator[RenderableType]:
    knot = (f"{block.knot} ", "dim") if block.knot else ""
    name = (f"  {block.name}", "dim" if block.knot else "cyan") if block.name else ""
    yield Text()
    yield Text.assemble((f"{block.number:>2} ", "cyan"), knot, (block.title, "bold"), name)
    inner = Canvas(canvas.width - BODY_INDENT, canvas.colour)
    body = _all(block.body, inner)
    if block.knot:
        yield _threaded(body, inner.width, last=block.last)
    else:
        yield Padding(body, (0, 0, 0, BODY_INDENT))


@_drawn.register
def _finding(block: Finding, canvas: Canvas) -> Iterator[RenderableType]:
    yield Text()
    yield Text.assemble(
        (f"{block.level} ", LEVEL_STYLES[block.level]),
        (block.rule, "bold"),
        (f"  {block.places}" if block.places else "", "cyan"),
    )
    inner = Canvas(canvas.width - BODY_INDENT, canvas.colour)
    yield Padding(_all(block.body, inner), (0, 0, 0, BODY_INDENT))


@_drawn.register
def _mark(block: Mark, canvas: Canvas) -> Iterator[RenderableType]:  # noqa: ARG001
    level = (f"{block.level} ", LEVEL_STYLES[block.level])
    yield Text.assemble(level, (f"{block.rule}: ", "bold"), block.text)


@_drawn.register
def _threshold(block: Threshold, canvas: Canvas) -> Iterator[RenderableType]:  # noqa: ARG001
    cells = ["─"] * (THRESHOLD_CELLS + 1)
    cells[round(block.limit * THRESHOLD_CELLS)] = "┼"
    at = round(block.at * THRESHOLD_CELLS)
    before, after = "".join(cells[:at]), "".join(cells[at + 1 :])
    dot = ("●", "bold cyan")
    yield Text.assemble(
        ("0 ", "dim"), (before, "dim"), dot, (after, "dim"), (" 1  ", "dim"), block.text
    )


def _table() -> Table:
    return Table(box=None, padding=(0, COLUMN_GAP, 0, 0), header_style="dim", pad_edge=False)


@_drawn.register
def _grid(block: Grid, canvas: Canvas) -> Iterator[RenderableType]:  # noqa: ARG001
    table = _table()
    for at, column in enumerate(block.columns):
        long = any(len(cells[at]) > MOST_UNBROKEN for cells in block.rows)
        # A padded one is left-aligned, and one of texts.
        justify: JustifyMethod = "left" if long or column.endswith(" ") else "right"
        table.add_column(Text(column), justify=justify, no_wrap=not long)
    marked = any(mark in ROW_STYLES for mark in block.marks)
    if marked:
        table.add_column("")
    for cells, mark in zip(block.rows, block.marks, strict=True):
        sign = (mark if mark in ROW_STYLES else "",) if marked else ()
        table.add_row(*map(Text, (*cells, *sign)), style=ROW_STYLES.get(mark, ""))
    yield table
    if block.note:
        yield Text(block.note, "dim")


@_drawn.register
def _graph(block: GraphView, canvas: Canvas) -> Iterator[RenderableType]:
    """A line for each stage, indented where it branches off, its joins named."""
    numbers, lanes, whats, shapes = (
        max(len(getattr(line, name)) for line in block.lines)
        for name in ("number", "drawn", "what", "shape")
    )
    yield Text(block.label, "dim")
    for line in block.lines:
        head = Text(no_wrap=True, overflow="ellipsis")
        head.append(line.number.rjust(numbers), "cyan")
        head.append(f" {line.drawn.ljust(lanes)} ", "dim")
        head.append(line.name, "bold")
        if line.joins:
            head.append(" ← ", "dim")
            head.append(", ".join(line.joins))
        if line.output:
            head.append("  output", "green")
        right = f"{line.what.ljust(whats)}  {line.shape.rjust(shapes)}"
        room = canvas.width - head.cell_len - 2
        if room < len(right):
            right = line.shape if room >= len(line.shape) else ""
        if right:
            head.append(" " * (canvas.width - head.cell_len - len(right)))
            head.append(right, "dim")
        elif head.cell_len > canvas.width:
            head.truncate(canvas.width, overflow="ellipsis")
        yield head


def _threaded(body: RenderableType, width: int, *, last: bool) -> RenderableType:
    """The body beside the thread that joins the stages."""
    console = Console(
        width=width,
        color_system="truecolor",
        force_terminal=True,
        legacy_windows=False,
        markup=False,
        emoji=False,
    )
    lines = console.render_lines(body, console.options.update(width=width), pad=False)
    joined = Text()
    for number, line in enumerate(lines):
        joined.append("\n" if number else "")
        joined.append("     " if last else "   │ ", "dim")
        for segment in line:
            joined.append(segment.text, segment.style)
    return joined
