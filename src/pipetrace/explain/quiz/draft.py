"""A question in the making: the right answer, and more wrong ones than are needed."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")


@dataclass(frozen=True)
class Draft:
    """What a question is made from.

    Attributes:
        text: the question.
        right: the right answer.
        explanation: why it is right, with the figures.
        wrong: answers that a known mistake gives, each with what to say to whoever made it; all different from each
            other and from the right one.
        evidence: the place in the trace that shows it.
    """

    text: str
    right: str
    explanation: str
    wrong: tuple[tuple[str, str], ...]
    evidence: str


def draft(
    text: str, right: str, explanation: str, mistakes: Iterable[tuple[str, str]], evidence: str
) -> Draft:
    """A draft without the mistakes that happen to give the right answer, or one that another mistake gave already.

    Answers are compared by what they say: 10 % and 10.0 % are one answer.
    """
    taken = {_meaning(right)}
    wrong = []
    for answer, remark in mistakes:
        if _meaning(answer) not in taken:
            taken.add(_meaning(answer))
            wrong.append((answer, remark))
    return Draft(text, right, explanation, tuple(wrong), evidence)


def _meaning(answer: str) -> tuple[str, tuple[float, ...]]:
    """An answer's words and its numbers, however these are written."""
    numbers = tuple(float(found.replace(",", "")) for found in NUMBER.findall(answer))
    return NUMBER.sub("#", answer), numbers
