"""Answers that are not in a page in clear: a page can tell whether an answer is right.

Each question has a salt. The key of an answer is the SHA-256 of the salt and the answer: the
letter of an option, or what is filled into a blank. The page has the SHA-256 of the right answer's
key, and the explanation, encrypted with it: each 32 bytes are combined by exclusive or with the
SHA-256 of the key and the number of the block. Who tries all four options, or all small numbers,
has the answer; nothing in a file can keep it from a program.
"""

import base64
import hashlib
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from pipetrace.explain.learn.lesson import Blank, Exercise, Lesson, Problem
from pipetrace.explain.learn.review import QUESTIONS
from pipetrace.present.blocks import LETTERS
from pipetrace.present.lessons import plain
from pipetrace.present.views import Document, QuestionView

Asked = TypeVar("Asked", QuestionView, Problem)

BLOCK = hashlib.sha256().digest_size
SALT = 16
"""Bytes of a salt."""
STEPS = 2
"""A number that need not be exact is known by its place among steps, so many to what it may be
off."""
NO_CARDS = "There are no cards to turn over on this page, since its answers are hidden."


def hidden(made: Document, identity: str) -> Document:
    """A document whose questions have no answer in clear; its salts are of the quiz's identity."""
    return replace(made, quiz=_all_sealed(made.quiz, identity))


def hidden_lessons(made: Sequence[Lesson], identity: str) -> tuple[Lesson, ...]:
    """Ways to learn without answers in clear: problems and blanks are sealed, and cards to turn
    over are left out, as they would show theirs."""
    return tuple(_hidden(each, f"{identity} {each.mode}") for each in made)


def _hidden(lesson: Lesson, identity: str) -> Lesson:
    tasks = enumerate(lesson.exercises)
    made = replace(
        lesson,
        exercises=tuple(_without_solution(each, f"{identity} {at}") for at, each in tasks),
        parts=tuple(each for each in lesson.parts if not each.closed),
        problems=_all_sealed(lesson.problems, identity),
        spares=_all_sealed(lesson.spares, f"{identity} spares"),
    )
    if not lesson.cards:
        return made
    return replace(made, cards=(), about="questions", intro=f"{QUESTIONS} {NO_CARDS}")


def _without_solution(exercise: Exercise, identity: str) -> Exercise:
    salts = [_salt(f"{identity} {at}") for at in range(len(exercise.blanks))]
    keys = [_key(*each) for each in zip(salts, exercise.blanks, strict=True)]
    blanks = tuple(_sealed_blank(*each) for each in zip(salts, exercise.blanks, strict=True))
    solution = _combined(exercise.solution, _digest(b"".join(keys)))
    return replace(exercise, blanks=blanks, solution=_text(solution))


def _sealed_blank(salt: bytes, blank: Blank) -> Blank:
    """A blank that has, behind its salt, the check of the answer, and for each slip its check and
    its remark."""
    sealed = [salt, _digest(_key(salt, blank))]
    for slip in blank.slips:
        key = _key(salt, replace(blank, answer=slip.answer))
        sealed += [_digest(key), _combined(slip.remark, key)]
    return replace(blank, answer="", slips=(), sealed=tuple(map(_text, sealed)))


def _key(salt: bytes, blank: Blank) -> bytes:
    """The key of what belongs into a blank, which does not depend on how a number is written."""
    text = plain(blank.answer)
    try:
        value = float(text)
    except ValueError:
        return _digest(salt + text.encode())
    if blank.within:
        value = math.floor(value / (blank.within / STEPS) + 0.5)
    return _digest(salt + (f"{value:.0f}" if value == int(value) else text).encode())


def _all_sealed(questions: Sequence[Asked], identity: str) -> tuple[Asked, ...]:
    return tuple(
        _sealed(each, _salt(f"{identity} {number}")) for number, each in enumerate(questions)
    )


def _sealed(question: Asked, salt: bytes) -> Asked:
    key = _digest(salt + LETTERS[question.answer].encode())
    parts = (salt, _digest(key), _combined(question.remarks[question.answer], key))
    return replace(question, answer=-1, remarks=(), sealed=tuple(map(_text, parts)))


def _salt(identity: str) -> bytes:
    return _digest(identity.encode())[:SALT]


def _digest(message: bytes) -> bytes:
    return hashlib.sha256(message).digest()


def _text(message: bytes) -> str:
    return base64.b64encode(message).decode("ascii")


def _combined(text: str, key: bytes) -> bytes:
    message = text.encode()
    blocks = range(-(-len(message) // BLOCK))
    stream = b"".join(_digest(key + block.to_bytes(2, "big")) for block in blocks)
    return bytes(one ^ other for one, other in zip(message, stream, strict=False))
