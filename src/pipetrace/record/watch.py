"""``watch`` for one model, and what ``pipetrace run`` does for every model of a program."""

import os
import signal
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, cast

from pipetrace.capture.distributed import processes
from pipetrace.capture.fit import (
    bound_call,
    callbacks_in,
    callbacks_of,
    patched_fit,
    with_callback,
)
from pipetrace.errors import ArgumentError
from pipetrace.record.attached import end_loop, forget, interrupt_all, kept_of, say_joined
from pipetrace.record.evaluations import EVALUATE, PREDICT
from pipetrace.record.evaluations import recorded as recorded_evaluation
from pipetrace.record.loop import BatchLoop, show_arguments
from pipetrace.record.recorder import Recorder
from pipetrace.record.standard_error import not_recorded, say
from pipetrace.record.state import Settings
from pipetrace.trace.output_place import typed

Given = ParamSpec("Given")
THIS_FIT = "This fit is"


class Watching:
    """A model that is being watched; ``stop`` ends it. Can be used in a ``with`` block."""

    def __init__(self, model: Any, recorder: Recorder) -> None:
        self.recorder = recorder
        self._model = weakref.ref(model)
        kept = kept_of(model)
        kept.watched.append(self)
        for name, recorded in METHODS.items():
            if name not in kept.methods and callable(getattr(model, name, None)):
                kept.methods[name] = _watched_method(model, name, recorded)
                object.__setattr__(model, name, kept.methods[name])

    def stop(self) -> None:
        """Leave the model to an earlier watch, or as it was; what was recorded stays."""
        model = self._model()
        if model is None:
            return
        kept = kept_of(model)
        end_loop(model)
        kept.watched[:] = [each for each in kept.watched if each is not self]
        if kept.watched:
            return
        for name, method in kept.methods.items():
            if vars(model).get(name) is method:
                object.__delattr__(model, name)
        kept.methods.clear()
        if not kept.sessions and kept.recorder is None:
            forget(model)

    def __enter__(self) -> "Watching":
        return self

    def __exit__(self, *details: object) -> None:
        self.stop()


def _with_arguments_of(
    recorder: Callable[Given, object],
) -> Callable[[Callable[..., Watching]], Callable[Concatenate[Any, Given], Watching]]:
    """Have a function show, after its first argument, those of a recorder that it passes on."""

    return lambda function: show_arguments(function, recorder)


@_with_arguments_of(Recorder)
def watch(model: Any, *given: Any, **options: Any) -> Watching:
    """Record every ``fit`` of a model from now on, into one trace.

        pipetrace.watch(model, "run.trace")
        model.fit(x, y, epochs=5)

    What ``evaluate`` and ``predict`` get and measure is kept in it too.

    Of several watches the latest records; when it stops, the one before. A ``Recorder`` that a
    ``fit`` is given comes first.

    Args:
        model: a Keras model; need not be compiled yet.
        path, x, y, validation_data, title, class_names, verbose, budget, after_training,
        record_arguments, anonymous, stop_on, on_finding, log_to: as for ``Recorder``.

    Returns:
        what ends the watching, by its method ``stop`` or as a ``with`` block.

    Raises:
        ArgumentError: this is no Keras model, or the rows are not arrays.
        OutputExistsError: there is a file at the path that is no trace.
        NotWritableError: nothing can be written there.
    """
    if not callable(getattr(model, "fit", None)):
        raise ArgumentError(
            f"Only a Keras model can be watched, received {type(model).__name__}.",
            where="watch(model, ...)",
            hint="Give the model whose fit is called later.",
        )
    recorder = Recorder(*given, **options)
    path = recorder.settings.path
    for each in list(kept_of(model).watched):
        earlier = each.recorder.settings.path
        if earlier == path:
            each.stop()
        else:
            said = f"{typed(path)} from now on, not into {typed(earlier)}"
            say(f"pipetrace: This model is recorded into {said}.")
    return Watching(model, recorder)


def _watched_method(model: Any, name: str, recorded: Callable[..., Any]) -> Any:
    """A ``fit``, say, of a model that is watched: it is recorded by whoever watched it last."""
    original, here = getattr(model, name), weakref.ref(model)
    weakly = weakref.WeakMethod(original) if hasattr(original, "__self__") else None

    def method(*args: Any, **kwargs: Any) -> Any:
        called: Any = weakly() if weakly else original
        model = here()
        latest = kept_of(model).watched[-1:] if model is not None else []
        if not latest:
            return called(*args, **kwargs)
        return recorded(called, model, lambda: latest[0].recorder, args, kwargs)

    return method


