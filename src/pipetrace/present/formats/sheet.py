"""What every format of a quiz is written from."""

import hashlib
from dataclasses import dataclass

from pipetrace.explain.quiz import Question
from pipetrace.trace.document import Trace


@dataclass(frozen=True)
class Sheet:
    """A quiz on its way into a format."""

    title: str  # of the quiz
    seed: str  # which chose its questions
    identity: str  # as of ``identity_of``
    questions: tuple[Question, ...]  # at least one
    # for each question the name of the place on the page that has the answer
    places: tuple[str, ...]
    answers: bool = False  # whether formats that can do without the answers have them

    @property
    def name(self) -> str:
        """The title with the seed, as platforms list quizzes."""
        return f"{self.title} ({self.seed})"

    def digest(self, question: int | str = "") -> bytes:
        """SHA-256 of the trace, the seed and a question's number."""
        return hashlib.sha256(f"{self.identity} {question}".encode()).digest()


def identity_of(trace: Trace, seed: int | str) -> str:
    """A text that is the same for the same trace and seed, and for no others."""
    run = trace.run
    return f"{run.created} {run.model_fingerprint} {run.data.fingerprint} {seed}"
