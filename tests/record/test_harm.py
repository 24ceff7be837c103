"""No training is harmed: what ``benchmarks.reliability.harm`` tries, by one door; all doors in ``make test-all``."""

import pytest
from benchmarks.reliability.harm import CASES, DOORS, harmed

pytestmark = pytest.mark.framework

FEW = ("surroundings", "interrupted", "main")


@pytest.mark.parametrize("case", FEW)
def test_no_training_is_harmed(case: str) -> None:
    rows = harmed([case], ["recorder"])
    assert rows
    assert [row for row in rows if row.harmed] == []


@pytest.mark.slow
@pytest.mark.parametrize("case", sorted({*CASES} - {*FEW}))
def test_no_training_is_harmed_by_any_door(case: str) -> None:
    assert [row for row in harmed([case], DOORS) if row.harmed] == []
