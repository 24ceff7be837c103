"""The output of a notebook's cell in which a training runs: it grows by the epoch.

What is said stands there too. On standard error it would be a red block, and tear apart the
progress bar that Keras draws.
"""

import sys
from typing import Any

from pipetrace.record import live_findings
from pipetrace.record.standard_error import divert
from pipetrace.record.state import State
from pipetrace.trace.document import Epoch


def is_kernel() -> bool:
    """Whether this process is the kernel of a notebook."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return getattr(shell, "kernel", None) is not None


class Cell:
    """The display of one recording; it does nothing outside of a notebook."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._handle: Any = None
        self._epochs: list[Epoch] = []
        self._lines: list[str] = []

    def begins(self) -> None:
        """A ``fit`` begins in the cell, before Keras prints anything."""
        if not self._state.settings.verbose or not is_kernel():
            return
        with self._state.safely("notebook"):
            from IPython.display import display

            self._epochs, self._lines = [], []
            show: Any = display
            self._handle = show(self._shown(), raw=True, display_id=True)
            divert(self._hear)

    def epoch(self, epoch: Epoch) -> None:
        """An epoch has ended."""
        if self._handle is not None:
            self._epochs.append(epoch)
            self._update()

    def ends(self) -> None:
        """All was said."""
        if self._handle is not None:
            divert(None)
            self._update()
            self._handle = None

    def _hear(self, text: str) -> None:
        # Perhaps from the writer's thread: it is shown with the next epoch, or at the end.
        self._lines.append(text)

    def _update(self) -> None:
        if self._state.can("notebook"):
            with self._state.safely("notebook"):
                self._handle.update(self._shown(), raw=True)

    def _shown(self) -> dict[str, str]:
        return live_findings.in_cell(self._epochs, self._state.planned, self._lines)
