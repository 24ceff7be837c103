"""Copies of the batches on their way into a training, where rows are wanted that nobody gave."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pipetrace.capture.data.batches import BatchRecorder
from pipetrace.capture.guard import contained
from pipetrace.record.session import Session


class PassingBatches:
    """The batches of one ``fit``, as long as its recording wants them."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._training: BatchRecorder | None = None
        self._validation: BatchRecorder | None = None
        if session.wants_batches:
            steps = session.state.steps_together
            self._training = BatchRecorder(steps, enough=session.has_enough_batches)

    def before_step(self, iterator: Any) -> Any:
        """The iterator for a training step; its batch is copied."""
        # This costs microseconds, and most steps need none of what follows.
        kept = self._training
        if kept is None:
            return iterator
        given = kept(iterator)  # the user's source, which may warn and raise
        with self._safely():
            self._copied(kept)
        return given

    def before_test(self, iterator: Any) -> Any:
        """The same for a step of a validation."""
        kept = self._validation
        if kept is None:
            return iterator
        given = kept(iterator)
        with self._safely():
            self._copy(kept)
        return given

    def validation_begins(self) -> None:
        """Copy the batches of the first validation."""
        if self._session.wants_validation_batches:
            steps = self._session.state.steps_together
            self._validation = BatchRecorder(steps, enough=self._session.has_taken_long)

    def validation_ends(self) -> None:
        """Keep what was copied."""
        kept, self._validation = self._validation, None
        if kept is not None and self._session.is_open and kept.batches:
            self._session.saw_validation(kept.batches, complete=not kept.is_full)

    def finish(self, *, whole_epoch: bool = False) -> None:
        """Keep what was copied of the training, maybe a whole epoch, and copy no more of it."""
        kept, self._training = self._training, None
        if kept is not None and kept.batches:
            self._session.saw_batches(kept.batches, complete=whole_epoch)

    def _copied(self, kept: BatchRecorder) -> None:
        first = not kept.batches
        self._copy(kept)
        if first and kept.batches and self._session.state.measure is None:
            self._session.saw_batches(kept.batches, complete=False)
        if kept.done or not self._session.state.can("rows"):
            self.finish()

    def _copy(self, kept: BatchRecorder) -> None:
        with self._session.state.safely("rows"):
            kept.copy()

    @contextmanager
    def _safely(self) -> Iterator[None]:
        with contained(lambda error: self._session.state.lose("recorder", error)):
            yield
