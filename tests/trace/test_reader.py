import copy
import itertools
import os
import pickle
import random
import signal
import sqlite3
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipetrace.errors import (
    DamagedTraceError,
    NewerTraceError,
    NotATraceError,
    TraceError,
    TraceNotFoundError,
)
from pipetrace.trace import TraceWriter, read
from pipetrace.trace.document import Ending, Epoch
from pipetrace.trace.measurements import Gradient, InitialWeight
from pipetrace.trace.schema import APPLICATION_ID, SCHEMA

Differ = Callable[[Any, Any], list[str]]
MakeEpoch = Callable[[int], Epoch]

LONGEST = 10
"""Seconds that reading a small file may take, whatever is in it, on a busy machine."""


def change(path: Path, script: str) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.executescript(script)


def read_or_refuse(path: Path) -> bool:
    """Whether the file can be read; it is refused with an error of ours or not at all, and soon."""
    began = time.monotonic()
    refused = None
    try:
        read(path)
    except TraceError as error:
        refused = str(error)
    assert time.monotonic() - began < LONGEST
    assert refused is None or (str(path) in refused and refused.isprintable())
    return refused is None


@pytest.mark.parametrize(
    "name", ["none.trace", "no/none.trace", "run.trace/none.trace", "a\0b", ""]
)
def test_no_such_file(trace_file: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(trace_file.parent)
    with pytest.raises((TraceNotFoundError, NotATraceError)) as caught:
        read(name)
    assert caught.value.hint


def test_a_folder_and_a_name_too_long_are_no_trace(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / ("x" * 5000)):
        with pytest.raises(NotATraceError, match="cannot be read as a file"):
            read(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    def too_late(*_: object) -> None:
        raise AssertionError("waited for a writer")

    before = signal.signal(signal.SIGALRM, too_late)
    signal.alarm(LONGEST)
    try:
        with pytest.raises(NotATraceError, match="neither a file nor a folder"):
            read(tmp_path / "pipe")
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"just text, a line of it\n", "does not begin as"),
        (b"SQLite", "does not begin as"),
        (b"\x89HDF\r\n\x1a\n" + bytes(500), "does not begin as"),
        (b"SQLite format 3\0", "ends within its own header"),
        (b"SQLite format 3\0" + bytes(83), "ends within its own header"),
        (b"SQLite format 3\0" + bytes(84), "another application"),
    ],
)
def test_another_file_is_no_trace(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "run.trace"
    path.write_bytes(content)
    with pytest.raises(NotATraceError, match=said) as caught:
        read(path)
    assert caught.value.where == str(path)
    assert path.read_bytes() == content


def test_our_mark_alone_makes_no_trace(tmp_path: Path) -> None:
    path = tmp_path / "run.trace"
    change(path, f"PRAGMA application_id = {APPLICATION_ID}; CREATE TABLE run (key, value)")
    with pytest.raises(DamagedTraceError, match="no schema version"):
        read(path)
    change(path, f"PRAGMA user_version = {SCHEMA}")
    with pytest.raises(DamagedTraceError):
        read(path)


def test_a_newer_schema_is_told_apart_from_damage(trace_file: Path) -> None:
    change(
        trace_file, f"PRAGMA user_version = {SCHEMA + 1}; CREATE TABLE more (x); DROP TABLE ending"
    )
    with pytest.raises(NewerTraceError, match=f"schema {SCHEMA + 1}") as caught:
        read(trace_file)
    assert "pip install" in caught.value.hint


@pytest.mark.parametrize(
    "script",
    [
        "UPDATE metric SET value = 'three'",
        "UPDATE metric SET value = x'00'",
        "UPDATE tensor SET dtype = 'object'",
        "UPDATE tensor SET dtype = 'V8'",
        "UPDATE tensor SET shape = '[1000000000000]'",
        "UPDATE tensor SET shape = '[-1, -1]'",
        "UPDATE tensor SET shape = '{}'",
        "UPDATE tensor SET data = 'text'",
        "UPDATE tensor SET data = x'00'",
        "UPDATE content SET data = x'00'",
        "UPDATE content SET data = 'text'",
        "UPDATE content SET data = 7",
        "UPDATE content SET data = zeroblob(100)",
        "UPDATE measurement SET figures = -1",
        "UPDATE summary SET histogram = -1",
        "UPDATE summary SET histogram = 'x'",
        "UPDATE summary SET channels = -1",
        "DELETE FROM content",
        "UPDATE spec SET shape = '[1e400]'",
        "UPDATE spec SET shape = 'null'",
        "UPDATE stage SET config = '" + "[" * 100_000 + "'",
        "UPDATE stage SET config = cast(x'ff' AS TEXT)",
        "UPDATE run SET value = '" + "9" * 5000 + "' WHERE key = 'rows'",
        "UPDATE run SET value = '[]' WHERE key = 'data'",
        "UPDATE run SET value = '{\"odd\": 1}' WHERE key = 'training'",
        "DELETE FROM run",
    ],
)
def test_values_that_no_writer_wrote_are_damage(trace_file: Path, script: str) -> None:
    change(trace_file, script)
    with pytest.raises(DamagedTraceError) as caught:
        read(trace_file)
    assert len(str(caught.value)) < 1000


EPOCH_CONTENTS = "(SELECT {} FROM summary WHERE epoch = 2 AND part = 'probe')"


@pytest.mark.parametrize("column", ["histogram", "channels"])
@pytest.mark.parametrize(
    "data", [b"\0", b"", b"x" * 99, zlib.compress(b"\1\0\0\0\1"), zlib.compress(bytes(1 << 27))]
)
def test_damage_in_an_epochs_summary_is_told_by_whoever_asks_for_it(
    trace_file: Path, column: str, data: bytes
) -> None:
    with closing(sqlite3.connect(trace_file)) as database:
        where = EPOCH_CONTENTS.format(column)
        database.execute(f"UPDATE content SET data = ? WHERE id IN {where}", (data,))
        database.commit()
    trace = read(trace_file)
    assert trace.epochs[0].probe["dense"].count
    assert set(trace.epochs[1].probe) == set(trace.epochs[0].probe)
    with pytest.raises(
        DamagedTraceError, match=r"run\.trace is a pipetrace file, but it cannot be read"
    ) as caught:
        print(dict(trace.epochs[1].probe))
    assert str(trace_file) in str(caught.value)


@pytest.mark.parametrize("change_to", ["zeros = count + 1", "std = 'x'", "mean = NULL"])
def test_damaged_statistics_of_epochs_are_told_by_whoever_asks_for_them(
    trace_file: Path, change_to: str
) -> None:
    change(trace_file, f"UPDATE summary SET {change_to} WHERE epoch = 2")
    trace = read(trace_file)
    assert trace.stages["dense"].summary
    with pytest.raises(DamagedTraceError) as caught:
        len(trace.epochs[0].probe)
    assert str(trace_file) in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[1]",
        "{},{}",
        "{",
        '{"rms": "much"}',
        '{"rms": true}',
        '{"rms": [1]}',
        "[" * 100_000,
    ],
)
def test_damage_in_figures_is_told_by_whoever_asks_for_them(trace_file: Path, text: Any) -> None:
    with closing(sqlite3.connect(trace_file)) as database:
        where = "(SELECT figures FROM measurement WHERE kind = 'gradient')"
        database.execute(f"UPDATE content SET data = ? WHERE id IN {where}", (text,))
        database.commit()
    measurements = read(trace_file).measurements
    initial = measurements.of(InitialWeight, "dense/kernel", 0)
    assert initial == InitialWeight(std=0.5, duplicate_units=0.0)
    for ask in (list, lambda found: found.of(Gradient, "dense/kernel", 1)):
        with pytest.raises(
            DamagedTraceError, match=r"run\.trace is a pipetrace file, but it cannot be read"
        ) as caught:
            ask(measurements)
        assert str(trace_file) in str(caught.value)


