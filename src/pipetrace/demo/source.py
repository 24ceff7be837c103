"""Images with their labels, checked."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipetrace.errors import ArrayFormatError, CountMismatchError, LabelError, PixelError

SIDE = 28
CLASSES = 10
DIGITS = tuple("0123456789")


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
