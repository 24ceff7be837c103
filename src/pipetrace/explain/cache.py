"""Caches for functions of a trace and of a stage, which never change."""

import functools
import weakref
from collections import deque
from collections.abc import Callable, Hashable
from typing import Any, TypeVar, cast

from pipetrace.trace.document import Stage, Trace

Result = TypeVar("Result")
MOST_TRACES, MOST_STAGES = 4, 1000


def once(function: Callable[..., Result]) -> Callable[..., Result]:
    """Cache a function's results for the latest few traces, as long as these exist.

    They are a trace and the parts of it that are judged for themselves. The function takes one and
    further hashable arguments; nobody may change its results.
    """
    kept: deque[tuple[weakref.ref[Trace], dict[Hashable, Any]]] = deque(maxlen=MOST_TRACES)

    @functools.wraps(function)
    def asked(trace: Trace, *others: Hashable) -> Result:
        known = next((results for of, results in tuple(kept) if of() is trace), None)
        if known is None:
            known = {}
            kept.append((weakref.ref(trace), known))
        if others not in known:
            known[others] = function(trace, *others)
        found: Result = known[others]
        return found

    return asked


def once_a_stage(function: Callable[[Stage], Result]) -> Callable[[Stage], Result]:
    """Cache a function's results for many stages, as long as these exist."""
    kept: dict[int, tuple[weakref.ref[Stage], Result]] = {}

    @functools.wraps(function)
    def asked(stage: Stage) -> Result:
        of, found = kept.get(id(stage), (None, None))
        if of is None or of() is not stage:
            if len(kept) >= MOST_STAGES:
                kept.clear()
            found = function(stage)
            kept[id(stage)] = weakref.ref(stage), found
        return cast(Result, found)

    return asked
