"""The connections between the stages, and their description in sentences."""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property

from pipetrace.explain.formatting import counted, listed, number
from pipetrace.trace.document import SOURCE, Group, Spec, Stage, Trace
from pipetrace.trace.records import Record

MOST_NAMES = 5
"""More names than this are counted."""
ORDINALS = (
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
)


def ordinal(number: int) -> str:
    """The word for a place counted from 1: ``first``, and ``11th`` where there is no short one."""
    return ORDINALS[number - 1] if number <= len(ORDINALS) else f"{number}th"


class Wiring(Record):
    """The edges of a trace."""

    order: tuple[str, ...]  # the names of the stages in the order of execution
    # for each stage those that it receives from, each once, in the order of its inputs
    sources: Mapping[str, tuple[str, ...]]
    # for each stage those that receive from it, each once, in the order of execution
    users: Mapping[str, tuple[str, ...]]
    outputs: tuple[Spec, ...]  # what the model gives, in its order
    # the innermost group of a stage, for each stage that has it for itself
    alone: Mapping[str, Group]

    @cached_property
    def places(self) -> Mapping[str, int]:
        """The place of each stage in the order."""
        return {name: place for place, name in enumerate(self.order)}

    @property
    def chain(self) -> bool:
        """Whether each stage receives from the one before it and from no other."""
        before = ((), *((name,) for name in self.order))
        return all(
            self.sources[name] == given for name, given in zip(self.order, before, strict=False)
        )


def wiring(trace: Trace) -> Wiring:
    """The edges of a trace. A source that no earlier stage bears is taken as outside of it."""
    seen: set[str] = set()
    sources: dict[str, tuple[str, ...]] = {}
    users: dict[str, list[str]] = {}
    for stage in trace.stages:
        received = (spec.source for spec in stage.inputs)
        sources[stage.name] = tuple(
            dict.fromkeys(name for name in received if name is not None and name in seen)
        )
        for name in sources[stage.name]:
            users[name].append(stage.name)
        users[stage.name] = []
        seen.add(stage.name)
    return Wiring(
        tuple(sources),
        sources,
        {name: tuple(found) for name, found in users.items()},
        _outputs(trace, seen),
        _alone(trace),
    )


def described(trace: Trace, found: Wiring, stage: Stage) -> tuple[str, ...]:
    """The inputs, users and group of a stage, if the order of the stages does not show them."""
    sentences = (
        _inside(found, stage),
        _receives(trace, found, stage),
        _goes_to(found, stage),
        _output(trace, found, stage),
    )
    return tuple(filter(None, sentences))


def names(found: Sequence[str]) -> str:
    """Names as a list; of very many the first ones."""
    if len(found) > MOST_NAMES + 1:
        return listed([*found[:MOST_NAMES], f"{number(len(found) - MOST_NAMES)} more"])
    return listed(found)


def _outputs(trace: Trace, known: set[str]) -> tuple[Spec, ...]:
    model = trace.run.model
    given = tuple(spec for spec in model.outputs if spec.source in known) if model else ()
    last, step = trace.stages[-1] if trace.stages else None, trace.run.step
    if given or last is None or not last.outputs or last.kind == SOURCE or (step and step.own):
        return given
    return (Spec(last.outputs[0].shape, last.outputs[0].dtype, last.name),)


def _alone(trace: Trace) -> dict[str, Group]:
    groups = {group.path: group for group in reversed(trace.groups)}
    lengths = sorted({len(path) for path in groups}, reverse=True)
    within, innermost = Counter[str](), dict[str, str]()
    for stage in trace.stages:
        around = [at for at in lengths if stage.path[at : at + 1] == "/"]
        paths = [path for at in around if (path := stage.path[:at]) in groups]
        within.update(paths)
        if paths:
            innermost[stage.name] = paths[0]
    return {name: groups[path] for name, path in innermost.items() if within[path] == 1}


def _inside(found: Wiring, stage: Stage) -> str | None:
    """The nested model of a stage that is alone in it; several stages are shown as a group."""
    group = found.alone.get(stage.name)
    if group is None:
        return None
    place, _, times = group.path.rpartition(":")
    if place and times.isdigit():
        return f"Inside {place} ({group.layer}), its {ordinal(int(times))} call."
    return f"Inside {group.path} ({group.layer})."


def _receives(trace: Trace, found: Wiring, stage: Stage) -> str | None:
    sources = found.sources[stage.name]
    position = found.places[stage.name]
    if not sources:
        # What comes from outside is plain for a source, and for a first stage that no source stands
        # before.
        return (
            None
            if stage.kind == SOURCE or not position
            else "Its input comes from outside of the recorded stages."
        )
    words = []
    for name in sources:
        specs = [spec for spec in stage.inputs if spec.source == name]
        words.append(_source(name, specs, trace.stages[name].outputs))
    if any(spec.source not in sources for spec in stage.inputs):
        words.append("from outside")
    if len(words) > 1:
        return f"Joins {names(words)}."
    simple = sources == (found.order[position - 1],) and words[0] == sources[0]
    return None if simple else f"From {words[0]}."


def _source(name: str, specs: Sequence[Spec], outputs: Sequence[Spec]) -> str:
    """A stage that something comes from, with which of its outputs where it has several."""
    which = list(dict.fromkeys(spec.output for spec in specs))
    key = next((spec.name for spec in specs if spec.name), None) if len(specs) == 1 else None
    kept = f" as '{key}'" if key and key != name else ""
    keys = [outputs[each].name for each in which if each < len(outputs)]
    if len(outputs) > 1 and len(which) < len(outputs) and all(keys):
        return f"{listed([repr(each) for each in keys])} of {name}"
    if len(outputs) > 1 and which != [0] and len(which) < len(outputs):
        which_of = listed([ordinal(each + 1) for each in which])
        return f"the {which_of} output{'s' * (len(which) > 1)} of {name}{kept}"
    if len(which) > 1:
        return f"all {counted(len(outputs), 'output')} of {name}"
    times = f" ({'twice' if len(specs) == 2 else f'{len(specs)} times'})" if len(specs) > 1 else ""
    return f"{name}{times}{kept}"


def _goes_to(found: Wiring, stage: Stage) -> str | None:
    users = found.users[stage.name]
    position = found.places[stage.name]
    following = found.order[position + 1 : position + 2]
    if not users or users == following:
        return None
    return f"Used by {names(users)}." if len(users) > 1 else f"Goes to {users[0]}."


def _output(trace: Trace, found: Wiring, stage: Stage) -> str | None:
    positions = [index for index, spec in enumerate(found.outputs) if spec.source == stage.name]
    if not positions or (len(found.outputs) == 1 and stage is trace.stages[-1]):
        return None
    if len(found.outputs) == 1:
        return "The output of the model."
    keys = [f"'{spec.name}'" for spec in (found.outputs[index] for index in positions) if spec.name]
    which = listed([str(index + 1) for index in positions])
    named = f", {listed(keys)}" if keys else ""
    return f"Output {which} of the {len(found.outputs)} of the model{named}."
