"""What became of the values of an array, measured on all of them: scaled, cast, one-hot, windowed, or nothing of it."""

import math
import warnings
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pipetrace.pipeline.forms import same_bits

Facts: TypeAlias = dict[str, Any]

UNCHANGED, RESHAPED, CAST, AFFINE, ONE_HOT, INDICATORS, WINDOWS = (
    "unchanged",
    "reshaped",
    "cast",
    "affine",
    "one-hot",
    "indicators",
    "windows",
)

CHUNK = 1 << 20
"""Values that are compared at a time, so that the float64 copies stay small."""
SLACK = 8
"""How many roundings of the type a value may be off: a subtraction, a division and their constants make a few."""
MOST_FEATURES = 1000
"""Columns whose factors are listed one by one."""
MOST_TRIED = 10_000
"""First rows of windows, and distances between them, that are tried."""
MOST_CLASSES = 100
"""Values whose column is listed."""


def value_facts(before: NDArray[Any], after: NDArray[Any]) -> list[Facts]:
    """What holds between two arrays, each fact for all values; nothing where no known relation holds."""
    if same_bits(before, after):
        return [{"kind": UNCHANGED}]
    if before.ndim == 0 or after.ndim == 0 or not before.size or not after.size:
        return []
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if len(before) != len(after):
            found = windows(before, after)
            return [found] if found else []
        return _row_for_row(before, after)


def _row_for_row(before: NDArray[Any], after: NDArray[Any]) -> list[Facts]:
    if before.size == after.size:
        facts: list[Facts] = [{"kind": RESHAPED}] if before.shape != after.shape else []
        flat = after.reshape(before.shape)
        if facts and same_bits(before, flat):
            return facts
        if found := _cast(before, flat) or affine(before, flat):
            return [*facts, found]
    found = one_hot(before, after)
    return [found] if found else []


def _cast(before: NDArray[Any], after: NDArray[Any]) -> Facts | None:
    if before.dtype == after.dtype or not _numeric(before) or not _numeric(after):
        return None
    for some, other in _chunks(before, after):
        if not same_bits(some.astype(after.dtype), other):
            return None
    # Compared in the wider of both types, so that a rounding is seen.
    exact = all(_equal(some, other) for some, other in _chunks(before, after))
    return {"kind": CAST, "from": before.dtype.name, "to": after.dtype.name, "exact": exact}


def _equal(some: NDArray[Any], other: NDArray[Any]) -> bool:
    if not np.array_equal(other.astype(some.dtype), some, equal_nan=some.dtype.kind in "fc"):
        return False
    alike = some == other
    return bool((alike | np.isnan(some) if some.dtype.kind in "fc" else alike).all())


def affine(before: NDArray[Any], after: NDArray[Any]) -> Facts | None:
    """Whether every value is ``a * value + b``, with one a and b for all, or one for each place of the last axis.

    Both are measured from two values and then checked on all of them, to the rounding of the type. Where a value is
    not finite, the result must be what the formula gives for it. Two different values make no line: there must be a
    third.

    Returns:
        the facts: ``a`` and ``b``, or lists of them; ``divisor`` where dividing by a round number does it; how many
        values were checked; ``error``, the largest difference; what the result then is.
    """
    if not _numeric(before) or not _numeric(after) or "c" in before.dtype.kind + after.dtype.kind:
        return None
    one = _over_all(before, after)
    if one is not None:
        return one
    if before.ndim > 1 and before.shape[-1] > 1:
        return _by_feature(
            before.reshape(-1, before.shape[-1]), after.reshape(-1, before.shape[-1])
        )
    return None


