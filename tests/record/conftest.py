"""Each test stands for a process of its own, which has heard nothing so far."""

import pytest

from pipetrace.record import live_findings, standard_error


@pytest.fixture(autouse=True)
def nothing_said_yet() -> None:
    standard_error.forget_what_was_said()
    live_findings.forget_what_was_told()
