"""Each test stands for a process of its own, which has heard nothing so far."""

import pytest

from pipetrace.record import budget, live_findings, standard_error


@pytest.fixture(autouse=True)
def nothing_said_yet() -> None:
    standard_error.forget_what_was_said()
    live_findings.forget_what_was_told()


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits that a busy machine does not use up, for tests of what is measured and not of how long."""
    monkeypatch.setattr(budget, "FLOOR", 60.0)
    monkeypatch.setattr(budget, "WHOLE_SECONDS", 600.0)
