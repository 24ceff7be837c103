"""Snapshots of the weights of some epochs."""

import numpy as np
import pytest

from pipetrace.record.measure import snapshots
from pipetrace.record.measure.snapshots import Snapshot, Snapshots


def copy(epoch: int, size: int = 4) -> Snapshot:
    return Snapshot({1: np.full(size, epoch, np.float32)}, {1: np.zeros(1, np.float32)})


def kept(epochs: int) -> Snapshots:
    made = Snapshots()
    for epoch in range(epochs + 1):
        made.keep(epoch, copy(epoch))
    return made


@pytest.mark.parametrize("epochs", [0, 1, 5, 24])
def test_of_a_short_training_all_are_kept(epochs: int) -> None:
    assert sorted(kept(epochs).spread()) == list(range(epochs + 1))


@pytest.mark.parametrize("epochs", [25, 26, 100, 1000, 1024])
def test_of_a_long_training_some_are_evenly_spread_with_the_first_and_the_last(epochs: int) -> None:
    found = sorted(kept(epochs).spread())
    assert found[0] == 0
    assert found[-1] == epochs
    assert 13 <= len(found) <= snapshots.MOST_SNAPSHOTS + 2
    gaps = set(np.diff(found[:-1]).tolist())
    assert len(gaps) == 1
    assert found[-1] - found[-2] <= min(gaps)


def test_a_copy_is_that_of_its_epoch() -> None:
    made = kept(100)
    for epoch in made.spread():
        of = made.of(epoch)
        assert of is not None
        assert of.weights[1][0] == epoch
    assert made.of(97) is None
    # The last three are there for what is told of changes.
    assert [made.of(epoch) is not None for epoch in (98, 99, 100)] == [True] * 3


def test_first_and_last_come_before_those_between() -> None:
    assert kept(8).spread() == [0, 8, 4, 2, 6, 1, 3, 5, 7]


def test_bytes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "MOST_SNAPSHOT_BYTES", 10_000)
    made = Snapshots()
    for epoch in range(50):
        made.keep(epoch, copy(epoch, size=250))
        held = [each for number in made.spread() if (each := made.of(number))]
        assert sum(each.nbytes for each in held) <= 10_000
    assert len(made.spread()) >= 4
