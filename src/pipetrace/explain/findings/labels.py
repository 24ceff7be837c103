"""Where and when a finding is, how certain it is, and what a report says as a whole."""

import re
from collections.abc import Sequence

from pipetrace.explain.events import called
from pipetrace.explain.findings.engine import Report
from pipetrace.explain.findings.finding import LEVELS, Finding
from pipetrace.explain.formatting import counted, listed, share
from pipetrace.trace.document import Trace
from pipetrace.trace.training import Fit

LISTED_SPANS = 3
"""Epochs in more spans than this are counted."""
CERTAIN, LIKELY = 0.95, 0.7


def where(trace: Trace, stage: str | None) -> str:
    """The stage by its number in the data flow, its class and its name; empty for the whole run."""
    for position, each in enumerate(trace.stages, 1):
        if each.name == stage:
            return f"stage {position}, {called(each)}"
    return stage or ""


def line_of(trace: Trace, finding: Finding) -> tuple[str, int] | None:
    """The file and line of the program that a finding is about; None where not known.

    It constructs the finding's stage, or else calls the ``fit``: the last one where the finding
    names no epoch.
    """
    fits = [each for each in trace.fits if not finding.epochs or _is_in(each, finding.epochs[0])]
    called = fits[-1].called_from if fits else ""
    made = trace.run.constructed_at.get(finding.stage or "", "")
    found = re.fullmatch(r"([^:]+):(\d{1,9})", made or called)
    return None if found is None else (found[1], int(found[2]))


def _is_in(fit: Fit, epoch: int) -> bool:
    return fit.first_epoch <= epoch and (fit.last_epoch is None or epoch <= fit.last_epoch)


def when(epochs: Sequence[int]) -> str:
    """Epochs in words: ``epoch 3``, ``epochs 2 to 4 and 7``; empty without any."""
    if not epochs:
        return ""
    spans = _spans(sorted(set(epochs)))
    if len(spans) > LISTED_SPANS:
        count = len(set(epochs))
        return f"{counted(count, 'epoch')} between {min(epochs)} and {max(epochs)}"
    texts = [
        text
        for first, last in spans
        for text in (
            [f"{first} to {last}"] if last > first + 1 else map(str, range(first, last + 1))
        )
    ]
    return f"epoch{'s' * (len(set(epochs)) > 1)} {listed(texts)}"


def how_sure(confidence: float) -> str:
    """How certain a finding is: a word and the number."""
    word = "certain" if confidence >= CERTAIN else "likely" if confidence >= LIKELY else "possible"
    return f"{word}, {share(round(confidence, 2))}"


def totals(found: Sequence[Finding]) -> str:
    """How many findings of each severity, without symptoms: ``1 error and 2 warnings``."""
    counts = {level: sum(each.level == level for each in found) for level in LEVELS}
    return listed([counted(count, level) for level, count in counts.items() if count])


def report_title(report: Report) -> str:
    """How many findings there are, how many are hidden, and which rules could not run."""
    return ". ".join(filter(None, (_found(report), _hidden(report), not_run(report))))


def unrun_rules(report: Report) -> tuple[str, ...]:
    """The rules that could not run, in a line for each reason."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for each in report.not_run:
        groups.setdefault(each.missing, []).append(f"{each.rule.code} {each.rule.name}")
    return tuple(
        f"Not run, because {listed(missing)} were not recorded: {listed(rules)}."
        for missing, rules in groups.items()
    )


def not_run(report: Report) -> str:
    """How many rules could not run, and what was not recorded; empty if all ran."""
    if not report.not_run:
        return ""
    rules = counted(len(report.not_run), "rule")
    return f"{rules} could not run; not recorded: {listed(report.missing)}"


def _found(report: Report) -> str:
    count = len(report.ran)
    rules = counted(count, "rule")
    if report.findings:
        return f"{totals(report.findings)} from {rules}"
    if report.hidden:
        return f"No {listed(LEVELS[: LEVELS.index(report.level) + 1], 'or')} from {rules}"
    if report.not_run or report.failed:
        return f"No findings from {rules}" if count else ""
    if count == 1:
        return "The 1 rule found nothing wrong"
    return f"None of the {count} rules found anything wrong" if count else "No rule was run"


def _hidden(report: Report) -> str:
    if not report.hidden:
        return ""
    them = "it" if len(report.hidden) == 1 else "them"
    are = "is" if len(report.hidden) == 1 else "are"
    return (
        f"{totals(report.hidden)} {are} hidden: show {them} with --level {report.hidden[-1].level}"
    )


def heading(trace: Trace, finding: Finding) -> str:
    """A finding's rule, stage and epochs."""
    places = (f"{finding.code} {finding.name}", where(trace, finding.stage), when(finding.epochs))
    return ", ".join(part for part in places if part)


def in_a_line(trace: Trace, finding: Finding) -> str:
    """A finding in one line: severity, rule, place, and what is wrong."""
    return f"{finding.level} {heading(trace, finding)}: {finding.text}"


def _spans(epochs: Sequence[int]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for epoch in epochs:
        if found and epoch == found[-1][1] + 1:
            found[-1] = (found[-1][0], epoch)
        else:
            found.append((epoch, epoch))
    return found
