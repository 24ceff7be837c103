"""Commands for teachers: quiz."""

import sys
from pathlib import Path
from typing import Any

import click

from pipetrace.cli.group import (
    PATH,
    commands,
    console_for,
    force_option,
    load_document,
    plain_option,
    write_output,
)
from pipetrace.cli.show import questions_option, seed_option
from pipetrace.config import CHOICES


@commands.command()
@click.argument("file", type=PATH)
@seed_option
@questions_option
@click.option(
    "--format",
    "form",
    type=click.Choice(CHOICES["quiz"]),
    default="text",
    show_default=True,
    help="Text to read, JSON, or what a learning platform imports.",
)
@click.option(
    "--answers", is_flag=True, help="Text and JSON with the answers; the others always have them."
)
@click.option("--title", help="Title of the quiz.  [default: the trace's title]")
@click.option(
    "-o",
    "--out",
    type=PATH,
    help="Path of the output; - is standard output.  [default: -; of qti and anki, like FILE]",
)
@force_option
@plain_option
def quiz(
    file: Path,
    form: str,
    answers: bool,
    out: Path | None,
    force: bool,
    plain: bool,
    **options: Any,
) -> None:
    """Take a quiz about a trace, or write it for others to take.

    In a terminal the questions are asked one by one. With --answers or --out, or where there is no
    terminal, they are listed. GIFT and Moodle XML are for Moodle, QTI is for most other platforms,
    and Anki gets a deck of cards.
    """
    if form == "text" and not answers and out is None and _in_terminal():
        from pipetrace.present.quiz_prompt import ask

        del options["title"]  # the questions stand alone
        _, made = load_document(file, **options)
        ask(made.quiz, console_for(plain))
        return
    from pipetrace.present.formats.quiz import QUIZ_FORMS, SUFFIXES, sheet
    from pipetrace.trace import read

    sheet_of = sheet(read(file), answers=answers, **options)
    if out is None and form in SUFFIXES:
        out = file.parent / f"{file.stem}{SUFFIXES[form]}"
    write_output(QUIZ_FORMS[form](sheet_of), out, [file], force=force)


def _in_terminal() -> bool:
    """Whether a person sees the questions and can answer them."""
    return sys.stdin.isatty() and sys.stdout.isatty()
