"""Three questions about a run, from its own figures; wrong answers are mistakes people make."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from pipetrace.explain.quiz import data_flow, prediction, training
from pipetrace.explain.quiz.draft import Draft
from pipetrace.trace import Given, opened
from pipetrace.trace.document import Trace
from pipetrace.trace.records import ShownTable

SECTIONS: tuple[tuple[Callable[[Trace], Draft | None], ...], ...] = (
    data_flow.DRAFTS,
    training.DRAFTS,
    prediction.DRAFTS,
)
"""The questions that can be asked, by the part of the trace that they are about."""
LENGTH = 3
OPTIONS = 4


@dataclass(frozen=True)
class Question:
    """A question with four options.

    Attributes:
        text: the question.
        options: four answers, all different.
        answer: the index of the right one.
        explanation: why it is right, with the figures.
        remarks: for each option what to tell a person who chose it; for the right one the
            explanation.
        evidence: the part of the trace that shows it: ``stage/conv2d``, ``epoch/1``, ``training``
            or ``prediction/dense``.
    """

    text: str
    options: tuple[str, ...]
    answer: int
    explanation: str
    remarks: tuple[str, ...]
    evidence: str


class Quiz(ShownTable, tuple[Question, ...]):
    """The questions of a quiz, which a notebook shows as a table."""

    __slots__ = ()


def quiz(trace: Given, seed: int = 0) -> Quiz:
    """Three questions on this run, one on each part of the trace where the run has it.

    Args:
        trace: the run, or the path of its trace.
        seed: for the choice of questions and the order of options; the same seed gives the same
            quiz.

    Returns:
        at most three questions; fewer where the run was too short to ask about.
    """
    trace = opened(trace)
    source = f"{seed} {trace.run.model_fingerprint} {trace.run.data.fingerprint}"
    chance = random.Random(source)  # noqa: S311 no secret
    drafts = [
        [draft for make in section if (draft := make(trace)) and len(draft.wrong) >= OPTIONS - 1]
        for section in SECTIONS
    ]
    chosen = [chance.choice(section) for section in drafts if section]
    rest = [draft for section in drafts for draft in section if draft not in chosen]
    chance.shuffle(rest)
    return Quiz(_question(draft, chance) for draft in [*chosen, *rest][:LENGTH])


def _question(draft: Draft, chance: random.Random) -> Question:
    options = [(draft.right, draft.explanation), *chance.sample(draft.wrong, OPTIONS - 1)]
    chance.shuffle(options)
    return Question(
        text=draft.text,
        options=tuple(text for text, _ in options),
        answer=[text for text, _ in options].index(draft.right),
        explanation=draft.explanation,
        remarks=tuple(remark for _, remark in options),
        evidence=draft.evidence,
    )
