"""The overview of a trace: its graph, and its groups with what is in them."""

import re
from collections.abc import Sequence
from dataclasses import replace

from pipetrace.explain.facts import first_call
from pipetrace.explain.text import counted, dimensions, listed, number
from pipetrace.present.build.graph.drawing import graph
from pipetrace.present.build.graph.groups import LARGE, StageGroup, stage_groups
from pipetrace.present.build.graph.wiring import ORDINALS, Wiring, wiring
from pipetrace.present.drawings import GraphView
from pipetrace.present.views import GroupView
from pipetrace.trace.document import Parameters, Spec, Stage, Trace

MOST_CLASSES = 6
"""Of more classes of layers in a group the most frequent ones are named."""


def overview(
    trace: Trace, *, expanded: bool = False
) -> tuple[GraphView | None, tuple[GroupView, ...]]:
    """The graph, and the groups: closed in a large model unless they are to be opened.

    Args:
        trace: the recording.
        expanded: whether all are expanded.
    """
    wires = wiring(trace)
    found = stage_groups(trace, wires)
    is_expanded = expanded or len(trace.stages) <= LARGE
    views = tuple(_group(trace, wires, group, expanded=is_expanded) for group in found)
    return graph(trace.stages, wires, () if is_expanded else found, _ids(trace, found)), views


def inside(
    trace: Trace, first: int, last: int, *, expanded: bool = False
) -> tuple[GraphView | None, tuple[GroupView, ...]]:
    """The same of some of the stages, from one position to another; the views' own positions count from the first.

    What groups within them is closed where they are many.
    """
    wires = wiring(trace)
    around = [
        group for group in stage_groups(trace, wires) if first <= group.first and group.last <= last
    ]
    found = [group for group in around if (group.first, group.last) != (first, last)]
    is_expanded = expanded or last + 1 - first <= LARGE
    views = tuple(
        replace(view, first=view.first - first, last=view.last - first)
        for view in (_group(trace, wires, group, expanded=is_expanded) for group in found)
    )
    if last == first:
        return None, views
    part = replace(trace, stages=trace.stages[first : last + 1])
    closed = (
        ()
        if is_expanded
        else [replace(group, first=group.first - first, last=group.last - first) for group in found]
    )
    return graph(part.stages, wiring(part), closed, _ids(trace, found), start=first), views


def _ids(trace: Trace, found: Sequence[StageGroup]) -> dict[str, str]:
    ids = {stage.name: f"stage/{stage.name}" for stage in trace.stages}
    return ids | {f"{group.name}/": f"group/{group.name}" for group in found}


def visible(trace: Trace, found: Sequence[GroupView]) -> set[str]:
    """The names of the stages that no closed group hides."""
    hidden = {
        position
        for group in found
        if not group.expanded
        for position in range(group.first, group.last + 1)
    }
    return {stage.name for position, stage in enumerate(trace.stages) if position not in hidden}


def parameters(trace: Trace, group: StageGroup) -> Parameters:
    """What the stages of a group hold, a layer that is called twice counted once, and what their groups hold themselves."""
    held: dict[str, Parameters] = {}
    for stage in trace.stages[group.first : group.last + 1]:
        held.setdefault(first_call(trace, stage), stage.parameters)
    if group.nested is not None:
        path = group.nested.path
        for each in trace.groups:
            if each.path == path or each.path.startswith(f"{path}/"):
                held.setdefault(f"{re.sub(r':[0-9]+(?=/|$)', '', each.path)}/", each.own)
    return Parameters(
        sum(each.trainable for each in held.values()), sum(each.frozen for each in held.values())
    )


def _group(trace: Trace, wires: Wiring, group: StageGroup, *, expanded: bool) -> GroupView:
    stages = trace.stages[group.first : group.last + 1]
    inside = {stage.name for stage in stages}
    given = {spec.source for spec in wires.outputs}
    received = [spec for stage in stages for spec in stage.inputs if spec.source not in inside]
    leaving = [
        stage.outputs[0]
        for stage in stages
        if stage.outputs
        and (stage.name in given or any(user not in inside for user in wires.users[stage.name]))
    ]
    if group.nested is not None:
        title = f"{group.name} ({group.nested.layer})"
        text = [f"{counted(len(stages), 'stage')}: {_classes(stages)}.", *_called_again(group)]
    else:
        length = len(stages) // group.times
        title = f"A block of {counted(length, 'stage')}, {group.times} times"
        text = [f"{_sequence(stages[:length])}; from {stages[0].name} to {stages[-1].name}."]
    text.append(_held(parameters(trace, group)))
    return GroupView(
        id=f"group/{group.name}",
        name=group.name,
        title=title,
        shapes=f"{_shapes(received)} → {_shapes(leaving or [stages[-1].outputs[0]] if stages[-1].outputs else [])}",
        text=" ".join(text),
        first=group.first,
        last=group.last,
        expanded=expanded,
    )


def _shapes(specs: Sequence[Spec]) -> str:
    found = list(dict.fromkeys(dimensions(spec.shape) for spec in specs))
    if len(found) > 3:
        return f"{found[0]} … {found[-1]}"
    return listed(found) or "nothing"


def _classes(stages: Sequence[Stage]) -> str:
    """How many stages there are of each class, the most frequent ones first."""
    names = [stage.layer or stage.kind for stage in stages]
    counts = sorted({name: names.count(name) for name in names}.items(), key=lambda each: -each[1])
    words = [f"{count} {name}" if count > 1 else name for name, count in counts[:MOST_CLASSES]]
    rest = sum(count for _, count in counts[MOST_CLASSES:])
    return listed([*words, f"{rest} more"] if rest else words)


def _sequence(stages: Sequence[Stage]) -> str:
    names = [stage.layer or stage.kind for stage in stages]
    if len(names) > 2 * MOST_CLASSES:
        return f"{', '.join(names[:MOST_CLASSES])}, {len(names) - MOST_CLASSES} more"
    return f"{', '.join(names[:-1])}, then {names[-1]}" if len(names) > 1 else names[0]


def _called_again(group: StageGroup) -> list[str]:
    place, _, times = group.name.rpartition(":")
    if not place or not times.isdigit():
        return []
    again = ORDINALS[int(times) - 1] if int(times) <= len(ORDINALS) else f"{times}th"
    return [f"It is the {again} call of {place}, with the same weights."]


def _held(held: Parameters) -> str:
    if not held.total:
        return "No parameters."
    if not held.frozen:
        return f"{counted(held.total, 'parameter')}, all trainable."
    if not held.trainable:
        return f"{counted(held.total, 'parameter')}, all frozen."
    return f"{counted(held.total, 'parameter')}: {number(held.trainable)} trainable, {number(held.frozen)} frozen."
