"""A flight recorder and explainer for Keras and TensorFlow training.

    trace = pipetrace.read("digits.trace")
    pipetrace.show(trace)

Reading and showing a trace needs no framework.
"""

import sys

# While ``python -m pipetrace`` looks for this package, the current folder stands first on the path,
# and it may be a stranger's: nothing shall be imported from there.
if sys.argv[:1] == ["-m"] and sys.orig_argv[sys.orig_argv.index("-m") + 1] == "pipetrace":
    sys.path[:] = [each for each in sys.path if sys.flags.safe_path or each != sys.path[0]]

import importlib
from typing import TYPE_CHECKING, Any

from pipetrace.errors import PipetraceError, TraceError
from pipetrace.record import live_findings
from pipetrace.trace.records import Presenter, register_presenter

if TYPE_CHECKING:
    from pipetrace.comparison.compare import compare
    from pipetrace.explain import (
        Evidence,
        Finding,
        Observation,
        Question,
        Rule,
        findings,
        observations,
        quiz,
    )
    from pipetrace.present import show, write_page
    from pipetrace.record.loop import recording
    from pipetrace.record.pipeline import Pipeline
    from pipetrace.record.recorder import Recorder
    from pipetrace.record.watch import watch
    from pipetrace.run_table.table import runs
    from pipetrace.trace import Trace, read

__all__ = [
    "Recorder",
    "watch",
    "recording",
    "Pipeline",
    "read",
    "runs",
    "Trace",
    "show",
    "write_page",
    "observations",
    "findings",
    "quiz",
    "compare",
    "Observation",
    "Finding",
    "Rule",
    "Evidence",
    "Question",
    "PipetraceError",
    "TraceError",
]

LATER = {
    "pipetrace.explain": {
        *("Evidence", "Finding", "Observation", "Question", "Rule"),
        *("findings", "observations", "quiz"),
    },
    "pipetrace.present": {"show", "write_page"},
    "pipetrace.comparison.compare": {"compare"},
    "pipetrace.run_table.table": {"runs"},
    "pipetrace.trace": {"Trace", "read"},
    "pipetrace.record.pipeline": {"Pipeline"},
    "pipetrace.record.recorder": {"Recorder"},
    "pipetrace.record.watch": {"watch"},
    "pipetrace.record.loop": {"recording"},
}
"""Where names are imported from at their first use: showing a trace loads no recorder."""


def _reporter() -> live_findings.Reporter:
    from pipetrace.present import stderr

    return stderr


# Every recording reports what the rules find, from whichever module its door was imported.
live_findings.register(_reporter)


def _presenter() -> Presenter:
    from pipetrace.present import notebook

    return notebook


register_presenter(_presenter)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        found = _version()
    elif module := next((each for each, names in LATER.items() if name in names), None):
        found = getattr(importlib.import_module(module), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])


def _version() -> str:
    # Importing this takes as long as reading a trace, and few ask for the version.
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("pipetrace")
    except PackageNotFoundError:  # run from a folder that was never installed
        return "unknown"
