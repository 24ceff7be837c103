"""Rows in memory: the checked form that every source of digits ends in."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipetrace.errors import (
    ArgumentError,
    ArrayFormatError,
    CountMismatchError,
    LabelError,
    PixelError,
)

SIDE = 28
CLASSES = 10
DIGITS = tuple("0123456789")

_LIGHT = 127
_ROUNDED = "Pixel values that were not whole were rounded."


@dataclass(frozen=True, eq=False)
class Source:
    """Rows of 28x28 pixels with their labels, checked, and where they come from.

    Both arrays are read-only, so that what one stage shows is what the next one gets.

    Attributes:
        name: short, for titles.
        description: what the rows are, where they come from, and what was done to them.
        notice: what must be said beside the rows, or None.
        origin: ``embedded``, or the path as the user gave it.
        x: uint8, shape (rows, 28, 28, 1); 0 is background, 255 is ink.
        y: int64, shape (rows,); 0 to 9.
        class_names: ten names, one a label.
    """

    name: str
    description: str
    notice: str | None
    origin: str
    x: NDArray[np.uint8]
    y: NDArray[np.int64]
    class_names: tuple[str, ...]


class Form(NamedTuple):
    """What an array's header says about it, known before its values are read."""

    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]


def from_arrays(
    x: ArrayLike,
    y: ArrayLike,
    *,
    name: str,
    description: str,
    origin: str,
    notice: str | None = None,
    class_names: tuple[str, ...] | None = None,
) -> Source:
    """Check pixels and labels and return them as a source.

    The arrays are copied. Pixels that are not whole are rounded, half to even, and the description says so. Pictures
    count as dark on light when the median of their outermost ring of pixels, over all rows, is above 127; the notice
    then says so, and the values stay as they are.

    Args:
        x: pixels, 0 to 255, shape (rows, 28, 28) or (rows, 28, 28, 1); whole numbers or floats.
        y: labels, 0 to 9, shape (rows,) or (rows, 1); whole numbers, of a float type too.
        name: short, for titles.
        description: one sentence about the rows.
        origin: where the rows come from; the place that error messages name.
        notice: what must be said beside the rows.
        class_names: ten names; the digits if None.

    Raises:
        ArgumentError: there are not ten class names.
        ArrayFormatError: an array has a wrong shape or type, or no rows.
        CountMismatchError: there are not as many labels as pictures.
        LabelError: a label is outside 0 to 9 or not whole, or all labels are the same.
        PixelError: a pixel is outside 0 to 255 or not finite, or the pixels are scaled to 0 to 1 already.
    """
    names = DIGITS if class_names is None else tuple(class_names)
    if len(names) != CLASSES:
        raise ArgumentError(
            f"There are {len(names)} class names.",
            where="class_names",
            hint=f"Give {CLASSES}, one a label.",
        )
    pixels = _as_array(x, "x", origin)
    labels = _as_array(y, "y", origin)
    check_forms(Form(pixels.shape, pixels.dtype), Form(labels.shape, labels.dtype), origin)
    checked_labels = _checked_labels(labels.reshape(-1), origin)
    checked_pixels, rounded = _checked_pixels(pixels, origin)
    notices = [part for part in (notice, _dark_on_light(checked_pixels)) if part]
    checked_pixels.flags.writeable = False
    checked_labels.flags.writeable = False
    return Source(
        name=name,
        description=f"{description} {_ROUNDED}" if rounded else description,
        notice=" ".join(notices) or None,
        origin=origin,
        x=checked_pixels,
        y=checked_labels,
        class_names=names,
    )


def check_forms(x: Form, y: Form, where: str) -> None:
    """Check shapes and types, which a file's header tells before the values are read.

    Args:
        x: the shape and type of the pixels.
        y: the shape and type of the labels.
        where: the place that error messages name.

    Raises:
        ArrayFormatError: a shape or type is wrong, or there are no rows.
        CountMismatchError: there are not as many labels as pictures.
    """
    _check_type("x", x.dtype, where)
    _check_type("y", y.dtype, where)
    shape = x.shape
    if len(shape) not in {3, 4} or shape[1:3] != (SIDE, SIDE) or shape[3:] not in {(), (1,)}:
        raise ArrayFormatError(
            f"x has the shape {_shape(shape)}; expected (rows, 28, 28) or (rows, 28, 28, 1).",
            where=where,
            hint=_shape_hint(shape),
        )
    if len(y.shape) not in {1, 2} or y.shape[1:] not in {(), (1,)}:
        one_hot = len(y.shape) == 2 and y.shape[1] == CLASSES
        raise ArrayFormatError(
            f"y has the shape {_shape(y.shape)}; expected (rows,), one label a row.",
            where=where,
            hint="It looks one-hot: save y.argmax(axis=1)."
            if one_hot
            else "Save one whole number a row.",
        )
    if shape[0] == 0 and y.shape[0] == 0:
        raise ArrayFormatError(
            "There are no rows: x and y are empty.", where=where, hint="Save at least two rows."
        )
    check_counts(shape[0], y.shape[0], where)


def check_counts(pictures: int, labels: int, where: str) -> None:
    """Check that each picture has a label.

    Raises:
        CountMismatchError: the two counts differ.
    """
    if pictures != labels:
        raise CountMismatchError(
            f"There are {pictures:,} pictures but {labels:,} labels.",
            where=where,
            hint="Take pictures and labels from the same set: row by row, they belong together.",
        )


def _as_array(values: ArrayLike, word: str, where: str) -> NDArray[np.generic]:
    try:
        array: NDArray[np.generic] = np.asarray(values)
    except (ValueError, TypeError, OverflowError) as error:
        raise ArrayFormatError(
            f"{word} does not form an array: {error}.",
            where=where,
            hint="Give rows that all have the same shape.",
        ) from error
    return array


