"""Asking every rule of a trace, and putting causes before their symptoms."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from pipetrace.explain.findings.finding import LEVELS, Finding
from pipetrace.explain.findings.rule import Rule, all_rules
from pipetrace.trace.document import Trace


def findings(trace: Trace, rules: Sequence[Rule] | None = None) -> tuple[Finding, ...]:
    """What the rules find in a trace, those first that explain most; symptoms of one are listed within it.

    Args:
        trace: of any run, also one that failed or still goes on.
        rules: whom to ask; None asks all that come with pipetrace.
    """
    asked = all_rules() if rules is None else tuple(rules)
    found = [finding for rule in asked for finding in rule.check(trace)]
    return ordered(found, {rule.code: rule.explains for rule in asked})


def ordered(found: Iterable[Finding], explains: "dict[str, tuple[str, ...]]") -> tuple[Finding, ...]:
    """Causes with their symptoms, the gravest first."""
    left = sorted(found, key=lambda each: (LEVELS.index(each.level), each.code))
    causes = [each for each in left if not any(each.code in explains.get(other.code, ()) for other in left)]
    told = []
    for cause in causes or left:
        symptoms = tuple(each for each in left if each not in causes and each.code in explains.get(cause.code, ()))
        told.append(replace(cause, symptoms=symptoms))
    return tuple(told)