def test_a_trace_can_be_copied_and_pickled_when_its_file_is_gone(
    trace_file: Path, differ: Differ
) -> None:
    expected, trace = read(trace_file), read(trace_file)
    trace_file.unlink()
    with ThreadPoolExecutor(4) as threads:
        assert len(set(threads.map(lambda _: trace.epochs[1].probe["dense"].mean, range(99)))) == 1
    for other in (copy.deepcopy(trace), pickle.loads(pickle.dumps(trace))):
        assert other.epochs[1].probe["dense"].histogram.counts.sum() == 60
        assert "nothing" not in other.epochs[1].probe
        assert differ(other, expected) == []


def test_no_file_stays_open(trace_file: Path) -> None:
    held = Path("/proc/self/fd")
    if not held.exists():
        pytest.skip("no /proc here")
    trace = read(trace_file)
    assert dict(trace.epochs[0].probe)
    assert list(trace.measurements)
    assert not [
        each
        for each in held.iterdir()
        if each.is_symlink() and str(trace_file) in str(each.readlink())
    ]


def test_an_odd_process_number_is_a_dead_writer(trace_file: Path) -> None:
    change(trace_file, "DELETE FROM ending")
    assert read(trace_file).ending.kind == "running"
    for number in ("0", "-1", "1e9", '"7"', str(2**40), str(2**31 - 2)):
        writer = f"json_set(value, '$.pid', json('{number}'))"
        change(trace_file, f"UPDATE run SET value = {writer} WHERE key = 'writer'")
        assert not read_or_refuse(trace_file) or read(trace_file).ending.kind == "killed"


