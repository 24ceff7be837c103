"""The overview of a trace: its graph, and its groups with what is in them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from pipetrace.explain.facts import first_call, measured_rows
from pipetrace.explain.formatting import counted, listed, number, shape
from pipetrace.present.build.graph.drawing import graph
from pipetrace.present.build.graph.groups import LARGE, StageGroup, stage_groups
from pipetrace.present.build.graph.wiring import Wiring, ordinal, wiring
from pipetrace.present.drawings import GraphView
from pipetrace.present.views import GroupView
from pipetrace.trace.document import Parameters, Spec, Stage, Trace

Placed = TypeVar("Placed", StageGroup, GroupView)

MOST_CLASSES = 6
"""Of more classes of layers in a group the most frequent ones are named."""


def overview(
    trace: Trace, *, expanded: bool = False, within: tuple[int, int] | None = None
) -> tuple[GraphView | None, tuple[GroupView, ...]]:
    """The graph, and the groups: closed where there are many stages unless they are to be opened.

    ``within`` has the positions of the first and the last of the stages that are shown, where these
    are not all; positions in the views count from the first.
    """
    wires = wiring(trace)
    first, last = within or (0, len(trace.stages) - 1)
    found = [
        group
        for group in stage_groups(trace, wires)
        if first <= group.first and group.last <= last and (group.first, group.last) != within
    ]
    part = replace(trace, stages=trace.stages[first : last + 1])
    is_expanded = expanded or len(part.stages) <= LARGE
    views = [_group(trace, wires, group, expanded=is_expanded) for group in found]
    closed = [] if is_expanded else [_behind(group, first) for group in found]
    shown = graph(part.stages, wiring(part) if within else wires, closed, start=first)
    return shown, tuple(_behind(view, first) for view in views)


def _behind(group: Placed, start: int) -> Placed:
    """A group with its positions counted from a stage."""
    return replace(group, first=group.first - start, last=group.last - start)


def visible(trace: Trace, found: Sequence[GroupView]) -> set[str]:
    """The names of the stages that no closed group hides."""
    hidden = {
        position
        for group in found
        if not group.expanded
        for position in range(group.first, group.last + 1)
    }
    return {stage.name for position, stage in enumerate(trace.stages) if position not in hidden}


def _group(trace: Trace, wires: Wiring, group: StageGroup, *, expanded: bool) -> GroupView:
    stages = trace.stages[group.first : group.last + 1]
    inputs, outputs, parameters = _interface(trace, wires, group)
    if group.nested is not None:
        title = f"{group.name} ({group.nested.layer})"
        text = [f"{counted(len(stages), 'stage')}: {classes(stages)}.", *_called_again(group)]
    elif group.times == 1:
        title = group.name
        text = [f"{counted(len(stages), 'stage')}: {classes(stages)}."]
    else:
        length = len(stages) // group.times
        title = f"A block of {counted(length, 'stage')}, {group.times} times"
        text = [f"{_sequence(stages[:length])}; from {stages[0].name} to {stages[-1].name}."]
    rows, batch = measured_rows(trace), trace.run.training.batch_size
    return GroupView(
        id=f"group/{group.name}",
        name=group.name,
        title=title,
        input=_shapes(inputs, rows, batch) or "nothing",
        output=_shapes(outputs, rows, batch) or "no output: it failed here",
        text=" ".join(text),
        parameters=_held(parameters),
        first=group.first,
        last=group.last,
        expanded=expanded,
    )


def _interface(
    trace: Trace, wires: Wiring, group: StageGroup
) -> tuple[Sequence[Spec], Sequence[Spec], Parameters]:
    """Inputs, outputs, parameters: recorded for a nested model, for a block from its stages."""
    stages, nested = trace.stages[group.first : group.last + 1], group.nested
    if nested is not None and group.name == nested.path and nested.outputs:
        return nested.inputs, nested.outputs, nested.parameters
    inside, given = {stage.name for stage in stages}, {spec.source for spec in wires.outputs}
    inputs = [spec for stage in stages for spec in stage.inputs if spec.source not in inside]
    outputs = [
        stage.outputs[0]
        for stage in stages
        if stage.outputs
        and (stage.name in given or any(user not in inside for user in wires.users[stage.name]))
    ]
    return inputs, outputs or stages[-1].outputs[:1], _total(trace, stages)


def _total(trace: Trace, stages: Sequence[Stage]) -> Parameters:
    held = {first_call(trace, stage): stage.parameters for stage in stages}.values()
    return Parameters(sum(each.trainable for each in held), sum(each.frozen for each in held))


def parameters_of(trace: Trace, stages: Sequence[Stage]) -> str:
    """How many parameters stages hold, those of a layer that is called again once."""
    return _held(_total(trace, stages))


def _shapes(specs: Sequence[Spec], rows: int, batch: int | None) -> str:
    found = list(dict.fromkeys(shape(spec, rows, batch) for spec in specs))
    return f"{found[0]} … {found[-1]}" if len(found) > 3 else listed(found)


def classes(stages: Sequence[Stage]) -> str:
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
    return [f"It is the {ordinal(int(times))} call of {place}, with the same weights."]


def _held(held: Parameters) -> str:
    if not held.total or not held.frozen:
        return f"{number(held.total)}{', all trainable' if held.total else ''}"
    if not held.trainable:
        return f"{number(held.total)}, all frozen"
    return f"{number(held.total)}: {number(held.trainable)} trainable, {number(held.frozen)} frozen"
