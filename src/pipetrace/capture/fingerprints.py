"""What a training leaves: the values by which two runs of a program are compared, bit by bit."""

import contextlib
import hashlib
import json
import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pipetrace.capture import fit
from pipetrace.capture.backend import load
from pipetrace.capture.surroundings import attributes
from pipetrace.trace.document import Array
from pipetrace.trace.selfcheck import GENERATOR, HISTORY, LEFT, METRIC, OPTIMIZER, RANDOM, WEIGHT


@dataclass(frozen=True, eq=False)
class Value:
    """Something that is there when a program ends.

    Attributes:
        kind: one of ``pipetrace.trace.selfcheck.KINDS``.
        owner: the model, such as ``model 1 (digits)``; empty where it is the process's.
        name: unlike that of all others of its kind and owner.
        content: an array, or texts.
    """

    kind: str
    owner: str
    name: str
    content: "Array | tuple[str, ...]"

    @property
    def digest(self) -> str:
        """SHA-256 of type, shape and bytes, or of the texts."""
        if isinstance(self.content, tuple):
            return hashlib.sha256(json.dumps(self.content).encode()).hexdigest()
        head = f"{self.content.dtype.name} {self.content.shape} ".encode()
        return hashlib.sha256(head + self.content.tobytes()).hexdigest()


@dataclass
class Fitted:
    """A model that was fitted, and what each ``fit`` gave."""

    model: Any
    histories: list[Any] = field(default_factory=list)
    callbacks: list[tuple[str, ...]] = field(default_factory=list)


@contextlib.contextmanager
def remembering(found: list[Fitted]) -> Iterator[None]:
    """Within the block remember every model that is fitted, in order; nothing else happens.

    Args:
        found: is filled; it keeps the models alive.
    """

    def noted(fit: Callable[..., Any], model: Any, args: Any, kwargs: Any) -> Any:
        known = next((each for each in found if each.model is model), None)
        if known is None:
            known = Fitted(model)
            found.append(known)
        given = kwargs.get("callbacks")
        try:
            return fit(*args, **kwargs)
        finally:
            known.histories.append(getattr(model, "history", None))
            # Whatever stands in the caller's own list by now.
            own = getattr(given, "callbacks", given)
            each_of = own if isinstance(own, list | tuple) else [own] if own is not None else []
            known.callbacks.append(
                tuple(f"{type(each).__module__}.{type(each).__qualname__}" for each in each_of)
            )

    with fit.patched_fit(noted):
        yield


def prepare(seed: int | None, *, deterministic: bool) -> None:
    """Seed Python, NumPy, Keras and TensorFlow, and have TensorFlow's operations give the same each time; Keras is imported.

    Args:
        seed: None leaves all as it is.
        deterministic: whether TensorFlow is told so.
    """
    if seed is not None:
        load().utils.set_random_seed(seed)
    if deterministic:
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()


def values_of(fitted: list[Fitted]) -> list[Value]:
    """All that the models hold, and the random state of the process; Keras is imported.

    Args:
        fitted: as ``remembering`` found them.
    """
    made: list[Value] = []
    # First of all, since nothing that is read from here on is to draw a random number ahead of it.
    state = list(random_state())
    for number, each in enumerate(fitted, 1):
        made += _unique(_of_model(each, name_of(number, each.model)))
    return made + state


def name_of(number: int, model: Any) -> str:
    """How a model is called."""
    return f"model {number} ({getattr(model, 'name', type(model).__name__)})"


