"""The gallery: its programs are recorded, kept, and recorded again when they change; the planted faults are found."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.cli.conftest import Run, is_message, run

import pipetrace
from pipetrace.errors import OutputExistsError
from pipetrace.explain.findings.selection import known_rules
from pipetrace.gallery import record
from pipetrace.gallery.record import ORDER, SHIPPED, prepare
from pipetrace.present.teach.gallery import Card, index_page
from pipetrace.trace import Trace

__all__ = ["run"]


def test_every_program_says_what_it_teaches_and_names_a_rule(tmp_path: Path) -> None:
    exhibits = prepare(tmp_path / "new")
    assert sorted(ORDER) == sorted(path.stem for path in SHIPPED.glob("*.py"))
    assert all(each.title and each.learn and not each.recorded for each in exhibits)
    planted = [each.planted for each in exhibits if each.planted]
    assert len(planted) == len(set(planted)) == 6
    assert set(planted) <= {rule.code for rule in known_rules()[0]}


def test_a_changed_program_is_kept_and_a_strangers_folder_refused(tmp_path: Path) -> None:
    (first, *_) = prepare(tmp_path)
    first.program.write_text('"""Mine."""\n')
    (first, *_) = prepare(tmp_path)
    assert (first.title, first.learn, first.planted) == ("Mine", "", "")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").touch()
    with pytest.raises(OutputExistsError):
        prepare(tmp_path / "other")
    assert [each.name for each in (tmp_path / "other").iterdir()] == ["letter.txt"]


@pytest.mark.framework
def test_what_is_recorded_is_kept_and_what_fails_is_reported(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "ORDER", ("steps_too_large", "broken"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gallery/programs").mkdir(parents=True)
    broken = tmp_path / "gallery/programs/broken.py"
    broken.write_text('raise ValueError("no rows today")\n')
    for _ in range(2):
        ran = run("gallery", "--plain", "--hide-answers")
        assert ran.code == 2
        assert "[script-failed]" in ran.err
        assert "no rows today" in ran.err
    assert "Training steps_too_large" not in ran.out, "it was recorded the first time"
    assert "Training broken" in ran.out
    page = (tmp_path / "gallery/steps_too_large.html").read_text()
    assert page.count('"answer":-1') == 3
    index = (tmp_path / "gallery/index.html").read_text()
    assert "pipetrace found it." in index
    assert "no rows today" in index
    # A program that is newer than its trace is recorded again.
    (shown, _) = prepare(tmp_path / "gallery")
    assert shown.recorded
    shown.program.touch()
    assert not shown.recorded


@pytest.mark.slow
@pytest.mark.framework
def test_each_planted_fault_is_found_and_the_healthy_runs_have_none(
    tmp_path: Path, gallery: Callable[[str], Trace]
) -> None:
    for exhibit in prepare(tmp_path / "gallery"):
        found = pipetrace.findings(gallery(exhibit.name))
        assert all(each.level == "note" for each in found) == (not exhibit.planted), exhibit.name
        assert exhibit.planted in {"", *(each.code for each in found)}, exhibit.name


def test_a_name_breaks_no_index(tmp_path: Path) -> None:
    hostile = "</p><script>alert(1)</script>\"'"
    page = index_page([Card(hostile, hostile, hostile, hostile, "", None, hostile)], hostile)
    assert "<script" not in page


def test_a_file_in_the_place_of_the_folder_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "gallery").touch()
    assert is_message(run("gallery", "-o", tmp_path / "gallery"), "output-exists")
