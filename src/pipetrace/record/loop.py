"""``recording`` for training loops of one's own, which no callback hears of."""

import atexit
import inspect
import os
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

from pipetrace.capture.data import batches
from pipetrace.capture.distributed import processes
from pipetrace.capture.fit import FitCall
from pipetrace.capture.guard import contained
from pipetrace.errors import ArgumentError, in_short
from pipetrace.record.attached import kept_of, session_for
from pipetrace.record.recorder import Recorder
from pipetrace.record.session import Session
from pipetrace.record.standard_error import not_recorded, say_once
from pipetrace.record.state import Settings


class Loop:
    """A training loop that is being recorded; use it as a ``with`` block.

    Whatever goes wrong in a recording is said once and goes no further. With ``stop_on`` the loop
    reads ``model.stop_training`` and ends itself.
    """

    def __init__(self, model: Any, settings: Settings, call: FitCall) -> None:
        self._model, self._settings, self._call = model, settings, call
        self._process = os.getpid()
        self._session: Session | None = None
        # where this process tells which weights it ends with, where another one records
        self._meeting: str | None = None
        self._sums: dict[str, Any] = {}
        self._steps, self._ended = 0, 0.0

    def __enter__(self) -> "Loop":
        self._safely(self._begin)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            self.end()
        else:
            self.failed(error)

    def end(self) -> None:
        """The loop is over."""
        self._safely(self._end)

    def failed(self, error: BaseException) -> None:
        """The loop raised."""
        self._safely(lambda: self._on(lambda session: session.failed(error)))

    def step(self, **metrics: Any) -> None:
        """A step is done: the weights were updated.

        Args:
            metrics: what it measured, such as ``loss``; numbers or tensors of one.
        """
        self._safely(lambda: self._step(metrics))

    def epoch(self, **metrics: Any) -> None:
        """An epoch is done.

        Args:
            metrics: its figures, such as ``val_loss``. Of what its steps measured the mean is
                taken, unless it is given here.
        """
        self._safely(lambda: self._epoch(metrics))

    def saw(self, batches: list[Any]) -> None:
        """Batches, ``(x, y, weight)``, that steps got, where no rows were given."""
        self._safely(lambda: self._on(lambda session: session.saw_batches(batches, complete=False)))

    def _on(self, work: Callable[[Session], None]) -> None:
        session = self._session
        if session is not None and session.is_open:
            work(session)

    def _begin(self) -> None:
        if processes.another_records():
            self._meeting = processes.meeting(self._settings.path.name)
            return
        session = session_for(self._model, self._settings)
        if session is not None:
            self._session = session
            kept_of(self._model).loop = self
            session.begin(self._call, None)
            self._ended = time.perf_counter()

    def _step(self, metrics: dict[str, Any]) -> None:
        session = self._session
        if session is None or not session.is_open:
            return
        if not self._steps:
            session.epoch_begins(self._ended)
        self._steps += 1
        for name, value in metrics.items():
            self._sums[name] = value if name not in self._sums else self._sums[name] + value
        means = {name: total / self._steps for name, total in self._sums.items()}
        if not session.step_ends(means):
            session.loss_broke()

    def _epoch(self, metrics: dict[str, Any]) -> None:
        session = self._session
        if session is None or not session.is_open:
            return
        if not self._steps:
            session.epoch_begins(self._ended)
        means = {name: total / max(1, self._steps) for name, total in self._sums.items()}
        self._sums, self._steps = {}, 0
        session.epoch_ends({**means, **metrics})
        self._ended = time.perf_counter()

    def _end(self) -> None:
        meeting, self._meeting = self._meeting, None
        if meeting is not None:
            processes.tell(meeting, self._model)
        if self._steps:
            self._epoch({})  # a last one, or the only one
        self._on(lambda session: session.end())

    def _safely(self, work: Callable[[], None]) -> None:
        if os.getpid() != self._process:
            return  # a forked child records nothing
        with contained(self._lose):
            work()
        if self._session is not None and self._session.alerts.has_news:
            self._session.alerts.heed()

    def _lose(self, error: BaseException) -> None:
        if self._session is not None:
            self._session.state.lose("recorder", error)
        elif not processes.another_recorded():
            say_once(f"pipetrace: Nothing is recorded: {in_short(error)}")