@contextmanager
def watching_all(
    name_of: Any,
    made: list[Path],
    copies: dict[Path, Path],
    *,
    command: str,
    **options: Any,
) -> Iterator[None]:
    """Within the block every ``fit`` of any model is recorded, each model into a trace of its own.

    What a program records itself is left to it. ``name_of`` gives the path for the number of a
    model, from 1. ``made`` is filled with the paths in the order of the first fits, and ``copies``,
    for one whose model the program records itself, with the program's. Options are as for
    ``Recorder``.
    """
    told, process = {"verbose": False, **options}, os.getpid()
    seen: weakref.WeakSet[Any] = weakref.WeakSet()

    def recorder_of(model: Any) -> Recorder:
        kept = kept_of(model)
        if kept.recorder is None:
            path = name_of(len(made) + 1)
            kept.recorder = Recorder(path, **told)
            kept.recorder.settings = replace(
                kept.recorder.settings,
                command=command,
                alert=True,
                moved=partial(made.__setitem__, len(made)),
            )
            made.append(path)
            seen.add(model)
        return cast(Recorder, kept.recorder)

    def leave_to(own: Recorder) -> None:
        path, asked = own.settings.path.absolute(), name_of(len(made) + 1)
        if path in {each.absolute() for each in (*made, *copies.values())}:
            return
        made.append(asked)
        if asked.absolute() != path:
            copies[asked] = path
            say(f"pipetrace: The program records this fit into {path}; {asked} becomes a copy.")

    def recorded(fit: Any, model: Any, args: Any, kwargs: Any) -> Any:
        own = None
        with not_recorded(THIS_FIT):
            own = _recorder_among(callbacks_of(fit, args, kwargs))
            if own and os.getpid() == process and not processes.another_records():
                leave_to(own)
        if own is not None or os.getpid() != process:
            return fit(*args, **kwargs)
        return _recorded(fit, model, lambda: recorder_of(model), args, kwargs)

    evaluated = partial(_evaluation_of_any, seen, process)
    with ExitStack() as patches:
        for name, replacement in (
            ("fit", recorded),
            ("train_on_batch", partial(_batch_of_any, recorder_of, process)),
            (EVALUATE, evaluated),
            (PREDICT, evaluated),
        ):
            patches.enter_context(patched_fit(replacement, name))
        patches.enter_context(_told_of_sigterm())
        try:
            yield
        finally:
            _let_go(list(seen))


def _let_go(models: list[Any]) -> None:
    for model in models:
        with not_recorded(THIS_FIT):
            end_loop(model)
        forget(model)


@contextmanager
def _told_of_sigterm() -> Iterator[None]:
    """Let SIGTERM end the process as it would, after the traces say that it was interrupted."""
    process = os.getpid()

    def end(*_: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        if os.getpid() == process:
            with not_recorded(THIS_FIT):
                interrupt_all()
        os.kill(os.getpid(), signal.SIGTERM)

    ours = threading.current_thread() is threading.main_thread()
    if not ours or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGTERM) is end:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _recorded(
    fit: Any, model: Any, recorder_of: Callable[[], Recorder], args: Any, kwargs: Any
) -> Any:
    """Call ``fit`` with a recorder, unless it is given one already; what it raises passes
    unchanged.
    """
    recorder: Recorder | None = None
    with not_recorded(THIS_FIT):
        end_loop(model)
        found = recorder_of()
        own = _recorder_among(callbacks_of(fit, args, kwargs))
        if found.is_elsewhere:
            pass  # a forked child records nothing
        elif own is not None:
            say_joined(own, found)
        else:
            call = bound_call(fit, args, kwargs)
            given, named, undo = with_callback(fit, args, kwargs, found)
            recorder = found
    if recorder is None:
        return fit(*args, **kwargs)
    try:
        return recorder.fit_of(model, call, lambda: fit(*given, **named))
    finally:
        undo()


def _recorded_batch(
    train: Any, model: Any, recorder_of: Callable[[], Recorder], args: Any, kwargs: Any
) -> Any:
    """Call ``train_on_batch`` and record it as a step, unless a loop is recorded already."""
    loop = None
    with not_recorded(THIS_FIT):
        loop = kept_of(model).loop
        if loop is None and not (recorder := recorder_of()).is_elsewhere:
            loop = kept_of(model).loop = BatchLoop(model, recorder.settings)
    if isinstance(loop, BatchLoop):
        return loop.call(train, args, kwargs)
    return train(*args, **kwargs)


def _batch_of_any(
    recorder_of: Callable[[Any], Recorder],
    process: int,
    train: Any,
    model: Any,
    args: Any,
    kwargs: Any,
) -> Any:
    """The same for any model, in the process that is watched alone."""
    if os.getpid() != process:
        return train(*args, **kwargs)
    return _recorded_batch(train, model, lambda: recorder_of(model), args, kwargs)


def _recorded_evaluation(
    method: Any, model: Any, recorder_of: Callable[[], Recorder], args: Any, kwargs: Any
) -> Any:
    """Call ``evaluate`` or ``predict`` of a model that is watched, and record it."""
    if recorder_of().is_elsewhere:
        return method(*args, **kwargs)
    return recorded_evaluation(method, model, lambda: recorder_of().settings, args, kwargs)


def _evaluation_of_any(
    seen: weakref.WeakSet[Any], process: int, method: Any, model: Any, args: Any, kwargs: Any
) -> Any:
    """The same for any model: one that is never fitted has no recorder."""

    def settings() -> Settings | None:
        seen.add(model)
        known = kept_of(model).recorder
        return known.settings if known is not None else None

    if os.getpid() != process:
        return method(*args, **kwargs)
    return recorded_evaluation(method, model, settings, args, kwargs)


def _recorder_among(callbacks: Any) -> Recorder | None:
    """The first recorder that a ``fit`` was given."""
    return next((each for each in callbacks_in(callbacks) if isinstance(each, Recorder)), None)


METHODS: Mapping[str, Callable[..., Any]] = {
    "fit": _recorded,
    "train_on_batch": _recorded_batch,
    EVALUATE: _recorded_evaluation,
    PREDICT: _recorded_evaluation,
}
"""The methods of a watched model that are recorded."""
