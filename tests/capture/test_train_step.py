"""Models whose training step calls their parts: its stages, its losses, and that it leaves nothing behind."""

import collections
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pipetrace
from pipetrace.capture.forward import Forward
from pipetrace.capture.train_step import TrainStep
from pipetrace.trace.document import Trace
from pipetrace.trace.measurements import Gradient, Update
from pipetrace.trace.training import StepFacts

pytestmark = pytest.mark.framework

ROWS, BATCH = 48, 8


def train_critic(model: Any, real: Any) -> Any:
    import keras
    import tensorflow as tf

    count, weights = tf.shape(real)[0], model.critic.trainable_weights
    made = model.maker(keras.random.normal((count, 4)), training=True)
    with tf.GradientTape() as tape:
        scores = model.critic(tf.concat([made, real], 0), training=True)
        loss = model.judged(tf.concat([tf.ones((count, 1)), tf.zeros((count, 1))], 0), scores)
    gradients = [tf.clip_by_norm(each, 1.0) for each in tape.gradient(loss, weights)]
    model.critic_optimizer.apply_gradients(zip(gradients, weights, strict=True))
    return loss


def train_maker(model: Any, real: Any) -> tuple[Any, Any]:
    import tensorflow as tf

    count, weights = tf.shape(real)[0], model.maker.trainable_weights
    with tf.GradientTape() as tape:
        made = model.maker(tf.random.normal((count, 4)), training=True)
        loss = model.judged(tf.zeros((count, 1)), model.critic(made, training=True))
    model.maker_optimizer.apply(tape.gradient(loss, weights), weights)
    return loss, made


def gan(*, eager: bool = False) -> Any:
    import keras
    import tensorflow as tf
    from keras import layers

    class Gan(keras.Model):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(name="gan")
            self.critic = keras.Sequential(
                [
                    keras.Input((6,)),
                    layers.Dense(5, "relu", name="look"),
                    layers.Dense(1, name="judge"),
                ],
                name="critic",
            )
            self.maker = keras.Sequential(
                [keras.Input((4,)), layers.Dropout(0.1), layers.Dense(6, name="make")], name="maker"
            )
            self.critic_optimizer = keras.optimizers.Adam(1e-3)
            self.maker_optimizer = keras.optimizers.SGD(1e-2)
            self.judged = keras.losses.BinaryCrossentropy(from_logits=True)
            self.average = keras.Variable(
                np.zeros((1,), "float32"), trainable=False, name="average"
            )
            self.plain = tf.Variable(0.0)
            self.critic_tracker = keras.metrics.Mean(name="critic_loss")
            self.maker_tracker = keras.metrics.Mean(name="maker_loss")
            self.calls, self.seen = 0, [0]

        @property
        def metrics(self) -> Any:
            return [self.critic_tracker, self.maker_tracker]

        def train_step(self, real: Any) -> Any:
            self.calls += 1
            self.seen.append(self.calls)
            random.random()
            np.random.random()
            print("a step")
            tf.print("a step", output_stream="file:///dev/null")
            critic_loss = [train_critic(self, real) for _ in range(2)][-1]
            maker_loss, made = train_maker(self, real)
            self.average.assign(0.9 * self.average + tf.reduce_mean(made))
            self.plain.assign_add(1.0)
            self.critic_tracker.update_state(critic_loss)
            self.maker_tracker.update_state(maker_loss)
            return {
                "critic_loss": self.critic_tracker.result(),
                "maker_loss": self.maker_tracker.result(),
            }

    keras.utils.clear_session()
    keras.utils.set_random_seed(3)
    model = Gan()
    model.compile(run_eagerly=eager)
    return model


def autoencoder(*, eager: bool = False) -> Any:
    """Its ``call`` encodes, its ``compute_loss`` decodes."""
    import keras
    from keras import layers, ops

    class Half(keras.Model):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(name="half")
            self.encode = layers.Dense(2, name="encode")
            self.decode = layers.Dense(6, name="decode")

        def build(self, shape: Any) -> None:
            self.encode.build(shape)
            self.decode.build((None, 2))

        def call(self, x: Any) -> Any:
            return self.encode(x)

        def compute_loss(self, x: Any, y: Any, y_pred: Any, *_: Any, **__: Any) -> Any:
            return ops.mean(ops.square(self.decode(y_pred) - x))

    keras.utils.clear_session()
    keras.utils.set_random_seed(3)
    model = Half()
    model.compile("adam", run_eagerly=eager)
    return model


def rows() -> Any:
    return np.random.default_rng(0).normal(2, 1, (ROWS, 6)).astype("float32")


def recorded(model: Any, path: Path, **options: Any) -> Trace:
    callbacks = [pipetrace.Recorder(path, verbose=False, budget=None)]
    model.fit(rows(), batch_size=BATCH, epochs=2, verbose=0, callbacks=callbacks, **options)
    trace = pipetrace.read(path)
    assert trace.events == ()
    return trace


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Trace]:
    """Of a training of each model."""
    folder = tmp_path_factory.mktemp("traces")
    models = {"gan": gan, "autoencoder": autoencoder}
    return {name: recorded(build(), folder / f"{name}.trace") for name, build in models.items()}


