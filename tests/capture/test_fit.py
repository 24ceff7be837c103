from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pipetrace.capture import fit as capture_fit
from pipetrace.capture.fit import (
    FitCall,
    Standing,
    arm,
    call_with,
    disarm,
    patched_fit,
    running_fit,
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


def test_the_arguments_of_the_running_fit(keras: Any) -> None:
    one, found = model(keras), list[FitCall]()
    looking = when(keras, "on_train_begin", lambda: found.append(running_fit(one, {"epochs": 99})))
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
    assert looking in call.callbacks.callbacks


def test_what_fit_was_not_given(keras: Any) -> None:
    one, found = model(keras), list[FitCall]()
    looking = when(keras, "on_train_begin", lambda: found.append(running_fit(one, {})))
    one.fit(X, Y, callbacks=[looking], verbose=0, class_weight={0: 2.0})
    (call,) = found
    assert call.x is X
    assert call.y is Y
    assert (call.batch_size, call.epochs, call.initial_epoch, call.steps_per_epoch) == (
        None,
        1,
        0,
        None,
    )
    assert call.validation is None
    assert call.class_weight


def test_no_fit_at_all(keras: Any) -> None:
    one, other = model(keras), model(keras)
    assert running_fit(one, {"epochs": 4}) == FitCall(epochs=4)
    found = list[FitCall]()
    one.fit(
        X,
        Y,
        verbose=0,
        callbacks=[when(keras, "on_train_begin", lambda: found.append(running_fit(other, {})))],
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
        callbacks=[when(keras, "on_train_begin", lambda: found.append(running_fit(one, {})))],
    )
    (call,) = found
    assert call.epochs == 2
    np.testing.assert_array_equal(call.x, X * 2)


def test_a_fit_within_a_fit(keras: Any) -> None:
    outer, inner, found = model(keras), model(keras), dict[str, FitCall]()

    def look() -> None:
        found["outer"], found["inner"] = running_fit(outer, {}), running_fit(inner, {})

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
        found.append(running_fit(one, {}).epochs)

    def train() -> None:
        one.fit(X, Y, epochs=5, verbose=0, callbacks=[when(keras, "on_train_begin", look)])

    one.fit(X, Y, epochs=2, verbose=0, callbacks=[when(keras, "on_train_begin", train)])
    assert found == [5]


# Standing around the steps


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

    def stand(self) -> Standing:
        def before(iterator: Any) -> Any:
            self.heard.append(("before", iterator))
            return iterator + 1

        return Standing(
            self, before, lambda logs: self.heard.append(("after", logs)), self.heard.append
        )


def test_standing_around_a_step() -> None:
    steps = Steps()
    own = steps.train_function
    standing = steps.stand()
    standing.enter()
    assert steps.train_function(1) == {"loss": 2}
    assert steps.heard == [("before", 1), ("step", 2), ("after", {"loss": 2})]
    # Entering again does not stand around itself.
    standing.enter()
    steps.heard.clear()
    steps.train_function(1)
    assert len(steps.heard) == 3
    standing.leave()
    assert steps.train_function == own
    standing.leave()
    steps.heard.clear()
    steps.train_function(1)
    assert steps.heard == [("step", 1)]


def test_validation_is_heard_only_where_it_fails() -> None:
    steps = Steps()
    standing = steps.stand()
    standing.enter_test()
    assert steps.test_function(1) == {"loss": 1}
    assert steps.heard == [("step", 1)]
    steps.error = ValueError("bad")
    with pytest.raises(ValueError, match="bad"):
        steps.test_function(1)
    assert steps.heard[-1] is steps.error
    standing.leave()
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
    steps.stand().enter()
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
    standing = steps.stand()
    standing.enter()
    steps.train_function = other = object()
    standing.leave()
    assert steps.train_function is other


def test_a_model_without_a_function() -> None:
    steps = Steps()
    steps.train_function = None
    standing = steps.stand()
    standing.enter()
    assert steps.train_function is None
    standing.leave()


# A fit that cannot begin


def waiting(keras: Any) -> Any:
    class Waiting(keras.callbacks.Callback):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.told: list[Any] = []

        def build_failed(self, model: Any, error: BaseException, arguments: Any) -> None:
            self.told.append((model, error, arguments["x"]))

    return Waiting()


def test_an_armed_callback_is_told_of_a_fit_that_cannot_begin(keras: Any) -> None:
    owner = next(kind for kind in keras.Model.__mro__ if "_maybe_symbolic_build" in kind.__dict__)
    original = owner.__dict__["_maybe_symbolic_build"]
    mine, other, single = waiting(keras), waiting(keras), waiting(keras)
    for each in (mine, other, single):
        arm(each)

    import tensorflow as tf

    # Under a distribution strategy Keras tries the loss on the first batch before it tells anybody.
    def refuse(wanted: Any, given: Any) -> Any:
        raise ValueError("not these targets")

    def broken() -> Any:
        with tf.distribute.OneDeviceStrategy("/cpu:0").scope():
            made = model(keras)
            made.compile("sgd", loss=refuse)
        return made

    one = broken()
    with pytest.raises(ValueError, match="not these targets") as caught:
        one.fit(X, Y, verbose=0, callbacks=[mine])
    ((told, error, x),) = mine.told
    assert told is one
    assert str(error) == str(caught.value)
    assert x is X
    assert other.told == []
    with pytest.raises(ValueError, match="not these targets"):
        broken().fit(X, Y, verbose=0, callbacks=single)
    assert len(single.told) == 1
    disarm(mine)
    with pytest.raises(ValueError, match="not these targets"):
        broken().fit(X, Y, verbose=0, callbacks=[mine])
    assert len(mine.told) == 1
    assert owner.__dict__["_maybe_symbolic_build"] is not original
    disarm(other)
    disarm(other)
    disarm(single)
    assert owner.__dict__["_maybe_symbolic_build"] is original
    assert not capture_fit._build


def test_an_armed_callback_hears_nothing_of_a_fit_that_begins(keras: Any) -> None:
    mine = waiting(keras)
    arm(mine)
    model(keras).fit(X, Y, verbose=0, callbacks=[mine])
    assert mine.told == []
    disarm(mine)


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
