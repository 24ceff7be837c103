"""What is drawn: images, bars, histograms, line charts, small tables and the graph.

Every text is worded, every number rounded and every position computed when one of these is made.
The terminal and the page draw them and decide nothing.
"""

from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray

from pipetrace.trace.records import Record


class ImageView(Record):
    """A tensor as an image."""

    # ``maps`` (one or more grids), ``colour`` (red, green and blue, drawn as one), ``steps`` (one
    # line a step, its channels across) or ``vector`` (one row of values, wrapped into lines)
    kind: str
    label: str  # what it shows, for a screen reader
    shape: tuple[int, int, int]  # of ``values``: maps, rows, columns
    values: NDArray[np.float32]  # float32, exact
    # low, high: the ends of the colour scale
    low: float
    high: float
    # low_text, high_text: the same in words
    low_text: str
    high_text: str
    colormap: str  # ``grey`` and ``activation`` from low to high, ``signed`` around zero
    names: tuple[str, ...]  # the name of each map
    # map, row and column of the value that the text beside it mentions, or None
    mark: tuple[int, int, int] | None
    # each value rounded, if there are few enough to be written into the image; otherwise empty
    texts: tuple[str, ...]
    note: str | None = None  # which part of the tensor is not drawn, or None
    hidden: tuple[int, ...] = ()  # the rows that a mask hides


class Bar(Record):
    """A bar: its name, its length from 0 to 1, its value in words, and whether it is marked."""

    name: str
    length: float
    text: str
    marked: bool


class Distribution(Record):
    """A histogram."""

    label: str  # what it shows, in a sentence
    heights: tuple[float, ...]  # of the bars, the highest 1
    # low_text, high_text: the ends of the axis
    low_text: str
    high_text: str
    texts: tuple[str, ...]  # the range and the count of each bar


class Tick(Record):
    """A mark on an axis: its position from 0 to 1, and its text."""

    at: float
    text: str


class Point(Record):
    """A measured point: epoch, position from 0 to 1, value in words. NaN and Inf have no ``y``."""

    epoch: int
    x: float
    y: float | None
    text: str


class Series(Record):
    """A line of a chart; ``role`` is ``training`` or ``validation``."""

    name: str
    role: str
    points: tuple[Point, ...]


class Chart(Record):
    """A line chart over epochs."""

    title: str  # what is measured, with its unit
    label: str  # the chart in a sentence, for a screen reader
    # x, y: the ticks
    x: tuple[Tick, ...]
    y: tuple[Tick, ...]
    series: tuple[Series, ...]  # the lines
    reference: Tick | None  # a level to compare with, such as chance level, or None
    best: int | None  # the epoch to mark, or None
    best_text: str | None  # why it is marked
    # the epochs with which a further ``fit`` began; no line leads across
    borders: tuple[int, ...] = ()


class Threshold(Record):
    """A probability on a line from 0 to 1, the threshold, and the comparison in words."""

    at: float
    limit: float
    text: str


class Grid(Record):
    """A small table."""

    label: str  # what it shows
    columns: tuple[str, ...]  # their names
    rows: tuple[tuple[str, ...], ...]  # the cells as texts
    marks: tuple[str, ...]  # for each row ``right``, ``wrong``, ``hidden`` or nothing
    note: str | None  # which rows are not shown, or None

    @classmethod
    def plain(
        cls,
        label: str,
        columns: Sequence[str],
        rows: Sequence[tuple[str, ...]],
        note: str | None = None,
    ) -> Self:
        """A table of which no row is marked."""
        return cls(label, tuple(columns), tuple(rows), ("",) * len(rows), note)


class Box(Record):
    """A box of the graph: a stage or a collapsed group."""

    id: str  # the place on the page that it links to
    # name, note: the two lines written into it
    name: str
    note: str
    label: str  # the same in full, with its inputs
    kind: str  # ``source``, ``step``, ``layer``, ``op``, ``output`` or ``group``
    # x, y, width, height: in pixels
    x: int
    y: int
    width: int
    height: int


class Wire(Record):
    """A line between two boxes: its path as SVG writes it, and the names of both."""

    path: str
    text: str


class TreeLine(Record):
    """A line of the graph as text."""

    number: str  # of the stage, or of the first and last stage of a group
    depth: int  # how far it is indented
    drawn: str  # the lines of the tree at its left
    name: str  # of the stage or group
    joins: tuple[str, ...]  # the stages it receives from, if there are several
    comes: str | None  # the stage it receives from, if that is not the line above
    what: str  # its class, or what the group contains
    shape: str  # of its output
    output: bool  # whether it is one of several outputs of the model


class GraphView(Record):
    """How the stages are connected."""

    label: str  # in a sentence
    # width, height: of the drawing, in pixels
    width: int
    height: int
    # boxes, wires: the drawing; empty for a chain
    boxes: tuple[Box, ...]
    wires: tuple[Wire, ...]
    lines: tuple[TreeLine, ...]  # the same as text
