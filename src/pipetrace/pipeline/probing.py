"""Whether a row's result depends on the other rows, and is the same each time: by calling the step with rows alone."""

import contextlib
import copy
import io
import random
import warnings
from collections.abc import Iterator
from dataclasses import replace
from types import BuiltinFunctionType, FunctionType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipetrace.pipeline.callables import Action
from pipetrace.pipeline.forms import array_of, arrays_of, copied, rows_of, same_bits, take
from pipetrace.pipeline.relations import WHICH_ROWS, Measured
from pipetrace.pipeline.results import Result, Rows, read_result
from pipetrace.pipeline.values import Facts

ALONE, NOT_ALONE, VARIES = "alone", "not alone", "varies"
"""A row alone gives the same as among the others, or something else; a row gives something else each time."""
SLACK = 1024
"""How many roundings a sum may be off when its terms are added in another order, as a matrix product does."""

Arrays = dict[str, NDArray[Any]]


@contextlib.contextmanager
def as_they_were() -> Iterator[None]:
    """Put the random numbers of Python and NumPy back afterwards, and keep what is printed and warned about in here."""
    python, numpy = random.getstate(), np.random.get_state()
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)


def probed(act: Action, given: Rows, result: Result, found: Measured) -> Measured:
    """What was measured with what calling the step on three rows alone adds.

    Nothing is added where the number of rows changed, where the rows themselves did not, or where the step does not
    take a single row.
    """
    count = given.count
    if not isinstance(result, Rows) or count is None or count < 2 or rows_of(result.x) != count:
        return found
    if found.kinds & WHICH_ROWS:
        return found
    rows = three(given.x, count)
    fact = _facts(_untouched(act), given, result, rows)
    if fact is None:
        return found
    origin = np.arange(count) if fact["kind"] == ALONE and found.origin is None else found.origin
    return replace(found, facts=(*found.facts, fact), origin=origin)


def three(x: Any, count: int) -> list[int]:
    """The first row, the last, and the one whose largest value is smallest, which a step by the largest would show."""
    array = array_of(x)
    middle = count // 2
    if array is not None and array.dtype.kind in "biuf" and array.size:
        least = int(np.nan_to_num(array.reshape(count, -1).max(axis=1).astype(np.float64)).argmin())
        middle = least if 0 < least < count - 1 else middle
    return sorted({0, middle, count - 1})


def _facts(act: Action, given: Rows, result: Rows, rows: list[int]) -> Facts | None:
    exact = True
    for row in rows:
        try:
            first, second = (_alone(act, given, row) for _ in range(2))
            among = _arrays(Rows(take(result.x, row, row + 1), _target(result.y, row)), act.both)
        except Exception:  # many a step needs more than one row
            return None
        if first is None or second is None or among is None or _forms(first) != _forms(among):
            return None
        if any(not same_bits(first[key], second[key]) for key in first):
            return {"kind": VARIES, "of": "x", "rows": rows}
        if not all(_close(first[key], among[key]) for key in among):
            return {"kind": NOT_ALONE, "of": "x", "rows": [row]}
        exact = exact and all(same_bits(first[key], among[key]) for key in among)
    return {"kind": ALONE, "of": "x", "rows": rows, "exact": exact}


def _alone(act: Action, given: Rows, row: int) -> Arrays | None:
    one = Rows(take(given.x, row, row + 1), _target(given.y, row))
    result = read_result(act(copied(one.x), copied(one.y)), one, act.both)
    return _arrays(result, act.both) if isinstance(result, Rows) else None


def _target(y: Any, row: int) -> Any:
    return None if y is None else take(y, row, row + 1)


def _arrays(rows: Rows, both: bool) -> Arrays | None:
    x = arrays_of(rows.x, "x")
    if x is None or not both or rows.y is None:
        return x
    y = arrays_of(rows.y, "y")
    return None if y is None else x | y


def _forms(arrays: Arrays) -> dict[str, tuple[Any, ...]]:
    # The type of texts has the length of the longest one in it.
    return {
        key: (each.shape, each.dtype.kind if each.dtype.kind in "US" else each.dtype)
        for key, each in arrays.items()
    }


def _close(some: NDArray[Any], other: NDArray[Any]) -> bool:
    if some.dtype.kind != "f":
        return bool(np.array_equal(some, other))
    largest = float(np.nan_to_num(np.abs(other), posinf=0).max(initial=0))
    slack = SLACK * float(np.finfo(some.dtype).eps) * largest
    return bool(np.allclose(some, other, rtol=0, atol=slack, equal_nan=True))


def _untouched(act: Action) -> Action:
    """The step with a copy of what it remembers, so that calling it again leaves the user's own as it was."""
    if isinstance(act.step, FunctionType | BuiltinFunctionType | np.ufunc):
        return act
    try:
        return replace(act, step=copy.deepcopy(act.step))
    except Exception:  # it holds something that cannot be copied
        return act
