"""``watch`` for one model, and what ``pipetrace run`` does for every model of a program."""

import os
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipetrace.capture.fit import bound_call, call_with, patched_fit
from pipetrace.errors import ArgumentError
from pipetrace.record.attached import forget, kept_of
from pipetrace.record.budget import DEFAULT_SHARE
from pipetrace.record.recorder import Recorder
from pipetrace.record.state import BRIEF


class Watching:
    """A model that is being watched; ``stop`` ends it. Can be used in a ``with`` block."""

    def __init__(self, model: Any, recorder: Recorder) -> None:
        self.recorder = recorder
        self._model = weakref.ref(model)
        original, here, self_model = model.fit, weakref.ref(recorder), self._model
        weakly = weakref.WeakMethod(original) if hasattr(original, "__self__") else None

        def fit(*args: Any, **kwargs: Any) -> Any:
            called: Any = weakly() if weakly else original
            recorder, model = here(), self_model()
            if recorder is None or model is None:
                return called(*args, **kwargs)
            return _recorded(called, model, recorder, args, kwargs)

        self._fit = fit
        object.__setattr__(model, "fit", fit)
        # The recorder lives as long as the model does.
        object.__setattr__(model, "_pipetrace_watching", self)

    def stop(self) -> None:
        """Leave the model as it was; what was recorded stays."""
        model = self._model()
        if model is not None and model.__dict__.get("fit") is self._fit:
            object.__delattr__(model, "fit")
            object.__delattr__(model, "_pipetrace_watching")

    def __enter__(self) -> "Watching":
        return self

    def __exit__(self, *details: object) -> None:
        self.stop()


def watch(  # noqa: PLR0913 options with names, which editors complete
    model: Any,
    path: str | os.PathLike[str],
    *,
    x: Any = None,
    y: Any = None,
    validation_data: tuple[Any, Any] | None = None,
    title: str | None = None,
    class_names: Sequence[str] = (),
    verbose: bool = True,
    budget: float | None = DEFAULT_SHARE,
    after_training: str = BRIEF,
) -> Watching:
    """Record every ``fit`` of a model from now on, into one trace.

        pipetrace.watch(model, "run.trace")
        model.fit(x, y, epochs=5)

    Args:
        model: a Keras model; need not be compiled yet.
        path: where the trace goes; a trace that is there is replaced, any other file is not.
        x, y, validation_data, title, class_names, verbose, budget, after_training: as for
            ``Recorder``.

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
    before = getattr(model, "__dict__", {}).get("_pipetrace_watching")
    if before is not None and before.recorder.settings.path.absolute() == Path(path).absolute():
        before.stop()
    recorder = Recorder(
        path,
        x,
        y,
        validation_data=validation_data,
        title=title,
        class_names=class_names,
        verbose=verbose,
        budget=budget,
        after_training=after_training,
    )
    return Watching(model, recorder)


@contextmanager
def watching_all(name_of: Any, made: list[Path], *, command: str, **options: Any) -> Iterator[None]:
    """Within the block every ``fit`` of any model is recorded, each model into a trace of its own.

    Args:
        name_of: gives the path for a model, from the number of the model, 1 for the first.
        made: is filled with the paths, in the order in which the models are first fitted.
        command: how the program was started.
        options: as for ``Recorder``.
    """
    told = {"verbose": False, **options}
    seen: weakref.WeakSet[Any] = weakref.WeakSet()

    def recorded(fit: Any, model: Any, args: Any, kwargs: Any) -> Any:
        kept = kept_of(model)
        if kept.recorder is None:
            kept.recorder = Recorder(name_of(len(made) + 1), **told)
            kept.recorder.settings = replace(kept.recorder.settings, command=command, alert=True)
            made.append(kept.recorder.settings.path)
            seen.add(model)
        return _recorded(fit, model, kept.recorder, args, kwargs)

    with patched_fit(recorded):
        try:
            yield
        finally:
            for model in list(seen):
                forget(model)


def _recorded(fit: Any, model: Any, recorder: Recorder, args: Any, kwargs: Any) -> Any:
    call = bound_call(fit, args, kwargs)
    return recorder.fit_of(model, call, lambda: call_with(fit, args, kwargs, recorder))
