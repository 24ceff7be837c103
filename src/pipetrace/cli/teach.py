"""Commands to learn and to teach with: quiz, learn, class, gallery."""

import shlex
import sys
from pathlib import Path
from typing import Any

import click

from pipetrace.cli.group import (
    PATH,
    TRACE,
    beside,
    commands,
    console_for,
    force_option,
    form_option,
    hide_answers_option,
    jobs_option,
    load_document,
    name_of,
    out_option,
    plain_option,
    print_document,
    print_error,
    progress_for,
    quiet_option,
    write_output,
)
from pipetrace.cli.show import questions_option, seed_option
from pipetrace.config import CHOICES
from pipetrace.errors import ArgumentError, DataNotFoundError, PipetraceError


@commands.command()
@click.argument("file", type=TRACE)
@seed_option
@questions_option
@form_option(CHOICES["quiz"], "Text to read, JSON, or what a learning platform imports.", "text")
@click.option(
    "--answers", is_flag=True, help="Text and JSON with the answers; the others always have them."
)
@click.option("--title", help="Title of the quiz.  [default: the trace's title]")
@out_option("Path of the output; - is standard output.  [default: -; of qti and anki, like FILE]")
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
    from pipetrace.present.formats.quiz import BINARY, QUIZ_FORMS, SUFFIXES, sheet
    from pipetrace.trace import read

    sheet_of = sheet(read(file), answers=answers, **options)
    if out is None and form in BINARY:
        out = beside(file, SUFFIXES[form])
    write_output(QUIZ_FORMS[form](sheet_of), out, [file], force=force)


def _in_terminal() -> bool:
    """Whether a person sees the questions and can answer them."""
    return sys.stdin.isatty() and sys.stdout.isatty()


@commands.command()
@click.argument("file", type=TRACE)
@click.argument("mode", default="")
@seed_option
@click.option("--answers", is_flag=True, help="Write the tasks with their answers; ask nothing.")
@click.option(
    "--to",
    "form",
    type=click.Choice(CHOICES["learn"]),
    default="text",
    show_default=True,
    help="Text for the terminal, a Jupyter notebook, or Markdown.",
)
@out_option(
    "Path of the output; - is standard output.  [default: -; of a notebook, FILE-MODE.ipynb]"
)
@force_option
@plain_option
def learn(
    file: Path,
    mode: str,
    quiz_seed: str | None,
    answers: bool,
    form: str,
    out: Path | None,
    force: bool,
    plain: bool,
) -> None:
    """Learn from a trace in one of nine ways, or list them.

    Without MODE they are listed. The page has the same ones, with more to touch. The tasks of try,
    challenge and review are asked in a terminal; with --answers, --to or --out, or where there is
    no terminal, they are written.
    """
    from pipetrace.explain.learn.modes import VISUALIZE, lesson, lessons
    from pipetrace.present.build.document import seed_of
    from pipetrace.present.lessons import lesson_blocks, menu_blocks, take
    from pipetrace.present.rich import print_blocks
    from pipetrace.present.text import write_text_of
    from pipetrace.trace import read

    trace = read(file)
    seed, name = seed_of(trace, quiz_seed), shlex.quote(name_of(file))
    if not mode:
        write_output(
            write_text_of(menu_blocks(lessons(trace, seed), name)), out, [file], force=force
        )
        return
    chosen = lesson(trace, mode, seed)
    if form != "text":
        from pipetrace.present.formats.cells import cells_markdown, lesson_cells, notebook

        cells = lesson_cells(trace, chosen, answers=answers)
        text = cells_markdown(cells) if form == "markdown" else notebook(cells)
        place = beside(file, f"-{mode}.ipynb") if out is None and form == "notebook" else out
        write_output(text, place, [file], force=force)
    elif mode == VISUALIZE and out is None:
        _, made = load_document(file)
        print_document(made, console_for(plain), plain=plain, file=file)
    elif (
        (chosen.exercises or chosen.problems or chosen.cards)
        and not answers
        and out is None
        and _in_terminal()
    ):
        take(chosen, console_for(plain))
    elif out is None:
        print_blocks(lesson_blocks(chosen, answers=answers), console_for(plain))
    else:
        write_output(
            write_text_of(lesson_blocks(chosen, answers=answers)), out, [file], force=force
        )


