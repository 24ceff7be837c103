from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pipetrace.capture.fit import (
    FitCall,
    StepWrapper,
    bound_call,
    patched_fit,
    running_call,
    with_callback,
)

pytestmark = pytest.mark.framework

X = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
Y = X[:, :1]


def model(keras: Any, kind: Any = None) -> Any:
    parts = [keras.layers.Input((3,)), keras.layers.Dense(1)]
    made = (kind or keras.Sequential)(parts)
    made.compile("sgd", loss="mse")
    return made


def when(keras: Any, moment: str, act: Callable[[], Any]) -> Any:
    """A callback that does something at a moment."""

    def told(*_: Any, **__: Any) -> None:
        act()

    return keras.callbacks.LambdaCallback(**{moment: told})


def call_with(fit: Any, args: Any, kwargs: Any, callback: Any) -> Any:
    given, named, undo = with_callback(fit, args, kwargs, callback)
    try:
        return fit(*given, **named)
    finally:
        undo()


def test_the_arguments_of_the_running_fit(keras: Any) -> None:
    one, found = model(keras), list[FitCall]()
    looking = when(keras, "on_train_begin", lambda: found.append(running_call(one)[0]))
    weights = np.arange(20, dtype=np.float32)
    one.fit(
        X,
        Y,
        batch_size=7,
        epochs=3,
        initial_epoch=1,
        sample_weight=weights,
        validation_split=0.25,
        steps_per_epoch=1,
        callbacks=[looking],
        verbose=0,
    )
    (call,) = found
    assert call.known
    np.testing.assert_array_equal(call.x, X[:15])
    np.testing.assert_array_equal(call.y, Y[:15])
    np.testing.assert_array_equal(call.sample_weight, weights[:15])
    np.testing.assert_array_equal(call.validation[0], X[15:])
    assert (call.batch_size, call.epochs, call.initial_epoch, call.steps_per_epoch) == (7, 3, 1, 1)
    assert not call.class_weight
    assert looking in call.callbacks


def test_what_fit_was_not_given(keras: Any) -> None:
    one, found = model(keras), list[FitCall]()
    looking = when(keras, "on_train_begin", lambda: found.append(running_call(one)[0]))
    one.fit(X, Y, callbacks=[looking], verbose=0, class_weight={0: 2.0})
    (call,) = found
    assert call.x is X
    assert call.y is Y
    assert (call.batch_size, call.epochs) == (None, 1)
    assert (call.initial_epoch, call.steps_per_epoch) == (0, None)
    assert call.validation is None
    assert call.class_weight == {"0": 2.0}


def test_no_fit_at_all(keras: Any) -> None:
    one, other = model(keras), model(keras)
    assert running_call(one) == (FitCall(), None)
    found = list[FitCall]()
    one.fit(
        X,
        Y,
        verbose=0,
        callbacks=[when(keras, "on_train_begin", lambda: found.append(running_call(other)[0]))],
    )
    assert found == [FitCall()]


def test_a_fit_of_the_users_own_around_keras(keras: Any) -> None:
    class Own(keras.Sequential):  # type: ignore[misc] # Keras has no types
        def fit(self, x: Any, y: Any, **options: Any) -> Any:
            epoch_iterator = "not Keras' own"
            del epoch_iterator
            return super().fit(x * 2, y, epochs=2, **options)

    one, found = model(keras, Own), list[FitCall]()
    one.fit(
        X,
        Y,
        verbose=0,
        callbacks=[when(keras, "on_train_begin", lambda: found.append(running_call(one)[0]))],
    )
    (call,) = found
    assert call.epochs == 2
    np.testing.assert_array_equal(call.x, X * 2)


def test_a_fit_within_a_fit(keras: Any) -> None:
    outer, inner, found = model(keras), model(keras), dict[str, FitCall]()

    def look() -> None:
        found["outer"], found["inner"] = running_call(outer)[0], running_call(inner)[0]

    def train() -> None:
        inner.fit(
            X[:4], Y[:4], epochs=5, verbose=0, callbacks=[when(keras, "on_train_begin", look)]
        )

    outer.fit(X, Y, epochs=2, verbose=0, callbacks=[when(keras, "on_train_begin", train)])
    assert (found["outer"].epochs, found["inner"].epochs) == (2, 5)
    assert (len(found["outer"].x), len(found["inner"].x)) == (20, 4)


def test_a_fit_of_the_same_model_within_its_fit_is_the_inner_one(keras: Any) -> None:
    one, found = model(keras), list[int]()

    def look() -> None:
        found.append(running_call(one)[0].epochs)

    def train() -> None:
        one.fit(X, Y, epochs=5, verbose=0, callbacks=[when(keras, "on_train_begin", look)])

    one.fit(X, Y, epochs=2, verbose=0, callbacks=[when(keras, "on_train_begin", train)])
    assert found == [5]


