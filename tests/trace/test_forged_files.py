"""Forged and damaged files: none ends in a traceback, a hang or a gigabyte; and what single ones are refused for."""

import json
import sqlite3
import subprocess
import sys
import tracemalloc
import zlib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benchmarks.reliability import base_traces, forged_files

from pipetrace.errors import ArrayFormatError, DamagedTraceError
from pipetrace.pipeline.files import load_rows
from pipetrace.trace import read


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return base_traces.written(tmp_path_factory.mktemp("written") / "written.trace")


def changed(base: Path, folder: Path, *queries: tuple[str, Any]) -> Path:
    """A copy with other values."""
    path = folder / "changed.trace"
    path.write_bytes(base.read_bytes())
    with closing(sqlite3.connect(path)) as database, database:
        for query, values in queries:
            database.execute(query, values)
    return path


def test_forged_files_are_read_or_refused() -> None:
    rows = forged_files.forged(quick=True, progress=pytest.fail)
    total = rows[-1]
    assert (total["files"], total["kind"]) == (forged_files.QUICK_FILES, "all")
    assert [
        total[each] for each in (forged_files.TRACEBACK, forged_files.HANG, forged_files.MEMORY)
    ] == [0, 0, 0]
    assert (
        min(total[each] for each in (forged_files.WHOLE, forged_files.REFUSED))
        > forged_files.QUICK_FILES / 10
    )


