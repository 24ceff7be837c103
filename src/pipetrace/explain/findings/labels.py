"""A finding's place, time, certainty and number in words."""

from collections.abc import Sequence

from pipetrace.explain.events import called
from pipetrace.explain.findings.finding import LEVELS, Finding
from pipetrace.explain.text import counted, listed, share
from pipetrace.trace.document import Trace

MOST_SPANS = 3
"""Of epochs that lie in more pieces than this, the number, the first and the last are told."""
CERTAIN, LIKELY = 0.95, 0.7


def where(trace: Trace, stage: str | None) -> str:
    """The stage by its number in the data flow, its class and its name; empty for the whole run."""
    for position, each in enumerate(trace.stages, 1):
        if each.name == stage:
            return f"stage {position}, {called(each)}"
    return stage or ""


def when(epochs: Sequence[int]) -> str:
    """Epochs in words: ``epoch 3``, ``epochs 2 to 4 and 7``; empty without any."""
    if not epochs:
        return ""
    spans = _spans(sorted(set(epochs)))
    if len(spans) > MOST_SPANS:
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
    """How sure a finding is: a word, and the figure behind it."""
    word = "certain" if confidence >= CERTAIN else "likely" if confidence >= LIKELY else "possible"
    return f"{word}, {share(round(confidence, 2))}"


def totals(found: Sequence[Finding]) -> str:
    """How many findings of each level, the gravest first: ``1 error and 2 warnings``. Symptoms count with their cause."""
    counts = {level: sum(each.level == level for each in found) for level in LEVELS}
    return listed([counted(count, level) for level, count in counts.items() if count])


def nothing_found(rules: int) -> str:
    """What is said of a run in which the rules found nothing."""
    if not rules:
        return "No rule was asked."
    return (
        "The 1 rule found nothing wrong."
        if rules == 1
        else f"None of the {rules} rules found anything wrong."
    )


def heading(trace: Trace, finding: Finding) -> str:
    """A finding's rule and place."""
    places = (f"{finding.code} {finding.name}", where(trace, finding.stage), when(finding.epochs))
    return ", ".join(part for part in places if part)


def in_a_line(trace: Trace, finding: Finding) -> str:
    """A finding in a line: level, rule, place, and what is wrong."""
    return f"{finding.level} {heading(trace, finding)}: {finding.text}"


def _spans(epochs: Sequence[int]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for epoch in epochs:
        if found and epoch == found[-1][1] + 1:
            found[-1] = (found[-1][0], epoch)
        else:
            found.append((epoch, epoch))
    return found
