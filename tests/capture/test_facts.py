from typing import Any

import numpy as np
import pytest

from pipetrace.capture import facts, saved
from pipetrace.capture.distributed.processes import Spread
from pipetrace.capture.fit import FitCall
from pipetrace.trace.document import Array, Parameters, Spec

pytestmark = pytest.mark.framework

CHANCE = np.random.default_rng(0)
CALL = FitCall(class_weight={"0": 2.0})


def own_loss(wanted: Any, given: Any) -> Any:
    return abs(wanted - given)


def one_output(keras: Any, **options: Any) -> Any:
    out = keras.layers.Dense(3, name="out")
    model = keras.Sequential([keras.layers.Input((4,)), out], name="one")
    model.compile(**{"optimizer": "adam", **options})
    return model


def two_outputs(keras: Any, loss: Any, *, keys: bool = True, **options: Any) -> Any:
    given = keras.Input((4,))
    one, two = keras.layers.Dense(2, name="one")(given), keras.layers.Dense(1, name="two")(given)
    model = keras.Model(given, {"one": one, "two": two} if keys else [one, two])
    model.compile("sgd", loss=loss, **options)
    return model


def training(model: Any) -> Any:
    return facts.training_facts(
        model,
        epochs=1,
        batch_size=2,
        probe_rows=3,
        call=CALL,
        sample_weights=True,
        spread=Spread(),
    )


# Losses


def test_the_name_of_a_loss_in_every_form(keras: Any) -> None:
    losses = keras.losses
    cases = [
        ("mse", "mean_squared_error"),
        ("sparse_categorical_crossentropy", "sparse_categorical_crossentropy"),
        (losses.MeanAbsoluteError(), "mean_absolute_error"),
        (losses.MeanAbsoluteError(name="mine"), "mine"),
        (losses.huber, "huber"),
        (own_loss, "own_loss"),
    ]
    for given, name in cases:
        model = one_output(keras, loss=given)
        assert facts.losses(model) == {"": name}, given
        assert training(model).loss == name
        assert dict(training(model).losses) == {"": name}


def test_the_losses_of_several_outputs(keras: Any) -> None:
    objects = {"one": keras.losses.MeanAbsoluteError(), "two": "mse"}
    assert facts.losses(two_outputs(keras, objects)) == {
        "one": "mean_absolute_error",
        "two": "mean_squared_error",
    }
    named = {"one": "mean_squared_error", "two": "mean_absolute_error"}
    assert facts.losses(two_outputs(keras, ["mse", "mae"], keys=False)) in (
        named,
        {"0": "mean_squared_error", "1": "mean_absolute_error"},
    )
    assert (
        training(two_outputs(keras, ["mse", "mae"], keys=False)).loss
        == "mean_squared_error, mean_absolute_error"
    )
    assert training(two_outputs(keras, {"one": "mse", "two": "mse"})).loss == "mean_squared_error"
    assert facts.losses(two_outputs(keras, {"one": "mse", "two": None})) == {
        "one": "mean_squared_error"
    }


def test_the_losses_are_the_same_after_training(keras: Any) -> None:
    model = two_outputs(keras, {"two": "mse", "one": own_loss})
    before = facts.losses(model)
    assert before == {"two": "mean_squared_error", "one": "own_loss"}
    x = np.ones((2, 4), np.float32)
    model.fit(x, {"one": x[:, :2], "two": x[:, :1]}, verbose=0)
    assert facts.losses(model) == before


@pytest.mark.parametrize("given", [True, False])
def test_losses_of_scores(keras: Any, given: bool) -> None:
    losses = keras.losses
    sparse = losses.SparseCategoricalCrossentropy(from_logits=given)
    assert training(one_output(keras, loss=sparse)).from_logits is given
    objects = {"one": "mse", "two": losses.BinaryCrossentropy(from_logits=given)}
    assert training(two_outputs(keras, objects)).from_logits is given


def test_a_loss_by_name_takes_probabilities(keras: Any) -> None:
    for name in ("binary_crossentropy", "mse", own_loss):
        assert not training(one_output(keras, loss=name)).from_logits


def test_a_model_that_never_was_compiled(keras: Any) -> None:
    model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(3)])
    found = training(model)
    assert (found.optimizer, found.loss, found.metrics) == ("", "", ())
    assert dict(found.optimizer_config) == dict(found.losses) == {}
    assert facts.learning_rate(model) is None
    assert facts.row_losses(model, np.ones((2, 3)), np.ones((2, 3))) is None


# Metrics and the rest of what compile was given


