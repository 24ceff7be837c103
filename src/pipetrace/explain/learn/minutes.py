"""How long a way to learn takes a beginner, from its words, its tasks and its places to look at."""

from collections.abc import Iterable
from dataclasses import replace

from pipetrace.explain.learn.lesson import Exercise, Lesson, Part, Problem
from pipetrace.explain.learn.review import ASKED
from pipetrace.explain.quiz.generator import EASY, HARD, MEDIUM

WORDS_PER_MINUTE = 200
LOOKING, TURNING, MOVING, TYPING, TRAINING = 40, 15, 60, 30, 900
"""Seconds for a step's place on the page, a card, a control of the measures, the entry of a task,
and for a training of one's own."""
CODE = 2
"""Code is read half as fast."""
WORKING: dict[str, int] = {EASY: 30, MEDIUM: 60, HARD: 90}
"""Seconds to work an answer out, by its level."""


def timed(lesson: Lesson) -> Lesson:
    """The same with its minutes; one that gives its own keeps them."""
    return lesson if lesson.minutes else replace(lesson, minutes=max(1, round(_minutes(lesson))))


def words(lesson: Lesson) -> int:
    """How many words a person reads in it."""
    read = [lesson.intro, lesson.absent, *(text for each in lesson.parts for text in _part(each))]
    read += [text for each in lesson.steps for text in _part(each)]
    read += [text for each in lesson.exercises for text in _exercise(each)]
    read += [text for each in lesson.cards for text in (each.front, each.answer, each.back)]
    cells = sum(map(len, lesson.cells.counts)) if lesson.cells else 0
    asked = [_count(_problem(each)) for each in lesson.problems]
    shown = _asked(lesson)
    return cells + _count(read) + (round(sum(asked) / len(asked) * shown) if asked else 0)


def _minutes(lesson: Lesson) -> float:
    share = _asked(lesson) / len(lesson.problems) if lesson.problems else 1
    seconds = share * sum(WORKING[each.level] for each in lesson.problems)
    seconds += sum(WORKING[each.level] + TYPING for each in lesson.exercises)
    seconds += LOOKING * len(lesson.steps) + TURNING * len(lesson.cards)
    seconds += MOVING * sum(each is not None for each in (lesson.cells, lesson.curve, lesson.pairs))
    seconds += TRAINING * (lesson.mode == "project" and not lesson.absent)
    return words(lesson) / WORDS_PER_MINUTE + seconds / 60


def _asked(lesson: Lesson) -> int:
    """How many of the problems are asked at a time."""
    return min(ASKED, len(lesson.problems)) if lesson.mode == "review" else len(lesson.problems)


def _part(part: Part) -> Iterable[str]:
    table = part.table
    cells = (
        (*table.header, *(cell for row in table.rows for cell in row), table.caption)
        if table
        else ()
    )
    return (part.heading, *part.texts, *[part.code] * CODE, *cells)


def _exercise(exercise: Exercise) -> Iterable[str]:
    return (exercise.text, *[exercise.code] * CODE, exercise.solution)


def _problem(problem: Problem) -> Iterable[str]:
    remark = problem.remarks[problem.answer] if problem.answer >= 0 else ""
    return (problem.text, problem.code, *problem.options, remark)


def _count(texts: Iterable[str]) -> int:
    return sum(len(text.split()) for text in texts)
