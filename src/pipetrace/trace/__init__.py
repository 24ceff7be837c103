"""The trace document and its file. Needs NumPy and the standard library only."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipetrace.trace.document import Trace
    from pipetrace.trace.reader import Given, opened, read
    from pipetrace.trace.writer import TraceWriter

__all__ = ["Given", "Trace", "TraceWriter", "opened", "read"]

PLACES = {"Trace": "document", "TraceWriter": "writer"}
"""Where names are imported from at their first use, if not from ``reader``: importing the package
loads no NumPy, and reading a trace no writer."""


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(importlib.import_module(f"{__name__}.{PLACES.get(name, 'reader')}"), name)
    globals()[name] = found
    return found
