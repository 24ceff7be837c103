"""Train examples with and without pipetrace, each from the same seed, and print what became of their weights.

A script, since TensorFlow's determinism cannot be switched off again in a process:

    python -m tests.examples.compare_runs FOLDER [NAME ...]

One line of JSON for each example: ``name``, ``plain`` and ``recorded``, the SHA-256 of all its variables and of its
history; ``again``, the same of a second plain run, where the first two differ; ``error``, where a run raised. After the
examples comes ``disturbed``, one of them with a callback that draws a random number of the model.
"""

import hashlib
import json
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.examples.gallery import NAMES, fit, load

ROWS = 48
EPOCHS = 2
WATCHED = ("generator_input", "tf_data")


def digests(name: str, trace: Path | None = None, callbacks: Sequence[Any] = ()) -> list[str]:
    """What became of an example's model, of its optimizer and of its history.

    Args:
        name: of the example.
        trace: where to record to; None does not.
        callbacks: what else stands beside the training.
    """
    import keras

    import pipetrace

    keras.utils.clear_session()
    example = load(name)
    model = example.build()
    if trace is not None and name in WATCHED:
        pipetrace.watch(model, trace, verbose=False)
    elif trace is not None:
        callbacks = [pipetrace.Recorder(trace, *example.rows(ROWS), verbose=False)]
    history = fit(example, model, ROWS, callbacks, epochs=EPOCHS).history
    if trace is not None:
        epochs = pipetrace.read(trace).epochs
        assert len(epochs) == EPOCHS, f"the trace has {len(epochs)} epochs: nothing was recorded"
    return [digest(model.variables), digest(model.optimizer.variables), json.dumps(history)]


def digest(variables: Any) -> str:
    """Of every bit of the variables."""
    found = hashlib.sha256()
    for variable in variables:
        found.update(variable.numpy().tobytes())
    return found.hexdigest()


def compared(name: str, folder: Path) -> dict[str, Any]:
    """The line for one example."""
    try:
        plain, recorded = digests(name), digests(name, folder / f"{name}.trace")
        again = digests(name) if plain != recorded else None
    except Exception:
        return {"name": name, "error": traceback.format_exc()}
    return {"name": name, "plain": plain, "recorded": recorded, "again": again}


def disturbed() -> dict[str, Any]:
    """The line for a training that is not left as it is."""
    import keras

    class Drawing(keras.callbacks.Callback):  # type: ignore[misc] # Keras has no types
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.model.get_layer("sampling").generator.next()

    plain, recorded = digests("vae"), digests("vae", callbacks=[Drawing()])
    return {"name": "disturbed", "plain": plain, "recorded": recorded, "again": digests("vae")}


def main(folder: str, *names: str) -> None:
    """Compare the examples; see above."""
    import tensorflow as tf

    tf.config.experimental.enable_op_determinism()
    for name in names or NAMES:
        print(json.dumps(compared(name, Path(folder))), flush=True)
    print(json.dumps(disturbed()), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
