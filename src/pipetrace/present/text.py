"""Blocks as plain text: prose and columns to be read aloud, piped and compared."""

import os
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from functools import singledispatch

from pipetrace.explain.formatting import listed
from pipetrace.present.blocks import (
    LETTERS,
    Bars,
    Block,
    Code,
    Entry,
    Epochs,
    Facts,
    Finding,
    Heading,
    Labelled,
    Paragraph,
    Question,
    Shapes,
    Title,
)
from pipetrace.present.compose import document_blocks
from pipetrace.present.drawings import GraphView, Grid, Threshold, TreeLine
from pipetrace.present.views import Document, Mark

TEXT_WIDTH = 88
LEAST_WIDTH = 20
INDENT = 3
COLLAPSED = "[collapsed]"
CELL_MARKS = {"wrong": "  <- wrong", "hidden": "  <- hidden"}


def document_text(made: Document, file: str = "FILE") -> str:
    """A document as plain text; commands in it name the trace's file."""
    return write_text_of(document_blocks(made, file))


def text_width() -> int:
    """How many characters a line of text has: ``COLUMNS`` of the environment, or 88."""
    wanted = os.environ.get("COLUMNS", "")
    return max(LEAST_WIDTH, int(wanted)) if wanted.isdecimal() and int(wanted) else TEXT_WIDTH


def write_text_of(blocks: Iterable[Block], width: int | None = None) -> str:
    """Blocks as text in lines of at most ``width``, or ``text_width``, but for tables and code."""
    lines = _all_lines(blocks, width or text_width())
    return "\n".join(_without_double_gaps(lines)).strip("\n") + "\n"


def wrapped(text: str, width: int | None = None, indent: int = 0) -> list[str]:
    """A text in lines; a number stays on one line with its percent sign."""
    margin, width = " " * indent, width or text_width()
    lines = textwrap.wrap(
        text.replace(" %", "\u00a0%").replace("■", COLLAPSED),
        width,
        initial_indent=margin,
        subsequent_indent=margin,
        break_long_words=False,
    )
    return [line.replace("\u00a0", " ") for line in lines]


def _all_lines(blocks: Iterable[Block], width: int) -> Iterator[str]:
    for block in blocks:
        yield from _lines(block, width)


def _without_double_gaps(lines: Iterable[str]) -> Iterator[str]:
    before = ""
    for line in lines:
        if line.lstrip().startswith(("::", "##[")):
            # In the log of a CI service such a line would be an order to it.
            yield line.replace("::", ": :").replace("##[", "# #[")
        elif line or before:
            yield line
        before = line


def _indented(blocks: Iterable[Block], width: int) -> Iterator[str]:
    for line in _all_lines(blocks, width - INDENT):
        yield f"{' ' * INDENT}{line}" if line else ""


@singledispatch
def _lines(block: Block, width: int) -> Iterator[str]:  # noqa: ARG001
    """A block without a plain text, such as an image: the prose describes its values."""
    yield from ()


@_lines.register
def _title(block: Title, width: int) -> Iterator[str]:
    yield from wrapped(block.text, width)
    kind, *facts = block.facts
    yield from wrapped(f"{kind}. {block.framework}. {', '.join(facts)}.", width)


@_lines.register
def _heading(block: Heading, width: int) -> Iterator[str]:
    text = f"{block.text}: {block.count}" if block.count else block.text
    yield ""
    if block.minor:
        yield from wrapped(f"{text}.", width)
    else:
        yield from (text, "-" * len(text))


@_lines.register
def _paragraph(block: Paragraph, width: int) -> Iterator[str]:
    yield from wrapped(block.text, width) or [""]


@_lines.register
def _labelled(block: Labelled, width: int) -> Iterator[str]:
    ends = "" if block.text.endswith((".", "!", "?", ":")) else "."
    yield from wrapped(f"{block.label}: {block.text}{ends}", width)


@_lines.register
def _facts(block: Facts, width: int) -> Iterator[str]:
    yield from _all_lines(block.rows, width)


@_lines.register
def _code(block: Code, width: int) -> Iterator[str]:  # noqa: ARG001
    yield from (f"    {line}".rstrip() for line in block.text.splitlines())


@_lines.register
def _shapes(block: Shapes, width: int) -> Iterator[str]:
    same = block.input == block.output
    yield from wrapped(block.output if same else f"{block.input} -> {block.output}", width)


