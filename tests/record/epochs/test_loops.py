"""Loops of one's own: ``recording``, and ``train_on_batch`` as ``watch`` and ``run`` see it."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pipetrace
from pipetrace.capture.distributed.processes import Spread
from pipetrace.capture.fit import FitCall
from pipetrace.record.state import Settings, State
from pipetrace.trace.document import Trace
from pipetrace.trace.measurements import FitArguments, Outcome, StepLosses

pytestmark = pytest.mark.framework

ROWS, BATCH, EPOCHS = 48, 8, 3
STEPS = ROWS // BATCH


def rows() -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, ROWS)
    return np.eye(3, dtype="float32")[y] + rng.normal(0, 0.1, (ROWS, 3)).astype("float32"), y


def classifier() -> Any:
    import keras

    keras.utils.clear_session()
    keras.utils.set_random_seed(1)
    scores = keras.layers.Dense(3, name="scores")
    return keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(4, "relu", name="hidden"), scores]
    )


def by_tape(model: Any, run: Any, optimizer: Any, loss: Any) -> list[list[float]]:
    """Train as guides do; the losses of the steps by epoch."""
    import tensorflow as tf

    x, y = rows()
    found = []
    for _ in range(EPOCHS):
        losses = []
        for at in range(0, ROWS, BATCH):
            with tf.GradientTape() as tape:
                value = loss(y[at : at + BATCH], model(x[at : at + BATCH], training=True))
            weights = model.trainable_variables
            optimizer.apply_gradients(zip(tape.gradient(value, weights), weights, strict=True))
            losses.append(float(value))
            if run is not None:
                run.step(loss=value)
        if run is not None:
            run.epoch(val_loss=0.5)
        found.append(losses)
    return found


def parts() -> tuple[Any, Any, Any]:
    import keras

    model, optimizer = classifier(), keras.optimizers.Adam(0.05)
    return model, optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def check_loop(trace: Trace, losses: list[list[float]]) -> None:
    assert trace.ending.kind == "finished"
    assert [each.number for each in trace.epochs] == [1, 2, 3]
    assert [each.steps for each in trace.epochs] == [STEPS] * EPOCHS
    for epoch, expected in zip(trace.epochs, losses, strict=True):
        assert epoch.metrics["loss"] == pytest.approx(np.mean(expected), rel=1e-4)
    assert trace.run.training.epochs == EPOCHS
    assert [stage.name for stage in trace.stages] == ["input", "hidden", "scores"]
    assert trace.measurements.has(Outcome, "training")
    step = trace.run.step
    assert step is not None
    assert not step.by_fit
    assert [(each.optimizer, each.updates) for each in step.optimizers] == [
        ("Adam", EPOCHS * STEPS)
    ]
    # Nothing is known of arguments of ``fit``.
    assert not trace.measurements.has(FitArguments, "fit")
    assert trace.run.data.rows is None


def test_a_loop_with_a_tape_is_recorded_and_stays_as_it_is(tmp_path: Path) -> None:
    alone, *others = parts()
    by_tape(alone, None, *others)
    model, optimizer, loss = parts()
    path = tmp_path / "run.trace"
    options: Any = {"loss": loss, "optimizer": optimizer, "budget": None, "verbose": False}
    with pipetrace.recording(model, path, *rows(), **options) as run:
        losses = by_tape(model, run, optimizer, loss)
    trace = pipetrace.read(path)
    assert trace.events == ()
    check_loop(trace, losses)
    assert trace.epochs[0].metrics["val_loss"] == 0.5
    assert trace.run.training.from_logits
    assert trace.measurements.has(StepLosses, "training", 1)
    for one, other in zip(alone.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_what_the_loop_raises_passes_and_is_the_end(tmp_path: Path) -> None:
    model, path = classifier(), tmp_path / "run.trace"

    def train() -> None:
        with pipetrace.recording(model, path, *rows(), verbose=False) as run:
            run.step(loss=float("nan"))
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        train()
    trace = pipetrace.read(path)
    assert (trace.ending.kind, trace.ending.error) == ("failed", "KeyError: 'mine'")
    assert [event.kind for event in trace.events][:1] == ["loss"]


def by_batches(model: Any) -> list[list[float]]:
    x, y = rows()
    pieces = [slice(at, at + BATCH) for at in range(0, ROWS, BATCH)]
    return [[model.train_on_batch(x[at], y[at])[0] for at in pieces] for _ in range(EPOCHS)]


def watched(path: Path) -> list[list[float]]:
    model = compiled()
    with pipetrace.watch(model, path, verbose=False, budget=None):
        found = by_batches(model)
    assert not {"fit", "train_on_batch"} & set(vars(model))
    return found


def run_as_program(path: Path) -> list[list[float]]:
    from pipetrace.record.watch import watching_all

    made: list[Path] = []
    with watching_all(lambda _: path, made, {}, command="run", budget=None):
        found = by_batches(compiled())
    assert made == [path]
    return found


def compiled() -> Any:
    import keras

    model, optimizer, loss = parts()
    model.compile(optimizer, loss, metrics=[keras.metrics.SparseCategoricalAccuracy("right")])
    return model


@pytest.mark.parametrize("door", [watched, run_as_program])
def test_train_on_batch_is_recorded(door: Callable[[Path], Any], tmp_path: Path) -> None:
    losses = door(tmp_path / "run.trace")
    assert losses == by_batches(compiled())  # as it is without a recording
    trace = pipetrace.read(tmp_path / "run.trace")
    check_loop(trace, losses)
    assert set(trace.epochs[0].metrics) == {"loss", "right"}
    assert trace.rows == ROWS
    assert trace.run.training.batch_size == BATCH


def test_a_loop_that_plans_nothing_is_expected_to_go_on(tmp_path: Path) -> None:
    """So that its epochs are measured by the budget as those of a ``fit``, of which more are to come."""
    state = State(classifier(), Settings(tmp_path / "run.trace"))
    for call, expected in (
        (FitCall(epochs=0, known=True, by_fit=False), [10, 10, 40]),
        (FitCall(epochs=7, known=True, by_fit=False), [3, 3, 3]),
        (FitCall(epochs=7, known=True), [3, 3, 3]),
    ):
        state.source.fit_begins(call, Spread())
        found = []
        for state.epoch in (0, 5, 20):
            state.planned = 3
            found.append(state.expected)
        assert found == expected


def test_a_forked_child_records_nothing(tmp_path: Path) -> None:
    model, path = classifier(), tmp_path / "run.trace"
    with pipetrace.recording(model, path, *rows(), verbose=False) as run:
        if not (child := os.fork()):
            run.step(loss=1.0)
            run.epoch()
            os._exit(0)
        os.waitpid(child, 0)
        run.step(loss=2.0)
        run.epoch()
    assert [epoch.metrics for epoch in pipetrace.read(path).epochs] == [{"loss": 2.0}]
