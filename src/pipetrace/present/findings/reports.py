"""What a check found, in the forms of ``pipetrace check --format``."""

import json
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence

from pipetrace.explain.findings.engine import Asked
from pipetrace.explain.findings.finding import LEVELS
from pipetrace.explain.findings.labels import heading, in_a_line, nothing_found, totals
from pipetrace.explain.findings.report import Checked, exit_code
from pipetrace.explain.text import counted, listed
from pipetrace.present.findings.plain import finding
from pipetrace.present.findings.sarif import sarif
from pipetrace.present.findings.view import findings_view
from pipetrace.present.wire import encode

WIDTH = 88
FORM = 1
"""The version of the JSON's form; it changes where a key goes or means something else."""
COMMANDS = {"error": "error", "warning": "warning", "note": "notice"}
"""What GitHub calls the levels."""


def text(checked: Sequence[Checked], version: str) -> str:  # noqa: ARG001 as the other forms
    """For people: each trace with its findings, and at the end how many there are."""
    parts = ["\n".join(_lines(each)) for each in checked]
    if len(checked) > 1:
        wrong = sum(bool(each.findings) for each in checked)
        parts.append(f"{wrong} of {counted(len(checked), 'trace')} have findings.")
    return "\n\n".join(parts) + "\n"


def as_json(checked: Sequence[Checked], version: str) -> str:
    """For programs: all that is known of each finding."""
    made = {
        "version": FORM,
        "pipetrace": version,
        "exit_code": exit_code(checked),
        "traces": [
            {
                "file": each.file,
                "title": each.trace.run.title,
                "level": each.level,
                "rules": [rule.code for rule in each.rules],
                "findings": encode(each.findings),
                "hidden": len(each.hidden),
                "failed": [
                    {
                        "slug": error.slug,
                        "what": error.what,
                        "where": error.where,
                        "hint": error.hint,
                    }
                    for error in each.failed
                ],
            }
            for each in checked
        ],
    }
    return json.dumps(made, ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def as_sarif(checked: Sequence[Checked], version: str) -> str:
    """For services that show what tools found: SARIF 2.1.0."""
    return json.dumps(sarif(checked, version), ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def github(checked: Sequence[Checked], version: str) -> str:  # noqa: ARG001
    """For GitHub's workflows: a command for each finding, which they show beside the run."""
    lines = []
    for each in checked:
        for found in each.findings:
            said = [found.text, f"To do: {found.advice}"]
            said += [f"It explains: {in_a_line(each.trace, symptom)}" for symptom in found.symptoms]
            title = _property(heading(each.trace, found))
            head = f"::{COMMANDS[found.level]} file={_property(each.file)},title={title}::"
            lines.append(head + _data("\n".join(said)))
        lines += [
            f"::error title={_property(error.slug)}::{_data(str(error))}" for error in each.failed
        ]
    return "".join(f"{line}\n" for line in lines)


FORMS: Mapping[str, Callable[[Sequence[Checked], str], str]] = {
    "text": text,
    "json": as_json,
    "sarif": as_sarif,
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


def _data(told: str) -> str:
    """The message of a workflow command, escaped as GitHub's own toolkit does it."""
    return told.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(told: str) -> str:
    """A property of a workflow command, escaped."""
    return _data(told).replace(":", "%3A").replace(",", "%2C")
