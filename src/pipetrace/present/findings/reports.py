"""What a check found, in the forms of ``pipetrace check --format``."""

import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence

from pipetrace.explain.findings.engine import Asked
from pipetrace.explain.findings.finding import LEVELS
from pipetrace.explain.findings.labels import nothing_found, totals
from pipetrace.explain.findings.report import Checked
from pipetrace.explain.text import counted, listed
from pipetrace.present.build.findings import findings_view
from pipetrace.present.findings.plain import finding
from pipetrace.present.formats.github import github
from pipetrace.present.formats.json import check_as_json
from pipetrace.present.formats.sarif import check_as_sarif

WIDTH = 88


def text(checked: Sequence[Checked], version: str) -> str:  # noqa: ARG001 as the other forms
    """For people: each trace with its findings, and at the end how many there are."""
    parts = ["\n".join(_lines(each)) for each in checked]
    if len(checked) > 1:
        wrong = sum(bool(each.findings) for each in checked)
        parts.append(f"{wrong} of {counted(len(checked), 'trace')} have findings.")
    return "\n\n".join(parts) + "\n"


FORMS: Mapping[str, Callable[[Sequence[Checked], str], str]] = {
    "text": text,
    "json": check_as_json,
    "sarif": check_as_sarif,
    "github": github,
}


def _lines(each: Checked) -> Iterator[str]:
    yield from _wrapped(f"{each.file}: {title(each)}")
    view = findings_view(each.trace, Asked(each.findings, each.rules))
    for number, found in enumerate(view.found, 1):
        yield ""
        yield from finding(found, _wrapped, number)


def title(each: Checked) -> str:
    """How many findings there are, from how many rules, and how many are not told."""
    rules = counted(len(each.rules), "rule")
    graver = LEVELS[: LEVELS.index(each.level) + 1]
    if each.findings:
        said = f"{totals(each.findings)} from {rules}."
    elif each.hidden:
        said = f"no {listed(graver, 'or')} from {rules}."
    else:
        said = nothing_found(len(each.rules))
        said = f"{said[0].lower()}{said[1:]}"
    if each.hidden:
        are = "is" if len(each.hidden) == 1 else "are"
        said += f" {totals(each.hidden)} {are} not told; --level {each.hidden[-1].level} tells all."
    return said


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
