"""The data flow in a terminal: the graph as a tree, then the stages on their thread, collapsed ones in a line or two."""

from collections.abc import Iterator

from rich.console import Console, Group, RenderableType
from rich.text import Text

from pipetrace.present.drawings import GraphView, ImageView, TreeLine
from pipetrace.present.findings.terminal import marks
from pipetrace.present.opening import how_to_open
from pipetrace.present.terminal_graphics import bars, maps, steps, strip
from pipetrace.present.views import Document, GroupView, StageView

INDENT = 4
MOST_OTHERS = 3
"""So many further outputs of a stage are drawn."""


def data_flow(made: Document, width: int, *, colour: bool, file: str) -> Iterator[RenderableType]:
    """The graph, where there is one, and the stages.

    Args:
        made: the document.
        width: how wide.
        colour: whether there are colours.
        file: the trace's name, for the commands that open what is collapsed.
    """
    if made.graph:
        yield tree(made.graph, width)
    if note := how_to_open(made, file):
        yield Text("\n" + "\n".join(note), "dim")
    yield from entries(made, width, colour=colour)


def tree(view: GraphView, width: int) -> RenderableType:
    """The graph: a line for each stage, indented where it branches off, its joins named."""
    numbers = max(len(line.number) for line in view.lines)
    lanes = max(len(line.drawn) for line in view.lines)
    lines = [Text(), Text(view.label, "dim")]
    whats = max(len(line.what) for line in view.lines)
    shapes = max(len(line.shape) for line in view.lines)
    for line in view.lines:
        head = Text(no_wrap=True, overflow="ellipsis")
        head.append(line.number.rjust(numbers), "cyan")
        head.append(f" {line.drawn.ljust(lanes)} ", "dim")
        head.append(line.name, "bold")
        head.append_text(_ends(line))
        right = f"{line.what.ljust(whats)}  {line.shape.rjust(shapes)}"
        room = width - head.cell_len - 2
        if room < len(right):
            right = line.shape if room >= len(line.shape) else ""
        if right:
            head.append(" " * (width - head.cell_len - len(right)))
            head.append(right, "dim")
        elif head.cell_len > width:
            head.truncate(width, overflow="ellipsis")
        lines.append(head)
    return Group(*lines)


def _ends(line: TreeLine) -> Text:
    found = Text()
    if line.joins:
        found.append(" ← ", "dim")
        found.append(", ".join(line.joins))
    if line.output:
        found.append("  output", "green")
    return found


def entries(made: Document, width: int, *, colour: bool) -> Iterator[RenderableType]:
    """The stages, each group before its first one; the stages of a closed group are left out."""
    hidden = -1
    for position, stage in enumerate(made.stages):
        if position <= hidden:
            continue
        for group in (each for each in made.groups if each.first == position and position > hidden):
            last = group.last + 1 == len(made.stages)
            yield from _group(made, group, width, last=last and not group.expanded)
            if not group.expanded:
                hidden = group.last
        if position > hidden:
            last = stage is made.stages[-1]
            yield from _stage(stage, width, last=last, colour=colour, brief=made.brief)


def _group(made: Document, group: GroupView, width: int, *, last: bool) -> Iterator[RenderableType]:
    first, final = made.stages[group.first].number, made.stages[group.last].number
    yield Text()
    yield Text.assemble((f"{first}-{final} ", "cyan"), ("■ ", "dim"), (group.title, "bold"))
    # The name that opens it is told where the title does not.
    name = (
        "" if group.expanded or group.title.startswith(group.name) else f" Its name: {group.name}"
    )
    found = () if group.expanded else marks(group.findings)
    body = Group(
        Text(f"{group.input} → {group.output}", "cyan"),
        *found,
        Text(f"{group.text}{name}"),
        _labelled("Parameters", group.parameters),
    )
    yield _threaded(body, width, last=last)


def _stage(
    stage: StageView, width: int, *, last: bool, colour: bool, brief: bool
) -> Iterator[RenderableType]:
    yield Text()
    yield Text.assemble(
        (f"{stage.number:>2} ", "cyan"),
        ("○ ", "dim"),
        (stage.title, "bold"),
        (f"  {stage.name}", "dim"),
    )
    body: list[RenderableType] = [
        Text(stage.output, "cyan")
        if stage.input == stage.output
        else Text.assemble((stage.input, "dim"), (" → ", "dim"), (stage.output, "cyan")),
    ]
    body += marks(stage.findings)
    if stage.wiring:
        body.append(Text(" ".join(stage.wiring), "cyan"))
    body.append(
        Text(" ".join(part for part in (stage.does, stage.shape if not brief else None) if part))
    )
    if stage.parameters and stage.parameters != "0":
        parts = (
            f"{stage.parameters}, {stage.parts}" if stage.parts and not brief else stage.parameters
        )
        body.append(_labelled("Parameters", parts))
    yield _threaded(
        Group(*body, *([] if brief else _measured(stage, width, colour=colour))), width, last=last
    )


def _measured(stage: StageView, width: int, *, colour: bool) -> Iterator[RenderableType]:
    told = (
        ("Arithmetic", stage.arithmetic),
        ("Example", stage.example),
        ("Texts", stage.written),
        ("Mask", stage.mask),
        ("Measured", " ".join(stage.measured)),
    )
    for name, text in told:
        if text:
            yield _labelled(name, text)
    if not (stage.change and stage.change.training):
        yield from drawn(stage.image, width - INDENT, colour=colour)
    if stage.bars:
        yield bars(stage.bars, width - INDENT)
    if stage.change:
        yield _labelled("Training differs", stage.change.text)
        for image in (stage.change.prediction, stage.change.training):
            yield from _captioned(image, width, colour=colour)
    for image in stage.others[:MOST_OTHERS]:
        yield from _captioned(image, width, colour=colour)
    if stage.omitted:
        yield Text(stage.omitted, "dim")


def _captioned(image: ImageView | None, width: int, *, colour: bool) -> Iterator[RenderableType]:
    if image:
        yield Text(f"{image.label}:", "dim")
        yield from drawn(image, width - INDENT, colour=colour)


def drawn(image: ImageView | None, width: int, *, colour: bool) -> Iterator[RenderableType]:
    """A image as characters, in the manner of its kind."""
    if image is None:
        return
    if image.kind == "vector":
        yield strip(image, width, colour=colour)
    elif image.kind == "steps":
        yield steps(image, width, colour=colour)
    else:
        yield maps(image, width, colour=colour)


def _threaded(body: RenderableType, width: int, *, last: bool) -> RenderableType:
    """The body beside the thread that joins the stages."""
    console = Console(
        width=width - INDENT, color_system="truecolor", force_terminal=True, legacy_windows=False
    )
    lines = console.render_lines(body, console.options.update(width=width - INDENT), pad=False)
    joined = Text()
    for number, line in enumerate(lines):
        joined.append("\n" if number else "")
        joined.append("   " + (" " if last else "│"), "dim")
        for segment in line:
            joined.append(segment.text, segment.style)
    return joined


def _labelled(name: str, text: str) -> Text:
    return Text.assemble((f"{name}: ", "dim"), text)
