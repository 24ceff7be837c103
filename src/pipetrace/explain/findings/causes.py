"""Putting causes before their symptoms."""

from collections.abc import Iterable
from dataclasses import replace

from pipetrace.explain.findings.finding import LEVELS, NOTE, Finding


def ordered(
    found: Iterable[Finding], explains: "dict[str, tuple[str, ...]]"
) -> tuple[Finding, ...]:
    """Causes with their symptoms; those first that are gravest, and among them those that explain most.

    A note explains notes only, since what costs more than its cause is not done with it. Of two findings that explain each
    other the graver one is the cause.
    """
    left = sorted(found, key=lambda each: (LEVELS.index(each.level), each.code))
    cause_of: dict[int, int] = {}
    for place, each in enumerate(left):
        for other, cause in enumerate(left):
            mutual = place < other and _explains(each, cause, explains)
            if other == place or mutual or _leads_to(cause_of, other, place):
                continue
            if _explains(cause, each, explains):
                cause_of[place] = other
                break
    told = []
    for place, each in enumerate(left):
        if place not in cause_of:
            inner = tuple(
                left[symptom] for symptom in cause_of if _leads_to(cause_of, symptom, place)
            )
            told.append(replace(each, symptoms=inner))
    return tuple(
        sorted(told, key=lambda each: (LEVELS.index(each.level), -len(each.symptoms), each.code))
    )


def _explains(cause: Finding, each: Finding, explains: "dict[str, tuple[str, ...]]") -> bool:
    return each.code in explains.get(cause.code, ()) and (cause.level != NOTE or each.level == NOTE)


def _leads_to(cause_of: "dict[int, int]", place: int, cause: int) -> bool:
    """Whether going from symptom to cause, and on, one comes by that cause."""
    while place in cause_of:
        place = cause_of[place]
        if place == cause:
            return True
    return False
