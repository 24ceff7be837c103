"""The processes that train together, and how the weights and rows of a training are spread."""

import contextlib
import hashlib
import importlib
import itertools
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipetrace.capture.backend import load, name
from pipetrace.capture.distributed import internals
from pipetrace.trace.document import Array


def place() -> tuple[int, int]:
    """This process's number among those that train together, from 0, and how many they are.

    They are those of ``jax.distributed`` or ``torch.distributed``. Number 0 is the one that
    records.
    """
    if name() == "jax":
        jax: Any = importlib.import_module("jax")
        if jax.distributed.is_initialized():
            return int(jax.process_index()), int(jax.process_count())
    elif name() == "torch":
        found: Any = importlib.import_module("torch.distributed")
        if found.is_available() and found.is_initialized():
            return int(found.get_rank()), int(found.get_world_size())
    return 0, 1


def another_records() -> bool:
    """Whether the training is recorded by another process than this one."""
    global _another_recorded  # noqa: PLW0603 of the process
    found = place()[0] > 0
    _another_recorded = _another_recorded or found
    return found


def another_recorded() -> bool:
    """Whether that was so before, of a training that may be over."""
    return _another_recorded


_another_recorded = False


@dataclass(frozen=True)
class Spread:
    """How a training is spread; None for what is one."""

    replicas: int | None = None  # copies of the model that share the rows of a step
    devices: int | None = None  # of ``keras.distribution``
    processes: int | None = None
    parts: int = 1  # in how many parts the processes have the rows of a step


def spread(model: Any, replicas: int | None = None) -> Spread:
    """How a model's training is spread. ``replicas`` are those of a loop that tells."""
    count = place()[1]
    processes = count if count > 1 else None
    if replicas is not None:
        return Spread(replicas, None, processes, parts=replicas)
    distribution = load().distribution.distribution()
    if name() != "jax" or distribution is None:
        strategy = getattr(model, "distribute_strategy", None)
        replicas = int(getattr(strategy, "num_replicas_in_sync", 1))
        return Spread(replicas if replicas > 1 else None, None, processes)
    mesh = distribution.device_mesh
    replicas = int(mesh.shape[list(mesh.axis_names).index(distribution.batch_dim_name)])
    devices = int(mesh.devices.size)
    return Spread(
        replicas if replicas > 1 else None,
        devices if devices > 1 else None,
        processes,
        parts=min(count, replicas),
    )


def wrapped(model: Any) -> tuple[Any, int | None]:
    """The model in PyTorch's ``DistributedDataParallel``, and on how many replicas that trains it;
    any other is given as it is, and None."""
    if name() == "torch":
        parallel = importlib.import_module("torch.nn.parallel").DistributedDataParallel
        if isinstance(model, parallel):
            return model.module, int(model.process_group.size())
    return model, None


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """A block in which Keras spreads nothing, so that a pass is made by this process alone."""
    distribution = load().distribution
    before = distribution.distribution()
    if before is None:
        yield
        return
    distribution.set_distribution(None)
    try:
        yield
    finally:
        distribution.set_distribution(before)


def own(value: Any) -> Any:
    """A tensor on one device of this process; of other backends than JAX as it is.

    Raises:
        NotImplementedError: the other processes hold parts of it.
    """
    sharding = getattr(value, "sharding", None)
    if sharding is None or len(sharding.device_set) == 1:
        return value
    if value.is_fully_replicated:
        return value.addressable_data(0)
    if value.is_fully_addressable:
        return np.asarray(value)
    raise NotImplementedError("each process has a part of the weights only")


def own_rows(value: Any) -> Any:
    """The rows of a batch that this process has."""
    if getattr(value, "is_fully_addressable", True):
        return value
    parts = {each.index[0].start or 0: each.data for each in value.addressable_shards}
    return np.concatenate([np.asarray(parts[start]) for start in sorted(parts)])


def unequal(model: Any, variables: Mapping[str, Any]) -> list[str]:
    """The trainable weights whose copies in this process differ in any bit, by their names."""
    return [
        title
        for title, variable in variables.items()
        if variable.trainable
        and any(len({each.tobytes() for each in some}) > 1 for some in _copies(model, variable))
    ]


def _copies(model: Any, variable: Any) -> list[list[Array]]:
    """For each part of a variable its copies on the devices of this process."""
    found = defaultdict(list)
    for shard in getattr(variable.value, "addressable_shards", ()):
        found[str(shard.index)].append(np.asarray(shard.data))
    strategy = getattr(model, "distribute_strategy", None)
    if getattr(strategy, "num_replicas_in_sync", 1) > 1:
        local = model.distribute_strategy.experimental_local_results(variable.value)
        found[""] = [np.asarray(each) for each in local]
    return list(found.values())


_fits = defaultdict[str, Iterator[int]](itertools.count)
"""How many calls of ``fit`` there were, by the name of the trace: the same in all processes."""


def meeting(title: str) -> str:
    """Under which key the processes of the ``fit`` that begins tell each other of their weights."""
    return f"pipetrace/{title}/{next(_fits[title])}"


def tell(meeting: str, model: Any) -> None:
    """Tell the process that records which weights this one ends with."""
    number, count = place()
    if count > 1:
        internals.put(f"{meeting}/{number}", json.dumps(_digests(model)))


def unequal_elsewhere(meeting: str, model: Any, seconds: float) -> list[Any] | None:
    """The trainable variables that differ in any bit from those of another process.

    None where another process does not tell within so many seconds, or trains something else.
    """
    number, count = place()
    mine, found = _digests(model), set[int]()
    for other in {*range(count)} - {number}:
        theirs = json.loads(internals.taken(f"{meeting}/{other}", seconds) or "[]")
        if [each[:-1] for each in theirs] != [each[:-1] for each in mine]:
            return None
        pairs = enumerate(zip(mine, theirs, strict=True))
        found |= {place for place, (one, another) in pairs if one != another}
    variables = model.trainable_variables
    return [variables[place] for place in sorted(found)]


def _digests(model: Any) -> list[list[Any]]:
    """Of each trainable variable path, shape, how often the optimizer changed it, and a SHA-256."""
    steps = getattr(getattr(model, "optimizer", None), "iterations", None)
    updates = None if steps is None else int(load().ops.convert_to_numpy(own(steps.value)))
    found = []
    for variable in model.trainable_variables:
        values = np.ascontiguousarray(load().ops.convert_to_numpy(own(variable.value)))
        digest = hashlib.sha256(values.tobytes()).hexdigest()
        found.append([variable.path, list(values.shape), updates, digest])
    return found
