"""Loading a saved model, in Keras' safe mode and without its optimizer."""

from pathlib import Path
from typing import Any

from pipetrace.capture.backend import load
from pipetrace.errors import ModelFileError

SUFFIXES = (".keras", ".h5", ".hdf5")


def check_model(path: Path) -> None:
    """See whether there is a file of the right kind, before Keras is loaded.

    Raises:
        ModelFileError: there is none.
    """
    hint = "Give the path of a model saved with model.save('model.keras')."
    if path.is_dir():
        hint = f"{hint} The folder of a SavedModel has no layers that can be looked at."
        raise ModelFileError(f"{path} is a folder.", where=str(path), hint=hint)
    if not path.is_file():
        raise ModelFileError(f"There is no file {path}.", where=str(path), hint=hint)
    if path.suffix.lower() not in SUFFIXES:
        raise ModelFileError(
            f"{path.name} is no Keras model: it does not end in .keras, .h5 or .hdf5.",
            where=str(path),
            hint="Save the model with model.save('model.keras').",
        )


def load_model(path: Path) -> Any:
    """A model out of a ``.keras`` file, or out of an older ``.h5`` file.

    Raises:
        ModelFileError: there is none, or Keras refuses it; the message says why in words.
        FrameworkError: Keras is not there.
    """
    check_model(path)
    keras = load()
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:
        what, hint = _explained(error)
        raise ModelFileError(what, where=str(path), hint=hint) from error


def _explained(error: Exception) -> tuple[str, str]:
    """Why Keras refuses a file, and what to do."""
    text = " ".join(str(error).split())
    # Keras goes on with the advice to switch its safe mode off.
    short = f"{text.split('. ')[0].rstrip('.')[:300]}."
    for signs, what, hint in REFUSALS:
        if any(sign in text.lower() for sign in signs):
            return f"{what}: {short}", hint
    return f"Keras cannot load it: {type(error).__name__}: {short}", DAMAGED


REFUSALS = (
    (
        ("safe_mode", "unsafe", "lambda"),
        "Keras does not load it in its safe mode, because it would run code out of the file",
        (
            "If the model is your own, replace its Lambda layers by a layer class or by keras.ops "
            "and save it again, or record it from your program with pipetrace.watch(model, path)."
        ),
    ),
    (
        ("could not locate", "unknown", "custom"),
        "The model has parts that only your program knows",
        (
            "Record it from the program that defines them, with pipetrace.watch(model, path); or "
            "register them with @keras.saving.register_keras_serializable() and save again."
        ),
    ),
)
"""Words that tell why Keras refused, what that means, and what to do."""

DAMAGED = (
    "Run keras.saving.load_model(path, compile=False) to see the whole error. Save the model again "
    "if the file is damaged or was written by another version."
)
