"""What a rule is: a small class in the file of its family. All rules in the folder are found."""

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from typing import ClassVar, Required, TypeAlias, TypedDict, Unpack

from pipetrace.explain.findings import rules as families
from pipetrace.explain.findings.finding import NOTE, WARNING, Evidence, Finding
from pipetrace.explain.findings.measured_run import MeasuredRun, measured
from pipetrace.explain.findings.needs import Need
from pipetrace.trace.document import Trace


class Rule(ABC):
    """One check of a trace. Subclass it, set the attributes, and write ``check``.

    Attributes:
        code: ``PT`` and three digits, the first of them its family's; your own rules use other
            letters.
        name: in words, with hyphens.
        category: the kind of fault; the name with underscores unless it is set.
        level: the severity of its findings, unless a finding sets another.
        root_cause_of: the codes of rules whose findings are symptoms of this one's.
        needs: what must have been recorded before finding nothing means that nothing is wrong.
        what: what it finds, in one sentence.
        why: why that matters, in one sentence.
    """

    code: ClassVar[str]
    name: ClassVar[str]
    category: ClassVar[str]
    level: ClassVar[str] = WARNING
    root_cause_of: ClassVar[tuple[str, ...]] = ()
    needs: ClassVar[tuple[Need, ...]] = ("stages",)
    what: ClassVar[str]
    why: ClassVar[str]

    def __init_subclass__(cls) -> None:
        if "name" in vars(cls) and "category" not in vars(cls):
            cls.category = cls.name.replace("-", "_")

    @abstractmethod
    def check(self, trace: Trace) -> Iterator[Finding]:
        """The findings of this rule in a trace; none where what it needs was not recorded."""

    def found(
        self,
        text: str,
        evidence: Sequence[Evidence],
        advice: str,
        *,
        stage: str | None = None,
        epochs: Sequence[int] = (),
        change: str = "",
        confidence: float = 1.0,
    ) -> Finding:
        """A finding of this rule."""
        return Finding(
            code=self.code,
            name=self.name,
            level=self.level,
            category=self.category,
            stage=stage,
            epochs=tuple(epochs),
            text=text,
            evidence=tuple(evidence),
            why=self.why,
            advice=advice,
            change=change,
            confidence=confidence,
        )


class Rest(TypedDict, total=False):
    """What else a finding has; see ``Finding``."""

    advice: Required[str]
    stage: str | None
    epochs: Sequence[int]
    change: str
    confidence: float


class RunRule(Rule):
    """A rule of pipetrace's own: it gets the trace with its measurements at hand."""

    def check(self, trace: Trace) -> Iterator[Finding]:
        """The findings of this rule in a trace."""
        yield from self.faults(measured(trace))

    @abstractmethod
    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        """The findings of this rule in a run."""

    def fault(
        self, text: str, value: float | None, place: str, *more: Evidence, **rest: Unpack[Rest]
    ) -> Finding:
        """A finding whose text is its first evidence."""
        return self.shown(Evidence(text, value, place), *more, **rest)

    def shown(self, first: Evidence, *more: Evidence, **rest: Unpack[Rest]) -> Finding:
        """The same of evidence that there is."""
        return self.found(first.text, (first, *more), **rest)


def as_note(finding: Finding) -> Finding:
    """A finding that does no harm in this run."""
    return replace(finding, level=NOTE, confidence=0.6)


AnyRule: TypeAlias = Rule | type[Rule]
"""A rule or its class: both have the attributes."""


def all_rules() -> tuple[Rule, ...]:
    """One object of each rule that comes with pipetrace, sorted by code."""
    return tuple(kind() for kind in _own_kinds())


@cache
def _own_kinds() -> tuple[type[Rule], ...]:
    found: list[type[Rule]] = []
    for module in pkgutil.iter_modules(families.__path__):
        members = vars(importlib.import_module(f"{families.__name__}.{module.name}")).values()
        found += [
            each
            for each in members
            if isinstance(each, type) and issubclass(each, Rule) and "code" in vars(each)
        ]
    return tuple(sorted(set(found), key=lambda kind: kind.code))
