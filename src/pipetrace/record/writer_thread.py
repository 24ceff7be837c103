"""Writing the trace in a thread of its own, in order, so that training never waits."""

import contextlib
import queue
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from pipetrace.record.budget import Cost
from pipetrace.trace.document import Array, Ending, Group, Prediction, Run, Stage
from pipetrace.trace.events import Event
from pipetrace.trace.measured import Measurement
from pipetrace.trace.overhead import Overhead
from pipetrace.trace.summary import Summary
from pipetrace.trace.writer import EpochFacts, TraceWriter

MOST_WAITING_EPOCHS = 2
"""Epochs whose measurements may wait for the disk. While they do no more are taken."""


class WriterThread:
    """A trace that is being written, by one thread, in the order in which things are given to it.

    It has the methods of ``TraceWriter``. What goes wrong is told to whoever made it, and nothing
    is written from there on.

    Args:
        path: where the trace goes; a trace that is there is replaced.
        lost: hears of what was raised, by the name of the part.
        cost: where the thread's processor time is counted.
    """

    def __init__(self, path: Path, lost: Callable[[str, Exception], None], cost: Cost) -> None:
        self.path = path
        self._lost, self._cost = lost, cost
        self._writer: TraceWriter | None = None
        self._broken = False
        self._work: queue.SimpleQueue[tuple[str, Callable[[], None]] | None] = queue.SimpleQueue()
        self._waiting = 0
        self._thread: threading.Thread | None = None

    @property
    def is_behind(self) -> bool:
        """Whether so much waits for the disk that measurements are better left out."""
        return self._waiting >= MOST_WAITING_EPOCHS

    def begin(self, run: Run) -> None:
        """Make the file, or open it again where an earlier training was written into it."""
        again = self._writer is not None

        def work() -> None:
            if self._writer is not None and again:
                self._writer.resume()
            else:
                self._writer = TraceWriter(self.path, run, (), force=True)

        self._write(work)

    def describe(self, run: Run, stages: tuple[Stage, ...], groups: tuple[Group, ...] = ()) -> None:
        """Say anew what runs."""
        self._write(lambda: self._open().describe(run, stages, groups))

    def add_epoch(self, make: Callable[[], EpochFacts]) -> None:
        """Add an epoch, whose summaries are made here."""
        self._waiting += 1

        def work() -> None:
            try:
                if not self._broken:
                    made = make()
                    with self._cost.beside("writing"):
                        self._open().add_epoch(*made)
            finally:
                self._waiting -= 1

        self._post(work)

    def add_data_flow(
        self,
        rows: int,
        summaries: Mapping[str, Summary],
        examples: Mapping[str, Array],
        histogram_rows: int | None = None,
    ) -> None:
        """Add what all rows were at each stage."""
        self._write(lambda: self._open().add_data_flow(rows, summaries, examples, histogram_rows))

    def add_details(
        self, part: str, summaries: Mapping[str, Summary], examples: Mapping[str, Array]
    ) -> None:
        """Add what only some stages have."""
        self._write(lambda: self._open().add_details(part, summaries, examples))

    def add_event(self, event: Event) -> None:
        """Add something that happened."""
        self._write(lambda: self._open().add_event(event))

    def add_measurements(self, measurements: Iterable[Measurement]) -> None:
        """Add further figures."""
        found = list(measurements)
        self._write(lambda: self._open().add_measurements(found))

    def add_prediction(self, prediction: Prediction) -> None:
        """Add one row's way through all stages."""
        self._write(lambda: self._open().add_prediction(prediction))

    def add_weights(self, weights: Mapping[str, Array]) -> None:
        """Add the weights as they are after training."""
        self._write(lambda: self._open().add_weights(weights))

    def end(
        self,
        ending: Ending,
        cost: Callable[[], Mapping[str, float]],
        overhead: Callable[[], Overhead],
    ) -> None:
        """Say how the run ended, wait for all that is to be written, and close the file."""
        self.wait()  # what runs now may have more to write
        self._write(lambda: self._open().end(ending, cost(), overhead()))
        self.close()

    def give_up(self, ending: Ending) -> None:
        """Say how the run ended after something could not be written, if that still fits."""
        self.close()
        if self._broken and self._writer is not None:
            with contextlib.suppress(Exception):
                self._writer.resume()
                self._writer.end(ending, {})

    def close(self) -> None:
        """Wait for what was given, and let go of the file and of the thread."""
        self.wait()
        self._write(lambda: self._writer.close() if self._writer else None)
        thread, self._thread = self._thread, None
        if thread is not None:
            self._work.put(None)
            thread.join()

    def wait(self) -> None:
        """Until all that was given so far is done."""
        if self._thread is not None:
            done = threading.Event()
            self._work.put(("", done.set))
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

    def _write(self, work: Callable[[], None]) -> None:
        def counted() -> None:
            if not self._broken:
                with self._cost.beside("writing"):
                    work()

        self._post(counted)

    def _post(self, work: Callable[[], None], part: str = "writing") -> None:
        if self._thread is None:
            try:
                thread = threading.Thread(target=self._run, name="pipetrace writer", daemon=True)
                thread.start()
            except RuntimeError:  # the process is about to end and begins no thread any more
                self._do(part, work)
                return
            self._thread = thread
        self._work.put((part, work))

    def _run(self) -> None:
        while (given := self._work.get()) is not None:
            self._do(*given)

    def _do(self, part: str, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # whatever it is, it is ours, and the training is not
            if part == "writing":
                self._broken = True
                with contextlib.suppress(Exception):
                    if self._writer is not None:
                        self._writer.close()
            self._lost(part, error)
