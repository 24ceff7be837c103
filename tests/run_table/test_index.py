"""The index of runs: read once, again when a file changes, and never needed."""

import os
import shutil
import sqlite3
import stat
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.run_table.conftest import Write

import pipetrace
from pipetrace.errors import TraceNotFoundError
from pipetrace.run_table import index
from pipetrace.run_table.row import row_of
from pipetrace.run_table.table import Runs


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that are read as traces, in order."""
    seen: list[str] = []
    real = pipetrace.read

    def counted(path: Any) -> Any:
        seen.append(Path(path).name)
        return real(path)

    monkeypatch.setattr("pipetrace.run_table.index.read", counted)
    return seen


def names(found: Runs) -> list[str]:
    return [Path(row.file).name for row in found]


def test_a_file_is_read_once_and_again_when_it_changes(
    write: Write, tmp_path: Path, reads: list[str]
) -> None:
    first, second = write("a.trace", 0.5), write("below/b.trace", 0.6)
    found = pipetrace.runs(tmp_path)
    assert names(found) == reads == ["a.trace", "b.trace"]
    reads.clear()
    again = pipetrace.runs(tmp_path)
    assert (reads, list(again)) == ([], list(found))
    shutil.copy(second, first)  # another size or time
    os.utime(first, ns=(1, 1))
    assert {row.metrics["val_accuracy"].last for row in pipetrace.runs(tmp_path)} == {0.6}
    assert reads == ["a.trace"]
    reads.clear()
    kept = tmp_path / "below" / "new"
    shutil.copy2(second, kept)
    kept.replace(second)  # only the inode is another
    assert len(pipetrace.runs(tmp_path)) == 2
    assert reads == ["b.trace"]
    reads.clear()
    assert len(pipetrace.runs(tmp_path, cached=False)) == len(reads) == 2


def test_rows_judged_by_other_rules_are_read_again(
    write: Write, tmp_path: Path, reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write("a.trace", 0.5)
    pipetrace.runs(tmp_path)
    monkeypatch.setattr(index, "judged_by", lambda: "other rules")
    pipetrace.runs(tmp_path)
    assert reads == ["a.trace"] * 2


def test_a_running_training_is_read_each_time(
    write: Write, tmp_path: Path, reads: list[str]
) -> None:
    write("a.trace", 0.5, process=7, ending="")
    for _ in range(2):
        assert [row.status for row in pipetrace.runs(tmp_path)] == ["running"]
    assert reads == ["a.trace"] * 2
    write("b.trace", 0.5, process=8, ending="")
    assert [row.status for row in pipetrace.runs(tmp_path)] == ["running", "killed"]


def test_unreadable_files_hide_no_others(write: Write, tmp_path: Path) -> None:
    write("a.trace", 0.5)
    damaged = write("b.trace", 0.6)
    damaged.write_bytes(damaged.read_bytes()[:-5000])
    (tmp_path / "c.trace").write_text("no trace")
    (tmp_path / ".hidden.trace").write_text("no trace")
    (tmp_path / "d.trace").mkdir()
    for _ in range(2):  # read, and from the index
        found = {Path(row.file).name: (row.status, row.slug) for row in pipetrace.runs(tmp_path)}
        assert found == {
            "a.trace": ("finished", ""),
            "b.trace": ("unreadable", "damaged-trace"),
            "c.trace": ("unreadable", "not-a-trace"),
        }


def test_a_file_that_goes_away_meanwhile_is_left_out(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [write(f"{name}.trace", 0.5) for name in "abc"]
    real = row_of

    def deleting(*given: Any) -> Any:
        paths[1].unlink(missing_ok=True)
        return real(*given)

    monkeypatch.setattr("pipetrace.run_table.index.row_of", deleting)
    assert names(pipetrace.runs(tmp_path)) == ["a.trace", "c.trace"]


def test_folders_patterns_and_files(write: Write, tmp_path: Path) -> None:
    for name in ("one.trace", "x/two.trace", "x/y/three.trace", ".git/four.trace"):
        write(name, 0.5)
    shutil.copy(tmp_path / "one.trace", tmp_path / "five.other")
    (tmp_path / "x" / "loop").symlink_to(tmp_path)
    places: Any
    for places, expected in (
        (tmp_path, {"one", "two", "three"}),
        (str(tmp_path / "*" / "*.trace"), {"two"}),
        (str(tmp_path / "**" / "*.trace"), {"one", "two", "three"}),
        ([tmp_path / "x" / "y", tmp_path / "five.other"], {"three", "five"}),
        ([tmp_path / "x", tmp_path / "x" / "two.trace"], {"two", "three"}),
    ):
        found = [Path(row.file).stem for row in pipetrace.runs(places)]
        assert (set(found), len(found)) == (expected, len(expected)), places
    with pytest.raises(TraceNotFoundError):
        pipetrace.runs(tmp_path / "no*where")


def test_without_a_usable_index_everything_is_read(
    write: Write, tmp_path: Path, reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write("a.trace", 0.5)
    blocked = tmp_path / "blocked"
    blocked.write_text("a file, where a folder should be")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    assert names(pipetrace.runs(tmp_path)) == names(pipetrace.runs(tmp_path)) == ["a.trace"]
    assert len(reads) == 2
    cache = tmp_path / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    place = cache / "pipetrace" / index.NAME
    place.parent.mkdir(parents=True)
    place.write_bytes(b"no database" * 1000)
    for _ in range(3):  # deleted, made, used
        assert names(pipetrace.runs(tmp_path)) == ["a.trace"]
    assert len(reads) == 3 or len(reads) == 4
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    with closing(sqlite3.connect(place)) as database:
        database.execute("UPDATE run SET row = '{}'")
        database.commit()
    assert names(pipetrace.runs(tmp_path)) == ["a.trace"]


def test_several_readers_at_once(write: Write, tmp_path: Path) -> None:
    for number in range(6):
        write(f"{number}.trace", 0.5)
    found: list[list[str]] = []
    threads = [
        threading.Thread(target=lambda: found.append(names(pipetrace.runs(tmp_path))))
        for _ in range(3)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert found == [[f"{number}.trace" for number in range(6)]] * 3


def test_reading_changes_nothing_in_the_folder(write: Write, tmp_path: Path) -> None:
    write("a.trace", 0.5)
    before = {path: path.stat() for path in (tmp_path, *tmp_path.iterdir())}
    tmp_path.chmod(0o500)
    try:
        assert len(pipetrace.runs(tmp_path)) == 1
    finally:
        tmp_path.chmod(0o700)
    after = {path: path.stat() for path in (tmp_path, *tmp_path.iterdir())}
    assert after.keys() == before.keys()
    assert all(after[each].st_mtime_ns == before[each].st_mtime_ns for each in before)
