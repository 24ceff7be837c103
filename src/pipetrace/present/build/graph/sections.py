"""The sections of a large model: nested models, names alike, repeated blocks, and the rest."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipetrace.explain.formatting import counted
from pipetrace.present.build.graph.groups import SEPARATORS, StageGroup, shared_words, stage_groups
from pipetrace.present.build.graph.overview import classes, parameters_of
from pipetrace.present.build.graph.wiring import Wiring, wiring
from pipetrace.present.model_view import SectionView
from pipetrace.trace.document import Trace

SMALL = 24
"""A model with no more stages needs no sections."""
WANTED = 12
"""Groups are replaced by what they contain until there are so many sections, the largest first."""
LONGEST = 16
"""No more stages that belong to no group make one section."""


@dataclass(frozen=True)
class Section:
    """Stages that follow each other: the positions of the first and the last, and a name."""

    name: str
    first: int
    last: int

    @property
    def length(self) -> int:
        """How many stages it has."""
        return self.last + 1 - self.first


def section_views(trace: Trace) -> tuple[SectionView, ...]:
    """The sections as the page shows them, of the stages that gave something."""
    found = []
    for each in sections(trace):
        stages = trace.stages[each.first : each.last + 1]
        text = f"{counted(len(stages), 'stage')}: {classes(stages)}."
        held = f" Parameters: {parameters_of(trace, stages)}."
        names = tuple(stage.name for stage in stages if stage.outputs)
        found.append(SectionView(each.name, names, text + held))
    return tuple(each for each in found if each.stages)


def sections(trace: Trace) -> tuple[Section, ...]:
    """The sections of a large model, each stage in one of them; none for a small model."""
    count = len(trace.stages)
    if count <= SMALL:
        return ()
    wires = wiring(trace)
    known = stage_groups(trace, wires)
    # Of two with the same stages, the one with a name of its own.
    groups = [
        each
        for group in sorted(known, key=lambda group: group.times)
        for each in _times_one(trace, group)
    ]
    found = list(_level(wires, groups, Section("", 0, count - 1)))
    while len(found) < WANTED:
        parts = {each: list(_level(wires, groups, each)) for each in found}
        able = [each for each in found if len(parts[each]) > 1 and each.length > LONGEST]
        if not able:
            break
        largest = max(able, key=lambda each: each.length)
        at = found.index(largest)
        found[at : at + 1] = parts[largest]
    return tuple(found)


def _times_one(trace: Trace, group: StageGroup) -> Iterator[Section]:
    """A group, or each repetition of a block that repeats."""
    length = (group.last + 1 - group.first) // group.times
    for number in range(group.times):
        first = group.first + number * length
        last = first + length - 1
        yield Section(group.name if group.times == 1 else _name(trace, first, last), first, last)


def _name(trace: Trace, first: int, last: int) -> str:
    """What the names of stages begin with, or else the first and the last one."""
    paths = [stage.path for stage in trace.stages[first : last + 1]]
    return shared_words(paths).rstrip(SEPARATORS) or f"{paths[0]} to {paths[-1]}"


def _level(wires: Wiring, groups: Sequence[Section], level: Section) -> Iterator[Section]:
    """The outermost groups within a section, and between them the stages of no group."""
    inside = [
        each
        for each in groups
        if level.first <= each.first and each.last <= level.last and each.length < level.length
    ]
    at = level.first
    while at <= level.last:
        here = [each for each in inside if each.first == at]
        if here:
            largest = max(here, key=lambda each: each.length)
            yield largest
            at = largest.last + 1
        else:
            end = min((each.first for each in inside if each.first > at), default=level.last + 1)
            yield from _loose(wires, at, end - 1)
            at = end


def _loose(wires: Wiring, first: int, last: int) -> Iterator[Section]:
    """Stages of no group: one section, or several that end where branches have joined."""
    while first <= last:
        end = last
        if last + 1 - first > LONGEST:
            longest = first + LONGEST - 1
            ends = [at for at in range(first + 1, longest + 1) if _joined(wires, at)]
            end = ends[-1] if ends else longest
        names = wires.order[first], wires.order[end]
        yield Section(" to ".join(dict.fromkeys(names)), first, end)
        first = end + 1


def _joined(wires: Wiring, at: int) -> bool:
    """Whether branches join at a stage and nothing else goes on beside it."""
    if len(wires.sources[wires.order[at]]) < 2:
        return False
    return all(wires.places[user] <= at for name in wires.order[:at] for user in wires.users[name])
