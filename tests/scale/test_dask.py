"""A cluster of two processes: equal to one process to the bit, also where a worker is killed; loopback only.

They need Dask: ``make test-scale`` runs them.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from tests.cli.conftest import command
from tests.scale.conftest import Files
from tests.trace.conftest import differences

from pipetrace.errors import ClusterError, ColumnsError
from pipetrace.present.progress import Silent
from pipetrace.scale.partitions import Partition, find
from pipetrace.scale.record import record_partitions
from pipetrace.trace import Trace, read
from pipetrace.trace.measurement_table import Measurements
from pipetrace.trace.measurements import StageTime

pytestmark = pytest.mark.framework
distributed = pytest.importorskip("distributed")
SECONDS = 120
TIMES = 3
"""How often each file is among the partitions, so that there is a middle to be killed in."""


class Watching(Silent):
    """Does something once, when the first partitions are done."""

    def __init__(self, once: Callable[[], None]) -> None:
        self.once, self.seen = once, list[tuple[int, int]]()

    def rows(self, done: int, total: int) -> None:
        self.seen.append((done, total))
        if 1 <= done < total and self.once is not nothing:
            self.once()
            self.once = nothing


def nothing() -> None:
    pass


def partitions(files: Files) -> list[Partition]:
    found = find(files.pattern) * TIMES
    return [replace(each, number=at, total=len(found)) for at, each in enumerate(found)]


@pytest.fixture(scope="module")
def one_process(files: Files, tmp_path_factory: pytest.TempPathFactory, silent: Silent) -> Trace:
    path = tmp_path_factory.mktemp("one") / "one.trace"
    return recorded(files, None, path, silent)


def recorded(
    files: Files,
    on: str | None,
    path: Path,
    progress: Silent,
    rows: list[Partition] | None = None,
) -> Trace:
    import keras

    keras.utils.set_random_seed(1)  # which the trace tells of
    found = rows or partitions(files)
    return read(record_partitions(files.model, found, on, path, progress))


def apart(ours: Trace, theirs: Trace) -> list[str]:
    """Where two traces differ but in when they were made and what that took."""
    ours, theirs = (
        replace(
            each,
            run=replace(each.run, created=""),
            cost={},
            overhead=None,
            measurements=Measurements(at for at in each.measurements if at.kind != StageTime.kind),
        )
        for each in (ours, theirs)
    )
    return list(differences(ours, theirs))


def children() -> list[psutil.Process]:
    """The workers of this process, without the tracker that Python keeps until it ends."""
    found = []
    for each in psutil.Process().children(recursive=True):
        try:
            if "resource_tracker" not in " ".join(each.cmdline()):
                found.append(each)
        except psutil.NoSuchProcess:
            continue
    return found


def test_a_cluster_gives_the_trace_of_one_process_where_a_worker_is_killed(
    files: Files, one_process: Trace, tmp_path: Path
) -> None:
    before, killed, listening = children(), list[int](), set[str]()

    def kill() -> None:
        workers = [each for each in children() if each not in before]
        for each in (psutil.Process(), *workers):
            listening.update(
                at.laddr.ip for at in each.net_connections() if at.status == psutil.CONN_LISTEN
            )
        assert len(workers) == min(len(partitions(files)), os.cpu_count() or 1)
        os.kill(workers[0].pid, signal.SIGKILL)
        killed.append(workers[0].pid)

    progress = Watching(kill)
    made = recorded(files, "dask", tmp_path / "two.trace", progress)
    assert killed
    assert listening == {"127.0.0.1"}
    assert apart(made, one_process) == []
    total = len(partitions(files))
    assert (total, total) in progress.seen
    psutil.wait_procs([each for each in children() if each not in before], timeout=SECONDS)
    assert [each for each in children() if each not in before] == []


def test_the_comparison_finds_what_is_not_equal_to_the_bit(
    files: Files, one_process: Trace, tmp_path: Path, silent: Silent
) -> None:
    swapped = partitions(files)[::-1]
    found = apart(recorded(files, None, tmp_path / "a.trace", silent, swapped), one_process)
    assert any(".mean" in each for each in found)


def test_a_scheduler_of_ones_own_is_used_and_stays(
    files: Files, one_process: Trace, tmp_path: Path, silent: Silent
) -> None:
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=2, host="127.0.0.1", dashboard_address="127.0.0.1:0"
    ) as cluster:
        on = cluster.scheduler_address.replace("tcp://", "dask://")
        assert apart(recorded(files, on, tmp_path / "own.trace", silent), one_process) == []
        columns = [*partitions(files)[:1], replace(partitions(files)[0], urls=_other(tmp_path))]
        with pytest.raises(ColumnsError):
            recorded(files, on, tmp_path / "no.trace", silent, columns)
        with distributed.Client(on.replace("dask://", "tcp://")) as client:
            assert client.submit(sum, [1, 2]).result() == 3


def _other(folder: Path) -> tuple[str, ...]:
    import numpy as np

    np.savez(folder / "other.npz", x=np.zeros((3, 6)), y=np.zeros(3))
    return find(str(folder / "*.npz"))[0].urls


def test_a_cluster_that_is_not_there_is_told(
    files: Files, tmp_path: Path, silent: Silent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipetrace.scale.engines.CONNECT_SECONDS", 1)
    with pytest.raises(ClusterError):
        recorded(files, "dask://127.0.0.1:1", tmp_path / "no.trace", silent)


def test_the_workers_of_a_killed_command_end(files: Files, tmp_path: Path) -> None:
    arguments = ["trace", files.model, "--data", files.pattern, "--on", "dask", "--quiet"]
    with subprocess.Popen(
        command(*arguments, "-o", tmp_path / "no.trace"), stderr=subprocess.PIPE
    ) as process:
        until, workers = time.monotonic() + SECONDS, list[psutil.Process]()
        while len(workers) < 2 and process.poll() is None and time.monotonic() < until:
            workers = psutil.Process(process.pid).children(recursive=True)
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGKILL)
        assert process.wait(SECONDS) == -signal.SIGKILL
        assert len(workers) >= 2
        _, alive = psutil.wait_procs(workers, timeout=SECONDS)
        assert not alive


def test_the_command_works_on_a_cluster_and_writes_nothing_else(
    files: Files, tmp_path: Path
) -> None:
    arguments = ["trace", files.model, "--data", files.pattern, "--on", "dask", "--quiet"]
    done = subprocess.run(
        [*command(*arguments, "-o", tmp_path / "made.trace")],
        capture_output=True,
        cwd=tmp_path,
        timeout=5 * SECONDS,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert [each.name for each in tmp_path.iterdir()] == ["made.trace"]
    assert read(tmp_path / "made.trace").run.data.partitions == len(find(files.pattern))
