"""Whom to ask of a trace, and asking them: the rules of pipetrace, those that are installed, and those that are given."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipetrace.errors import (
    ArgumentError,
    BadRuleError,
    PipetraceError,
    RuleClashError,
    RuleError,
    UnknownRuleError,
)
from pipetrace.explain.findings.causes import ordered
from pipetrace.explain.findings.finding import LEVELS, NOTE, Finding
from pipetrace.explain.findings.plugins import entry_points
from pipetrace.explain.findings.rule import AnyRule, Rule, all_rules
from pipetrace.explain.text import counted, listed
from pipetrace.trace.document import Trace

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "pipetrace.rules"
"""The group of entry points by which an installed package adds its rules."""
CODE = re.compile(r"[A-Z]{2,8}\d{3}")
OURS = "PT"
"""The letters of the codes of pipetrace's own rules. Later versions add codes of these, so no other rule takes them."""
NEEDED = ("code", "name", "category", "level", "what", "why")


@dataclass(frozen=True)
class Asked:
    """What came of asking the rules.

    Attributes:
        findings: as the rules gave them, causes with their symptoms, the gravest first.
        rules: those that were asked, the failed ones among them.
        failed: one error for each rule that could not be asked to its end, or not be loaded.
    """

    findings: tuple[Finding, ...]
    rules: tuple[Rule, ...]
    failed: tuple[PipetraceError, ...] = ()


def findings(trace: Trace, rules: Sequence[Rule] | None = None) -> tuple[Finding, ...]:
    """What the rules find in a trace, those first that explain most; symptoms of one are listed within it.

    Args:
        trace: of any run, also one that failed or still goes on.
        rules: whom to ask; None asks all that come with pipetrace or are installed beside it.

    Raises:
        RuleError: a rule raised an error; all were asked before this is raised.
    """
    return _without_failures(ask(trace) if rules is None else ask(trace, rules))


def check(
    trace: Trace,
    *,
    rules: Iterable[AnyRule] = (),
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    level: str = NOTE,
) -> tuple[Finding, ...]:
    """What the rules find in a trace, with rules of one's own and a choice among all.

    Args:
        trace: of any run, also one that failed or still goes on.
        rules: further rules, as classes or made ones, beside those of pipetrace and those that are installed.
        select: codes, or what codes begin with, such as ``PT2``, of the rules to ask; none asks all.
        ignore: the same of rules not to ask, also where they are selected.
        level: ``error``, ``warning`` or ``note``: findings less grave than this are left out, unless a symptom of one is
            as grave.

    Raises:
        UnknownRuleError: no rule has a code that begins as one of ``select`` or ``ignore`` does.
        ArgumentError: there is no such level.
        BadRuleError: one of ``rules`` is no rule.
        RuleClashError: two rules have one code.
        RuleError: a rule raised an error. All were asked before this is raised; its ``findings`` are what the others
            found.
    """
    check_level(level)
    known, broken = known_rules(rules)
    asked = ask(trace, chosen(known, select, ignore), broken)
    return at_level(_without_failures(asked), level)


def ask(
    trace: Trace, rules: Sequence[Rule] | None = None, failed: Sequence[PipetraceError] = ()
) -> Asked:
    """Ask each rule; one that raises is named, and the others are asked all the same.

    Args:
        trace: of any run.
        rules: whom to ask; None asks all that come with pipetrace or are installed beside it.
        failed: the errors of rules that could not be loaded.

    Raises:
        PipetraceError: one that a rule raised on purpose, such as an expectation of a metric that is not there.
    """
    if rules is None:
        rules, failed = known_rules()
    found: list[Finding] = []
    errors = list(failed)
    for rule in rules:
        try:
            found += _given(rule, trace)
        except PipetraceError:
            raise
        except Exception as error:  # whatever it is, the other rules have their say
            errors.append(_failure(rule, error))
    explains = {rule.code: rule.explains for rule in rules}
    return Asked(ordered(found, explains), tuple(rules), tuple(errors))


