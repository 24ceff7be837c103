"""Rows for a model of any form, out of a file: ``.npz`` with one array for each input, or ``.npy``."""

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipetrace.errors import ArrayFormatError, CountMismatchError, DataNotFoundError
from pipetrace.pipeline.files import shown

TARGETS = ("y", "y_test", "y_train", "labels", "targets")
"""Names under which the targets may stand."""
SINGLE = ("x", "x_test", "x_train", "data", "inputs")
"""Names under which the rows of a single input may stand."""


def load_rows(path: Path) -> tuple[Any, Any]:
    """The rows and targets of a file.

    Objects are never loaded, since that could run code.

    Args:
        path: an ``.npy`` file with the rows, or an ``.npz`` file with the rows as ``x`` and the targets as ``y``; for
            several inputs with one array for each under the input's name. Targets are optional; for several outputs
            they stand under ``y_`` and the output's name.

    Returns:
        the rows, an array or a dictionary of arrays, and the targets in the same way, or None.

    Raises:
        DataNotFoundError: there is no such file.
        ArrayFormatError: it is no file of arrays, is damaged, holds nothing, or an array without rows.
        CountMismatchError: not all arrays have as many rows.
    """
    arrays = _read(path)
    targets = {
        name: values for name, values in arrays.items() if name in TARGETS or name.startswith("y_")
    }
    rows = {name: values for name, values in arrays.items() if name not in targets}
    if not rows:
        raise ArrayFormatError(
            "The file has no rows, only targets.", where=shown(path), hint=_hint()
        )
    lengths = {name: len(values) if values.ndim else 0 for name, values in arrays.items()}
    if 0 in lengths.values():
        empty = next(name for name, length in lengths.items() if not length)
        raise ArrayFormatError(
            f"The array {shown(empty)} has no rows.", where=shown(path), hint=_hint()
        )
    if len(set(lengths.values())) > 1:
        counts = ", ".join(f"{shown(name)} {length:,}" for name, length in sorted(lengths.items()))
        raise CountMismatchError(
            f"The arrays do not have as many rows each: {counts}.",
            where=shown(path),
            hint="Save arrays that belong together.",
        )
    return _alone(rows, SINGLE), _alone(
        {name.removeprefix("y_"): each for name, each in targets.items()}, TARGETS
    )


def _alone(arrays: Mapping[str, NDArray[Any]], names: tuple[str, ...]) -> Any:
    """The one array, or the dictionary where there are several, or one under a name of its own."""
    if not arrays:
        return None
    (name, values), *others = arrays.items()
    plain = {*names, *(each.removeprefix("y_") for each in names)}
    return values if not others and name in plain else dict(arrays)


def _read(path: Path) -> dict[str, NDArray[Any]]:
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return {"x": loaded}
        with loaded:
            found = {name: loaded[name] for name in loaded.files}
    except FileNotFoundError as error:
        raise DataNotFoundError(
            f"There is no file {shown(path)}.", where="--data", hint=_hint()
        ) from error
    except OSError as error:
        raise DataNotFoundError(
            f"{shown(path)} cannot be read: {error.strerror or error}.",
            where="--data",
            hint=_hint(),
        ) from error
    except (
        ValueError,
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        MemoryError,
        NotImplementedError,
        RuntimeError,
    ) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0].rstrip(".")
        raise ArrayFormatError(
            f"The file cannot be read as arrays: {shown(reason)}.", where=shown(path), hint=_hint()
        ) from error
    if not found or not all(isinstance(values, np.ndarray) for values in found.values()):
        raise ArrayFormatError("The file holds no arrays.", where=shown(path), hint=_hint())
    return found


def _hint() -> str:
    return "Save the rows with numpy.savez_compressed(path, x=x, y=y); for several inputs give each one its name."
