"""Groups of stages: nested models, layers made of layers, names alike, and repeated blocks."""

import re
from collections.abc import Callable, Mapping, Sequence

from pipetrace.present.build.graph.wiring import Wiring
from pipetrace.trace.document import Group, Stage, Trace
from pipetrace.trace.records import Record

ALIKE = 4
"""So many stages in a row whose names begin alike make a group."""

LARGE = 40
"""A model with more stages than this has its groups and its repeated blocks collapsed."""
LEAST = 3
"""So many times a block must come to be collapsed."""
FEWEST = 6
"""Fewer stages than this are shown one by one, however often they come."""
LONGEST = 120
"""No longer blocks are looked for."""

SEPARATORS = "_./-"
NAME_PART = re.compile(r"[^_./-]*[_./-]+")
NUMBERED = re.compile(r"\d+([_./-]|$)")


class StageGroup(Record):
    """Stages that follow each other and can be shown as one."""

    # what it is opened by: the path of the group, or the names of its first and last stage
    name: str
    # first, last: the positions of its first and last stage
    first: int
    last: int
    # the nested model or layer; None for names alike and for a block that repeats
    nested: Group | None
    times: int = 1  # how often the block comes; 1 for a group

    def around(self, other: "StageGroup") -> bool:
        """Whether another one lies within it."""
        return self is not other and self.first <= other.first and other.last <= self.last


def stage_groups(trace: Trace, wires: Wiring) -> tuple[StageGroup, ...]:
    """All groups, outer ones first. A small model has no groups for repeated blocks."""
    found = [each for nested in trace.groups for each in _of_nested(trace.stages, nested)]
    if len(trace.stages) > LARGE:
        for level in [None, *found]:
            inside = [
                each
                for each in found
                if (level is None or level.around(each)) and each is not level
            ]
            found += _repeated(trace, wires, level, inside)
        repeated = [each for each in found if each.times > 1]
        found += [
            each
            for each in _named_alike([stage.path for stage in trace.stages])
            if not any(other.around(each) for other in repeated)
        ]
    return tuple(
        sorted(_apart(found), key=lambda group: (group.first, -group.last, group.nested is None))
    )


def owners(count: int, closed: Sequence[StageGroup]) -> list[StageGroup | None]:
    """For each position the outermost closed group that hides it, or None."""
    found: list[StageGroup | None] = [None] * count
    for group in sorted(closed, key=lambda each: each.first - each.last, reverse=True):
        found[group.first : group.last + 1] = [group] * (group.last + 1 - group.first)
    return found


def _of_nested(stages: Sequence[Stage], nested: Group) -> list[StageGroup]:
    """The runs of a group's stages; a single stage needs no group."""
    runs: list[list[int]] = []
    for position, stage in enumerate(stages):
        if stage.path.startswith(f"{nested.path}/"):
            if runs and runs[-1][-1] == position - 1:
                runs[-1].append(position)
            else:
                runs.append([position])
    return [
        StageGroup(
            nested.path if not index else f"{nested.path}, part {index + 1}",
            run[0],
            run[-1],
            nested,
        )
        for index, run in enumerate(runs)
        if len(run) > 1
    ]


def _named_alike(paths: Sequence[str], start: int = 0, known: str = "") -> list[StageGroup]:
    """The runs of stages whose names share their first words: block_1_expand and block_1_project.

    The first of the paths is at position ``start``; the names of all begin with ``known``.
    """
    found: list[StageGroup] = []
    at = 0
    while at < len(paths):
        first = NAME_PART.match(paths[at], len(known))
        end = at
        while first and end < len(paths) and paths[end].startswith(first[0], len(known)):
            end += 1
        if end - at < ALIKE:
            at += 1
            continue
        run = paths[at:end]
        prefix = shared_words(run)
        # Of block_1, block_2, ... each is a group, and block is none; nor is dense_1, dense_2, ...
        numbered = all(NUMBERED.match(path, len(prefix)) for path in run)
        if not numbered and len(run) < len(paths):
            name = prefix.rstrip(SEPARATORS)
            found.append(StageGroup(name, start + at, start + end - 1, None))
        found += _named_alike(run, start + at, prefix)
        at = end
    return found


def shared_words(paths: Sequence[str]) -> str:
    """The first words that all names share, up to a separator."""
    prefix = ""
    while (word := NAME_PART.match(paths[0], len(prefix))) and all(
        path.startswith(prefix + word[0]) for path in paths
    ):
        prefix += word[0]
    return prefix


