"""Loading Keras and its backend without their noise, and the few things asked of them directly."""

import contextlib
import importlib
import json
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pipetrace.errors import FrameworkError, first_line

INSTALL = (
    'Install it beside pipetrace: pip install "pipetrace[tensorflow]" '
    '(or "pipetrace[cpu]", which is smaller).'
)
NAMES = {"tensorflow": "TensorFlow", "jax": "JAX", "torch": "PyTorch"}
"""What Keras may run on where pipetrace watches it."""


def load() -> Any:
    """Import Keras with its backend, or raise a ``FrameworkError``; later calls give the same."""
    return _load(_nothing_apart)


def load_quietly() -> Any:
    """``load`` for a process that is pipetrace's own: nothing that the libraries write is shown.

    TensorFlow's write to file descriptor 2 before they read any logging level. The descriptor
    belongs to the whole process, so it is redirected for the first import alone.
    """
    if "tensorflow" in sys.modules:
        return load()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    return _load(_stderr_apart)


def _load(apart: Callable[[], AbstractContextManager[Callable[[], str]]]) -> Any:
    if "keras" not in sys.modules:
        # Before the import, which fails less clearly.
        _refuse_others(wanted := _wanted())
        with apart() as said:
            try:
                importlib.import_module(wanted)
                importlib.import_module("keras")
            except Exception as error:
                raise _no_framework(error, said(), wanted) from error
    keras = sys.modules["keras"]
    _refuse_others(keras.backend.backend())
    return keras


def name() -> str:
    """What Keras runs on: one of ``NAMES``."""
    return str(load().backend.backend())


def on_tensorflow() -> bool:
    """Whether Keras runs on TensorFlow."""
    return name() == "tensorflow"


def _wanted() -> str:
    """The backend that Keras will take, as its documentation says: from the environment, else from
    its settings."""
    home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
    settings = {}
    with contextlib.suppress(OSError, ValueError):
        settings = json.loads((home / "keras.json").read_text())
    found = os.environ.get("KERAS_BACKEND") or settings.get("backend") or "tensorflow"
    return str(found)


def versions() -> dict[str, str]:
    """The versions of what runs, by name."""
    found = {"python": platform.python_version()}
    others = {*NAMES} - {_wanted() if "keras" not in sys.modules else name()}
    for library, packages in {
        "pipetrace": ("pipetrace",),
        "keras": ("keras",),
        "tensorflow": ("tensorflow", "tensorflow-cpu"),
        "jax": ("jax",),
        "torch": ("torch",),
        "numpy": ("numpy",),
    }.items():
        for package in packages if library not in others else ():
            with contextlib.suppress(PackageNotFoundError):
                found.setdefault(library, version(package))
    return found


def set_seed(seed: int) -> None:
    """Seed Python, NumPy and the backend, as ``keras.utils.set_random_seed`` does."""
    load().utils.set_random_seed(seed)


def build(config: Mapping[str, Any], training: Mapping[str, Any]) -> Any:
    """A compiled model with fresh weights, of what ``from_config`` and ``compile`` get."""
    keras = load()
    model = keras.Sequential.from_config(dict(config))
    model.compile(**training)
    return model


@contextlib.contextmanager
def _stderr_apart() -> Iterator[Any]:
    with tempfile.TemporaryFile() as file:
        sys.stderr.flush()
        kept = os.dup(2)

        def said() -> str:
            file.seek(0)
            return file.read().decode(errors="replace")

        try:
            os.dup2(file.fileno(), 2)
            yield said
        finally:
            os.dup2(kept, 2)
            os.close(kept)


@contextlib.contextmanager
def _nothing_apart() -> Iterator[Any]:
    yield str


def _refuse_others(backend: str) -> None:
    if backend not in NAMES:
        *some, last = NAMES.values()
        listed = f"{', '.join(some)} and {last}"
        raise FrameworkError(
            f"Keras runs on {backend} here; pipetrace watches training on {listed}.",
            where="KERAS_BACKEND or ~/.keras/keras.json",
            hint="Set the environment variable KERAS_BACKEND=tensorflow for this command.",
        )


def _no_framework(error: Exception, said: str, wanted: str) -> FrameworkError:
    if isinstance(error, ModuleNotFoundError) and error.name in ("keras", wanted):
        hint = INSTALL if wanted == "tensorflow" else f"Install it: pip install {error.name}."
        return FrameworkError(f"{error.name} is not installed; training needs it.", hint=hint)
    words = f" It wrote: {said.strip()[-500:]}" if said.strip() else ""
    return FrameworkError(
        f"Keras with {NAMES[wanted]} does not start: "
        f"{type(error).__name__}: {first_line(error)}.{words}",
        hint=f"Try: python -c 'import keras' to see the whole error. {INSTALL}",
    )