def _over_all(before: NDArray[Any], after: NDArray[Any]) -> Facts | None:
    x, given = before.reshape(-1, 1), after.reshape(-1, 1)
    line = _lines(x, given)
    if line is None or not _third_value(x):
        return None
    a, b = float(line[0][0]), float(line[1][0])
    eps = _eps(before, after)
    largest = max(abs(float(end)) for end in (x[np.isfinite(x)].min(), x[np.isfinite(x)].max()))
    for slope, divisor, shift in _rounded(a, b, eps, largest):
        # A few values show nearly every wrong guess.
        few = slice(None, None, max(1, len(x) // 1000))
        way = np.array([slope]), np.array([shift])
        if _error(x[few], given[few], way, eps) is None:
            continue
        error = _error(x, given, way, eps)
        if error is None or (slope == 1 and shift == 0):
            continue
        facts: Facts = {
            "kind": AFFINE,
            "a": slope,
            "b": shift,
            "values": before.size,
            "error": error,
        }
        if divisor is not None:
            facts["divisor"] = divisor
        finite = given[np.isfinite(given)]
        return facts | {
            "min": float(finite.min()),
            "max": float(finite.max()),
            "not_finite": int(given.size - finite.size),
        }
    return None


def _by_feature(x: NDArray[Any], given: NDArray[Any]) -> Facts | None:
    line = _lines(x, given)
    if line is None or not _third_value(x):
        return None
    eps = _eps(x, given)
    error = _error(x, given, line, eps)
    if error is None:
        return None
    a, b = line
    constant = np.isnan(a)
    facts: Facts = {"kind": AFFINE, "features": x.shape[1], "values": x.size, "error": error}
    facts["constant"] = int(np.count_nonzero(constant))
    if x.shape[1] <= MOST_FEATURES:
        facts["a"] = [None if skip else float(each) for each, skip in zip(a, constant, strict=True)]
        facts["b"] = [None if skip else float(each) for each, skip in zip(b, constant, strict=True)]
    varying = np.where(np.isfinite(given), given, np.nan).astype(np.float64)[:, ~constant]
    means, stds = np.nanmean(varying, axis=0), np.nanstd(varying, axis=0)
    facts["mean"] = [float(means.min()), float(means.max())]
    facts["std"] = [float(stds.min()), float(stds.max())]
    facts["min"] = [
        float(np.nanmin(varying, axis=0).min()),
        float(np.nanmin(varying, axis=0).max()),
    ]
    facts["max"] = [
        float(np.nanmax(varying, axis=0).min()),
        float(np.nanmax(varying, axis=0).max()),
    ]
    return facts


Line: TypeAlias = tuple[NDArray[np.float64], NDArray[np.float64]]


def _lines(x: NDArray[Any], given: NDArray[Any]) -> Line | None:
    """For each column the line through its value nearest to zero and the one furthest from that.

    The factor is NaN where all values of a column are the same.
    """
    start, first = _picked(x, given, np.abs)
    end, last = _picked(x, given, lambda values: -np.abs(values - start))
    if np.isnan(start).any():
        return None
    a = np.where(end != start, (last - first) / (end - start), np.nan)
    if np.isnan(a).all():
        return None
    b = np.where(np.isnan(a), first, first - a * start)
    # What the subtraction left over of a formula without a constant is rounding and no constant.
    plain = (np.abs(b) <= SLACK * _eps(x, given) * np.abs(first)) & ~np.isnan(a)
    return np.where(plain & (end != 0), last / np.where(end == 0, 1, end), a), np.where(
        plain, 0.0, b
    )


def _picked(
    x: NDArray[Any], given: NDArray[Any], score: Callable[[NDArray[Any]], NDArray[Any]]
) -> Line:
    """For each column the value with the least score, and what it became; NaN where no value is finite."""
    columns = np.arange(x.shape[1])
    least = np.full(x.shape[1], np.inf)
    value, result = np.full(x.shape[1], np.nan), np.full(x.shape[1], np.nan)
    for some, other in _chunks(x, given):
        wide, became = some.astype(np.float64), other.astype(np.float64)
        scores = np.where(np.isfinite(wide) & np.isfinite(became), score(wide), np.inf)
        at = scores.argmin(axis=0)
        better = scores[at, columns] < least
        least = np.where(better, scores[at, columns], least)
        value = np.where(better, wide[at, columns], value)
        result = np.where(better, became[at, columns], result)
    return value, result


def _error(x: NDArray[Any], given: NDArray[Any], line: Line, eps: float) -> float | None:
    """The largest difference from the line, or None where one is more than rounding explains."""
    worst = 0.0
    slopes, shift = np.where(np.isnan(line[0]), 0.0, line[0]), line[1]
    for some, other in _chunks(x, given):
        wide, result = some.astype(np.float64), other.astype(np.float64)
        scaled = wide * slopes
        expected = scaled + shift
        odd = ~np.isfinite(expected)
        if not np.array_equal(expected[odd], result[odd], equal_nan=True):
            return None
        off = np.abs(np.where(odd, 0, expected - result))
        if not (off <= np.where(odd, 0, SLACK * eps * (np.abs(scaled) + np.abs(shift)))).all():
            return None
        worst = max(worst, float(off.max(initial=0)))
    return worst


def _rounded(
    a: float, b: float, eps: float, largest: float
) -> Iterator[tuple[float, float | None, float]]:
    """The line with round numbers where these are as good, then as it was measured: factor, divisor, constant."""
    slopes: list[tuple[float, float | None]] = []
    if a:
        divisor = _round(1 / a, eps)
        if divisor is not None and abs(divisor) > 1 and len(_digits(divisor)) <= len(_digits(a)):
            slopes.append((1 / divisor, divisor))
    factor = _round(a, eps)
    slopes += [(factor, None)] if factor is not None else []
    slopes.append((a, None))
    # The factor's rounding shows in the constant; whatever is taken is checked on every value.
    shift = _round(b, eps) if abs(b) > eps * SLACK * abs(a) * largest else 0.0
    for slope, by in slopes:
        for constant in dict.fromkeys([*([shift] if shift is not None else []), b]):
            yield slope, by, constant


def _round(value: float, eps: float) -> float | None:
    """The number of six digits, three for half precision, that is this one but for rounding."""
    short = float(f"{value:.{3 if eps > 1e-4 else 6}g}")
    return (
        short
        if math.isfinite(short) and abs(short - value) <= 2 * SLACK * eps * abs(value)
        else None
    )


def _digits(value: float) -> str:
    return f"{value:.12g}".replace("-", "").replace(".", "").strip("0")


def _eps(*arrays: NDArray[Any]) -> float:
    return max(
        [float(np.finfo(each.dtype).eps) for each in arrays if each.dtype.kind == "f"] or [2.0**-52]
    )


def _third_value(x: NDArray[Any]) -> bool:
    """Whether some column has a value strictly between its smallest and its largest."""
    good = np.isfinite(x)
    if x.dtype.kind == "f":
        low = np.where(good, x, np.inf).min(axis=0)
        high = np.where(good, x, -np.inf).max(axis=0)
    else:
        low, high = x.min(axis=0), x.max(axis=0)
    return bool((good & (x > low) & (x < high)).any())


def one_hot(before: NDArray[Any], after: NDArray[Any]) -> Facts | None:
    """Whether each row became zeros with a single one, whose column tells the value, or several of them."""
    if after.ndim != 2 or after.shape[1] < 2 or after.dtype.kind not in "biuf":
        return None
    ones = np.count_nonzero(after, axis=1)
    if ones[0] == 0 or (ones != ones[0]).any() or not np.isin(after, (0, 1)).all():
        return None
    features = before.size // len(before)
    if ones[0] != features or features >= after.shape[1]:
        return None
    if features > 1:
        return {"kind": INDICATORS, "columns": after.shape[1], "ones": int(ones[0])}
    values, columns = before.reshape(-1), after.argmax(axis=1)
    try:
        distinct, which = np.unique(values, return_inverse=True)
    except TypeError:  # objects that cannot be compared
        return None
    column_of = np.full(len(distinct), -1)
    column_of[which] = columns
    if not np.array_equal(column_of[which], columns) or len(set(column_of.tolist())) != len(
        distinct
    ):
        return None
    facts: Facts = {"kind": ONE_HOT, "columns": after.shape[1], "distinct": len(distinct)}
    facts["index"] = bool(values.dtype.kind in "biuf" and np.array_equal(values, columns))
    if len(distinct) <= MOST_CLASSES:
        plain = [each if isinstance(each, str) else str(each) for each in distinct.tolist()]
        facts["mapping"] = [
            [value, int(column)] for value, column in zip(plain, column_of, strict=True)
        ]
    return facts


def windows(before: NDArray[Any], after: NDArray[Any]) -> Facts | None:
    """Whether each row is now several rows of before, in their order: the windows of a series.

    Windows may stand apart by any number of rows, begin later than the first row, and be laid out flat.
    """
    rows, count = len(before), len(after)
    rest = before.shape[1:]
    if after.ndim == before.ndim + 1 and after.shape[2:] == rest:
        length = after.shape[1]
    elif after.ndim == before.ndim == 2 and after.shape[1] % before.shape[1] == 0:
        length = after.shape[1] // before.shape[1]
    else:
        return None
    if length < 2 or not 0 < count <= rows - length + 1 or after.dtype != before.dtype:
        return None
    made = after.reshape(count, length, *rest)
    for start in range(min(rows - length - count + 2, MOST_TRIED)):
        if not _alike(made[0], before[start : start + length]):
            continue
        for step in _steps(rows - start, length, count):
            if _are_windows(before, made, start, step):
                used = start + (count - 1) * step + length
                return {
                    "kind": WINDOWS,
                    "length": length,
                    "step": step,
                    "start": start,
                    "windows": count,
                    "unused": rows - used,
                }
    return None


def _steps(rows: int, length: int, count: int) -> list[int]:
    """The distances that make so many windows fit; those that leave no further window over first."""
    if count == 1:
        return [1]
    fitting = range(1, (rows - length) // (count - 1) + 1)
    return sorted(fitting[:MOST_TRIED], key=lambda step: (rows - length) // step + 1 != count)


def _are_windows(before: NDArray[Any], made: NDArray[Any], start: int, step: int) -> bool:
    count, length = made.shape[:2]
    if not _alike(made[-1], before[start + (count - 1) * step :][:length]):
        return False
    seen = np.moveaxis(
        np.lib.stride_tricks.sliding_window_view(before[start:], length, axis=0), -1, 1
    )
    seen = seen[::step][:count]
    some = max(1, CHUNK // max(1, made[0].size))
    return all(_alike(made[at : at + some], seen[at : at + some]) for at in range(0, count, some))


def _alike(some: NDArray[Any], other: NDArray[Any]) -> bool:
    return some.shape == other.shape and bool(
        np.array_equal(some, other, equal_nan=some.dtype.kind in "fc")
    )


def _numeric(array: NDArray[Any]) -> bool:
    return array.dtype.kind in "biufc"


def _chunks(some: NDArray[Any], other: NDArray[Any]) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    """Both arrays in pieces along the first axis."""
    each = max(1, CHUNK // max(1, some[:1].size))
    for start in range(0, len(some), each):
        yield some[start : start + each], other[start : start + each]
