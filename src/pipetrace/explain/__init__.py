"""Words from facts: everything here is computed from a trace, nothing is stored."""

from pipetrace.explain.findings import Evidence, Finding, Rule, findings
from pipetrace.explain.observations import Observation, observations
from pipetrace.explain.quiz import Question, quiz

__all__ = [
    "Evidence",
    "Finding",
    "Observation",
    "Question",
    "Rule",
    "findings",
    "observations",
    "quiz",
]
