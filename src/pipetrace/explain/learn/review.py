"""Review: cards to turn over, then questions; what was missed comes back first."""

from pipetrace.explain.learn.lesson import Card, Lesson, Problem, place_of
from pipetrace.explain.quiz import GENERATORS, Question, ask
from pipetrace.explain.quiz.generator import LEVELS
from pipetrace.trace.document import Trace

ABOUT = "cards to turn over, then questions"
MINUTES = 5
QUESTIONS = (
    "After a right answer a harder question comes, after a wrong one an easier one. What you "
    "missed comes first when you come back; this browser keeps that for this file."
)
INTRO = (
    "Say the answer to yourself, turn the card over, and say whether you knew it. Questions "
    f"follow. {QUESTIONS}"
)
CARDS, PROBLEMS = 1, 5
"""So many of each level, as far as the run has them; three cards and four questions, as the page
asks them, take about five minutes."""


def review(trace: Trace, seed: int | str) -> Lesson:
    """Cards and questions of each level, none of them twice."""
    cards: list[Card] = []
    problems: list[Problem] = []
    for level in LEVELS:
        # What begins alike would be told by a card and asked by a question.
        asked = list(ask(trace, f"review {seed}", GENERATORS, level))
        cards += [_card(trace, each) for each in asked[:CARDS]]
        problems += [_problem(trace, each) for each in asked[CARDS : CARDS + PROBLEMS]]
    if not cards:
        return Lesson("review", ABOUT, MINUTES, "", absent="There is nothing to ask about here.")
    return Lesson("review", ABOUT, MINUTES, INTRO, cards=tuple(cards), problems=tuple(problems))


def _card(trace: Trace, question: Question) -> Card:
    return Card(
        level=question.level,
        front=question.text,
        answer=question.options[question.answer],
        back=question.explanation,
        place=place_of(trace, question),
    )


def _problem(trace: Trace, question: Question) -> Problem:
    return Problem(
        kind=question.skill,
        level=question.level,
        text=question.text,
        code="",
        options=question.options,
        answer=question.answer,
        remarks=question.remarks,
        place=place_of(trace, question),
    )
