"""Answers about a trace that many sentences ask for, worked out once."""

import weakref
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from pipetrace.trace.document import Trace

Given = ParamSpec("Given")
Answer = TypeVar("Answer")


def remembered(asked: Callable[Concatenate[Trace, Given], Answer]) -> Callable[Concatenate[Trace, Given], Answer]:
    """A function of a trace and of plain values that keeps its answers about the latest trace, and does not keep the trace.

    A trace never changes, so what was true of it stays true.
    """
    latest: tuple[weakref.ref[Trace], dict[Any, Answer]] | None = None

    @wraps(asked)
    def answered(trace: Trace, *args: Given.args, **kwargs: Given.kwargs) -> Answer:
        nonlocal latest
        kept = latest
        if kept is None or kept[0]() is not trace:
            kept = latest = (weakref.ref(trace), {})
        key = (args, *kwargs.items())
        if key not in kept[1]:
            kept[1][key] = asked(trace, *args, **kwargs)
        return kept[1][key]

    return answered  # type: ignore[return-value]  # its first argument has a name, which Concatenate cannot say
