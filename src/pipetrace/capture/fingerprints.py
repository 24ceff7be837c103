"""What a training leaves: the arrays by which two runs of a program are compared, bit by bit."""

import contextlib
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from pipetrace.capture import fit
from pipetrace.capture.backend import load
from pipetrace.trace.document import Array

Results: TypeAlias = dict[tuple[str, str, str], Array]
"""Arrays by kind, model (empty for the process), and name."""


@dataclass
class Fitted:
    """A model that was fitted, what each ``fit`` gave, and whether it was given a recorder."""

    model: Any
    histories: list[Any] = field(default_factory=list)
    records_itself: bool = False


@contextlib.contextmanager
def remembering(found: list[Fitted]) -> Iterator[None]:
    """Within the block add every model that is fitted to ``found``, which keeps it alive."""

    def noted(fit: Callable[..., Any], model: Any, args: Any, kwargs: Any) -> Any:
        known = next((each for each in found if each.model is model), None)
        if known is None:
            found.append(known := Fitted(model))
        given = kwargs.get("callbacks") or []
        callbacks = given if isinstance(given, list | tuple) else [given]
        names = [type(each).__module__ for each in callbacks]
        known.records_itself |= any(name.startswith("pipetrace.") for name in names)
        try:
            return fit(*args, **kwargs)
        finally:
            known.histories.append(getattr(model, "history", None))

    with fit.patched_fit(noted):
        yield


def prepare(seed: int | None, *, deterministic: bool) -> None:
    """Seed Python, NumPy, Keras and TensorFlow; None leaves them as they are."""
    if seed is not None:
        load().utils.set_random_seed(seed)
    if deterministic:
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()


def model_name(number: int, model: Any) -> str:
    """Such as ``model 1 (digits)``."""
    return f"model {number} ({getattr(model, 'name', type(model).__name__)})"


def results_of(fitted: Sequence[Fitted]) -> Results:
    """The models' variables and histories, and the random state of the process.

    Of Keras and TensorFlow it takes the numbers that they draw next, so call it last.
    """
    found: Results = {}
    for number, each in enumerate(fitted, 1):
        owner, seen = model_name(number, each.model), set[int]()
        metrics = [variable for metric in each.model.metrics for variable in metric.variables]
        for kind, variables in (
            ("weight", each.model.weights),
            ("optimizer", getattr(getattr(each.model, "optimizer", None), "variables", ())),
            ("metric", metrics),
            ("seed", each.model.variables),  # those that are no weights
        ):
            for variable in variables:
                if id(variable) not in seen:
                    seen.add(id(variable))
                    key = kind, owner, str(variable.path)
                    while key in found:  # two variables of one path
                        key = kind, owner, f"{key[2]}'"
                    found[key] = np.asarray(load().ops.convert_to_numpy(variable))
        for number_of_fit, history in enumerate(each.histories, 1):
            for name, values in history.history.items() if history is not None else ():
                found["history", owner, f"fit {number_of_fit}, {name}"] = np.asarray(values)
    _, numbers, _ = random.getstate()
    _, keys, position, *_ = np.random.get_state(legacy=True)
    found["random", "", "Python"] = np.asarray(numbers)
    found["random", "", "NumPy"] = np.asarray([*keys, position])
    if "keras" in sys.modules:
        import tensorflow as tf

        found["random", "", "TensorFlow"] = np.asarray(tf.random.uniform((4,)))
        found["random", "", "Keras"] = np.asarray(load().random.uniform((4,)))
    return found
