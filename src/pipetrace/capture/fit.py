"""A running ``fit``: the arguments it was given, its steps, and what it raises."""

import contextlib
import functools
import inspect
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pipetrace.capture import internals, structures
from pipetrace.capture.backend import load
from pipetrace.capture.distributed.processes import own
from pipetrace.trace.training import Callback

Fit = Callable[..., Any]
ADDED_BY_KERAS = ("History", "ProgbarLogger")
CALLBACK_SETTINGS = (
    *("monitor", "mode", "patience", "min_delta", "baseline", "start_from_epoch"),
    *("restore_best_weights", "save_best_only", "save_weights_only", "factor", "cooldown"),
    "min_lr",
)
DIRECTIONS = {"less": "min", "greater": "max"}
"""What a callback's comparison looks for, by the name of Keras' or NumPy's function."""


@dataclass(frozen=True)
class FitCall:
    """The arguments of a ``fit``; a ``validation_split`` is already made."""

    # x, y, sample_weight: as given, or the part that ``validation_split`` left
    x: Any = None
    y: Any = None
    sample_weight: Any = None
    validation: Any = None  # the rows and labels that validation measures, ``(x, y)``, or None
    batch_size: int | None = None  # as given, or None
    # epochs, initial_epoch: as given
    epochs: int = 1
    initial_epoch: int = 0
    # steps_per_epoch, validation_steps: as given, or None
    steps_per_epoch: int | None = None
    validation_steps: int | None = None
    # the weight of each class in the loss, by the class; none without any
    class_weight: Mapping[str, float] = field(default_factory=dict)
    # whether the rows are shuffled in each epoch, where Keras makes the batches
    shuffle: bool = True
    validation_split: float = 0.0  # the share that was kept for validation, 0 where none was
    callbacks: Sequence[Any] = ()  # those that it was given
    # whether the arguments are known at all. Without them only ``epochs`` is true.
    known: bool = False
    by_fit: bool = True  # whether it is Keras' ``fit``, and not a loop of the program's own
    # loss, optimizer: those of such a loop, where it tells them
    loss: Any = None
    optimizer: Any = None
    replicas: int | None = None  # on which such a loop trains, where it tells


def callback_class() -> Any:
    """Keras' class of callbacks, to derive from."""
    return load().callbacks.Callback


def bound_call(fit: Fit, args: Any, kwargs: Any) -> FitCall | None:
    """The arguments of a call of Keras' ``fit`` that is about to be made.

    None where the model has a ``fit`` of its own, whose arguments may mean anything, or where Keras
    refuses the arguments.
    """
    function = inspect.unwrap(getattr(fit, "__func__", fit))
    if function is not inspect.unwrap(load().Model.fit):
        return None
    try:
        bound = inspect.signature(fit).bind(*args, **kwargs)
    except TypeError:
        return None
    bound.apply_defaults()
    given = bound.arguments
    return _split(_call(given, callbacks_in(given.get("callbacks"))))


def running_call(model: Any) -> tuple[FitCall, Any]:
    """The arguments of the ``fit`` that this thread is in, from Keras' own frame, and its
    callbacks.

    Unknown and None where the installed Keras does not show them.
    """
    found = internals.fit_locals(model)
    if found is None:
        return FitCall(), None
    callbacks = found["callbacks"]
    is_list = isinstance(callbacks, load().callbacks.CallbackList)
    return _call(found, callbacks_in(callbacks)), callbacks if is_list else None


def _call(given: Mapping[str, Any], callbacks: Sequence[Any]) -> FitCall:
    return FitCall(
        x=given.get("x"),
        y=given.get("y"),
        sample_weight=given.get("sample_weight"),
        validation=given.get("validation_data"),
        batch_size=given.get("batch_size"),
        epochs=int(given.get("epochs") or 1),
        initial_epoch=int(given.get("initial_epoch") or 0),
        steps_per_epoch=given.get("steps_per_epoch"),
        validation_steps=given.get("validation_steps"),
        class_weight=_class_weights(given.get("class_weight")),
        shuffle=bool(given.get("shuffle", True)),
        validation_split=float(given.get("validation_split") or 0.0),
        callbacks=tuple(callbacks),
        known=True,
    )


