"""The data flow as plain text: the graph as an indented list, then the stages, collapsed ones in a line or two."""

from collections.abc import Callable, Iterator

from pipetrace.explain.text import listed
from pipetrace.present.drawings import GraphView, TreeLine
from pipetrace.present.findings.plain import marks
from pipetrace.present.opening import how_to_open
from pipetrace.present.views import Document, GroupView, StageView

Wrap = Callable[[str, int], list[str]]


def data_flow(made: Document, wrap: Wrap, file: str) -> Iterator[str]:
    """The lines of the graph, where there is one, and of the stages.

    Args:
        made: the document.
        wrap: makes lines of a text, indented.
        file: the trace's name, for the commands that open what is collapsed.
    """
    if made.graph:
        yield ""
        yield from _graph(made.graph, wrap)
    if note := how_to_open(made, file):
        yield ""
        yield from wrap(note[0].replace("marked ■ is collapsed", "told as one is collapsed"), 0)
        yield from note[1:]
    hidden = -1
    for position, stage in enumerate(made.stages):
        for group in (each for each in made.groups if each.first == position and position > hidden):
            yield ""
            yield from _group(made, group, wrap)
            if not group.expanded:
                hidden = group.last
        if position > hidden:
            yield ""
            yield from _stage(stage, wrap, brief=made.brief)


def _graph(view: GraphView, wrap: Wrap) -> Iterator[str]:
    """Each stage with where it comes from: from the one above it where nothing is said."""
    yield from wrap(
        f"{view.label} Each line comes from the one above it, unless it says from where.", 0
    )
    yield ""
    numbers = max(len(line.number) for line in view.lines)
    for line in view.lines:
        head = f"{line.number.rjust(numbers)}. {'  ' * line.depth}"
        first, *rest = wrap(f"{line.name}, {line.what}{_from(line)}", len(head)) or [""]
        yield head + first.lstrip()
        yield from rest


def _from(line: TreeLine) -> str:
    joins = len(line.joins) > 1
    sources = (
        f" <- {listed(line.joins)}" if joins else f", from {line.joins[0]}" if line.joins else ""
    )
    if not line.joins and line.comes:
        sources = f", from {line.comes}"
    return f"{sources}{' (output)' if line.output else ''}"


def _group(made: Document, group: GroupView, wrap: Wrap) -> Iterator[str]:
    first, last = made.stages[group.first].number, made.stages[group.last].number
    name = "" if group.title.startswith(group.name) else f" ({group.name})"
    yield from wrap(f"{first}-{last}. {group.title}{name}", 0)
    yield from wrap(f"{group.input} -> {group.output}", 3)
    yield from wrap(group.text, 3)
    yield from wrap(f"Parameters: {group.parameters}.", 3)
    if not group.expanded:
        yield from marks(group.findings, wrap, 3)


def _stage(stage: StageView, wrap: Wrap, *, brief: bool) -> Iterator[str]:
    yield f"{stage.number}. {stage.title} ({stage.name})"
    yield from wrap(
        stage.output if stage.input == stage.output else f"{stage.input} -> {stage.output}", 3
    )
    yield from marks(stage.findings, wrap, 3)
    if stage.wiring:
        yield from wrap(" ".join(stage.wiring), 3)
    yield from wrap(stage.does, 3)
    if stage.shape and not brief:
        yield from wrap(stage.shape, 3)
    if stage.parameters:
        told = f" ({stage.parts})" if stage.parts and not brief else ""
        yield from wrap(f"Parameters: {stage.parameters}{told}.", 3)
    if not brief:
        yield from _measured(stage, wrap)


def _measured(stage: StageView, wrap: Wrap) -> Iterator[str]:
    if stage.arithmetic:
        yield from wrap(f"Arithmetic: {stage.arithmetic}.", 3)
    if stage.example:
        yield from wrap(f"Example: {stage.example}", 3)
    if stage.written:
        yield from wrap(f"Texts: {stage.written}", 3)
    if stage.mask:
        yield from wrap(f"Mask: {stage.mask}", 3)
    if stage.bars:
        yield from wrap(
            "Scores: " + ", ".join(f"{bar.name}: {bar.text}" for bar in stage.bars) + ".", 3
        )
    if stage.measured:
        yield from wrap(f"Measured: {' '.join(stage.measured)}", 3)
    if stage.change:
        yield from wrap(f"Training differs: {stage.change.text}", 3)
