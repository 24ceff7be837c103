"""IDX files, the form that MNIST is published in: a header of big-endian numbers, then unsigned bytes.

The form is described at the end of Y. LeCun, C. Cortes and C. Burges, "The MNIST database of handwritten digits".
A magic number says the type and the number of dimensions, then comes the length of each dimension in four bytes.
"""

import contextlib
import gzip
import math
import os
import struct
import zlib
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipetrace.errors import DataNotFoundError, IdxFormatError
from pipetrace.pipeline.arrays import SIDE, check_counts
from pipetrace.pipeline.files import FORMS, MAX_ROWS, cannot_read, plural, shown

_GZIP = b"\x1f\x8b"
_CHUNK = 1 << 20
_AGAIN = "Download or copy the file again."
_UNSIGNED_BYTES = 0x08
_TYPES = {
    0x09: "signed bytes",
    0x0B: "16-bit whole numbers",
    0x0C: "32-bit whole numbers",
    0x0D: "32-bit floats",
    0x0E: "64-bit floats",
}


class Pair(NamedTuple):
    """The two files of a set, and the images files in the same folder that were left out."""

    images: Path
    labels: Path
    others: tuple[Path, ...] = ()


class _Kind(NamedTuple):
    word: str
    magic: int
    dimensions: int


_IMAGES = _Kind("picture", 0x00000803, 3)
_LABELS = _Kind("label", 0x00000801, 1)


def find_pair(folder: Path) -> Pair | None:
    """Find the IDX pair in a folder, or None where it holds no such files.

    A pair is a file with ``images`` in its name and one whose name says ``labels`` in its place. Of several pairs, the
    only one with ``train`` in its name is taken.

    Raises:
        DataNotFoundError: there are images without labels or labels without images, or several pairs to choose from.
    """
    files = _files(folder)
    pairs = [
        Pair(file, labels)
        for file in files
        if "images" in file.name.lower()
        and (labels := _partner(file, "images", "labels", files)) is not None
    ]
    if not pairs:
        _check_halves(files)
        return None
    by_stem = {_stem(pair.images): pair for pair in reversed(pairs)}
    pairs = sorted(by_stem.values())
    training = [pair for pair in pairs if "train" in pair.images.name.lower()]
    if len(pairs) > 1 and len(training) != 1:
        names = ", ".join(shown(pair.images.name) for pair in pairs[:4])
        raise DataNotFoundError(
            f"The folder holds {len(pairs)} pairs of IDX files, among them {names}.",
            where=shown(folder),
            hint="Give the images file that you want.",
        )
    chosen = training[0] if len(pairs) > 1 else pairs[0]
    return chosen._replace(others=tuple(pair.images for pair in pairs if pair is not chosen))


def pair_of(images: Path) -> Pair:
    """Return an images file with the labels file that lies beside it.

    The labels file has the same name with ``labels`` for ``images`` and ``idx1`` for ``idx3``, packed or not. Where
    there is none, the images file is still checked first, since a file that is not IDX needs another message.

    Raises:
        DataNotFoundError: there is no such labels file, or the images file may not be read.
        IdxFormatError: the file is not an images file.
    """
    labels = _partner(images, "images", "labels", _files(images.parent))
    if labels is not None:
        return Pair(images, labels)
    with _opened(images) as file:
        _Idx(images, _IMAGES, file)
    name = _counterpart(images.name.lower(), "images", "labels")
    wanted = f" called {shown(name)}" if name != images.name.lower() else ""
    raise DataNotFoundError(
        f"There is no labels file{wanted} beside the images.",
        where=shown(images),
        hint="Put both files into one folder, named alike: train-images-idx3-ubyte and train-labels-idx1-ubyte.",
    )


