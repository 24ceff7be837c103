"""The trace document and its file. Needs NumPy and the standard library only."""

from pipetrace.trace.document import Trace
from pipetrace.trace.reader import read
from pipetrace.trace.writer import TraceWriter

__all__ = ["Trace", "TraceWriter", "read"]
