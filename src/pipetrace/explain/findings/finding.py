"""A finding: something wrong or doubtful in a run, with the measured evidence."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pipetrace.trace.records import ShownTable

ERROR, WARNING, NOTE = "error", "warning", "note"
"""The severities: the run cannot work; it costs quality; it is worth knowing."""

LEVELS = (ERROR, WARNING, NOTE)
"""All severities, the highest first."""


@dataclass(frozen=True)
class Evidence:
    """One measurement that a finding rests on.

    Attributes:
        text: the measurement in a sentence.
        value: the number as it was measured, or None where it is not a single number.
        place: where it is in the trace, such as ``stages[conv2d].summary.zeros`` or
            ``epochs[3].metrics[loss]``.
    """

    text: str
    value: float | None = None
    place: str = ""


@dataclass(frozen=True)
class Finding:
    """Something wrong or doubtful.

    Attributes:
        code: the rule's, such as ``PT201``.
        name: the rule's, such as ``dying-relu``.
        level: the severity: ``error``, ``warning`` or ``note``.
        category: the kind of fault, such as ``dying_relu``.
        stage: where, or None for the whole run.
        epochs: the epochs concerned, counted from 1; none for the run as a whole.
        text: what is wrong, in one sentence with its number.
        evidence: what was measured.
        why: why it matters, in one sentence.
        advice: what to do.
        change: the same as code, where possible; empty otherwise.
        confidence: from 0 to 1, by how far the evidence is beyond the rule's limit.
        symptoms: findings caused by this one.
    """

    code: str
    name: str
    level: str
    category: str
    stage: str | None
    epochs: tuple[int, ...]
    text: str
    evidence: tuple[Evidence, ...]
    why: str
    advice: str
    change: str = ""
    confidence: float = 1.0
    symptoms: "tuple[Finding, ...]" = ()


def flat(found: Iterable[Finding]) -> Iterator[Finding]:
    """Findings, each followed by its symptoms and theirs."""
    for each in found:
        yield each
        yield from flat(each.symptoms)


class Findings(ShownTable, tuple[Finding, ...]):
    """Findings, which a notebook shows as a table."""

    __slots__ = ()
