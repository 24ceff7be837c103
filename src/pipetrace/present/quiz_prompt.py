"""The quiz in a terminal."""

import click
from rich.console import Console
from rich.text import Text

from pipetrace.errors import IncompleteTraceError
from pipetrace.present.blocks import LETTERS, Question
from pipetrace.present.rich import print_blocks
from pipetrace.present.views import QuestionView


def ask(questions: tuple[QuestionView, ...], console: Console) -> int:
    """Ask questions until each answer is a letter, explain it, and count those right.

    An ``IncompleteTraceError`` where there are none.
    """
    if not questions:
        raise nothing_to_ask()
    right = 0
    for number, question in enumerate(questions, 1):
        print_blocks([Question(number, question.text, question.options)], console)
        choice = _answer()
        correct = choice == question.answer
        right += correct
        verdict = Text("Right. ", "bold green") if correct else Text("No. ", "bold red")
        console.print(Text.assemble(verdict, question.remarks[choice]), highlight=False)
        if not correct:
            answer = f"{LETTERS[question.answer]}, {question.options[question.answer]}. "
            console.print(
                Text.assemble("It is ", (answer, "bold"), question.remarks[question.answer]),
                highlight=False,
            )
        console.print(Text(f"See: {question.place}.\n", "dim"), highlight=False)
    console.print(f"{right} of {len(questions)} right.", highlight=False)
    return right


def nothing_to_ask() -> IncompleteTraceError:
    """The error of a quiz without questions."""
    return IncompleteTraceError(
        "There is nothing in this trace to ask about.",
        hint="Record a run with at least one epoch.",
    )


def _answer() -> int:
    prompt = "Your answer, A to D"
    while True:
        letter = click.prompt(prompt, prompt_suffix=": ").strip().upper()[:1]
        if letter and letter in LETTERS:
            return LETTERS.index(letter)
        prompt = "One letter, A to D"
