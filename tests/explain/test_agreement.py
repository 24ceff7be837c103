"""Headline, observations, findings and insight of made runs agree, however these went and ended."""

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from tests.agreement import all_contradictions, contradictions
from tests.explain.conftest import trace_of
from tests.explain.courses import COURSES, Metrics, histories
from tests.explain.findings.test_rules import CASES
from tests.tasks import KINDS

from pipetrace.trace.document import (
    FAILED,
    FINISHED,
    INTERRUPTED,
    KILLED,
    RUNNING,
    STOPPED,
    Ending,
)

ENDINGS = (FINISHED, STOPPED, FAILED, INTERRUPTED, KILLED, RUNNING)


def test_made_runs_are_told_alike_by_all_four() -> None:
    courses = {name: trace_of(made[0], **made[1]) for name, made in COURSES.items()}
    courses["no epoch"] = trace_of((), planned=3)
    traces = {
        f"{name}, {kind}": replace(trace, ending=Ending(kind, epoch=len(trace.epochs) or None))
        for name, trace in courses.items()
        for kind in ENDINGS
    }
    assert all_contradictions(traces) == []


def test_runs_of_every_kind_and_with_every_fault_are_told_alike() -> None:
    traces = {name: make() for name, make in KINDS.items()}
    for at, case in enumerate(CASES):
        made = {
            f"{case.code} {at}.{each}": run for each, run in enumerate((case.fault, *case.near))
        }
        traces |= made
    assert all_contradictions(traces) == []


@settings(max_examples=60, deadline=None)
@given(history=histories())
def test_any_history_is_told_alike(history: tuple[list[Metrics], dict[str, Any]]) -> None:
    assert contradictions(trace_of(history[0], **history[1])) == []
