"""A finding: something wrong or doubtful in a run, with the measured evidence."""

from dataclasses import dataclass

ERROR, WARNING, NOTE = "error", "warning", "note"
"""The levels: it cannot work; it costs quality; it is worth knowing."""

LEVELS = (ERROR, WARNING, NOTE)
"""All levels, the gravest first."""


@dataclass(frozen=True)
class Evidence:
    """One measured figure that a finding rests on.

    Attributes:
        text: the figure in a sentence of its own.
        value: the number as it was measured, or None where the evidence is no single number.
        place: where it stands in the trace, such as ``stages[conv2d].summary.zeros`` or ``epochs[3].metrics[loss]``.
    """

    text: str
    value: float | None = None
    place: str = ""


@dataclass(frozen=True)
class Finding:
    """Something wrong or doubtful.

    Attributes:
        code: the rule's, such as ``PT201``.
        name: the rule's in words, such as ``dying-relu``.
        level: ``error``, ``warning`` or ``note``.
        category: the kind of fault, such as ``dying_relu``.
        stage: where, or None for the whole run.
        epochs: the epochs where it holds, counted from 1; none where it holds of the run as a whole.
        text: what is wrong, in one sentence with its figure.
        evidence: the measured figures.
        why: why it matters, in one sentence.
        advice: what to do about it.
        change: the change to the code, where it can be said as such; empty otherwise.
        confidence: how sure, 0 to 1, by the margin of the evidence over the rule's limit.
        symptoms: findings that have this one as their cause.
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