def test_metrics_by_their_names(keras: Any) -> None:
    named = keras.metrics.RootMeanSquaredError(name="mine")
    model = one_output(keras, loss="mse", metrics=["mae", named])
    history = model.fit(np.ones((4, 4), np.float32), np.ones((4, 3), np.float32), verbose=0).history
    assert set(training(model).metrics) == set(history) - {"loss"} == {"mae", "mine"}
    assert training(one_output(keras, loss="mse")).metrics == ()


def test_optimizer_policy_and_arguments(keras: Any) -> None:
    optimizer = keras.optimizers.SGD(0.125, momentum=0.5)
    found = training(one_output(keras, optimizer=optimizer, loss="mse"))
    assert (found.optimizer, found.policy) == ("SGD", "float32")
    config = found.optimizer_config
    assert (config["learning_rate"], config["momentum"]) == (0.125, 0.5)
    assert (found.epochs, found.batch_size, found.probe_rows) == (1, 2, 3)
    assert (found.class_weights, found.sample_weights) == ({"0": 2.0}, True)
    half = keras.layers.Dense(3, dtype="mixed_float16")
    model = keras.Sequential([keras.layers.Input((4,)), half, keras.layers.Dense(1)])
    model.compile("sgd", loss="mse")
    assert training(model).policy == "mixed_float16"


def test_the_learning_rate_as_it_is_now(keras: Any) -> None:
    model = one_output(keras, optimizer=keras.optimizers.SGD(0.5), loss="mse")
    assert facts.learning_rate(model) == 0.5
    model.optimizer.learning_rate = 0.25
    assert facts.learning_rate(model) == 0.25
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([1], [0.5, 0.125])
    model.compile(keras.optimizers.SGD(schedule), loss="mse")
    model.fit(np.ones((6, 4), np.float32), np.ones((6, 3), np.float32), batch_size=2, verbose=0)
    assert facts.learning_rate(model) == 0.125


def test_a_shared_weight_is_counted_once(keras: Any) -> None:
    given = keras.Input((4,))
    twice = keras.layers.Dense(4, name="twice")
    inner = keras.Sequential(
        [keras.layers.Input((4,)), twice, keras.layers.BatchNormalization(name="norm")], name="in"
    )
    model = keras.Model(given, inner(twice(twice(given))), name="net")
    outputs = (Spec((None, 4), "float32", "norm"),)
    found = saved.model_facts(model, outputs)
    assert (found.name, found.layer, found.outputs) == ("net", "Functional", outputs)
    assert found.parameters == Parameters(4 * 4 + 4 + 8, 8)
    assert found.parameters.total == model.count_params()
    # Two inputs, the shared layer, the nested model and its normalisation.
    assert (
        found.layers == 5 or found.layers == len({id(each) for each in model._flatten_layers()}) - 1
    )


def test_frozen_parts_are_counted_apart(keras: Any) -> None:
    model = one_output(keras, loss="mse")
    model.layers[0].trainable = False
    assert saved.model_facts(model).parameters == Parameters(0, 15)


def test_the_fingerprint_is_of_the_configuration_and_the_weights(keras: Any) -> None:
    keras.utils.set_random_seed(0)
    first = one_output(keras, loss="mse")
    second = keras.Sequential.from_config(first.get_config())
    second.set_weights(first.get_weights())
    assert saved.fingerprint(first) == saved.fingerprint(second)
    weights = first.get_weights()
    weights[1][2] += 1e-6
    second.set_weights(weights)
    assert saved.fingerprint(first) != saved.fingerprint(second)
    other = keras.Sequential(
        [keras.layers.Input((4,)), keras.layers.Dense(3, "relu", name="out")], name="one"
    )
    other.set_weights(first.get_weights())
    assert saved.fingerprint(first) != saved.fingerprint(other)


# The loss of each row, by NumPy


def softmax(scores: Array) -> Array:
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


SCORES = CHANCE.normal(size=(6, 3)).astype(np.float32)
CLASSES = CHANCE.integers(0, 3, 6)
ONCE = np.eye(3, dtype=np.float32)[CLASSES]
SHARE = (1 / (1 + np.exp(-SCORES[:, :1]))).astype(np.float32)
YES = (CHANCE.random((6, 1)) < 0.5).astype(np.float32)


def numbers(*shape: int) -> Array:
    return CHANCE.normal(size=shape).astype(np.float32)


def close(model: Any, wanted: Any, given: Any, expected: Any) -> None:
    """The loss of each row is this one."""
    found = facts.row_losses(model, wanted, given)
    assert found.shape == (len(expected),)
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=1e-6)


