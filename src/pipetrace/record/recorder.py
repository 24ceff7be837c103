"""The callback that records a training."""

import functools
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self, TypeVar, cast

from pipetrace.capture import fit, internals
from pipetrace.capture.distributed import processes
from pipetrace.capture.fit import FitCall, StepWrapper
from pipetrace.capture.guard import contained, is_the_users
from pipetrace.errors import IncompleteTraceError, in_short
from pipetrace.record import attached
from pipetrace.record.budget import DEFAULT_SHARE, check_budget
from pipetrace.record.epochs.alerts import check_alerts
from pipetrace.record.evaluations import Hearing
from pipetrace.record.measure.passing import PassingBatches
from pipetrace.record.measure.rows import given_rows
from pipetrace.record.privacy import started
from pipetrace.record.session import Session
from pipetrace.record.standard_error import say_once
from pipetrace.record.state import ALL, BRIEF, Settings, check_after_training
from pipetrace.trace import Trace, read
from pipetrace.trace.output_place import check_place
from pipetrace.trace.overhead import UNSUPPORTED
from pipetrace.trace.records import Shown
from pipetrace.trace.training import Evaluation

Method = TypeVar("Method", bound=Callable[..., None])


def _beside_training(method: Method) -> Method:
    """A method of ``Recorder`` that is called while the user's training runs.

    In a forked child it does nothing, nor where another process records. What it raises is said and
    goes no further; Ctrl-C within it interrupts the training as it would elsewhere.
    """

    @functools.wraps(method)
    def called(self: "Recorder", *args: Any, **kwargs: Any) -> None:
        if self.is_elsewhere or processes.another_records():
            return
        try:
            with contained(self.lose):
                method(self, *args, **kwargs)
        except BaseException as error:  # the user's, such as Ctrl-C
            if method.__name__ != "failed":
                self.failed(error)
            raise

    return cast(Method, called)


