"""The document that a recording leaves, and the file that holds it: NumPy and the standard library only."""

from pipetrace.trace.document import Trace
from pipetrace.trace.reader import read
from pipetrace.trace.writer import TraceWriter

__all__ = ["Trace", "TraceWriter", "read"]
