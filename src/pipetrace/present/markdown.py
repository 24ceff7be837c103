"""Blocks as Markdown, as GitHub renders it: for a pull request, a README or a report."""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import singledispatch

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
from pipetrace.present.drawings import Chart, GraphView, Grid, Threshold
from pipetrace.present.views import Document, Mark

ESCAPED = re.compile(r"[\\`*\[\]<>|~$&]|(?<![^\W_])_|_(?![^\W_])")
"""What Markdown or GitHub would take as markup; an underscore within a word is none."""
LIVE = re.compile(r"(?<=[a-z]:)(?=//)|(?<=\bwww)(?=\.)|(?<=@)(?=\w)|(?<=#)(?=\d)", re.IGNORECASE)
"""Where GitHub would make a link or a mention of plain text: addresses, people, issues."""
CUT = "<!-- -->"
"""An empty comment, which keeps it from that and cannot be seen."""
AT_LINE_START = re.compile(r"^((?:#{1,6}|[-+=]+|\d{1,9}[.)])(?=\s|$)|::)")
"""What begins a heading, a list, an underline, or a command to GitHub at the start of a line."""
CHART_WIDTH = 80


def document_markdown(made: Document, file: str = "FILE") -> str:
    """A document as Markdown; commands in it name the trace's file."""
    return write_markdown(document_blocks(made, file))


def write_markdown(blocks: Iterable[Block]) -> str:
    """Blocks as Markdown, with an empty line between any two."""
    return "\n\n".join(_joined(blocks)) + "\n"


def escaped(text: str) -> str:
    """A text on one line that Markdown shows as it is."""
    line = ESCAPED.sub(r"\\\g<0>", " ".join(text.split()))
    return LIVE.sub(CUT, AT_LINE_START.sub(_escaped_start, line))


def code(text: str) -> str:
    """A code span, delimited by more backticks than the text has in a row."""
    line = " ".join(text.split())
    runs = [len(run) for run in re.findall("`+", line)]
    mark = "`" * (max(runs, default=0) + 1)
    return f"{mark} {line} {mark}" if runs else f"{mark}{line}{mark}"


def _escaped_start(found: re.Match[str]) -> str:
    start = found[1]
    return f"{start[:-1]}\\{start[-1]}" if start[0].isdigit() else f"\\{start}"


def _joined(blocks: Iterable[Block]) -> Iterator[str]:
    """The blocks' texts; labelled ones that follow each other make one list."""
    items: list[str] = []
    for block in blocks:
        made = list(_markdown(block))
        if isinstance(block, Labelled):
            items += made
            continue
        if items and made:
            yield "\n".join(items)
            items = []
        yield from made
    if items:
        yield "\n".join(items)


@singledispatch
def _markdown(block: Block) -> Iterator[str]:  # noqa: ARG001
    """A block without Markdown, such as an image: the prose describes its values."""
    yield from ()


@_markdown.register
def _title(block: Title) -> Iterator[str]:
    yield f"# {escaped(block.text)}"
    yield escaped(" · ".join((*block.facts, block.framework)))


@_markdown.register
def _heading(block: Heading) -> Iterator[str]:
    count = f" ({block.count})" if block.count else ""
    yield f"{'###' if block.minor else '##'} {escaped(block.text + count)}"


@_markdown.register
def _paragraph(block: Paragraph) -> Iterator[str]:
    text = escaped(block.text)
    if text:
        yield {"strong": f"**{text}**", "warning": f"> {text}"}.get(block.tone, text)


@_markdown.register
def _labelled(block: Labelled) -> Iterator[str]:
    yield f"- **{escaped(block.label)}:** {escaped(block.text)}"


@_markdown.register
def _facts(block: Facts) -> Iterator[str]:
    yield from _joined(block.rows)


@_markdown.register
def _code(block: Code) -> Iterator[str]:
    yield fenced(block.text, block.language)


