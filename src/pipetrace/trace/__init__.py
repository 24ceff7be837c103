"""The trace document and its file. Needs NumPy and the standard library only."""

import os
from typing import TypeAlias

from pipetrace.errors import ArgumentError
from pipetrace.trace.document import Trace
from pipetrace.trace.reader import read
from pipetrace.trace.writer import TraceWriter

__all__ = ["Given", "Trace", "TraceWriter", "opened", "read"]

Given: TypeAlias = Trace | str | os.PathLike[str]
"""A trace, or the path of one."""


def opened(given: Given) -> Trace:
    """A trace as it is, or read from its path.

    Raises:
        ArgumentError: it is neither a trace nor a path.
        TraceError: the file cannot be read.
    """
    if isinstance(given, Trace):
        return given
    if isinstance(given, (str, os.PathLike)):
        return read(given)
    raise ArgumentError(
        f"Expected a trace or the path of one, received {type(given).__name__}.",
        where="trace",
        hint="Give what pipetrace.read returns, or the path of a trace.",
    )