def _check_type(word: str, dtype: np.dtype[np.generic], where: str) -> None:
    if dtype.kind in "biuf":
        return
    kinds = {
        "O": "Python objects",
        "U": "text",
        "S": "text",
        "c": "complex numbers",
        "V": "records",
    }
    hint = (
        "Objects are never read from files, since that could run code. Save numbers of one type, such as uint8."
        if dtype.hasobject
        else "Save whole numbers, such as uint8."
    )
    raise ArrayFormatError(
        f"{word} holds {kinds.get(dtype.kind, dtype.name)}; expected numbers.",
        where=where,
        hint=hint,
    )


def _shape(shape: tuple[int, ...]) -> str:
    return f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"


def _shape_hint(shape: tuple[int, ...]) -> str:
    if len(shape) == 2 and shape[1] == SIDE * SIDE:
        return "The pictures look flattened: save x.reshape(-1, 28, 28)."
    if shape[1:] == (1, SIDE, SIDE):
        return "The channel comes first: save x.reshape(-1, 28, 28)."
    if len(shape) == 4 and shape[1:3] == (SIDE, SIDE) and shape[3] in {3, 4}:
        return "The pictures are in colour: make them grey before you save them."
    if len(shape) in {3, 4}:
        return "Resize the pictures to 28x28 before you save them, or give a folder of pictures, which are resized."
    return "Save one 28x28 picture a row."


def _checked_labels(y: NDArray[Any], where: str) -> NDArray[np.int64]:
    expected = "expected whole numbers from 0 to 9"
    if y.dtype.kind == "f":
        _refuse_labels(y, ~np.isfinite(y), "not finite", expected, where)
        _refuse_labels(y, y != np.floor(y), "not whole", expected, where)
    # A comparison with Python's own numbers is exact for every type; a cast first would wrap 256 around to 0.
    _refuse_labels(y, (y < 0) | (y >= CLASSES), "outside 0 to 9", expected, where)
    labels = y.astype(np.int64)
    if labels.min() == labels.max():
        raise LabelError(
            f"All {len(labels):,} labels are {labels[0]}; there is nothing to tell apart.",
            where=where,
            hint="Give rows of at least two classes.",
        )
    return labels


def _refuse_labels(
    y: NDArray[Any], bad: NDArray[np.bool_], fault: str, expected: str, where: str
) -> None:
    count = int(np.count_nonzero(bad))
    if count:
        row = int(np.argmax(bad))
        raise LabelError(
            f"{count:,} of {len(y):,} labels {'is' if count == 1 else 'are'} {fault}; {expected}. "
            f"The first is {_number(y[row])}, in row {row:,} (the first row is 0).",
            where=where,
            hint="Correct these labels, or leave their rows out.",
        )


def _number(value: np.generic) -> str:
    return str(value.item())


def _checked_pixels(x: NDArray[Any], where: str) -> tuple[NDArray[np.uint8], bool]:
    """Return the pixels as uint8, shape (rows, 28, 28, 1), and whether any was rounded."""
    if x.dtype.kind == "b":
        x = x.astype(np.uint8)
    low, high = x.min(), x.max()
    # A NaN anywhere makes both of them NaN, so that two numbers tell whether the slow search is needed.
    if not (np.isfinite(low) and np.isfinite(high)):
        raise _pixel_error(
            x, ~np.isfinite(x), "not finite", "Replace NaN and infinite values.", where
        )
    if low < 0:
        hint = (
            "They look scaled to -1 to 1: save (x + 1) * 127.5."
            if low >= -1 and high <= 1
            else "Save the pixels as they were before any scaling, 0 to 255."
        )
        raise _pixel_error(x, x < 0, "below 0", hint, where)
    if high > 255:
        raise _pixel_error(
            x, x > 255, "above 255", "Scale the pixels to 0 to 255 before you save them.", where
        )
    if 0 < high <= 1:
        raise PixelError(
            f"All pixel values are within 0 to 1 (the largest is {_number(high)}), so they are scaled already. The "
            "pipeline divides by 255 itself and would scale them twice.",
            where=where,
            hint="Multiply the pixels by 255 before you save them.",
        )
    whole: NDArray[Any] = np.rint(x) if x.dtype.kind == "f" else x
    rounded = x.dtype.kind == "f" and not np.array_equal(whole, x)
    return whole.astype(np.uint8).reshape(-1, SIDE, SIDE, 1), rounded


def _pixel_error(
    x: NDArray[Any], bad: NDArray[np.bool_], fault: str, hint: str, where: str
) -> PixelError:
    count = int(np.count_nonzero(bad))
    first = int(np.argmax(bad))
    row = first // (SIDE * SIDE)
    return PixelError(
        f"{count:,} of {x.size:,} pixel values {'is' if count == 1 else 'are'} {fault}; expected 0 to 255. "
        f"The first is {_number(x.reshape(-1)[first])}, in row {row:,} (the first row is 0).",
        where=where,
        hint=hint,
    )


def _dark_on_light(x: NDArray[np.uint8]) -> str | None:
    ring = np.ones((SIDE, SIDE), dtype=bool)
    ring[1:-1, 1:-1] = False
    # Counting the 256 values gives the median in one pass, without sorting millions of pixels.
    counts = np.bincount(x[:, ring].reshape(-1), minlength=256)
    median = int(np.searchsorted(np.cumsum(counts), counts.sum() / 2))
    if median <= _LIGHT:
        return None
    return (
        f"The pictures seem to be dark on light: the median of their border pixels is {median} of 255. Networks for "
        "digits usually learn from light on dark, as in MNIST. The values were not inverted."
    )