class Recorder(Hearing, Shown):
    """A Keras callback that records the training of a compiled model into a trace.

        model.fit(x, y, epochs=5, callbacks=[pipetrace.Recorder("run.trace", x, y)])

    It passes rows through the model to see its stages, some rows after every epoch, and more rows
    when training ends. The training's result is the same with it and without it, to the bit.

    Args:
        path: where the trace goes; a trace that is there is replaced, any other file is not.
        x, y: rows and targets to look at, arrays or structures of arrays, shape ``(n, ...)``. Those
            that ``fit`` gets when left out; of a dataset or generator the first batches as they
            pass.
        validation_data: ``(x, y)`` of rows that are not trained on, from which the predictions are
            taken. Those that ``fit`` validates on when left out.
        title: what the trace is called; the model's name when left out.
        class_names: what the classes are called, in the order of their numbers.
        verbose: whether to report on standard error what the rules find, errors at once, and where
            the trace is.
        budget: the share of training time that recording may take while training runs. Where it
            would take more, fewer epochs are measured, evenly spread; metrics are always kept. A
            training of less than a minute may use half a second in all. None records everything.
        after_training: what is measured when training is over. ``"brief"``: predictions, outcomes,
            the data flow and more, of as many evenly spaced rows as fit; with all else that
            recording takes, ``fit`` returns at most 5 % later, or 2 s where that is more.
            ``"all"``: everything, of all rows, however long it takes; Ctrl-C ends it. ``"none"``:
            nothing. Without a budget there is no limit either.
        record_arguments: whether the trace has the values of the program's options too, not their
            names alone. Those that look like secrets are masked all the same.
        anonymous: whether to leave out what names a person, a machine or a place: the program,
            paths, class names, the messages of errors. ``docs/privacy.md`` has the list.
        stop_on: ``"error"`` ends a training that cannot work: once the rules find an error in what
            was recorded so far, ``model.stop_training`` is set.
        on_finding: is called with each new ``Finding``, in the training's thread, while it runs and
            when it has ended. What it raises is said once, and it is not called again.
        log_to: ``"mlflow"`` or ``"wandb"`` puts the trace and its page among the artifacts of the
            run that is active when ``fit`` ends.

    Raises:
        ArgumentError: the rows are not arrays with as many rows each, the budget is no share,
            ``after_training`` is none of the three, ``stop_on`` or ``log_to`` is something else, or
            ``on_finding`` no function.
        OutputExistsError: there is a file at the path that is no trace.
        NotWritableError: nothing can be written there.
        FrameworkError: Keras runs on something else than TensorFlow, JAX and PyTorch.
    """

    def __init__(  # noqa: PLR0913 options with names, which editors complete
        self,
        path: str | os.PathLike[str],
        x: Any = None,
        y: Any = None,
        *,
        validation_data: tuple[Any, Any] | None = None,
        title: str | None = None,
        class_names: Sequence[str] = (),
        verbose: bool = True,
        budget: float | None = DEFAULT_SHARE,
        after_training: str = BRIEF,
        record_arguments: bool = False,
        anonymous: bool = False,
        stop_on: str | None = None,
        on_finding: Callable[[Any], object] | None = None,
        log_to: str | None = None,
    ) -> None:
        super().__init__()
        check_budget(budget)
        check_alerts(stop_on, on_finding, log_to)
        check_after_training(after_training)
        place = Path(path)
        check_place(place)
        validation = (
            None if validation_data is None else given_rows(*validation_data, "validation_data")
        )
        self._set_up(
            Settings(
                path=place,
                rows=given_rows(x, y, "x and y"),
                validation=validation,
                title=title,
                class_names=tuple(map(str, class_names)),
                command="" if anonymous else started(values=record_arguments),
                anonymous=anonymous,
                verbose=verbose,
                budget=budget,
                after=after_training,
                exact=after_training == ALL,
                alert=verbose,
                stop_on=stop_on,
                on_finding=on_finding,
                log_to=log_to,
            )
        )

    @classmethod
    def under(cls, settings: Settings) -> Self:
        """A recorder with settings that were checked before."""
        made = cls.__new__(cls)
        Hearing.__init__(made)
        made._set_up(settings)
        return made

    def _set_up(self, settings: Settings) -> None:
        self.settings = settings
        self._process = os.getpid()
        self._session: Session | None = None
        self._call: FitCall | None = None
        self._has_begun, self.is_recording = False, False
        self._epoch: int | None = None
        self._wrapper: StepWrapper | None = None
        self._unwrap_callbacks: Callable[[], None] | None = None
        self._batches: PassingBatches | None = None
        self._last: attached.LastCallback | None = None

    @property
    def is_elsewhere(self) -> bool:
        """Whether this is a forked child of the process that the recorder belongs to."""
        return os.getpid() != self._process

    @property
    def trace(self) -> Trace:
        """The trace of what was fitted, read from its file.

        Raises:
            IncompleteTraceError: no ``fit`` has come to its end with this recorder.
            TraceError: the file cannot be read.
        """
        if self._session is None or self._session.is_open:
            raise IncompleteTraceError(
                "No fit has come to its end with this recorder.",
                where=str(self.settings.path),
                hint="Read it after fit; of several processes in the one with number 0.",
            )
        return read(self._session.state.path)

    def __repr__(self) -> str:
        return f"Recorder({str(self.settings.path)!r})"

    def fit_of(self, model: Any, call: FitCall | None, run: Callable[[], Any]) -> Any:
        """Run a ``fit`` that this recorder was given to, and hear what it raises, which goes on."""
        self._call, self._has_begun = call, False
        try:
            return run()
        except BaseException as error:
            if self._has_begun:
                self.failed(error)
            elif isinstance(error, Exception):
                self._could_not_begin(model, error)
            raise
        finally:
            self._call = None

    @_beside_training
    def _could_not_begin(self, model: Any, error: Exception) -> None:
        """Keras makes the variables and tries the loss before any callback hears of the ``fit``."""
        session = self._of(model)
        if session is not None:
            with session.state.safely("failure"):
                session.begin(self._call or FitCall(), None, look=False)
                session.failed(error)

    def on_train_begin(self, logs: Any = None) -> None:  # noqa: ARG002 Keras' signature
        """See what runs, and wrap its steps."""
        if not self.is_elsewhere and processes.another_records():
            attached.tell_at_end(self)
        self._begin()

    @_beside_training
    def _begin(self) -> None:
        self._has_begun = True
        call, callback_list = fit.running_call(self.model)
        if attached.is_recorded_already(self.model, callback_list, self):
            return
        session = self._of(self.model)
        if session is None:
            return
        self.is_recording, self._epoch = True, None
        attached.remember_recorder(self.model, callback_list, self)
        params = self.params or {}
        with session.state.safely("start"):
            if self._call is None:
                self._come_last(callback_list)
            call = self._call or call
            if not call.known:
                call = replace(call, epochs=int(params.get("epochs") or 1))
            session.begin(call, params.get("steps"))
            self._batches = PassingBatches(session)
            own = (self._before_step, self._before_test, self._after_step, self.failed)
            self._wrapper = StepWrapper(self.model, *own)
            self._wrapper.enter()

    def _come_last(self, callback_list: Any) -> None:
        """Come after all other callbacks, which may change weights and metrics when an epoch ends;
        where Keras' own list is not known, the recorder's place in it decides."""
        if callback_list is None:
            return
        self._last = attached.LastCallback(self, callback_list.callbacks)
        callback_list.callbacks.append(self._last)
        if internals.supports_callback_list():
            self._unwrap_callbacks = internals.hear_errors(callback_list, self.failed)

    @_beside_training
    def on_test_begin(self, logs: Any = None) -> None:  # noqa: ARG002
        """Validation begins."""
        if self._wrapper is not None:
            self._wrapper.enter_test()
        if self._batches is not None and self._open is not None:
            self._batches.validation_begins()

    @_beside_training
    def on_test_end(self, logs: Any = None) -> None:
        """Validation ends, or an ``evaluate`` that this was given to."""
        if not self.is_recording:
            super().on_test_end(logs)
        if self._batches is not None:
            self._batches.validation_ends()

    @_beside_training
    def heard(self, found: Evaluation) -> None:
        """An ``evaluate`` or ``predict`` that this was given to is over."""
        attached.evaluated(self.model, self.settings, found)

    @_beside_training
    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        """An epoch begins; a recorder that stands twice in the list hears of it twice."""
        if self._open is not None and epoch != self._epoch:
            self._epoch = epoch
            self._open.epoch_begins()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """An epoch ends; other callbacks may still come where this one does not come last."""
        if self._last is None and epoch == self._epoch:
            self._epoch = None
            self.epoch_is_over(logs)

    def on_train_end(self, logs: Any = None) -> None:  # noqa: ARG002
        """Training ends."""
        if self._last is None and self.is_recording:
            self.training_is_over()

    def epoch_is_over(self, logs: Any) -> None:
        """All other callbacks have seen the epoch."""
        self._epoch_ends(logs)
        self._heed()

    def training_is_over(self) -> None:
        """All other callbacks have seen the end."""
        self._training_ends()
        self._heed()

    @_beside_training
    def _epoch_ends(self, logs: Any) -> None:
        session = self._open
        if session is not None:
            if self._batches is not None:
                self._batches.finish(whole_epoch=True)
            if self._wrapper is not None and not self._wrapper.is_in_place():
                session.state.skipped["steps", UNSUPPORTED] = 1
            session.epoch_ends(logs or {})

    @_beside_training
    def _training_ends(self) -> None:
        self._leave()
        if self._session is not None:
            self._session.end()

    def _heed(self) -> None:
        """Stop the training, or call a function of the program's, where a finding asks for it."""
        session = self._session
        if session is not None and session.alerts.has_news and not self.is_elsewhere:
            try:
                session.alerts.heed()
            except BaseException as error:  # what ends the program
                self.failed(error)
                raise

    @_beside_training
    def failed(self, error: BaseException) -> None:
        """The ``fit`` raised, wherever that was."""
        self._leave()
        if self._session is not None:
            self._session.failed(error)
            self._heed()

    @property
    def _open(self) -> Session | None:
        """The recording of the ``fit`` that runs."""
        session = self._session
        return session if self.is_recording and session is not None and session.is_open else None

    def _before_step(self, iterator: Any) -> Any:
        if self._batches is None or self.is_elsewhere:
            return iterator
        return self._batches.before_step(iterator)

    def _before_test(self, iterator: Any) -> Any:
        if self._batches is None or self.is_elsewhere:
            return iterator
        return self._batches.before_test(iterator)

    def _after_step(self, logs: Any) -> None:
        session = self._open
        if session is None or self.is_elsewhere or not isinstance(logs, Mapping):
            return
        try:
            is_sound = session.step_ends(logs)
        except BaseException as error:
            if is_the_users(error):
                raise
            session.state.lose("steps", error)
            return
        if not is_sound:
            self._loss_broke(session)
        self._heed()

    @_beside_training
    def _loss_broke(self, session: Session) -> None:
        session.loss_broke()

    def _leave(self) -> None:
        """Leave the model and Keras' list of callbacks as they were."""
        self.is_recording, self._batches = False, None
        if self._wrapper is not None:
            self._wrapper.leave()
            self._wrapper = None
        unwrap, self._unwrap_callbacks = self._unwrap_callbacks, None
        if unwrap is not None:
            unwrap()
        last, self._last = self._last, None
        if last is not None:
            last.others[:] = [each for each in last.others if each is not last]

    def lose(self, error: BaseException) -> None:
        """Say that something of the recorder failed that is no part by itself."""
        if self._session is not None:
            self._session.state.lose("recorder", error)
        else:
            say_once(f"pipetrace: Nothing is recorded: {in_short(error)}")

    def _of(self, model: Any) -> Session | None:
        """The recording of a model into this file; None where another model has the file now."""
        self._session = attached.session_for(model, self.settings)
        return self._session
