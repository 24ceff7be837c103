"""What was set differently: program, data, layers, optimizer, loss, training, seed, versions."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

from pipetrace.comparison.pairing import pairs
from pipetrace.comparison.records import (
    DATA,
    KINDS,
    LAYERS,
    LOSS,
    OPTIMIZER,
    PROGRAM,
    SEED,
    STEPS,
    TRAINING,
    VERSIONS,
    Difference,
    Missing,
)
from pipetrace.explain.facts import flat
from pipetrace.trace.document import DROPPED, SOURCE, STEP, Stage, Trace
from pipetrace.trace.records import same

Key = tuple[str, str | None, str]
"""Kind, stage and name of a setting."""
ABSENT, GIVEN, NOT_RECORDED = Missing.ABSENT, Missing.GIVEN, Missing.NOT_RECORDED

CIRCUMSTANCES = frozenset(
    {"-o", "--out", "--output", "--page", "--seed", "--force", "--quiet", "--plain", "--title"}
    | {"--record-arguments", "--verbose", "--anonymous"}
)
"""Options that change where results go or which numbers are drawn, and not how a model trains."""
LOSS_ARGUMENTS = ("loss", "loss_weights", "weighted_metrics")
WATCHED = frozenset({"name", "metrics", "data", "pipetrace", "weighted_metrics"})
"""Settings that change what is reported, and not how the model trains."""


def differences(traces: Sequence[Trace]) -> tuple[Difference, ...]:
    """What was set differently, in the order of ``KINDS``.

    What a run did not record is no difference.
    """
    first = traces[0]
    found = [_settings(first, {})]
    order = dict.fromkeys(found[0])
    for trace in traces[1:]:
        named = {
            theirs.name: ours.name if ours else _apart(theirs, first)
            for ours, theirs in pairs(first.stages, trace.stages)
            if theirs
        }
        found.append(_settings(trace, named))
        order |= dict.fromkeys(found[-1])
    made = []
    for key in sorted(order, key=lambda each: KINDS.index(each[0])):
        values = tuple(_value(each, key) for each in found)
        if any(not _agree(one, other) for one, other in combinations(values, 2)):
            kind, stage, name = key
            made.append(Difference(kind, name, values, stage, decides=_decides(key, traces)))
    return tuple(_without_parts(made))


def _without_parts(found: Sequence[Difference]) -> Iterator[Difference]:
    """The differences without what follows from others: the configuration of a stage that a run
    does not have at all, and what only one of two classes can be given."""
    lone = {each.stage for each in found if each.name == "stage" and ABSENT in each.values}
    others = {(each.kind, each.stage) for each in found if each.name in ("stage", "optimizer")}
    for each in found:
        if each.name in ("stage", "optimizer"):
            yield each
            continue
        rewired = each.name == "inputs" and any(
            name in lone for names in each.values if isinstance(names, list) for name in names
        )
        of_class = (each.kind, each.stage) in others and ABSENT in each.values
        if not rewired and not of_class and each.stage not in lone:
            yield each


def _apart(stage: Stage, first: Trace) -> str:
    """The name of a stage that the first run lacks, told from a stage of the same name there."""
    taken = stage.name in first.stages.by_name
    return f"{stage.name} ({stage.layer or stage.kind})" if taken else stage.name


def _value(settings: Mapping[Key, Any], key: Key) -> Any:
    if key in settings:
        return settings[key]
    kind = key[0]
    # A part that a run recorded nothing of is not known to be absent.
    has_part = any(each[0] == kind for each in settings)
    return ABSENT if has_part else NOT_RECORDED


def _decides(key: Key, traces: Sequence[Trace]) -> bool:
    kind, _, name = key
    if kind == SEED or name in WATCHED:
        return False
    if kind == PROGRAM:
        return name not in CIRCUMSTANCES
    if kind == DATA and name == "fingerprint":
        return not _drawn_by_seed(traces)
    return not (kind == VERSIONS and name == "pipetrace")


def _drawn_by_seed(traces: Sequence[Trace]) -> bool:
    """Whether the runs differ in the rows only because pipetrace drew them by another seed."""
    rows = {(each.run.data.fingerprint, each.run.training.seed) for each in traces}
    seeds = [seed for _, seed in rows]
    ours = all(each.run.data.origin not in ("fit", "") for each in traces)
    return ours and None not in seeds and len(seeds) == len(set(seeds))


def _settings(trace: Trace, named: Mapping[str, str]) -> dict[Key, Any]:
    """Everything that was set in a run, with its stages under the names of the first run."""
    run, found = trace.run, dict[Key, Any]()
    found |= {(PROGRAM, None, name): value for name, value in _program(run.command).items()}
    data = run.data
    found |= {
        (DATA, None, "data"): data.name or NOT_RECORDED,
        (DATA, None, "fingerprint"): data.fingerprint or NOT_RECORDED,
        (DATA, None, "rows"): _known(data.rows),
        (DATA, None, "validation rows"): _known(data.validation_rows),
    }
    for stage in trace.stages:
        found |= _of_stage(stage, named)
    for number, fit in enumerate(trace.fits or ()):
        before = f"fit {number + 1}: " if len(trace.fits) > 1 else ""
        if number:
            found[DATA, None, f"{before}fingerprint"] = fit.fingerprint or NOT_RECORDED
        found |= _of_training(fit.training, before)
        found[TRAINING, None, f"{before}frozen layers"] = sorted(
            named.get(each, each) for each in fit.frozen
        )
    if not trace.fits:
        found |= _of_training(run.training, "")
    for each in run.step.optimizers if run.step and not trace.fits else ():
        found[OPTIMIZER, None, each.name] = each.optimizer
        found |= {(OPTIMIZER, None, f"{each.name}.{name}"): v for name, v in flat(each.config)}
    found[SEED, None, "seed"] = run.training.seed
    versions = {**run.versions, "backend": run.backend, "platform": run.platform}
    found |= {(VERSIONS, None, name): value or NOT_RECORDED for name, value in versions.items()}
    return found


def _known(value: Any) -> Any:
    return NOT_RECORDED if value is None else value


def _program(command: str) -> dict[str, Any]:
    """A command line as its program and its options; nothing where it was not recorded."""
    try:
        words = shlex.split(command)
    except ValueError:
        words = command.split()
    found: dict[str, Any] = {}
    plain: list[str] = []
    for word in words:
        name, equals, value = word.partition("=")
        if _is_option(word):
            found[name] = (GIVEN if value == DROPPED else value) if equals else True
            last = "" if equals else name
        elif plain and last:
            found[last], last = GIVEN if word == DROPPED else word, ""
        elif word == DROPPED:
            found["arguments"], last = GIVEN, ""
        else:
            plain.append(word)
            last = ""
    return {"program": " ".join(plain), **found} if words else {}


def _is_option(word: str) -> bool:
    return word.startswith("-") and not word[1:2].isdigit() and len(word) > 1


def _of_stage(stage: Stage, named: Mapping[str, str]) -> dict[Key, Any]:
    name = named.get(stage.name, stage.name)
    kind = DATA if stage.kind == SOURCE else STEPS if stage.kind == STEP else LAYERS
    if kind is DATA:
        return {(kind, name, "shape"): [list(each.shape) for each in stage.outputs]}
    found: dict[Key, Any] = {(kind, name, "stage"): stage.layer or stage.kind}
    found[kind, name, "inputs"] = [
        named.get(each.source, each.source) if each.source else None for each in stage.inputs
    ]
    found |= {(kind, name, key): value for key, value in flat(stage.config)}
    if kind is LAYERS and not stage.config:
        found[kind, name, "parameters"] = stage.parameters.total
    return found


def _of_training(training: Any, before: str) -> dict[Key, Any]:
    found: dict[Key, Any] = {(OPTIMIZER, None, f"{before}optimizer"): training.optimizer}
    for name, value in flat(training.optimizer_config):
        found[OPTIMIZER, None, before + name] = value
    for output, loss in training.losses.items():
        found[LOSS, None, f"{before}loss{f' of {output}' if output else ''}"] = loss
    for output, settings in training.loss_settings.items():
        for name, value in flat(settings):
            found[LOSS, None, f"{before}{f'{output}: ' if output else ''}{name}"] = value
    weights = {str(key): value for key, value in training.class_weights.items()}
    found[LOSS, None, f"{before}class weights"] = weights
    found[LOSS, None, f"{before}sample weights"] = training.sample_weights
    for name in ("replicas", "devices", "processes"):
        if (count := getattr(training, name)) is not None:
            found[TRAINING, None, before + name] = count
    for name, value in training.compile_config.items():
        if name in ("loss", "metrics"):  # they have entries of their own
            continue
        found[LOSS if name in LOSS_ARGUMENTS else TRAINING, None, before + name] = value
    found[TRAINING, None, f"{before}metrics"] = list(training.metrics)
    found[TRAINING, None, f"{before}epochs"] = training.epochs
    found[TRAINING, None, f"{before}batch size"] = training.batch_size
    found[TRAINING, None, f"{before}dtype policy"] = training.policy
    callbacks: dict[str, int] = {}
    for each in training.callbacks:
        callbacks[each.name] = callbacks.get(each.name, 0) + 1
        number = f" {callbacks[each.name]}" if callbacks[each.name] > 1 else ""
        name = f"{before}callback {each.name}{number}"
        found[TRAINING, None, name] = True
        found |= {(TRAINING, None, f"{name}.{key}"): v for key, v in flat(each.settings)}
    found |= {(TRAINING, None, before + key): v for key, v in training.fit_config.items()}
    return found


def settings_of(found: Sequence[Difference], runs: int) -> tuple[int, ...]:
    """Which setting each run has, from 0: runs that differ in nothing that decides share one."""
    deciding = [each.values for each in found if each.decides]
    firsts: list[int] = []
    settings = []
    for run in range(runs):
        for number, first in enumerate(firsts):
            if all(_agree(values[first], values[run]) for values in deciding):
                settings.append(number)
                break
        else:
            settings.append(len(firsts))
            firsts.append(run)
    return tuple(settings)


def _agree(one: Any, other: Any) -> bool:
    """Whether two values may be the same, as far as both were recorded."""
    both = (one, other)
    if any(each is NOT_RECORDED for each in both):
        return True
    if any(each is ABSENT for each in both):
        return one is other
    return any(each is GIVEN for each in both) or same(one, other)
