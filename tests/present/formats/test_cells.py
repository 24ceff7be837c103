"""Cells as a notebook, which is run, and as Markdown."""

import ast
import sys
from pathlib import Path

import nbclient
import nbformat
import pytest

from pipetrace.errors import MissingLibraryError
from pipetrace.present.formats.cells import Cell, cells_markdown, notebook, program_cells
from pipetrace.trace import Trace


@pytest.mark.framework
def test_the_notebook_of_a_program_gives_the_recorded_losses(
    digits_trace: Trace, tmp_path: Path
) -> None:
    text = notebook(program_cells(digits_trace))
    assert text == notebook(program_cells(digits_trace))
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
