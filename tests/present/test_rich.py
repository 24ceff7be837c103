"""The terminal: nothing wider than the window, colours where it has them, and the figures of the trace."""

import io
import re
from dataclasses import replace

import numpy as np
import pytest
from rich.cells import cell_len
from rich.console import Console
from tests.present.terminal import Colours, bare, in_terminal, joined
from tests.traces import HOSTILE, broken, killed, lengthened, renamed

from pipetrace.present import terminal_graphics
from pipetrace.present.build import images
from pipetrace.present.build.document import document
from pipetrace.present.drawings import Bar, ImageView
from pipetrace.present.rich import MAX_WIDTH
from pipetrace.present.terminal_graphics import colours
from pipetrace.present.views import Document
from pipetrace.trace import Trace
from pipetrace.trace.document import Array

WIDTHS = (40, 60, 80, 120, 200)


@pytest.fixture(scope="module")
def made(digits_trace: Trace) -> Document:
    return document(digits_trace)


@pytest.fixture(autouse=True)
def no_wish_about_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "COLORTERM", "TERM"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("colour", ["truecolor", "standard", None])
def test_nothing_is_wider_than_the_window(made: Document, width: int, colour: Colours) -> None:
    lines = bare(in_terminal(made, width, colour)).splitlines()
    assert max(cell_len(line) for line in lines) <= min(width, MAX_WIDTH)


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_of_another_run_is_wider_than_the_window(digits_trace: Trace, width: int) -> None:
    others = [
        killed(digits_trace, 0),
        killed(digits_trace, 1),
        broken(digits_trace),
        lengthened(digits_trace, 100),
        renamed(digits_trace, HOSTILE),
        renamed(digits_trace, "W" * 10_000),
    ]
    for trace in others:
        for line in bare(in_terminal(document(trace), width, "truecolor")).splitlines():
            assert cell_len(line) <= width


@pytest.mark.parametrize("width", WIDTHS)
def test_every_sentence_of_the_view_is_there(made: Document, width: int) -> None:
    text = joined(bare(in_terminal(made, width, "truecolor")))
    for stage in made.stages:
        for sentence in (stage.does, stage.shape, stage.example, stage.arithmetic, *stage.measured):
            assert joined(sentence or "") in text
    for sentence in (made.headline, made.training.steps, *made.insight):
        assert joined(sentence) in text
    if width < 90:
        for row in made.training.rows:
            assert f"Epoch {row.epoch}: {joined(row.observation)}" in text


@pytest.mark.parametrize("width", WIDTHS)
def test_the_thread_is_never_broken(made: Document, width: int) -> None:
    flow = (
        bare(in_terminal(made, width, "truecolor"))
        .partition("Data flow")[2]
        .partition("\nTraining ")[0]
    )
    stages = re.split(r"\n +\d ○ .*\n", flow)[1:]
    assert len(stages) == len(made.stages)
    for stage in stages[:-1]:
        assert all(line.startswith("   │") for line in stage.rstrip().splitlines())
    assert all(line.startswith("    ") for line in stages[-1].rstrip().splitlines())


def test_names_are_shown_as_they_are(digits_trace: Trace) -> None:
    name = "[/red][bold]x[/bold] :smile: [link=file:///]y"
    text = joined(bare(in_terminal(document(renamed(digits_trace, name)), 120, "truecolor")))
    assert text.count(name) >= 5


def test_without_colours_shades_take_their_place(made: Document) -> None:
    text = in_terminal(made, 80, None)
    assert "\x1b" not in text
    assert "▀" not in text
    assert set("░▒▓█") <= set(text)


@pytest.mark.parametrize("colour", ["truecolor", "256", "standard"])
def test_with_colours_two_values_share_a_character(made: Document, colour: Colours) -> None:
    text = in_terminal(made, 80, colour)
    assert "▀" in text
    assert "░" not in text


