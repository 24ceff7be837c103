"""The graph as a drawing of boxes and lines, and as a tree of text."""

import math
from collections.abc import Mapping, Sequence

from pipetrace.explain.formatting import counted, dimensions
from pipetrace.present.build.graph.groups import LARGE, StageGroup, owners
from pipetrace.present.build.graph.lanes import Place, places
from pipetrace.present.build.graph.wiring import Wiring, names
from pipetrace.present.drawings import Box, GraphView, TreeLine, Wire
from pipetrace.trace.document import SOURCE, Stage
from pipetrace.trace.records import Record

BOX_HEIGHT, ROW, GAP, MARGIN = 40, 64, 28, 8
NAME, NOTE = 7.9, 6.7
"""The width of a letter of a name, in 13 px mono, and of a note, in 12 px sans."""
NARROWEST, WIDEST = 80, 190
"""The room for the letters of a box, in pixels."""
MOST_LANES = 8
"""A tree is indented no further; whom a stage further right receives from is then said by name."""


class Node(Record):
    """What is drawn as one box: a stage, or a closed group."""

    name: str
    id: str
    first: int
    stages: tuple[Stage, ...]
    group: StageGroup | None


def graph(
    stages: Sequence[Stage],
    wires: Wiring,
    groups: Sequence[StageGroup],
    *,
    start: int = 0,
) -> GraphView | None:
    """The overview, or None where there is nothing to see: a short chain.

    ``groups`` are the closed ones; ``start`` is the position in the trace of the first stage.
    """
    if wires.chain and len(stages) <= LARGE:
        return None
    nodes, sources = contracted(stages, wires, groups, start)
    found = places([node.name for node in nodes], sources)
    boxes, lines = ((), ()) if wires.chain else _drawn(nodes, sources, found, wires)
    return GraphView(
        label=_label(nodes, sources, wires),
        width=max((box.x + box.width for box in boxes), default=0) + MARGIN,
        height=max((box.y + BOX_HEIGHT for box in boxes), default=0) + MARGIN,
        boxes=boxes,
        wires=lines,
        lines=_lines(nodes, sources, found, wires),
    )


def contracted(
    stages: Sequence[Stage],
    wires: Wiring,
    closed: Sequence[StageGroup],
    start: int,
) -> tuple[tuple[Node, ...], dict[str, tuple[str, ...]]]:
    """The nodes of the graph, a collapsed group being one, and the inputs of each."""
    hidden = owners(len(stages), closed)
    nodes: list[Node] = []
    of: dict[str, str] = {}
    for position, stage in enumerate(stages):
        group = hidden[position]
        if group is None:
            place = f"stage/{stage.name}"
            nodes.append(Node(stage.name, place, start + position, (stage,), None))
        elif group.first == position:
            # A group may bear the name of a stage.
            name, place = f"{group.name}/", f"group/{group.name}"
            held = tuple(stages[group.first : group.last + 1])
            nodes.append(Node(name, place, start + position, held, group))
        of[stage.name] = nodes[-1].name
    sources: dict[str, dict[str, None]] = {node.name: {} for node in nodes}
    for stage in stages:
        for source in wires.sources[stage.name]:
            if of[source] != of[stage.name]:
                sources[of[stage.name]][of[source]] = None
    return tuple(nodes), {name: tuple(given) for name, given in sources.items()}


def _label(nodes: Sequence[Node], sources: Mapping[str, tuple[str, ...]], wires: Wiring) -> str:
    joins = sum(len(given) > 1 for given in sources.values())
    parts = [counted(len(nodes), "box", "boxes")]
    collapsed = sum(node.group is not None for node in nodes)
    if collapsed:
        parts.append(f"{collapsed} of them collapsed")
    parts.append(counted(joins, "join"))
    given = len({spec.source for spec in wires.outputs})
    if given > 1:
        parts.append(counted(given, "output"))
    return f"How the stages are connected: {', '.join(parts)}."


def _drawn(
    nodes: Sequence[Node],
    sources: Mapping[str, tuple[str, ...]],
    found: Sequence[Place],
    wires: Wiring,
) -> tuple[tuple[Box, ...], tuple[Wire, ...]]:
    texts = max(max(len(_boxed(node)) * NAME, len(_note(node)) * NOTE) for node in nodes)
    room = max(NARROWEST, min(WIDEST, math.ceil(texts) + 1))
    width = room + 20
    given = {spec.source for spec in wires.outputs}
    spots = {
        place.name: (MARGIN + place.lane * (width + GAP), MARGIN + place.row * ROW, width)
        for place in found
    }
    boxes = []
    for node in nodes:
        x, y, _ = spots[node.name]
        shown, note = _boxed(node), _note(node)
        boxes.append(
            Box(
                id=node.id,
                name=_cut(shown, int(room / NAME)),
                note=_cut(note, int(room / NOTE)),
                label=_screen_reader_label(node, sources[node.name], given),
                kind=_kind(node, given),
                x=x,
                y=y,
                width=width,
                height=BOX_HEIGHT,
            )
        )
    shown_names = {node.name: _shown(node) for node in nodes}
    lines = [
        Wire(_path(spots[source], spots[name]), f"{shown_names[source]} to {shown_names[name]}")
        for name, all_given in sources.items()
        for source in all_given
    ]
    return tuple(boxes), tuple(lines)


