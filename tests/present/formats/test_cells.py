"""Cells as a notebook, which is run, and as Markdown."""

import ast
import sys
from pathlib import Path

import nbclient
import nbformat
import pytest

from pipetrace.errors import MissingLibraryError
from pipetrace.explain.learn.modes import lesson
from pipetrace.explain.learn.program import program
from pipetrace.present.formats.cells import (
    Cell,
    cells_markdown,
    lesson_cells,
    notebook,
)
from pipetrace.present.markdown import escaped
from pipetrace.trace import Trace


@pytest.mark.framework
def test_the_notebook_of_a_program_gives_the_recorded_losses(
    digits_trace: Trace, tmp_path: Path
) -> None:
    cells = lesson_cells(digits_trace, lesson(digits_trace, "project", 1))
    text = notebook(cells)
    assert text == notebook(cells)
    made = nbformat.reads(text, 4)
    nbclient.NotebookClient(
        made, timeout=600, startup_timeout=300, resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    printed = [
        each.text
        for cell in made.cells
        if cell.cell_type == "code"
        for each in cell.outputs
        if each.output_type == "stream" and each.name == "stdout"
    ]
    losses = [epoch.metrics["loss"] for epoch in digits_trace.epochs]
    assert ast.literal_eval(printed[-1].strip().splitlines()[-1]) == losses


def test_cells_keep_what_they_hold_in_both_forms() -> None:
    cells = [Cell("# A *title*"), Cell("print('```')", is_code=True, output="```\n")]
    made = nbformat.reads(notebook(cells), 4)
    assert [each.cell_type for each in made.cells] == ["markdown", "code"]
    assert made.cells[1].outputs[0].text == "```\n"
    text = cells_markdown(cells)
    assert text.startswith("# A *title*\n\n````python\n")
    assert text.count("````") == 4


def test_without_nbformat_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nbformat", None)
    with pytest.raises(MissingLibraryError) as raised:
        notebook([Cell("a")])
    assert "pipetrace[notebook]" in (raised.value.hint or "")


@pytest.mark.parametrize("mode", ["learn", "deep", "try", "project"])
def test_a_way_to_learn_is_written_as_cells(digits_trace: Trace, mode: str) -> None:
    made = lesson(digits_trace, mode, 1)
    for answers in (False, True):
        read = nbformat.reads(notebook(lesson_cells(digits_trace, made, answers=answers)), 4)
        nbformat.validate(read)
        text = cells_markdown(lesson_cells(digits_trace, made, answers=answers))
        for part in (*made.parts, *made.steps):
            assert escaped(part.heading) in text
        for exercise in made.exercises:
            assert exercise.code in text
            assert (escaped(exercise.solution) in text) == answers
        code = "".join(each.source + "\n" for each in read.cells if each.cell_type == "code")
        compile(code, mode, "exec")
        if mode in ("learn", "project"):
            assert ast.dump(ast.parse(code)) == ast.dump(ast.parse(program(digits_trace).code))
