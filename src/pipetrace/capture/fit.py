"""What a running ``fit`` was given, and a place in it to stand: its arguments, its steps, its failures."""

import contextlib
import inspect
import sys
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from pipetrace.capture.backend import load

NUMBERS = "object_name_uids"
"""Under which Keras keeps how often it gave each name."""


@dataclass(frozen=True)
class FitCall:
    """The arguments of a ``fit`` that is running, as Keras now sees them: a validation split is already made.

    Attributes:
        x, y, sample_weight: as given, or the part that ``validation_split`` left.
        validation: the rows and labels that validation measures, ``(x, y)``, or None.
        batch_size: as given, or None.
        epochs, initial_epoch: as given.
        steps_per_epoch: as given, or None.
        class_weight: whether classes are weighted.
        shuffle: whether the rows are shuffled in each epoch, where Keras makes the batches.
        validation_split: the share that was kept for validation, 0 where none was.
        callbacks: Keras' list of them, or None where it could not be found.
        known: whether the call was found at all.
    """

    x: Any = None
    y: Any = None
    sample_weight: Any = None
    validation: Any = None
    batch_size: int | None = None
    epochs: int = 1
    initial_epoch: int = 0
    steps_per_epoch: int | None = None
    class_weight: bool = False
    shuffle: bool = True
    validation_split: float = 0.0
    callbacks: Any = None
    known: bool = False


def running_fit(model: Any, params: Mapping[str, Any]) -> FitCall:
    """The ``fit`` of a model that this thread is in.

    A callback is told neither the rows nor the batch size, so they are read, and only read, from Keras' own frame.

    Args:
        model: that is trained.
        params: what Keras tells its callbacks.
    """
    frame = _frame(model)
    if frame is None:
        return FitCall(epochs=int(params.get("epochs") or 1))
    found = frame.f_locals
    return FitCall(
        x=found.get("x"),
        y=found.get("y"),
        sample_weight=found.get("sample_weight"),
        validation=found.get("validation_data"),
        batch_size=found.get("batch_size"),
        epochs=int(found.get("epochs") or 1),
        initial_epoch=int(found.get("initial_epoch") or 0),
        steps_per_epoch=found.get("steps_per_epoch"),
        class_weight=found.get("class_weight") is not None,
        shuffle=bool(found.get("shuffle", True)),
        validation_split=float(found.get("validation_split") or 0.0),
        callbacks=found.get("callbacks"),
        known=True,
    )


