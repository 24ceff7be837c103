"""The overview of a trace: its graph, and its folds with what is in them."""

import re
from collections.abc import Sequence
from dataclasses import replace

from pipetrace.explain.facts import first_call
from pipetrace.explain.text import counted, dimensions, listed, number
from pipetrace.present.graph.drawing import graph
from pipetrace.present.graph.folds import LARGE, Fold, folds
from pipetrace.present.graph.views import FoldView, GraphView
from pipetrace.present.graph.wiring import ORDINALS, Wiring, wiring
from pipetrace.trace.document import Parameters, Spec, Stage, Trace

MOST_CLASSES = 6
"""Of more classes of layers in a fold the most frequent ones are named."""


def overview(
    trace: Trace, *, opened: bool = False
) -> tuple[GraphView | None, tuple[FoldView, ...]]:
    """The graph, and the folds: closed in a large model unless they are to be opened.

    Args:
        trace: the recording.
        opened: whether all are open.
    """
    wires = wiring(trace)
    found = folds(trace, wires)
    is_open = opened or len(trace.stages) <= LARGE
    views = tuple(_fold(trace, wires, fold, is_open=is_open) for fold in found)
    return graph(trace.stages, wires, () if is_open else found, _ids(trace, found)), views


def inside(
    trace: Trace, first: int, last: int, *, opened: bool = False
) -> tuple[GraphView | None, tuple[FoldView, ...]]:
    """The same of some of the stages, from one position to another; the views' own positions count from the first.

    What folds within them is closed where they are many.
    """
    wires = wiring(trace)
    around = [fold for fold in folds(trace, wires) if first <= fold.first and fold.last <= last]
    found = [fold for fold in around if (fold.first, fold.last) != (first, last)]
    is_open = opened or last + 1 - first <= LARGE
    views = tuple(
        replace(view, first=view.first - first, last=view.last - first)
        for view in (_fold(trace, wires, fold, is_open=is_open) for fold in found)
    )
    if last == first:
        return None, views
    part = replace(trace, stages=trace.stages[first : last + 1])
    closed = (
        ()
        if is_open
        else [replace(fold, first=fold.first - first, last=fold.last - first) for fold in found]
    )
    return graph(part.stages, wiring(part), closed, _ids(trace, found), start=first), views


def _ids(trace: Trace, found: Sequence[Fold]) -> dict[str, str]:
    ids = {stage.name: f"stage/{stage.name}" for stage in trace.stages}
    return ids | {f"{fold.name}/": f"fold/{fold.name}" for fold in found}


def visible(trace: Trace, found: Sequence[FoldView]) -> set[str]:
    """The names of the stages that no closed fold hides."""
    hidden = {
        position for fold in found if not fold.open for position in range(fold.first, fold.last + 1)
    }
    return {stage.name for position, stage in enumerate(trace.stages) if position not in hidden}


def parameters(trace: Trace, fold: Fold) -> Parameters:
    """What the stages of a fold hold, a layer that is called twice counted once, and what their groups hold themselves."""
    held: dict[str, Parameters] = {}
    for stage in trace.stages[fold.first : fold.last + 1]:
        held.setdefault(first_call(trace, stage), stage.parameters)
    if fold.group is not None:
        for group in trace.groups:
            if group.path == fold.group.path or group.path.startswith(f"{fold.group.path}/"):
                held.setdefault(f"{re.sub(r':[0-9]+(?=/|$)', '', group.path)}/", group.own)
    return Parameters(
        sum(each.trainable for each in held.values()), sum(each.frozen for each in held.values())
    )


def _fold(trace: Trace, wires: Wiring, fold: Fold, *, is_open: bool) -> FoldView:
    stages = trace.stages[fold.first : fold.last + 1]
    inside = {stage.name for stage in stages}
    given = {spec.source for spec in wires.outputs}
    received = [spec for stage in stages for spec in stage.inputs if spec.source not in inside]
    leaving = [
        stage.outputs[0]
        for stage in stages
        if stage.outputs
        and (stage.name in given or any(user not in inside for user in wires.users[stage.name]))
    ]
    if fold.group is not None:
        title = f"{fold.name} ({fold.group.layer})"
        text = [f"{counted(len(stages), 'stage')}: {_classes(stages)}.", *_called_again(fold)]
    else:
        length = len(stages) // fold.times
        title = f"A block of {counted(length, 'stage')}, {fold.times} times"
        text = [f"{_sequence(stages[:length])}; from {stages[0].name} to {stages[-1].name}."]
    text.append(_held(parameters(trace, fold)))
    return FoldView(
        id=f"fold/{fold.name}",
        name=fold.name,
        title=title,
        shapes=f"{_shapes(received)} → {_shapes(leaving or [stages[-1].outputs[0]] if stages[-1].outputs else [])}",
        text=" ".join(text),
        first=fold.first,
        last=fold.last,
        open=is_open,
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


def _called_again(fold: Fold) -> list[str]:
    place, _, times = fold.name.rpartition(":")
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
