"""NumPy's ``.npz`` files: a zip archive with one array a member."""

import errno
import lzma
import math
import warnings
import zipfile
import zlib
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from pipetrace.errors import ArrayFormatError
from pipetrace.pipeline.arrays import Form, check_forms
from pipetrace.pipeline.files import FORMS, MAX_ROWS, cannot_read, shown

_PAIRS = (("x", "y"), ("x_train", "y_train"))
_READERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}

# What zipfile and NumPy raise on damaged files: a false checksum or structure, data that cannot be unpacked, and a
# password or method that is not supported.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    MemoryError,
    NotImplementedError,
    OverflowError,
    RuntimeError,
    ValueError,
)


class Arrays(NamedTuple):
    """The two arrays that were read, of any values, and the names of the arrays that were left out."""

    x: NDArray[np.generic]
    y: NDArray[np.generic]
    others: tuple[str, ...]


def read_npz(path: Path) -> Arrays:
    """Read ``x`` and ``y``, or ``x_train`` and ``y_train`` as Keras lays its files out.

    The headers are checked before values are read, so that a forged shape takes no memory. Objects are never loaded,
    since that could run code.

    Raises:
        ArrayFormatError: the file is damaged or no zip archive, lacks the arrays, or they have a wrong shape or type.
        CountMismatchError: there are not as many labels as pictures.
        DataNotFoundError: the file may not be read.
    """
    try:
        with warnings.catch_warnings(), zipfile.ZipFile(path) as archive:
            # NumPy warns of headers that Python 2 wrote, and Python of odd text in a forged one.
            warnings.simplefilter("ignore")
            return _read(archive, path)
    except OSError as error:
        # bz2 reports damaged data without a number; a forged place in the archive makes the system call it invalid.
        if error.errno in {None, errno.EINVAL}:
            raise _damaged(path, error) from error
        raise cannot_read(path, error) from error
    except _DAMAGE as error:
        raise _damaged(path, error) from error


def _read(archive: zipfile.ZipFile, path: Path) -> Arrays:
    members = archive.infolist()
    arrays = {
        info.filename.removesuffix(".npy"): info
        for info in members
        if info.filename.endswith(".npy")
    }
    pair = next((pair for pair in _PAIRS if arrays.keys() >= set(pair)), None)
    if pair is None:
        raise _without(path, sorted(info.filename.removesuffix(".npy") for info in members))
    infos = [arrays[name] for name in pair]
    headers = [_header(archive, info) for info in infos]
    check_forms(headers[0][0], headers[1][0], shown(path))
    rows = headers[0][0].shape[0]
    if rows > MAX_ROWS:
        raise ArrayFormatError(
            f"x has {rows:,} rows; at most {MAX_ROWS:,} are read.",
            where=shown(path),
            hint="Save a part of them.",
        )
    for info, (form, start) in zip(infos, headers, strict=True):
        wanted = start + math.prod(form.shape) * form.dtype.itemsize
        if info.file_size != wanted:
            raise ArrayFormatError(
                f"The array {shown(info.filename)} needs {wanted:,} bytes, and there are {info.file_size:,}.",
                where=shown(path),
                hint="Save or copy the file again.",
            )
    x, y = (_array(archive, info) for info in infos)
    return Arrays(x, y, tuple(sorted(arrays.keys() - set(pair))))


def _header(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> tuple[Form, int]:
    """Return an array's form and the place in its member where the values start."""
    with archive.open(info) as member:
        version = npy.read_magic(member)
        # Version 3 exists for the names of record fields, which are refused anyway.
        if version not in _READERS:
            raise ValueError(
                f"{info.filename} has the version {version[0]}.{version[1]} of NumPy's array format"
            )
        try:
            shape, _, dtype = _READERS[version](member)
        except (
            Exception
        ) as error:  # NumPy evaluates the header as Python text; what a forged one raises is open.
            raise ValueError(f"the header of {info.filename} is damaged") from error
        if any(length < 0 for length in shape):
            raise ValueError(f"{info.filename} has a negative length")
        return Form(tuple(shape), dtype), member.tell()


def _array(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> NDArray[np.generic]:
    member: IO[bytes]
    with archive.open(info) as member:
        array: NDArray[np.generic] = npy.read_array(member, allow_pickle=False)
        return array


def _damaged(path: Path, error: BaseException) -> ArrayFormatError:
    reason = str(error).rstrip(".") or type(error).__name__
    return ArrayFormatError(
        f"The file cannot be read as .npz: {shown(reason)}.",
        where=shown(path),
        hint="Save it again with numpy.savez_compressed(path, x=x, y=y), or copy it again.",
    )


def _without(path: Path, names: list[str]) -> ArrayFormatError:
    listed = ", ".join(shown(name) for name in names[:8]) + (", ..." if len(names) > 8 else "")
    return ArrayFormatError(
        "The file has no arrays x and y, nor x_train and y_train. "
        + (f"It holds {listed}." if names else "It holds nothing."),
        where=shown(path),
        hint=f"Save it with numpy.savez_compressed(path, x=x, y=y), or unpack it if it holds other files. {FORMS}",
    )
