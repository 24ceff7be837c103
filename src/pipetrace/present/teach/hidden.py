"""Answers that are not in a page in clear: a page can tell whether a chosen option is right.

Each question has a salt. The key of an option is the SHA-256 of the salt and the option's letter.
The page has the SHA-256 of the right option's key, and the explanation, encrypted with it: each 32
bytes are combined by exclusive or with the SHA-256 of the key and the number of the block. Who
tries all four options has the answer; nothing in a file can keep it from a program.
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from pipetrace.explain.learn.lesson import Lesson, Problem
from pipetrace.present.quiz_prompt import LETTERS
from pipetrace.present.views import Document, QuestionView

Asked = TypeVar("Asked", QuestionView, Problem)

BLOCK = hashlib.sha256().digest_size
SALT = 16
"""Bytes of a salt."""
LEFT_OUT = "The answers are hidden on this page, so it has no tasks that it would check."


def hidden(made: Document, identity: str) -> Document:
    """A document whose questions have no answer in clear; its salts are of the quiz's identity."""
    return replace(made, quiz=_all_sealed(made.quiz, identity))


def hidden_lessons(made: Sequence[Lesson], identity: str) -> tuple[Lesson, ...]:
    """Ways to learn without answers in clear: the problems of a challenge are sealed, tasks with
    blanks and cards to turn over, which a page cannot check without them, are left out."""
    return tuple(
        Lesson(each.mode, each.about, each.minutes, "", absent=LEFT_OUT)
        if each.exercises or each.cards
        else replace(each, problems=_all_sealed(each.problems, f"{identity} {each.mode}"))
        for each in made
    )


def _all_sealed(questions: Sequence[Asked], identity: str) -> tuple[Asked, ...]:
    return tuple(
        _sealed(each, hashlib.sha256(f"{identity} {number}".encode()).digest()[:SALT])
        for number, each in enumerate(questions)
    )


def _sealed(question: Asked, salt: bytes) -> Asked:
    key = hashlib.sha256(salt + LETTERS[question.answer].encode()).digest()
    remark = question.remarks[question.answer].encode()
    parts = (salt, hashlib.sha256(key).digest(), _combined(remark, key))
    sealed = tuple(base64.b64encode(part).decode("ascii") for part in parts)
    return replace(question, answer=-1, remarks=(), sealed=sealed)


def _combined(text: bytes, key: bytes) -> bytes:
    blocks = -(-len(text) // BLOCK)
    stream = b"".join(
        hashlib.sha256(key + block.to_bytes(2, "big")).digest() for block in range(blocks)
    )
    return bytes(one ^ other for one, other in zip(text, stream, strict=False))
