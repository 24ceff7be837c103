"""Files that are damaged or forged: what reading and showing them does.

Each file passes through all that a reader may do with it, in a process that may hold 1 GB and has
5 seconds of processor time for the file.
"""

import multiprocessing
import os
import resource
import shutil
import signal
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeAlias

from benchmarks.reliability import base_traces, forging
from benchmarks.reliability.table import Table

from pipetrace.errors import TraceError
from pipetrace.explain.findings.engine import check
from pipetrace.explain.quiz import quiz
from pipetrace.present.build.document import document
from pipetrace.present.formats import FORMS
from pipetrace.present.formats.json import to_json
from pipetrace.present.markdown import document_markdown
from pipetrace.present.page import page
from pipetrace.present.text import document_text
from pipetrace.trace import read

TITLE = "Damaged and forged files"
FILES, QUICK_FILES = 10_000, 60
SECONDS, BYTES = 5.0, 10**9
WHOLE, PARTIAL, REFUSED = "whole", "partial", "refused"
TRACEBACK, HANG, MEMORY = "tracebacks", "hangs over 5 s", "above 1 GB"
OUTCOMES = (WHOLE, PARTIAL, REFUSED, TRACEBACK, HANG, MEMORY)

Fault: TypeAlias = tuple[int, str, str]
"""The number of a file, its kind, and the traceback that it caused."""


def run(quick: bool, progress: Callable[[str], None]) -> Table:
    """Forge and read files, as ``forged`` does."""
    rows = forged(quick=quick, progress=progress)
    headings = tuple(rows[0])
    note = (
        "Each file is forged from a whole trace, then read, shown as text, Markdown and page, checked, asked for a quiz "
        "and exported, in a process with 1 GB of memory. Whole: as if nothing had happened to it. Partial: the trace of "
        "a run that did not finish. Refused: one clear error."
    )
    return Table(headings, [tuple(row.values()) for row in rows], note)


def forged(quick: bool, progress: Callable[[str], None]) -> list[dict[str, Any]]:
    """Forge files and read them: 10,000 of traces with and without Keras, or a hundred.

    Args:
        quick: few files, and those of the trace that is written without Keras.
        progress: told how far it is.

    Returns:
        a row for each kind, and one for all.
    """
    with tempfile.TemporaryDirectory() as folder:
        bases = [base_traces.written(Path(folder) / "written.trace")]
        if not quick:
            bases.append(base_traces.recorded(Path(folder)))
        rows, faults = measured(bases, range(QUICK_FILES if quick else FILES), progress)
    for number, kind, said in faults:
        progress(f"file {number}, {kind}:\n{said}")
    return rows


def measured(
    bases: Sequence[Path], numbers: Sequence[int], progress: Callable[[str], None]
) -> tuple[list[dict[str, Any]], list[Fault]]:
    """Forge and read the files of these numbers.

    Returns:
        a row for each kind and one for all; and the tracebacks.
    """
    counted: dict[str, Counter[str]] = {}
    faults = []
    for done, (number, kind, outcome, said) in enumerate(_outcomes(bases, list(numbers)), 1):
        counted.setdefault(kind, Counter())[outcome] += 1
        if outcome in (TRACEBACK, HANG, MEMORY):
            faults.append((number, kind, said or outcome))
        if done % 500 == 0:
            progress(f"{done:,} of {len(numbers):,} files, {len(faults)} faults")
    counted["all"] = sum(counted.values(), Counter())
    rows = [
        {
            "kind": kind,
            "files": counted[kind].total(),
            **{each: counted[kind][each] for each in OUTCOMES},
        }
        for kind in (*forging.KINDS, "all")
        if kind in counted
    ]
    return rows, faults


def _outcomes(bases: Sequence[Path], numbers: list[int]) -> Iterator[tuple[int, str, str, str]]:
    """The number, kind, outcome and traceback of each file; a process that dies is replaced."""
    context = multiprocessing.get_context("fork")
    while numbers:
        ours, theirs = context.Pipe(duplex=False)
        worker = context.Process(target=_work, args=(bases, numbers, theirs))
        worker.start()
        theirs.close()
        kind = ""
        try:
            while True:
                kind = ours.recv()
                outcome, said = ours.recv()
                yield numbers[0], kind, outcome, said
                numbers, kind = numbers[1:], ""
        except EOFError:
            worker.join()
        if numbers and not kind:
            raise RuntimeError(f"file {numbers[0]} could not be forged")
        if numbers:
            hung = worker.exitcode == -signal.SIGPROF
            said = f"the process ended with {worker.exitcode}"
            yield numbers[0], kind, HANG if hung else TRACEBACK, said
            numbers = numbers[1:]


def _work(bases: Sequence[Path], numbers: Sequence[int], answers: Connection) -> None:
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    # What reading takes counts, not what the process had before, which of a test may be much.
    had = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (had + BYTES, had + BYTES))
    with tempfile.TemporaryDirectory() as name:
        for number in numbers:
            path = Path(name) / f"{number}.trace"
            shutil.copy(bases[number % len(bases)], path)
            answers.send(forging.forge(path, number))
            signal.setitimer(signal.ITIMER_PROF, SECONDS)
            answers.send(outcome_of(path))
            signal.setitimer(signal.ITIMER_PROF, 0)
            for each in Path(name).iterdir():
                each.unlink()
    answers.close()
    os._exit(0)


def outcome_of(path: Path) -> tuple[str, str]:
    """What comes of a file that is read and put out in every form, and the traceback if any."""
    try:
        trace = read(path)
        made = document(trace)
        document_text(made)
        document_markdown(made)
        page(made)
        report = check(trace, file=path.name)
        for form in FORMS.values():
            form((report,), "0")
        quiz(trace, seed=1)
        to_json(trace)
    except TraceError:
        return REFUSED, ""
    except MemoryError:
        return MEMORY, traceback.format_exc()
    except Exception:
        return TRACEBACK, traceback.format_exc()
    if report.failed:
        return TRACEBACK, str(report.failed[0])
    return (WHOLE if trace.ending.kind == "finished" else PARTIAL), ""