def _of_model(fitted: Fitted, owner: str) -> Iterator[Value]:
    model = fitted.model
    weights, seen = list(model.weights), set()
    for kind, variables in (
        (WEIGHT, weights),
        (OPTIMIZER, getattr(getattr(model, "optimizer", None), "variables", ())),
        (METRIC, [variable for metric in model.metrics for variable in metric.variables]),
        (GENERATOR, model.variables),  # Keras counts them with the weights; those were seen already
    ):
        for variable in variables:
            if id(variable) not in seen:
                seen.add(id(variable))
                yield Value(kind, owner, str(variable.path), _array(variable))
    for number, history in enumerate(fitted.histories, 1):
        if history is not None:
            yield Value(
                HISTORY, owner, f"fit {number}, epochs", np.asarray(history.epoch, np.int64)
            )
            for name, values in history.history.items():
                yield Value(HISTORY, owner, f"fit {number}, {name}", _numbers(values))
    for number, names in enumerate(fitted.callbacks, 1):
        yield Value(LEFT, owner, f"callbacks given to fit {number}", names)
    yield Value(LEFT, owner, "attributes of the model and its layers", attributes(model))


def random_state() -> Iterator[Value]:
    """The states of the generators of random numbers that the whole process shares.

    Python's, NumPy's, those of TensorFlow (the one that its operations draw their seeds from, and its global generator where
    there is one) and Keras' own where there is one; none is made by looking.
    """
    version, numbers, gauss = random.getstate()
    yield Value(RANDOM, "", "Python's random", np.asarray(numbers, np.uint64))
    yield Value(RANDOM, "", "Python's random, version and next normal", (str(version), str(gauss)))
    kind, keys, position, *rest = np.random.get_state(legacy=True)
    yield Value(RANDOM, "", "numpy.random", np.asarray([*keys, position], np.uint64))
    yield Value(RANDOM, "", "numpy.random, kind and next normal", (str(kind), *map(str, rest)))
    if "tensorflow" in sys.modules:
        yield from _tensorflow_state()
    if "keras" in sys.modules:
        yield from _keras_state()


def _tensorflow_state() -> Iterator[Value]:
    from tensorflow.python.eager import context
    from tensorflow.python.ops import stateful_random_ops

    eager = context.context()
    drawn = getattr(eager, "_rng", None)
    numbers = drawn.getstate()[1] if isinstance(drawn, random.Random) else ()
    yield Value(RANDOM, "", "TensorFlow's seeds of operations", np.asarray(numbers, np.uint64))
    yield Value(RANDOM, "", "TensorFlow's global seed", (str(getattr(eager, "_seed", None)),))
    generator = getattr(stateful_random_ops, "global_generator", None)
    if generator is not None:
        yield Value(RANDOM, "", "tf.random's global generator", np.asarray(generator.state))


def _keras_state() -> Iterator[Value]:
    from keras.src.backend.common import global_state
    from keras.src.random.seed_generator import GLOBAL_SEED_GENERATOR

    generator = global_state.get_global_attribute(GLOBAL_SEED_GENERATOR)
    if generator is not None:
        yield Value(RANDOM, "", "Keras' global seed generator", _array(generator.state))
    # A layer without a name of its own is numbered; a layer made by looking would shift the names of those after it.
    counted = global_state.get_global_attribute("object_name_uids") or {}
    yield Value(
        RANDOM,
        "",
        "Keras' numbering of names",
        tuple(f"{name}: {count}" for name, count in counted.items()),
    )


def _array(variable: Any) -> Array:
    return np.asarray(
        variable.numpy() if hasattr(variable, "numpy") else load().ops.convert_to_numpy(variable)
    )


def _numbers(values: Any) -> "Array | tuple[str, ...]":
    try:
        found = np.asarray(values, np.float64)
    except (TypeError, ValueError):  # a callback may put anything there
        return tuple(map(repr, values))
    return found


def _unique(values: Iterator[Value]) -> Iterator[Value]:
    """The values with numbers behind the names that are there already."""
    taken: dict[tuple[str, str], int] = {}
    for value in values:
        key = value.kind, value.name
        taken[key] = taken.get(key, 0) + 1
        name = value.name if taken[key] == 1 else f"{value.name} ({taken[key]})"
        yield Value(value.kind, value.owner, name, value.content)
