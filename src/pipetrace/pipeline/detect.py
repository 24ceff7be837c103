"""What a step did, measured on all values: scaled, cast, reshaped, split, or none of it."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pipetrace.pipeline.kinds import arrays_of
from pipetrace.pipeline.source import Batches, Parts, Result, StepRows, joined

UNCHANGED, RESHAPED, CAST, AFFINE = "unchanged", "reshaped", "cast", "affine"
SPLIT, BATCHES, SAME_ROWS = "split", "batches", "same rows"

CHUNK_VALUES = 1 << 20
"""Values that are compared at a time, so that the float64 copies stay small."""
ROUNDINGS = 8
"""How many roundings of the type a value may be off: a subtraction, a division, their constants."""
MOST_BYTES = 1 << 29
"""Bytes of rows that are told apart one by one."""

Facts: TypeAlias = dict[str, Any]
Origin: TypeAlias = NDArray[np.int64]
Line: TypeAlias = tuple[NDArray[np.float64], NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class Detected:
    """What was found out about a step."""

    # as plain JSON, each with its ``kind`` and the arrays that it speaks ``of``
    facts: tuple[Facts, ...] = ()
    # for each row that goes on, the row that it was before the step; None where that is not known
    origin: Origin | None = None

    @property
    def chooses_rows(self) -> bool:
        """Whether the step splits the rows, selects, orders or repeats them."""
        return any(fact["kind"] in (SPLIT, SAME_ROWS) for fact in self.facts)


def detect(given: StepRows, result: Result) -> Detected:
    """What holds between what a step received and what it returned; nothing where that is unknown,
    as where objects in the rows raise when they are compared."""
    try:
        return _detect(given, result)
    except Exception:  # of somebody's own values: the step itself did well
        return Detected()


def _detect(given: StepRows, result: Result) -> Detected:
    if given.count is None:
        return Detected()
    of = "x" if given.y is None else "x and y"
    if isinstance(result, Parts):
        parts = [{"name": name, "rows": rows.count} for name, rows in result.parts]
        counts = [rows.count for _, rows in result.parts]
        fact: Facts = {"kind": SPLIT, "of": of, "before": given.count, "parts": parts}
        if None not in counts:
            fact["left_out"] = given.count - sum(count or 0 for count in counts)
        return Detected((fact,), _origin(given, result.parts[0][1]))
    if isinstance(result, Batches):
        sizes = [each.count or 0 for each in result.batches]
        fact = {"kind": BATCHES, "of": of, "batches": len(sizes), "rows": sum(sizes)}
        if len(set(sizes[:-1])) <= 1 and sizes[-1] <= sizes[0]:
            fact |= {"size": sizes[0], "last": sizes[-1]}
        together = joined(result.batches)
        return Detected((fact,), None if together is None else _origin(given, together))
    facts: list[Facts] = []
    places = _pairs(given.x, result.x)
    for key, before, after in places:
        of_key = f"x[{key}]" if key else "x"
        facts += [{**fact, "of": of_key} for fact in value_facts(before, after)]
    changed = {fact["of"] for fact in facts}
    for key, before, after in _pairs(given.y, result.y):
        of_key = f"y[{key}]" if key else "y"
        found = [{**fact, "of": of_key} for fact in value_facts(before, after)]
        facts += [fact for fact in found if fact["kind"] != UNCHANGED]
    if changed:
        # Row by row the same array: no row has moved.
        stayed = len(changed) == len(places) and result.count == given.count
        return Detected(tuple(facts), np.arange(given.count) if stayed else None)
    origin = _origin(given, result)
    if origin is None:
        return Detected(tuple(facts))
    in_order, repeats = bool((np.diff(origin) > 0).all()), len(set(origin.tolist())) < len(origin)
    same: Facts = {"kind": SAME_ROWS, "of": of, "in_order": in_order, "repeats": repeats}
    return Detected((same,), origin)


def _pairs(one: Any, other: Any) -> list[tuple[str, NDArray[Any], NDArray[Any]]]:
    befores, afters = arrays_of(one), arrays_of(other)
    if befores is None or afters is None or befores.keys() != afters.keys():
        return []
    return [(key, befores[key], afters[key]) for key in befores]


def _origin(given: StepRows, result: StepRows) -> Origin | None:
    """For each row of the result the given row that it is, to the bit; None where one is none."""
    before, after = _rows(given), _rows(result)
    if not before or not after:
        return None
    places: dict[Any, list[int]] = {}
    for at, row in enumerate(before):
        places.setdefault(row, []).append(at)
    used: dict[Any, int] = {}
    found = np.empty(len(after), np.int64)
    for at, row in enumerate(after):
        if row not in places:
            return None
        # Of rows that are alike each is taken once, as long as they last.
        found[at] = places[row][used.get(row, 0) % len(places[row])]
        used[row] = used.get(row, 0) + 1
    return found


def _rows(rows: StepRows) -> list[tuple[Any, ...]] | None:
    """Each row as bytes with the types and shapes of its arrays; its targets are part of it."""
    found = arrays_of((rows.x, rows.y) if rows.y is not None else (rows.x,))
    if found is None or rows.count is None:
        return None
    arrays = list(found.values())
    if sum(each.nbytes for each in arrays) > MOST_BYTES or any(
        each.dtype.hasobject for each in arrays
    ):
        return None
    form = tuple((key, each.dtype.str, each.shape[1:]) for key, each in found.items())
    return [(form, *(part.tobytes() for part in row)) for row in zip(*arrays, strict=True)]


def value_facts(before: NDArray[Any], after: NDArray[Any]) -> list[Facts]:
    """What holds between all values of two arrays; nothing where no known relation holds."""
    if _same_bits(before, after):
        return [{"kind": UNCHANGED}]
    if before.ndim == 0 or before.size != after.size or not before.size:
        return []
    if len(before) != len(after):
        return []
    facts: list[Facts] = [{"kind": RESHAPED}] if before.shape != after.shape else []
    flat = after.reshape(before.shape)
    if facts and _same_bits(before, flat):
        return facts
    with np.errstate(all="ignore"):
        found = _cast(before, flat) or affine(before, flat)
    return [*facts, found] if found else []


def _same_bits(one: NDArray[Any], other: NDArray[Any]) -> bool:
    """A NaN is like itself here, -0 is not 0, and the types count."""
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    if one.dtype.hasobject:
        return all(a is b or bool(a == b) for a, b in zip(one.ravel(), other.ravel(), strict=True))
    return all(some.tobytes() == rest.tobytes() for some, rest in _chunks(one, other))


def _cast(before: NDArray[Any], after: NDArray[Any]) -> Facts | None:
    if before.dtype == after.dtype or not _numeric(before) or not _numeric(after):
        return None
    if not all(_same_bits(one.astype(after.dtype), other) for one, other in _chunks(before, after)):
        return None
    exact = all(_equal(one, other) for one, other in _chunks(before, after))
    return {"kind": CAST, "from": before.dtype.name, "to": after.dtype.name, "exact": exact}


def _equal(one: NDArray[Any], other: NDArray[Any]) -> bool:
    """Compared in both types, so that a rounding is seen."""
    nan = one.dtype.kind in "fc"
    same = np.equal(one, other) | (np.isnan(one) if nan else False)
    return bool(same.all()) and np.array_equal(other.astype(one.dtype), one, equal_nan=nan)


def affine(before: NDArray[Any], after: NDArray[Any]) -> Facts | None:
    """Whether every value is ``a * value + b``, with one a and b for all, or one per last axis.

    Both are measured from two values and then checked on all of them, to the rounding of the type.
    Where a value is not finite, the result must be what the formula gives for it. Two different
    values always lie on a line: there must be a third. The facts are ``a`` and ``b``, with
    ``divisor`` where dividing by a round number does it; or ``features``, how many places of the
    last axis have factors of their own, and the extremes of ``mean``, ``std``, ``min`` and ``max``;
    how many ``values``.
    """
    if not all(_numeric(each) and each.dtype.kind != "c" for each in (before, after)):
        return None
    x, y = before.reshape(-1, 1), after.reshape(-1, 1)
    if (line := _line(x, y)) is not None:
        for a, divisor, b in _rounded(float(line[0][0]), float(line[1][0]), _eps(x, y), x):
            few = slice(None, None, max(1, len(x) // 1000))  # shows nearly every wrong guess
            way = np.array([a]), np.array([b])
            if all(_holds(some, other, way) for some, other in ((x[few], y[few]), (x, y))):
                found: Facts = {"kind": AFFINE, "a": a, "b": b, "values": before.size}
                return found if divisor is None else {**found, "divisor": divisor}
    features = before.shape[-1] if before.ndim > 1 else 1
    if features == 1:
        return None
    x, y = before.reshape(-1, features), after.reshape(-1, features)
    if (line := _line(x, y)) is None or not _holds(x, y, line):
        return None
    varying = np.where(np.isfinite(y), y, np.nan).astype(np.float64)[:, ~np.isnan(line[0])]
    found = {"kind": AFFINE, "features": features, "values": before.size}
    measures: dict[str, Callable[..., Any]] = {
        "mean": np.nanmean,
        "std": np.nanstd,
        "min": np.nanmin,
        "max": np.nanmax,
    }
    for name, measure in measures.items():
        each = measure(varying, axis=0)
        found[name] = [float(each.min()), float(each.max())]
    return found


def _line(x: NDArray[Any], y: NDArray[Any]) -> Line | None:
    """For each column the line through its value nearest to zero and the one furthest from that.

    The factor is NaN where all values of a column are the same. None where no column has a third
    value, or one has none that is finite.
    """
    good = np.isfinite(x) & np.isfinite(y)
    if not good.any(axis=0).all():
        return None
    columns = np.arange(x.shape[1])
    wide = x.astype(np.float64)
    first = np.where(good, np.abs(wide), np.inf).argmin(axis=0)
    start, low = wide[first, columns], y[first, columns].astype(np.float64)
    last = np.where(good, np.abs(wide - start), -1).argmax(axis=0)
    end, high = wide[last, columns], y[last, columns].astype(np.float64)
    if not (good & (wide != start) & (wide != end)).any():
        return None
    a = np.where(end != start, (high - low) / (end - start), np.nan)
    b = np.where(np.isnan(a), low, low - a * start)
    # What the subtraction left over of a formula without a constant is rounding.
    plain = (np.abs(b) <= ROUNDINGS * _eps(x, y) * np.abs(low)) & ~np.isnan(a)
    return np.where(plain & (end != 0), high / np.where(end == 0, 1, end), a), np.where(plain, 0, b)


def _holds(x: NDArray[Any], y: NDArray[Any], line: Line) -> bool:
    """Whether all values lie on the line, to rounding."""
    slopes, shift, slack = np.nan_to_num(line[0]), line[1], ROUNDINGS * _eps(x, y)
    for some, other in _chunks(x, y):
        scaled = some.astype(np.float64) * slopes
        expected, result = scaled + shift, other.astype(np.float64)
        odd = ~np.isfinite(expected)
        if not np.array_equal(expected[odd], result[odd], equal_nan=True):
            return False
        off = np.abs(np.where(odd, 0, expected - result))
        if not (off <= np.where(odd, 0, slack * (np.abs(scaled) + np.abs(shift)))).all():
            return False
    return True


def _rounded(
    a: float, b: float, eps: float, x: NDArray[Any]
) -> Iterator[tuple[float, float | None, float]]:
    """The line with round numbers, then as it was measured: factor, divisor, constant."""
    slopes: list[tuple[float, float | None]] = []
    divisor = _round(1 / a, eps) if a else None
    if divisor is not None and abs(divisor) > 1 and len(_digits(divisor)) <= len(_digits(a)):
        slopes.append((1 / divisor, divisor))
    factor = _round(a, eps)
    slopes += [*([(factor, None)] if factor is not None else []), (a, None)]
    largest = float(np.abs(x[np.isfinite(x)].astype(np.float64)).max())
    # The factor's rounding shows in the constant; whatever is taken is checked on every value.
    shift = _round(b, eps) if abs(b) > eps * ROUNDINGS * abs(a) * largest else 0.0
    for slope, by in slopes:
        for constant in dict.fromkeys([*([shift] if shift is not None else []), b]):
            if (slope, constant) != (1, 0):
                yield slope, by, constant


def _round(value: float, eps: float) -> float | None:
    """The number of six digits, three for half precision, that is this one but for rounding."""
    short = float(f"{value:.{3 if eps > 1e-4 else 6}g}")
    near = abs(short - value) <= 2 * ROUNDINGS * eps * abs(value)
    return short if math.isfinite(short) and near else None


def _digits(value: float) -> str:
    return f"{value:.12g}".replace("-", "").replace(".", "").strip("0")


def _eps(*arrays: NDArray[Any]) -> float:
    kinds = [float(np.finfo(each.dtype).eps) for each in arrays if each.dtype.kind == "f"]
    return max(kinds or [2.0**-52])


def _numeric(array: NDArray[Any]) -> bool:
    return array.dtype.kind in "biufc"


def _chunks(one: NDArray[Any], other: NDArray[Any]) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    """Both arrays in pieces along the first axis."""
    if not one.ndim or not one.size:
        yield one, other
        return
    each = max(1, CHUNK_VALUES // max(1, one[:1].size))
    for start in range(0, len(one), each):
        yield one[start : start + each], other[start : start + each]