# The wrapped steps


class Steps:
    """Something with functions as Keras gives a model, and what was heard of them."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error
        self.heard: list[Any] = []
        self.train_function: Any = self.step
        self.test_function: Any = self.step

    def step(self, iterator: Any) -> Any:
        self.heard.append(("step", iterator))
        if self.error is not None:
            raise self.error
        return {"loss": iterator}

    def wrapped(self) -> StepWrapper:
        def before(iterator: Any) -> Any:
            self.heard.append(("before", iterator))
            return iterator + 1

        heard = self.heard.append
        return StepWrapper(self, before, int, lambda logs: heard(("after", logs)), heard)


def test_a_wrapped_step() -> None:
    steps = Steps()
    own = steps.train_function
    wrapper = steps.wrapped()
    wrapper.enter()
    assert steps.train_function(1) == {"loss": 2}
    assert steps.heard == [("before", 1), ("step", 2), ("after", {"loss": 2})]
    # Entering again does not wrap it twice.
    wrapper.enter()
    steps.heard.clear()
    steps.train_function(1)
    assert len(steps.heard) == 3
    wrapper.leave()
    assert steps.train_function == own
    wrapper.leave()
    steps.heard.clear()
    steps.train_function(1)
    assert steps.heard == [("step", 1)]


def test_validation_is_heard_only_where_it_fails() -> None:
    steps = Steps()
    wrapper = steps.wrapped()
    wrapper.enter_test()
    assert steps.test_function(1) == {"loss": 1}
    assert steps.heard == [("step", 1)]
    steps.error = ValueError("bad")
    with pytest.raises(ValueError, match="bad"):
        steps.test_function(1)
    assert steps.heard[-1] is steps.error
    wrapper.leave()
    assert steps.test_function == steps.step


@pytest.mark.parametrize("kind", ["exception", "interrupt", "end of data", "stop"])
def test_what_a_step_raises(kind: str) -> None:
    import tensorflow as tf

    error: BaseException = {
        "exception": ValueError("bad"),
        "interrupt": KeyboardInterrupt(),
        "end of data": tf.errors.OutOfRangeError(None, None, "End of sequence"),
        "stop": StopIteration(),
    }[kind]
    steps = Steps(error)
    steps.wrapped().enter()
    with pytest.raises(type(error)) as caught:
        steps.train_function(1)
    assert caught.value is error
    told = [each for each in steps.heard if isinstance(each, BaseException)]
    assert told == ([error] if kind in ("exception", "interrupt") else [])
    assert not [
        each for each in steps.heard if not isinstance(each, BaseException) and each[0] == "after"
    ]


def test_a_function_that_was_replaced_meanwhile_stays() -> None:
    steps = Steps()
    wrapper = steps.wrapped()
    wrapper.enter()
    steps.train_function = other = object()
    wrapper.leave()
    assert steps.train_function is other


def test_a_model_without_a_function() -> None:
    steps = Steps()
    steps.train_function = None
    wrapper = steps.wrapped()
    wrapper.enter()
    assert steps.train_function is None
    wrapper.leave()


# The arguments of a call that is about to be made


@pytest.mark.parametrize("split", [0.0, 0.25, 0.33])
def test_bound_arguments_are_those_that_keras_sees(keras: Any, split: float) -> None:
    one, found = model(keras), list[FitCall]()
    looking = when(keras, "on_train_begin", lambda: found.append(running_call(one)[0]))
    given = ((X, Y, 7), {"epochs": 2, "validation_split": split, "sample_weight": Y[:, 0]})
    options = {**given[1], "verbose": 0, "callbacks": looking, "shuffle": False}
    bound = bound_call(one.fit, given[0], options)
    one.fit(*given[0], **options)
    (seen,) = found
    assert bound is not None
    assert looking in bound.callbacks
    for name in ("batch_size", "epochs", "initial_epoch", "shuffle", "class_weight", "known"):
        assert getattr(bound, name) == getattr(seen, name)
    for name in ("x", "y", "sample_weight"):
        np.testing.assert_array_equal(getattr(bound, name), getattr(seen, name))
    for ours, theirs in zip(bound.validation or (), seen.validation or (), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_arguments_of_a_fit_that_is_not_keras_own_are_unknown(keras: Any) -> None:
    class Own(keras.Sequential):  # type: ignore[misc]
        def fit(self, x: Any, **options: Any) -> Any:
            return super().fit(x * 2, x, **options)

    assert bound_call(model(keras, Own).fit, (X,), {}) is None
    assert bound_call(model(keras).fit, (X,), {"no_such_argument": 1}) is None
    seen: list[Any] = []
    with patched_fit(lambda fit, one, args, kwargs: seen.append(bound_call(fit, args, kwargs))):
        model(keras, Own).fit(X)
    np.testing.assert_array_equal(seen[0].x, X * 2)


# One more callback


def counting(keras: Any) -> Any:
    class Counting(keras.callbacks.Callback):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.epochs = 0

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.epochs += 1

    return Counting()


FORMS: dict[str, Callable[[Any], Any]] = {
    "none": lambda theirs: None,
    "one": lambda theirs: theirs,
    "list": lambda theirs: [theirs],
    "tuple": lambda theirs: (theirs,),
    "with a gap": lambda theirs: [None, theirs],
}


@pytest.mark.parametrize("positional", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_one_more_callback(keras: Any, form: str, positional: bool) -> None:
    one, theirs, ours = model(keras), counting(keras), counting(keras)
    given = FORMS[form](theirs)
    before = list(given) if isinstance(given, (list, tuple)) else given
    if positional:
        # x, y, batch_size, epochs, verbose, callbacks
        history = call_with(one.fit, (X, Y, 5, 2, 0, given), {}, ours)
    else:
        history = call_with(one.fit, (X, Y), {"epochs": 2, "verbose": 0, "callbacks": given}, ours)
    assert len(history.epoch) == 2
    assert ours.epochs == 2
    assert theirs.epochs == (0 if form == "none" else 2)
    assert (list(given) if isinstance(given, (list, tuple)) else given) == before


def test_no_callbacks_argument_at_all(keras: Any) -> None:
    one, ours = model(keras), counting(keras)
    options = {"verbose": 0}
    call_with(one.fit, [X], {**options, "y": Y}, ours)
    assert ours.epochs == 1
    assert options == {"verbose": 0}


@pytest.mark.parametrize("positional", [False, True])
def test_keras_own_list_is_used_and_left_as_it_was(keras: Any, positional: bool) -> None:
    one, theirs, ours = model(keras), counting(keras), counting(keras)
    made = keras.callbacks.CallbackList(
        [theirs], model=one, add_history=True, epochs=2, steps=4, verbose=0
    )
    before = list(made.callbacks)
    args, options = (
        ((X, Y, 5, 2, 0, made), {})
        if positional
        else ((X, Y), {"epochs": 2, "verbose": 0, "callbacks": made})
    )
    call_with(one.fit, args, options, ours)
    assert (ours.epochs, theirs.epochs) == (2, 2)
    assert ours.model is one
    assert made.callbacks == before
    raising = when(keras, "on_epoch_begin", lambda: 1 / 0)
    broken = keras.callbacks.CallbackList(
        [raising], model=one, add_history=True, epochs=2, steps=4, verbose=0
    )
    with pytest.raises(ZeroDivisionError):
        call_with(one.fit, (X, Y), {"verbose": 0, "callbacks": broken}, ours)
    assert ours not in broken.callbacks


def test_a_fit_with_other_names(keras: Any) -> None:
    ours = counting(keras)
    got: list[Any] = []

    def fit(rows: Any, *, callbacks: Any = None, **more: Any) -> Any:
        got.append((rows, callbacks, more))
        return "done"

    assert call_with(fit, (X,), {"epochs": 3}, ours) == "done"
    assert got == [(X, [ours], {"epochs": 3})]


# Every fit


def test_within_the_block_every_fit_is_replaced(keras: Any) -> None:
    owner = next(kind for kind in keras.Model.__mro__ if "fit" in kind.__dict__)
    original = owner.__dict__["fit"]
    seen: list[Any] = []

    def replacement(fit: Any, one: Any, args: Any, kwargs: Any) -> Any:
        seen.append((one, args, kwargs))
        return fit(*args, **kwargs)

    class Own(keras.Sequential):  # type: ignore[misc]
        def fit(self, *args: Any, **kwargs: Any) -> Any:
            return super().fit(*args, **kwargs, epochs=3)

    plain, own = model(keras), model(keras, Own)
    with patched_fit(replacement):
        assert len(plain.fit(X, Y, verbose=0).epoch) == 1
        assert len(own.fit(X, y=Y, verbose=0).epoch) == 3
    assert owner.__dict__["fit"] is original
    assert [one for one, *_ in seen] == [plain, own]
    assert seen[0][1:] == ((X, Y), {"verbose": 0})
    assert sorted(seen[1][2]) == ["epochs", "verbose", "y"]
    with pytest.raises(ZeroDivisionError), patched_fit(replacement):
        raise ZeroDivisionError
    assert owner.__dict__["fit"] is original
    plain.fit(X, Y, verbose=0)
    assert len(seen) == 2
