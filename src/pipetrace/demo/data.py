"""The embedded digits, MNIST, and images and labels from files: ``pipetrace digits --data``."""

import difflib
import gzip
import math
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from pipetrace.capture import image_data
from pipetrace.demo.source import CLASSES, DIGITS, SIDE, Source, from_arrays
from pipetrace.errors import (
    ArrayFormatError,
    DataNotFoundError,
    IdxFormatError,
    ImageFolderError,
)
from pipetrace.pipeline.files import arrays_in, shown

EMBEDDED = Path(__file__).with_name("uci_digits.npz")
MOST_ROWS = 1_000_000
"""The most rows that an IDX file may promise. It bounds the memory: 784 MB of pixels."""
IMAGES, LABELS = 0x00000803, 0x00000801
"""The first four bytes of an IDX file: unsigned bytes in three dimensions, and in one."""
ARRAY_NAMES = (("x", "y"), ("x_train", "y_train"))

FORMS = (
    "Give a folder with a pair of IDX files (*images*, *labels*), the images file of such a pair, "
    "an .npz file with x and y, or a folder of images with one subfolder per class."
)
EMBEDDED_NOTICE = (
    "This is not MNIST: it is the test part of the UCI handwritten digits (E. Alpaydin and "
    "C. Kaynak, 1998, CC BY 4.0), 1,797 digits of 8x8 pixels, enlarged. Accuracies differ from "
    "those on MNIST. Give --data mnist for MNIST, or --data PATH for your own files."
)


def embedded_digits() -> Source:
    """The 1,797 digits that come with the package, enlarged from 8x8 to 28x28 pixels.

    The source is the test part of "Optical Recognition of Handwritten Digits" by E. Alpaydin and
    C. Kaynak (1998), UCI Machine Learning Repository, DOI 10.24432/C50P49, CC BY 4.0: digits of
    13 writers. A pixel counts the ink in a block of 4x4 points, 0 to 16.
    """
    with np.load(EMBEDDED, allow_pickle=False) as arrays:
        small, labels = arrays["x"], arrays["y"]
    return from_arrays(
        enlarged(small),
        labels,
        name="UCI handwritten digits",
        description=(
            f"{len(small):,} handwritten digits of 13 writers from the UCI repository, each of 8x8 "
            "ink counts from 0 to 16, enlarged to 20x20 in the middle of 28x28 and scaled to 0 to "
            "255."
        ),
        notice=EMBEDDED_NOTICE,
        origin="embedded",
    )


def enlarged(small: NDArray[np.integer]) -> NDArray[np.uint8]:
    """Enlarge 8x8 ink counts to 28x28 pixels.

    The digit is spread over the 20x20 pixels in the middle, as in MNIST, by cubic convolution
    (R. Keys, "Cubic Convolution Interpolation for Digital Image Processing", 1981, a = -1/2).
    NumPy does it, so the pixels are the same under every version of TensorFlow.

    Args:
        small: ink counts from 0 to 16, shape (rows, 8, 8).

    Returns:
        uint8, shape (rows, 28, 28); 0 is background, 255 is ink.
    """
    # Where the centre of each of the 28 pixels lies, in units of the 8 counts.
    position = (np.arange(SIDE) - 4 + 0.5) * (8 / 20) - 0.5
    distance = np.abs(position[:, None] - np.arange(8))
    near = 1.5 * distance**3 - 2.5 * distance**2 + 1
    far = -0.5 * distance**3 + 2.5 * distance**2 - 4 * distance + 2
    weights = np.where(distance <= 1, near, np.where(distance < 2, far, 0.0))
    full = weights @ (small * (255 / 16)) @ weights.T
    pixels: NDArray[np.uint8] = np.clip(np.rint(full), 0, 255).astype(np.uint8)
    return pixels


def mnist() -> Source:
    """MNIST's 60,000 training digits through Keras' download and cache.

    Raises:
        DataUnavailableError: they are not there and cannot be fetched.
    """
    x, y = image_data.mnist()
    description = "Handwritten digits of MNIST's training half, 28 x 28 pixels."
    return from_arrays(x, y, name="MNIST", description=description, origin="keras")


