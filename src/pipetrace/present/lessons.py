"""The ways to learn in a terminal: as blocks to read, and as tasks that are asked there."""

from collections.abc import Iterator, Sequence

import click
from rich.console import Console
from rich.text import Text

from pipetrace.explain.formatting import counted
from pipetrace.explain.learn.lesson import Blank, Exercise, Lesson, Part, Problem
from pipetrace.present.blocks import GAP, Block, Code, Facts, Heading, Labelled, Paragraph, Question
from pipetrace.present.drawings import Grid
from pipetrace.present.quiz_prompt import ask
from pipetrace.present.rich import print_blocks
from pipetrace.present.views import QuestionView

ATTEMPTS = 3
LONG = 40
"""A table with a longer cell is written as sentences, since it would not fit into a terminal."""
WRITING = str.maketrans({"\u2212": "-", '"': None, "'": None, " ": None})


def menu_blocks(lessons: Sequence[Lesson], file: str) -> Iterator[Block]:
    """The ways to learn, with what is in them, and the commands that show one of the file."""
    yield Heading("Ways to learn from this run")
    yield Facts(
        tuple(Labelled(each.mode, f"{each.about} ({each.minutes} min)") for each in lessons)
    )
    yield GAP
    yield Paragraph(f"Open one with: pipetrace learn {file} MODE", "note")


def lesson_blocks(lesson: Lesson, *, answers: bool = True) -> Iterator[Block]:
    """A way to learn, to read, with the answers of its tasks or without."""
    yield head(lesson)
    if lesson.absent:
        yield Paragraph(lesson.absent, "warning")
        return
    yield Paragraph(lesson.intro)
    yield from _parts(lesson.parts, answers)
    for number, step in enumerate(lesson.steps, 1):
        yield from _part(step, f"{number}. ")
    for number, exercise in enumerate(lesson.exercises, 1):
        yield from exercise_blocks(number, exercise)
        if answers:
            yield Labelled("Answer", f"{_answers(exercise)}. {exercise.solution}")
    for number, card in enumerate(lesson.cards, 1):
        yield Labelled(f"Card {number} ({card.level})", card.front)
        if answers:
            yield Labelled("Back", f"{card.answer}. {card.back}")
    for number, problem in enumerate(lesson.problems, 1):
        yield Heading(f"{problem.kind} ({problem.level})", minor=True)
        if problem.code:
            yield Code(problem.code)
        yield Question(number, problem.text, problem.options)
        if answers:
            right = problem.options[problem.answer]
            yield Labelled("Answer", f"{right}. {problem.remarks[problem.answer]}")


def head(lesson: Lesson) -> Heading:
    """The heading of a way to learn."""
    return Heading(f"{lesson.mode.capitalize()}: {lesson.about}", counted(lesson.minutes, "minute"))


def exercise_blocks(number: int, exercise: Exercise) -> Iterator[Block]:
    """A task with blanks, unanswered."""
    yield Heading(f"Task {number} ({exercise.level})", minor=True)
    yield Paragraph(exercise.text)
    yield Code(exercise.code)


def _parts(parts: Sequence[Part], answers: bool) -> Iterator[Block]:
    """Parts to read; of one that gives something away, without the answers, how to see it."""
    for part in parts:
        if answers or not part.closed:
            yield from _part(part)
        else:
            yield GAP
            yield Paragraph(f"{part.heading}: add --answers.", "note")


def _part(part: Part, number: str = "") -> Iterator[Block]:
    yield Heading(f"{number}{part.heading}", minor=True)
    yield from (Paragraph(text) for text in part.texts)
    if part.code:
        yield Code(part.code)
    if part.table is not None and any(len(cell) > LONG for row in part.table.rows for cell in row):
        yield Facts(tuple(Labelled(name, " ".join(rest)) for name, *rest in part.table.rows))
        yield Paragraph(part.table.caption, "note")
    elif part.table is not None:
        table = part.table
        yield Grid.plain(table.header[0], table.header, table.rows, table.caption or None)


def take(lesson: Lesson, console: Console) -> None:
    """Go through a way to learn that asks something: its tasks, its problems or its cards."""
    print_blocks([head(lesson), Paragraph(lesson.intro)], console)
    solved = sum(
        _tried(number, exercise, console) for number, exercise in enumerate(lesson.exercises, 1)
    )
    if lesson.exercises:
        console.print(f"{solved} of {len(lesson.exercises)} solved.", highlight=False)
    for number, card in enumerate(lesson.cards, 1):
        print_blocks([Labelled(f"Card {number} of {len(lesson.cards)}", card.front)], console)
        click.prompt("Enter turns it over", default="", show_default=False, prompt_suffix=" ")
        print_blocks([Paragraph(f"{card.answer}. {card.back}")], console)
    if lesson.problems:
        ask(tuple(map(_question, lesson.problems)), console)


def _tried(number: int, exercise: Exercise, console: Console) -> bool:
    """Whether a task was solved."""
    print_blocks(exercise_blocks(number, exercise), console)
    for attempt in range(ATTEMPTS):
        given = [
            click.prompt(f"Blank {at}" if len(exercise.blanks) > 1 else "Your answer")
            for at in range(1, len(exercise.blanks) + 1)
        ]
        wrong = [
            (blank, text)
            for blank, text in zip(exercise.blanks, given, strict=True)
            if not matches(blank, text)
        ]
        if not wrong:
            console.print(Text.assemble(("Right. ", "bold green"), exercise.solution))
            return True
        said = " ".join(slip(blank, text) for blank, text in wrong)
        hint = f" {exercise.hint}" if attempt == 1 else ""
        console.print(Text.assemble(("No. ", "bold red"), f"{said}{hint}"), highlight=False)
    console.print(f"It is {_answers(exercise)}. {exercise.solution}", highlight=False)
    return False


def matches(blank: Blank, text: str) -> bool:
    """Whether a text is the answer, written in any way."""
    given, wanted = plain(text), plain(blank.answer)
    try:
        return given == wanted or abs(float(given) - float(wanted)) <= blank.within + 1e-9
    except ValueError:
        return False


def slip(blank: Blank, text: str) -> str:
    """What to say of a wrong answer."""
    for each in blank.slips:
        if matches(Blank(each.answer, blank.within, ()), text):
            return each.remark
    return "Look again."


def plain(text: str) -> str:
    """An entry without what may be written in several ways: spaces, quotes, commas, capitals."""
    return text.strip().lower().translate(WRITING).replace(",", "")


def _answers(exercise: Exercise) -> str:
    return ", ".join(blank.answer for blank in exercise.blanks)


def _question(problem: Problem) -> QuestionView:
    return QuestionView(
        text=f"{problem.kind}: {problem.text} {problem.code}".strip(),
        options=problem.options,
        answer=problem.answer,
        remarks=problem.remarks,
        evidence="",
        place=problem.place.text if problem.place else "the trace",
    )
