"""One line that says how far a long work is, for whoever watches a terminal."""

import sys
import time

PATIENCE = 1.0
"""Seconds after which a work is long enough to be told of."""
OFTEN = 0.2
"""Seconds between two drawings of the line."""


class Line:
    """Says on standard error how many rows are done, in one line that is drawn anew; elsewhere once, when it begins to be long.

    Args:
        what: is being done.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._began, self._drawn = time.perf_counter(), 0.0
        self._told = False

    def __call__(self, done: int, total: int) -> None:
        """So many rows are done."""
        now = time.perf_counter()
        passed = now - self._began
        if passed < PATIENCE and not self._told:
            return
        if not sys.stderr.isatty():
            if not self._told and done < total:
                _say(f"pipetrace: {self._what}, {total:,} rows ...\n")
            self._told = True
            return
        if done < total and now - self._drawn < OFTEN:
            return
        self._told, self._drawn = True, now
        left = passed / done * (total - done)
        text = f"pipetrace: {self._what}, {done:,} of {total:,} rows"
        _say(f"\r{text}, about {left:.0f} s left\x1b[K" if done < total else f"\r{text}\x1b[K\n")


def _say(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()