def load(path: Path, progress: Callable[[int, int], None] | None = None) -> Source:
    """Read images and labels from files: a pair of IDX files, an ``.npz``, or a folder of images.

    Args:
        path: the file or folder.
        progress: for images, called with the images read so far and the number of all.

    Raises:
        ArrayFormatError: an ``.npz`` file is damaged, lacks the arrays, or they do not fit.
        CountMismatchError: there are not as many labels as images.
        DataNotFoundError: there is nothing, nothing of a known form, or it may not be read.
        IdxFormatError: a file is not IDX, is damaged, or its images are not 28x28.
        ImageError: an image cannot be decoded.
        ImageFolderError: a folder of images has not 2 to 10 classes, or a class without any.
        LabelError: a label is outside 0 to 9 or not whole, or all labels are the same.
        PixelError: a pixel is outside 0 to 255 or not finite, or the pixels are scaled already.
    """
    try:
        if path.is_dir():
            pairs = _idx_pairs(path)
            return _from_idx(_chosen(pairs, path), path) if pairs else _from_images(path, progress)
        if not path.is_file():
            _refuse_missing(path)
        with path.open("rb") as file:
            start = file.read(6)
        if path.suffix.lower() in (".npz", ".npy") or start[:2] == b"PK" or start == b"\x93NUMPY":
            return _from_npz(path)
        if path.suffix.lower() in image_data.ENDINGS:
            raise ImageFolderError(
                "This is a single image.",
                where=shown(path),
                hint="Give the folder whose subfolders, one per class, hold the images.",
            )
        return _from_idx(path, path)
    except OSError as error:
        raise DataNotFoundError(
            f"The data cannot be read: {error.strerror or error}.",
            where=shown(error.filename or path),
            hint="Check its permissions, or copy it to another place.",
        ) from error


def _refuse_missing(path: Path) -> NoReturn:
    if path.exists():
        raise DataNotFoundError(
            "This is neither a file nor a folder.", where=shown(path), hint=FORMS
        )
    folder = path.absolute().parent
    names = [each.name for each in folder.iterdir()] if folder.is_dir() else []
    # The word that --data takes for the download is misspelt as easily as a name.
    words = ["mnist"] if path == Path(path.name) else []
    similar = difflib.get_close_matches(path.name, [*names, *words], n=1)
    suggestion = f"Did you mean {shown(path.with_name(similar[0]))}? " if similar else ""
    raise DataNotFoundError(
        "There is no such file or folder.", where=shown(path), hint=suggestion + FORMS
    )


def _idx_pairs(folder: Path) -> list[Path]:
    """The images files with a labels file beside them; of a file and its gzip the first one."""
    files = sorted(each for each in folder.iterdir() if each.is_file())
    names = [each for each in files if "images" in each.name and not each.name.startswith(".")]
    found = {each.name.removesuffix(".gz"): each for each in reversed(names) if _labels_of(each)}
    if not found:
        for word, other in (("images", "labels"), ("labels", "images")):
            for each in files:
                if word in each.name and "ubyte" in each.name:
                    raise DataNotFoundError(
                        f"The {word} are there, but no {other} file beside them.",
                        where=shown(each),
                        hint=f"Put the {other} file into the same folder.",
                    )
    return sorted(found.values())


def _labels_of(images: Path) -> Path | None:
    name = images.name.replace("images", "labels").replace("idx3", "idx1")
    plain = name.removesuffix(".gz")
    places = (images.with_name(each) for each in (name, plain, f"{plain}.gz"))
    return next((each for each in places if each != images and each.is_file()), None)


def _chosen(pairs: list[Path], folder: Path) -> Path:
    """The images file of the only pair, or of the only one for training."""
    training = [each for each in pairs if "train" in each.name]
    if len(pairs) > 1 and len(training) != 1:
        raise DataNotFoundError(
            f"The folder holds {len(pairs)} pairs of IDX files.",
            where=shown(folder),
            hint=f"Give the images file that you want, such as {shown(pairs[0])}.",
        )
    return pairs[0] if len(pairs) == 1 else training[0]


def _from_idx(images: Path, origin: Path) -> Source:
    x = _idx(images, IMAGES)
    labels = _labels_of(images)
    if labels is None:
        raise DataNotFoundError(
            "There is no labels file beside the images.",
            where=shown(images),
            hint="Put both files into one folder, named alike: train-images-idx3-ubyte and "
            "train-labels-idx1-ubyte.",
        )
    return from_arrays(
        x,
        _idx(labels, LABELS),
        name=shown(images.name),
        description=f"{len(x):,} images of 28x28 pixels from the IDX file {shown(images.name)}.",
        origin=shown(origin),
    )