def _class_weights(given: Any) -> dict[str, float]:
    found = {}
    with contextlib.suppress(TypeError, ValueError, AttributeError):  # Keras is about to say so
        found = {str(name): float(weight) for name, weight in (given or {}).items()}
    return found


def _split(call: FitCall) -> FitCall:
    """The call with its ``validation_split`` made as Keras makes it: the last rows validate."""
    if not call.validation_split or call.validation is not None:
        return call
    given = [structures.plain_arrays(each) for each in (call.x, call.y, call.sample_weight)]
    if given[0] is None:
        return call  # Keras splits arrays only, and is about to say so
    at = math.floor(len(structures.flatten(given[0])[0]) * (1.0 - call.validation_split))

    def part(where: slice) -> tuple[Any, Any, Any]:
        x, y, weight = (None if each is None else structures.taken(each, where) for each in given)
        return x, y, weight

    x, y, weight = part(slice(0, at))
    changed = {"x": x, "y": y, "sample_weight": weight, "validation": part(slice(at, None))}
    return FitCall(**{**vars(call), **changed})


def callbacks_in(given: Any) -> list[Any]:
    """The callbacks in what ``fit`` was given: one, some, or Keras' own list."""
    inner = getattr(given, "callbacks", None)
    if inner is not None:
        return list(inner)
    return [each for each in structures.flatten(given) if each is not None]


def callback_facts(callbacks: Iterable[Any]) -> tuple[Callback, ...]:
    """What callbacks watch and do, without those that Keras adds itself and pipetrace's own."""
    own = __name__.partition(".")[0]
    return tuple(
        Callback(type(each).__name__, _settings(each))
        for each in callbacks
        if type(each).__name__ not in ADDED_BY_KERAS
        and type(each).__module__.partition(".")[0] != own
    )


def _settings(callback: Any) -> dict[str, Any]:
    known = vars(callback)
    found = {
        name: value
        for name in CALLBACK_SETTINGS
        if isinstance(value := known.get(name), (str, bool, int, float))
    }
    # Keras decides what ``auto`` means when the first epoch ends.
    direction = DIRECTIONS.get(getattr(known.get("monitor_op"), "__name__", ""))
    return {**found, "mode": direction} if direction else found


def callbacks_of(fit: Fit, args: Any, kwargs: Any) -> Any:
    """What a call of ``fit`` gives as its callbacks; None where it gives none."""
    place = _place_of_callbacks(fit, args)
    return args[place] if place < len(args) else kwargs.get("callbacks")


def with_callback(fit: Fit, args: Any, kwargs: Any, callback: Any) -> tuple[Any, Any, Any]:
    """A call of ``fit`` with one more callback; its own list stays; and what to call at its end."""
    place, given = _place_of_callbacks(fit, args), callbacks_of(fit, args, kwargs)
    own = getattr(given, "callbacks", None)
    if isinstance(own, list):  # Keras' own list, which the caller made; Keras takes it as it is
        callback.set_model(given.model)
        callback.set_params(given.params)
        own.append(callback)

        def taken_out() -> None:
            own[:] = [each for each in own if each is not callback]

        return args, kwargs, taken_out
    more = [*callbacks_in(given), callback]
    if place < len(args):
        return (*args[:place], more, *args[place + 1 :]), kwargs, _nothing
    return args, {**kwargs, "callbacks": more}, _nothing


def _place_of_callbacks(fit: Fit, args: Any) -> int:
    names = [name for name in inspect.signature(fit).parameters if name != "self"]
    return names.index("callbacks") if "callbacks" in names else len(args)


def _nothing() -> None:
    """The caller's list was not changed."""


