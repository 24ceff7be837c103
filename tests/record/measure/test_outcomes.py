"""One thread for linear algebra, and nothing else changed."""

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from pipetrace.capture.forward import Forward
from pipetrace.record.measure.epoch import EpochPass
from pipetrace.record.measure.model_pass import ModelPass
from pipetrace.record.measure.outcomes import (
    SET_BY_THREADPOOLCTL,
    batch_dependence,
    compared,
    one_blas_thread,
)
from pipetrace.record.measure.rows import Rows
from pipetrace.trace.measurements import BatchDependence, Outcome

threadpoolctl = pytest.importorskip("threadpoolctl")


def threads() -> list[int]:
    return [
        each["num_threads"]
        for each in threadpoolctl.threadpool_info()
        if each["user_api"] == "blas"
    ]


def test_within_the_block_there_is_one_and_after_it_as_many_as_before() -> None:
    np.linalg.eigh(np.eye(3))
    before = threads()
    with one_blas_thread():
        assert set(threads()) <= {1}
    assert threads() == before


@pytest.mark.parametrize("given", [None, "FALSE"])
def test_the_environment_is_what_it_was(given: str | None) -> None:
    """In a process of its own, since importing the library is what changes it."""
    program = (
        "import os; from pipetrace.record.measure.outcomes import one_blas_thread\n"
        f"with one_blas_thread(): pass\nprint(os.environ.get({SET_BY_THREADPOOLCTL!r}))"
    )
    environment = {key: value for key, value in os.environ.items() if key != SET_BY_THREADPOOLCTL}
    if given is not None:
        environment[SET_BY_THREADPOOLCTL] = given
    ran = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert ran.stdout == f"{given}\n"


@pytest.mark.framework
def test_what_depends_on_the_other_rows_of_a_batch_is_measured() -> None:
    import keras

    class Wrong(keras.layers.Layer):  # type: ignore[misc] # Keras has no types
        def call(self, values: object) -> object:
            return values + keras.ops.mean(values, axis=0, keepdims=True)

    x = np.random.default_rng(0).normal(size=(40, 4)).astype("float32")
    layers = keras.layers
    noise = layers.Lambda(lambda values: values + keras.random.normal(keras.ops.shape(values)))

    def measured(middle: object) -> dict[str, float | None]:
        keras.utils.set_random_seed(0)
        dense = layers.Dense(3, name="dense")
        model = keras.Sequential([keras.Input((4,)), dense, middle, layers.Dense(1, name="out")])
        forward = Forward(model, x[:2], [("rows", 0)])
        found = batch_dependence(ModelPass(forward, [("rows", 0)], x[:2]), Rows(x))
        return {
            name: figures.difference
            for name, figures in found
            if isinstance(figures, BatchDependence)
        }

    wrong = measured(Wrong(name="wrong"))
    assert list(wrong) == ["wrong", "out"]
    assert [each is not None and each > 0.01 for each in wrong.values()] == [True, True], wrong
    usual = measured(layers.BatchNormalization())
    assert list(usual) == ["out"]
    assert usual["out"] == pytest.approx(0, abs=1e-4)
    drawn = measured(noise)
    assert drawn["out"] == pytest.approx(0, abs=1e-4)


@pytest.mark.framework
@pytest.mark.parametrize("axes", [1, 2])
def test_a_loss_of_ones_own_is_asked_for_rows_together_and_alone(axes: int) -> None:
    import keras

    class Squared(keras.losses.Loss):  # type: ignore[misc] # Keras has no types
        def call(self, y_true: Any, y_pred: Any) -> Any:
            return keras.ops.square(y_true - y_pred)

    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(20, 4)).astype("float32"), rng.normal(size=20).astype("float32")
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile("sgd", Squared())
    measure = ModelPass(Forward(model, x[:2], [("rows", 0)]), [("rows", 0)], x[:2])
    rows = Rows(x, y if axes == 1 else y[:, None])
    outputs = measure.outputs_of(rows)
    ((_, found),) = compared(measure, rows, outputs, "training")
    assert isinstance(found, Outcome)
    few, wanted = outputs[0][:8, 0], y[:8]
    if axes == 1:
        assert found.batch_loss == pytest.approx(((wanted[None] - few[:, None]) ** 2).mean())
        assert found.row_losses == pytest.approx(((wanted - few) ** 2).mean())
    else:
        assert found.batch_loss is None


@pytest.mark.framework
def test_moving_averages_are_those_of_the_pass() -> None:
    """Figures are made in another thread, while training goes on and changes the averages."""
    import keras

    x = np.random.default_rng(0).normal(3.0, 2.0, (64, 4)).astype("float32")
    norm = keras.layers.BatchNormalization(name="norm")
    model = keras.Sequential([keras.Input((4,)), norm])
    model.compile("sgd", "mse")
    measure = ModelPass(Forward(model, x[:2], [("rows", 0)]), [("rows", 0)], x[:2])
    at_once = EpochPass(measure, Rows(x, x)).figures()
    later = EpochPass(measure, Rows(x, x))
    norm.moving_mean.assign(np.full(4, 100.0))
    assert later.figures() == at_once
    assert EpochPass(measure, Rows(x, x)).figures() != at_once
