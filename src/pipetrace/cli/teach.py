"""Commands to learn and to teach with: quiz, learn."""

import shlex
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
    name_of,
    plain_option,
    print_document,
    print_text,
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


@commands.command()
@click.argument("file", type=PATH)
@click.argument("mode", default="")
@seed_option
@click.option("--answers", is_flag=True, help="Print the tasks with their answers; ask nothing.")
@plain_option
@click.option("--markdown", is_flag=True, help="Print Markdown; ask nothing.")
def learn(
    file: Path, mode: str, quiz_seed: str | None, answers: bool, plain: bool, markdown: bool
) -> None:
    """Learn from a trace in one of nine ways; without MODE, list them.

    The ways are learn, why, deep, visualize, try, challenge, project, review and metrics. The page
    has the same ones, with more to touch.
    """
    from pipetrace.explain.learn.modes import VISUALIZE, lesson, lessons
    from pipetrace.present.build.document import seed_of
    from pipetrace.present.lessons import lesson_blocks, menu_blocks, take
    from pipetrace.present.markdown import write_markdown
    from pipetrace.present.rich import print_blocks
    from pipetrace.trace import read

    trace, console = read(file), console_for(plain)
    seed = seed_of(trace, quiz_seed)
    if not mode:
        blocks = menu_blocks(lessons(trace, seed), shlex.quote(name_of(file)))
    elif mode == VISUALIZE and not markdown:
        _, made = load_document(file)
        return print_document(made, console, plain=plain, file=file)
    else:
        chosen = lesson(trace, mode, seed)
        asks = chosen.exercises or chosen.problems or chosen.cards
        if asks and sys.stdin.isatty() and not (answers or markdown):
            return take(chosen, console)
        blocks = lesson_blocks(chosen, answers=answers)
    if markdown:
        print_text(write_markdown(blocks))
    else:
        print_blocks(blocks, console)
    return None
