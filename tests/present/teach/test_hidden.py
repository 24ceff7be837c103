"""Hidden answers: not in the file in clear, and found by whoever has the right option."""

import base64
import hashlib
import json
import re
from typing import Any

from pipetrace.explain.learn.modes import lessons
from pipetrace.present.build.document import document
from pipetrace.present.page import trace_page
from pipetrace.present.teach.hidden import hidden, hidden_lessons
from pipetrace.present.views import QuestionView
from pipetrace.trace import Trace


def found(question: QuestionView) -> list[tuple[int, str]]:
    """The options that a page takes for right, each with the explanation that it then has."""
    salt, check, remark = map(base64.b64decode, question.sealed)
    right = []
    for index, letter in enumerate("ABCD"):
        key = hashlib.sha256(salt + letter.encode()).digest()
        if hashlib.sha256(key).digest() == check:
            stream = b"".join(
                hashlib.sha256(key + bytes([0, block])).digest()
                for block in range(1 + len(remark) // 32)
            )
            right.append(
                (index, bytes(a ^ b for a, b in zip(remark, stream, strict=False)).decode())
            )
    return right


def test_the_right_option_alone_opens_the_explanation(digits_trace: Trace) -> None:
    made = document(digits_trace, questions=20)
    for plain, question in zip(made.quiz, hidden(made, "a run").quiz, strict=True):
        assert found(question) == [(plain.answer, plain.remarks[plain.answer])]
        assert (question.answer, question.remarks) == (-1, ())
        assert (question.text, question.options) == (plain.text, plain.options)


def test_two_quizzes_share_no_salt(digits_trace: Trace) -> None:
    made = document(digits_trace, questions=9)
    salts = [each.sealed[0] for who in "ab" for each in hidden(made, who).quiz]
    assert len(set(salts)) == len(salts) == 18


def test_a_page_with_hidden_answers_has_none_in_clear(digits_trace: Trace) -> None:
    options: dict[str, Any] = {"quiz_seed": "student-17", "questions": 12, "title": "Week 7"}
    made = document(digits_trace, quiz_seed="student-17", questions=12)
    plain, page = (
        trace_page(digits_trace, hide_answers=hides, **options) for hides in (False, True)
    )
    remarks = {
        json.dumps(each)[1:-1]
        for question in made.quiz
        for each in question.remarks
        if len(each) > 30
    }
    assert len(remarks) > 12
    assert all(each.replace(" %", "\u00a0%") in plain for each in remarks)
    # What another part of the page says too is no remark of the quiz.
    said = plain.replace(quiz_of(plain), "")
    assert [each for each in remarks if each in page and each not in said] == []
    assert set(re.findall(r'"answer":(-?\d)', quiz_of(page))) == {"-1"}
    assert "Week 7" in page
    assert page == trace_page(digits_trace, hide_answers=True, **options)


def test_the_ways_to_learn_have_no_answer_in_clear(digits_trace: Trace) -> None:
    plain = lessons(digits_trace)
    sealed = hidden_lessons(plain, "a run")
    assert sealed != hidden_lessons(plain, "another run")
    words = repr(sealed)
    for before, after in zip(plain, sealed, strict=True):
        assert len(after.exercises) == len(before.exercises)
        assert [each.text for each in after.problems] == [each.text for each in before.problems]
        assert not after.cards
        for exercise in before.exercises:
            assert exercise.solution not in words
            remarks = [slip.remark for blank in exercise.blanks for slip in blank.slips]
            assert not [each for each in remarks if len(each) > 30 and each in words]
        assert all(not each.answer for one in after.exercises for each in one.blanks)
        assert all(each.answer < 0 and not each.remarks for each in after.problems)
    assert any(each.exercises for each in plain)


def quiz_of(page: str) -> str:
    return page.partition('"quiz":[')[2].partition('"insight"')[0]
