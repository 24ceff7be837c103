"""What is measured of a real training, held against the same figures taken in another way."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pipetrace
from pipetrace.trace import Trace
from pipetrace.trace.measurements import (
    DatasetCheck,
    FitArguments,
    Gradient,
    InitialWeight,
    LossPoint,
    Outcome,
    StepLosses,
    Update,
)

pytestmark = pytest.mark.framework


def rows(count: int = 240, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, count)
    return (rng.normal(size=(3, 6))[y] * 1.5 + rng.normal(size=(count, 6))).astype("float32"), y


def network() -> Any:
    import keras

    keras.utils.set_random_seed(0)
    layers = keras.layers
    penalty = keras.regularizers.L2(0.01)
    model = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(8, activation="relu", kernel_regularizer=penalty, name="hidden"),
            layers.Dense(3, activation="softmax", name="out"),
        ]
    )
    model.compile(
        keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    return model


class Watcher:
    """A callback's eyes: the kernel after each epoch and each step, and the loss of each step."""

    def __init__(self) -> None:
        import keras

        outer = self
        self.epochs: list[np.ndarray] = []
        self.steps: list[np.ndarray] = []
        self.means: list[float] = []

        class Callback(keras.callbacks.Callback):  # type: ignore[misc] # Keras has no types
            def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
                outer.steps.append(self.model.get_layer("hidden").kernel.numpy())
                outer.means.append(logs["loss"])

            def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
                outer.epochs.append(self.model.get_layer("hidden").kernel.numpy())

        self.callback = Callback()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Trace, Watcher, np.ndarray]:
    path = tmp_path_factory.mktemp("dynamics") / "run.trace"
    model, (x, y), watcher = network(), rows(), Watcher()
    start = model.get_layer("hidden").kernel.numpy()
    # Without a budget, so that a busy machine leaves nothing out.
    pipetrace.watch(model, path, verbose=False, budget=None)
    model.fit(
        x[:180],
        y[:180],
        validation_data=(x[180:], y[180:]),
        epochs=3,
        batch_size=30,
        verbose=0,
        callbacks=[watcher.callback],
    )
    return model, pipetrace.read(path), watcher, start


def test_nothing_was_lost(run: Any) -> None:
    assert [each for each in run[1].events if each.kind == "recorder"] == []


def test_weights_before_training(run: Any) -> None:
    _, trace, _, start = run
    found = trace.measurements.of(InitialWeight, "hidden/kernel", 0)
    assert found.std == pytest.approx(start.std(), rel=1e-6)
    assert (found.fan_in, found.fan_out) == (6, 8)


def test_movements(run: Any) -> None:
    _, trace, watcher, start = run
    found = trace.measurements.of(Update, "hidden/kernel", 3)
    before, now = watcher.epochs[1], watcher.epochs[2]
    assert found.update_norm == pytest.approx(np.linalg.norm(now - before), rel=1e-5)
    assert found.from_start == pytest.approx(np.linalg.norm(now - start), rel=1e-5)
    assert found.last_step == pytest.approx(
        np.linalg.norm(watcher.steps[-1] - watcher.steps[-2]), rel=1e-4
    )
    way = before - watcher.epochs[0]
    cosine = ((now - before) * way).sum() / np.linalg.norm(now - before) / np.linalg.norm(way)
    assert found.cosine == pytest.approx(cosine, abs=1e-5)


def test_the_loss_of_single_steps(run: Any) -> None:
    _, trace, watcher, _ = run
    means = np.array(watcher.means[6:12])
    single = np.diff(np.concatenate([[0], means * np.arange(1, 7)]))
    found = trace.measurements.of(StepLosses, "training", 2)
    assert found.count == 6
    assert found.max == pytest.approx(single.max(), rel=1e-4)
    assert found.median == pytest.approx(np.median(single), rel=1e-4)


def test_gradients_and_penalty(run: Any) -> None:
    import tensorflow as tf

    model, trace, _, _ = run
    x, y = rows()
    # Two batches of 30 rows: batch normalisation sees in each what it sees in training.
    batches = np.linspace(0, 179, 60).round().astype(int).reshape(2, 30)
    with tf.GradientTape() as tape:
        given = tf.concat([model(x[places], training=True) for places in batches], 0)
        wanted = y[batches.reshape(-1)]
        data = tf.reduce_mean(-tf.math.log(tf.gather(given, wanted, batch_dims=1)))
        penalty = 0.01 * tf.reduce_sum(model.get_layer("hidden").kernel.value ** 2)
        loss = data + penalty
    gradient = tape.gradient(loss, model.get_layer("hidden").kernel.value)
    found = trace.measurements.of(LossPoint, "training", 3)
    assert found.loss == pytest.approx(float(loss), rel=1e-4)
    assert found.penalty == pytest.approx(float(penalty), rel=1e-4)
    kernel = trace.measurements.of(Gradient, "hidden/kernel", 3)
    assert kernel.norm == pytest.approx(float(np.linalg.norm(gradient)), rel=1e-3)
    assert kernel.penalty_norm == pytest.approx(
        0.02 * float(np.linalg.norm(model.get_layer("hidden").kernel.numpy())), rel=1e-4
    )


def test_outcomes_of_training_and_validation_rows(run: Any) -> None:
    model, trace, _, _ = run
    x, y = rows()
    for kind, part in (("training", slice(0, 180)), ("validation", slice(180, 240))):
        given = model.predict(x[part], verbose=0)
        found = trace.measurements.of(Outcome, kind)
        assert found.rows == len(given)
        assert found.accuracy == pytest.approx((given.argmax(axis=1) == y[part]).mean())
        assert found.log_loss == pytest.approx(
            -np.log(given[np.arange(len(given)), y[part]]).mean(), rel=1e-4
        )


def test_rows_that_fit_trains_on_and_not_those_to_look_at(tmp_path: Path) -> None:
    x, y = rows()
    model = network()
    recorder = pipetrace.Recorder(tmp_path / "run.trace", x, y, verbose=False)
    model.fit(x, y, validation_split=0.25, epochs=1, verbose=0, callbacks=[recorder])
    trace = pipetrace.read(tmp_path / "run.trace")
    assert (
        trace.measurements.of(Outcome, "training").rows
        == trace.measurements.of(DatasetCheck, "training").rows
        == 180
    )
    assert trace.measurements.of(DatasetCheck, "validation").seen_in_training == 0
    assert trace.measurements.of(FitArguments, "fit") == FitArguments(
        shuffle=True, validation_split=0.25
    )
