"""Review: cards to turn over, then questions; what was missed comes back first."""

from pipetrace.explain.learn.lesson import Card, Lesson, Problem, place_of, problem
from pipetrace.explain.quiz import GENERATORS, Question, ask
from pipetrace.explain.quiz.generator import LEVELS
from pipetrace.trace.document import Trace

ABOUT = "cards to turn over, then questions"
QUESTIONS = (
    "The questions get harder after a right answer. What you missed comes first the next time, in "
    "this browser."
)
INTRO = f"Say the answer to yourself, then turn the card over. {QUESTIONS}"
CARDS, PROBLEMS = 1, 5
"""So many of each level, as far as the run has them."""
ASKED = 4
"""So many of the problems the page asks at a time."""
LONG = 45
"""Questions with more words, options included, are left to the other ways to learn."""


def review(trace: Trace, seed: int | str) -> Lesson:
    """Cards and questions of each level, none of them twice."""
    cards: list[Card] = []
    problems: list[Problem] = []
    for level in LEVELS:
        # What begins alike would be told by a card and asked by a question.
        asked = list(ask(trace, f"review {seed}", GENERATORS, level))
        short = [each for each in asked if _words(each) <= LONG]
        asked = short if len(short) > CARDS else asked
        cards += [_card(trace, each) for each in asked[:CARDS]]
        problems += [problem(trace, each, each.skill) for each in asked[CARDS : CARDS + PROBLEMS]]
    if not cards:
        return Lesson("review", ABOUT, "", absent="There is nothing to ask about here.")
    return Lesson("review", ABOUT, INTRO, cards=tuple(cards), problems=tuple(problems))


def _words(question: Question) -> int:
    return sum(len(text.split()) for text in (question.text, *question.options))


def _card(trace: Trace, question: Question) -> Card:
    return Card(
        level=question.level,
        front=question.text,
        answer=question.options[question.answer],
        back=question.explanation,
        place=place_of(trace, question),
    )
