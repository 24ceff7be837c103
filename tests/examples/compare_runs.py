"""Train examples with and without pipetrace, each from the same seed, and print what became of their weights.

A script, since TensorFlow's determinism cannot be switched off again in a process:

    python -m tests.examples.compare_runs FOLDER [NAME ...]

One line of JSON for each example: ``name``, ``plain`` and ``recorded``, the SHA-256 of all its variables and of its
history; ``again``, the same of a second plain run, where the first two differ; ``error``, where a run raised.
"""

import hashlib
import json
import sys
import traceback
from pathlib import Path
from typing import Any

from tests.examples.gallery import NAMES, fit, load

ROWS = 48
EPOCHS = 2
WATCHED = ("generator_input", "tf_data")


def digests(name: str, trace: Path | None) -> list[str]:
    """What became of an example's model, of its optimizer and of its history."""
    import keras

    import pipetrace

    keras.utils.clear_session()
    example = load(name)
    model = example.build()
    callbacks = []
    if trace is not None and name in WATCHED:
        pipetrace.watch(model, trace, verbose=False)
    elif trace is not None:
        callbacks.append(pipetrace.Recorder(trace, *example.rows(ROWS), verbose=False))
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
        plain, recorded = digests(name, None), digests(name, folder / f"{name}.trace")
        again = digests(name, None) if plain != recorded else None
    except Exception:
        return {"name": name, "error": traceback.format_exc()}
    return {"name": name, "plain": plain, "recorded": recorded, "again": again}


def main(folder: str, *names: str) -> None:
    """Compare the examples; see above."""
    import tensorflow as tf

    tf.config.experimental.enable_op_determinism()
    for name in names or NAMES:
        print(json.dumps(compared(name, Path(folder))), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
