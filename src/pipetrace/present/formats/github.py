"""Findings as GitHub workflow commands, which GitHub shows beside the run."""

from collections.abc import Sequence

from pipetrace.explain.findings.engine import Report
from pipetrace.explain.findings.finding import Finding
from pipetrace.explain.findings.labels import heading, in_a_line, line_of, not_run

COMMANDS = {"error": "error", "warning": "warning", "note": "notice"}
"""GitHub's names of the severities."""


def github(checked: Sequence[Report], version: str) -> str:  # noqa: ARG001
    """A command for each finding."""
    lines = []
    for each in checked:
        for found in each.findings:
            said = [found.text, f"To do: {found.advice}"]
            said += [
                f"Root cause of: {in_a_line(each.trace, symptom)}" for symptom in found.symptoms
            ]
            title = _property(heading(each.trace, found))
            head = f"::{COMMANDS[found.level]} {_place(each, found)},title={title}::"
            lines.append(head + _data("\n".join(said)))
        lines += [
            f"::error title={_property(error.slug)}::{_data(str(error))}" for error in each.failed
        ]
        if each.not_run:
            head = f"::notice file={_property(each.file)},title=rules not run::"
            lines.append(f"{head}{_data(not_run(each))}.")
    return "".join(f"{line}\n" for line in lines)


def _place(report: Report, found: Finding) -> str:
    """The line of the program that a finding is about, or the trace where that is not known."""
    place = line_of(report.trace, found)
    if place is None:
        return f"file={_property(report.file)}"
    return f"file={_property(place[0])},line={place[1]}"


def _data(text: str) -> str:
    """The message of a workflow command, escaped as GitHub's own toolkit does it."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """A property of a workflow command, escaped."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")
