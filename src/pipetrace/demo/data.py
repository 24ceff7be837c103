"""The embedded digits, MNIST, and images and labels from files: ``pipetrace digits --data``."""

import difflib
import gzip
import math
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipetrace.capture.data import image_data
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
    """Enlarge 8x8 ink counts, 0 to 16, to 28x28 pixels of 0 (background) to 255; (rows, ...).

    The digit is spread over the 20x20 pixels in the middle, as in MNIST, by cubic convolution (R.
    Keys, "Cubic Convolution Interpolation for Digital Image Processing", 1981, a = -1/2). NumPy
    does it, so the pixels are the same under every version of TensorFlow.
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
    """MNIST's 60,000 training digits by Keras' download, or a ``DataUnavailableError``."""
    x, y = image_data.mnist()
    description = "Handwritten digits of MNIST's training half, 28 x 28 pixels."
    return from_arrays(x, y, name="MNIST", description=description, origin="keras")


def load(path: Path, progress: Callable[[int, int], None] | None = None) -> Source:
    """Read images and labels from files: a pair of IDX files, an ``.npz``, or a folder of images.

    ``progress`` is called, for images, with those read so far and the number of all. What is wrong
    with the files, their images or labels is told by a ``DataError``, an ``ImageError`` or the
    like.
    """
    try:
        if path.is_dir():
            images = _idx_images(path)
            return _from_idx(images, path) if images else _from_images(path, progress)
        if not path.is_file():
            raise _missing(path)
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


def _missing(path: Path) -> DataNotFoundError:
    if path.exists():
        what = "This is neither a file nor a folder."
        return DataNotFoundError(what, where=shown(path), hint=FORMS)
    folder = path.absolute().parent
    names = [each.name for each in folder.iterdir()] if folder.is_dir() else []
    # The word that --data takes for the download is misspelt as easily as a name.
    words = ["mnist"] if path == Path(path.name) else []
    similar = difflib.get_close_matches(path.name, [*names, *words], n=1)
    suggestion = f"Did you mean {shown(path.with_name(similar[0]))}? " if similar else ""
    what = "There is no such file or folder."
    return DataNotFoundError(what, where=shown(path), hint=suggestion + FORMS)


def _idx_images(folder: Path) -> Path | None:
    """The images file of the only pair of IDX files, or of the only one for training."""
    files = sorted(
        each for each in folder.iterdir() if each.is_file() and not each.name.startswith(".")
    )
    images = {  # of a file and its gzip the first one
        each.name.removesuffix(".gz"): each
        for each in reversed(files)
        if "images" in each.name and _labels_of(each)
    }
    pairs = sorted(images.values())
    if not pairs:
        for each in files:
            if "ubyte" in each.name and ("images" in each.name or "labels" in each.name):
                raise DataNotFoundError(
                    "Of a pair of IDX files, images and labels, only one is there.",
                    where=shown(each),
                    hint="Put both files into the same folder.",
                )
        return None
    chosen = [each for each in pairs if len(pairs) == 1 or "train" in each.name]
    if len(chosen) != 1:
        raise DataNotFoundError(
            f"The folder holds {len(pairs)} pairs of IDX files.",
            where=shown(folder),
            hint=f"Give the images file that you want, such as {shown(pairs[0])}.",
        )
    return chosen[0]


def _labels_of(images: Path) -> Path | None:
    name = images.name.replace("images", "labels").replace("idx3", "idx1")
    plain = name.removesuffix(".gz")
    places = (images.with_name(each) for each in (name, plain, f"{plain}.gz"))
    return next((each for each in places if each != images and each.is_file()), None)


def _from_idx(images: Path, origin: Path) -> Source:
    x = _idx(images, "images", 3)
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
        _idx(labels, "labels", 1),
        name=shown(images.name),
        description=f"{len(x):,} images of 28x28 pixels from the IDX file {shown(images.name)}.",
        origin=shown(origin),
    )


def _idx(path: Path, kind: str, dimensions: int) -> NDArray[np.uint8]:
    """An IDX file, as described beside MNIST: a header of big-endian numbers, then the bytes.

    No more is read than the header promises and one byte, so a forged one takes no memory.
    """
    expected = 0x0800 + dimensions  # unsigned bytes, and how many dimensions
    with path.open("rb") as file:
        opener: Any = gzip.open if file.read(2) == b"\x1f\x8b" else Path.open
    try:
        with opener(path, "rb") as file:
            found, *shape = struct.unpack(f">{1 + dimensions}I", file.read(4 * (1 + dimensions)))
            if found != expected:
                reason = f"it starts with 0x{found:08x}, expected 0x{expected:08x}"
            elif shape[1:] not in ([], [SIDE, SIDE]):
                reason = f"its images have {'x'.join(map(str, shape[1:]))} pixels, expected 28x28"
            elif not 0 < shape[0] <= MOST_ROWS:
                reason = f"it promises {shape[0]:,} rows, expected 1 to {MOST_ROWS:,}"
            else:
                size = math.prod(shape)
                content = file.read(size + 1)
                if len(content) == size:
                    return np.frombuffer(content, np.uint8).reshape(shape)
                there = "more" if len(content) > size else f"{len(content):,}"
                reason = f"its header promises {size:,} bytes, and {there} follow"
    except (EOFError, gzip.BadGzipFile, struct.error, zlib.error) as error:
        reason = f"it is damaged ({str(error).rstrip('.')})"
    raise IdxFormatError(
        f"This is no IDX file of {kind}: {reason}.",
        where=shown(path),
        hint=f"Images and labels may be swapped, or the download incomplete. {FORMS}",
    )


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
    entries = [each for each in folder.iterdir() if not each.name.startswith(".")]
    classes = sorted(each.name for each in entries if each.is_dir())
    if not classes and not any(each.suffix.lower() in image_data.ENDINGS for each in entries):
        what = "The folder holds neither IDX files nor images."
        raise DataNotFoundError(what, where=shown(folder), hint=FORMS)
    if not 2 <= len(classes) <= CLASSES:
        raise _bad_folder(folder, f"it has {len(classes):,}")
    x, labels = image_data.folder(folder, SIDE, progress)
    for name, rows in zip(classes, np.bincount(labels, minlength=len(classes)), strict=True):
        if not rows:
            raise _bad_folder(folder / name, "this one has none")
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


def _bad_folder(path: Path, there: str) -> ImageFolderError:
    return ImageFolderError(
        f"Expected 2 to {CLASSES} subfolders, one per class, with images in each; {there}.",
        where=shown(path),
        hint="Give the folder whose subfolders, named as the classes, hold the images. Their names "
        f"end in {', '.join(sorted(image_data.ENDINGS))}.",
    )
