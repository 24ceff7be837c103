"""The callback that records a training."""

import functools
import os
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, TypedDict, Unpack

from pipetrace.capture import batches, fit
from pipetrace.capture.backend import load
from pipetrace.capture.fit import FitCall, Standing
from pipetrace.errors import ArgumentError, DataError
from pipetrace.record.attached import kept_of
from pipetrace.record.budget import SHARE, check_budget
from pipetrace.record.measure.rows import Rows
from pipetrace.record.recording import Settings
from pipetrace.record.session import Session
from pipetrace.trace.writer import check_place

_Callback: Any = load().callbacks.Callback


def _aside(method: Callable[..., Any]) -> Callable[..., Any]:
    """Whatever the method makes of Keras, the names of what the program makes later stay as they would be.

    Of a model that is not built yet the first pass takes names that the training would take, whoever makes it.
    """

    @functools.wraps(method)
    def done(self: "Recorder", *args: Any, **kwargs: Any) -> Any:
        self._built = self._built or fit.is_built(self._model)
        if not self._built:
            return method(self, *args, **kwargs)
        with fit.names_kept():
            return method(self, *args, **kwargs)

    return done


class RecorderOptions(TypedDict, total=False):
    """What a ``Recorder`` can be told beside the path and the rows; its own text says what each is."""

    validation_data: tuple[Any, Any] | None
    title: str | None
    class_names: Sequence[str]
    verbose: bool
    budget: float | None
    after_training: bool
    exact: bool


class Recorder(_Callback):  # type: ignore[misc] # Keras has no types
    """A Keras callback that records the training of a compiled model into a trace.

        model.fit(x, y, epochs=5, callbacks=[pipetrace.Recorder("run.trace", x, y)])

    It sees the model's stages by passing rows through it, measures a few rows at the end of every epoch, and all rows
    when training ends. The training's result is the same with it and without it, to the bit.

    Args:
        path: where the trace goes; a trace that is there is replaced, any other file is not.
        x, y: rows and targets to look at, arrays or structures of arrays, shape ``(n, ...)``; those that ``fit`` gets
            when left out. Of a dataset or generator the first batches are looked at as they pass.
        validation_data: ``(x, y)`` of rows that are not trained on, from which the predictions are taken; those that
            ``fit`` validates on when left out.
        title: what the trace is called; the model's name when left out.
        class_names: what the classes are called, in the order of their numbers.
        verbose: whether to say on standard error what the rules find, a grave fault at once, what recording took, and
            where the trace is.
        budget: the share of training time that recording may take while training runs. It samples less where it would
            take more: rows of the probe, detail by channel, epochs; metrics are always kept. In a training of less than a
            minute it may take half a second in all. None records all.
        after_training: whether the data flow of all rows, predictions and weights are measured when training is over,
            which is not inside the budget.
        exact: whether the data flow passes all rows, and its histograms count them all, however many they are and however
            long that takes. Otherwise the histograms count a sample of 10,000, and rows that would take more than a
            minute, or a tenth of the training, pass evenly spaced.

    Raises:
        ArgumentError: the rows are not arrays with as many rows each, or the budget is no share.
        OutputExistsError: there is a file at the path that is no trace.
        NotWritableError: nothing can be written there.
        FrameworkError: Keras does not run on TensorFlow here.
    """

    async_safe = True

    def __init__(
        self,
        path: str | os.PathLike[str],
        x: Any = None,
        y: Any = None,
        **options: Unpack[RecorderOptions],
    ) -> None:
        super().__init__()
        unknown = sorted(set(options) - set(RecorderOptions.__annotations__))
        if unknown:
            raise TypeError(f"Recorder() got an unexpected keyword argument {unknown[0]!r}")
        share, held_out = options.get("budget", SHARE), options.get("validation_data")
        check_budget(share)
        place = Path(path)
        check_place(place)
        self._set_up(
            Settings(
                path=place,
                rows=_given(x, y, "x and y"),
                held_out=_given(*held_out, "validation_data") if held_out is not None else None,
                title=options.get("title"),
                class_names=tuple(map(str, options.get("class_names", ()))),
                command=_command(),
                verbose=options.get("verbose", True),
                budget=share,
                after=options.get("after_training", True),
                exact=options.get("exact", False),
                alert=options.get("verbose", True),
            )
        )

    @classmethod
    def under(cls, settings: Settings) -> Self:
        """A recorder under settings that were checked by whoever made them."""
        made = cls.__new__(cls)
        _Callback.__init__(made)
        made._set_up(settings)
        return made

    def _set_up(self, settings: Settings) -> None:
        self.settings = settings
        self._session: Session | None = None
        self._standing: Standing | None = None
        self._tee: batches.Tee | None = None
        self._teller: Any = None
        self._built = False
        fit.arm(self)

    def set_model(self, model: Any) -> None:
        """Keras says at the begin of each ``fit`` whose it is."""
        super().set_model(model)
        self._built = False

    @_aside
    def build_failed(self, model: Any, error: BaseException, arguments: Mapping[str, Any]) -> None:
        """A ``fit`` that this callback was given to could not begin."""
        fit.disarm(self)
        session = self._of(model)
        call = FitCall(
            x=arguments.get("x"),
            y=arguments.get("y"),
            validation=arguments.get("validation_data"),
            batch_size=arguments.get("batch_size"),
            epochs=int(arguments.get("epochs") or 1),
            known=True,
        )
        session.begin(call, None, build=False)
        session.failed(error)

    @_aside
    def on_train_begin(self, logs: Any = None) -> None:  # noqa: ARG002 Keras' signature
        """See what runs, and stand beside it."""
        fit.disarm(self)
        session = self._of(self.model)
        with session.safely("start"):
            call = fit.running_fit(self.model, self.params or {})
            # Others' callbacks may change weights and metrics at the end of an epoch, so we come after them.
            others = getattr(call.callbacks, "callbacks", None)
            if isinstance(others, list):
                self._teller = _Teller(self, others)
                others.append(self._teller)
            session.begin(call, (self.params or {}).get("steps"))
            if session.wants_rows:
                self._tee = batches.Tee(session.steps_together, enough=session.has_taken_enough)
            self._standing = Standing(self.model, self._before_step, self._after_step, self._failed)
            self._standing.enter()
            self._standing.enter_callbacks(call.callbacks if isinstance(others, list) else None)

    def on_test_begin(self, logs: Any = None) -> None:  # noqa: ARG002
        """Validation begins."""
        if self._standing is not None:
            self._standing.enter_test()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        """An epoch begins."""
        if self._session is not None and self._session.open:
            self._session.epoch_begins()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        """An epoch ends; where nobody comes after us it is ours to record it."""
        if self._teller is None:
            self.epoch_is_over(logs)

    def on_train_end(self, logs: Any = None) -> None:  # noqa: ARG002
        """Training ends."""
        if self._teller is None:
            self.training_is_over()

    @_aside
    def epoch_is_over(self, logs: Any) -> None:
        """All other callbacks have seen the epoch."""
        if self._session is not None and self._session.open:
            self._finish_tee(whole_epoch=True)
            self._session.epoch_ends(logs or {})

    @_aside
    def training_is_over(self) -> None:
        """All other callbacks have seen the end."""
        self._leave()
        if self._session is not None:
            self._session.end()

    def failed(self, error: BaseException) -> None:
        """``fit`` raised, wherever that was."""
        self._failed(error)

    @_aside
    def _failed(self, error: BaseException) -> None:
        self._leave()
        if self._session is not None:
            self._session.failed(error)

    def _before_step(self, iterator: Any) -> Any:
        # What follows costs microseconds, and most steps need none of it.
        return iterator if self._tee is None else self._taken_down(iterator)

    @_aside
    def _taken_down(self, iterator: Any) -> Any:
        tee, session = self._tee, self._session
        if tee is None or session is None:
            return iterator
        first = not tee.batches
        given, broken = iterator, None
        with session.safely("rows"):
            try:
                given = tee(iterator)
            except batches.SourceError as error:
                broken = error.__cause__
        if broken is not None:
            raise broken
        if first and tee.batches and session.measure is None:
            session.saw(tee.batches, complete=False)
        if tee.done:
            self._finish_tee()
        return given

    def _finish_tee(self, *, whole_epoch: bool = False) -> None:
        tee, session = self._tee, self._session
        if tee is not None and session is not None and tee.batches:
            # A generator, or a source of which an epoch takes so many steps, has more to come.
            ends = hasattr(session.call.x, "__len__") and not session.call.steps_per_epoch
            session.saw(tee.batches, complete=whole_epoch and ends)
        self._tee = None

    def _after_step(self, logs: Any) -> None:
        session = self._session
        if session is not None and isinstance(logs, Mapping) and not session.step_ends(logs):
            self._look_for_trouble()

    @_aside
    def _look_for_trouble(self) -> None:
        if self._session is not None:
            self._session.loss_broke()

    def _leave(self) -> None:
        if self._standing is not None:
            self._standing.leave()
            self._standing = None
        teller, self._teller = self._teller, None
        if teller is not None and teller in teller.others:
            teller.others.remove(teller)

    def _of(self, model: Any) -> Session:
        """The recording of a model into this file: a new one, or the one that an earlier ``fit`` began."""
        if self._session is None or self._session.model is not model:
            known = kept_of(model).sessions
            place = self.settings.path.absolute()
            session = known.get(place)
            if session is None or not place.exists():
                session = known[place] = Session(model, self.settings)
            else:
                session.settings = self.settings
            self._session = session
        return self._session