def read_pair(pair: Pair) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Read a pair of IDX files, packed with gzip or not.

    Both headers are checked before any content is read, and never more is read than the header promises and one byte
    more, so that a forged header or a gzip bomb takes no memory.

    Returns:
        The pixels, shape (rows, 28, 28), and the labels, shape (rows,), both uint8 and otherwise unchecked.

    Raises:
        CountMismatchError: there are not as many labels as pictures.
        DataNotFoundError: a file may not be read.
        IdxFormatError: a file is not IDX, is damaged, is too short or too long, has a wrong type, or its pictures are
            not 28x28.
    """
    with _opened(pair.images) as images_file, _opened(pair.labels) as labels_file:
        images = _Idx(pair.images, _IMAGES, images_file)
        labels = _Idx(pair.labels, _LABELS, labels_file)
        check_counts(images.rows, labels.rows, f"{shown(pair.images)}, {shown(pair.labels.name)}")
        return images.body().reshape(-1, SIDE, SIDE), labels.body()


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(
            entry
            for entry in folder.iterdir()
            if not entry.name.startswith(".") and entry.is_file()
        )
    except OSError as error:
        raise cannot_read(folder, error) from error


def _stem(file: Path) -> str:
    return file.name.lower().removesuffix(".gz")


def _counterpart(name: str, word: str, other: str) -> str:
    dimension, other_dimension = ("idx3", "idx1") if word == "images" else ("idx1", "idx3")
    return name.replace(word, other).replace(dimension, other_dimension)


def _partner(file: Path, word: str, other: str, files: list[Path]) -> Path | None:
    """Find the file that belongs to another; one that is packed in the same way comes first."""
    wanted = _counterpart(_stem(file), word, other)
    found = [each for each in files if _stem(each) == wanted and each != file]
    alike = [each for each in found if each.suffix.lower() == file.suffix.lower()]
    return next(iter(alike or found), None)


def _check_halves(files: list[Path]) -> None:
    for file in files:
        name = _stem(file)
        if "idx" not in name and "ubyte" not in name:
            continue
        for word, other in (("images", "labels"), ("labels", "images")):
            if word in name:
                raise DataNotFoundError(
                    f"The {word} are there, but no file called {shown(_counterpart(name, word, other))} "
                    "beside them, packed or not.",
                    where=shown(file),
                    hint=f"Put the {other} file into the same folder.",
                )


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[BufferedReader]:
    try:
        file = path.open("rb")
    except OSError as error:
        raise cannot_read(path, error) from error
    with file:
        yield file


class _Idx:
    """One IDX file whose header has been read and checked.

    Attributes:
        rows: how many pictures or labels there are.
    """

    def __init__(self, path: Path, kind: _Kind, file: BufferedReader) -> None:
        self._path = path
        self._kind = kind
        self._ended_early = False
        self._stream: BufferedReader | gzip.GzipFile = file
        try:
            packed = file.read(len(_GZIP)) == _GZIP
            file.seek(0)
            self._size = None if packed else os.fstat(file.fileno()).st_size
        except OSError as error:
            raise cannot_read(path, error) from error
        if packed:
            self._stream = gzip.GzipFile(fileobj=file)
        self._check_magic(bytes(self._take(4)))
        self._header = 4 + 4 * kind.dimensions
        lengths = self._take(4 * kind.dimensions)
        if len(lengths) < 4 * kind.dimensions:
            raise self._too_short(self._header, 4 + len(lengths), "its header alone needs")
        self.rows, *sides = struct.unpack(f">{kind.dimensions}I", lengths)
        self._bytes = self._header + self.rows * math.prod(sides)
        self._check_lengths(sides)

    def body(self) -> NDArray[np.uint8]:
        """Return what follows the header, flat.

        Raises:
            DataNotFoundError: the system refuses to read on.
            IdxFormatError: there is less or more than the header promises, or the gzip data is damaged.
        """
        wanted = self._bytes - self._header
        # One byte more than is wanted tells whether there is more; in a gzip file, it also makes the checksum count.
        content = self._take(wanted + 1)
        if len(content) < wanted:
            raise self._too_short(self._bytes, self._header + len(content), self._promise())
        if len(content) > wanted:
            raise self._too_long("more")
        if self._ended_early:
            raise self._error("The gzip data lacks its end, where the checksum is.", _AGAIN)
        return np.frombuffer(content, dtype=np.uint8)

    def _error(self, what: str, hint: str) -> IdxFormatError:
        return IdxFormatError(what, where=shown(self._path), hint=hint)

    def _promise(self) -> str:
        return f"its header promises {plural(self.rows, self._kind.word)}, which need"

    def _too_short(self, wanted: int, there: int, why: str) -> IdxFormatError:
        unpacked = "" if self._size is not None else ", unpacked"
        return self._error(
            f"The file ends too early: {why} {wanted:,} bytes, and there are {there:,}{unpacked}.",
            _AGAIN,
        )

    def _too_long(self, there: str) -> IdxFormatError:
        return self._error(
            f"Extra bytes follow the data: {self._promise()} {self._bytes:,} bytes, and there are {there}.",
            f"{_AGAIN} A file that was joined to another, or whose header was changed, cannot be trusted.",
        )

    def _take(self, wanted: int) -> bytearray:
        """Read at most so many bytes; fewer are returned where the file ends, or its gzip data is cut off."""
        content = bytearray()
        # Small steps, since one read of what a forged header asks for would reserve all of it at once.
        try:
            # read1 hands out what was unpacked before gzip data ends too early; read would lose it.
            while len(content) < wanted and (
                part := self._stream.read1(min(_CHUNK, wanted - len(content)))
            ):
                content += part
        except EOFError:
            self._ended_early = True
        except (gzip.BadGzipFile, zlib.error) as error:
            raise self._error(f"The gzip data is damaged: {error}.", _AGAIN) from error
        except OSError as error:
            raise cannot_read(self._path, error) from error
        return content

    def _check_magic(self, magic: bytes) -> None:
        if not magic:
            raise self._error(
                "The file is empty." if self._size == 0 else "The gzip file holds nothing.", _AGAIN
            )
        if len(magic) < 4:
            raise self._too_short(
                4 + 4 * self._kind.dimensions, len(magic), "its header alone needs"
            )
        number = int.from_bytes(magic, "big")
        if number == self._kind.magic:
            return
        zeros, code, dimensions = magic[:2], magic[2], magic[3]
        read = (
            f"Its magic number is 0x{number:08x}; {self._kind.word}s have 0x{self._kind.magic:08x}."
        )
        if number == _LABELS.magic:
            raise self._error(
                f"This is a labels file, where the images are expected. {read}",
                "Give the images file, or the folder that holds both.",
            )
        if number == _IMAGES.magic:
            raise self._error(
                f"This is an images file, where the labels are expected. {read}",
                "Check the names of the two files: they may have been swapped.",
            )
        if zeros == b"\0\0" and code in _TYPES:
            raise self._error(
                f"The file holds {_TYPES[code]} (type code 0x{code:02x}); expected unsigned bytes "
                f"(0x{_UNSIGNED_BYTES:02x}). {read}",
                "Convert the values to unsigned bytes, 0 to 255.",
            )
        if zeros == b"\0\0" and code == _UNSIGNED_BYTES:
            raise self._error(
                f"The file has {plural(dimensions, 'dimension')}, not {self._kind.dimensions}. {read}",
                "Give grey pictures, one label each.",
            )
        if magic[:1] == b"<":
            raise self._error(
                f"This is a web page, not an IDX file. {read}", "Download the file itself."
            )
        raise self._error(f"This is not an IDX file. {read}", FORMS)

    def _check_lengths(self, sides: list[int]) -> None:
        if sides and sides != [SIDE, SIDE]:
            raise self._error(
                f"The pictures are {sides[0]:,}x{sides[1]:,} pixels; expected {SIDE}x{SIDE}.",
                "Resize them, or give a folder of pictures, which are resized.",
            )
        if self._size is not None and self._size < self._bytes:
            raise self._too_short(self._bytes, self._size, self._promise())
        if self._size is not None and self._size > self._bytes:
            raise self._too_long(f"{self._size:,}")
        if self.rows == 0:
            raise self._error(
                f"The file holds no {self._kind.word}s.", "Give a file with at least two rows."
            )
        if self.rows > MAX_ROWS:
            raise self._error(
                f"The header promises {plural(self.rows, self._kind.word)}; at most {MAX_ROWS:,} are read.",
                f"Take a part of the set. If it should be smaller: {_AGAIN}",
            )
