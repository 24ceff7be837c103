"""A part of a trace to look at: one stage, a nested model, or a block that repeats."""

import difflib
from dataclasses import replace

from pipetrace.errors import UnknownStageError
from pipetrace.present.build.document import document
from pipetrace.present.build.findings import marked_groups
from pipetrace.present.build.graph.groups import stage_groups
from pipetrace.present.build.graph.overview import overview
from pipetrace.present.build.graph.wiring import wiring
from pipetrace.present.views import Document
from pipetrace.trace.document import Trace


def focus(trace: Trace, name: str, *, expanded: bool = False) -> Document:
    """The document of a part of the data flow, with everything that is known of its stages.

    It is named by a stage or its path, a nested model or layer, or the first and last stage of a
    block, else it is an ``UnknownStageError``; groups within it are open if ``expanded``.
    """
    first, last = _positions(trace, name)
    chosen = trace.stages[first : last + 1]
    made = document(trace, shown={stage.name for stage in chosen})
    graph, found = overview(trace, expanded=expanded, within=(first, last))
    stages = made.stages[first : last + 1]
    collapsed = marked_groups(found, stages)
    return replace(
        made, stages=stages, graph=graph, groups=collapsed, focus=name.strip("/"), brief=False
    )


def _positions(trace: Trace, name: str) -> tuple[int, int]:
    wanted = name.strip("/")
    places = {
        group.name: (group.first, group.last)
        for group in reversed(stage_groups(trace, wiring(trace)))
    }
    for position, stage in enumerate(trace.stages):
        for each in (stage.path, stage.name):
            places.setdefault(each, (position, position))
    for group in trace.groups:
        held = [
            index
            for index, stage in enumerate(trace.stages)
            if stage.path.startswith(f"{group.path}/")
        ]
        if held:
            places.setdefault(group.path, (held[0], held[-1]))
    if wanted in places:
        return places[wanted]
    near = difflib.get_close_matches(wanted, places, 3)
    outer = [each for each in places if "/" not in each][:5]
    raise UnknownStageError(
        f"The trace has no stage, model or block {wanted!r}.",
        where="--stage",
        hint=f"Did you mean {' or '.join(near)}?"
        if near
        else f"Give the name of a stage or group from pipetrace show, such as {', '.join(outer)}.",
    )
