"""A cache for functions of a trace, which never changes."""

import functools
import weakref
from collections import deque
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from pipetrace.trace.document import Trace

Result = TypeVar("Result")
MOST_TRACES = 4


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
