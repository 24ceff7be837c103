"""Several calls of ``fit``, restored weights, weighted losses: what the trace says of each. The models train without
a graph, which takes most of a short training."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.record.models import BATCH, ROWS, as_arrays, classifier, rows

import pipetrace
from pipetrace.trace.measurements import TRAINING, VALIDATION, DatasetCheck, LossPoint, Outcome

pytestmark = [
    pytest.mark.framework,
    pytest.mark.usefixtures("unhurried"),
    # Keras' own way to NumPy, where a scheduler sets the rate.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


def watched(model: Any, path: Path) -> None:
    pipetrace.watch(model, path, verbose=False, budget=None)


def test_each_fit_has_its_own_settings_and_rows(tmp_path: Path) -> None:
    import keras

    model, (x, y) = classifier(run_eagerly=True), rows()
    watched(model, tmp_path / "run.trace")
    model.fit(x, y, epochs=2, batch_size=BATCH, validation_split=0.2, verbose=0)
    model.get_layer("hidden").trainable = False
    loss = keras.losses.SparseCategoricalCrossentropy(ignore_class=7)
    model.compile(keras.optimizers.SGD(0.5), loss, run_eagerly=True)
    model.fit(x, y, class_weight={0: 1, 1: 3, 2: 1}, verbose=0)
    model.fit(x, y, sample_weight=np.ones(ROWS), epochs=2, verbose=0)
    trace = pipetrace.read(tmp_path / "run.trace")
    one, two, three = trace.fits
    assert [(each.first_epoch, each.last_epoch) for each in trace.fits] == [(1, 2), (3, 3), (4, 5)]
    assert [each.training.optimizer for each in trace.fits] == ["Adam", "SGD", "SGD"]
    assert [each.training.loss_settings.get("", {}).get("ignore_class") for each in trace.fits] == [
        None,
        7,
        7,
    ]
    assert [(each.rows, each.validation_rows, each.steps) for each in (one, two)] == [
        (80, 20, 5),
        (ROWS, 0, 4),
    ]
    assert one.fingerprint != two.fingerprint
    assert two.fingerprint == three.fingerprint
    assert [each.frozen for each in trace.fits] == [(), ("hidden",), ("hidden",)]
    assert [dict(each.training.class_weights) for each in trace.fits] == [
        {},
        {"0": 1.0, "1": 3.0, "2": 1.0},
        {},
    ]
    assert [each.training.sample_weights for each in trace.fits] == [False, False, True]
    assert [each.initial_epoch for each in trace.fits] == [0, 2, 3]
    assert not any(each.weights_differ for each in trace.fits)
    assert [each.weights_epoch for each in trace.fits] == [2, 3, 5]
    assert trace.run.training == three.training
    assert (trace.run.data.available, trace.run.data.rows) == (ROWS, ROWS)


def test_the_loss_of_an_epoch_is_that_of_its_fit(tmp_path: Path) -> None:
    model, (x, y) = classifier(run_eagerly=True), rows()
    watched(model, tmp_path / "run.trace")
    model.fit(x, y, epochs=1, verbose=0)
    model.compile("adam", lambda wanted, given: 1000 + 0 * given[:, 0], run_eagerly=True)
    model.fit(x, y, epochs=1, verbose=0)
    course = pipetrace.read(tmp_path / "run.trace").measurements.course(
        LossPoint, TRAINING, lambda each: each.loss
    )
    assert course[0] < 10
    assert course[1] < 10
    assert course[2] == pytest.approx(1000)


def test_validation_rows_that_a_later_fit_trains_on_are_no_leak(tmp_path: Path) -> None:
    model, (x, y) = classifier(run_eagerly=True), rows()
    watched(model, tmp_path / "run.trace")
    model.fit(x, y, validation_split=0.2, verbose=0)
    model.fit(x, y, verbose=0)
    check = pipetrace.read(tmp_path / "run.trace").measurements.of(DatasetCheck, VALIDATION)
    assert check.seen_in_training is None
    half = slice(0, 50), slice(50, None)
    for trained, validated in (half, half[::-1]):
        pair = x[validated], y[validated]
        model.fit(x[trained], y[trained], validation_data=pair, verbose=0)
    check = pipetrace.read(tmp_path / "run.trace").measurements.of(DatasetCheck, VALIDATION)
    assert (check.seen_in_training, check.seen_in_earlier_fits) == (0.0, 1.0)


@pytest.mark.parametrize("mode", ["min", pytest.param("max", marks=pytest.mark.slow)])
def test_restored_weights_are_told_by_their_epoch(tmp_path: Path, mode: str) -> None:
    import keras

    # The rate is far too high from the third epoch on, so the loss is best in the second.
    rate = keras.callbacks.LearningRateScheduler(lambda epoch, _: 0.01 if epoch < 2 else 3.0)
    stopping = keras.callbacks.EarlyStopping(
        "loss", mode=mode, patience=2, restore_best_weights=True
    )
    model = classifier(run_eagerly=True)
    watched(model, tmp_path / "run.trace")
    callbacks = [rate, stopping]
    history = model.fit(**as_arrays(), epochs=4, callbacks=callbacks, verbose=0).history["loss"]
    (fit,) = pipetrace.read(tmp_path / "run.trace").fits
    best = int((np.argmin if mode == "min" else np.argmax)(history)) + 1
    assert fit.weights_epoch == best
    assert fit.weights_differ is (best != len(history))
    (_, told) = fit.training.callbacks
    assert told.name == "EarlyStopping"
    assert told.settings["monitor"] == "loss"
    assert told.settings["mode"] == mode
    assert told.settings["patience"] == 2
    assert told.settings["restore_best_weights"] is True


def test_weights_that_no_epoch_left(tmp_path: Path) -> None:
    import keras

    class Zeroes(keras.callbacks.Callback):  # type: ignore[misc] # Keras has no types
        def on_train_end(self, logs: Any = None) -> None:
            self.model.set_weights([0 * each for each in self.model.get_weights()])

    model = classifier(run_eagerly=True)
    watched(model, tmp_path / "run.trace")
    model.fit(**as_arrays(), callbacks=[Zeroes()], verbose=0)
    (fit,) = pipetrace.read(tmp_path / "run.trace").fits
    assert (fit.weights_epoch, fit.weights_differ) == (None, True)


def test_an_embedding_is_no_class_and_its_largest_value_no_answer(tmp_path: Path) -> None:
    import keras

    def own(_: Any, given: Any) -> Any:
        return given[:, 0] ** 2

    for place, (loss, activation, tells) in enumerate(
        [
            ("sparse_categorical_crossentropy", "linear", True),
            (own, "softmax", True),
            (own, "linear", False),
        ]
    ):
        x, y = rows()
        model = keras.Sequential(
            [keras.layers.Input((6,)), keras.layers.Dense(3, activation=activation)]
        )
        model.compile("adam", loss, run_eagerly=True)
        path = tmp_path / f"{place}.trace"
        watched(model, path)
        model.fit(x, y, verbose=0)
        trace = pipetrace.read(path)
        outcome = trace.measurements.of(Outcome, TRAINING)
        assert outcome.rows == ROWS
        assert (outcome.accuracy is not None) is tells
        assert (trace.predictions[0].label is not None) is tells