def test_what_happens_to_a_file_is_told_apart(
    written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def raises(error: type[BaseException]) -> Callable[..., Any]:
        def act(*_: object, **__: object) -> Any:
            raise error

        return act

    assert forged_files.outcome_of(written) == (forged_files.WHOLE, "")
    killed = changed(written, tmp_path, ("DELETE FROM ending", ()))
    assert forged_files.outcome_of(killed) == (forged_files.PARTIAL, "")
    for error, outcome in ((KeyError, forged_files.TRACEBACK), (MemoryError, forged_files.MEMORY)):
        monkeypatch.setattr(forged_files, "quiz", raises(error))
        assert forged_files.outcome_of(written)[0] == outcome


SPEC = "UPDATE spec SET source = ?, output = ? WHERE stage = ? AND role = 'input'"


@pytest.mark.parametrize(
    ("query", "values"),
    [
        (SPEC, ("conv2d", 0, "conv2d")),
        (SPEC, ("dense", 0, "conv2d")),
        (SPEC, ("conv2d", 1, "flatten")),
        (SPEC, ("nowhere", 0, "dense")),
        ("UPDATE group_spec SET source = ?", ("nowhere",)),
        ("UPDATE stage SET position = 9 WHERE name = ?", ("conv2d",)),
        ("UPDATE stage SET trainable = ?", (-1,)),
        ("UPDATE stage SET trainable = ?", (b"1",)),
        ("UPDATE stage SET config = ?", ("[1]",)),
        ("UPDATE stage SET config = ?", ('{"a":' * 60 + "1" + "}" * 60,)),
        ("UPDATE stage SET config = ?", ('{"a":' + "9" * 30 + "}",)),
        ("UPDATE stage SET config = ?", (json.dumps({"a": [[]] * 100_000}),)),
        ("UPDATE epoch SET seconds = ?", (float("inf"),)),
        ("UPDATE summary SET zeros = count + ?", (1,)),
        ("UPDATE summary SET max = min - ?", (1.0,)),
        ("UPDATE summary SET mean = ?", (None,)),
        ("UPDATE tensor SET dtype = ?", ("object",)),
        ("UPDATE tensor SET dtype = 'bool', data = ?", (b"\2",)),
        ("UPDATE tensor SET shape = ?, data = x''", ("[0, 1000000000]",)),
        ("UPDATE run SET value = ? WHERE key = 'title'", ("7",)),
        ("UPDATE run SET value = json_set(value, '$.epochs', ?) WHERE key = 'training'", (-1,)),
        (
            (
                "WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "
                "INSERT INTO prediction SELECT NULL, i, 0, 'right', 0.1, 1 FROM n"
            ),
            (1001,),
        ),
    ],
)
def test_what_no_recording_writes_is_refused(
    written: Path, tmp_path: Path, query: str, values: Any
) -> None:
    with pytest.raises(DamagedTraceError) as caught:
        read(changed(written, tmp_path, (query, values)))
    assert len(str(caught.value)) < 1000


def histogram(bits: int, steps: list[int], counts: list[int]) -> bytes:
    """One histogram in the form of the file, with counts of a byte."""
    numbers = np.array(steps, "<u2").view(np.uint8).reshape(-1, 2).T.tobytes()
    head = b"\1\0\0\0\1" + bytes([bits]) + len(steps).to_bytes(4, "little")
    return zlib.compress(head + numbers + bytes(counts))


@pytest.mark.parametrize(
    "data",
    [
        histogram(16, [5, 0], [1, 1]),
        histogram(16, [5, 65_535], [1, 1]),
        histogram(12, [5000], [1]),
        histogram(16, [5], [0]),
        histogram(16, [1] * 200, [255] * 200),
        histogram(8, [5], [1]),
    ],
)
def test_a_histogram_that_cannot_be_is_refused(written: Path, tmp_path: Path, data: bytes) -> None:
    query = "UPDATE content SET data = ? WHERE id IN (SELECT histogram FROM summary)"
    right = changed(written, tmp_path, (query, (histogram(16, [5, 9], [1, 3]),)))
    assert read(right).stages[0].summary is not None
    with pytest.raises(DamagedTraceError):
        read(changed(written, tmp_path, (query, (data,))))


def test_a_bomb_takes_little_memory(written: Path, tmp_path: Path) -> None:
    full = histogram(16, [1] * 65_535, [1] * 65_535)
    huge = zlib.compress(bytes(1 << 28))
    for data in (full, huge):
        query = "UPDATE content SET data = ? WHERE typeof(data) = 'blob'"
        path = changed(written, tmp_path, (query, (data,)), ("UPDATE summary SET count = 1e6", ()))
        tracemalloc.start()
        with pytest.raises(DamagedTraceError):
            read(path)
        assert tracemalloc.get_traced_memory()[1] < 150_000_000
        tracemalloc.stop()


def test_rows_that_share_a_content_share_its_memory(written: Path) -> None:
    first, second = read(written).epochs
    assert first.probe["dense"].histogram is second.probe["dense"].histogram


def test_arrays_that_unpack_to_much_more_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.npz"
    np.savez_compressed(path, x=np.zeros((30, 30), np.float32))
    assert load_rows(path)[0].shape == (30, 30)
    np.savez_compressed(path, x=np.zeros(80_000_000, np.float64))
    tracemalloc.start()
    with pytest.raises(ArrayFormatError):
        load_rows(path)
    assert tracemalloc.get_traced_memory()[1] < 50_000_000
    tracemalloc.stop()
    single = tmp_path / "rows.npy"
    np.save(single, np.zeros((10, 10)))
    single.write_bytes(single.read_bytes().replace(b"(10, 10)", b"(99, 99)"))
    with pytest.raises(ArrayFormatError):
        load_rows(single)


def test_nothing_of_the_current_folder_is_imported(written: Path, tmp_path: Path) -> None:
    for module in ("json", "textwrap", "rich", "click", "evil"):
        (tmp_path / f"{module}.py").write_text("raise SystemExit(9)")
    info = tmp_path / "evil-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[pipetrace.rules]\na = evil:A\n")
    for command in (f"check {written}", f"show {written}"):  # the first loads rules of plugins
        words = [sys.executable, "-m", "pipetrace", *command.split()]
        ended = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert ended.returncode in (0, 1), ended.stderr
        assert ended.stdout
