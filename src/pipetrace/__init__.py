"""A flight recorder and explainer for Keras and TensorFlow training.

    trace = pipetrace.read("digits.trace")
    pipetrace.show(trace)

Reading and showing a trace needs no framework.
"""

from importlib.metadata import PackageNotFoundError, version

from pipetrace.errors import PipetraceError, TraceError
from pipetrace.explain import Finding, Observation, Question, findings, observations, quiz
from pipetrace.present import show, write_page
from pipetrace.trace import Trace, read

__all__ = [
    "read",
    "Trace",
    "show",
    "write_page",
    "observations",
    "findings",
    "quiz",
    "Observation",
    "Finding",
    "Question",
    "PipetraceError",
    "TraceError",
]

try:
    __version__ = version("pipetrace")
except PackageNotFoundError:  # run from a folder that was never installed
    __version__ = "unknown"
