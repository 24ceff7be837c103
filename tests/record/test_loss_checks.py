"""Looking at the loss: every step where that is cheap, more rarely where a look takes as long as a step."""

from types import SimpleNamespace

import pytest

from pipetrace.record import budget as module
from pipetrace.record.budget import RAREST_CHECK, Budget, Cost, LossChecks


class Slow:
    """A loss that takes its time to be known."""

    def __init__(self, now: list[float], seconds: float, value: float = 1.0) -> None:
        self.now, self.seconds, self.value = now, seconds, value

    def __float__(self) -> float:
        self.now[0] += self.seconds
        return self.value


def watched(
    monkeypatch: pytest.MonkeyPatch, share: float | None, look: float, steps: int = 5000
) -> tuple[int, LossChecks]:
    now = [0.0]
    monkeypatch.setattr(module, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    watch = LossChecks(Budget(share, Cost()))
    watch.epoch_begins()
    looks = 0
    for step in range(1, steps + 1):
        now[0] += 0.001
        if watch.is_due(step):
            looks += 1
            assert watch.look(Slow(now, look), step)
    return looks, watch


def test_a_cheap_look_is_taken_after_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    assert watched(monkeypatch, 0.02, 1e-6)[0] == 5000


def test_a_look_as_long_as_a_step_is_taken_rarely_and_never_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks, watch = watched(monkeypatch, 0.02, 0.001)
    assert watch.every == RAREST_CHECK
    assert 5000 / RAREST_CHECK <= looks < 500


def test_without_a_budget_it_is_always_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    assert watched(monkeypatch, None, 0.001)[0] == 5000


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_number_is_given_back_with_the_last_sound_step(
    monkeypatch: pytest.MonkeyPatch, value: float
) -> None:
    _, watch = watched(monkeypatch, 0.02, 1e-6, steps=40)
    assert not watch.look(Slow([0.0], 0, value), 41)
    assert str(watch.value) == str(value)
    assert watch.sound == 40
    watch.epoch_begins()
    assert watch.sound == 0
    assert watch.is_due(1)
