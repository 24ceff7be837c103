import contextlib
import errno
import os
import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from pipetrace.errors import (
    DamagedTraceError,
    DiskFullError,
    NotWritableError,
    OutputExistsError,
)
from pipetrace.trace import TraceWriter, live_file, read
from pipetrace.trace.document import Ending, Epoch
from pipetrace.trace.events import Event

Differ = Callable[[Any, Any], list[str]]
MakeEpoch = Callable[[int], Epoch]


def beside(path: Path) -> list[str]:
    """What lies in the folder besides the file."""
    return sorted(each.name for each in path.parent.iterdir() if each != path)


def open_writer(path: Path, recording: Any, **options: Any) -> TraceWriter:
    return TraceWriter(path, recording.run, recording.stages, **options)


@given(data=st.data())
@settings(
    deadline=None,
    max_examples=30,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_what_is_written_is_read_back(
    data: st.DataObject,
    made_recordings: st.SearchStrategy[Any],
    differ: Differ,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    recording = data.draw(made_recordings)
    path = tmp_path_factory.mktemp("written") / "run.trace"
    recording.write(path)
    assert differ(read(path), recording.trace()) == []
    assert beside(path) == []
    shutil.rmtree(path.parent)


def test_the_comparison_of_documents_can_fail(recording: Any, differ: Differ) -> None:
    trace = recording.trace()
    first, *rest = trace.epochs
    assert differ(trace, recording.trace()) == []
    for changed in (
        replace(trace, rows=21),
        replace(
            trace, epochs=(replace(first, metrics={**first.metrics, "loss": float("nan")}), *rest)
        ),
        replace(trace, epochs=tuple(rest)),
        replace(trace, weights={"dense/kernel": trace.weights["dense/kernel"].astype(np.float64)}),
        replace(trace, weights={}),
    ):
        assert differ(changed, trace)


def test_a_configuration_becomes_plain_values(tmp_path: Path, recording: Any) -> None:
    path = tmp_path / "run.trace"
    config = {
        "nan": float("nan"),
        "up": np.float32("inf"),
        "number": np.int64(3),
        "pair": (1, 2),
        3: True,
        "kind": np.float32,
    }
    stage = replace(recording.stages[0], config=config)
    replace(recording, stages=(stage, *recording.stages[1:])).write(path)
    assert read(path).stages[0].config == {
        "nan": "NaN",
        "up": "Infinity",
        "number": 3,
        "pair": [1, 2],
        "3": True,
        "kind": "<class 'numpy.float32'>",
    }


def test_a_tensor_of_an_unknown_dtype_becomes_float32(tmp_path: Path, recording: Any) -> None:
    path = tmp_path / "run.trace"
    replace(recording, weights={"wide": np.array([1.5, 2.5], np.longdouble)}).write(path)
    wide = read(path).weights["wide"]
    assert wide.dtype == np.float32
    assert wide.tolist() == [1.5, 2.5]


def test_tensors_of_other_orders_in_memory(tmp_path: Path, recording: Any) -> None:
    path = tmp_path / "run.trace"
    values = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    kept = {
        "turned": values.T,
        "backwards": values[::-1],
        "big": values.astype(">f4"),
        "one": np.float32(7) * values[0, 0, :1],
    }
    replace(recording, weights=kept).write(path)
    found = read(path).weights
    for name, expected in kept.items():
        np.testing.assert_array_equal(found[name], expected)


def test_the_file_is_a_whole_trace_from_its_first_moment(tmp_path: Path, recording: Any) -> None:
    path = tmp_path / "run.trace"
    writer = open_writer(path, recording)
    trace = read(path)
    assert (trace.epochs, trace.ending.kind, trace.stages) == ((), "running", recording.stages)
    writer.end(Ending("finished"), {})


def test_an_open_trace_is_read_epoch_by_epoch(
    tmp_path: Path, recording: Any, epoch: MakeEpoch, differ: Differ
) -> None:
    path = tmp_path / "run.trace"
    writer = open_writer(path, recording)
    for number in range(1, 4):
        writer.add_epoch(epoch(number), {"dense": np.array([number], np.float32)})
        trace = read(path)
        assert differ(trace.epochs, tuple(epoch(each) for each in range(1, number + 1))) == []
        assert trace.stage("dense").example == np.array([number], np.float32)
        assert (trace.ending.kind, trace.ending.epoch) == ("running", number)
    writer.end(Ending("finished"), {})
    assert beside(path) == []


@pytest.mark.parametrize("rest", [0.0, 60.0], ids=["two files in turn", "a copy each time"])
def test_a_copy_made_at_any_moment_is_whole(
    tmp_path: Path, recording: Any, epoch: MakeEpoch, monkeypatch: pytest.MonkeyPatch, rest: float
) -> None:
    monkeypatch.setattr(live_file, "REST_SECONDS", rest)
    path, copied = tmp_path / "run.trace", tmp_path / "copied" / "run.trace"
    copied.parent.mkdir()
    writer = open_writer(path, recording)
    for number in range(1, 5):
        writer.add_epoch(epoch(number), {"dense": np.full(9000, number, np.float32)})
        # Whoever copies has read the first page when the next epoch comes, and the rest after it.
        with path.open("rb") as original:
            begun = original.read(4096)
            writer.add_event(Event("no_batches", number))
            copied.write_bytes(begun + original.read())
        trace = read(copied)
        assert [each.number for each in trace.epochs] == list(range(1, number + 1))
        assert trace.stage("dense").example[0] == number  # type: ignore[index]
        assert len(trace.events) == number - 1
    writer.end(Ending("finished"), {})
    assert (len(read(path).epochs), len(read(path).events)) == (4, 4)
    assert sorted(beside(path)) == ["copied"]


def test_a_copy_that_takes_long_is_whole_too(
    tmp_path: Path, recording: Any, epoch: MakeEpoch, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, copied = tmp_path / "run.trace", tmp_path / "copied.trace"

    def epochs_of_a_slow_copy() -> int:
        writer = open_writer(path, recording, force=True)
        writer.add_epoch(epoch(1), {"dense": np.ones(9000, np.float32)})
        with path.open("rb") as original:
            begun = original.read(4096)
            for number in range(2, 5):
                writer.add_epoch(epoch(number), {"dense": np.zeros(9000, np.float32)})
            copied.write_bytes(begun + original.read())
        writer.close()
        return len(read(copied).epochs)

    monkeypatch.setattr(live_file, "REST_SECONDS", 60.0)
    assert epochs_of_a_slow_copy() == 1
    # The file that is copied is changed at once: what this test is about.
    monkeypatch.setattr(live_file, "REST_SECONDS", 0.0)
    with contextlib.suppress(DamagedTraceError):
        assert epochs_of_a_slow_copy() != 1


@pytest.mark.parametrize("links", [True, False])
@pytest.mark.parametrize("rest", [0.0, 60.0])
def test_what_others_do_to_the_file_does_not_get_into_it(
    tmp_path: Path,
    recording: Any,
    epoch: MakeEpoch,
    monkeypatch: pytest.MonkeyPatch,
    rest: float,
    links: bool,
) -> None:
    def no_links(*_: Any) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(live_file, "REST_SECONDS", rest)
    if not links:
        monkeypatch.setattr("os.link", no_links)
    path = tmp_path / "run.trace"
    for harm in (
        path.unlink,
        lambda: path.rename(tmp_path / "moved.trace"),
        lambda: path.write_bytes(b"of another program"),
    ):
        writer = open_writer(path, recording, force=True)
        for number in (1, 2):
            writer.add_epoch(epoch(number), {})
        harm()
        try:
            writer.add_epoch(epoch(3), {})
        except NotWritableError:
            assert not links
        else:
            assert [each.number for each in read(path).epochs] == [1, 2, 3]
        writer.close()


def test_an_epoch_that_fails_halfway_leaves_nothing(
    tmp_path: Path, recording: Any, epoch: MakeEpoch
) -> None:
    path = tmp_path / "run.trace"
    writer = open_writer(path, recording)
    writer.add_epoch(epoch(1), {})

    class Interrupting(dict[str, Any]):
        def items(self) -> Any:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        writer.add_epoch(epoch(2), Interrupting())
    assert [each.number for each in read(path).epochs] == [1]
    writer.add_epoch(epoch(2), {})
    writer.end(Ending("interrupted"), {})
    assert [each.number for each in read(path).epochs] == [1, 2]


@pytest.mark.parametrize("rest", [0.0, 60.0])
@pytest.mark.parametrize("lock", ["BEGIN", "BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"])
def test_another_program_that_has_the_file_open_hinders_nothing(
    tmp_path: Path,
    recording: Any,
    epoch: MakeEpoch,
    monkeypatch: pytest.MonkeyPatch,
    lock: str,
    rest: float,
) -> None:
    monkeypatch.setattr(live_file, "REST_SECONDS", rest)
    path = tmp_path / "run.trace"
    writer = open_writer(path, recording)
    began = time.monotonic()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute(lock)
        assert other.execute("SELECT count(*) FROM epoch").fetchone() == (0,)
        for number in range(1, 5):
            writer.add_epoch(epoch(number), {})
            assert len(read(path).epochs) == number
        writer.end(Ending("finished"), {})
        assert other.execute("SELECT count(*) FROM epoch").fetchone() == (0,)
    assert time.monotonic() - began < 4  # any wait for a lock is five seconds
    trace = read(path)
    assert (len(trace.epochs), trace.ending.kind) == (4, "finished")
    assert beside(path) == []


def test_a_file_that_exists_is_refused_and_left_alone(trace_file: Path, recording: Any) -> None:
    before = trace_file.read_bytes()
    with pytest.raises(OutputExistsError) as caught:
        open_writer(trace_file, recording)
    assert caught.value.where == str(trace_file)
    assert "--force" in caught.value.hint
    assert trace_file.read_bytes() == before
    assert beside(trace_file) == []


def test_force_replaces_the_file_and_what_a_killed_run_left(
    trace_file: Path, recording: Any
) -> None:
    left = [f"run.trace{suffix}" for suffix in ("-wal", "-shm", "-journal")]
    for name in (*left, ".run.trace.123.new", ".run.trace.123.old", ".run.trace.lock"):
        trace_file.with_name(name).write_bytes(b"of the old run")
    writer = open_writer(trace_file, recording, force=True)
    assert read(trace_file).epochs == ()
    writer.end(Ending("finished"), {})
    assert beside(trace_file) == []


def test_force_that_fails_leaves_the_old_file(trace_file: Path, recording: Any) -> None:
    before = trace_file.read_bytes()
    twice = replace(recording, stages=recording.stages * 2)
    with pytest.raises(sqlite3.IntegrityError, match=r"stage\.name"):
        open_writer(trace_file, twice, force=True)
    assert trace_file.read_bytes() == before
    assert beside(trace_file) == []


@pytest.mark.parametrize(
    "place", ["missing/run.trace", "file/run.trace", "file/deeper/run.trace", "a" * 5000]
)
@pytest.mark.parametrize("force", [False, True])
def test_a_place_where_nothing_can_be_written(
    tmp_path: Path, recording: Any, place: str, force: bool
) -> None:
    (tmp_path / "file").write_text("a file, not a folder")
    with pytest.raises(NotWritableError) as caught:
        open_writer(tmp_path / place, recording, force=force)
    assert caught.value.where == str(tmp_path / place)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["file"]


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="no /proc here")
def test_a_folder_that_takes_no_files(recording: Any) -> None:
    with pytest.raises(NotWritableError):
        open_writer(Path("/proc/run.trace"), recording)


def test_a_folder_in_place_of_the_file(tmp_path: Path, recording: Any) -> None:
    (tmp_path / "run.trace").mkdir()
    with pytest.raises(OutputExistsError):
        open_writer(tmp_path / "run.trace", recording)
    with pytest.raises(NotWritableError):
        open_writer(tmp_path / "run.trace", recording, force=True)
    assert beside(tmp_path / "run.trace") == []


def test_a_full_disk_is_told_and_loses_no_finished_epoch(
    tmp_path: Path, recording: Any, epoch: MakeEpoch
) -> None:
    resource = pytest.importorskip("resource")
    before, met = resource.getrlimit(resource.RLIMIT_FSIZE), set()
    for kilobytes in (1, 20, 90, 150, 200, 400):
        path, finished = tmp_path / f"{kilobytes}" / "run.trace", 0
        path.parent.mkdir()
        resource.setrlimit(resource.RLIMIT_FSIZE, (kilobytes * 1024, before[1]))
        try:
            writer = open_writer(path, recording)
            for number in range(1, 1000):
                writer.add_epoch(epoch(number), {f"{number}": np.zeros(5000, np.float32)})
                finished = number
        except DiskFullError:
            met.add(bool(finished))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert finished < 999
        if not path.exists():
            assert (finished, beside(path)) == (0, [])
            continue
        numbers = [each.number for each in read(path).epochs]
        assert numbers in [list(range(1, finished + more)) for more in (1, 2)]
        assert not [name for name in beside(path) if name.endswith((".new", ".old"))]
        writer.close()
    assert met == {False, True}  # before the first epoch, and between epochs


def test_names_of_files_that_an_address_would_garble(tmp_path: Path, recording: Any) -> None:
    names = ["a?b#c%41.trace", "with space.trace", "'quoted\".trace", "ü.trace", "-.trace"]
    if os.name == "posix":
        names.append(os.fsdecode(b"\xff.trace"))
    for name in names:
        recording.write(tmp_path / name)
        assert len(read(tmp_path / name).epochs) == 3
    assert len(list(tmp_path.iterdir())) == len(names)
