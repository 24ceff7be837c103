"""The digits that come with pipetrace, and images and labels from files: ``pipetrace digits --data``."""

import difflib
import gzip
import math
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipetrace.capture import image_data
from pipetrace.errors import (
    ArrayFormatError,
    CountMismatchError,
    DataNotFoundError,
    IdxFormatError,
    ImageFolderError,
    LabelError,
    PixelError,
)
from pipetrace.pipeline.files import arrays_in, shown

SIDE = 28
CLASSES = 10
DIGITS = tuple("0123456789")
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


@dataclass(frozen=True, eq=False)
class Source:
    """Images of 28x28 pixels with their labels, checked, and where they come from.

    Attributes:
        name: short, for titles.
        description: what the rows are, where they come from, and what was done to them.
        notice: what must be said beside the rows, or None.
        origin: ``embedded``, ``keras``, or the path as the user gave it.
        x: uint8, shape (rows, 28, 28, 1), read-only; 0 is background, 255 is ink.
        y: int64, shape (rows,), read-only; 0 to 9.
        class_names: ten names, one per label.
    """

    name: str
    description: str
    notice: str | None
    origin: str
    x: NDArray[np.uint8]
    y: NDArray[np.int64]
    class_names: tuple[str, ...] = DIGITS


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


def from_arrays(
    x: ArrayLike,
    y: ArrayLike,
    *,
    name: str,
    description: str,
    origin: str,
    notice: str | None = None,
    class_names: tuple[str, ...] = DIGITS,
) -> Source:
    """Check pixels and labels and return them, copied, as a source.

    Pixels that are not whole are rounded, half to even, and the description says so. Images whose
    border is mostly light get a notice, and stay as they are.

    Args:
        x: pixels, 0 to 255, shape (rows, 28, 28) or (rows, 28, 28, 1); whole numbers or floats.
        y: labels, 0 to 9, shape (rows,) or (rows, 1); whole numbers, of a float type too.
        name: short, for titles.
        description: one sentence about the rows.
        origin: where the rows come from; the place that error messages name.
        notice: what must be said beside the rows.
        class_names: ten names.

    Raises:
        ArrayFormatError: an array has a wrong shape or type, or no rows.
        CountMismatchError: there are not as many labels as images.
        LabelError: a label is outside 0 to 9 or not whole, or all labels are the same.
        PixelError: a pixel is outside 0 to 255 or not finite, or the pixels are scaled to 0 to 1.
    """
    pixels, labels = np.asarray(x), np.asarray(y)
    _check_arrays(pixels, labels, origin)
    _check_labels(labels, origin)
    _check_pixels(pixels, origin)
    whole = np.rint(pixels) if pixels.dtype.kind == "f" else pixels
    if whole is not pixels and not np.array_equal(whole, pixels):
        description = f"{description} Pixel values that were not whole were rounded."
    checked = whole.astype(np.uint8).reshape(-1, SIDE, SIDE, 1)
    numbers = labels.reshape(-1).astype(np.int64)
    checked.flags.writeable = numbers.flags.writeable = False
    notices = [each for each in (notice, _dark_on_light(checked)) if each]
    return Source(
        name, description, " ".join(notices) or None, origin, checked, numbers, class_names
    )


def _check_arrays(x: NDArray[Any], y: NDArray[Any], where: str) -> None:
    for word, array in (("x", x), ("y", y)):
        if array.dtype.kind not in "biuf":
            raise ArrayFormatError(
                f"{word} has the type {array.dtype}; expected numbers.",
                where=where,
                hint="Save whole numbers, such as uint8.",
            )
    if x.shape[1:] not in ((SIDE, SIDE), (SIDE, SIDE, 1)):
        raise ArrayFormatError(
            f"x has the shape {x.shape}; expected (rows, 28, 28) or (rows, 28, 28, 1).",
            where=where,
            hint="Flattened images need x.reshape(-1, 28, 28); others must be made grey and "
            "resized to 28x28 before they are saved.",
        )
    if y.ndim == 0 or y.shape[1:] not in ((), (1,)):
        raise ArrayFormatError(
            f"y has the shape {y.shape}; expected (rows,), one label per row.",
            where=where,
            hint="Save one whole number per row; one-hot labels need y.argmax(axis=1).",
        )
    if len(x) != len(y):
        raise CountMismatchError(
            f"There are {len(x):,} images but {len(y):,} labels.",
            where=where,
            hint="Take images and labels from the same set: row by row, they belong together.",
        )
    if not len(x):
        raise ArrayFormatError(
            "There are no rows: x and y are empty.", where=where, hint="Save at least two rows."
        )


def _check_labels(y: NDArray[Any], where: str) -> None:
    y = y.reshape(-1)
    # Python's own numbers compare exactly with every type; a cast first would wrap 256 to 0.
    bad = ~((y >= 0) & (y < CLASSES) & (y == np.floor(y)))
    if bad.any():
        row = int(np.argmax(bad))
        raise LabelError(
            f"{int(bad.sum()):,} of {len(y):,} labels are not whole numbers from 0 to 9. The first "
            f"is {y[row].item()}, in row {row:,} (the first row is 0).",
            where=where,
            hint="Correct these labels, or leave their rows out.",
        )
    if (y == y[0]).all():
        raise LabelError(
            f"All {len(y):,} labels are {int(y[0])}; there is nothing to tell apart.",
            where=where,
            hint="Give rows of at least two classes.",
        )


def _check_pixels(x: NDArray[Any], where: str) -> None:
    bad = ~((x >= 0) & (x <= 255))
    if bad.any():
        first = int(np.argmax(bad))
        raise PixelError(
            f"{int(bad.sum()):,} of {x.size:,} pixel values are not within 0 to 255. The first is "
            f"{x.reshape(-1)[first].item()}, in row {first // SIDE**2:,} (the first row is 0).",
            where=where,
            hint="Save the pixels as they were before any scaling, 0 to 255. From -1 to 1 it is "
            "(x + 1) * 127.5.",
        )
    if 0 < x.max() <= 1:
        raise PixelError(
            f"All pixel values are within 0 to 1 (the largest is {x.max().item()}), so they are "
            "scaled already. The pipeline divides by 255 itself and would scale them twice.",
            where=where,
            hint="Multiply the pixels by 255 before you save them.",
        )


def _dark_on_light(x: NDArray[np.uint8]) -> str | None:
    border = np.ones((SIDE, SIDE), dtype=bool)
    border[1:-1, 1:-1] = False
    # Counting the 256 values gives the median without sorting millions of pixels.
    counts = np.bincount(x[:, border].reshape(-1), minlength=256)
    median = int(np.searchsorted(np.cumsum(counts), counts.sum() / 2))
    if median <= 127:
        return None
    return (
        f"The images seem to be dark on light: the median of their border pixels is {median} of "
        "255. Networks for digits usually learn from light on dark, as in MNIST. The values were "
        "not inverted."
    )
