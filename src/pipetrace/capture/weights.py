"""A model's variables: copies of their values, and passes with other values; its settings as plain
values; what a training leaves, by which two runs of a program are compared, bit by bit."""

import contextlib
import json
import math
import random
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from pipetrace.capture import backend, fit, internals
from pipetrace.capture.backend import load
from pipetrace.capture.distributed.processes import alone
from pipetrace.capture.tensors import (
    converter,
    next_numbers,
    operations_behind,
    outside,
    own_numbers,
)
from pipetrace.trace.document import Array
from pipetrace.trace.measurements import UntrackedVariables

Weights: TypeAlias = Mapping[int, Array]
"""Values by the identities of their variables, as ``id`` gives them."""
Results: TypeAlias = dict[tuple[str, str, str], Array]
"""Arrays by kind, model (empty for the process), and name."""

Fitted: TypeAlias = tuple[Any, Any]
"""A model and the history that one ``fit`` of it gave."""
MOST_WORDS = 10_000
"""A larger vocabulary is not recorded."""
MOST_COMPARED = 1_000_000
"""Values that are kept to see whether they change."""


def plain_config(operation: Any) -> dict[str, Any]:
    """The configuration of a layer as plain values; what cannot be told is left out.

    Keras leaves out a vocabulary that was learned by ``adapt``. Here it is the same as one that was
    given: without what stands for padding and for unknown entries.
    """
    try:
        with outside():
            config = operation.get_config()
            size = config.get("vocabulary_size") if internals.is_of_keras(type(operation)) else None
            if config.get("vocabulary") is None and size is not None and size <= MOST_WORDS:
                entries = operation.get_vocabulary(include_special_tokens=False)
                config["vocabulary"] = np.asarray(entries).tolist()
        plain: dict[str, Any] = json.loads(json.dumps(config, default=str))
    except Exception:  # a custom layer's own code, which may raise anything
        return {"name": str(getattr(operation, "name", type(operation).__name__))}
    return plain


def weights(model: Any) -> list[Any]:
    """All weights of a model, frozen ones included; no metrics and no seeds."""
    return list(model.weights)


def trainable(model: Any) -> list[Any]:
    """The weights that training changes."""
    return list(model.trainable_variables)


def optimizers(model: Any, other: Any = None) -> dict[str, Any]:
    """A model's optimizers, or the ``other`` in their place, by attribute; a GAN has two of its
    own.
    """
    if other is not None:
        return {"optimizer": other}
    kind = load().optimizers.Optimizer
    own = {name: each for name, each in vars(model).items() if isinstance(each, kind)}
    found = {"optimizer": getattr(model, "optimizer", None), **own}
    once = {id(each): name for name, each in reversed(found.items()) if isinstance(each, kind)}
    return {name: found[name] for name in found if name in once.values()}


def iterations(model: Any, other: Any = None) -> dict[str, int]:
    """How often each optimizer, or the ``other`` in their place, has changed weights; those that do
    not tell are left out."""
    found = {}
    for name, each in optimizers(model, other).items():
        with contextlib.suppress(Exception):  # an optimizer of somebody's own, or of PyTorch
            found[name] = int(each.iterations.numpy())
    return found


def size(variables: Iterable[Any]) -> int:
    """How many numbers variables hold."""
    return sum(int(math.prod(variable.shape)) for variable in variables)


def copied(variables: Iterable[Any]) -> dict[int, Array]:
    """Copies of what variables hold, by their identities."""
    return {id(variable): fit.array_of(variable) for variable in variables}


def values_of(variable: Any, instead: Weights | None = None) -> Array:
    """What a variable holds, or what ``instead`` has for it."""
    value = None if instead is None else instead.get(id(variable))
    return np.asarray(fit.array_of(variable) if value is None else value)


def is_float(variable: Any) -> bool:
    """Whether a variable holds real numbers; a seed and an index do not."""
    return "float" in str(variable.dtype)


def specs_of(variables: Sequence[Any]) -> list[Any]:
    """The TensorFlow signature of the variables' values."""
    import tensorflow as tf

    return [tf.TensorSpec(variable.shape, variable.value.dtype) for variable in variables]


def tensors_of(variables: Sequence[Any], others: Weights | None = None) -> list[Any]:
    """The values of variables, in order, as tensors; those of ``others`` instead, where any are."""
    convert, found = converter(), []
    for variable in variables:
        value = None if others is None else others.get(id(variable))
        if value is None:
            found.append(convert(fit.value_of(variable)))
        else:
            found.append(convert(value, dtype=variable.dtype))
    return found


@contextlib.contextmanager
def in_place_of(variables: Sequence[Any], given: Sequence[Any]) -> Iterator[None]:
    """A block in which variables have the given values, and in which no state of a model changes.

    The variables themselves keep what they hold: Keras looks the values up in its stateless scope.
    Updates and added losses are forgotten when the block ends.
    """
    mapping = list(zip(variables, given, strict=True))
    with alone(), load().StatelessScope(state_mapping=mapping, collect_losses=True):
        yield


