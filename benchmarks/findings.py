"""How well the findings diagnose programs whose faults are known.

    python -m benchmarks.findings FOLDER... [--seeds 0,1,2] [--ids a,b] [--jobs 1] [--keep DIR]
    python -m benchmarks.findings FOLDER... --again DIR

Each program of FOLDER/cases is trained twice, faulty and repaired, and each of FOLDER/healthy once,
with `pipetrace.watch`; the sound ones of FOLDER/programs run under `pipetrace run`, once. The traces
go to DIR, or to a temporary folder. With --again nothing is trained: the rules run on the traces in
DIR. The scores follow the README.md of the folders, and one table is of all of them. A fault is
diagnosed if the faulty run has a warning or an error of its category (or an equally right one), and
the repaired run has none of that category. It is located if such a finding names the layer. Notes
do not count. DIR/other may hold traces of further healthy runs.

KERAS_BACKEND=jax or torch trains on that; programs that import TensorFlow are left out, and named.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pipetrace
from pipetrace.explain.findings import NOTE, Finding, findings
from pipetrace.trace.document import FAILED

BUGGY, FIXED, PROGRAMS = "buggy", "fixed", "programs"
BACKEND = os.environ.get("KERAS_BACKEND", "tensorflow")
NEEDS_TENSORFLOW = re.compile(r"^\s*(import|from) tensorflow\b", re.MULTILINE)


@dataclass
class Score:
    """The findings of one program with one seed."""

    faults: list[dict[str, Any]]
    buggy: list[Finding] = field(default_factory=list)
    fixed: list[Finding] = field(default_factory=list)

    def categories(self, fault: dict[str, Any]) -> set[str]:
        """The categories that are a correct diagnosis."""
        return {fault["category"], *fault.get("also", ())}

    @property
    def counted(self) -> list[dict[str, Any]]:
        """The faults that count."""
        return [fault for fault in self.faults if not fault.get("minor")]

    def diagnosed(self, fault: dict[str, Any]) -> list[Finding]:
        """The findings that diagnose a fault, and are not in the repaired run."""
        repaired = {each.category for each in self.fixed}
        return [each for each in self.buggy if each.category in self.categories(fault) - repaired]

    def located(self, fault: dict[str, Any]) -> bool:
        """Whether such a finding names the layer."""
        places = {fault["layer"], *fault.get("layer_alt", ())}
        return any(each.stage in places for each in self.diagnosed(fault))

    @property
    def right(self) -> list[Finding]:
        """The findings that name a real fault, including minor ones."""
        there = set().union(*(self.categories(fault) for fault in self.faults))
        return [each for each in self.buggy if each.category in there]


@dataclass(frozen=True)
class Settings:
    """What is trained and scored: the arguments of the command."""

    folders: Sequence[Path]
    traces: Path
    seeds: Sequence[str]
    chosen: Sequence[str]
    after_training: str

    def programs(self, kind: str) -> Iterator[Path]:
        """The programs of a kind, in all folders, that run on the backend."""
        return (path for path in self._named(kind) if _runs_here(path))

    def left_out(self) -> list[str]:
        """The names of the programs that do not."""
        paths = (path for kind in ("cases", "healthy", PROGRAMS) for path in self._named(kind))
        return [path.stem for path in paths if not _runs_here(path)]

    def _named(self, kind: str) -> Iterator[Path]:
        for folder in self.folders:
            for path in sorted((folder / kind).glob("*.py")):
                if not self.chosen or path.stem in self.chosen:
                    yield path

    def place(self, kind: str, name: str, which: str, seed: str) -> Path:
        """Where a trace is."""
        folder = self.traces / kind
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{name}.{which}.{seed}.trace"


def _runs_here(path: Path) -> bool:
    return BACKEND == "tensorflow" or not NEEDS_TENSORFLOW.search(path.read_text("utf-8"))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--ids", default="", help="only these programs")
    parser.add_argument("--jobs", type=int, default=1, help="programs at a time")
    parser.add_argument("--keep", type=Path, help="where the traces stay")
    parser.add_argument("--again", type=Path, help="score these traces, without training")
    parser.add_argument(
        "--after-training", choices=["brief", "all", "none"], default="brief", help="as of watch"
    )
    parser.add_argument("--one", nargs=2, metavar=("KIND", "SEED"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    chosen = [each for each in given.ids.split(",") if each]
    with tempfile.TemporaryDirectory() as scratch:
        traces = given.again or given.keep or Path(scratch)
        seeds = given.seeds.split(",")
        settings = Settings(given.folders, traces, seeds, chosen, given.after_training)
        if given.one:
            kind, seed = given.one
            train(settings, kind, seed)
            return
        if not given.again:
            record(settings, given.jobs)
        report(settings)


def record(settings: Settings, jobs: int) -> None:
    """Train every program in a process of its own, `jobs` at a time."""
    wanted = [
        (kind, path, seed)
        for seed in settings.seeds
        for kind in ("healthy", "cases")
        for path in settings.programs(kind)
    ]
    # These seed themselves.
    wanted += [(PROGRAMS, path, settings.seeds[0]) for path in settings.programs(PROGRAMS)]
    running: list[tuple[subprocess.Popen[bytes], str, float]] = []
    # Where others compute too, PyTorch's threads wait for each other: 13 s became more than 150.
    environment = {"OMP_NUM_THREADS": "1", **os.environ}
    for number, (kind, path, seed) in enumerate(wanted, 1):
        while len(running) >= jobs:
            running = _wait(running)
        if kind == PROGRAMS:
            place = settings.place(kind, path.stem, FIXED, seed)
            options = ["--out", str(place), "--after-training", settings.after_training]
            command = ["-m", "pipetrace", "run", *options, str(path)]
        else:
            command = ["-m", "benchmarks.findings", str(path.parents[1])]
            command += ["--keep", str(settings.traces), "--one", kind, seed, "--ids", path.stem]
            command += ["--after-training", settings.after_training]
        running.append(
            (
                subprocess.Popen([sys.executable, *command], env=environment),
                f"{number} of {len(wanted)}: {path.stem}, seed {seed}",
                time.perf_counter(),
            )
        )
    while running:
        running = _wait(running)


def _wait(
    running: list[tuple[subprocess.Popen[bytes], str, float]],
) -> list[tuple[subprocess.Popen[bytes], str, float]]:
    left = []
    for process, title, began in running:
        code = process.poll()
        if code is None:
            left.append((process, title, began))
        else:
            said = "" if code == 0 else f", which failed with {code}"
            print(f"{title}: {time.perf_counter() - began:.0f} s{said}", flush=True)
    if len(left) == len(running):
        time.sleep(0.1)
    return left


def load(path: Path) -> Any:
    import importlib.util

    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise SystemExit(f"{path} is no program")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def train(settings: Settings, kind: str, seed: str) -> None:
    """Train one program with one seed, as run.py of its folder does."""
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras

    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    (path,) = settings.programs(kind)
    program = load(path)
    for which in (BUGGY, FIXED) if kind == "cases" else (FIXED,):
        keras.utils.set_random_seed(int(seed))
        repaired = which == FIXED
        data = (
            program.DATA_FIXED if repaired and hasattr(program, "DATA_FIXED") else program.data
        )()
        fit = dict(program.FIT_FIXED if repaired and hasattr(program, "FIT_FIXED") else program.FIT)
        own = not repaired and hasattr(program, "train")  # several fits
        model = program.fixed() if repaired else program.buggy_watched() if own else program.buggy()
        if program.VALIDATION:
            fit["validation_data"] = (data[2], data[3])
        place = settings.place(kind, path.stem, which, seed)
        pipetrace.watch(model, place, verbose=False, after_training=settings.after_training)
        try:
            program.train(model) if own else model.fit(data[0], data[1], verbose=0, **fit)
        except Exception as error:  # PyTorch's losses raise for NaN; the trace has what led to it
            if repaired:
                raise
            print(f"{path.stem} raised {type(error).__name__}: {error}", flush=True)


def reported(path: Path) -> list[Finding]:
    """The warnings and errors of a trace."""
    return [each for each in findings(pipetrace.read(path)) if each.level != NOTE]


def report(settings: Settings) -> None:
    """Print a line for each program and seed, and the totals."""
    scores: list[Score] = []
    for path in settings.programs("cases"):
        faults = load(path).FAULTS
        for seed in settings.seeds:
            both = [settings.place("cases", path.stem, which, seed) for which in (BUGGY, FIXED)]
            if not all(each.exists() for each in both):
                continue
            if pipetrace.read(both[1]).ending.kind == FAILED:
                print(f"{path.stem:20} {seed} not counted, as the repaired program raises too")
                continue
            score = Score(faults, *map(reported, both))
            scores.append(score)
            _line(path.stem, seed, score)
    healthy = [
        (each.stem, reported(each))
        for kind in ("healthy", "other")
        for each in sorted((settings.traces / kind).glob("*.trace"))
        if kind == "other"
        or (
            each.stem.rpartition(".")[2] in settings.seeds
            and (not settings.chosen or each.name.split(".")[0] in settings.chosen)
        )
    ]
    # What is said of these may be true: they train for a few epochs only.
    scripts = [
        (each.stem, reported(each)) for each in sorted((settings.traces / PROGRAMS).glob("*.trace"))
    ]
    for name, found in (*healthy, *scripts):
        print(f"{name:28} sound: {_words(found) or 'nothing'}")
    _sums(scores, healthy)
    if left := settings.left_out():
        print(f"\nNot run on {BACKEND}, as they import TensorFlow: {', '.join(left)}")


def _line(name: str, seed: str, score: Score) -> None:
    counted = score.counted
    right = [fault["category"] for fault in counted if score.diagnosed(fault)]
    missed = [fault["category"] for fault in counted if not score.diagnosed(fault)]
    lost = [
        f"{fault['category']}@{fault['layer']}"
        for fault in counted
        if fault["layer"] and not score.located(fault)
    ]
    wrong = [each for each in score.buggy if each not in score.right]
    print(f"{name:20} {seed} diagnosed {len(right)} of {len(counted)}", end="")
    for title, values in (("missed", missed), ("not located", lost)):
        print(f"; {title}: {', '.join(values)}" if values else "", end="")
    print(f"; beside it: {_words(wrong)}" if wrong else "", end="")
    print(f"; REPAIRED: {_words(score.fixed)}" if score.fixed else "")


def _words(found: Sequence[Finding]) -> str:
    return ", ".join(
        f"{each.code} {each.category}{'@' + each.stage if each.stage else ''}" for each in found
    )


def _sums(scores: Sequence[Score], healthy: Sequence[tuple[str, list[Finding]]]) -> None:
    faults = [(score, fault) for score in scores for fault in score.counted]
    placed = [(score, fault) for score, fault in faults if fault["layer"]]
    said = sum(len(score.buggy) for score in scores)
    rows = (
        ("detected", sum(bool(score.buggy) for score in scores), len(scores)),
        ("diagnosed", sum(bool(score.diagnosed(fault)) for score, fault in faults), len(faults)),
        ("located", sum(score.located(fault) for score, fault in placed), len(placed)),
        ("precision", sum(len(score.right) for score in scores), said),
        ("healthy runs with a finding", sum(bool(found) for _, found in healthy), len(healthy)),
        ("repaired runs with a finding", sum(bool(score.fixed) for score in scores), len(scores)),
    )
    print("\n| figure | of | share |\n|---|---|---|")
    for title, part, whole in rows:
        print(f"| {title} | {part} of {whole} | {100 * part / whole if whole else 0:.0f} % |")


if __name__ == "__main__":
    main()