class BatchLoop:
    """The calls of ``train_on_batch`` of a model; an epoch ends before its first batch again."""

    def __init__(self, model: Any, settings: Settings) -> None:
        self._model, self._seen = model, list[Any]()
        self._loop = Loop(model, settings, FitCall(epochs=0, known=True, by_fit=False))
        self._rows, self._steps, self._complete = 0, 0, False

    def call(self, train: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Call ``train_on_batch``, which may raise anything, and record the step."""
        with not_recorded("This training is"):
            self._look(batches.of_call(train, args, kwargs))
        try:
            result = train(*args, **kwargs)
        except BaseException as error:
            self._loop.failed(error)
            raise
        with not_recorded("This training is"):
            self._loop.step(**batches.metrics_of(self._model, result))
            self._steps += 1
        return result

    def end(self) -> None:
        """No batch follows."""
        atexit.unregister(self.end)
        self._loop.end()

    def _look(self, batch: Any) -> None:
        if not self._steps:
            self._loop.__enter__()
            kept_of(self._model).loop = self
            # Nothing but the end of the program tells of the last batch.
            atexit.register(self.end)
        elif self._steps > 1 and self._seen and batches.are_same(self._seen[0], batch):
            self._loop.epoch()
            if not self._complete:
                self._loop.saw(self._seen)
            self._complete = True
        if batch is not None and not self._complete:
            first = not self._seen
            self._seen.append(batches.copied(batch))
            self._rows = sum(map(batches.rows_of, self._seen))
            # The first shows the stages; what is measured at the end is of as many as are kept.
            self._complete = self._rows >= batches.MOST_ROWS
            if first or self._complete:
                self._loop.saw(self._seen)


def show_arguments(function: Any, recorder: Callable[..., Any]) -> Any:
    """Have a function show, after its first argument, those of a recorder that it passes on, and
    its own ones last."""
    own, named = inspect.signature(function), inspect.Parameter.KEYWORD_ONLY
    model, *rest = own.parameters.values()
    shared = inspect.signature(recorder).parameters.values()
    more = [each for each in rest if each.kind is named]
    function.__signature__ = own.replace(parameters=[model, *shared, *more])
    function.__annotations__ |= {each.name: each.annotation for each in shared}
    del function.__annotations__["given"], function.__annotations__["options"]
    return function


def recording(
    model: Any,
    *given: Any,
    epochs: int | None = None,
    batch_size: int | None = None,
    loss: Any = None,
    optimizer: Any = None,
    **options: Any,
) -> Loop:
    """Record a training loop of your own, with ``GradientTape`` or ``train_on_batch``.

        with pipetrace.recording(model, "run.trace", x, y) as run:
            for epoch in range(5):
                for batch in batches:
                    run.step(loss=train(batch))
                run.epoch(val_loss=validate())

    Args:
        model: a built Keras model, or PyTorch's ``DistributedDataParallel`` of one.
        path, validation_data, title, class_names, verbose, budget, after_training,
        record_arguments, anonymous, stop_on, on_finding, log_to: as for ``Recorder``.
        x, y: rows and targets that are trained on, or some of them.
        epochs: how many are planned, where that is known.
        batch_size: rows of a batch, where that is known; the model gets no more at a time. Of one
            process where several train together.
        loss, optimizer: those that the loop uses, where the model was not compiled with them.

    Returns:
        what the loop tells of its steps and epochs, by the methods ``step`` and ``epoch``.

    Raises:
        ArgumentError: this is no Keras model, or the rows are not arrays.
        OutputExistsError: there is a file at the path that is no trace.
        NotWritableError: nothing can be written there.
    """
    model, replicas = processes.wrapped(model)
    if not hasattr(model, "trainable_variables"):
        raise ArgumentError(
            f"Only a Keras model can be recorded, received {type(model).__name__}.",
            where="recording(model, ...)",
            hint="Give the model that the loop trains.",
        )
    recorder = Recorder(*given, **options)
    told = inspect.signature(Recorder).bind(*given, **options).arguments
    call = FitCall(
        told.get("x"),
        told.get("y"),
        validation=told.get("validation_data"),
        batch_size=batch_size,
        epochs=epochs or 0,
        known=True,
        by_fit=False,
        loss=loss,
        optimizer=optimizer,
        replicas=replicas,
    )
    return Loop(model, recorder.settings, call)


show_arguments(recording, Recorder)
