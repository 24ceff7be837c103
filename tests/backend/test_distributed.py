"""Training on several devices and in several processes: recorded once, by one of them, and left as it is."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from pipetrace.present.build.document import document
from pipetrace.present.text import document_text
from pipetrace.trace import Trace, read
from pipetrace.trace.events import RECORDER, REPLICAS

pytestmark = pytest.mark.framework
BACKEND = os.environ.get("KERAS_BACKEND")
PROGRAM = Path(__file__).with_name("train_together.py")
SECONDS = 600


def port() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])


def trained(how: str, folder: object, processes: int, *killed: str) -> list[tuple[int, str]]:
    """The exit code of each process, and the last line that it printed."""
    place = port()
    running = [
        subprocess.Popen(
            [sys.executable, str(PROGRAM), how, str(folder), str(number), place, *killed],
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for number in range(processes)
    ]
    try:
        said = [each.communicate(timeout=SECONDS)[0] for each in running]
    finally:
        for each in running:
            each.kill()
    return [
        (each.returncode, text.strip().rpartition("\n")[2])
        for each, text in zip(running, said, strict=True)
    ]


def unequal(trace: Trace) -> set[str | None]:
    return {each.weight for each in trace.events if each.kind == REPLICAS}


CASES = {  # how, backend, processes; replicas, devices, processes, rows of a batch, rows trained on, rows seen
    "data": ("jax", 1, (2, 2, None, 20, 80, 80)),
    "model": ("jax", 1, (None, 2, None, 20, 80, 80)),
    "processes": ("jax", 2, (2, 2, 2, 40, 80, 40)),
    "loop": ("torch", 2, (2, None, 2, 40, None, 40)),
    "fit": ("torch", 2, (None, None, 2, 20, 40, 40)),
}
SAID = {
    "data": "batches of 20 on 2 replicas,",
    "model": "batches of 20 on 2 devices,",
    "processes": "batches of 40 on 2 replicas in 2 processes",
    "loop": "batches of 40 on 2 replicas in 2 processes",
    "fit": "batches of 20 in one of 2 processes",
}


@pytest.mark.parametrize("how", [how for how, (backend, *_) in CASES.items() if backend == BACKEND])
def test_one_trace_counts_the_rows_of_all_and_leaves_the_training_as_it_is(
    how: str, tmp_path: Path
) -> None:
    _, processes, wanted = CASES[how]
    plain, recorded = (trained(how, folder, processes) for folder in ("", tmp_path))
    assert [code for code, _ in plain] == [0] * processes
    assert recorded == plain
    assert {each.name for each in tmp_path.glob("*")} <= {"run.trace", "apart.trace"}
    trace = read(tmp_path / "run.trace")
    training, data = trace.run.training, trace.run.data
    found = (training.replicas, training.devices, training.processes, training.batch_size)
    assert (*found, data.rows, trace.rows) == wanted
    assert [each.part for each in trace.events if each.kind == RECORDER] == []
    assert SAID[how] in " ".join(document_text(document(trace)).split())
    # PyTorch's processes train apart under Keras' own ``fit``, which knows nothing of the others.
    names = {
        "hidden/kernel",
        "hidden/bias",
        "norm/gamma",
        "norm/beta",
        "answer/kernel",
        "answer/bias",
    }
    assert unequal(trace) == (names if how == "fit" else set())
    if how == "data":
        assert unequal(read(tmp_path / "apart.trace")) == {"answer/kernel"}


@pytest.mark.parametrize("killed", ["0", "1"])
def test_processes_end_by_themselves_where_one_is_killed(killed: str, tmp_path: Path) -> None:
    how = "processes" if BACKEND == "jax" else "loop"
    codes = [code for code, _ in trained(how, tmp_path, 2, killed)]
    assert codes[int(killed)] == -9
    assert codes[1 - int(killed)] not in (0, -9)
    trace = read(tmp_path / "run.trace")
    assert trace.ending.kind in ("killed", "failed")
    assert len(trace.epochs) <= 1
