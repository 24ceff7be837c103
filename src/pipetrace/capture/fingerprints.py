"""What a training leaves: the arrays by which two runs of a program are compared, bit by bit."""

import contextlib
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np

from pipetrace.capture import fit
from pipetrace.capture.backend import load
from pipetrace.trace.document import Array

Results: TypeAlias = dict[tuple[str, str, str], Array]
"""Arrays by kind, model (empty for the process), and name."""

Fitted: TypeAlias = tuple[Any, Any]
"""A model and the history that one ``fit`` of it gave."""


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
        optimizer = getattr(model.optimizer, "variables", ())
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
        import tensorflow as tf

        found["random", "", "TensorFlow"] = np.asarray(tf.random.uniform((4,)))
        found["random", "", "Keras"] = np.asarray(load().random.uniform((4,)))
    return found