def test_a_file_cut_anywhere_is_refused_or_whole(trace_file: Path) -> None:
    data = trace_file.read_bytes()
    cut = trace_file.with_name("cut.trace")
    lengths = {*range(0, 120, 7), *range(0, len(data), 1009), *range(4096, len(data), 4096)}
    # SQLite fills up a last page that is cut with zeros.
    lengths.update(range(len(data) - 4095, len(data), 64), [len(data) - 1])
    for length in sorted(lengths):
        cut.write_bytes(data[:length])
        assert not read_or_refuse(cut), length
    cut.write_bytes(data)
    assert read_or_refuse(cut)


def test_flipped_bits_and_bytes_are_refused_or_harmless(trace_file: Path) -> None:
    data = np.frombuffer(trace_file.read_bytes(), np.uint8)
    written = np.flatnonzero(data).tolist()
    flipped = trace_file.with_name("flipped.trace")
    rng = random.Random(0)
    readable = 0
    for attempt in range(400):
        copy = data.copy()
        for _ in range(rng.choice([1, 1, 2, 8, 64])):
            # Most of a page may be empty; every second attempt goes to where something stands, or to the header.
            place = rng.randrange(len(data)) if attempt % 2 else rng.choice(written)
            place = place if rng.random() < 0.8 else rng.randrange(16, 100)
            copy[place] = (
                rng.randrange(256) if rng.random() < 0.5 else copy[place] ^ (1 << rng.randrange(8))
            )
        flipped.write_bytes(copy.tobytes())
        readable += read_or_refuse(flipped)
        for suffix in ("-wal", "-shm", "-journal"):
            flipped.with_name(flipped.name + suffix).unlink(missing_ok=True)
    assert 40 < readable < 360, "the flips were all harmless or all fatal, and show little"


def siblings(pages: list[bytes]) -> Iterator[list[int]]:
    """The numbers, from 0, of the pages below each inner page of a table; see "B-tree Pages" in SQLite's file format."""
    for page in pages[1:]:
        if page[0] == 5:
            count = int.from_bytes(page[3:5], "big")
            cells = [
                int.from_bytes(page[12 + 2 * each : 14 + 2 * each], "big") for each in range(count)
            ]
            yield [int.from_bytes(page[place : place + 4], "big") - 1 for place in (*cells, 8)]


def test_rows_twice_and_rows_missing_are_damage(digits_file: Path, tmp_path: Path) -> None:
    # Whoever only reads the rows finds those of one page twice, those of another not at all, and no error.
    data = digits_file.read_bytes()
    size = int.from_bytes(data[16:18], "big")
    pages = [data[start : start + size] for start in range(0, len(data), size)]
    families = list(siblings(pages))
    assert families
    pairs = [pair for family in families for pair in itertools.permutations(family, 2)]
    for first, second in random.Random(0).sample(pairs, min(60, len(pairs))):
        mixed = tmp_path / "mixed.trace"
        mixed.write_bytes(b"".join([*pages[:first], pages[second], *pages[first + 1 :]]))
        with pytest.raises(DamagedTraceError):
            read(mixed)


def test_reading_changes_nothing(trace_file: Path) -> None:
    before = trace_file.read_bytes()
    trace = read(trace_file)
    assert trace_file.read_bytes() == before
    assert [each.name for each in trace_file.parent.iterdir()] == [trace_file.name]
    with pytest.raises(ValueError, match="read-only"):
        trace.weights["dense/kernel"][0] = 1


def test_another_directory_on_the_way_and_a_relative_name(
    trace_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(trace_file.parent)
    assert (
        len(read("run.trace").epochs)
        == len(read("../" + trace_file.parent.name + "/run.trace").epochs)
        == 3
    )


def test_a_reader_beside_a_writer_sees_whole_epochs_only(
    tmp_path: Path, recording: Any, epoch: MakeEpoch, differ: Differ
) -> None:
    path = tmp_path / "run.trace"
    writer = TraceWriter(path, recording.run, recording.stages)
    epochs = tuple(epoch(number) for number in range(1, 31))

    def write() -> None:
        for each in epochs:
            writer.add_epoch(each, {"dense": np.full(100, each.number)})

    thread = threading.Thread(target=write)
    thread.start()
    seen = []
    while thread.is_alive():
        trace = read(path)
        seen.append(len(trace.epochs))
        assert differ(trace.epochs, epochs[: seen[-1]]) == []
        example = trace.stage("dense").example
        assert (seen[-1] or None) == (None if example is None else example[0])
    thread.join()
    assert seen == sorted(seen)
    writer.end(Ending("finished"), {})
    assert len(read(path).epochs) == 30
