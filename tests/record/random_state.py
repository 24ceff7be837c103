"""The states of the generators of random numbers that a process shares, also those that nobody promises."""

import random
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np


def random_state() -> Iterator[tuple[str, Any]]:
    """Name and state; none is made by looking.

    Those of Python and NumPy, those of TensorFlow (the one that its operations draw their seeds from, and its global
    generator where there is one), and Keras' own where there is one, with its numbering of names.
    """
    yield "Python", random.getstate()
    yield "NumPy", [np.asarray(each).tolist() for each in np.random.get_state(legacy=True)]
    if "tensorflow" in sys.modules:
        from tensorflow.python.eager import context
        from tensorflow.python.ops import stateful_random_ops

        eager = context.context()
        drawn = getattr(eager, "_rng", None)
        yield "TensorFlow's seeds", drawn.getstate() if isinstance(drawn, random.Random) else None
        yield "TensorFlow's global seed", getattr(eager, "_seed", None)
        generator = getattr(stateful_random_ops, "global_generator", None)
        if generator is not None:
            yield "tf.random's global generator", np.asarray(generator.state).tolist()
    if "keras" in sys.modules:
        from keras.src.backend.common import global_state
        from keras.src.random.seed_generator import GLOBAL_SEED_GENERATOR

        generator = global_state.get_global_attribute(GLOBAL_SEED_GENERATOR)
        if generator is not None:
            yield "Keras' global generator", generator.state.numpy().tolist()
        # A layer made by looking would shift the names of those after it.
        yield (
            "Keras' numbering",
            dict(global_state.get_global_attribute("object_name_uids") or {}),
        )
