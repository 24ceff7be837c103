"""A question in the making: the right answer, and more wrong ones than are needed."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
Mistakes = Sequence[tuple[str, str]]
"""Wrong answers, each with what to tell a person who chose it."""


@dataclass(frozen=True)
class Draft:
    """What a question is made from.

    Attributes:
        text: the question.
        right: the right answer.
        explanation: why it is right, with the figures.
        wrong: answers that a known mistake gives, each with what to tell a person who chose it; all
            different from each other and from the right one.
        evidence: the part of the trace that shows it.
    """

    text: str
    right: str
    explanation: str
    wrong: tuple[tuple[str, str], ...]
    evidence: str


def draft(text: str, right: str, explanation: str, mistakes: Mistakes, evidence: str) -> Draft:
    """A draft without the mistakes that happen to give the right answer, or the same answer twice.

    Answers are compared by what they say: 10 % and 10.0 % are one answer.
    """
    taken = {_meaning(right)}
    wrong = []
    for answer, remark in mistakes:
        if _meaning(answer) not in taken:
            taken.add(_meaning(answer))
            wrong.append((answer, remark))
    return Draft(text, right, explanation, tuple(wrong), evidence)


def written(block: str, evidence: str, more: Mistakes = ()) -> Draft:
    """A draft written as lines; an indented line continues the one above.

    The first three lines are the question, the right answer and its explanation, marked by
    "Question:", "Answer:" and "Why:". The others are mistakes: "answer: remark".

    Args:
        block: the lines, without names that a user gave, which might hold line breaks.
        evidence: the part of the trace that shows the answer.
        more: further mistakes.
    """
    lines = re.sub(r"\n +", " ", block.strip()).splitlines()
    text, right, explanation = (line.partition(": ")[2] for line in lines[:3])
    wrong = [(answer, remark) for answer, _, remark in (line.partition(": ") for line in lines[3:])]
    return draft(text, right, explanation, [*wrong, *more], evidence)


def _meaning(answer: str) -> tuple[str, tuple[float, ...]]:
    """An answer's words and its numbers, however these are written."""
    numbers = tuple(float(found.replace(",", "")) for found in NUMBER.findall(answer))
    return NUMBER.sub("#", answer), numbers
