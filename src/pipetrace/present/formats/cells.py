"""Text and code in cells: as a notebook, which nbformat writes, or as Markdown."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pipetrace.errors import library
from pipetrace.explain.learn.lesson import Lesson, Table
from pipetrace.explain.learn.program import program
from pipetrace.present.markdown import escaped, fenced
from pipetrace.trace.document import Trace


@dataclass(frozen=True)
class Cell:
    """A cell."""

    source: str  # Markdown, or Python
    is_code: bool = False  # whether it is Python
    output: str = ""  # what the code printed; empty where it was not run


def notebook(cells: Iterable[Cell]) -> str:
    """Cells as a notebook of Jupyter, in JSON; the same cells give the same text."""
    nbformat = library("nbformat", "A notebook is written by", "--to notebook", "notebook")
    made = nbformat.v4.new_notebook()
    made.metadata["kernelspec"] = {
        "name": "python3",
        "display_name": "Python 3",
        "language": "python",
    }
    for number, cell in enumerate(cells, 1):
        new = nbformat.v4.new_code_cell if cell.is_code else nbformat.v4.new_markdown_cell
        each = new(cell.source.strip("\n"), id=f"cell-{number}")
        if cell.output:
            each.outputs = [nbformat.v4.new_output("stream", name="stdout", text=cell.output)]
        made.cells.append(each)
    nbformat.validate(made)
    return str(nbformat.writes(made)) + "\n"


def cells_markdown(cells: Iterable[Cell]) -> str:
    """Cells as Markdown, with an empty line between any two."""
    return "\n\n".join(part for cell in cells for part in _markdown(cell)) + "\n"


def lesson_cells(trace: Trace, lesson: Lesson, *, answers: bool = False) -> tuple[Cell, ...]:
    """A way to learn: its texts, its program in parts, its tasks, with answers or without."""
    made = program(trace)
    found = [Cell(f"# {escaped(trace.run.title)}: {lesson.mode}\n\n{escaped(lesson.intro)}")]
    for part in (*lesson.parts, *lesson.steps):
        if part.closed and not answers:
            continue
        texts = [f"## {escaped(part.heading)}", *map(escaped, part.texts)]
        texts += [_table(part.table)] if part.table is not None else []
        texts += [f"On the page: `#{part.place.address}`"] if part.place is not None else []
        if part.code and part.code != made.code:
            texts.append(fenced(part.code, "console"))
        found.append(Cell("\n\n".join(texts)))
        if part.code == made.code:
            found += [Cell(each.code, is_code=True) for each in made.parts]
    for number, exercise in enumerate(lesson.exercises, 1):
        texts = [f"## Task {number} ({exercise.level})", escaped(exercise.text)]
        texts += [fenced(exercise.code, "python"), f"Hint: {escaped(exercise.hint)}"]
        if answers:
            told = ", ".join(blank.answer for blank in exercise.blanks)
            texts.append(f"Answer: {escaped(f'{told}. {exercise.solution}')}")
        found += [Cell("\n\n".join(texts)), Cell("# Your answer:", is_code=True)]
    return tuple(found)


def _table(table: Table) -> str:
    lines = [f"| {' | '.join(map(escaped, row))} |" for row in (table.header, *table.rows)]
    lines.insert(1, "|---" * len(table.header) + "|")
    return "\n".join(lines)


def _markdown(cell: Cell) -> Sequence[str]:
    if not cell.is_code:
        return [cell.source.strip("\n")]
    parts = [fenced(cell.source, "python")]
    return [*parts, fenced(cell.output, "text")] if cell.output else parts
