"""The pages of a class: one for each student and trace, and the answers of all on one sheet."""

import csv
import json
import shutil
from pathlib import Path

import pytest
from tests.cli.conftest import Run, here, is_message, run

from pipetrace.explain.quiz import quiz
from pipetrace.present.formats.quiz import sheet
from pipetrace.trace import Trace, read

__all__ = ["here", "run"]


@pytest.fixture
def folder(here: Path) -> Path:
    """A folder with two traces, one of which is none."""
    (here / "week").mkdir()
    shutil.copy("digits.trace", "week/one.trace")
    (here / "week" / "two.trace").write_text("Buy milk.\n")
    return here


def answers(folder: Path) -> list[list[str]]:
    with (folder / "answers.csv").open(newline="") as opened:
        return list(csv.reader(opened))


def test_every_student_gets_pages_and_the_sheet_has_their_answers(folder: Path, run: Run) -> None:
    (folder / "names.txt").write_text("Ada Lovelace\n\n=1+1\nZoë\n")
    (folder / "week" / "two.trace").unlink()
    ran = run(
        "class",
        "week",
        "--students",
        "names.txt",
        "--questions",
        5,
        "--hide-answers",
        "--format",
        "gift",
    )
    assert ran.code == 0
    head, *rows = answers(folder / "week/class")
    assert head == ["page", "trace", "seed", *"12345"]
    assert [row[2] for row in rows] == ["Ada Lovelace", "'=1+1", "Zoë"]
    trace = read("week/one.trace")
    for row, name in zip(rows, ("Ada Lovelace", "=1+1", "Zoë"), strict=True):
        made = sheet(trace, name, 5)
        assert row[3:] == ["ABCD"[each.answer] for each in made.questions]
        page = (folder / "week/class" / row[0]).read_text()
        assert page.count('"answer":-1') == 5
        assert (folder / "week/class" / row[0]).with_suffix(".gift").is_file()
    table = (folder / "week/class/answers.md").read_text()
    assert all("| " + " | ".join(row[3:]) + " |" in table for row in rows)


def test_students_share_no_questions_while_there_are_others(folder: Path, run: Run) -> None:
    (folder / "week" / "two.trace").unlink()
    trace = read("week/one.trace")
    named: dict[str, list[str]] = {}
    for name in map("s{}".format, range(1000)):
        found = named.setdefault(sheet(trace, name, 1).questions[0].text, [])
        found.append(name)
        if len(found) == 3:  # names that draw the same question
            break
    assert run("class", "week", "--seeds", ",".join(found), "--questions", 1).code == 0
    rows = answers(folder / "week/class")[1:]
    assert [row[2].partition(" ")[0] for row in rows] == found
    texts = [sheet(trace, row[2], 1).questions[0].text for row in rows]
    assert len({*texts}) == 3
    for row, text in zip(rows, texts, strict=True):  # the seed on the sheet gives the page's quiz
        assert f'"text":{json.dumps(text)[:25]}' in (folder / "week/class" / row[0]).read_text()


def test_equal_questions_are_said_where_a_trace_has_no_more(
    folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "week" / "two.trace").unlink()
    made = quiz(read("week/one.trace"), 0, 1)
    for name in ("formats.quiz", "build.document"):
        monkeypatch.setattr(f"pipetrace.present.{name}.quiz", lambda *_: made)
    ran = run("class", "week", "--seeds", "ada,ben,cy")
    assert "2 pages" in ran.out
    said = (folder / "week/class/answers.md").read_text()
    assert "ben has the same questions as ada" in said
    assert "cy has the same questions as ada" in said


def test_a_trace_that_cannot_be_read_stops_no_other(folder: Path, run: Run) -> None:
    ran = run("class", "week", "-o", "pages", "--seeds", "a,b")
    assert "Where: week/two.trace\n" in ran.err
    assert ran.err.count("[not-a-trace]") == 1
    assert ran.code == 2
    assert [row[0] for row in answers(folder / "pages")[1:]] == ["a/one.html", "b/one.html"]


@pytest.mark.parametrize(
    ("arguments", "slug"),
    [
        ("class nothing", "trace-not-found"),
        ("class empty", "trace-not-found"),
        ("class week --students missing.txt", "data-not-found"),
        ("class week --students empty.txt", "bad-argument"),
        ("class week --seeds a!,a?", "bad-argument"),
        ("class week -o missing/deep", "not-writable"),
        ("class week", "output-exists"),
    ],
)
def test_what_is_wrong_is_said_before_any_page(
    folder: Path, run: Run, arguments: str, slug: str
) -> None:
    (folder / "empty").mkdir()
    (folder / "empty.txt").touch()
    (folder / "week" / "class").mkdir()
    (folder / "week" / "class" / "answers.csv").write_text("mine")
    assert is_message(run(*arguments.split()), slug)
    assert not list(folder.rglob("*.html"))


def test_a_trace_with_nothing_to_ask_has_a_page_and_a_line(
    folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch, digits_trace: Trace
) -> None:
    (folder / "week" / "two.trace").unlink()
    for name in ("formats.quiz", "build.document"):
        monkeypatch.setattr(f"pipetrace.present.{name}.quiz", lambda *_: ())
    assert run("class", "week").code == 0
    assert answers(folder / "week/class")[1:] == [["one.html", digits_trace.run.title, ""]]