def _cut(text: str, letters: int) -> str:
    return text if len(text) <= letters else f"{text[: letters - 1]}…"


def _path(source: tuple[int, int, int], target: tuple[int, int, int]) -> str:
    """Down in the lane of the source, which is empty there, then across to the target."""
    (x, y, width), (to_x, to_y, _) = source, target
    middle, end = x + width // 2, to_x + width // 2
    start, turn = y + BOX_HEIGHT, to_y - (ROW - BOX_HEIGHT)
    if middle == end:
        return f"M{middle} {start}V{to_y}"
    bend = (turn + to_y) // 2
    down = f"V{turn}" if turn > start else ""
    return f"M{middle} {start}{down}C{middle} {bend} {end} {bend} {end} {to_y}"


def _shown(node: Node) -> str:
    return node.group.name if node.group else node.name


def _boxed(node: Node) -> str:
    """The name in a box: of a block that repeats its size, since the names of its ends are long."""
    return _what(node) if node.group and node.group.nested is None else _shown(node)


def _kind(node: Node, given: set[str | None]) -> str:
    if node.group:
        return "group"
    if node.stages[0].kind == SOURCE:
        return "source"
    return "output" if node.name in given else node.stages[0].kind


def _note(node: Node) -> str:
    """What stands below the name: the class, and the shape that leaves it."""
    last = node.stages[-1]
    shape = dimensions(last.outputs[0].shape) if last.outputs else "failed"
    if node.group and node.group.nested is None:
        return shape
    if node.group:
        return f"{counted(len(node.stages), 'stage')}, {shape}"
    layer = (last.layer or "").partition(",")[0]
    return f"{layer} {shape}".strip()


def _screen_reader_label(node: Node, given: Sequence[str], outputs: set[str | None]) -> str:
    """A box for who cannot see the lines."""
    place = (
        f"Stage {node.first + 1}"
        if not node.group
        else f"Stages {node.first + 1} to {node.first + len(node.stages)}"
    )
    comes = f", from {names([each.rstrip('/') for each in given])}" if given else ""
    is_output = ", an output" if any(stage.name in outputs for stage in node.stages) else ""
    return f"{place}: {_shown(node)}{comes}{is_output}"


def _lines(
    nodes: Sequence[Node],
    sources: Mapping[str, tuple[str, ...]],
    found: Sequence[Place],
    wires: Wiring,
) -> tuple[TreeLine, ...]:
    width = min(MOST_LANES, 1 + max((each.lane for each in found), default=0))
    outputs = {spec.source for spec in wires.outputs}
    lines: list[TreeLine] = []
    for node, place in zip(nodes, found, strict=True):
        given = tuple(each.rstrip("/") for each in sources[node.name])
        above = lines[-1].name if lines else None
        count, last = len(node.stages), node.stages[-1]
        lines.append(
            TreeLine(
                number=str(node.first + 1)
                if count == 1
                else f"{node.first + 1}-{node.first + count}",
                depth=min(place.lane, MOST_LANES),
                drawn=drawn(place, width, collapsed=node.group is not None),
                name=_shown(node),
                joins=given if len(given) > 1 or place.lane >= MOST_LANES else (),
                comes=given[0]
                if len(given) == 1 and (given[0] != above or place.off is not None)
                else None,
                what=_what(node),
                shape=dimensions(last.outputs[0].shape) if last.outputs else "failed",
                output=len(outputs) > 1 and any(stage.name in outputs for stage in node.stages),
            )
        )
    return tuple(lines)


def _what(node: Node) -> str:
    if node.group is None:
        return node.stages[0].layer or node.stages[0].kind
    if node.group.nested is None:
        stages, times = counted(len(node.stages) // node.group.times, "stage"), node.group.times
        return f"{stages}, {times} times" if times > 1 else stages
    return f"{node.group.nested.layer}, {counted(len(node.stages), 'stage')}"


def drawn(place: Place, width: int, *, collapsed: bool) -> str:
    """The lines at the left of a node's name, two characters for each lane.

    A dot is a stage and a square a group. A lane that leads on is a line; one that the node
    branches off from has an arm to it, and one that ends in it has an arm from it.
    """
    knot = "■" if collapsed else "○"
    lane = min(place.lane, width)
    cells = ["│" if each in place.before else " " for each in range(width)]
    between = [" "] * width
    if lane == width:
        cells.append(knot)
    else:
        cells[lane] = knot
    if place.off is not None and place.off < width:
        cells[place.off] = "├"
        _arm(cells, between, place.off, lane)
    closing = [each for each in place.closes if each < width]
    if closing:
        _arm(cells, between, lane, closing[-1])
        for each in closing:
            cells[each] = "┴"
        cells[closing[-1]] = "┘"
    return "".join(cell + gap for cell, gap in zip(cells, [*between, " "], strict=False)).rstrip()


def _arm(cells: list[str], between: list[str], start: int, end: int) -> None:
    for each in range(start, end):
        between[each] = "─"
        if each > start:
            cells[each] = "┼" if cells[each] == "│" else "─"
