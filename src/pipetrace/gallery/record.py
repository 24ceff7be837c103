"""Recording the gallery: each program in a process of its own, several at a time."""

import ast
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from pipetrace.errors import NotWritableError, OutputExistsError, PipetraceError, ScriptError
from pipetrace.trace import read
from pipetrace.trace.document import FINISHED, STOPPED

ORDER = (
    "digits",
    "table",
    "temperature",
    "next_value",
    "reviews",
    "autoencoder",
    "steps_too_large",
    "dead_units",
    "no_gradient_left",
    "not_scaled",
    "missing_softmax",
    "overfitting",
)
"""The programs as they are shown: healthy ones, then those with a planted fault."""
SHIPPED = Path(__file__).with_name("programs")
COPIES = "programs"
"""The folder in a gallery that has the programs."""
FIELD = re.compile(r"^(Learn|Planted): (.*)$", re.MULTILINE)
PAUSE = 0.1
"""Seconds between looks at the processes."""
SHOWN_LINES = 3
"""Of what a program wrote that failed."""


@dataclass(frozen=True)
class Exhibit:
    """A program of a gallery."""

    name: str  # of its file, its trace and its page
    program: Path  # the copy in the gallery, which a teacher may change
    trace: Path  # where it is recorded
    # title, learn: the first line of its docstring, and what one learns from it
    title: str
    learn: str
    planted: str  # the code of the rule that finds its fault; empty for a healthy one

    @property
    def recorded(self) -> bool:
        """Whether the trace is whole, and of the program as it stands."""
        with suppress(PipetraceError, OSError):
            ending = read(self.trace).ending.kind
            return (
                ending in (FINISHED, STOPPED)
                and self.trace.stat().st_mtime >= self.program.stat().st_mtime
            )
        return False


def prepare(folder: Path) -> tuple[Exhibit, ...]:
    """Make the folder with the programs that are not there yet; what was recorded there is kept.

    An ``OutputError`` where it holds something else, or cannot be written to.
    """
    copies = folder / COPIES
    try:
        if (
            folder.exists()
            and not copies.is_dir()
            and (not folder.is_dir() or any(folder.iterdir()))
        ):
            raise OutputExistsError(
                f"{folder} exists and is no gallery.",
                where=str(folder),
                hint="Give the name of a new folder with --out.",
            )
        copies.mkdir(parents=True, exist_ok=True)
        for name in ORDER:
            if not (copies / f"{name}.py").exists():
                shutil.copyfile(SHIPPED / f"{name}.py", copies / f"{name}.py")
        return tuple(_exhibit(folder, name) for name in ORDER)
    except OSError as error:
        raise NotWritableError(
            f"The folder {folder} cannot be written to: {error.strerror}.",
            where=str(folder),
            hint="Choose a folder that you may write to.",
        ) from error


def _exhibit(folder: Path, name: str) -> Exhibit:
    program = folder / COPIES / f"{name}.py"
    told = ""
    with suppress(SyntaxError, ValueError):  # whoever changed it sees so when it runs
        told = ast.get_docstring(ast.parse(program.read_text(encoding="utf-8"))) or ""
    fields = dict(FIELD.findall(told))
    planted = fields.get("Planted", "")
    return Exhibit(
        name=name,
        program=program,
        trace=folder / f"{name}.trace",
        title=told.partition("\n")[0].rstrip(".") or name,
        learn=fields.get("Learn", ""),
        planted=planted if planted.startswith("PT") else "",
    )


def record(
    exhibits: Sequence[Exhibit], jobs: int, began: Callable[[str], Any]
) -> Iterator[tuple[Exhibit, PipetraceError | None]]:
    """Run programs, so many at a time, and yield each when done, with what went wrong."""
    waiting, running = list(exhibits), dict[Exhibit, tuple[Any, IO[bytes]]]()
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                exhibit = waiting.pop(0)
                began(exhibit.name)
                running[exhibit] = _start(exhibit)
            time.sleep(PAUSE)
            for exhibit, (process, said) in tuple(running.items()):
                if process.poll() is not None:
                    del running[exhibit]
                    yield exhibit, _failure(exhibit, said)
    finally:
        for process, said in running.values():
            process.terminate()
            process.wait()
            said.close()


def _start(exhibit: Exhibit) -> tuple[Any, IO[bytes]]:
    said = tempfile.TemporaryFile()  # noqa: SIM115 closed when the process has ended
    command = [sys.executable, "-P", "-m", "pipetrace", "run", "--out", str(exhibit.trace)]
    command += ["--after-training", "all", "--budget", "none", str(exhibit.program)]
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said
    )
    return process, said


def _failure(exhibit: Exhibit, said: IO[bytes]) -> ScriptError | None:
    with said:
        said.seek(0)
        lines = [line for line in said.read().decode(errors="replace").splitlines() if line.strip()]
    if exhibit.recorded:
        return None
    return ScriptError(
        " ".join([f"{exhibit.program.name} ended without a whole trace.", *lines[-SHOWN_LINES:]]),
        where=str(exhibit.program),
        hint=f"See what it says by itself: pipetrace run {exhibit.program}",
    )