def _idx(path: Path, wanted: int) -> NDArray[np.uint8]:
    """An IDX file, as described beside MNIST: a header of big-endian numbers, then the bytes.

    No more is read than the header promises and one byte, so a forged one takes no memory.
    """
    kind, dimensions = ("images", 3) if wanted == IMAGES else ("labels", 1)

    def refuse(what: str, hint: str = "Download or copy the file again.") -> NoReturn:
        raise IdxFormatError(what, where=shown(path), hint=hint)

    with path.open("rb") as file:
        opener: Any = gzip.open if file.read(2) == b"\x1f\x8b" else Path.open
    try:
        with opener(path, "rb") as file:
            head = file.read(4 * (1 + dimensions))
            magic = int.from_bytes(head[:4], "big")
            if magic != wanted and magic in (IMAGES, LABELS):
                other = "labels" if wanted == IMAGES else "images"
                refuse(
                    f"This file holds {other}; expected {kind}.",
                    "Give the images file, or the folder that holds both. The names of the two "
                    "may have been swapped.",
                )
            if head[:1] == b"<":
                refuse("This is a web page, not an IDX file.", "Download the file itself.")
            if magic != wanted and len(head) >= 4:
                refuse(
                    f"This is no IDX file of {kind}: it starts with 0x{magic:08x}, expected "
                    f"0x{wanted:08x}.",
                    FORMS,
                )
            if len(head) < 4 * (1 + dimensions):
                refuse(f"The file ends after {len(head)} bytes, in its header.")
            rows, *sides = struct.unpack(f">{dimensions}I", head[4:])
            if sides not in ([], [SIDE, SIDE]):
                refuse(
                    f"The images have {sides[0]:,}x{sides[1]:,} pixels; expected {SIDE}x{SIDE}.",
                    "Resize them, or give a folder of images, which are resized.",
                )
            if not 0 < rows <= MOST_ROWS:
                refuse(f"The header promises {rows:,} {kind}; expected 1 to {MOST_ROWS:,}.")
            size = rows * math.prod(sides)
            content = file.read(size + 1)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise IdxFormatError(
            f"The gzip data is damaged: {str(error).rstrip('.')}.",
            where=shown(path),
            hint="Download or copy the file again.",
        ) from error
    if len(content) != size:
        there = "more follow" if len(content) > size else f"{len(content):,} follow"
        refuse(f"The header promises {rows:,} {kind}, which need {size:,} bytes; {there}.")
    return np.frombuffer(content, np.uint8).reshape(rows, *sides)


def _from_npz(path: Path) -> Source:
    arrays = arrays_in(path)
    pair = next((pair for pair in ARRAY_NAMES if arrays.keys() >= set(pair)), None)
    if pair is None:
        raise ArrayFormatError(
            "The file has no arrays x and y, nor x_train and y_train. It holds "
            f"{', '.join(map(shown, sorted(arrays)[:8]))}.",
            where=shown(path),
            hint="Save it with numpy.savez_compressed(path, x=x, y=y).",
        )
    x, y = (arrays[name] for name in pair)
    return from_arrays(
        x,
        y,
        name=shown(path.name),
        description=f"{len(x) if x.ndim else 0:,} images of 28x28 pixels from {shown(path.name)}.",
        origin=shown(path),
    )


def _from_images(folder: Path, progress: Callable[[int, int], None] | None) -> Source:
    classes = sorted(
        each.name for each in folder.iterdir() if each.is_dir() and not each.name.startswith(".")
    )
    if not classes and not any(
        each.suffix.lower() in image_data.ENDINGS for each in folder.iterdir()
    ):
        raise DataNotFoundError(
            "The folder holds neither IDX files nor images.", where=shown(folder), hint=FORMS
        )
    if not 2 <= len(classes) <= CLASSES:
        raise ImageFolderError(
            f"Expected 2 to {CLASSES} subfolders, one per class; the folder has {len(classes):,}.",
            where=shown(folder),
            hint="Give the folder whose subfolders, named as the classes, hold the images.",
        )
    x, labels = image_data.folder(folder, SIDE, progress)
    for name, rows in zip(classes, np.bincount(labels, minlength=len(classes)), strict=True):
        if not rows:
            raise ImageFolderError(
                "The class has no images.",
                where=shown(folder / name),
                hint="Put images into it or remove it. Their names end in "
                f"{', '.join(sorted(image_data.ENDINGS))}.",
            )
    numbered = set(classes) <= set(DIGITS)
    unused = (f"unused {label}" for label in range(len(classes), CLASSES))
    blank = int((x.max(axis=(1, 2, 3)) == x.min(axis=(1, 2, 3))).sum())
    notice = f"{blank:,} of the images are blank: transparency is ignored." if blank else None
    return from_arrays(
        x,
        np.array([int(name) for name in classes])[labels] if numbered else labels,
        name=shown(folder.resolve().name) or "images",
        description=f"{len(x):,} images in {len(classes)} classes, one subfolder each, decoded in "
        f"grey and resized to {SIDE}x{SIDE} with their aspect ratio kept.",
        origin=shown(folder),
        notice=notice,
        class_names=DIGITS if numbered else (*map(shown, classes), *unused),
    )
