"""What is drawn: images, bars, histograms, line charts, small tables and the graph.

Every text is worded, every number rounded and every position computed when one of these is made.
The terminal and the page draw them and decide nothing.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipetrace.trace.records import Record


@dataclass(frozen=True, repr=False, eq=False)
class ImageView(Record):
    """A tensor as an image.

    Attributes:
        kind: ``maps`` (one or more grids), ``colour`` (red, green and blue, drawn as one),
            ``steps`` (one line a step, its channels across) or ``vector`` (one row of values,
            wrapped into lines).
        label: what it shows, for a screen reader.
        shape: of ``values``: maps, rows, columns.
        values: float32, exact.
        low, high: the ends of the colour scale.
        low_text, high_text: the same in words.
        colormap: ``grey`` and ``activation`` from low to high, ``signed`` around zero.
        names: the name of each map.
        mark: map, row and column of the value that the text beside it mentions, or None.
        texts: each value rounded, if there are few enough to be written into the image; otherwise
            empty.
        note: which part of the tensor is not drawn, or None.
        hidden: the rows that a mask hides.
    """

    kind: str
    label: str
    shape: tuple[int, int, int]
    values: NDArray[np.float32]
    low: float
    high: float
    low_text: str
    high_text: str
    colormap: str
    names: tuple[str, ...]
    mark: tuple[int, int, int] | None
    texts: tuple[str, ...]
    note: str | None = None
    hidden: tuple[int, ...] = ()


@dataclass(frozen=True, repr=False, eq=False)
class Bar(Record):
    """A bar: its name, its length from 0 to 1, its value in words, and whether it is marked."""

    name: str
    length: float
    text: str
    marked: bool


@dataclass(frozen=True, repr=False, eq=False)
class Distribution(Record):
    """A histogram.

    Attributes:
        label: what it shows, in a sentence.
        heights: of the bars, the highest 1.
        low_text, high_text: the ends of the axis.
        texts: the range and the count of each bar.
    """

    label: str
    heights: tuple[float, ...]
    low_text: str
    high_text: str
    texts: tuple[str, ...]


@dataclass(frozen=True, repr=False, eq=False)
class Tick(Record):
    """A mark on an axis: its position from 0 to 1, and its text."""

    at: float
    text: str


@dataclass(frozen=True, repr=False, eq=False)
class Point(Record):
    """A measured point: epoch, position from 0 to 1, value in words. NaN and Inf have no ``y``."""

    epoch: int
    x: float
    y: float | None
    text: str


@dataclass(frozen=True, repr=False, eq=False)
class Series(Record):
    """A line of a chart; ``role`` is ``training`` or ``validation``."""

    name: str
    role: str
    points: tuple[Point, ...]


@dataclass(frozen=True, repr=False, eq=False)
class Chart(Record):
    """A line chart over epochs.

    Attributes:
        title: what is measured, with its unit.
        label: the chart in a sentence, for a screen reader.
        x, y: the ticks.
        series: the lines.
        reference: a level to compare with, such as chance level, or None.
        best: the epoch to mark, or None.
        best_text: why it is marked.
        borders: the epochs with which a further ``fit`` began; no line leads across.
    """

    title: str
    label: str
    x: tuple[Tick, ...]
    y: tuple[Tick, ...]
    series: tuple[Series, ...]
    reference: Tick | None
    best: int | None
    best_text: str | None
    borders: tuple[int, ...] = ()


@dataclass(frozen=True, repr=False, eq=False)
class Threshold(Record):
    """A probability on a line from 0 to 1, the threshold, and the comparison in words."""

    at: float
    limit: float
    text: str


@dataclass(frozen=True, repr=False, eq=False)
class Grid(Record):
    """A small table.

    Attributes:
        label: what it shows.
        columns: their names.
        rows: the cells as texts.
        marks: for each row ``right``, ``wrong``, ``hidden`` or nothing.
        note: which rows are not shown, or None.
    """

    label: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    marks: tuple[str, ...]
    note: str | None


@dataclass(frozen=True, repr=False, eq=False)
class Box(Record):
    """A box of the graph: a stage or a collapsed group.

    Attributes:
        id: the place on the page that it links to.
        name, note: the two lines written into it.
        label: the same in full, with its inputs.
        kind: ``source``, ``step``, ``layer``, ``op``, ``output`` or ``group``.
        x, y, width, height: in pixels.
    """

    id: str
    name: str
    note: str
    label: str
    kind: str
    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, repr=False, eq=False)
class Wire(Record):
    """A line between two boxes: its path as SVG writes it, and the names of both."""

    path: str
    text: str


@dataclass(frozen=True, repr=False, eq=False)
class TreeLine(Record):
    """A line of the graph as text.

    Attributes:
        number: of the stage, or of the first and last stage of a group.
        depth: how far it is indented.
        drawn: the lines of the tree at its left.
        name: of the stage or group.
        joins: the stages it receives from, if there are several.
        comes: the stage it receives from, if that is not the line above.
        what: its class, or what the group contains.
        shape: of its output.
        output: whether it is one of several outputs of the model.
    """

    number: str
    depth: int
    drawn: str
    name: str
    joins: tuple[str, ...]
    comes: str | None
    what: str
    shape: str
    output: bool


@dataclass(frozen=True, repr=False, eq=False)
class GraphView(Record):
    """How the stages are connected.

    Attributes:
        label: in a sentence.
        width, height: of the drawing, in pixels.
        boxes, wires: the drawing; empty for a chain.
        lines: the same as text.
    """

    label: str
    width: int
    height: int
    boxes: tuple[Box, ...]
    wires: tuple[Wire, ...]
    lines: tuple[TreeLine, ...]
