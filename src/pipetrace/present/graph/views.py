"""The views of the graph: boxes and lines with their places, the same as text, and what folds."""

from dataclasses import dataclass

from pipetrace.present.findings.views import Mark


@dataclass(frozen=True)
class FoldView:
    """Stages that follow each other and are shown as one: a nested model, a layer of layers, a block that repeats.

    Attributes:
        id: the place that others point to, such as ``fold/encoder``.
        name: what the command line opens it by.
        title: what it is called.
        shapes: what goes in and what comes out.
        text: what is in it, in sentences.
        first, last: the positions of its first and last stage, from 0.
        open: whether its stages are shown.
        findings: what the rules found in it.
    """

    id: str
    name: str
    title: str
    shapes: str
    text: str
    first: int
    last: int
    open: bool
    findings: tuple[Mark, ...] = ()


@dataclass(frozen=True)
class Box:
    """A box of the graph: a stage or a fold.

    Attributes:
        id: the place on the page that it stands for.
        name, note: what is written into it.
        label: the same in full, with whom it receives from.
        kind: ``source``, ``step``, ``layer``, ``op``, ``output`` or ``fold``.
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


@dataclass(frozen=True)
class Wire:
    """A line between two boxes: its path as SVG writes it, and what it joins."""

    path: str
    text: str


@dataclass(frozen=True)
class TreeLine:
    """A line of the graph as text.

    Attributes:
        number: of the stage, or of the first and last one of a fold.
        depth: how far it is indented.
        drawn: the lines of the tree at its left.
        name: of the stage or fold.
        joins: whom it receives from, where they are several.
        comes: whom it receives from, where that is one and not the line above.
        what: its class, or what is folded.
        shape: of what it gives.
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


@dataclass(frozen=True)
class GraphView:
    """How the stages are connected.

    Attributes:
        label: in a sentence.
        width, height: of the drawing, in pixels.
        boxes, wires: the drawing; none for a chain.
        lines: the same as text.
    """

    label: str
    width: int
    height: int
    boxes: tuple[Box, ...]
    wires: tuple[Wire, ...]
    lines: tuple[TreeLine, ...]
