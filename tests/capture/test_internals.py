"""The contract with Keras: every name that it does not promise is there, and does what we take it for."""

from typing import Any

import numpy as np
import pytest

from pipetrace.capture import internals

pytestmark = pytest.mark.framework

X = np.arange(24, dtype=np.float32).reshape(8, 3)
Y = np.ones((8, 1), np.float32)


def model(keras: Any) -> Any:
    made = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(1)])
    made.compile("sgd", loss="mse")
    return made


def during_fit(keras: Any, made: Any, look: Any, **options: Any) -> Any:
    """What ``look`` gives when it is called at the begin of training."""
    found = []
    callback = keras.callbacks.LambdaCallback(on_train_begin=lambda logs: found.append(look()))
    made.fit(X, Y, verbose=0, callbacks=[callback], **options)
    (one,) = found
    return one


def test_all_is_supported_but_the_seed_of_an_old_keras(keras: Any) -> None:
    made = model(keras)
    made.make_train_function()
    known = tuple(map(int, keras.__version__.split(".")[:2]))
    assert internals.unsupported(made) == (() if known >= (3, 9) else ("seed",))
    assert internals.supports_callback_list()


def test_the_frame_of_the_running_fit(keras: Any) -> None:
    made = model(keras)
    found = during_fit(keras, made, lambda: internals.fit_locals(made), validation_split=0.25)
    np.testing.assert_array_equal(found["x"], X[:6])
    np.testing.assert_array_equal(found["validation_data"][0], X[6:])
    assert isinstance(found["callbacks"], keras.callbacks.CallbackList)
    assert internals.fit_locals(made) is None


def test_the_list_of_callbacks_tells_what_is_raised_and_is_left_as_it_was(keras: Any) -> None:
    class Broken(Exception):
        pass

    def fail(*_: Any, **__: Any) -> None:
        raise Broken

    for name in internals.CALLBACK_METHODS:
        broken = keras.callbacks.Callback()
        setattr(broken, name, fail)
        one = keras.callbacks.CallbackList([broken], model=model(keras), epochs=1, steps=1)
        before, heard = set(vars(one)), list[BaseException]()
        undo = internals.hear_errors(one, heard.append)
        with pytest.raises(Broken):
            getattr(one, name)(*([0] if "batch" in name or "epoch" in name else []))
        assert len(heard) == 1
        undo()
        assert set(vars(one)) == before


def test_the_function_that_trains(keras: Any) -> None:
    made, calls = model(keras), list[int]()

    def wrap() -> None:
        original = made.train_function

        def step(iterator: Any) -> Any:
            calls.append(1)
            return original(iterator)

        made.train_function = step

    during_fit(keras, made, wrap, batch_size=2)
    assert len(calls) == 4
    assert internals.steps_per_call(made) == 1


def test_the_end_of_the_data(keras: Any) -> None:
    import tensorflow as tf

    iterator = iter(tf.data.Dataset.range(1))
    next(iterator)
    with pytest.raises(tf.errors.OutOfRangeError) as caught:
        iterator.get_next()
    assert internals.is_end_of_data(caught.value)
    assert not internals.is_end_of_data(ValueError())


def test_functions_run_as_they_were_traced_within_the_block_alone(keras: Any) -> None:
    import tensorflow as tf
    from tensorflow.python.eager import context

    def options() -> Any:
        return context.context().function_call_options

    def rewrites() -> bool:
        config = tf.compat.v1.ConfigProto.FromString(options().config_proto_serialized)
        return not config.graph_options.rewrite_options.disable_meta_optimizer

    before = options()
    with internals.as_traced():
        assert not rewrites()
    assert options() is before
    assert rewrites()


def test_masks_that_tensors_carry(keras: Any) -> None:
    import tensorflow as tf

    masked = keras.layers.Masking()(np.array([[[0.0], [1.0]]], np.float32))
    np.testing.assert_array_equal(internals.mask_of(masked), [[False, True]])
    plain = tf.ones((1, 2, 1))
    assert internals.mask_of(plain) is None
    internals.set_mask(plain, tf.constant([[True, False]]))
    total = keras.layers.GlobalAveragePooling1D()(plain * 1 + 0)
    assert internals.mask_of(total) is None
    np.testing.assert_array_equal(internals.mask_of(plain), [[True, False]])


def test_layers_at_every_depth(keras: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    class Pair(keras.layers.Layer):  # type: ignore[misc] # Keras has no types
        def __init__(self) -> None:
            super().__init__()
            self.inside = [keras.layers.Dense(2), keras.layers.Dense(2)]

    made = keras.Sequential([Pair(), keras.layers.TimeDistributed(keras.layers.Dense(2))])
    assert {type(each).__name__ for each in internals.all_layers(made)} == {
        "Sequential",
        "Pair",
        "TimeDistributed",
        "Dense",
    }
    assert len(internals.all_layers(made)) == 6
    monkeypatch.delattr(keras.layers.Layer, "_flatten_layers")
    assert not internals.supports_all_layers()
    assert [type(each).__name__ for each in internals.all_layers(made)] == [
        "Sequential",
        "Pair",
        "TimeDistributed",
        "Dense",
    ]


def test_the_seed(keras: Any) -> None:
    for seed in (7, 8):
        keras.utils.set_random_seed(seed)
        assert internals.seed() == (seed if internals.supports_seed() else None)


def test_classes_of_keras_own(keras: Any) -> None:
    class Mine(keras.layers.Dense):  # type: ignore[misc]
        pass

    assert internals.is_of_keras(keras.layers.Dense)
    assert not internals.is_of_keras(Mine)


def test_automatic_names_are_counted_apart(keras: Any) -> None:
    first = keras.layers.Dense(1).name
    with internals.own_names():
        assert keras.layers.Dense(1).name not in (first, "dense")
        keras.backend.get_uid("ours")
    following = keras.layers.Dense(1).name
    assert int(following.rpartition("_")[2]) == int(first.rpartition("_")[2] or 0) + 1
    assert keras.backend.get_uid("ours") == 1
