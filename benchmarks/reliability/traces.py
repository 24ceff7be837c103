"""No trace is lost or damaged: killed writers, two writers of one file, copies, disks that fail."""

import os
import random
import resource
import signal
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from benchmarks.reliability.table import Table
from benchmarks.reliability.writing import (
    EPOCHS,
    RUN,
    Forked,
    Say,
    epoch,
    synthetic,
    training,
    values,
)

from pipetrace.errors import PipetraceError
from pipetrace.trace import TraceWriter, read

TITLE = "No trace is lost or damaged"
PHASES = EPOCHS + 3
"""How often a writer says how far it is: once before the epochs, and when it begins to close."""
Progress = Callable[[str], None]


def run(quick: bool, progress: Progress) -> Table:
    """Try it all; each row says how often, and how often a trace was lost or damaged."""
    part = 10 if quick else 1
    tried: Mapping[str, Callable[[], Counter[str]]] = {
        "a writer is killed (SIGKILL), readers beside": lambda: kills(synthetic, 160 // part),
        "a training with Keras is killed, readers beside": lambda: kills(training, 40 // part),
        "two processes write one path, started together": lambda: together(20 // part),
        "the file is copied at a random moment": lambda: copies(300 // part),
        **{f"disk: {name}": partial(disk, name) for name in DISKS},
    }
    rows = []
    for name, work in tried.items():
        progress(name)
        found = work()
        lost = sum(count for what, count in found.items() if what.startswith("LOST"))
        details = ", ".join(f"{what} {count}" for what, count in sorted(found.items()))
        rows.append((name, found.total(), lost, details))
    return Table(("tried", "times", "lost or damaged", "found"), rows)


def kills(write: Callable[[Path, Say], None], count: int) -> Counter[str]:
    """Kill writers in all phases of their life, a random time after they have come there."""
    moments, found = random.Random(0), Counter[str]()
    if write is training:
        import keras  # once, and not in each child

        assert keras
    with tempfile.TemporaryDirectory() as folder:
        for number in range(count):
            path = Path(folder) / f"{number}.trace"
            phase: int | None = number % PHASES
            delay, wrong = moments.uniform(0, 0.05 if phase else 0.3), ""
            writer, until = Forked(write, path), time.monotonic() + 60
            while time.monotonic() < until:
                wrong = wrong or trouble(path)
                if phase is not None and len(writer.said) >= phase:
                    until, phase = time.monotonic() + delay, None
                time.sleep(0.001)
            os.kill(writer.child, signal.SIGKILL)
            writer.wait()
            found[wrong or outcome(path, writer.last_words())] += 1
    return found


def trouble(path: Path) -> str:
    """What somebody who reads the file while it is written has to complain of."""
    try:
        if path.exists():
            read(path)
    except PipetraceError as error:
        return f"LOST: a reader was told {error.what}"
    return ""


def outcome(path: Path, said: list[str]) -> str:
    """What is left of a writer that was killed."""
    last = said[-1] if said else "nothing"
    done = sum(line.startswith("epoch ") for line in said)
    if not path.exists():
        return "LOST: no file" if done or "made" in said else "before there was a file"
    try:
        trace = read(path)
    except PipetraceError as error:
        return f"LOST: {error.what}"
    numbers = [each.number for each in trace.epochs]
    # What a callback has told of may be on its way; what a writer has told of is in the file.
    least = done if "made" in said else done - 1
    if numbers != list(range(1, len(numbers) + 1)) or not least <= len(numbers) <= done + 1:
        return f"LOST: {len(numbers)} of {done} epochs"
    if trace.ending.kind != "killed" and last not in ("ending", "ended"):
        return f"LOST: ending {trace.ending.kind} after {last!r}"
    where = {"ending": "closing", "ended": "after the end"}.get(last, "opening")
    return f"in {last.split()[0]}s" if done and last.startswith("epoch") else where


def together(count: int) -> Counter[str]:
    """Two processes that begin in the same moment and write the same path."""
    found = Counter[str]()
    for _ in range(count):
        with tempfile.TemporaryDirectory() as folder:
            path, moment = Path(folder) / "run.trace", time.monotonic() + 0.05

            def write(path: Path, say: Say, moment: float = moment) -> None:
                while time.monotonic() < moment:
                    pass
                synthetic(path, say)

            codes = [each.wait() for each in [Forked(write, path), Forked(write, path)]]
            traces = [each for each in Path(folder).iterdir() if each.suffix == ".trace"]
            whole = [len(read(each).epochs) == EPOCHS for each in traces]
            good = codes == [0, 0] and whole == [True, True]
            found["both whole" if good else f"LOST: {len(traces)} files, {codes}"] += 1
    return found


def copies(count: int) -> Counter[str]:
    """Copy the file with ``cp`` while it is written and read."""
    moments, found = random.Random(0), Counter[str]()
    with tempfile.TemporaryDirectory() as folder:
        path, copied = Path(folder) / "run.trace", Path(folder) / "copied" / "run.trace"
        copied.parent.mkdir()
        writer = Forked(partial(synthetic, pause=0.02, epochs=100_000), path)
        while not path.exists():
            time.sleep(0.01)
        reader = Forked(lambda path, _: _read_on(path), path)
        latest = 0
        for _ in range(count):
            time.sleep(moments.uniform(0, 0.05))
            for last in (False,) * 9 + (True,):
                # Where the file is replaced just before cp opens it, cp refuses and says so.
                made = subprocess.run(["cp", path, copied], check=last, capture_output=True)
                if not made.returncode:
                    break
            wrong = trouble(copied)
            epochs = 0 if wrong else len(read(copied).epochs)
            found[wrong or ("whole" if epochs >= latest else "LOST: older epochs")] += 1
            latest = max(latest, epochs)
        for each in (writer, reader):
            os.kill(each.child, signal.SIGKILL)
            each.wait()
    return found


def _read_on(path: Path) -> None:
    while True:
        read(path)


def disk(name: str) -> Counter[str]:
    """Write until a disk fails; what was written before has to be there."""
    with tempfile.TemporaryDirectory() as folder, DISKS[name](Path(folder)) as place:
        if place is None:
            return Counter({"not tried: no disk can be mounted here": 1})
        path, finished, slug = place / "run.trace", 0, "no error"
        writer = TraceWriter(path, RUN, ())
        try:
            for number in range(1, 60):
                writer.add_epoch(epoch(number), {f"tensor {number}": values(number)})
                finished = number
                if number == 5 and name == "its folder vanishes":
                    place.rename(place.with_name("moved"))
                    path = place.with_name("moved") / path.name
        except PipetraceError as error:
            slug = error.slug
        epochs = len(read(path).epochs)
        writer.close()
        if epochs < finished:
            return Counter({f"LOST: {epochs} of {finished} epochs": 1})
        return Counter({f"{slug} after {finished} epochs, all there": 1})


@contextmanager
def _small(folder: Path) -> Iterator[Path | None]:
    """A disk of one megabyte."""
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True, check=False
    )
    try:
        yield folder if mounted.returncode == 0 else None
    finally:
        if mounted.returncode == 0:
            subprocess.run(["umount", "-l", folder], check=False)


@contextmanager
def _limited(folder: Path) -> Iterator[Path | None]:
    """No file may grow beyond 400 kB."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, before[1]))
    try:
        yield folder
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def _slow(folder: Path) -> Iterator[Path | None]:
    """Giving a file its name takes a tenth of a second."""
    replace = os.replace

    def late(*given: object) -> None:
        time.sleep(0.1)
        replace(*given)  # type: ignore[arg-type]

    os.replace = late  # type: ignore[assignment]
    try:
        yield folder
    finally:
        os.replace = replace


@contextmanager
def _vanishing(folder: Path) -> Iterator[Path | None]:
    """A folder that is moved away."""
    (folder / "here").mkdir()
    yield folder / "here"


DISKS = {
    "of 1 MB, full": _small,
    "files of at most 400 kB": _limited,
    "slow": _slow,
    "its folder vanishes": _vanishing,
}
