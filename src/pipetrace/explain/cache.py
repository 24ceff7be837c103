"""Caches for functions of a trace and of a stage, which never change."""

import functools
import weakref
from collections.abc import Callable, Hashable
from typing import Any, TypeVar, cast

Result = TypeVar("Result")
MOST_TRACES, MOST_STAGES = 4, 1000


def once(function: Callable[..., Result], most: int = MOST_TRACES) -> Callable[..., Result]:
    """Cache a function's results for the latest few traces, as long as these exist.

    They are a trace and the parts of it that are judged for themselves. The function takes one and
    further hashable arguments; nobody may change its results.
    """
    kept: dict[int, tuple[weakref.ref[Any], dict[Hashable, Any]]] = {}

    @functools.wraps(function)
    def asked(of: Any, *others: Hashable) -> Result:
        reference, known = kept.get(id(of), (None, {}))
        if reference is None or reference() is not of:
            known = {}
            kept.pop(id(of), None)  # of one that had the same place in memory
            if len(kept) >= most:
                kept.pop(list(kept)[0], None)  # noqa: RUF015 threads may add while it is looked up
            kept[id(of)] = weakref.ref(of), known
        if others not in known:
            known[others] = function(of, *others)
        return cast(Result, known[others])

    return asked


def once_a_stage(function: Callable[..., Result]) -> Callable[..., Result]:
    """Cache a function's results for many stages, as long as these exist."""
    return once(function, MOST_STAGES)
