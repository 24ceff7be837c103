"""What a rule is: a small class in the file of its family, found by itself."""

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import ClassVar, TypeAlias

from pipetrace.explain.findings import rules as families
from pipetrace.explain.findings.finding import WARNING, Evidence, Finding
from pipetrace.trace.document import Trace


class Rule(ABC):
    """One question that is asked of every trace. Subclass it, set the attributes, and write ``check``.

    Attributes:
        code: ``PT`` and three digits, the first of them its family's; a user's own rule takes other letters.
        name: in words, with hyphens.
        category: the kind of fault.
        level: of its findings, unless a finding says another.
        explains: the codes of rules whose findings are symptoms of this one's, at the same stage or of the whole run.
        what: what it finds, in one sentence.
        why: why that matters, in one sentence.
    """

    code: ClassVar[str]
    name: ClassVar[str]
    category: ClassVar[str]
    level: ClassVar[str] = WARNING
    explains: ClassVar[tuple[str, ...]] = ()
    what: ClassVar[str]
    why: ClassVar[str]

    @abstractmethod
    def check(self, trace: Trace) -> Iterator[Finding]:
        """The findings of this rule in a trace; none where what it needs was not measured."""

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


AnyRule: TypeAlias = Rule | type[Rule]
"""A rule or its class: what describes it is the same of both."""


def all_rules() -> tuple[Rule, ...]:
    """One of each rule that comes with pipetrace, by their codes."""
    found: list[type[Rule]] = []
    for module in pkgutil.iter_modules(families.__path__):
        members = vars(importlib.import_module(f"{families.__name__}.{module.name}")).values()
        found += [
            each
            for each in members
            if isinstance(each, type) and issubclass(each, Rule) and "code" in vars(each)
        ]
    return tuple(kind() for kind in sorted(set(found), key=lambda kind: kind.code))
