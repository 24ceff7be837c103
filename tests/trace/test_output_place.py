"""Where a trace may go: nothing but a trace is replaced, and what takes no file is refused."""

import re
from pathlib import Path

import pytest

from pipetrace.errors import NotWritableError, OutputExistsError
from pipetrace.trace.output_place import check_place


def test_a_place_for_a_trace(trace_file: Path, tmp_path: Path) -> None:
    before = trace_file.read_bytes()
    check_place(trace_file)
    check_place(tmp_path / "new.trace")
    (tmp_path / "empty").write_bytes(b"")
    check_place(tmp_path / "empty")
    assert trace_file.read_bytes() == before
    assert sorted(each.name for each in tmp_path.iterdir()) == ["empty", trace_file.name]


def test_a_relative_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    check_place(Path("run.trace"))
    with pytest.raises(NotWritableError):
        check_place(Path("missing/run.trace"))


@pytest.mark.parametrize("content", [b"my thesis", b"SQLite format 3\0" + bytes(84), b"x"])
def test_another_file_in_the_place_of_a_trace(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "thesis.txt"
    path.write_bytes(content)
    with pytest.raises(OutputExistsError, match=re.escape(str(path))) as caught:
        check_place(path)
    assert "only traces are replaced" in caught.value.hint
    assert path.read_bytes() == content


@pytest.mark.parametrize("place", ["", "missing/run.trace", "file/run.trace", "a" * 5000])
def test_a_place_that_takes_no_trace(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("a file, not a folder")
    with pytest.raises(NotWritableError):
        check_place(tmp_path / place)
