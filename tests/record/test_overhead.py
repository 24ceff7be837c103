"""Real trainings under budgets: what is kept, what is left out, and that the trace says both."""

import sqlite3
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.record.models import classifier, rows

import pipetrace
from pipetrace.explain.overhead import omissions, spent
from pipetrace.record import budget as module
from pipetrace.record.epochs.recorder import EpochRecorder
from pipetrace.trace import Trace, read
from pipetrace.trace.overhead import BUDGET, DECLINED

pytestmark = pytest.mark.framework
EPOCHS = 6


@pytest.fixture
def roomy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A floor that a busy machine does not use up; what waits for a share of the training still waits."""
    monkeypatch.setattr(module, "FLOOR", 60.0)


def recorded(path: Path, *, epochs: int = EPOCHS, **options: Any) -> Trace:
    x, y = rows()
    recorder = pipetrace.Recorder(path, **{"verbose": False, **options})
    classifier().fit(x, y, epochs=epochs, validation_split=0.2, verbose=0, callbacks=[recorder])
    return read(path)


def skipped(trace: Trace) -> dict[tuple[str, str], tuple[int | None, int | None]]:
    assert trace.overhead is not None
    return {(each.what, each.reason): (each.amount, each.total) for each in trace.overhead.skipped}


def epochs_of(trace: Trace, part: str) -> list[int]:
    return sorted(
        {each.epoch for each in trace.measurements if each.kind == part and each.epoch is not None}
    )


def test_without_room_the_metrics_stay_and_the_rest_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FLOOR", 0.0)
    monkeypatch.setattr(module, "PLANNED_OF_FLOOR", 0.0)
    trace = recorded(tmp_path / "a.trace", budget=0.0)
    assert [set(each.metrics) for each in trace.epochs] == [
        {"loss", "accuracy", "val_loss", "val_accuracy"}
    ] * EPOCHS
    # The last epoch's measurement waits for nobody.
    assert [bool(each.probe) for each in trace.epochs] == [False] * (EPOCHS - 1) + [True]
    found = skipped(trace)
    assert found["probe", BUDGET] == (EPOCHS - 1, EPOCHS)
    assert found["weights", BUDGET] == (EPOCHS - 1, EPOCHS)
    assert found["late stages", BUDGET][0] == 1
    # The last three are followed whatever it takes, which is little, and measured when training is over.
    assert found["measurements", BUDGET] == (EPOCHS - 3, EPOCHS)
    assert epochs_of(trace, "update") == [EPOCHS - 1, EPOCHS]
    # What can wait is measured all the same.
    assert trace.rows == 80
    assert trace.predictions
    assert omissions(trace).count(f"{EPOCHS - 1} of {EPOCHS} epochs") >= 2


def test_a_short_training_gets_half_a_second_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trace = recorded(tmp_path / "a.trace", verbose=True)
    assert trace.overhead is not None
    assert (trace.overhead.budget, trace.overhead.floor) == (0.02, 0.5)
    assert "budget" in spent(trace)
    said = capsys.readouterr().err
    assert "pipetrace: recording took " in said
    assert "budget" in said
    # No file stays open.
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.trace"]
    with sqlite3.connect(tmp_path / "a.trace", timeout=0) as database:
        database.execute("BEGIN EXCLUSIVE")
    database.close()


@pytest.mark.usefixtures("roomy")
def test_figures_that_waited_are_those_of_their_epochs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Measured at once, or afterwards from copies of the weights: the same to the bit, where nothing is drawn."""
    during: list[tuple[str, int]] = []
    measure = EpochRecorder._measure

    def noted(self: EpochRecorder, part: str, number: int, instead: Any) -> None:
        if self._state.cost.training and part == "gradients":
            during.append((self._state.settings.path.name, number))
        measure(self, part, number, instead)

    monkeypatch.setattr(EpochRecorder, "_measure", noted)
    monkeypatch.setattr("tests.record.models.DROPPED", 0.0)
    at_once = recorded(tmp_path / "a.trace", budget=None)
    later = recorded(tmp_path / "b.trace", budget=0.02)
    assert ("a.trace", 1) in during
    assert "b.trace" not in {name for name, _ in during}
    one, other = (
        {
            (each.kind, each.name, each.epoch, key): value
            for each in trace.measurements
            for key, value in asdict(each.figures).items()
            if value is not None
            if each.kind in ("signal", "loss", "gradient", "update", "initial_weight", "outcome")
        }
        for trace in (at_once, later)
    )
    assert one.keys() == other.keys()
    assert len(one) > 300
    different = {
        key: (one[key], other[key])
        for key in one
        if not np.array_equal(one[key], other[key], equal_nan=True)
    }
    assert different == {}
    # Without a budget everything is there, and nothing is left out.
    assert all(each.probe and each.weights for each in at_once.epochs)
    assert skipped(at_once) == {}
    assert at_once.overhead is not None
    assert at_once.overhead.budget is None
    assert at_once.overhead.during > 0
    assert epochs_of(at_once, "signal") == epochs_of(at_once, "loss") == list(range(EPOCHS + 1))


@pytest.mark.usefixtures("roomy")
def test_movements_are_told_of_every_epoch_of_a_longer_training(tmp_path: Path) -> None:
    trace = recorded(tmp_path / "a.trace", epochs=40)
    assert epochs_of(trace, "update") == list(range(1, 41))
    # What needs a pass is there for as many epochs as the budget and the snapshots allow.
    signals = epochs_of(trace, "signal")
    assert {0, 40} < set(signals)
    assert 14 <= len(signals) <= 41
    assert skipped(trace).get(("measurements", BUDGET), (0, 40)) == (41 - len(signals), 40)


def test_declined_is_what_comes_after(tmp_path: Path) -> None:
    trace = recorded(tmp_path / "a.trace", after_training="none")
    assert (trace.rows, trace.predictions, dict(trace.weights)) == (0, (), {})
    assert skipped(trace)["after training", DECLINED][0] == 1
    assert omissions(trace)
    assert len(trace.epochs) == EPOCHS


@pytest.mark.usefixtures("roomy")
def test_an_interrupted_training_still_gets_its_figures(tmp_path: Path) -> None:
    import keras

    def interrupt(epoch: int, logs: Any) -> None:
        if epoch == 3:
            raise KeyboardInterrupt

    x, y = rows()
    stop = keras.callbacks.LambdaCallback(on_epoch_end=interrupt)
    model = classifier()
    pipetrace.watch(model, tmp_path / "a.trace", verbose=False)
    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, epochs=9, verbose=0, callbacks=[stop])
    trace = read(tmp_path / "a.trace")
    assert trace.ending.kind == "interrupted"
    assert epochs_of(trace, "signal") == [0, 1, 2, 3]
    assert [thread.name for thread in threading.enumerate() if "pipetrace" in thread.name] == []


def test_what_is_measured_within_a_step_is_counted_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def within(self: EpochRecorder, _: int) -> None:
        with self._state.safely("weight snapshots"):
            time.sleep(0.05)  # longer than the epoch takes without it

    monkeypatch.setattr(EpochRecorder, "before_last_step", within)
    trace = recorded(tmp_path / "a.trace", epochs=2, budget=None)
    assert all(each.seconds >= 0 for each in trace.epochs)
    assert trace.cost["steps"] < trace.cost["weight snapshots"]