def test_no_color_asks_for_shades(made: Document, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    text = in_terminal(made, 80, "truecolor")
    assert "▀" not in text
    assert "▓" in text
    assert not re.search(r"\x1b\[[\d;]*(3[0-8]|4[0-8])[;m]", text)


def test_the_input_image_is_painted_in_its_own_colours(digits_trace: Trace) -> None:
    stage = digits_trace.stages[0]
    assert stage.example is not None
    view = images.tensor(stage.example, "image", "grey", whole_scale=(0, 255))
    assert view is not None
    drawn = terminal_graphics.maps(view, 28, colour=True)
    painted: list[list[str]] = []
    for line in drawn.split("\n")[:14]:
        upper, lower = [], []
        for span in line.spans:
            front, _, back = str(span.style).partition(" on ")
            upper.append(front)
            lower.append(back)
        painted += [upper, lower]
    expected = colours(stage.example[:, :, 0] / 255, "grey")
    assert painted == [["#" + bytes(colour).hex() for colour in row] for row in expected]


def test_shades_grow_with_the_value() -> None:
    places = np.repeat(np.linspace(0, 1, 5)[None, :], 2, axis=0)
    assert (
        terminal_graphics.half_blocks(places, "grey", colour=False)[0].plain
        == terminal_graphics.SHADES
    )


def test_an_odd_line_has_nothing_below_it() -> None:
    drawn = terminal_graphics.half_blocks(np.ones((3, 2)), "grey", colour=True)
    assert len(drawn) == 2
    assert [str(span.style) for span in drawn[1].spans] == ["#ffffff", "#ffffff"]


def view_of(values: Array) -> ImageView:
    found = images.tensor(values.astype(np.float32), "values", "activation")
    assert found is not None
    return found


def test_a_map_that_is_too_wide_is_drawn_from_means() -> None:
    values = np.zeros((4, 4, 1))
    values[:2, :2] = 1
    values[2:, 2:] = 0.5
    drawn = terminal_graphics.maps(view_of(values), 2, colour=False)
    assert drawn.plain.splitlines()[0] == terminal_graphics.SHADES[2] + terminal_graphics.SHADES[1]
    assert drawn.plain.endswith("drawn at 1/2 of their size")


def test_eight_maps_are_drawn_and_the_others_counted() -> None:
    text = terminal_graphics.maps(
        view_of(np.random.default_rng(0).random((6, 6, 32))), 80, colour=False
    ).plain
    assert "8 of 32 maps, 24 more on the page" in text
    few = terminal_graphics.maps(view_of(np.ones((6, 6, 3))), 80, colour=False).plain
    assert "more on the page" not in few


@pytest.mark.parametrize(("length", "cells"), [(10, 10), (76, 76), (5408, 76)])
def test_a_vector_is_one_line_of_means(length: int, cells: int) -> None:
    values = np.linspace(0, 1, length)
    line, remark = terminal_graphics.strip(view_of(values), 76, colour=False).plain.splitlines()
    assert len(line) == cells
    assert remark.startswith(f"{length:,} values in {cells} cells")
    steps = [terminal_graphics.SHADES.index(cell) for cell in line]
    assert steps == sorted(steps)
    assert (steps[0], steps[-1]) == (0, 4)


@pytest.mark.parametrize(
    ("length", "drawn"),
    [(0.0, ""), (0.5, "█" * 20), (1.0, "█" * 40), (1 / 320, "▏"), (0.0265, "█")],
)
def test_a_bar_is_as_long_as_its_share(length: float, drawn: str) -> None:
    console = Console(file=io.StringIO(), width=80)
    console.print(terminal_graphics.bars((Bar("0", length, "x", False),), 76))
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue().split("x")[0].strip().removeprefix("0").strip() == drawn


@pytest.mark.parametrize("width", WIDTHS)
def test_the_chart_keeps_each_line_together(made: Document, width: int) -> None:
    view = made.training.charts[0]
    lines = terminal_graphics.chart(view, width).plain.splitlines()
    assert max(len(line) for line in lines) <= width
    assert len(lines) == 1 + terminal_graphics.CHART_HEIGHT + 2
    for series in view.series:
        assert any(line.endswith(f"{series.name} {series.points[-1].text}") for line in lines)
    assert lines[-1].split()[-1] == "epoch"


def test_the_chart_marks_each_epoch_at_its_height(made: Document) -> None:
    view = made.training.charts[0]
    rows = [
        line.partition("│")[2]
        for line in terminal_graphics.chart(view, 80).plain.splitlines()[1:-2]
    ]
    room = min(rows[0].find(" chance") if " chance" in rows[0] else 64, 64)
    for series, mark in zip(view.series, "●○", strict=True):
        for point in series.points:
            assert point.y is not None
            row = round((1 - point.y) * (terminal_graphics.CHART_HEIGHT - 1))
            assert any(character in f"{mark}◉" for character in rows[row][: room + 1])


def test_a_gap_is_not_drawn(digits_trace: Trace) -> None:
    chart = document(broken(digits_trace)).training.charts[0]
    rows = terminal_graphics.chart(chart, 80).plain.splitlines()[1:-2]
    drawn = "".join(row.partition("│")[2][:20] for row in rows)
    assert (
        sum(drawn.count(mark) for mark in "●○◉") == 1 or drawn.count("●") == drawn.count("○") == 1
    )


def test_the_table_has_the_figures_of_the_view(made: Document) -> None:
    for width in WIDTHS:
        lines = bare(in_terminal(made, width, "truecolor")).splitlines()
        for row in made.training.rows:
            pattern = r"\s+".join(re.escape(cell) for cell in row.cells)
            assert any(re.match(rf"\s*{pattern}(\s|$)", line) for line in lines) or width < 60


def test_a_document_without_a_prediction_has_no_such_section(made: Document) -> None:
    text = bare(in_terminal(replace(made, prediction=None, quiz=(), insight=()), 80, "truecolor"))
    assert "Prediction" not in text
    assert "Quiz" not in text
    assert "Key insight" not in text
    assert "About this trace" in text
