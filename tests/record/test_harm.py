"""No training is harmed: what ``benchmarks.reliability.harm`` tries, by one door; all doors in ``make test-all``."""

import pytest
from benchmarks.reliability.harm import CASES, DOORS, harmed

pytestmark = pytest.mark.framework


@pytest.mark.parametrize("case", CASES)
def test_no_training_is_harmed(case: str) -> None:
    rows = harmed([case], ["recorder"])
    assert rows
    assert [row for row in rows if row.harmed] == []


@pytest.mark.slow
@pytest.mark.parametrize("door", DOORS[1:])
def test_no_training_is_harmed_by_another_door(door: str) -> None:
    rows = harmed(["objects", "streams", "descriptors", "surroundings"], [door])
    assert [row for row in rows if row.harmed] == []
