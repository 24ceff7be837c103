"""Checking a trace as it is wanted: by rules, by expectations, and by an earlier trace."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipetrace.errors import PipetraceError
from pipetrace.explain.findings.baseline import TOLERANCE, Likeness
from pipetrace.explain.findings.engine import ask, at_level, check_level, chosen, known_rules
from pipetrace.explain.findings.expectation import Expectation
from pipetrace.explain.findings.finding import WARNING, Finding
from pipetrace.explain.findings.rule import Rule
from pipetrace.trace.document import Trace

GIVEN: tuple[type[Rule], ...] = (Expectation, Likeness)
"""The rules that are asked only where somebody says what is expected."""


@dataclass(frozen=True)
class Wanted:
    """What is to be checked.

    Attributes:
        select, ignore: codes of rules, or what they begin with, to ask and not to ask; no ``select`` asks all.
        level: findings less grave than this are not told.
        expect: what is expected of the figures, such as ``val_accuracy >= 0.9``.
        like: a recording that the checked ones should be like, and what it is called.
        tolerance: how far metrics may be from those of that recording, as a share.
    """

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    level: str = WARNING
    expect: tuple[str, ...] = ()
    like: tuple[Trace, str] | None = None
    tolerance: float = TOLERANCE


@dataclass(frozen=True)
class Checked:
    """What the check of one trace gave.

    Attributes:
        file: what the trace is called.
        trace: the recording.
        findings: those of the level that is wanted, expectations that are not met first.
        hidden: the less grave ones.
        rules: that were asked.
        failed: the errors of rules that could not be asked.
        level: that is wanted.
    """

    file: str
    trace: Trace
    findings: tuple[Finding, ...]
    hidden: tuple[Finding, ...]
    rules: tuple[Rule, ...]
    failed: tuple[PipetraceError, ...]
    level: str


def check_all(traces: Sequence[tuple[str, Trace]], wanted: Wanted) -> tuple[Checked, ...]:
    """Check recordings.

    Args:
        traces: each with what it is called.
        wanted: what to check.

    Raises:
        UnknownRuleError: a code is that of no rule.
        ArgumentError: there is no such level, or the tolerance is no share.
        ExpectationError: an expectation cannot be understood, or is about what a trace does not have.
    """
    check_level(wanted.level, "--level")
    known, broken = known_rules()
    rules = chosen(known, wanted.select, wanted.ignore, "--")
    return tuple(_checked(name, trace, wanted, rules, broken) for name, trace in traces)


def exit_code(checked: Sequence[Checked]) -> int:
    """2 where a rule could not be asked, 1 where something was found, 0 otherwise."""
    if any(each.failed for each in checked):
        return 2
    return int(any(each.findings for each in checked))


def _checked(
    name: str, trace: Trace, wanted: Wanted, rules: Sequence[Rule], broken: Sequence[PipetraceError]
) -> Checked:
    asked = ask(trace, rules, broken)
    found = at_level(asked.findings, wanted.level)
    given: list[Rule] = [Expectation(text, len(found)) for text in wanted.expect]
    if wanted.like is not None:
        good, called = wanted.like
        given.append(Likeness(good, wanted.tolerance, called))
    own = ask(trace, given)
    return Checked(
        file=name,
        trace=trace,
        findings=(*own.findings, *found),
        hidden=tuple(each for each in asked.findings if each not in found),
        rules=(*given, *asked.rules),
        failed=(*own.failed, *asked.failed),
        level=wanted.level,
    )