@commands.command("class")
@click.argument("folder", type=PATH)
@out_option("Folder for the pages.  [default: the folder class in FOLDER]")
@click.option(
    "--students", type=PATH, help="A text file with a name a line: each gets pages of its own."
)
@click.option("--seeds", metavar="A,B,C", help="The same, with the names here.")
@questions_option
@click.option("--title", help="Title of the pages.  [default: the traces' titles]")
@hide_answers_option
@form_option(CHOICES["quiz"], "Write each quiz in this format too.")
@force_option
@plain_option
def class_(
    folder: Path, out: Path | None, students: Path | None, seeds: str | None, **options: Any
) -> None:
    """Write a page with a quiz for each trace of a folder.

    A sheet has the answers of all. With names, each student gets a folder with pages, and a quiz of
    its own. A trace that cannot be read does not stop the others; the exit code is then 2.
    """
    from pipetrace.explain.formatting import counted
    from pipetrace.present.teach.classroom import (
        SHEETS,
        prepare,
        tasks,
        write_pages,
        write_sheets,
    )

    force, plain, form = options.pop("force"), options.pop("plain"), options.pop("form")
    place = out or folder / "class"
    planned = tasks(folder, place, _names(students, seeds))
    prepare(planned, place, form, force=force)
    entries, failed = [], dict[str, PipetraceError]()
    console = console_for(plain)
    with progress_for(console, plain=plain, quiet=False) as progress:
        progress.begins(f"Writing {counted(len(planned), 'page')}")
        for done, made in enumerate(write_pages(planned, place, form, **options), 1):
            progress.rows(done, len(planned))
            if isinstance(made, PipetraceError):
                failed[str(made)] = made  # once, however many students there are
            else:
                entries.append(made)
    write_sheets(entries, place)
    click.echo(f"Wrote {counted(len(entries), 'page')} and the answers: {name_of(place)}")
    if same := sum(bool(each.same_as) for each in entries):
        pages = counted(same, "page has", "pages have")
        click.echo(
            f"{pages} the questions of another one; {name_of(place / SHEETS[0])} says which."
        )
    for error in failed.values():
        print_error(error)
    if failed:
        sys.exit(2)


def _names(students: Path | None, seeds: str | None) -> list[str]:
    """The students, from a file or from the command line."""
    if students is not None and seeds is not None:
        raise click.UsageError("Give --students or --seeds, not both.")
    if students is None:
        names = seeds.split(",") if seeds is not None else []
    else:
        try:
            names = students.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, ValueError) as error:
            raise DataNotFoundError(
                f"The list of students cannot be read: {error}.",
                where=str(students),
                hint="Give a text file in UTF-8 with a name a line.",
            ) from error
    found = [name.strip() for name in names if name.strip()]
    if not found and (students is not None or seeds is not None):
        raise ArgumentError(
            "There is no name in the list of students.",
            where=str(students or "--seeds"),
            hint="Give at least one name.",
        )
    return found


@commands.command()
@out_option("Its folder.", "gallery")
@seed_option
@questions_option
@hide_answers_option
@jobs_option(2, "How many programs train at a time.")
@click.option("--title", default="A gallery of trainings", help="Title of the index.")
@plain_option
@quiet_option
def gallery(out: Path, jobs: int, title: str, plain: bool, quiet: bool, **options: Any) -> None:
    """Record a dozen small trainings to teach with, and their pages.

    Half of them are healthy, half have a planted fault.

    The programs are in the folder programs of the gallery, for you to read and change. What is
    recorded already, and of a program that has not changed, is not recorded again: after Ctrl-C the
    same command goes on.
    """
    from pipetrace.gallery.record import prepare, record
    from pipetrace.present.output_files import write_text
    from pipetrace.present.page import trace_page
    from pipetrace.present.teach.gallery import Card, index_page
    from pipetrace.trace import read

    exhibits, failed = prepare(out), dict[str, PipetraceError]()
    left = [each for each in exhibits if not each.recorded]
    console = console_for(plain)
    with progress_for(console, plain=plain, quiet=quiet) as progress:
        done = 0

        def began(name: str) -> None:
            progress.begins(f"Training {name}")
            progress.rows(done, len(left))

        for exhibit, error in record(left, jobs, began):
            done += 1
            progress.rows(done, len(left))
            if error is not None:
                failed[exhibit.name] = error
        progress.begins("Writing the pages")
        cards = []
        for number, each in enumerate(exhibits, 1):
            trace = None if each.name in failed else read(each.trace)
            if trace is not None:
                page = trace_page(trace, title=each.title, **options)
                write_text(out / f"{each.name}.html", page, force=True)
            error_text = failed[each.name].what if each.name in failed else ""
            program = each.program.relative_to(out).as_posix()
            about = (each.title, each.learn, each.planted)
            cards.append(Card(f"{each.name}.html", program, *about, trace, error_text))
            progress.rows(number, len(exhibits))
    write_text(out / "index.html", index_page(cards, title), force=True)
    if not quiet:
        click.echo(f"Wrote {name_of(out / 'index.html')}")
    for error in failed.values():
        print_error(error)
    if failed:
        sys.exit(2)