def test_the_parts_that_a_step_calls_are_stages(traces: dict[str, Trace]) -> None:
    trace = traces["gan"]
    assert [group.path for group in trace.groups if ":" not in group.path] == [
        "",
        "maker",
        "critic",
    ]
    calls = collections.Counter(stage.name.partition(":")[0] for stage in trace.stages)
    assert calls["look"] == calls["judge"] == calls["make"] == 3
    joined = trace.stages["concatenate"]
    assert [spec.source for spec in joined.inputs] == ["make", "input"]
    assert joined.outputs[0].shape == (2 * BATCH, 6)
    assert trace.stages["judge:3"].outputs[0].shape == (None, 1)
    for name in ("look/kernel", "make/kernel"):
        assert trace.measurements.of(Gradient, name, 1).norm
        assert trace.measurements.of(Update, name, 2).update_norm
    assert trace.run.model is not None
    assert trace.run.model.outputs == ()
    (prediction,) = trace.predictions
    np.testing.assert_array_equal(prediction.outputs["input"], rows()[0])
    assert prediction.outputs["make:3"].shape == (6,)


def test_what_call_leaves_out_is_seen_in_the_loss(traces: dict[str, Trace]) -> None:
    trace = traces["autoencoder"]
    assert [stage.name for stage in trace.stages] == ["input", "encode", "decode"]
    code, again = (np.asarray(trace.stages[name].example) for name in ("encode", "decode"))
    expected = code @ trace.weights["decode/kernel"] + trace.weights["decode/bias"]
    np.testing.assert_allclose(again, expected, rtol=1e-4)


@pytest.mark.parametrize("eager", [False, True])
@pytest.mark.parametrize("build", [gan, autoencoder])
def test_tracing_the_step_changes_nothing(
    build: Callable[..., Any], eager: bool, tmp_path: Path, capfd: Any, recwarn: Any
) -> None:
    from pipetrace.capture.weights import results_of

    def left(path: Path | None) -> tuple[Any, Any, str, int]:
        model = build(eager=eager)
        recwarn.clear()
        if path is None:
            model.fit(rows(), batch_size=BATCH, epochs=2, verbose=0)
        else:
            recorded(model, path)
        warned, printed = len(recwarn), capfd.readouterr().out
        plain = {name: getattr(model, name, None) for name in ("calls", "seen", "built")}
        plain["variable"] = getattr(getattr(model, "plain", None), "numpy", lambda: None)()
        return results_of([(model, model.history)]), plain, printed, warned

    alone, watched = left(None), left(tmp_path / "run.trace")
    assert alone[0].keys() == watched[0].keys()
    for name, values in alone[0].items():
        np.testing.assert_array_equal(values, watched[0][name], str(name))
    assert alone[1:] == watched[1:]


def test_losses_and_optimizers_are_told_by_their_names(traces: dict[str, Trace]) -> None:
    step = traces["gan"].run.step
    assert step is not None
    assert (step.own, step.losses) == (True, ("critic_loss", "maker_loss"))
    steps = 2 * ROWS // BATCH
    found = [(each.name, each.optimizer, each.updates) for each in step.optimizers]
    assert found == [
        ("critic_optimizer", "Adam", 2 * steps),
        ("maker_optimizer", "SGD", steps),
    ]
    told = pipetrace.observations(traces["gan"])
    assert all("critic_loss" in each.text and "maker_loss" in each.text for each in told)
    half = traces["autoencoder"].run.step
    assert half is not None
    assert half.losses == ("loss",)
    assert [(each.name, each.updates) for each in half.optimizers] == [("optimizer", steps)]


def test_the_loss_that_is_made_smaller_is_the_one_that_is_judged(
    traces: dict[str, Trace],
) -> None:
    from pipetrace.explain.judgement import judgement

    trace = traces["autoencoder"]
    step = replace(trace.run.step or StepFacts(), losses=("total_loss",))
    epochs = [
        replace(epoch, metrics={"a_loss": 0.1, "total_loss": 3.0 - epoch.number})
        for epoch in trace.epochs
    ]
    other = replace(trace, run=replace(trace.run, step=step), epochs=tuple(epochs))
    judged = judgement(other)
    assert judged.score is not None
    assert (judged.score.metric, judged.score.value, judged.trend) == ("loss", 1.0, "learning")


def test_gradients_cost_nothing_until_they_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    import tensorflow as tf

    cut, kind = [], type(tf.compat.v1.wrap_function(lambda: tf.constant(0), []))
    original = kind.prune

    def prune(*given: Any, **named: Any) -> Any:
        cut.append(1)
        return original(*given, **named)

    monkeypatch.setattr(kind, "prune", prune)
    forward = Forward(TrainStep(gan()), rows(), [("x", 0)])
    assert len(cut) == 1
    assert all(forward.slopes(rows()).gradients for _ in range(2))
    assert len(cut) == 2
