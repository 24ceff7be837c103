"""A question in the making: the right answer, and more wrong ones than are needed."""

from collections.abc import Iterable
from dataclasses import dataclass


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


def draft(text: str, right: str, explanation: str, mistakes: Iterable[tuple[str, str]], evidence: str) -> Draft:
    """A draft without the mistakes that happen to give the right answer, or one that another mistake gave already."""
    taken = {right}
    wrong = []
    for answer, remark in mistakes:
        if answer not in taken:
            taken.add(answer)
            wrong.append((answer, remark))
    return Draft(text, right, explanation, tuple(wrong), evidence)
