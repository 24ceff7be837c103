"""Running rules on a trace: what they found, which could not run, and which failed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from pipetrace.errors import PipetraceError, RuleError
from pipetrace.explain.findings.expectation import Expectation
from pipetrace.explain.findings.finding import ERROR, LEVELS, NOTE, WARNING, Finding, Findings
from pipetrace.explain.findings.needs import Need, missing
from pipetrace.explain.findings.rule import AnyRule, Rule
from pipetrace.explain.findings.rules.stopping import RunNotFinished
from pipetrace.explain.findings.selection import check_level, known_rules, qualified_name, selected
from pipetrace.explain.formatting import counted
from pipetrace.trace import Given, opened
from pipetrace.trace.document import Trace
from pipetrace.trace.records import Record


class NotRun(Record):
    """A rule that could not run, and what it needs that was not recorded."""

    rule: Rule
    missing: tuple[Need, ...]


@dataclass(frozen=True)
class CheckOptions:
    """What to check."""

    rules: tuple[AnyRule, ...] = ()  # further rules, as classes or objects
    # select, ignore: codes, or what codes start with, of rules to run and to skip. That a run did
    # not finish is found whatever they say, unless ``ignore`` has the code or name of PT801.
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    level: str = NOTE  # the minimum severity to report
    expect: tuple[str, ...] = ()  # conditions such as ``val_accuracy >= 0.9``
    # further conditions, such as a baseline, which run whatever is selected
    conditions: tuple[Rule, ...] = ()


class Report(Record):
    """The result of checking a trace."""

    trace: Trace  # the trace
    # unmet conditions first, then root causes with their symptoms, errors first
    findings: tuple[Finding, ...] = ()
    hidden: tuple[Finding, ...] = ()  # findings below the minimum severity
    ran: tuple[Rule, ...] = ()  # the rules that ran
    not_run: tuple[NotRun, ...] = ()  # the rules that could not, because something was not recorded
    # an error for each rule that raised one, or could not be loaded
    failed: tuple[PipetraceError, ...] = ()
    level: str = NOTE  # the minimum severity
    file: str = ""  # the name of the trace's file

    @cached_property
    def rules(self) -> tuple[Rule, ...]:
        """All rules of the check, those that ran first."""
        return (*self.ran, *(each.rule for each in self.not_run))

    @cached_property
    def missing(self) -> tuple[Need, ...]:
        """What was not recorded, each named once."""
        return tuple(dict.fromkeys(need for each in self.not_run for need in each.missing))

    @property
    def exit_code(self) -> int:
        """2: a rule failed, or none could run. 1: there are findings. 0: neither."""
        if self.failed or (self.not_run and not self.ran):
            return 2
        return int(bool(self.findings))


def findings(
    trace: Given,
    *,
    rules: Iterable[AnyRule] = (),
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    level: str = NOTE,
) -> Findings:
    """What is wrong or doubtful in a run: root causes first, each with its symptoms.

    Args:
        trace: of any run, including one that failed or is still running; or its path.
        rules: further rules, as classes or objects, beside those of pipetrace and of installed
            packages.
        select: codes of the rules to run, or what they start with, such as ``PT2``; all when left
            out.
        ignore: the same for rules to skip. PT801 finds a run that did not finish whatever is
            selected, unless it is ignored by its own code or name.
        level: the minimum severity: ``error``, ``warning`` or ``note``.

    Raises:
        UnknownRuleError: ``select`` or ``ignore`` matches no rule.
        ArgumentError: there is no such level.
        BadRuleError: one of ``rules`` is not a rule.
        RuleClashError: two rules share a code.
        RuleError: a rule raised an error. The error's ``findings`` are those of the other rules.
    """
    report = check(opened(trace), CheckOptions(tuple(rules), tuple(select), tuple(ignore), level))
    if report.failed:
        first, *others = report.failed
        more = f" {counted(len(others), 'more rule')} failed." if others else ""
        error = RuleError(f"{first.what}{more}", where=first.where, hint=first.hint)
        error.findings = report.findings
        raise error from first
    return Findings(report.findings)


def check(
    trace: Trace, options: CheckOptions = CheckOptions(level=WARNING), file: str = ""
) -> Report:
    """Check a trace, by the name of its file. A rule that raises is reported, and the others still
    run.

    Options that no rule, level, condition or tolerance fits are an ``UnknownRuleError``, an
    ``ArgumentError``, a ``BadRuleError``, a ``RuleClashError`` or an ``ExpectationError``.
    """
    check_level(options.level)
    known, broken = known_rules(options.rules)
    report = run(trace, _chosen(trace, known, options))
    reported = at_level(report.findings, options.level)
    expected = [Expectation(text, len(reported)) for text in options.expect]
    own = run(trace, [*expected, *options.conditions])
    return replace(
        report,
        findings=(*own.findings, *reported),
        hidden=tuple(each for each in report.findings if each not in reported),
        ran=(*own.ran, *report.ran),
        failed=(*broken, *own.failed, *report.failed),
        level=options.level,
        file=file,
    )


def _chosen(trace: Trace, known: Sequence[Rule], options: CheckOptions) -> tuple[Rule, ...]:
    """The rules to run: nobody who selects others may take half a run for a whole one."""
    chosen = selected(known, options.select, options.ignore)
    ignored = {name.strip().lower() for each in options.ignore for name in each.split(",")}
    further = (
        rule
        for rule in known
        if isinstance(rule, RunNotFinished)
        and rule not in chosen
        and not ignored & {rule.code.lower(), rule.name}
        and any(each.level == ERROR for each in run(trace, [rule]).findings)
    )
    return (*chosen, *further)


def run(trace: Trace, rules: Sequence[Rule]) -> Report:
    """Run rules, whatever the severity of their findings.

    A rule counts as not run where something that it needs was not recorded, unless it finds a fault
    without it. A ``PipetraceError`` that one raises on purpose passes through.
    """
    found: list[Finding] = []
    ran, not_run, failed = [], [], []
    for rule in rules:
        try:
            own = _findings_of(rule, trace)
        except PipetraceError:
            raise
        except Exception as error:  # whatever it is, the other rules still run
            failed.append(_failure(rule, error))
            continue
        lacking = () if own else missing(trace, rule.needs)
        if lacking:
            not_run.append(NotRun(rule, lacking))
        else:
            ran.append(rule)
        found += own
    return Report(
        trace,
        by_root_cause(found, {rule.code: rule.root_cause_of for rule in rules}),
        ran=tuple(ran),
        not_run=tuple(not_run),
        failed=tuple(failed),
    )


def at_level(found: Iterable[Finding], level: str) -> tuple[Finding, ...]:
    """The findings of at least this severity, and root causes of such findings."""
    return tuple(each for each in found if _severity(each) <= LEVELS.index(level))


def _severity(finding: Finding) -> int:
    """The index in ``LEVELS`` of the highest severity of a finding and its symptoms."""
    own = LEVELS.index(finding.level)
    return min([own, *(_severity(each) for each in finding.symptoms)])


def _findings_of(rule: Rule, trace: Trace) -> list[Finding]:
    found = list(rule.check(trace))
    for each in found:
        if not isinstance(each, Finding):
            raise TypeError(f"it gave {type(each).__name__}, expected Finding")
        if each.level not in LEVELS:
            raise ValueError(f"it gave a finding of the level {each.level!r}")
    return found


def _failure(rule: Rule, error: Exception) -> RuleError:
    said = f"{type(error).__name__}: {' '.join(str(error).split())}".rstrip(": .")
    own = type(rule).__module__.startswith("pipetrace.")
    failure = RuleError(
        f"The rule {rule.code} {rule.name} raised {said}.",
        where=qualified_name(type(rule)),
        hint=f"{'Please report this.' if own else 'Correct the rule.'} "
        f"Until then skip it: --ignore {rule.code}",
    )
    failure.__cause__ = error
    return failure


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
