"""Writing the trace in a thread of its own, in order, so that training never waits."""

import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Concatenate, ParamSpec

from pipetrace.errors import in_short
from pipetrace.record.budget import Cost
from pipetrace.trace.claim import claim
from pipetrace.trace.document import Ending, Run
from pipetrace.trace.events import RECORDER, Event
from pipetrace.trace.output_place import write_error
from pipetrace.trace.overhead import Overhead
from pipetrace.trace.training import Evaluation
from pipetrace.trace.writer import EpochFacts, TraceWriter

Given = ParamSpec("Given")

MOST_WAITING_EPOCHS = 2
"""Epochs whose measurements may wait for the disk. While they do no more are taken."""
LAST_WORD_SECONDS = 5.0
"""Seconds that writing the ending may take after Ctrl-C, until that is obeyed."""
WRITING = "writing"


class WriterThread:
    """A trace that is being written, by one thread, in the order in which things are given to it.

    ``lost`` hears of what was raised, by the name of the part, and nothing is written from there
    on. The thread's processor time counts as a cost.
    """

    def __init__(self, path: Path, lost: Callable[[str, Exception], None], cost: Cost) -> None:
        # where the trace goes; ``run-2.trace`` where somebody else writes ``run.trace``
        self.path = path
        self._lost, self._cost = lost, cost
        self._writer: TraceWriter | None = None
        self._broken: Exception | None = None
        self._is_ending, self._is_over = True, True
        self._work: queue.SimpleQueue[tuple[str, Callable[[], None]]] = queue.SimpleQueue()
        self._waiting = 0
        self._thread: threading.Thread | None = None

    @property
    def is_behind(self) -> bool:
        """Whether so much waits for the disk that measurements are better left out."""
        return self._waiting >= MOST_WAITING_EPOCHS

    def begin(self, run: Run) -> None:
        """Make the file, or open that of an earlier training again; a ``NotWritableError`` if
        impossible.
        """
        if self._broken is not None:
            return
        try:
            claimed = claim(self.path.absolute())
        except OSError as error:
            raise write_error(self.path, error) from error
        self.path = claimed.path
        self._is_ending, self._is_over = False, False

        def work() -> None:
            if self._writer is None or not self._writer.resume(claimed):
                self._writer = TraceWriter(claimed.path, run, (), force=True, claimed=claimed)
                self._writer.waits = True

        self._write(work)

    def write(
        self,
        method: Callable[Concatenate[TraceWriter, Given], None],
        *given: Given.args,
        **named: Given.kwargs,
    ) -> None:
        """Call a method of ``TraceWriter``, such as ``TraceWriter.add_event``, in the thread."""
        self._write(lambda: method(self._open(), *given, **named))

    def add_epoch(self, make: Callable[[], EpochFacts]) -> None:
        """Add an epoch, whose summaries are made here."""
        self._waiting += 1

        def work() -> None:
            try:
                if self._broken is None:
                    made = make()
                    with self._cost.beside(WRITING):
                        self._open().add_epoch(*made)
                        self._open().publish()
            finally:
                self._waiting -= 1

        self._post(work)

    def add_evaluations(self, evaluations: Sequence[Evaluation]) -> None:
        """Say what the model was evaluated on, also after the end."""
        if not self._is_over:
            self.write(TraceWriter.add_evaluations, evaluations)
        elif self._writer is not None and self._broken is None:
            self._writer.amend(evaluations)

    def end(
        self,
        ending: Ending,
        cost: Callable[[], Mapping[str, float]],
        overhead: Callable[[], Overhead],
    ) -> None:
        """Say how the run ended, wait for all that is to be written, and close the file.

        What interrupts this, such as Ctrl-C, is raised when the ending is written.
        """
        self._finish(lambda: self._open().end(ending, cost(), overhead()), ending)

    def close(self) -> None:
        """Wait for what was given, and let go of the file and of the thread."""
        self._finish(self._publish, None)

    def wait(self) -> None:
        """Until all that was given so far is done."""
        if self._thread is not None:
            done = threading.Event()
            self._post(done.set, "")
            while not done.wait(0.2):
                if not self._thread.is_alive():  # as at the very end of the process
                    break

    def do(self, part: str, work: Callable[[], None]) -> None:
        """Do something in the background; what it raises is told as that part's."""
        self._post(work, part)

    def _open(self) -> TraceWriter:
        if self._writer is None:
            raise RuntimeError("the trace was not begun")
        return self._writer

    def _finish(self, work: Callable[[], None], ending: Ending | None) -> None:
        def finish() -> None:
            if not self._work.empty():  # what was done before this has given more
                self._post(finish)
                return
            if self._broken is None:
                self._do(WRITING, work)
            self._is_over = True
            if self._writer is not None:
                try:
                    if ending is not None and self._broken is not None:
                        event = Event(RECORDER, part=WRITING, error=in_short(self._broken))
                        self._writer.give_up(ending, event)
                finally:
                    self._writer.close()

        if not self._is_ending:
            self._is_ending = True
            self._post(finish)
        if self._thread is not None:
            _join(self._thread)
            self._thread = None

    def _write(self, work: Callable[[], None]) -> None:
        def counted() -> None:
            if self._broken is None and not self._is_over:
                with self._cost.beside(WRITING):
                    work()

        self._post(counted)

    def _post(self, work: Callable[[], None], part: str = WRITING) -> None:
        if self._is_over:
            return
        if self._thread is None:
            try:
                thread = threading.Thread(target=self._run, name="pipetrace writer", daemon=True)
                thread.start()
            except RuntimeError:  # the process is about to end and begins no thread any more
                self._do(part, work)
                self._publish()
                return
            self._thread = thread
        self._work.put((part, work))

    def _run(self) -> None:
        while not self._is_over:
            if self._work.empty():
                self._publish()
            part, work = self._work.get()
            if part != WRITING:
                self._publish()  # it may take long, or read the file
            self._do(part, work)

    def _publish(self) -> None:
        if self._writer is not None and self._broken is None:
            with self._cost.beside(WRITING):
                self._do(WRITING, self._writer.publish)

    def _do(self, part: str, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # whatever it is, it is ours, and the training is not
            if part == WRITING:
                if self._broken is not None:
                    return
                self._broken = error
            self._lost(part, error)


def _join(thread: threading.Thread) -> None:
    """Wait for a thread to end. Who interrupts that is obeyed a little later."""
    interrupted: BaseException | None = None
    until = float("inf")
    while thread.is_alive() and time.monotonic() < until:
        try:
            thread.join(0.2)
        except BaseException as error:
            until = min(until, time.monotonic() + LAST_WORD_SECONDS)
            interrupted = error
    if interrupted is not None:
        raise interrupted
