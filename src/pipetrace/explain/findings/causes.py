"""Root causes before their symptoms."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from pipetrace.explain.findings.finding import LEVELS, NOTE, Finding


def by_root_cause(
    found: Iterable[Finding], root_cause_of: Mapping[str, tuple[str, ...]]
) -> tuple[Finding, ...]:
    """Root causes with their symptoms: errors first, then by the number of symptoms.

    A note is the cause of notes only. Of two findings that cause each other, the more severe one is
    the root cause. ``root_cause_of`` has for each rule's code the codes of its symptoms.
    """
    left = sorted(found, key=lambda each: (LEVELS.index(each.level), each.code))
    causes: dict[int, int] = {}
    for index, each in enumerate(left):
        for other, cause in enumerate(left):
            mutual = index < other and _causes(each, cause, root_cause_of)
            if other == index or mutual or _leads_to(causes, other, index):
                continue
            if _causes(cause, each, root_cause_of):
                causes[index] = other
                break
    roots = [
        replace(
            each,
            symptoms=tuple(
                left[symptom] for symptom in causes if _leads_to(causes, symptom, index)
            ),
        )
        for index, each in enumerate(left)
        if index not in causes
    ]
    return tuple(
        sorted(roots, key=lambda each: (LEVELS.index(each.level), -len(each.symptoms), each.code))
    )


def _causes(cause: Finding, each: Finding, root_cause_of: Mapping[str, tuple[str, ...]]) -> bool:
    known = each.code in root_cause_of.get(cause.code, ())
    return known and (cause.level != NOTE or each.level == NOTE)


def _leads_to(causes: Mapping[int, int], index: int, cause: int) -> bool:
    """Whether following the causes of one finding reaches another."""
    while index in causes:
        index = causes[index]
        if index == cause:
            return True
    return False