@_lines.register
def _bars(block: Bars, width: int) -> Iterator[str]:  # noqa: ARG001
    room = max(len(bar.name) for bar in block.bars)
    for bar in block.bars:
        yield f"{bar.name.rjust(room)}  {bar.text}{'  <- the largest' if bar.marked else ''}"


@_lines.register
def _epochs(block: Epochs, width: int) -> Iterator[str]:
    *columns, _ = block.columns
    yield ""
    yield from _table(columns, [row.cells for row in block.rows], width)
    yield ""
    for row in block.rows:
        if row.border:
            yield ""
            yield from wrapped(row.border, width)
        yield from wrapped(f"Epoch {row.epoch}: {row.observation}", width)
        yield from _indented(row.findings, width)


@_lines.register
def _question(block: Question, width: int) -> Iterator[str]:
    yield ""
    yield from wrapped(f"{block.number}. {block.text}", width)
    for letter, option in zip(LETTERS, block.options, strict=False):
        yield from wrapped(f"{letter}. {option}", width, INDENT)


@_lines.register
def _entry(block: Entry, width: int) -> Iterator[str]:
    name = f" ({block.name})" if block.name else ""
    sign = f" {COLLAPSED}" if block.knot == "■" else ""
    yield ""
    yield f"{block.number}. {block.title}{name}{sign}"
    yield from _indented(block.body, width)


@_lines.register
def _finding(block: Finding, width: int) -> Iterator[str]:
    places = f", {block.places}" if block.places else ""
    yield ""
    yield from wrapped(f"{block.number}. {block.level.capitalize()} {block.rule}{places}", width)
    yield from _indented(block.body, width)


@_lines.register
def _mark(block: Mark, width: int) -> Iterator[str]:
    yield from wrapped(f"{block.level.capitalize()} {block.rule}: {block.text}", width)


@_lines.register
def _threshold(block: Threshold, width: int) -> Iterator[str]:  # noqa: ARG001
    yield block.text


@_lines.register
def _grid(block: Grid, width: int) -> Iterator[str]:
    yield from _table(block.columns, block.rows, width, block.marks)
    if block.note:
        yield from wrapped(block.note, width)


@_lines.register
def _graph(block: GraphView, width: int) -> Iterator[str]:
    """Each stage with its inputs: the stage above it if nothing is said."""
    yield from wrapped(
        f"{block.label} Each line receives from the line above it, unless it names its inputs.",
        width,
    )
    yield ""
    numbers = max(len(line.number) for line in block.lines)
    for line in block.lines:
        head = f"{line.number.rjust(numbers)}. {'  ' * line.depth}"
        first, *rest = wrapped(f"{line.name}, {line.what}{_inputs(line)}", width, len(head)) or [""]
        yield head + first.lstrip()
        yield from rest


def _inputs(line: TreeLine) -> str:
    found = ""
    if len(line.joins) > 1:
        found = f" <- {listed(line.joins)}"
    elif line.joins or line.comes:
        found = f", from {line.joins[0] if line.joins else line.comes}"
    return f"{found}{' (output)' if line.output else ''}"


def parts_that_fit(
    columns: Sequence[str], rows: Sequence[Sequence[str]], width: int
) -> list[list[int]]:
    """The columns of a table in parts that are no wider, each with the first column."""
    widths = _widths(columns, rows)
    parts: list[list[int]] = [[0]]
    for at in range(1, len(columns)):
        used = sum(widths[each] + 2 for each in parts[-1])
        if used + widths[at] > width and len(parts[-1]) > 1:
            parts.append([0])
        parts[-1].append(at)
    return parts


def _widths(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    return [max(len(row[at]) for row in (columns, *rows)) for at in range(len(columns))]


def _table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], width: int, marks: Sequence[str] = ()
) -> Iterator[str]:
    """Columns aligned at the right; of a wide table several parts, each with the first column."""
    widths = _widths(columns, rows)
    for number, part in enumerate(parts_that_fit(columns, rows, width)):
        if number:
            yield ""
        yield "  ".join(columns[at].rjust(widths[at]) for at in part)
        for index, row in enumerate(rows):
            sign = CELL_MARKS.get(marks[index], "") if marks else ""
            yield "  ".join(row[at].rjust(widths[at]) for at in part) + sign