@contextlib.contextmanager
def patched_fit(replacement: Callable[..., Any], name: str = "fit") -> Iterator[None]:
    """Within the block every model's ``fit``, or another method, is ``replacement(original, model,
    args, kwargs)``."""
    owner = next(kind for kind in load().Model.__mro__ if name in vars(kind))
    original, is_over = vars(owner)[name], False

    @functools.wraps(original)
    def fit(self: Any, *args: Any, **kwargs: Any) -> Any:
        own = original.__get__(self)
        # Whoever kept this method keeps it beyond the block.
        return own(*args, **kwargs) if is_over else replacement(own, self, args, kwargs)

    setattr(owner, name, fit)
    try:
        yield
    finally:
        is_over = True
        if vars(owner)[name] is fit:
            setattr(owner, name, original)


_held: dict[int, Any] = {}


@contextlib.contextmanager
def held_by_step(model: Any, state: Any = ()) -> Iterator[None]:
    """A block in which ``value_of`` finds a model's variables in the state of JAX's training step.

    While the steps of an epoch run, Keras on JAX takes the values out of the variables.

    Args:
        model: of Keras.
        state: what the step is given or gives, the variables that train first, then the others;
            nothing on another backend.
    """
    if not state:
        yield
        return
    groups = zip((model.trainable_variables, model.non_trainable_variables), state, strict=False)
    found = {
        id(variable): value
        for variables, values in groups
        for variable, value in zip(variables, values, strict=False)
    }
    _held.update(found)
    try:
        yield
    finally:
        for place in found:
            _held.pop(place, None)


def value_of(variable: Any) -> Any:
    """The tensor that a variable holds, or that Keras holds for it, on one device."""
    held = _held.get(id(variable))
    return own(variable.value if held is None else held)


def array_of(variable: Any) -> Any:
    """A copy of what ``value_of`` gives, as an array."""
    value = _held.get(id(variable))
    value = variable.value if value is None else value
    return np.array(own(value)) if hasattr(value, "sharding") else variable.numpy()


@dataclass
class StepWrapper:
    """Wraps the functions that train and validate, for one ``fit``; ``leave`` puts them back."""

    model: Any
    # is called with Keras' iterator ahead of each training step and gives the iterator to use
    before: Callable[[Any], Any]
    before_test: Callable[[Any], Any]  # the same ahead of each validation step
    after: Callable[[Mapping[str, Any]], None]  # is called with the logs of each step
    failed: Callable[[BaseException], None]  # is called with what a step raised
    _originals: dict[str, Any] = field(default_factory=dict)

    def enter(self) -> None:
        """Wrap the training step."""
        self._wrap("train_function", steps=True)

    def enter_test(self) -> None:
        """Wrap the validation step too."""
        self._wrap("test_function", steps=False)

    def is_in_place(self) -> bool:
        """Whether each training step went through the wrapper; Keras may make the step anew."""
        _, wrapper = self._originals.get("train_function", (None, None))
        return wrapper is not None and getattr(self.model, "train_function", None) is wrapper

    def leave(self) -> None:
        """Put the functions back as they were."""
        for name, (original, wrapper) in self._originals.items():
            if getattr(self.model, name, None) is wrapper:
                setattr(self.model, name, original)
        self._originals.clear()

    def _wrap(self, name: str, *, steps: bool) -> None:
        original = getattr(self.model, name, None)
        if name in self._originals or original is None:
            return

        def step(*given: Any) -> Any:
            # TensorFlow's step is called with an iterator, PyTorch's with a batch, JAX's with the
            # state of the model and an iterator; it also gives the state, after the logs.
            *state, iterator = given
            before = self.before if steps else self.before_test
            held = held_by_step
            try:
                with held(self.model, *state):
                    iterator = before(iterator)
                result = original(*state, iterator)
            except (StopIteration, GeneratorExit):
                raise
            except BaseException as error:
                if not internals.is_end_of_data(error):
                    with held(self.model, *state):
                        self.failed(error)
                raise
            if steps:
                logs, *after = result if state else (result,)
                with held(self.model, *after):
                    self.after(logs)
            return result

        self._originals[name] = (original, step)
        setattr(self.model, name, step)
