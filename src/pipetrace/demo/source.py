"""Images with their labels, checked."""

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipetrace.errors import ArrayFormatError, CountMismatchError, DataError, LabelError, PixelError

SIDE = 28
CLASSES = 10
DIGITS = tuple("0123456789")

Wrong: TypeAlias = tuple[type[DataError], str, str]
"""What is wrong with rows: the error, its text, and what to do."""


@dataclass(frozen=True, eq=False)
class Source:
    """Images of 28x28 pixels with their labels, checked, and where they come from."""

    name: str  # short, for titles
    description: str  # what the rows are, where they come from, and what was done to them
    notice: str | None  # what must be said beside the rows, or None
    origin: str  # ``embedded``, ``keras``, or the path as the user gave it
    x: NDArray[np.uint8]  # uint8, shape (rows, 28, 28, 1), read-only; 0 is background, 255 is ink
    y: NDArray[np.int64]  # int64, shape (rows,), read-only; 0 to 9
    class_names: tuple[str, ...] = DIGITS  # ten names, one per label


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
    """Check pixels (rows, 28, 28[, 1]) and labels (rows[, 1]) and return them, copied, as a source.

    Pixels that are not whole are rounded, half to even, and the description says so. Images whose
    border is mostly light get a notice, and stay as they are. The ``DataError`` for arrays of other
    shapes, types, numbers of rows, pixels or labels names ``origin``.
    """
    pixels, labels = np.asarray(x), np.asarray(y)
    _check(pixels, labels, origin)
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


def _check(x: NDArray[Any], y: NDArray[Any], where: str) -> None:
    found = _wrong_arrays(x, y) or _wrong_labels(y.reshape(-1)) or _wrong_pixels(x)
    if found is not None:
        kind, what, hint = found
        raise kind(what, where=where, hint=hint)


def _wrong_arrays(x: NDArray[Any], y: NDArray[Any]) -> Wrong | None:
    for word, array in (("x", x), ("y", y)):
        if array.dtype.kind not in "biuf":
            what = f"{word} has the type {array.dtype}; expected numbers."
            return ArrayFormatError, what, "Save whole numbers, such as uint8."
    if x.shape[1:] not in ((SIDE, SIDE), (SIDE, SIDE, 1)):
        what = f"x has the shape {x.shape}; expected (rows, 28, 28) or (rows, 28, 28, 1)."
        hint = "Flattened images need x.reshape(-1, 28, 28); make others grey and resize them."
        return ArrayFormatError, what, hint
    if y.ndim == 0 or y.shape[1:] not in ((), (1,)):
        what = f"y has the shape {y.shape}; expected (rows,), one label per row."
        hint = "Save one whole number per row; one-hot labels need y.argmax(axis=1)."
        return ArrayFormatError, what, hint
    if len(x) != len(y):
        what = f"There are {len(x):,} images but {len(y):,} labels."
        hint = "Take images and labels from the same set: row by row, they belong together."
        return CountMismatchError, what, hint
    if not len(x):
        hint = "Save at least two rows."
        return ArrayFormatError, "There are no rows: x and y are empty.", hint
    return None


def _wrong_labels(y: NDArray[Any]) -> Wrong | None:
    # Python's own numbers compare exactly with every type; a cast first would wrap 256 to 0.
    bad = ~((y >= 0) & (y < CLASSES) & (y == np.floor(y)))
    if bad.any():
        row = int(np.argmax(bad))
        what = (
            f"{int(bad.sum()):,} of {len(y):,} labels are not whole numbers from 0 to 9. The first "
            f"is {y[row].item()}, in row {row:,} (the first row is 0)."
        )
        return LabelError, what, "Correct these labels, or leave their rows out."
    if (y == y[0]).all():
        what = f"All {len(y):,} labels are {int(y[0])}; there is nothing to tell apart."
        return LabelError, what, "Give rows of at least two classes."
    return None


def _wrong_pixels(x: NDArray[Any]) -> Wrong | None:
    outside = ~((x >= 0) & (x <= 255))
    if outside.any():
        first = int(np.argmax(outside))
        what = (
            f"{int(outside.sum()):,} of {x.size:,} pixel values are not within 0 to 255. The first "
            f"is {x.reshape(-1)[first].item()}, in row {first // SIDE**2:,} (the first row is 0)."
        )
        hint = (
            "Save the pixels as they were before any scaling. From -1 to 1 it is (x + 1) * 127.5."
        )
        return PixelError, what, hint
    if 0 < x.max() <= 1:
        what = (
            f"All pixel values are within 0 to 1 (the largest is {x.max().item()}), so they are "
            "scaled already. The pipeline divides by 255 itself and would scale them twice."
        )
        return PixelError, what, "Multiply the pixels by 255 before you save them."
    return None


def _dark_on_light(x: NDArray[np.uint8]) -> str | None:
    border = np.ones((SIDE, SIDE), dtype=bool)
    border[1:-1, 1:-1] = False
    median = int(np.median(x[:, border]))
    if median <= 127:
        return None
    return (
        f"The images seem to be dark on light: the median of their border pixels is {median} of "
        "255. Networks for digits usually learn from light on dark, as in MNIST. The values were "
        "not inverted."
    )
