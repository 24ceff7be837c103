"""Putting causes before their symptoms."""

from collections.abc import Iterable
from dataclasses import replace

from pipetrace.explain.findings.finding import LEVELS, Finding


def ordered(found: Iterable[Finding], explains: "dict[str, tuple[str, ...]]") -> tuple[Finding, ...]:
    """Causes with their symptoms, the gravest first."""
    left = sorted(found, key=lambda each: (LEVELS.index(each.level), each.code))
    causes = [each for each in left if not any(each.code in explains.get(other.code, ()) for other in left)]
    told = []
    for cause in causes or left:
        symptoms = tuple(each for each in left if each not in causes and each.code in explains.get(cause.code, ()))
        told.append(replace(cause, symptoms=symptoms))
    return tuple(told)
