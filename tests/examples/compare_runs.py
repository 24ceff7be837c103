"""Train examples with and without pipetrace, each from the same seed, and print what became of them.

A script, since TensorFlow's determinism cannot be switched off again in a process:

    python -m tests.examples.compare_runs FOLDER BUDGET[,BUDGET ...] NAME ...

One line of JSON for each example: ``name``; ``values``, how many were compared, of each kind; ``unsure``, those in
which two plain runs differ, asked where a recorded one does; ``differ``, for each budget those in which a recorded run differs from the first plain
one; ``error``, where a run raised. One example, the variational autoencoder, has ``disturbed`` too: those that differ
with a callback that draws a random number of the model.
"""

import hashlib
import json
import sys
import traceback
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.examples.gallery import WATCHED, fit, load

ROWS = 48
EPOCHS = 2
BUDGETS: Mapping[str, float | None] = {"0": 0.0, "0.02": 0.02, "none": None}
DISTURBED = "vae"

Digests = dict[tuple[str, str], str]
"""The SHA-256 of each value that a training leaves, by its kind and name."""


def digests(
    name: str, trace: Path | None = None, budget: float | None = None, callbacks: Sequence[Any] = ()
) -> Digests:
    """What became of an example's model, its optimizer, metrics, history and of the random state of the process.

    Args:
        name: of the example.
        trace: where to record to; None does not.
        budget: of the recording.
        callbacks: what else stands beside the training.
    """
    import keras
    from tests.record.random_state import random_state

    import pipetrace
    from pipetrace.capture.weights import results_of

    keras.utils.clear_session()
    example = load(name)
    model = example.build()
    if trace is not None and name in WATCHED:
        pipetrace.watch(model, trace, verbose=False, budget=budget)
    elif trace is not None:
        callbacks = [pipetrace.Recorder(trace, *example.rows(ROWS), verbose=False, budget=budget)]
    history = fit(example, model, ROWS, callbacks, epochs=EPOCHS)
    if trace is not None:
        epochs = pipetrace.read(trace).epochs
        assert len(epochs) == EPOCHS, f"the trace has {len(epochs)} epochs: nothing was recorded"
    state = {("random", name): repr(value) for name, value in random_state()}
    values = results_of([(model, history)])
    content = {
        key: (str(array.dtype), array.shape, array.tobytes()) for key, array in values.items()
    }
    found = {(kind, name): repr(each) for (kind, _, name), each in content.items()} | state
    return {key: hashlib.sha256(each.encode()).hexdigest() for key, each in found.items()}


def unlike(one: Digests, other: Digests) -> list[str]:
    """The names of the values that are not the same in both."""
    return [
        " ".join(key) for key in dict.fromkeys([*one, *other]) if one.get(key) != other.get(key)
    ]


def compared(name: str, folder: Path, budgets: Sequence[str]) -> dict[str, Any]:
    """The line for one example."""
    try:
        plain = digests(name)
        differ = {
            told: unlike(plain, digests(name, folder / f"{name}-{told}.trace", BUDGETS[told]))
            for told in budgets
        }
        # Whether plain runs differ matters only where a recorded one does.
        unsure = unlike(plain, digests(name)) if any(differ.values()) else []
        disturbed = {"disturbed": unlike(plain, drawn())} if name == DISTURBED else {}
    except Exception:
        return {"name": name, "error": traceback.format_exc()}
    values = Counter(kind for kind, _ in plain)
    return {"name": name, "values": values, "unsure": unsure, "differ": differ, **disturbed}


def drawn() -> Digests:
    """What becomes of a training that is not left as it is."""
    import keras

    class Drawing(keras.callbacks.Callback):  # type: ignore[misc] # Keras has no types
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.model.get_layer("sampling").generator.next()

    return digests(DISTURBED, callbacks=[Drawing()])


def main(folder: str, budgets: str, *names: str) -> None:
    """Compare the examples; see above."""
    import keras

    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
    for name in names:
        print(json.dumps(compared(name, Path(folder), budgets.split(","))), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