def test_squares_and_absolute_differences(keras: Any) -> None:
    wanted, deep = numbers(6, 3), numbers(6, 4, 3)
    close(one_output(keras, loss="mse"), wanted, SCORES, ((wanted - SCORES) ** 2).mean(axis=1))
    for loss in ("mae", own_loss):
        close(one_output(keras, loss=loss), wanted, SCORES, np.abs(wanted - SCORES).mean(axis=1))
    close(one_output(keras, loss="mse"), deep * 0, deep, (deep**2).mean(axis=(1, 2)))


@pytest.mark.parametrize("flat", [True, False])
def test_crossentropies(keras: Any, flat: bool) -> None:
    losses = keras.losses
    expected = -(YES * np.log(SHARE) + (1 - YES) * np.log(1 - SHARE))[:, 0]
    wanted: Any = YES[:, 0] if flat else YES
    scores = losses.BinaryCrossentropy(from_logits=True)
    close(one_output(keras, loss="binary_crossentropy"), wanted, SHARE, expected)
    close(one_output(keras, loss=scores), wanted, SCORES[:, :1], expected)
    shares = softmax(SCORES)
    expected = -np.log(shares[np.arange(6), CLASSES])
    wanted = CLASSES if flat else CLASSES[:, None]
    scores = losses.SparseCategoricalCrossentropy(from_logits=True)
    close(one_output(keras, loss="sparse_categorical_crossentropy"), wanted, shares, expected)
    close(one_output(keras, loss=scores), wanted, SCORES, expected)
    expected = -(ONCE * np.log(shares)).sum(axis=1)
    close(one_output(keras, loss="categorical_crossentropy"), ONCE, shares, expected)
    smooth = losses.CategoricalCrossentropy(label_smoothing=0.3)
    smoothed = -((ONCE * 0.7 + 0.1) * np.log(shares)).sum(axis=1)
    close(one_output(keras, loss=smooth), ONCE, shares, smoothed)


def test_a_loss_for_each_step_of_a_sequence_is_averaged(keras: Any) -> None:
    shares, classes = softmax(numbers(6, 5, 3)), CHANCE.integers(0, 3, (6, 5))
    each = -np.log(np.take_along_axis(shares, classes[..., None], axis=-1))[..., 0]
    model = one_output(keras, loss="sparse_categorical_crossentropy")
    close(model, classes, shares, each.mean(axis=1))


def test_several_outputs_are_added(keras: Any) -> None:
    one, two = numbers(6, 2), numbers(6, 1)
    square, absolute = (one**2).mean(axis=1), np.abs(two).mean(axis=1)
    listed = two_outputs(keras, ["mse", "mae"], keys=False)
    close(listed, [one * 0, two * 0], [one, two], square + absolute)
    wanted, given = {"one": one * 0, "two": two * 0}, {"one": one, "two": two}
    # In the order of the outputs, and in another one.
    for losses in ({"one": "mse", "two": "mae"}, {"two": "mae", "one": "mse"}):
        close(two_outputs(keras, losses), wanted, given, square + absolute)
    single = two_outputs(keras, "mse", keys=False)
    close(single, [one * 0, two * 0], [one, two], square + (two**2).mean(axis=1))
    # An output without a loss adds nothing.
    close(two_outputs(keras, {"two": "mae", "one": None}), wanted, [one, two], absolute)
    strange = two_outputs(keras, {"two": "mae", "three": "mse"})
    assert facts.row_losses(strange, given, [one, two]) is None


def test_the_mean_over_the_rows_is_the_loss_that_keras_tells(keras: Any) -> None:
    keras.utils.set_random_seed(0)
    model = one_output(keras, loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    x = CHANCE.normal(size=(6, 4)).astype(np.float32)
    found = facts.row_losses(model, CLASSES, model.predict(x, verbose=0))
    assert found.mean() == pytest.approx(model.evaluate(x, CLASSES, verbose=0), rel=1e-5)


def test_a_loss_that_has_no_rows_is_not_told(keras: Any) -> None:
    def whole(wanted: Any, given: Any) -> Any:
        return keras.ops.mean(wanted - given)

    def raising(wanted: Any, given: Any) -> Any:
        raise RuntimeError("not like this")

    for loss in (whole, raising):
        assert facts.row_losses(one_output(keras, loss=loss), SCORES, SCORES) is None
    model = two_outputs(keras, ["mse", "mae"], keys=False)
    assert facts.row_losses(model, [SCORES], [SCORES, SCORES]) is None