def known_rules(
    further: Iterable[AnyRule] = (),
) -> tuple[tuple[Rule, ...], tuple[PipetraceError, ...]]:
    """All rules by their codes: pipetrace's own, those of installed packages, and further ones.

    Args:
        further: classes or made rules.

    Returns:
        the rules, and an error for each installed one that cannot be loaded.

    Raises:
        BadRuleError: one of the further rules is none.
        RuleClashError: a further rule has a code that another has.
    """
    known = list(all_rules())
    broken: list[PipetraceError] = []
    for entry in entry_points(GROUP):
        try:
            rule = made(_loaded(entry), f"the entry point {entry.name} of {GROUP}")
            _add(known, rule)
        except PipetraceError as error:
            broken.append(error)
    for each in further:
        _add(known, made(each, "rules"))
    return tuple(sorted(known, key=lambda rule: rule.code)), tuple(broken)


def made(given: object, where: str) -> Rule:
    """A rule from its class, or the rule itself.

    Args:
        given: what is to be a rule.
        where: where it was given, for the message.

    Raises:
        BadRuleError: it is none.
    """
    kind = given if isinstance(given, type) else type(given)
    if not issubclass(kind, Rule):
        raise BadRuleError(
            f"A rule must be a subclass of pipetrace.Rule, received {_called(kind)}.",
            where=where,
            hint="Give the class itself, or one object of it; docs/findings.md shows one.",
        )
    missing = [name for name in NEEDED if not isinstance(getattr(kind, name, None), str)]
    if missing or getattr(kind.check, "__isabstractmethod__", False):
        raise BadRuleError(
            f"The rule {_called(kind)} lacks {listed([*missing, *([] if missing else ['its method check'])])}.",
            where=where,
            hint="Write them into the class; docs/findings.md shows a whole one.",
        )
    own = kind.__module__.startswith("pipetrace.")
    if (
        not CODE.fullmatch(kind.code)
        or (kind.code.startswith(OURS) and not own)
        or kind.level not in LEVELS
    ):
        raise BadRuleError(
            f"The rule {_called(kind)} has the code {kind.code!r} and the level {kind.level!r}.",
            where=where,
            hint=f"A code is two to eight capital letters, other than {OURS}, and three digits, such as MY001; a level is "
            f"{listed(LEVELS, 'or')}.",
        )
    try:
        return kind() if isinstance(given, type) else given  # type: ignore[return-value]
    except Exception as error:
        raise BadRuleError(
            f"The rule {_called(kind)} cannot be made: {type(error).__name__}: {error}.",
            where=where,
            hint="Give a class that is made without arguments, or an object of it.",
        ) from error


def chosen(
    rules: Sequence[Rule], select: Sequence[str] = (), ignore: Sequence[str] = (), dashes: str = ""
) -> tuple[Rule, ...]:
    """The rules whose codes begin as one of ``select``, or all, without those that begin as one of ``ignore``.

    Args:
        rules: all of them.
        select, ignore: codes, or what they begin with.
        dashes: what stands ahead of the two names, for the message.

    Raises:
        UnknownRuleError: none of the rules begins so.
    """
    wanted, unwanted = (
        _codes(rules, given, f"{dashes}{where}")
        for given, where in ((select, "select"), (ignore, "ignore"))
    )
    return tuple(
        rule
        for rule in rules
        if (not wanted or rule.code.startswith(wanted))
        and not (unwanted and rule.code.startswith(unwanted))
    )


def rule_of(rules: Sequence[AnyRule], code: str) -> AnyRule:
    """The rule with this code or name.

    Raises:
        UnknownRuleError: there is none.
    """
    for rule in rules:
        if code.strip().lower() in (rule.code.lower(), rule.name.lower()):
            return rule
    raise _unknown(rules, code, "CODE")


