"""The recorder of the demo: it shows how the run goes."""

from typing import Any

from pipetrace.record.progress import Progress
from pipetrace.record.recorder import Recorder
from pipetrace.trace.document import Epoch


class ShownRecorder(Recorder):
    """A recorder that shows how the run goes, and whose errors end it."""

    shows: Progress
    trained = False

    @property
    def epoch(self) -> int:
        """The one that runs, or the last one; 0 before the first."""
        return self._session.state.epoch if self._session is not None else 0

    def on_train_begin(self, logs: Any = None) -> None:
        """Say so."""
        super().on_train_begin(logs)
        self.raise_what_was_lost()
        self.shows.begins("Training")

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """A step is done."""
        self.shows.step(self.epoch, batch + 1, logs or {})

    def epoch_is_over(self, logs: Any) -> None:
        """An epoch is in the trace before it is shown."""
        super().epoch_is_over(logs)
        self.raise_what_was_lost()
        session = self._session
        if session is not None:
            metrics = {str(name): float(value) for name, value in (logs or {}).items()}
            self.shows.epoch(Epoch(session.state.epoch, metrics, session.seconds, None))

    def training_is_over(self) -> None:
        """The rest is measured."""
        self.trained = True
        self.shows.begins("Measuring the data flow")
        super().training_is_over()

    def raise_what_was_lost(self) -> None:
        """Wait for what is to be written; what went wrong is raised here."""
        session = self._session
        if session is not None and session.state.writer is not None:
            session.state.writer.wait()
            for error in session.state.errors.values():
                raise error