def _frame(model: Any) -> FrameType | None:
    """The innermost frame of Keras' ``fit`` of this model."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if (
            frame.f_code.co_name == "fit"
            and frame.f_locals.get("self") is model
            and "epoch_iterator" in frame.f_locals
        ):
            return frame
        frame = frame.f_back
    return None


TOLD = (
    "on_epoch_begin",
    "on_epoch_end",
    "on_train_batch_begin",
    "on_train_batch_end",
    "on_test_begin",
    "on_test_end",
    "on_test_batch_begin",
    "on_test_batch_end",
    "on_train_end",
)
"""What Keras calls of its list of callbacks while a ``fit`` runs."""


@dataclass
class Standing:
    """A wrapper around the function that trains, for one ``fit``; ``leave`` puts the function back.

    Attributes:
        before: is called with Keras' iterator ahead of each step and gives the iterator to use.
        after: is called with the logs of each step.
        failed: is called with what a step raised.
    """

    model: Any
    before: Callable[[Any], Any]
    after: Callable[[Mapping[str, Any]], None]
    failed: Callable[[BaseException], None]
    _originals: dict[str, Any] = field(default_factory=dict)
    _others: tuple[Any, dict[str, Any]] | None = None

    def enter(self) -> None:
        """Stand around each training step."""
        self._wrap("train_function", steps=True)

    def enter_test(self) -> None:
        """Stand around each validation step too, for what it raises."""
        self._wrap("test_function", steps=False)

    def enter_callbacks(self, callbacks: Any) -> None:
        """Stand around Keras' list of callbacks too, for what another one raises, of which none of them hears."""
        if self._others is not None or callbacks is None:
            return
        around = {
            name: self._around(getattr(callbacks, name))
            for name in TOLD
            if hasattr(callbacks, name)
        }
        for name, wrapper in around.items():
            setattr(callbacks, name, wrapper)
        self._others = callbacks, around

    def _around(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def tell(*args: Any, **kwargs: Any) -> Any:
            try:
                return original(*args, **kwargs)
            except BaseException as error:
                self.failed(error)
                raise

        return tell

    def leave(self) -> None:
        """Put the functions back as they were."""
        callbacks, around = self._others or (None, {})
        self._others = None
        for name, wrapper in around.items():
            if vars(callbacks).get(name) is wrapper:
                delattr(callbacks, name)
        for name, (original, wrapper) in self._originals.items():
            if getattr(self.model, name, None) is wrapper:
                setattr(self.model, name, original)
        self._originals.clear()

    def _wrap(self, name: str, *, steps: bool) -> None:
        original = getattr(self.model, name, None)
        if name in self._originals or original is None:
            return

        def step(iterator: Any) -> Any:
            try:
                logs = original(self.before(iterator) if steps else iterator)
            except (StopIteration, GeneratorExit):
                raise
            except BaseException as error:
                if not _is_end_of_data(error):
                    self.failed(error)
                raise
            if steps:
                self.after(logs)
            return logs

        self._originals[name] = (original, step)
        setattr(self.model, name, step)


def _is_end_of_data(error: BaseException) -> bool:
    import tensorflow as tf

    return isinstance(error, tf.errors.OutOfRangeError)


_armed: "weakref.WeakSet[Any]" = weakref.WeakSet()
_ends: set[Any] = set()
"""References to the armed callbacks, which call when one is gone. ``weakref.finalize`` would leave a call for Python's end."""
_build: list[tuple[Any, Any]] = []


def arm(callback: Any) -> None:
    """Have a callback told, by its ``build_failed``, when a ``fit`` that it is given to fails before it begins.

    Keras makes the variables of a model, and tries its loss on the first batch, before any callback hears of the
    ``fit``. So that first part is wrapped until the callback is disarmed or nobody holds it any more.
    """
    _armed.add(callback)
    _ends.add(weakref.ref(callback, _gone))
    owner = _owner("_maybe_symbolic_build")
    if _build or owner is None:
        return
    original = owner.__dict__["_maybe_symbolic_build"]

    def build(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return original(self, *args, **kwargs)
        except Exception as error:
            frame = _frame(self)
            given = frame.f_locals.get("callbacks") if frame else None
            for each in _callbacks(given):
                if each in _armed:
                    each.build_failed(self, error, frame.f_locals if frame else {})
            raise

    _build.append((owner, original))
    owner._maybe_symbolic_build = build


def disarm(callback: Any) -> None:
    """The callback's ``fit`` has begun, or it gave up."""
    _armed.discard(callback)
    _unwrap_build()


def _gone(reference: Any) -> None:
    _ends.discard(reference)
    _unwrap_build()


def _unwrap_build() -> None:
    # Whoever is just being taken away still counts in its length, but not among its members.
    while _build and not any(True for _ in _armed):
        owner, original = _build.pop()
        owner._maybe_symbolic_build = original


def _owner(method: str) -> Any:
    for kind in load().Model.__mro__:
        if method in kind.__dict__:
            return kind
    return None


def _callbacks(given: Any) -> list[Any]:
    """The callbacks in what ``fit`` was given: one, some, or Keras' own list."""
    inner = getattr(given, "callbacks", None)
    if inner is not None:
        return list(inner)
    with contextlib.suppress(Exception):
        return [each for each in load().tree.flatten(given) if each is not None]
    return []


def call_with(fit: Callable[..., Any], args: Any, kwargs: Any, callback: Any) -> Any:
    """Call ``fit`` with one more callback at the end; the caller's own list is as it was when it returns."""
    names = [name for name in inspect.signature(fit).parameters if name != "self"]
    place = names.index("callbacks") if "callbacks" in names else len(args)
    args, kwargs = list(args), dict(kwargs)
    given = args[place] if place < len(args) else kwargs.get("callbacks")
    own = getattr(given, "callbacks", None)
    if isinstance(own, list):  # Keras' own list, which the caller made; Keras takes it as it is
        own.append(callback)
        callback.set_model(given.model)
        callback.set_params(given.params)
        try:
            return fit(*args, **kwargs)
        finally:
            own.remove(callback)
    more = [*_callbacks(given), callback]
    if place < len(args):
        args[place] = more
    else:
        kwargs["callbacks"] = more
    return fit(*args, **kwargs)


def is_built(model: Any) -> bool:
    """Whether a model and all layers in it have made their variables."""
    with contextlib.suppress(
        Exception
    ):  # whatever a model of somebody's own is, looking at it is to be harmless
        return model is not None and all(
            getattr(layer, "built", True) for layer in model._flatten_layers()
        )
    return False


@contextlib.contextmanager
def names_kept() -> Any:
    """Within the block Keras may make up names; after it, its numbering of names goes on as if it had not.

    Some functions of Keras make an operation with a name of its own whenever they are called, ``ops.pad`` for one, so that
    looking at a model would shift the names of the layers that are made later.
    """
    before = dict(_numbers())
    try:
        yield
    finally:
        numbers = _numbers()
        if numbers != before:
            numbers.clear()
            numbers.update(before)


def _numbers() -> dict[str, int]:
    """Keras' own, which it does not show to everybody; an empty one where it has none, or keeps them elsewhere."""
    with contextlib.suppress(Exception):
        from keras.src.backend.common import global_state

        return global_state.get_global_attribute(NUMBERS) or {}
    return {}


@contextlib.contextmanager
def patched_fit(replacement: Callable[..., Any]) -> Any:
    """Within the block every model's ``fit`` is ``replacement(original, model, args, kwargs)``."""
    owner = _owner("fit")
    original = owner.__dict__["fit"]

    def fit(self: Any, *args: Any, **kwargs: Any) -> Any:
        return replacement(original.__get__(self), self, args, kwargs)

    owner.fit = fit
    try:
        yield
    finally:
        owner.fit = original
