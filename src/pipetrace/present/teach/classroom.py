"""The pages of a class: each trace of a folder, for each student, and the sheet of the answers."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipetrace.errors import (
    ArgumentError,
    IncompleteTraceError,
    NotWritableError,
    PipetraceError,
    TraceNotFoundError,
    visible,
)
from pipetrace.explain.formatting import counted
from pipetrace.present.blocks import GAP, LETTERS, Paragraph
from pipetrace.present.drawings import Grid
from pipetrace.present.formats.csv import csv_text
from pipetrace.present.formats.quiz import QUIZ_FORMS, SUFFIXES, sheet
from pipetrace.present.formats.sheet import Sheet
from pipetrace.present.markdown import write_markdown
from pipetrace.present.output_files import check_outputs, write_text
from pipetrace.present.page import trace_page
from pipetrace.trace import read
from pipetrace.trace.document import Trace

SHEETS = ("answers.md", "answers.csv")
SEEDS = 20
"""Seeds that are tried for a student until no other one has the same questions."""


@dataclass(frozen=True)
class Task:
    """A page to write."""

    file: Path  # the trace
    seed: str | None  # of the quiz, the name of the student; None for the run's own
    place: Path  # where the page goes


@dataclass(frozen=True)
class Entry:
    """A line of the answer sheet: a page, its trace, the seed and the letters of the answers;
    and the seed of another page about this trace with the same questions, which are all it has."""

    page: str
    title: str
    seed: str
    letters: tuple[str, ...]
    same_as: str = ""


def tasks(folder: Path, out: Path, students: Sequence[str]) -> list[Task]:
    """The pages to write: those of a student, whose name is the seed, in a folder of its own.

    Without students there is one page a trace. A ``TraceNotFoundError`` where there is none, and an
    ``ArgumentError`` where a student is there twice.
    """
    files = sorted(folder.glob("*.trace")) if folder.is_dir() else []
    if not files:
        said = "has no file that ends with .trace" if folder.is_dir() else "is no folder"
        raise TraceNotFoundError(
            f"{folder} {said}.", where=str(folder), hint="Give the folder that holds the traces."
        )
    if not students:
        return [Task(file, None, out / f"{file.stem}.html") for file in files]
    folders = [_folder_of(name) for name in students]
    for index, name in enumerate(folders):
        if name in folders[:index]:
            raise ArgumentError(
                f"Two students would share the folder {name}.",
                where=students[index],
                hint="Give each student a name of its own.",
            )
    return [
        Task(file, student, out / name / f"{file.stem}.html")
        for student, name in zip(students, folders, strict=True)
        for file in files
    ]


def _folder_of(student: str) -> str:
    """A name for a folder that every system allows."""
    return re.sub(r"[^\w.-]+", "-", visible(student)).strip("-.").lower()[:80] or "student"


def prepare(planned: Sequence[Task], out: Path, form: str | None, *, force: bool) -> None:
    """Make the folders, and see before any work that all can be written, or raise an
    ``OutputError``.
    """
    places = [place for task in planned for place in _places(task, form)]
    try:
        for folder in sorted({out, *(place.parent for place in places)}):
            folder.mkdir(exist_ok=True)
    except OSError as error:
        raise NotWritableError(
            f"The folder {out} could not be made: {error.strerror}.",
            where=str(out),
            hint="Choose a folder whose parent exists and that you may write to.",
        ) from error
    check_outputs([*places, *(out / name for name in SHEETS)], force=force)


def _places(task: Task, form: str | None) -> list[Path]:
    """The files of a task: its page, and its quiz where a format is wanted."""
    quiz = [task.place.with_name(f"{task.file.stem}{SUFFIXES[form]}")] if form else []
    return [task.place, *quiz]


def write_pages(
    planned: Sequence[Task], out: Path, form: str | None, **options: Any
) -> Iterator[Entry | PipetraceError]:
    """Write pages and yield each one's line of the answer sheet, or why it could not be written.

    Each quiz is written in ``form``, of ``QUIZ_FORMS``, too; ``options`` are of ``trace_page``.
    Students whose names give the same questions get another seed: the name and a number.
    """
    given: dict[Path, dict[frozenset[str], str]] = {}
    for task in planned:
        try:
            yield _written(task, out, form, given.setdefault(task.file, {}), options)
        except PipetraceError as error:
            # Such as facts that contradict each other, which name the run and not the file.
            error.where = str(task.file)
            yield error


def _written(
    task: Task,
    out: Path,
    form: str | None,
    given: dict[frozenset[str], str],
    options: dict[str, Any],
) -> Entry:
    trace = read(task.file)
    places = _places(task, form)
    page = task.place.relative_to(out).as_posix()
    title = options.get("title") or trace.run.title
    made = _own_sheet(trace, task.seed, options["questions"], title, given)
    seed = made.seed if made and task.seed else task.seed
    write_text(places[0], trace_page(trace, quiz_seed=seed, **options), force=True)
    if made is None:
        return Entry(page, title, task.seed or "", ())
    if form:
        write_text(places[1], QUIZ_FORMS[form](made), force=True)
    letters = tuple(LETTERS[each.answer] for each in made.questions)
    same_as = given.setdefault(_set_of(made), made.seed)
    return Entry(page, title, made.seed, letters, "" if same_as == made.seed else same_as)


def _own_sheet(
    trace: Trace,
    student: str | None,
    questions: int,
    title: str,
    given: Mapping[frozenset[str], str],
) -> Sheet | None:
    """The quiz of a student that nobody was given before, if there is one; None without any."""
    seeds = [student, *(f"{student} {number}" for number in range(2, SEEDS + 1) if student)]
    try:
        made = (sheet(trace, seed, questions, title=title) for seed in seeds)
        first = next(made)
        return next((each for each in (first, *made) if _set_of(each) not in given), first)
    except IncompleteTraceError:
        return None


def _set_of(made: Sheet) -> frozenset[str]:
    return frozenset(each.text for each in made.questions)


def write_sheets(entries: Sequence[Entry], out: Path) -> None:
    """Write the answers of all pages as a table, in Markdown and as CSV."""
    most = max((len(entry.letters) for entry in entries), default=0)
    head = ("page", "trace", "seed", *map(str, range(1, most + 1)))
    rows = [(each.page, each.title, each.seed, *each.letters) for each in entries]
    same = [
        f"{each.seed} has the same questions as {each.same_as} about {each.title}, which has no "
        "more to ask."
        for each in entries
        if each.same_as
    ]
    write_text(out / SHEETS[0], _markdown(head, rows, same), force=True)
    cells = (map(visible, row) for row in rows)
    write_text(out / SHEETS[1], csv_text(head, cells), force=True)


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]], remarks: Sequence[str]) -> str:
    filled = tuple((*row, *[""] * (len(head) - len(row))) for row in rows)
    grid = Grid.plain("Answers", head, filled)
    said = f"The answers of {counted(len(rows), 'page')}. The same seed gives the same quiz."
    return write_markdown([Paragraph(said), *map(Paragraph, remarks), GAP, grid]) + "\n"
