"""``pipetrace runs``: its table, its formats, and how it ends."""

import csv
import io
import json
import os
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from tests.cli.conftest import Ran, Run, command, is_message, listing

import pipetrace
from pipetrace.config import CHOICES
from pipetrace.present.drawings import Grid
from pipetrace.present.formats.runs import ON_A_SCREEN, runs_blocks
from pipetrace.present.formats.runs_page import FORMS
from pipetrace.run_table.table import Runs


@pytest.fixture
def folder(here: Path) -> Path:
    """Two copies of a trace, and a file that is none."""
    (here / "more").mkdir()
    shutil.copy(here / "digits.trace", here / "more" / "=copy.trace")
    (here / "odd.trace").write_text("odd")
    return here


def test_every_format_that_can_be_chosen_is_written() -> None:
    assert tuple(FORMS) == CHOICES["runs"]


def test_the_table_names_each_run_and_fits(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    before = listing(folder)
    ran = run("runs")
    assert (ran.code, ran.err) == (0, "")
    for name in ("digits.trace", "more/=copy.trace", "odd.trace", "not-a-trace"):
        assert name in ran.out
    assert max(map(len, ran.out.splitlines())) <= 80
    assert re.search(r"(?m)^run {2,}", ran.out)
    assert re.search(r"(?m)^2 runs .*\n  digits.trace ", ran.out)
    assert run("runs") == ran == run("runs", "--no-cache")
    assert listing(folder) == before


def test_a_table_longer_than_a_screen_stands_once(folder: Path) -> None:
    (row,) = pipetrace.runs("digits.trace")

    def tables(count: int) -> int:
        names = [f"{at}.trace" for at in range(count)]
        rows = [
            replace(row, file=name, process="", settings=dict.fromkeys("abcdef", name * 5))
            for name in names
        ]
        made = runs_blocks(Runs.of(rows), 80)
        return sum(isinstance(each, Grid) and each.label == "Runs" for each in made)

    assert tables(ON_A_SCREEN) == 3
    assert tables(ON_A_SCREEN + 1) == 1


def test_a_bar_counts_the_traces_that_are_read_and_none_from_the_index(folder: Path) -> None:
    def shown() -> str:
        master, slave = os.openpty()
        subprocess.run(
            command("runs"), cwd=folder, stderr=slave, stdout=subprocess.PIPE, check=True
        )
        os.set_blocking(master, False)
        try:
            return os.read(master, 1 << 16).decode()
        except BlockingIOError:
            return ""
        finally:
            os.close(master)
            os.close(slave)

    assert re.search(r"Reading traces.*3/3", shown())
    assert shown() == ""


def test_csv_and_json_have_everything(run: Run, folder: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(run("runs", "--format", "csv").out)))
    assert sorted(each["run"] for each in rows) == ["digits.trace", "more/=copy.trace", "odd.trace"]
    digits = next(each for each in rows if each["run"] == "digits.trace")
    assert float(digits["learning_rate"]) == 0.003
    assert (digits["dense.units"], digits["epochs"], digits["status"]) == ("10", "3", "finished")
    made = json.loads(run("runs", "--format", "json").out)
    (same,) = [each for each in made["runs"] if each["file"] == "digits.trace"]
    assert same["settings"]["dense.units"] == 10
    assert same["metrics"]["loss"]["best_epoch"] == 3
    assert made["groups"][0]["rows"] == ["digits.trace", "more/=copy.trace"]


def test_a_text_in_csv_is_never_a_formula(run: Run, folder: Path) -> None:
    shutil.copy(folder / "digits.trace", folder / "=1+1.trace")
    (row,) = csv.DictReader(io.StringIO(run("runs", "--format", "csv", "=1+1.trace").out))
    assert row["run"] == "'=1+1.trace"


def test_html_is_one_file_without_scripts(run: Run, folder: Path) -> None:
    (folder / "<script>.trace").write_text("odd")
    assert run("runs", "--format", "html", "-o", "runs.html") == Ran(0, "Wrote runs.html\n", "")
    found: list[str] = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, _: found.append(tag)  # type: ignore[method-assign,assignment]
    parser.feed((folder / "runs.html").read_text())
    assert "script" not in found
    assert found.count("tr") >= 5
    assert run("runs", "-o", "digits.trace").code == 2  # it is read


def test_what_cannot_be_asked_for_is_said(run: Run, folder: Path) -> None:
    for option in ("--where", "--sort", "--metric"):
        assert is_message(run("runs", option, "nothing()"), "bad-condition", option)
    assert is_message(run("runs", "nowhere"), "trace-not-found", "nowhere")
    (folder / "empty").mkdir()
    assert run("runs", "empty").code == 0
