"""The formats of a check: text for people; JSON, SARIF, JUnit, GitHub's commands for programs."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from pipetrace.explain.findings.engine import Report
from pipetrace.explain.findings.labels import report_title, unrun_rules
from pipetrace.explain.formatting import counted
from pipetrace.explain.overhead import omissions
from pipetrace.present.blocks import GAP, Block, Paragraph
from pipetrace.present.build.findings import findings_view
from pipetrace.present.compose import findings_blocks
from pipetrace.present.formats.github import github
from pipetrace.present.formats.json import check_as_json
from pipetrace.present.formats.junit import junit
from pipetrace.present.formats.sarif import check_as_sarif
from pipetrace.present.text import write_text_of


def check_blocks(reports: Sequence[Report]) -> Iterator[Block]:
    """Each trace with its findings, and at the end how many traces have any."""
    for number, report in enumerate(reports):
        if number:
            yield GAP
        yield Paragraph(f"{report.file}: {report_title(report)}.", "strong")
        yield from findings_blocks(replace(findings_view(report), failed=()))
        if report.not_run:
            yield GAP
            yield from map(Paragraph, filter(None, (*unrun_rules(report), omissions(report.trace))))
    if len(reports) > 1:
        wrong = sum(bool(report.findings) for report in reports)
        yield GAP
        yield Paragraph(f"{wrong} of {counted(len(reports), 'trace')} have findings.")


def check_as_text(reports: Sequence[Report], version: str) -> str:  # noqa: ARG001 as the others
    """A check as plain text."""
    return write_text_of(check_blocks(reports))


FORMS: Mapping[str, Callable[[Sequence[Report], str], str]] = {
    "text": check_as_text,
    "json": check_as_json,
    "sarif": check_as_sarif,
    "github": github,
    "junit": junit,
}
"""By the names that ``config.CHOICES`` lists for the command line and ``pyproject.toml``."""
