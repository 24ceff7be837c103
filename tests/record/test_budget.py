"""What a budget allows, and what the schedule makes of it, with a clock of our own."""

import itertools
from types import SimpleNamespace

import pytest

from pipetrace.record import budget as module
from pipetrace.record.budget import FLOOR, Allowance, Budget, Cost, EpochSchedule


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    time = [1000.0]
    monkeypatch.setattr(module, "time", SimpleNamespace(perf_counter=lambda: time[0]))
    return time


def started(share: float | None) -> Budget:
    made = Budget(share, Cost())
    made.start()
    return made


def test_a_short_training_may_take_the_floor_and_a_long_one_its_share(now: list[float]) -> None:
    budget = started(0.02)
    assert budget.allowed() == FLOOR == 0.5
    now[0] += 59
    assert budget.allowed() == pytest.approx(0.02 * 59)
    now[0] += 941
    assert budget.allowed() == pytest.approx(20)
    assert budget.allowed(10.0) == FLOOR
    small = started(0.001)
    now[0] += 100
    assert small.allowed() == pytest.approx(0.1)


def test_time_that_training_waited_is_no_training(now: list[float]) -> None:
    budget = started(0.02)
    now[0] += 100
    budget.cost.add("probe", 10)
    assert budget.training == pytest.approx(90)
    assert budget.allowed() == pytest.approx(1.8)
    assert not budget.has_room_for(0)


def test_work_beside_the_training_counts_too(now: list[float]) -> None:
    budget = started(0.02)
    now[0] += 100
    budget.cost.add("writing", 1.9, background=True)
    assert budget.training == pytest.approx(100)
    assert budget.has_room_for(0.05)
    assert not budget.has_room_for(0.2)


def test_what_comes_after_training_is_outside(now: list[float]) -> None:
    budget = started(0.02)
    now[0] += 10
    budget.stop()
    budget.cost.add("data flow", 50)
    now[0] += 50
    assert budget.spent == 0
    assert budget.training == pytest.approx(10)
    # Another fit goes on where the first one ended.
    budget.start()
    now[0] += 5
    assert budget.training == pytest.approx(15)


def test_without_a_budget_there_is_room_for_all(now: list[float]) -> None:
    budget = started(None)
    budget.cost.add("probe", 1e6)
    assert budget.has_room_for(1e9)


def test_what_may_wait_leaves_the_floor_alone_and_takes_its_share_only(now: list[float]) -> None:
    budget = started(0.02)
    now[0] += 10
    assert budget.has_room_for(0.3)
    assert not budget.has_room_for(0.3, ("signals",), share=0.4)
    now[0] += 990
    assert budget.has_room_for(7.9, ("signals",), share=0.4)
    budget.cost.add("signals", 7.0)
    assert not budget.has_room_for(1.1, ("signals",), share=0.4)
    assert budget.has_room_for(1.1, ("others",), share=0.4)


def trained(
    now: list[float], share: float | None, *, epochs: int, seconds: float, full: float
) -> list[bool]:
    """What is chosen in a training whose measurement takes so many seconds; half in the background."""
    budget = started(share)
    schedule = EpochSchedule(budget)
    chosen = []
    for epoch in range(1, epochs + 1):
        now[0] += seconds
        chosen.append(schedule.choose(epoch, epochs, guess=2 * full))
        took = full if chosen[-1] else 0.0
        now[0] += took / 2
        budget.cost.add("probe", took / 2)
        budget.cost.add("writing", took / 2, background=True)
        if share is not None:
            # The guess is on the high side here, so that nothing is ever overspent.
            assert budget.spent <= budget.allowed() + 1e-9
    return chosen


def test_what_is_cheap_is_measured_after_every_epoch(now: list[float]) -> None:
    assert trained(now, 0.02, epochs=50, seconds=10, full=0.05) == [True] * 50


def test_without_a_budget_everything_is(now: list[float]) -> None:
    assert trained(now, None, epochs=20, seconds=0.1, full=10) == [True] * 20


def test_what_is_dear_is_measured_in_some_epochs_evenly_spread(now: list[float]) -> None:
    chosen = trained(now, 0.02, epochs=100, seconds=10, full=1.0)
    measured = [place for place, is_measured in enumerate(chosen) if is_measured]
    # Of 20 s in all at a second each.
    assert 15 <= len(measured) <= 20
    gaps = [after - before for before, after in itertools.pairwise(measured)]
    assert max(gaps) - min(gaps) <= 2


def test_a_budget_of_nothing_measures_nothing_in_a_long_training(now: list[float]) -> None:
    assert trained(now, 0.0, epochs=10, seconds=100, full=0.01) == [False] * 10


def test_a_measurement_that_became_dear_is_taken_less_often(now: list[float]) -> None:
    budget = started(0.02)
    schedule = EpochSchedule(budget)
    chosen = []
    for epoch in range(1, 101):
        now[0] += 10
        chosen.append(schedule.choose(epoch, 100, guess=0.01))
        took = (0.05 if epoch < 50 else 2.0) if chosen[-1] else 0.0
        budget.cost.add("probe", took, background=True)
    assert chosen[5:49] == [True] * 44
    assert chosen[55:].count(False) > 10
    assert budget.spent <= budget.allowed()


def test_what_other_parts_take_is_not_taken_for_the_epochs_measurement(now: list[float]) -> None:
    budget = started(0.02)
    schedule = EpochSchedule(budget)
    chosen = []
    for epoch in range(1, 51):
        now[0] += 10
        chosen.append(schedule.choose(epoch, 50, guess=0.01))
        budget.cost.add("probe", 0.01)
        budget.cost.add("signals", 0.1)
    # It comes out of the same sum, but a measurement costs no more for it.
    assert chosen.count(True) > 45


def test_a_fit_may_be_delayed_by_a_share_or_by_seconds(now: list[float]) -> None:
    budget = started(0.02)
    allowance = Allowance(budget)
    allowance.fit_begins(limited=True)
    now[0] += 10
    assert allowance.left_with_reserve == pytest.approx(module.WHOLE_SECONDS)
    budget.cost.add("probe", 0.3)
    budget.cost.add("writing", 0.2, background=True)
    budget.stop()
    budget.cost.add("data flow", 1.0)
    planned = module.PLANNED_OF_WHOLE * module.WHOLE_SECONDS
    assert allowance.left == pytest.approx(planned - 1.5)
    assert not allowance.has_room_for(planned)
    budget.start()
    allowance.fit_begins(limited=True)  # another fit has an allowance of its own
    now[0] += 1e6
    assert allowance.left_with_reserve == pytest.approx(0.05 * 1e6)
    allowance.fit_begins(limited=True, awaited=True)
    now[0] += 1e6
    assert allowance.left_with_reserve == pytest.approx(module.MOST_AWAITED)
    allowance.fit_begins(limited=False)
    assert allowance.has_room_for(1e9)
