"""Which stages of two runs belong together. Names alone do not tell: Keras numbers them anew in
every process."""

import json
from collections.abc import Callable, Mapping, Sequence
from difflib import SequenceMatcher

from pipetrace.explain.facts import NAMES
from pipetrace.trace.document import Array, Stage, Trace, stage_of_weight

Pair = tuple[Stage | None, Stage | None]


def pairs(ours: Sequence[Stage], theirs: Sequence[Stage]) -> list[Pair]:
    """The stages of two runs side by side, in order; None where a run has no such stage.

    Equal configurations are paired first, then equal classes between them, then stages in the same
    place.
    """
    return _aligned(ours, theirs, (_whole, _class))


def _aligned(
    ours: Sequence[Stage], theirs: Sequence[Stage], keys: Sequence[Callable[[Stage], str]]
) -> list[Pair]:
    if not keys:
        if len(ours) == len(theirs):
            return list(zip(ours, theirs, strict=True))
        return [*((each, None) for each in ours), *((None, each) for each in theirs)]
    key, *others = keys
    matcher = SequenceMatcher(None, list(map(key, ours)), list(map(key, theirs)), autojunk=False)
    found: list[Pair] = []
    for tag, first, last, start, end in matcher.get_opcodes():
        if tag == "equal":
            found += zip(ours[first:last], theirs[start:end], strict=True)
        else:
            found += _aligned(ours[first:last], theirs[start:end], others)
    return found


def _whole(stage: Stage) -> str:
    config = {key: value for key, value in stage.config.items() if key not in NAMES}
    return _class(stage) + json.dumps(config, sort_keys=True, default=str)


def _class(stage: Stage) -> str:
    return f"{stage.kind} {stage.layer or (stage.name if stage.kind == 'step' else '')}"


def names(first: Trace, other: Trace) -> Mapping[str, str]:
    """The stages of another run under the names of the first; those without a pair are left out."""
    found = pairs(first.stages, other.stages)
    return {theirs.name: ours.name for ours, theirs in found if ours and theirs}


def weights(
    values: Mapping[str, Array], trace: Trace, named: Mapping[str, str]
) -> dict[str, Array]:
    """Weights of a trace by the names that their stages have in the first run, in its order."""
    stages, found = trace.stages.by_name, {}
    for name, value in values.items():
        stage = stage_of_weight(name, stages)
        if stage in named:
            found[named[stage] + name[len(stage) :]] = value
        elif stage not in stages:
            found[name] = value
    return found
