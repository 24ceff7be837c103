"""A cache for functions of a trace, which never changes."""

import functools
import weakref
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from pipetrace.trace.document import Trace

Result = TypeVar("Result")


def once(function: Callable[..., Result]) -> Callable[..., Result]:
    """Cache a function's results for the latest trace, as long as that trace exists.

    Args:
        function: of a trace and further hashable arguments; nobody may change its results.
    """
    kept: tuple[weakref.ref[Trace], dict[Hashable, Any]] | None = None

    @functools.wraps(function)
    def asked(trace: Trace, *others: Hashable) -> Result:
        nonlocal kept
        known = kept
        if known is None or known[0]() is not trace:
            known = kept = (weakref.ref(trace), {})
        if others not in known[1]:
            known[1][others] = function(trace, *others)
        found: Result = known[1][others]
        return found

    return asked
