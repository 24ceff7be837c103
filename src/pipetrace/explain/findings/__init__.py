"""What is wrong or doubtful in a run: rules that check its facts."""

from pipetrace.explain.findings.engine import findings
from pipetrace.explain.findings.finding import ERROR, LEVELS, NOTE, WARNING, Evidence, Finding
from pipetrace.explain.findings.rule import Rule, all_rules

__all__ = [
    "ERROR",
    "LEVELS",
    "NOTE",
    "WARNING",
    "Evidence",
    "Finding",
    "Rule",
    "all_rules",
    "findings",
]
