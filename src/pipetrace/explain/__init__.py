"""Words from facts: everything here is computed from a trace, nothing is stored."""

from pipetrace.explain.findings import Finding, findings
from pipetrace.explain.observations import Observation, observations
from pipetrace.explain.quiz import Question, quiz

__all__ = ["Finding", "Observation", "Question", "findings", "observations", "quiz"]
