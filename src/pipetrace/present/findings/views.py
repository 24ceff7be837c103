"""The views of findings: what is wrong and where, and the marks at the places concerned."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Link:
    """A place of the document, by its id, and what it is called."""

    id: str
    text: str


@dataclass(frozen=True)
class Mark:
    """What stands at a stage or an epoch that a finding concerns.

    Attributes:
        id: of the finding.
        level: ``error``, ``warning`` or ``note``.
        rule: its code and name.
        text: what is wrong.
    """

    id: str
    level: str
    rule: str
    text: str


@dataclass(frozen=True)
class FindingView:
    """A finding, worded.

    Attributes:
        id: the place that others point to, such as ``finding/1``.
        level: ``error``, ``warning`` or ``note``.
        rule: its code and name.
        text: what is wrong, with its figure.
        places: where and when: the stage and the epochs, each to be gone to.
        evidence: the measured figures, a sentence each.
        why: why it matters.
        advice: what to do.
        change: the same as code; empty where it cannot be said so.
        sure: how sure, in words; empty where it is certain.
        symptoms: what it explains.
    """

    id: str
    level: str
    rule: str
    text: str
    places: tuple[Link, ...]
    evidence: tuple[str, ...]
    why: str
    advice: str
    change: str
    sure: str
    symptoms: "tuple[FindingView, ...]" = ()


@dataclass(frozen=True)
class FindingsView:
    """All findings.

    Attributes:
        title: how many there are of each level, out of how many rules; what is said where there are none.
        found: the findings, causes first.
        failed: the rules that could not be asked, in sentences.
    """

    title: str = ""
    found: tuple[FindingView, ...] = ()
    failed: tuple[str, ...] = ()
