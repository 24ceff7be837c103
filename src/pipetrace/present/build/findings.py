"""The views of a trace's findings."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from pipetrace.explain.findings.engine import Report
from pipetrace.explain.findings.finding import Finding
from pipetrace.explain.findings.labels import CERTAIN, how_sure, line_of, report_title, when, where
from pipetrace.present.views import (
    EpochRow,
    FindingsView,
    FindingView,
    GroupView,
    Link,
    Mark,
    StageView,
)
from pipetrace.trace.document import Trace

Place = TypeVar("Place", StageView, EpochRow)


def findings_view(report: Report) -> FindingsView:
    """What the rules found, in words."""
    return FindingsView(
        report_title(report) if report.rules else "",
        tuple(
            _finding(report.trace, each, f"finding/{number}")
            for number, each in enumerate(report.findings, 1)
        ),
        tuple(f"{error.what} {error.hint}." for error in report.failed),
    )


def marked(places: Sequence[Place], view: FindingsView) -> tuple[Place, ...]:
    """Stages with the marks of the findings that concern them, or epochs with those that begin in
    them."""
    return tuple(replace(place, findings=_marks(view, place.id)) for place in places)


def marked_groups(
    groups: Sequence[GroupView], stages: Sequence[StageView]
) -> tuple[GroupView, ...]:
    """The groups with the marks of the stages in them."""
    return tuple(
        replace(
            group,
            findings=tuple(
                mark for stage in stages[group.first : group.last + 1] for mark in stage.findings
            ),
        )
        for group in groups
    )


def every(found: Sequence[FindingView]) -> Iterator[FindingView]:
    """The findings, each followed by its symptoms."""
    for each in found:
        yield each
        yield from every(each.symptoms)


def further(finding: Finding) -> tuple[str, ...]:
    """The evidence in sentences, without what the finding's own sentence says already."""
    return tuple(
        each.text for each in finding.evidence if each.text.rstrip(".") != finding.text.rstrip(".")
    )


def _finding(trace: Trace, finding: Finding, place: str) -> FindingView:
    return FindingView(
        id=place,
        level=finding.level,
        rule=f"{finding.code} {finding.name}",
        text=finding.text,
        places=tuple(_places(trace, finding)),
        evidence=further(finding),
        why=finding.why,
        advice=finding.advice,
        change=finding.change,
        sure="" if finding.confidence >= CERTAIN else how_sure(finding.confidence),
        symptoms=tuple(
            _finding(trace, each, f"{place}.{number}")
            for number, each in enumerate(finding.symptoms, 1)
        ),
    )


def _places(trace: Trace, finding: Finding) -> Iterator[Link]:
    """Where and when; what the document has no place for is named without one."""
    if finding.stage:
        known = any(stage.name == finding.stage for stage in trace.stages)
        yield Link(f"stage/{finding.stage}" if known else "", where(trace, finding.stage))
    if finding.epochs:
        numbers = {epoch.number for epoch in trace.epochs}
        first = min(finding.epochs)
        yield Link(f"epoch/{first}" if first in numbers else "", when(finding.epochs))
    if (place := line_of(trace, finding)) is not None:
        yield Link("", f"{place[0]}:{place[1]}")


def _marks(view: FindingsView, place: str) -> tuple[Mark, ...]:
    return tuple(
        Mark(each.id, each.level, each.rule, each.text)
        for each in every(view.found)
        if any(link.id == place for link in each.places)
    )