class _Teller(_Callback):  # type: ignore[misc]
    """Stands at the end of Keras' list of callbacks, so that a recorder hears of an epoch after all others."""

    async_safe = True

    def __init__(self, recorder: Recorder, others: list[Any]) -> None:
        super().__init__()
        self.recorder, self.others = recorder, others

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        self.recorder.epoch_is_over(logs)

    def on_train_end(self, logs: Any = None) -> None:  # noqa: ARG002
        self.recorder.training_is_over()


def _given(x: Any, y: Any, where: str) -> Rows | None:
    """Rows that were given to the recorder, checked."""
    if x is None:
        if y is not None:
            raise ArgumentError(
                "y was given without x.", where=where, hint="Give both, or neither."
            )
        return None
    arrays, targets = batches.plain_arrays(x), batches.plain_arrays(y)
    if arrays is None or (y is not None and targets is None):
        kind = type(x if arrays is None else y).__name__
        raise ArgumentError(
            f"The rows to look at must be arrays, received {kind}.",
            where=where,
            hint="Give arrays, or a tuple or dictionary of arrays; or leave them out: then the first batches that fit "
            "gets are looked at.",
        )
    lengths = {
        len(each) if each.ndim else None
        for each in load().tree.flatten([arrays, targets])
        if each is not None
    }
    if len(lengths) != 1 or not lengths - {None, 0}:
        raise DataError(
            f"All arrays must have as many rows, and at least one; received {sorted(map(str, lengths))}.",
            where=where,
            hint="Give x and y with the same first axis.",
        )
    return Rows(arrays, targets)


def _command() -> str:
    return (
        shlex.join([Path(sys.executable).name, *sys.argv])
        .encode(errors="surrogateescape")
        .decode(errors="replace")
    )
