"""The settings of a run as flat names and plain values, so that runs can be compared by them."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from pipetrace.explain.facts import flat
from pipetrace.explain.learn.program.objects import is_automatic
from pipetrace.explain.learn.program.text import shortest, snake
from pipetrace.trace.document import LAYER, SOURCE, Stage, Trace
from pipetrace.trace.training import Training

Value: TypeAlias = str | int | float | bool
"""What a setting is; one that is not set has no entry."""

LONGEST = 60
"""Characters of a value; a longer list is told by its length and a digest."""


def settings(trace: Trace) -> dict[str, Value]:
    """What was set: ``batch_size``, ``optimizer``, ``optimizer.beta_1``, ``dense.units`` and so on.

    Of several calls of ``fit`` those of the last one. Layers that Keras named itself are counted
    anew, so that the same layer has the same name in every model of a process.
    """
    run = trace.run
    found = dict(_of_training(run.training))
    if trace.fits:
        found["fits"] = len(trace.fits)
        found["data"] = trace.fits[-1].fingerprint[:12]
        found["frozen_layers"] = ", ".join(trace.fits[-1].frozen)
    found["data"] = found.get("data") or run.data.fingerprint[:12]
    found["validation_rows"] = run.data.validation_rows or 0
    stages = [each for each in trace.stages if each.kind != SOURCE]
    for name, stage in zip(_names(stages), stages, strict=True):
        if stage.layer is not None:
            found[name] = stage.layer
        found |= _flat(name, stage.config)
    found |= {f"version.{name}": version for name, version in run.versions.items()}
    return {name: value for name, value in found.items() if value != ""}


def learning_rate(trace: Trace) -> float | None:
    """The learning rate that training began with, as far as it was recorded."""
    given = trace.run.fits[0].training if trace.run.fits else trace.run.training
    rate = given.optimizer_config.get("learning_rate")
    if isinstance(rate, Mapping):
        config = rate.get("config")
        rate = config.get("initial_learning_rate") if isinstance(config, Mapping) else None
    if isinstance(rate, (int, float)) and not isinstance(rate, bool):
        return shortest(float(rate))
    first = trace.epochs[0].learning_rate if trace.epochs else None
    return None if first is None else shortest(first)


def _of_training(training: Training) -> Iterator[tuple[str, Value]]:
    yield "optimizer", training.optimizer
    for name, value in _flat("optimizer", training.optimizer_config).items():
        yield (
            (name.removeprefix("optimizer.") if name == "optimizer.learning_rate" else name),
            value,
        )
    yield "loss_function", training.loss
    for name, config in training.loss_settings.items():
        yield from _flat(f"loss_function.{name}" if name else "loss_function", config).items()
    if training.batch_size is not None:
        yield "batch_size", training.batch_size
    yield "planned_epochs", training.epochs
    if training.seed is not None:
        yield "seed", training.seed
    for name in ("replicas", "devices", "processes"):
        if (count := getattr(training, name)) is not None:
            yield name, count
    yield "policy", training.policy
    yield "class_weights", _plain(dict(training.class_weights)) or ""
    yield "sample_weights", training.sample_weights
    yield from _flat("", training.fit_config).items()
    for each in training.callbacks:
        yield each.name, True
        yield from _flat(each.name, each.settings).items()


def _flat(prefix: str, config: Mapping[str, Any]) -> dict[str, Value]:
    """The entries that are set, with the prefix before their names."""
    return {
        name: value for name, given in flat(config, prefix) if (value := _plain(given)) is not None
    }


def _plain(value: Any) -> Value | None:
    """A value of a configuration in short; None where it is not set."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return shortest(value)
    if isinstance(value, Mapping):
        told = ", ".join(f"{key}={_plain(entry)}" for key, entry in value.items())
        return _short(told) or None
    if isinstance(value, Sequence):
        told = ", ".join(str(_plain(entry)) for entry in value)
        return told if len(told) <= LONGEST else f"{len(value)} values, {_digest(value)}"
    return _short(str(value))


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 12]}... {_digest(text)}"


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, default=str).encode()).hexdigest()[:8]


def _names(stages: Sequence[Stage]) -> list[str]:
    """The names of stages, those that Keras gave without the count of the whole process."""
    counts, names = Counter[str](), list[str]()
    for stage in stages:
        own, name = snake(stage.layer or ""), stage.name
        if stage.kind == LAYER and is_automatic(name, own):
            counts[own] += 1
            name = own if counts[own] == 1 else f"{own}_{counts[own] - 1}"
        names.append(stage.name if name in names else name)
    return names
