"""The trainings of an ablation: which there are, each in its own process, and what came of them."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pipetrace.ablate.changes import Edit, offered
from pipetrace.ablate.child import failure_of, reason
from pipetrace.ablate.sources import Source
from pipetrace.errors import ArgumentError, OutputExistsError, RetrainError, TraceError
from pipetrace.explain.fits import final_epoch
from pipetrace.trace import Trace, read
from pipetrace.trace.document import FAILED, FINISHED, STOPPED
from pipetrace.trace.training import NONE, Ablation
from pipetrace.trace.writer import store_ablations

BASELINE_SEEDS = 3
"""How often the run is trained as it is: their spread is the noise."""
PLAN = "plan.json"
SHOWN_LINES = 5
"""Of what a process wrote that ended without a trace."""


@dataclass(frozen=True)
class Plan:
    """What is to be trained."""

    source: Source  # where the run comes from
    folder: Path  # where the traces go
    seeds: int = 1  # how often each change is trained
    changes: tuple[str, ...] = ()  # their codes; all that apply where there are none
    jobs: int = 1  # how many processes train at a time
    minutes: float | None = None  # after which no further training begins; None for no limit


@dataclass(frozen=True, eq=False)
class Job:
    """One training: what is changed, and the seed."""

    change: str
    edit: Edit
    seed: int

    @property
    def name(self) -> str:
        """The name of its trace."""
        return f"{'baseline' if self.change == NONE else self.change}-{self.seed}.trace"


@dataclass
class Ablating:
    """The trainings of a plan, after the ``trace`` given or after the baseline's own.

    ``path`` is of a trace that gets the results beside that of the baseline. ``told`` is called
    with the name of a training that begins, or an empty one when one is over, with how many are
    done, and how many there are as far as is known.
    """

    plan: Plan
    trace: Trace | None = None
    path: Path | None = None
    told: Callable[[str, int, int], Any] = lambda *_: None
    left: int = 0  # how many were not begun, as the time was over
    total: int = 1
    found: dict[Job, Ablation] = field(default_factory=dict)  # what came of each training
    _running: set[Any] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self) -> Path:
        """Train what is not there yet, and write what came of all into ``path``, or the baseline's
        trace.

        Raises:
            RetrainError: the run cannot be trained again, gets other rows each time, or is another
                than that of ``path``.
            OutputError: the folder holds something else, or cannot be written.
            ArgumentError: a change does not apply to the run.
        """
        self._claim()
        began = time.monotonic()
        first = Job(NONE, Edit(), 1)
        self._one(first)
        if (error := self.found[first].error) and not self.found[first].epochs:
            raise RetrainError(
                f"The run cannot be trained again: {error.rstrip('.')}.",
                where=str(self.plan.source.get("program", self.path)),
                hint="Repair that first; pipetrace run shows whether it trains.",
            )
        places = [each for each in (self.path, self.plan.folder / first.name) if each]
        baseline = read(places[-1])
        if self.path is not None and self.trace is None:
            _check_same_run(self.path, baseline)
        jobs = list(self._jobs(self.trace or baseline))
        self.total = len(jobs) + 1
        for job in self._trained(jobs, began):
            self._check_rows(job, baseline)
            self._store(places)
        self._store(places)
        return places[0]

    def _claim(self) -> None:
        """See that the folder is for this plan."""
        folder, text = self.plan.folder, json.dumps(self.plan.source, sort_keys=True)
        note = folder / PLAN
        if (note.exists() and note.read_text() != text) or (
            folder.exists() and not note.exists() and any(folder.iterdir())
        ):
            raise OutputExistsError(
                f"The folder {folder} holds something else, or ablations of another run.",
                where=str(folder),
                hint="Give another folder with --out, or delete this one.",
            )
        folder.mkdir(parents=True, exist_ok=True)
        draft = note.with_suffix(".new")
        draft.write_text(text)
        draft.replace(note)

    def _jobs(self, trace: Trace) -> Iterator[Job]:
        """What is trained after the first baseline, the noise first."""
        edits = offered(trace)
        if unknown := [each for each in self.plan.changes if each not in edits]:
            raise ArgumentError(
                f"The change {unknown[0]!r} does not apply to this run.",
                where="--change",
                hint=f"These do: {', '.join(edits)}.",
            )
        for seed in range(2, BASELINE_SEEDS + 1):
            yield Job(NONE, Edit(), seed)
        chosen = [code for code in edits if not self.plan.changes or code in self.plan.changes]
        for seed in range(1, self.plan.seeds + 1):
            for code in chosen:
                yield Job(code, edits[code], seed)

    def _trained(self, jobs: Sequence[Job], began: float) -> Iterator[Job]:
        """Each job as it is done; none begins when the time is over."""
        waiting, going = list(jobs), dict[Future[None], Job]()
        with ThreadPoolExecutor(self.plan.jobs) as pool:
            try:
                while waiting or going:
                    while waiting and len(going) < self.plan.jobs:
                        job = waiting.pop(0)
                        if self._has_time(began) or self._known(job):
                            going[pool.submit(self._one, job)] = job
                        else:
                            self.left += 1
                    done, _ = wait(going, return_when=FIRST_COMPLETED)
                    for each in done:
                        each.result()
                        yield going.pop(each)
            except BaseException:
                self._stop()
                raise

    def _has_time(self, began: float) -> bool:
        limit = self.plan.minutes
        return limit is None or time.monotonic() - began < 60 * limit

    def _one(self, job: Job) -> None:
        """One training, unless its trace is there."""
        found = self._known(job)
        if found is None:
            self.told(job.name.removesuffix(".trace"), len(self.found), self.total)
            said = self._train(job)
            found = self._known(job) or Ablation(job.change, job.seed, FAILED, error=said)
        self.found[job] = found
        self.told("", len(self.found), self.total)

    def _train(self, job: Job) -> str:
        """Train in a process of its own; what it wrote last."""
        out = self.plan.folder / job.name
        for left in (out, failure_of(out)):
            left.unlink(missing_ok=True)
        task = {"source": self.plan.source, "edit": asdict(job.edit), "seed": job.seed}
        process = subprocess.Popen(
            # Without -P the working folder would stand before the program's own.
            [sys.executable, "-P", "-m", "pipetrace.ablate.child", str(out), json.dumps(task)],
            env={**os.environ, "PYTHONHASHSEED": "0"},
            stdin=subprocess.PIPE,  # at whose end it ends too: this process may be killed
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # so that what it starts can be ended with it
        )
        with self._lock:
            self._running.add(process)
        try:
            said = process.stdout.read() if process.stdout else b""
            process.wait()
        finally:
            _end(process)
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()
            with self._lock:
                self._running.discard(process)
        lines = [line for line in said.decode(errors="replace").splitlines() if line.strip()]
        return " ".join(["The process ended without a trace.", *lines[-SHOWN_LINES:]])

    def _stop(self) -> None:
        """End the processes that train."""
        with self._lock:
            for process in self._running:
                _end(process)

    def _known(self, job: Job) -> Ablation | None:
        """What came of a job; None where it was not done, or not to its end."""
        out = self.plan.folder / job.name
        layers = (*job.edit.layers, *job.edit.frozen)
        if (error := reason(out)) is not None:
            return Ablation(job.change, job.seed, FAILED, layers=layers, error=error)
        with suppress(TraceError):
            return _facts(read(out), job, layers)
        return None

    def _check_rows(self, job: Job, baseline: Trace) -> None:
        """See that a training had the rows of the baseline, or raise a ``RetrainError``."""
        if job.edit.other_rows or not self.found[job].file:
            return
        prints = {_rows(baseline), _rows(read(self.plan.folder / job.name))}
        if len(prints - {""}) > 1:
            raise RetrainError(
                "The program trains on other rows each time that it runs.",
                where=str(self.plan.folder / job.name),
                hint="Draw the rows with a fixed seed, then delete the folder and start again.",
            )

    def _store(self, places: Iterable[Path]) -> None:
        order = sorted(self.found, key=lambda job: (job.change != NONE, job.seed))
        known = {each: self.found[each] for each in order}
        for place in places:
            store_ablations(place, known.values())


def _check_same_run(path: Path, baseline: Trace) -> None:
    """See that a trace is of the run that the baseline repeats, or raise a ``RetrainError``."""
    trace = read(path)
    layers, settings, rows = (
        {of(each) for each in (trace, baseline)} for of in (_layers, _settings, _rows)
    )
    if len(layers) > 1 or len(settings) > 1 or len(rows - {""}) > 1:
        raise RetrainError(
            "The trace is of another run than the program makes.",
            where=str(path),
            hint="Record it again: pipetrace run train.py, with the same arguments.",
        )


def _layers(trace: Trace) -> tuple[tuple[str, str | None], ...]:
    return tuple((stage.path, stage.layer) for stage in trace.stages)


def _settings(trace: Trace) -> tuple[Any, ...]:
    found = trace.fits[0].training if trace.fits else trace.run.training
    return found.epochs, found.batch_size, found.optimizer, str(found.optimizer_config), found.loss


def _rows(trace: Trace) -> str:
    """Which rows the first fit got; empty where they were not read."""
    return trace.fits[0].fingerprint if trace.fits else ""


def _facts(trace: Trace, job: Job, layers: tuple[str, ...]) -> Ablation | None:
    if trace.ending.kind not in (FINISHED, STOPPED, FAILED):
        return None  # killed or interrupted: it is trained again
    final, model = final_epoch(trace), trace.run.model
    # As they were recorded; the judgement may have them under other names.
    own = [each for each in trace.epochs if final is None or each.number == final.number]
    return Ablation(
        change=job.change,
        seed=job.seed,
        ending=trace.ending.kind,
        epochs=len(trace.epochs),
        metrics=dict(own[-1].metrics) if own else {},
        parameters=model.parameters.total if model else None,
        seconds=sum(each.seconds for each in trace.epochs),
        layers=layers,
        error=trace.ending.error,
        file=job.name,
    )


def _end(process: Any) -> None:
    """End a process and what it left behind."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def listed(trace: Trace) -> Mapping[str, tuple[str, ...]]:
    """The layers that each change which applies to a run concerns, by the change's code."""
    return {code: (*edit.layers, *edit.frozen) for code, edit in offered(trace).items()}
