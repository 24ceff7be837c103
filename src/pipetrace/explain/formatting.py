"""How numbers, shapes and lists are written in every sentence and table."""

import math
from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np

from pipetrace.trace.document import Spec

AXES = {4: ("height", "width", "channel"), 3: ("step", "channel"), 2: ("value",)}
"""The names of the axes after the rows, by the number of axes."""


@lru_cache(4096)  # a metric of an epoch is written in charts, tables and sentences
def figure(value: float, digits: int = 3) -> str:
    """Three significant digits: 0.0456, 1.65, 54,100; "nearly zero" below a millionth; 3.40 x
    10^38.

    A whole number below a million is exact and written as one.
    """
    value = float(value)
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Inf" if value > 0 else "-Inf"
    if value == int(value) and abs(value) < 1e6:
        return f"{int(value):,}"
    if abs(value) < 1e-6:
        return "nearly zero"
    if abs(value) >= 1e15:
        fraction, exponent = f"{value:.{digits - 1}e}".split("e+")
        return f"{fraction} x 10^{exponent}"
    places = digits - 1 - math.floor(math.log10(abs(value)))
    rounded = round(value, places)
    return (
        f"{rounded:,.{max(0, places if abs(rounded) < 10 ** (digits - places) else places - 1)}f}"
    )


def as_written(value: float, digits: int = 3) -> float:
    """A value with the digits of ``figure``, for a sum that readers do again."""
    return float(figure(value, digits).replace(",", "")) if 1e-6 <= abs(value) < 1e15 else value


def comes_to(written: float, value: float) -> str:
    """The result of a sum with the numbers as they are written; where their rounding changes it,
    the one of all digits as well: ``0.834 (0.832 with all digits)``."""
    told, exactly = figure(written), figure(value)
    return told if told == exactly else f"{told} ({exactly} with all digits)"


def sum_of(one: float, other: float) -> str:
    """What two numbers add up to, as they are written."""
    return comes_to(as_written(one) + as_written(other), one + other)


def added(one: float, other: float) -> str:
    """A number added to another: ``0.5 - 0.2 = 0.3``."""
    return f"{figure(one)} {signed(other)} = {sum_of(one, other)}"


def multiplied(one: float, other: float) -> str:
    """A number multiplied by another: ``0.5 x 0.2 = 0.1``."""
    product = comes_to(as_written(one) * as_written(other), one * other)
    return f"{figure(one)} x {figure(other)} = {product}"


def signed(value: float) -> str:
    """A number that is added to another: ``+ 0.5`` or ``- 0.5``."""
    return f"{'-' if value < 0 else '+'} {figure(abs(value))}"


@lru_cache(4096)
def share(part: float) -> str:
    """A share as a percentage with three significant digits: 0.606 is 60.6 %. A whole percentage
    has no decimals."""
    percent = _whole(100 * part)
    if not math.isfinite(percent):
        return figure(percent)
    if 0 < percent < 0.001:
        return "under 0.001 %"
    if 99.95 <= percent < 100:
        return "over 99.9 %"
    return f"{figure(percent)} %"


def points(part: float) -> str:
    """A difference of two shares in percentage points."""
    text = figure(_whole(100 * part))
    return f"{text} {'point' if text == '1' else 'points'}"


def _whole(percent: float) -> float:
    """A percentage without the rounding of a float32: 27.000001 is 27, as for 27 of 100 rows.

    Values near 100 stay as they are: a probability of 99.99999 % is not certainty.
    """
    nearest = round(percent) if math.isfinite(percent) else 100
    close = nearest != 100 and abs(percent - nearest) < 1e-5 * abs(nearest)
    return float(nearest) if close else percent


def number(value: int) -> str:
    """A whole number with thousands separated."""
    return f"{value:,}"


def counted(value: int, noun: str, nouns: str | None = None) -> str:
    """A number with its noun: 1 row, 1,000 rows."""
    return f"{value:,} {noun if value == 1 else nouns or noun + 's'}"


def exact(value: float) -> str:
    """The shortest decimal that is this very float32, with no exponent: 0.5019608, and 255 for a
    whole one."""
    with np.errstate(over="ignore"):
        single = np.float32(value)
    if not np.isfinite(single):
        return figure(float(single))
    return np.format_float_positional(single + np.float32(0), unique=True, trim="-")


def moved(name: str, before: float, now: float, write: Callable[[float], str]) -> str:
    """How a figure moved, by the digits that a reader sees: ``Accuracy rose from 50 % to 75 %``."""
    if write(before) == write(now):
        return f"{name} stayed at {write(now)}"
    return f"{name} {'fell' if now < before else 'rose'} from {write(before)} to {write(now)}"


def listed(words: Sequence[str], last: str = "and") -> str:
    """Words with commas, the last one joined by a conjunction."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def has_rows(spec: Spec) -> bool:
    """Whether the first axis of a tensor is that of the rows."""
    return spec.shape[:1] == (None,)


def dimensions(shape: Sequence[int | None]) -> str:
    """The axes but that of the rows: 26 x 26 x 32. A single number for a scalar per row."""
    own = shape[1:] if shape and shape[0] is None else shape
    return " x ".join("?" if length is None else str(length) for length in own) or "1"


def shape(spec: Spec, rows: int | str, batch: int | None = None) -> str:
    """A batch's shape in short: 1000 rows x 28 x 28 x 1.

    What has no axis of rows and whose length has nothing to do with ``batch``, the rows of a batch,
    is the same for all its rows.
    """
    if spec.shape and not has_rows(spec):
        of_batch = batch is None or not (spec.shape[0] or 0) % batch
        whose = "for each batch" if of_batch else "the same for every row"
        return f"{dimensions(spec.shape)}, {whose}"
    return f"{rows} {'row' if rows == 1 else 'rows'} x {dimensions(spec.shape)}"


def full_shape(
    spec: Spec, rows: int | str, batch: int | None = None, *, is_image: bool = False
) -> str:
    """A batch's shape with every axis named: 1000 rows x 28 height x 28 width x 1 channel."""
    if not has_rows(spec):
        return shape(spec, rows, batch)
    names = AXES[4][:2] if is_image and len(spec.shape) == 3 else AXES.get(len(spec.shape))
    lengths = spec.shape[1:]
    if names is None or len(names) != len(lengths) or None in lengths:
        return shape(spec, rows, batch)
    named = [
        f"{length} {name}s"
        if name in ("step", "channel", "value") and length != 1
        else f"{length} {name}"
        for length, name in zip(lengths, names, strict=True)
    ]
    return " x ".join([f"{rows} {'row' if rows == 1 else 'rows'}", *named])


def duration(seconds: float) -> str:
    """Seconds, or minutes and seconds from two minutes on."""
    if seconds >= 120:
        return f"{int(seconds // 60)} min {int(seconds % 60)} s"
    return f"{figure(seconds, 2 if seconds < 10 else 3)} s" if seconds >= 0.001 else "under 1 ms"