def fixed_rows(model: Any) -> int | None:
    """How many rows the model takes at a time, where it is built for one number of them."""
    inputs: list[Any] = []
    with contextlib.suppress(AttributeError, ValueError):
        inputs = list(model.inputs or [])
    lengths = [tensor.shape[0] for tensor in inputs if len(tensor.shape)]
    return next((int(length) for length in lengths if length is not None), None)


@contextlib.contextmanager
def random_state_kept() -> Iterator[None]:
    """A block after which Python, NumPy and PyTorch draw the numbers that they would have drawn
    without it, and Keras has the generator of seeds that it had."""
    numbers, others = random.getstate(), np.random.get_state()
    try:
        with internals.own_seeds(), own_numbers():
            yield
    finally:
        random.setstate(numbers)
        np.random.set_state(others)


@contextlib.contextmanager
def untouched(
    model: Any, variables: Sequence[Any] = (), given: Sequence[Any] = ()
) -> Iterator[None]:
    """A block in which no state of the model changes; see ``in_place_of``."""
    if not model.built:  # the first pass makes the variables, which the scope would refuse
        yield
        return
    with random_state_kept(), in_place_of(variables, given):
        yield


@contextlib.contextmanager
def remembering(fits: list[Fitted]) -> Iterator[None]:
    """Within the block add every ``fit`` to ``fits``, which keeps the models alive."""

    def noted(fit: Callable[..., Any], model: Any, args: Any, kwargs: Any) -> Any:
        try:
            return fit(*args, **kwargs)
        finally:
            fits.append((model, getattr(model, "history", None)))

    with fit.patched_fit(noted):
        yield


def results_of(fits: Sequence[Fitted]) -> Results:
    """The models' variables and histories, and the random state of the process.

    Of Keras and TensorFlow it takes the numbers that they draw next, so call it last.
    """
    found: Results = {}
    models = list({id(model): model for model, _ in fits}.values())
    owners = {id(model): f"model {at} ({model.name})" for at, model in enumerate(models, 1)}
    for model in models:
        optimizer = [each for one in optimizers(model).values() for each in one.variables]
        for kind, variables in ("weight", model.variables), ("optimizer", optimizer):
            for at, variable in enumerate(variables):  # two may have one path
                key = kind, owners[id(model)], f"{variable.path} [{at}]"
                array = np.asarray(load().ops.convert_to_numpy(variable))
                # NumPy cannot write bfloat16, which is exact in float32.
                found[key] = array.astype(np.float32) if array.dtype.kind == "V" else array
    for at, (model, history) in enumerate(fits, 1):
        for name, values in history.history.items() if history is not None else ():
            found["history", owners[id(model)], f"fit {at}, {name}"] = np.asarray(values)
    _, numbers, _ = random.getstate()
    _, keys, position, *_ = np.random.get_state(legacy=True)
    found["random", "", "Python"] = np.asarray(numbers)
    found["random", "", "NumPy"] = np.asarray([*keys, position])
    if "keras" in sys.modules:
        found["random", "", backend.NAMES[backend.name()]] = next_numbers()
        found["random", "", "Keras"] = np.asarray(load().random.uniform((4,)))
    return found


class Untracked:
    """The variables that a forward pass reads beside the model's own, by the first stage that does.

    Keras' variables, those of metrics and random seeds included, are its own. A variable that is
    made with ``trainable=False`` is a constant or a counter on purpose. The stages are named in the
    order of the function's outputs.
    """

    def __init__(self, model: Any, function: Any, stages: Sequence[str]) -> None:
        self._by_stage: dict[str, list[Any]] = {}
        self._before: dict[int, Array] = {}
        # whether the function tells which variables it reads
        self.is_known = hasattr(function, "graph")
        if not self.is_known:  # of a training step, whose variables are no longer told apart
            return
        known = {id(each.value) for each in model.variables}
        inner = {id(outer): each.op.name for outer, each in function.graph.captures}
        found = [
            each for each in function.graph.variables if each.trainable and id(each) not in known
        ]
        if not found:
            return
        outputs = zip(stages, function.structured_outputs[0], strict=True)
        behind = {
            stage: set(operations_behind(tensors, control=False)) for stage, tensors in outputs
        }
        for variable in found:
            read = inner.get(id(variable.handle))
            stage = next((name for name, needed in behind.items() if read in needed), None)
            if stage is None:
                continue  # what is computed for nothing, such as a mask
            self._by_stage.setdefault(stage, []).append(variable)
            if variable.shape.num_elements() <= MOST_COMPARED:
                self._before[id(variable)] = np.array(variable.numpy())

    def figures(self) -> list[tuple[str, UntrackedVariables]]:
        """How many there are, by stage, and whether any changed since the pass was made."""
        if not self.is_known:
            return []
        if not self._by_stage:
            return [("model", UntrackedVariables(count=0, values=0))]
        return [
            (
                stage,
                UntrackedVariables(
                    count=len(variables),
                    values=sum(int(each.shape.num_elements()) for each in variables),
                    changed=any(
                        not np.array_equal(each.numpy(), self._before[id(each)], equal_nan=True)
                        for each in variables
                        if id(each) in self._before
                    ),
                ),
            )
            for stage, variables in self._by_stage.items()
        ]
