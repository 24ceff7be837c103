"""Whether recording harms a training: each case plain and recorded, in processes of their own.

    python -m benchmarks.reliability.harm [CASE ...]

Prints one line of JSON for each case: its name, whether the training was harmed, and how.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.reliability.table import Table

from pipetrace import read

ROOT = Path(__file__).parents[2]
PROGRAM = "benchmarks.reliability.harm_program"
DOORS = ("recorder", "watch", "pipeline", "run")
TIMEOUT = 600.0
TWO: Mapping[str, Mapping[str, Sequence[int]]] = {
    "two_in_a_list": {"a": [1, 2]},
    "one_twice": {"a": [1, 2]},
    "recorder_in_watch": {"a": [1, 2], "b": [1, 2]},
    "watched_again": {"a": [1, 2, 3, 4], "b": [1, 2]},
    "nested": {"a": [1], "b": [1, 2]},
    "one_recorder": {"a": [1, 2, 3]},
    "one_path": {"a": [1, 2]},
    "in_the_middle": {"a": [1, 2]},
}
"""The epochs of each trace; all have finished without an event."""


ANSWERING = ("objects", "streams", "plain", "surroundings")
"""Cases whose plain run is what recorded ones are compared with."""


@dataclass(frozen=True)
class Row:
    """One case.

    Attributes:
        case: what was tried, and by which door.
        harmed: whether the training, its process or its trace suffered.
        detail: how; empty where it did not.
    """

    case: str
    harmed: bool
    detail: str = ""


@dataclass(frozen=True)
class Ran:
    """A program that ended: what it found, its exit code, what it wrote, and its main trace."""

    found: Mapping[str, Any]
    trace: Any
    code: int
    output: str
    errors: str


def harmed(cases: Sequence[str] = (), doors: Sequence[str] = DOORS) -> list[Row]:
    """All cases, or those that are named; takes some minutes.

    Args:
        cases: of ``CASES``; all where none is named.
        doors: those by which cases are tried that any door may harm.
    """
    return [row for name in cases or CASES for row in CASES[name](doors)]


def ran(case: str, door: str, program: str = PROGRAM, **streams: Any) -> Ran:
    """Run a case of the program by a door.

    Args:
        case: of the program.
        door: how it is recorded.
        program: the module, or with a suffix the script.
        streams: further options of ``subprocess.run``, such as ``stderr``.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        start = [sys.executable]
        if door == "run":
            start += ["-m", "pipetrace", "run", "-o", str(folder / "run.trace")]
        start += ["-m", program] if not program.endswith(".py") else [program]
        environment = {key: each for key, each in os.environ.items() if key != "PYTHONUNBUFFERED"}
        folders = [str(ROOT / "src"), str(ROOT)]
        options: dict[str, Any] = {
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
            "cwd": folder,
            "env": {
                **environment,
                "PYTHONPATH": os.pathsep.join(folders),
                "TF_CPP_MIN_LOG_LEVEL": "2",
                **({"PYTHONWARNINGS": "always"} if case == "surroundings" else {}),
            },
            **streams,
        }
        ended = subprocess.run(
            [*start, case, door, name], check=False, text=True, timeout=TIMEOUT, **options
        )
        file = folder / "found.json"
        if door == "none" and case in ANSWERING and not file.exists():
            raise RuntimeError(f"The plain program failed: {ended.stderr}")
        found = json.loads(file.read_text()) if file.exists() else {}
        trace = told_of(folder / "run.trace")
        return Ran(found, trace, ended.returncode, ended.stdout or "", ended.stderr or "")


def told_of(path: Path) -> Any:
    """The numbers of a trace's epochs, how it ended, and its events; None where there is none."""
    if not path.exists():
        return None
    trace = read(path)
    return [[each.number for each in trace.epochs], trace.ending.kind, len(trace.events)]


def compared(case: str, plain: Any, recorded: Any) -> Row:
    """A row for a case that has to come out the same."""
    same = plain == recorded
    return Row(case, not same, "" if same else f"plain {plain!r:.300}, recorded {recorded!r:.300}")


def objects(doors: Sequence[str]) -> Iterator[Row]:
    """Layers, losses, callbacks and data that raise when they are looked at."""
    plain = ran("objects", "none")
    for door in doors:
        given = ran("objects", door)
        for name, each in plain.found.items():
            yield compared(f"{door}: {name}", each, given.found.get(name))
            assert "history" in each, f"{name} raises without a recorder too: {each}"
        yield compared(f"{door}: exit code", plain.code, given.code)


def streams(doors: Sequence[str]) -> Iterator[Row]:
    """Another ``sys.stderr``."""
    plain = ran("streams", "none")
    for door in doors:
        given = ran("streams", door)
        for name, each in plain.found.items():
            yield compared(f"{door}: standard error {name}", each, given.found.get(name))


