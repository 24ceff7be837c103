"""What is done about what the rules find while a training runs: said, told, and what stops it."""

from collections import deque
from collections.abc import Callable
from typing import Any

from pipetrace.capture.guard import is_the_users
from pipetrace.errors import ArgumentError
from pipetrace.record import live_findings
from pipetrace.record.live_findings import ERROR, LiveFindings
from pipetrace.record.standard_error import say
from pipetrace.record.state import State

TRACKERS = ("mlflow", "wandb")
"""What a trace can be logged to."""


def check_alerts(stop_on: object, on_finding: object, log_to: object = None) -> None:
    """Raise an ``ArgumentError`` unless ``stop_on`` and ``on_finding`` are what they can be."""
    if stop_on not in (None, ERROR):
        raise ArgumentError(
            f"stop_on must be 'error' or None, received {stop_on!r}.",
            where="stop_on",
            hint="Use 'error' to stop a training that cannot work.",
        )
    if on_finding is not None and not callable(on_finding):
        raise ArgumentError(
            f"on_finding must be a function, received {type(on_finding).__name__}.",
            where="on_finding",
            hint="Give a function that takes a Finding.",
        )
    if log_to not in (None, *TRACKERS):
        raise ArgumentError(
            f"log_to must be 'mlflow', 'wandb' or None, received {log_to!r}.",
            where="log_to",
            hint="Leave it out to log to neither.",
        )


class Alerts:
    """The findings of one recording while it is made.

    The trace is looked at in the writer's thread. The program is told, and stopped, in its own.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._found = LiveFindings()
        self._seen: set[tuple[str, str | None]] = set()
        self._waiting: deque[Any] = deque()
        self._error: tuple[str, str] | None = None
        self._is_asked, self._first_epoch = False, 1
        # the code of the rule whose error has the training stop; None without one
        self.stopped_by: str | None = None

    def fit_begins(self) -> None:
        """What an earlier ``fit`` had stops no other."""
        self._error, self._is_asked, self.stopped_by = None, False, None
        self._first_epoch = self._state.epoch + 1

    def epoch_begins(self) -> None:
        """A loop that goes on was not stopped."""
        self.stopped_by = None

    @property
    def has_news(self) -> bool:
        """Whether ``heed`` has something to do."""
        return bool(self._waiting) or (self._error is not None and not self._is_asked)

    def look(self, *, loss_broke: bool = False) -> None:
        """Look at the trace once all that was given to the writer is in it.

        Where the loss has just become NaN or Inf, whoever asked to be told does not wait for the
        epoch.
        """
        state, settings = self._state, self._state.settings
        asked = settings.stop_on is not None or settings.on_finding is not None
        if loss_broke and not asked:
            return
        if not (settings.alert or asked) or state.writer is None or not state.can("findings"):
            return
        if asked or state.budget.has_room_for(self._found.seconds):
            state.writer.do("findings", lambda: self._look(always=loss_broke))

    def _look(self, *, always: bool) -> None:
        with self._state.cost.beside("findings"):
            found = self._found.meanwhile(self._state.path, always=always)
        lines = live_findings.untold(found) if self._state.settings.alert else []
        for line in lines:
            say(line)
        self._take(found)

    def _take(self, found: live_findings.Lines) -> None:
        settings = self._state.settings
        for finding, line in found:
            key = finding.code, finding.stage
            if settings.on_finding is not None and key not in self._seen:
                self._waiting.append(finding)
            self._seen.add(key)
            is_now = not finding.epochs or max(finding.epochs) >= self._first_epoch
            if settings.stop_on == finding.level and is_now and self._error is None:
                self._error = finding.code, line

    def heed(self) -> None:
        """Stop the training and tell the program, where asked for; its own ``SystemExit`` passes
        through.
        """
        state = self._state
        if self._error is not None and not self._is_asked:
            self._is_asked, (code, line) = True, self._error
            with state.safely("stop_on"):
                state.model.stop_training = True
                self.stopped_by = code
                why = code if state.settings.alert else line
                say(f"pipetrace: Training is stopped (stop_on='error'): {why}")
        while self._waiting:
            self._tell(state.settings.on_finding, self._waiting.popleft())

    def _tell(self, function: Callable[[Any], object] | None, finding: Any) -> None:
        if function is None or not self._state.can("on_finding"):
            return
        try:
            function(finding)
        except BaseException as error:
            if is_the_users(error):
                raise
            self._state.lose("on_finding", error)

    def ends(self) -> None:
        """The trace is closed; what is found in it now is told too."""
        self._error = None
        if self._state.settings.on_finding is not None and self._state.can("findings"):
            with self._state.safely("findings"):
                self._take(self._found.meanwhile(self._state.path, always=True))
