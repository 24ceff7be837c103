"""pipetrace's own work in the user's process: what it raises, warns of and counts stays here."""

import contextlib
import signal
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any

from pipetrace.capture import internals


@contextlib.contextmanager
def contained(lost: Callable[[BaseException], None]) -> Iterator[None]:
    """Work of ours, within a training of the user's; ``lost`` hears of what it raises.

    That ends the block and goes no further, unless it is the user's: Ctrl-C, ``SystemExit``, and
    what a signal handler of the program raises. Python warnings of this thread are not shown, since
    the training itself causes those that matter, and Keras' counters for automatic names stay as
    they are.
    """
    try:
        with _without_warnings(), internals.own_names():
            yield
    except BaseException as error:
        if is_the_users(error):
            raise
        with contextlib.suppress(Exception):
            lost(error)


def is_the_users(error: BaseException) -> bool:
    """Whether something raised within our work belongs to the program."""
    if isinstance(error, (KeyboardInterrupt, SystemExit, GeneratorExit)):
        return True
    handlers = {
        getattr(signal.getsignal(number), "__code__", None) for number in signal.valid_signals()
    } - {None}
    frame = error.__traceback__
    while frame is not None and frame.tb_frame.f_code not in handlers:
        frame = frame.tb_next
    return frame is not None


class _OfOurThreads(threading.local):
    """Matches every text in a thread that is at work for us, as the pattern of a filter."""

    depth = 0

    def match(self, text: str) -> bool:  # noqa: ARG002 the method of a compiled pattern
        return self.depth > 0


# A filter of our own rather than ``warnings.catch_warnings``: that one would also hide what other
# threads warn of meanwhile, and have Python forget which warnings it has shown once already.
_ours = _OfOurThreads()
_FILTER: Any = ("ignore", _ours, Warning, None, 0)
_lock = threading.Lock()
_working = 0


@contextlib.contextmanager
def _without_warnings() -> Iterator[None]:
    global _working  # noqa: PLW0603 the filters belong to the process as well
    with _lock:
        _working += 1
        filters = warnings.filters
        if not any(each is _FILTER for each in filters):
            filters.insert(0, _FILTER)  # type: ignore[attr-defined] # a list, whatever is declared
    _ours.depth += 1
    try:
        yield
    finally:
        _ours.depth -= 1
        with _lock:
            _working -= 1
            if not _working:
                for each in (filters, warnings.filters):
                    with contextlib.suppress(ValueError):
                        each.remove(_FILTER)  # type: ignore[attr-defined]
