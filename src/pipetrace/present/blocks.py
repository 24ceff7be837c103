"""The blocks of a text. ``compose`` lists them; ``text``, ``rich`` and ``markdown`` write them.

Drawings (charts, small tables, the graph) and marks of findings are blocks themselves.
"""

from collections.abc import Iterable, Iterator
from typing import TypeAlias

from pipetrace.present.drawings import Bar, Chart, GraphView, Grid, ImageView, Threshold
from pipetrace.present.views import (
    EpochRow,
    Mark,
)
from pipetrace.trace.records import Record


class Title(Record):
    """The document's title, its framework, and its facts."""

    text: str
    framework: str
    facts: tuple[str, ...]


class Heading(Record):
    """The heading of a section, with a count; ``minor`` for one within a section."""

    text: str
    count: str = ""
    minor: bool = False


class Paragraph(Record):
    """Prose; ``tone`` is ``note``, ``strong``, ``warning``, ``accent`` or empty."""

    text: str
    tone: str = ""


class Labelled(Record):
    """A text with a label, such as a number of parameters."""

    label: str
    text: str


class Facts(Record):
    """Several labelled texts below each other."""

    rows: tuple[Labelled, ...]


class Code(Record):
    """Lines to copy: Python, or commands."""

    text: str
    language: str = "python"


class Shapes(Record):
    """The shapes of an input and an output."""

    input: str
    output: str


class Bars(Record):
    """Bars below each other, such as class probabilities."""

    bars: tuple[Bar, ...]


class Figure(Record):
    """An image, with a caption or without."""

    image: ImageView
    caption: str = ""


class Epochs(Record):
    """The table of epochs. Its last column holds the observations."""

    columns: tuple[str, ...]
    rows: tuple[EpochRow, ...]


LETTERS = "ABCD"
"""Of the options of a question."""


class Question(Record):
    """A quiz question with its options, unanswered."""

    number: int
    text: str
    options: tuple[str, ...]


class Entry(Record):
    """A numbered part: a stage, a group, a layer."""

    number: str  # or the first and the last one of a group
    title: str  # what it is called
    name: str  # in the trace; for a layer its output shape
    body: "tuple[Block, ...]"  # what is written of it
    # its sign on the thread of stages: ``○`` a stage, ``■`` a collapsed group; empty off the thread
    knot: str = ""
    last: bool = False  # whether the thread ends here


class Finding(Record):
    """A finding: severity, rule and places in its heading, then what is written of it."""

    number: int
    level: str
    rule: str
    places: str
    body: "tuple[Block, ...]"


Block: TypeAlias = (
    Title
    | Heading
    | Paragraph
    | Labelled
    | Facts
    | Code
    | Shapes
    | Bars
    | Figure
    | Epochs
    | Question
    | Entry
    | Finding
    | Mark
    | Chart
    | Grid
    | Threshold
    | GraphView
)
GAP = Paragraph("")
"""An empty line, where the form has any."""


def flattened(blocks: Iterable[Block]) -> Iterator[Block]:
    """The blocks, each followed by those of its body."""
    for block in blocks:
        yield block
        if isinstance(block, (Entry, Finding)):
            yield from flattened(block.body)