@_markdown.register
def _shapes(block: Shapes) -> Iterator[str]:
    same = block.input == block.output
    yield code(block.output) if same else f"{code(block.input)} → {code(block.output)}"


@_markdown.register
def _bars(block: Bars) -> Iterator[str]:
    rows = [(bar.name, bar.text, "largest" if bar.marked else "") for bar in block.bars]
    yield _table(("class", "value", ""), rows)


@_markdown.register
def _epochs(block: Epochs) -> Iterator[str]:
    *columns, _ = block.columns
    yield _table(columns, [row.cells for row in block.rows])
    told: list[Block] = []
    for row in block.rows:
        told += [Paragraph(row.border)] if row.border else []
        told.append(Labelled(f"Epoch {row.epoch}", row.observation))
    yield from _joined(told)
    for row in block.rows:
        yield from _joined(row.findings)


@_markdown.register
def _question(block: Question) -> Iterator[str]:
    options = zip(LETTERS, block.options, strict=False)
    yield f"**{block.number}\\. {escaped(block.text)}**"
    yield "\n".join(f"- {letter}: {escaped(option)}" for letter, option in options)


@_markdown.register
def _entry(block: Entry) -> Iterator[str]:
    name = f" ({code(block.name)})" if block.name else ""
    sign = f"{block.knot} " if block.knot == "■" else ""
    yield f"### {sign}{block.number}. {escaped(block.title)}{name}"
    yield from _joined(block.body)


@_markdown.register
def _finding(block: Finding) -> Iterator[str]:
    places = f", {block.places}" if block.places else ""
    yield f"### {escaped(f'{block.level.capitalize()} {block.rule}{places}')}"
    yield from _joined(block.body)


@_markdown.register
def _mark(block: Mark) -> Iterator[str]:
    yield f"> **{block.level.capitalize()} {escaped(block.rule)}:** {escaped(block.text)}"


@_markdown.register
def _threshold(block: Threshold) -> Iterator[str]:
    yield escaped(block.text)


@_markdown.register
def _grid(block: Grid) -> Iterator[str]:
    marked = any(mark in ("wrong", "hidden") for mark in block.marks)
    columns = (*block.columns, "") if marked else block.columns
    rows = [
        (*row, mark if mark != "right" else "") if marked else row
        for row, mark in zip(block.rows, block.marks, strict=True)
    ]
    yield _table(columns, rows)
    if block.note:
        yield escaped(block.note)


@_markdown.register
def _chart(block: Chart) -> Iterator[str]:
    from pipetrace.present.terminal_graphics import chart

    yield fenced(chart(block, CHART_WIDTH).plain, "text")


@_markdown.register
def _graph(block: GraphView) -> Iterator[str]:
    yield escaped(block.label)
    rows = [
        (line.number, f"{line.drawn} {line.name}", line.what, line.shape) for line in block.lines
    ]
    numbers, names, whats, shapes = (max(map(len, column)) for column in zip(*rows, strict=True))
    lines = []
    for line, (number, name, what, shape) in zip(block.lines, rows, strict=True):
        text = f"{number.rjust(numbers)} {name.ljust(names)}  {what.ljust(whats)}"
        text += f"  {shape.rjust(shapes)}"
        joins = f"  <- {', '.join(line.joins)}" if line.joins else ""
        lines.append(f"{text}{joins}{'  (output)' if line.output else ''}")
    yield fenced("\n".join(lines), "text")


def fenced(text: str, language: str) -> str:
    """A block of code, without empty lines around it."""
    runs = [len(run) for run in re.findall("`{3,}", text)]
    mark = "`" * max(3, max(runs, default=0) + 1)
    return f"{mark}{language}\n{text.strip(chr(10))}\n{mark}"


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of GitHub's Markdown, its columns aligned at the right."""
    cells = [[escaped(cell) for cell in row] for row in (columns, *rows)]
    cells.insert(1, ["---:"] * len(columns))
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)
