"""What is wrong or doubtful in a run: rules over its facts."""

from collections.abc import Callable
from dataclasses import dataclass

from pipetrace.trace.document import Trace


@dataclass(frozen=True)
class Finding:
    """Something wrong or doubtful.

    Attributes:
        code: the rule's, such as ``PT101``.
        name: the rule's in words, such as ``dead-filters``.
        level: ``note``, ``warning`` or ``error``.
        category: the kind of fault, such as ``dying_relu``.
        stage: where, or None for the whole run.
        epochs: when.
        evidence: the measured figures, in a sentence.
        advice: what to do about it.
    """

    code: str
    name: str
    level: str
    category: str
    stage: str | None
    epochs: tuple[int, ...]
    evidence: str
    advice: str


RULES: tuple[Callable[[Trace], tuple[Finding, ...]], ...] = ()
"""Every rule that is asked, in the order in which findings are given. There are none yet."""


def findings(trace: Trace) -> tuple[Finding, ...]:
    """What the rules find in a trace; none are written yet, so this is always empty."""
    return tuple(finding for rule in RULES for finding in rule(trace))