def check_level(level: str, where: str = "level") -> None:
    """See that a level is one.

    Raises:
        ArgumentError: it is none.
    """
    if level not in LEVELS:
        raise ArgumentError(
            f"There is no level {level!r}.",
            where=where,
            hint=f"Give {listed([repr(each) for each in LEVELS], 'or')}.",
        )


def at_level(found: Iterable[Finding], level: str) -> tuple[Finding, ...]:
    """The findings that are as grave as a level, or have a symptom that is."""
    return tuple(each for each in found if gravest(each) <= LEVELS.index(level))


def gravest(finding: Finding) -> int:
    """The place in ``LEVELS`` of the gravest level of a finding and its symptoms, 0 for an error."""
    return min(
        LEVELS.index(finding.level), *(gravest(each) for each in finding.symptoms), len(LEVELS)
    )


def _without_failures(asked: Asked) -> tuple[Finding, ...]:
    if asked.failed:
        first, *others = asked.failed
        more = f" {counted(len(others), 'more rule')} failed." if others else ""
        error = RuleError(f"{first.what}{more}", where=first.where, hint=first.hint)
        error.findings = asked.findings
        raise error from first
    return asked.findings


def _given(rule: Rule, trace: Trace) -> list[Finding]:
    found = list(rule.check(trace))
    for each in found:
        if not isinstance(each, Finding):
            raise TypeError(f"it gave {type(each).__name__}, expected Finding")
        if each.level not in LEVELS:
            raise ValueError(f"it gave a finding of the level {each.level!r}")
    return found


def _failure(rule: Rule, error: Exception) -> RuleError:
    told = f"{type(error).__name__}: {' '.join(str(error).split())}".rstrip(": .")
    own = type(rule).__module__.startswith("pipetrace.")
    failure = RuleError(
        f"The rule {rule.code} {rule.name} raised {told}.",
        where=_called(type(rule)),
        hint=f"{'Please report this.' if own else 'Correct the rule.'} Until then leave it out: --ignore {rule.code}",
    )
    failure.__cause__ = error
    return failure


def _loaded(entry: "EntryPoint") -> object:
    try:
        return entry.load()
    except Exception as error:  # it is somebody's package, and anything can be wrong with it
        raise BadRuleError(
            f"The installed rule {entry.value} cannot be loaded: {type(error).__name__}: {error}.",
            where=f"the entry point {entry.name} of {GROUP}",
            hint="Correct or uninstall the package that it comes with.",
        ) from error


def _add(known: list[Rule], rule: Rule) -> None:
    """Add a rule; one class may be there several times, made with other arguments."""
    for other in known:
        if other.code == rule.code and type(other) is not type(rule):
            raise RuleClashError(
                f"Two rules have the code {rule.code}: {_called(type(other))} and {_called(type(rule))}.",
                where=rule.code,
                hint="Give one of them another code.",
            )
        if type(other) is type(rule) and vars(other) == vars(rule):
            return
    known.append(rule)


def _codes(rules: Sequence[Rule], given: Sequence[str], where: str) -> tuple[str, ...]:
    codes = [part.strip().upper() for each in given for part in each.split(",")]
    for code in codes:
        if not code or not any(rule.code.startswith(code) for rule in rules):
            raise _unknown(rules, code, where)
    return tuple(codes)


def _unknown(rules: Sequence[AnyRule], code: str, where: str) -> UnknownRuleError:
    import difflib

    near = difflib.get_close_matches(code.upper(), [rule.code for rule in rules], 3)
    near += difflib.get_close_matches(code.lower(), [rule.name for rule in rules], 2)
    meant = f"Did you mean {listed(near, 'or')}? " if near else ""
    return UnknownRuleError(
        f"There is no rule {code!r}.",
        where=where,
        hint=f"{meant}The rules are listed by: pipetrace rules",
    )


def _called(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"