def _apart(found: Sequence[StageGroup]) -> list[StageGroup]:
    """The groups that do not overlap in part; of two with the same stages, the outer one."""
    kept: list[StageGroup] = []
    for group in sorted(found, key=lambda each: (each.first - each.last, len(each.name))):
        crosses = any(
            other.first < group.first <= other.last < group.last
            or group.first < other.first <= group.last < other.last
            or (other.first, other.last) == (group.first, group.last)
            for other in kept
        )
        if not crosses:
            kept.append(group)
    return kept


def _repeated(
    trace: Trace, wires: Wiring, level: StageGroup | None, inside: Sequence[StageGroup]
) -> list[StageGroup]:
    """The repeated blocks among the entries of a level: its stages and the groups in it."""
    stages = trace.stages
    first, last = (level.first, level.last) if level else (0, len(stages) - 1)
    hidden = owners(len(stages), inside)
    entries: list[tuple[int, int]] = []
    for position in range(first, last + 1):
        group = hidden[position]
        if group is None or group.first == position:
            entries.append((position, group.last if group else position))
    entry_of = {
        stages[position].name: index
        for index, (start, end) in enumerate(entries)
        for position in range(start, end + 1)
    }

    def kind(index: int) -> tuple[object, ...]:
        """What an entry is and where its inputs come from, to find equal entries of blocks."""
        start, end = entries[index]
        held, group = stages[start : end + 1], hidden[start]
        inner = {stage.name for stage in held}
        given = dict.fromkeys(
            index - entry_of[source] if source in entry_of else None
            for stage in held
            for source in wires.sources[stage.name]
            if source not in inner
        )
        return (
            group is not None and group.nested is not None and group.nested.layer,
            tuple((stage.kind, _does(stage)) for stage in held),
            tuple(given),
        )

    def leaves(index: int) -> int:
        """The last entry that uses what an entry gives; itself where nobody does."""
        start, end = entries[index]
        users = (user for stage in stages[start : end + 1] for user in wires.users[stage.name])
        # What a level's stages give to the outside of it is used below all of them.
        return max([index, *(entry_of.get(user, len(entries)) for user in users)])

    return [
        StageGroup(
            f"{stages[entries[start][0]].name}..{stages[entries[end][1]].name}",
            entries[start][0],
            entries[end][1],
            None,
            times,
        )
        for start, end, times in _runs([kind(index) for index in range(len(entries))], leaves)
    ]


def _does(stage: Stage) -> str:
    """What makes stages alike: the class of a layer, else the operation of a step, or its name."""
    facts = stage.config.get("dataset")
    operation = facts.get("operation") if isinstance(facts, Mapping) else None
    return stage.layer or str(operation or stage.name)


def _runs(
    kinds: Sequence[tuple[object, ...]], leaves: Callable[[int], int]
) -> list[tuple[int, int, int]]:
    """The blocks that repeat: their first entry, their last entry, and how often.

    Of all that begin at an entry the one that covers most is taken, the shortest of those. It may
    begin as well one entry later, or two: it begins where the fewest of its inner entries are used
    outside of their own block.
    """
    count = len(kinds)
    numbers = {kind: index for index, kind in enumerate(dict.fromkeys(kinds))}
    ids = [numbers[kind] for kind in kinds]
    alike: dict[int, list[int]] = {}
    for length in range(1, min(LONGEST, count // LEAST) + 1):
        run = [0] * (count + 1)
        for index in range(count - length - 1, -1, -1):
            run[index] = run[index + 1] + 1 if ids[index] == ids[index + length] else 0
        alike[length] = run

    def times(length: int, start: int) -> int:
        return alike[length][start] // length + 1

    def crossing(length: int, start: int, blocks: int) -> int:
        ends = [start + length * (block + 1) - 1 for block in range(blocks)]
        return sum(leaves(index) > end for end in ends for index in range(end - length + 1, end))

    found, at = [], 0
    while at < count:
        able = [
            (length * times(length, at), -length) for length in alike if times(length, at) >= LEAST
        ]
        covered, length = max(able, default=(0, 0))
        if covered < FEWEST:
            at += 1
            continue
        length = -length
        blocks = covered // length
        starts = [
            start for start in range(at, min(at + length, count)) if times(length, start) == blocks
        ]
        start = min(starts, key=lambda each: (crossing(length, each, blocks), each))
        found.append((start, start + covered - 1, blocks))
        at = start + covered
    return found
