"""Functions of a trace that are asked again and again, and give the same each time: a trace does not change."""

import functools
import weakref
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from pipetrace.trace.document import Trace

Result = TypeVar("Result")


def once(function: Callable[..., Result]) -> Callable[..., Result]:
    """Keep what a function gave for the trace that it was last asked of, as long as that trace is there.

    Args:
        function: of a trace and of further arguments that can be keys; what it gives must not be changed by anybody.
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
