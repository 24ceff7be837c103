"""A process that is over at once: without what Python, NumPy and Rich would do for a longer one."""

import atexit
import gc
import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

THREADS = "OPENBLAS_NUM_THREADS"
"""What NumPy's linear algebra reads when it is imported."""
FORCING = frozenset({"FORCE_COLOR", "TTY_COMPATIBLE"})
"""With one of these in the environment Rich may take for a terminal what is none."""


@contextmanager
def quick() -> Iterator[None]:
    """A block that reads a trace and makes of it what is shown.

    Python looks for no garbage meanwhile: of what is made nothing is let go before it is shown, so that looking takes a
    tenth of the time and finds none. Where NumPy is still to be imported, in a process that does nothing else, it starts no
    threads for its linear algebra, which takes longer than reading a long trace, and Python does not look for garbage at
    the process's end either.
    """
    if "numpy" not in sys.modules:
        _import_numpy()
        atexit.register(gc.freeze)
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def may_be_terminal() -> bool:
    """Whether standard output may be a terminal; if so Rich, which takes time to import, is to say whether it is."""
    return sys.stdout.isatty() or not FORCING.isdisjoint(os.environ)


def _import_numpy() -> None:
    chosen = os.environ.get(THREADS)
    os.environ.setdefault(THREADS, "1")
    try:
        importlib.import_module("numpy")
    finally:
        if chosen is None:
            del os.environ[THREADS]