def descriptors(doors: Sequence[str]) -> Iterator[Row]:
    """A standard error whose file cannot be written: a full disk, a closed pipe, none at all."""
    full = Path("/dev/full").open("w")  # noqa: SIM115 closed below
    reading, writing = os.pipe()
    os.close(reading)

    def close() -> None:
        os.close(2)

    ways: Mapping[str, dict[str, Any]] = {
        "full": {"stderr": full},
        "pipe closed": {"stderr": writing},
        "not open": {"stderr": None, "preexec_fn": close},
    }
    try:
        for name, options in ways.items():
            plain = ran("plain", "none", **options)
            for door in doors:
                given = ran("plain", door, **options)
                one, other = (each.found.get("history") for each in (plain, given))
                case = f"{door}: standard error {name}"
                yield compared(case, (plain.code, one), (given.code, other))
    finally:
        full.close()
        os.close(writing)


def surroundings(doors: Sequence[str]) -> Iterator[Row]:
    """What a process is like beside its models, and how often it is warned."""
    plain = ran("surroundings", "none")
    for door in (each for each in doors if each != "pipeline"):
        given = ran("surroundings", door)
        for name, each in plain.found.items():
            yield compared(f"{door}: {name}", each, given.found.get(name))
        whole = [[1, 2, 3], "finished", 0]
        yield compared(f"{door}: the trace beside a forked child", whole, given.trace)
        yield compared(f"{door}: warnings", warned(plain.errors), warned(given.errors))
        yield compared(f"{door}: standard output", plain.output, given.output)
        yield compared(f"{door}: exit code", plain.code, given.code)


def warned(text: str) -> list[str]:
    """What a program wrote to standard error besides pipetrace's own lines."""
    return [
        line
        for line in text.splitlines()
        if line.strip() and not line.startswith(("pipetrace: ", "  ", "WARNING: All log", "I0000"))
    ]


def two(_: Sequence[str]) -> Iterator[Row]:
    """Two recorders of one training, and one of two."""
    found = ran("two", "none").found
    for name, traces in TWO.items():
        expected = [[trace, [epochs, "finished", 0]] for trace, epochs in traces.items()]
        yield compared(f"two recorders: {name}", expected, found.get(name))
    whole = [[1, 2, 3], "finished", 0]
    within = ran("within run", "run")
    yield compared(
        "two recorders: run and a recorder",
        [whole, None, whole],
        [*within.found.values(), within.trace],
    )


def interrupted(doors: Sequence[str]) -> Iterator[Row]:
    """Ctrl-C and the program's signal handlers while the recorder works."""
    for door in (each for each in doors if each in ("recorder", "watch")):
        for name, (raised, ending) in ran("interrupted", door).found.items():
            expected = "interrupted" if name.startswith("SIGINT") else "failed"
            yield compared(f"{door}: {name}", (True, expected), (raised, ending))


def many(_: Sequence[str]) -> Iterator[Row]:
    """Several fits write a few lines in all."""
    ended = ran("many", "recorder")
    lines = [line for line in ended.errors.splitlines() if line.startswith(("pipetrace: ", "  "))]
    few = len(lines) <= 40
    yield Row("seven fits write a few lines", not few, "" if few else f"{len(lines)} lines")


def main_module(_: Sequence[str]) -> Iterator[Row]:
    """What Python calls at its end finds the program as its main module."""
    program = str(Path(__file__).with_name("harm_main.py"))
    plain, given = ran("main", "none", program), ran("main", "run", program)
    yield compared("run: the main module at exit", plain.output, given.output)
    yield compared("run: the main module's exit code", plain.code, given.code)


CASES: Mapping[str, Callable[[Sequence[str]], Iterator[Row]]] = {
    "objects": objects,
    "streams": streams,
    "descriptors": descriptors,
    "surroundings": surroundings,
    "two": two,
    "interrupted": interrupted,
    "main": main_module,
    "many": many,
}


TITLE = "No training is harmed"
SAID: Mapping[str, str] = {
    "objects": "layers, losses, callbacks and data sets whose methods raise when pipetrace asks",
    "streams": "standard error that raises, is closed, or is `None`",
    "descriptors": "standard error on a closed pipe, a full disk, or a closed descriptor",
    "surroundings": "warnings, random state, threads, files, signals, memory, tracing, a forked child",
    "two": "two recorders, watches or runs of one training",
    "interrupted": "Ctrl-C, and a signal handler of the program's own that raises",
    "main": "the main module and its exit code, as functions called at exit find them",
    "many": "lines that seven fits write",
}


def run(quick: bool, progress: Callable[[str], None]) -> Table:
    """Every case by every door; by one door where it must be quick."""
    lines = []
    for name in CASES:
        rows = list(CASES[name](DOORS[:1] if quick else DOORS))
        harmed_rows = [row for row in rows if row.harmed]
        for row in harmed_rows:
            progress(f"{row.case}: {row.detail}")
        progress(f"{name}: {len(harmed_rows)} of {len(rows)} harmed")
        lines.append((SAID[name], len(rows), len(harmed_rows)))
    lines.append(("all", sum(line[1] for line in lines), sum(line[2] for line in lines)))
    note = (
        "Each case is a training without and with pipetrace, in processes of their own, by each door that it concerns "
        "(`Recorder`, `watch`, `Pipeline.fit`, `pipetrace run`). It is harmed where its history, its exit code, its "
        "output, its surroundings or its trace are not what they should be."
    )
    return Table(("tried", "cases", "harmed"), lines, note)


def main(cases: Iterable[str]) -> None:
    """Print the rows."""
    for row in harmed(tuple(cases)):
        print(json.dumps(asdict(row)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
