"""What a check found, in the forms of ``pipetrace check --format``."""

import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence

from pipetrace.explain.findings.engine import Report
from pipetrace.explain.findings.labels import report_title
from pipetrace.explain.overhead import omissions
from pipetrace.explain.text import counted
from pipetrace.present.build.findings import findings_view
from pipetrace.present.findings.plain import finding
from pipetrace.present.formats.github import github
from pipetrace.present.formats.json import check_as_json
from pipetrace.present.formats.sarif import check_as_sarif

WIDTH = 88


def text(checked: Sequence[Report], version: str) -> str:  # noqa: ARG001 as the other forms
    """For people: each trace with its findings, and at the end how many there are."""
    parts = ["\n".join(_lines(each)) for each in checked]
    if len(checked) > 1:
        wrong = sum(bool(each.findings) for each in checked)
        parts.append(f"{wrong} of {counted(len(checked), 'trace')} have findings.")
    return "\n\n".join(parts) + "\n"


FORMS: Mapping[str, Callable[[Sequence[Report], str], str]] = {
    "text": text,
    "json": check_as_json,
    "sarif": check_as_sarif,
    "github": github,
}


def _lines(each: Report) -> Iterator[str]:
    yield from _wrapped(f"{each.file}: {report_title(each)}.")
    if each.not_run:
        yield from _wrapped(omissions(each.trace))
    for number, found in enumerate(findings_view(each).found, 1):
        yield ""
        yield from finding(found, _wrapped, number)


def _wrapped(told: str, indent: int = 0) -> list[str]:
    margin = " " * indent
    lines = textwrap.wrap(
        told.replace(" %", "\u00a0%"),
        WIDTH,
        initial_indent=margin,
        subsequent_indent=margin,
        break_long_words=False,
    )
    return [line.replace("\u00a0", " ") for line in lines]
