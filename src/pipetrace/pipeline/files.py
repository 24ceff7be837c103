"""Rows from files: ``.npz`` with one array for each input, or ``.npy``."""

import math
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from pipetrace.errors import ArrayFormatError, CountMismatchError, DataNotFoundError, visible

TARGETS = ("y", "y_test", "y_train", "labels", "targets")
"""Names that mark an array as targets."""
SINGLE = ("x", "x_test", "x_train", "data", "inputs")
"""Names that mark an array as the rows of a single input."""
HINT = (
    "Save the rows with numpy.savez_compressed(path, x=x, y=y); for several inputs give each one "
    "its name."
)


def shown(path: object) -> str:
    """A path, or another string from outside, as text that every output can carry.

    A file name need not be valid UTF-8. Python keeps such bytes as lone surrogates, which no file,
    database or terminal takes. They become U+FFFD here, and so do control characters, which a
    terminal would obey.
    """
    return visible(str(path))


def load_rows(path: Path) -> tuple[Any, Any]:
    """The rows and targets of a file, arrays or dictionaries of arrays; targets may be None.

    An ``.npy`` file has the rows; an ``.npz`` file has rows ``x`` and targets ``y``; for several
    inputs an array for each under its name; for several outputs ``y_`` and the output's name. A
    ``DataError`` where it is missing, damaged, without rows, or has different numbers of them.
    """
    return split_rows(arrays_in(path), shown(path))


def split_rows(arrays: Mapping[str, NDArray[Any]], where: str) -> tuple[Any, Any]:
    """Arrays by name as rows and targets; see ``load_rows``, whose errors name ``where``."""
    targets = {
        name: values for name, values in arrays.items() if name in TARGETS or name.startswith("y_")
    }
    rows = {name: values for name, values in arrays.items() if name not in targets}
    if not rows:
        raise ArrayFormatError("The file has no rows, only targets.", where=where, hint=HINT)
    lengths = {name: len(values) if values.ndim else 0 for name, values in arrays.items()}
    if 0 in lengths.values():
        empty = next(name for name, length in lengths.items() if not length)
        raise ArrayFormatError(f"The array {shown(empty)} has no rows.", where=where, hint=HINT)
    if len(set(lengths.values())) > 1:
        counts = ", ".join(f"{shown(name)} {length:,}" for name, length in sorted(lengths.items()))
        raise CountMismatchError(
            f"The arrays do not have as many rows each: {counts}.",
            where=where,
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


MOST_GROWTH, ALWAYS_READ = 20, 500_000_000
"""Arrays may take so many times the bytes of their file, or this many bytes where that is more."""


def _check_sizes(path: Path) -> None:
    """Raise a ``ValueError`` where headers of arrays declare not what follows, or much more."""
    size, declared = path.stat().st_size, 0
    if not zipfile.is_zipfile(path):
        with path.open("rb") as file:
            if _declared(file) + file.tell() > size:
                raise ValueError("its header promises more than the file has")
        return
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        if not any(member.filename.endswith(".npy") for member in members):
            raise ValueError("it holds no arrays")
        for member in members:
            with archive.open(member) as file:
                bytes_of_array = _declared(file)
                if bytes_of_array + file.tell() != member.file_size:
                    raise ValueError(f"the header of {member.filename} promises another size")
            declared += bytes_of_array
    if declared > max(MOST_GROWTH * size, ALWAYS_READ):
        raise ValueError(
            f"{size:,} bytes would unpack to {declared:,}; save it with numpy.savez, uncompressed"
        )


def _declared(file: IO[bytes]) -> int:
    """How many bytes the array has whose file is read to the end of its header."""
    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    version = npy.read_magic(file)
    if version not in readers:
        raise ValueError(f"arrays of the version {version} are not read")
    shape, _, dtype = readers[version](file)
    if dtype.hasobject:
        raise ValueError("it holds Python objects, which could run code")
    return math.prod(shape) * int(dtype.itemsize)


def arrays_in(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of an ``.npz`` file by name, or that of an ``.npy`` file as ``x``.

    Objects are never loaded, since that could run code. A ``DataNotFoundError`` or an
    ``ArrayFormatError`` where there are none.
    """
    try:
        _check_sizes(path)
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return {"x": loaded}
        with loaded:
            found = {name: loaded[name] for name in loaded.files}
    except FileNotFoundError as error:
        raise DataNotFoundError(
            f"There is no file {shown(path)}.", where="--data", hint=HINT
        ) from error
    except OSError as error:
        raise DataNotFoundError(
            f"{shown(path)} cannot be read: {error.strerror or error}.",
            where="--data",
            hint=HINT,
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
            f"The file cannot be read as arrays: {shown(reason)}.", where=shown(path), hint=HINT
        ) from error
    if not found or not all(isinstance(values, np.ndarray) for values in found.values()):
        raise ArrayFormatError("The file holds no arrays.", where=shown(path), hint=HINT)
    return found
