"""The thread that writes: in order, beside the training, and gone when the trace is closed."""

import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.record.models import classifier, rows

import pipetrace
from pipetrace.record import writer_thread as module
from pipetrace.record.budget import Cost
from pipetrace.record.writer_thread import WriterThread
from pipetrace.trace import read
from pipetrace.trace.document import INTERRUPTED, Ending, Epoch, Run
from pipetrace.trace.events import Event
from pipetrace.trace.overhead import DISK, Overhead
from pipetrace.trace.writer import TraceWriter


@pytest.fixture(autouse=True)
def _few_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tests leave nothing out for a slow disk."""
    monkeypatch.setattr(module, "MOST_WAITING_EPOCHS", 2)


@pytest.fixture
def run(digits_file: Path) -> Run:
    return replace(read(digits_file).run, model=None)  # whose stages are not written here


class Lost:
    """Hears of what was raised."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Exception]] = []

    def __call__(self, part: str, error: Exception) -> None:
        self.told.append((part, error))


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if "pipetrace" in thread.name]


def epoch(number: int, wait: threading.Event | None = None) -> Callable[[], Any]:
    def make() -> Any:
        if wait is not None:
            assert wait.wait(5)
        return Epoch(number, {"loss": 1.0 / number}, 0.1, None), {}, None

    return make


def test_what_is_given_is_written_in_order_and_the_thread_goes(tmp_path: Path, run: Run) -> None:
    lost = Lost()
    journal = WriterThread(tmp_path / "a.trace", lost, Cost())
    journal.begin(run)
    for number in range(1, 6):
        journal.add_epoch(epoch(number))
        journal.write(TraceWriter.add_event, Event("no_batches", number))
    journal.close()
    assert threads() == []
    trace = read(tmp_path / "a.trace")
    assert [each.number for each in trace.epochs] == [1, 2, 3, 4, 5]
    assert [each.epoch for each in trace.events] == list(range(1, 6))
    assert lost.told == []


def test_whoever_gives_does_not_wait_and_hears_that_it_is_behind(tmp_path: Path, run: Run) -> None:
    journal, gate = WriterThread(tmp_path / "a.trace", Lost(), Cost()), threading.Event()
    journal.begin(run)
    began = time.perf_counter()
    journal.add_epoch(epoch(1, gate))
    assert not journal.is_behind
    journal.add_epoch(epoch(2, gate))
    assert journal.is_behind
    assert time.perf_counter() - began < 1
    gate.set()
    journal.wait()
    assert not journal.is_behind
    journal.close()
    assert len(read(tmp_path / "a.trace").epochs) == 2


def test_after_an_error_nothing_is_written_and_it_is_told_once(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = Lost()
    journal = WriterThread(tmp_path / "a.trace", lost, Cost())
    journal.begin(run)
    journal.add_epoch(epoch(1))
    journal.wait()

    def full(*_: Any) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(TraceWriter, "add_epoch", full)
    for number in range(2, 5):
        journal.add_epoch(epoch(number))
    journal.close()
    assert [part for part, _ in lost.told] == ["writing"]
    assert threads() == []
    assert len(read(tmp_path / "a.trace").epochs) == 1


def test_another_parts_error_is_that_parts(tmp_path: Path, run: Run) -> None:
    lost = Lost()
    journal = WriterThread(tmp_path / "a.trace", lost, Cost())
    journal.begin(run)
    journal.do("data facts", lambda: 1 / 0)  # type: ignore[arg-type] # what it gives is not looked at
    journal.add_epoch(epoch(1))
    journal.close()
    assert [part for part, _ in lost.told] == ["data facts"]
    assert len(read(tmp_path / "a.trace").epochs) == 1


def test_a_journal_that_is_closed_can_be_opened_again(tmp_path: Path, run: Run) -> None:
    journal = WriterThread(tmp_path / "a.trace", Lost(), Cost())
    for number in (1, 2):
        journal.begin(run)
        journal.add_epoch(epoch(number))
        journal.close()
    assert [each.number for each in read(tmp_path / "a.trace").epochs] == [1, 2]


def test_ctrl_c_while_the_end_is_written_waits_for_it(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal, joined = WriterThread(tmp_path / "a.trace", Lost(), Cost()), threading.Thread.join
    journal.begin(run)
    journal.add_epoch(epoch(1))
    journal.do("findings", lambda: time.sleep(1))
    presses = iter([KeyboardInterrupt])

    def join(self: threading.Thread, timeout: float | None = None) -> None:
        for pressed in presses:
            raise pressed
        joined(self, timeout)

    monkeypatch.setattr(threading.Thread, "join", join)
    with pytest.raises(KeyboardInterrupt):
        journal.end(Ending(INTERRUPTED, epoch=1), dict, lambda: Overhead(0.02, 0.5, 1.0, 0, 0, 0))
    assert read(tmp_path / "a.trace").ending.kind == INTERRUPTED


def test_its_time_is_processor_time_beside_the_training(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    cost = Cost()
    cost.training = True
    write = TraceWriter.add_epoch

    def slow(*given: Any) -> None:
        time.sleep(0.2)
        write(*given)

    monkeypatch.setattr(TraceWriter, "add_epoch", slow)
    journal = WriterThread(tmp_path / "a.trace", Lost(), cost)
    journal.begin(run)
    journal.add_epoch(epoch(1))
    journal.wait()
    assert 0 < cost.background < 0.15
    assert cost.during == 0
    journal.close()


@pytest.mark.framework
def test_a_slow_disk_costs_detail_and_neither_training_time_nor_a_weight(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import keras

    write, waits = TraceWriter.add_epoch, 0.4

    def slow(*given: Any) -> None:
        time.sleep(waits)
        write(*given)

    monkeypatch.setattr(TraceWriter, "add_epoch", slow)
    x, y = rows()
    ends: list[float] = []
    clock = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: ends.append(time.perf_counter())
    )
    bare, model = classifier(), classifier()
    recorder = pipetrace.Recorder(tmp_path / "a.trace", budget=None, verbose=False)
    for each, callbacks in ((bare, []), (model, [clock, recorder])):
        each.fit(x, y, epochs=1, verbose=0)
        each.fit(x, y, epochs=8, verbose=0, callbacks=callbacks)
    trace = read(tmp_path / "a.trace")
    # Every epoch is there with its metrics; from the third on nothing more was measured until the disk came after.
    assert [set(each.metrics) for each in trace.epochs] == [{"accuracy", "loss"}] * 8
    assert trace.epochs[0].probe
    assert any(not each.probe for each in trace.epochs)
    assert trace.overhead is not None
    assert [(each.what, each.reason) for each in trace.overhead.skipped if each.reason == DISK] == [
        ("probe", DISK)
    ]
    assert ends[-1] - ends[0] < 7 * waits
    for one, other in zip(bare.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
