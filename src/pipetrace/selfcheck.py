"""``pipetrace selfcheck``: a program run twice plain, then recorded, and compared bit by bit."""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pipetrace.capture.fingerprints import Fitted, Results, prepare, remembering, results_of
from pipetrace.errors import NothingToCompareError, PipetraceError, ScriptError
from pipetrace.explain.formatting import counted, duration, figure, share
from pipetrace.present.formats.json import encode
from pipetrace.record.run import Watched, check_program, record_all, run_alone, when_imported
from pipetrace.trace import read
from pipetrace.trace.document import Array

REFERENCE = "pipetrace.capture.reference_program"
"""The module that is run where no program is given."""
PLAIN_RUNS = 2
SHOWN_LINES = 12
"""Of what a program wrote, in the message that it failed."""
JSON_VERSION = 1
MOST_LISTED = 20
"""Differences that are listed; JSON has all."""
KIND_NAMES = {
    "weight": "weights",
    "optimizer": "optimizer variables",
    "metric": "metric variables",
    "seed": "seed states of layers",
    "history": "lists in the histories",
    "random": "random states",
    "ending": "end of the program",
}


@dataclass(frozen=True)
class Plan:
    """What to check.

    Attributes:
        program, arguments, is_module: as for ``run_script``.
        budgets: of the recorded runs, one for each.
        seed: what to seed before the program, in each run the same; None for nothing.
        deterministic: whether TensorFlow is told to be deterministic.
        show_output: whether the program's output is let through, to standard error.
    """

    program: str
    arguments: tuple[str, ...]
    is_module: bool
    budgets: tuple[float | None, ...]
    seed: int | None
    deterministic: bool
    show_output: bool = False


@dataclass(frozen=True)
class CheckedRun:
    """One run of the program: its recorder's budget, its seconds with the start, its epochs."""

    recorded: bool
    budget: float | None
    seconds: float
    epochs: int = 0

    def __str__(self) -> str:
        if not self.recorded:
            return "plain"
        return f"recorded, {'no limit' if self.budget is None else f'budget {share(self.budget)}'}"


@dataclass(frozen=True)
class Difference:
    """A value that differs from the first plain run.

    Attributes:
        run: which of the runs.
        elements, size: how many elements differ, of how many; None where the shapes differ.
        largest: the largest absolute difference; None where there is none.
    """

    kind: str
    model: str
    name: str
    run: int
    elements: int | None = None
    size: int | None = None
    largest: float | None = None

    def __str__(self) -> str:
        name = ", ".join(filter(None, [self.model, self.kind, self.name]))
        if self.elements is None:
            return f"{name}: not there, or of another shape"
        largest = "" if self.largest is None else f", by at most {figure(self.largest)}"
        if self.largest is not None and 0 < self.largest < 1e-3:
            largest = f", by at most {self.largest:.3g}"
        return f"{name}: {self.elements:,} of {counted(self.size or 0, 'element')}{largest}"


@dataclass(frozen=True)
class Selfcheck:
    """What a selfcheck found.

    Attributes:
        models: those that were fitted, in order.
        runs: two plain ones, then the recorded ones.
        values: how many values were compared, by kind.
        unsure: what differs between the plain runs already, so that it says nothing.
        differences: what differs between the plain runs and a recorded one.
    """

    program: str
    models: tuple[str, ...]
    runs: tuple[CheckedRun, ...]
    values: Mapping[str, int]
    unsure: tuple[Difference, ...]
    differences: tuple[Difference, ...]

    @property
    def exit_code(self) -> int:
        """1 where recording changed something; 2 where that could not be seen of all; else 0."""
        if self.differences:
            return 1
        # A history may hold times; all else has to be proven.
        return 2 if any(each.kind not in ("history", "ending") for each in self.unsure) else 0


def selfcheck(plan: Plan, ended: Callable[[str], None]) -> Selfcheck:
    """Run a program twice plain and once recorded at each budget, each in its own process.

    Args:
        plan: what to check.
        ended: is told after each run that it is over.

    Raises:
        ArgumentError: there is no such program.
        ScriptError: it raises, or ends its process, without a recorder.
        NothingToCompareError: it fits no model, records itself, or cannot be recorded.
    """
    check_program(plan.program, is_module=plan.is_module)
    begun = [CheckedRun(False, None, 0.0)] * PLAIN_RUNS
    begun += [CheckedRun(True, budget, 0.0) for budget in plan.budgets]
    runs, results = list[CheckedRun](), list[Results]()
    with tempfile.TemporaryDirectory(prefix="pipetrace-selfcheck-") as folder:
        for number, run in enumerate(begun, 1):
            (place := Path(folder) / str(number)).mkdir()
            done, found = _run(plan, run, place)
            runs.append(done)
            results.append(found)
            ended(f"Run {number} of {len(begun)}, {done}: {duration(done.seconds)}")
    unsure = tuple(_differences(results[0], results[1], 1))
    doubtful = {(each.kind, each.model, each.name) for each in unsure}
    differences = (
        each
        for number in range(PLAIN_RUNS, len(runs))
        for each in _differences(results[0], results[number], number)
        if (each.kind, each.model, each.name) not in doubtful
    )
    program = "" if plan.program == REFERENCE else " ".join([plan.program, *plan.arguments])
    models = tuple(dict.fromkeys(model for _, model, _ in results[-1] if model))
    values = dict(Counter(kind for kind, _, _ in results[0]))
    return Selfcheck(program, models, tuple(runs), values, unsure, tuple(differences))


def _run(plan: Plan, run: CheckedRun, folder: Path) -> tuple[CheckedRun, Results]:
    began = time.perf_counter()
    with (folder / "output.txt").open("w+", encoding="utf-8", errors="replace") as output:
        ended = subprocess.run(
            # Without -P the working folder would stand before the program's own in its import path.
            [sys.executable, "-P", "-m", "pipetrace.selfcheck", str(folder)]
            + [json.dumps(asdict(each)) for each in (plan, run)],
            env={**os.environ, "PYTHONHASHSEED": "0"},
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr if plan.show_output else output,
            stderr=None if plan.show_output else output,
            check=False,
        )
        output.seek(0)
        lines = [line.rstrip() for line in output.read().splitlines() if line.strip()]
    said = "".join(f"\n   | {line}" for line in lines[-SHOWN_LINES:])
    seconds = time.perf_counter() - began
    if not (folder / "found.json").exists():
        code = ended.returncode
        raise ScriptError(
            f"The {'recorded' if run.recorded else 'plain'} run ended its process by "
            f"{f'signal {-code}' if code < 0 else f'exit code {code}'}, so that nothing can be "
            f"compared.{said}",
            where=plan.program,
            hint="Let the program end by itself, without os._exit; with --show-output all that it "
            "writes is seen.",
        )
    found = json.loads((folder / "found.json").read_text())
    if (refused := _refused(plan, run, found, said)) is not None:
        raise refused
    with np.load(folder / "arrays.npz", allow_pickle=False) as kept:
        results = {tuple(key): kept[str(at)] for at, key in enumerate(found["keys"])}
    epochs = sum(len(read(Path(each)).epochs) for each in found["traces"])
    return replace(run, seconds=seconds, epochs=epochs), results


def _refused(
    plan: Plan, run: CheckedRun, found: Mapping[str, Any], said: str
) -> PipetraceError | None:
    """The error where a run is none that can be compared."""
    kind, _, error = found["ending"]
    if run.recorded and not found["traces"]:
        reason = " ".join(found["told"]) or "No model was fitted where the recorder could see."
        what = f"The recorded run recorded nothing. {reason}"
        hint = "See what pipetrace run says of the program."
    elif run.recorded:
        return None
    elif kind == "raised":
        what = f"The program fails without a recorder: {error.rstrip('.')}.{said}"
        hint = "Repair it first, or give it the arguments that it needs, after its name."
        return ScriptError(what, where=plan.program, hint=hint)
    elif not found["fitted"]:
        what = f"The program fits no model, so there is nothing to compare.{said}"
        hint = "Give a program that calls fit of a Keras model in its own process."
    elif found["records_itself"]:
        what = "The program records itself with pipetrace, so there is no run without a recorder."
        hint = "Remove its Recorder or watch for this; selfcheck records it by itself."
    else:
        return None
    return NothingToCompareError(what, where=plan.program, hint=hint)


def _differences(first: Results, other: Results, run: int) -> Iterator[Difference]:
    for key in dict.fromkeys([*first, *other]):
        ours, theirs = first.get(key), other.get(key)
        if (
            ours is None
            or theirs is None
            or ours.dtype != theirs.dtype
            or ours.shape != theirs.shape
        ):
            yield Difference(*key, run)
        elif ours.tobytes() != theirs.tobytes():
            yield Difference(*key, run, *_elements(ours, theirs))


def _elements(ours: Array, theirs: Array) -> tuple[int, int, float | None]:
    """How many elements differ in any bit, of how many, and the largest absolute difference."""
    one, other = (
        np.ascontiguousarray(each).reshape(-1).view(np.uint8).reshape(each.size, -1)
        for each in (ours, theirs)
    )
    places = (one != other).any(axis=1)
    if ours.dtype.kind not in "fiu":
        return int(places.sum()), ours.size, None
    wide = [each.reshape(-1)[places].astype(np.float64) for each in (ours, theirs)]
    finite = np.abs(wide[0] - wide[1])[np.isfinite(wide[0]) & np.isfinite(wide[1])]
    return int(places.sum()), ours.size, float(finite.max()) if len(finite) else None


def as_json(found: Selfcheck, version: str) -> str:
    """All that was found."""
    made = {"version": JSON_VERSION, "pipetrace": version, "exit_code": found.exit_code}
    return json.dumps({**made, **encode(found)}, ensure_ascii=False, indent=1) + "\n"


def as_text(found: Selfcheck) -> str:
    """What was compared, what differs, and what that means."""
    lines = [f"Selfcheck of {found.program or 'the built-in program'}", ""]
    for kind, count in found.values.items():
        changed = {(each.model, each.name) for each in found.differences if each.kind == kind}
        doubtful = sum(each.kind == kind for each in found.unsure)
        words = "differ" if changed else "unknown" if doubtful == count else "same"
        doubt = f", {doubtful} unknown" if 0 < doubtful < count else ""
        lines.append(
            f"{KIND_NAMES[kind]:24}{count:6}  {f'{len(changed)} ' * bool(changed)}{words}{doubt}"
        )
    listed = [f"Differs when {found.runs[each.run]}: {each}" for each in found.differences]
    listed += [f"Differs between two plain runs: {each}" for each in found.unsure]
    lines += ["", *listed[:MOST_LISTED]]
    if len(listed) > MOST_LISTED:
        lines.append(f"{len(listed) - MOST_LISTED} more; --format json has all.")
    values = sum(found.values.values())
    if found.differences:
        changed_values = {(each.kind, each.model, each.name) for each in found.differences}
        differ = counted(len(changed_values), "value")
        lines.append(f"Recording made a difference in {differ} of {values}.")
    elif found.exit_code:
        lines.append(
            f"Not proven: {len(found.unsure)} of {values} values differ between two plain runs. "
            "Seed everything that the program draws from, or try --deterministic."
        )
    else:
        same = f"{values - len(found.unsure)} of {values} values are the same, bit by bit."
        lines.append(f"Recording changed nothing: {same}")
    return "\n".join([*lines, ""])


def main() -> None:
    """One run, in its own process: the program, recorded or not, and then what it left."""
    folder, plan, run = Path(sys.argv[1]), *map(json.loads, sys.argv[2:])
    fitted, traces, told = list[Fitted](), list[Path](), list[str]()
    if plan["seed"] is not None:
        random.seed(plan["seed"])
        np.random.seed(plan["seed"])
    with ExitStack() as stack:

        def ready() -> None:
            prepare(plan["seed"], deterministic=plan["deterministic"])
            if run["recorded"]:
                watched = Watched(
                    lambda number: folder / f"{number}.trace", {"budget": run["budget"]}
                )
                record_all(stack, watched, traces, told.append, "pipetrace selfcheck", {})
            stack.enter_context(remembering(fitted))

        stack.enter_context(when_imported(("keras", "tensorflow"), ready))
        ending = _ending(plan)
    results = results_of(fitted)
    results["ending", "", "end of the program"] = np.asarray(ending)
    # Types that NumPy cannot write, such as bfloat16, are exact in float32.
    plain: dict[str, Any] = {
        str(at): each.astype(np.float32) if each.dtype.kind == "V" else each
        for at, each in enumerate(results.values())
    }
    np.savez(folder / "arrays.npz", **plain)
    found = {
        "keys": list(results),
        "fitted": len(fitted),
        "records_itself": any(each.records_itself for each in fitted),
        "traces": [str(each) for each in traces],
        "told": told,
        "ending": ending,
    }
    (folder / "found.json").write_text(json.dumps(found))


def _ending(plan: Mapping[str, Any]) -> tuple[str, str, str]:
    """How the program ended: finished, ended or raised; its exit code; its error."""
    try:
        run_alone(plan["program"], plan["arguments"], is_module=plan["is_module"])
    except SystemExit as error:
        if error.__cause__ is None:
            return "ended" if error.code else "finished", str(error.code or 0), ""
        cause = error.__cause__
    except BaseException as error:  # Ctrl-C of the program's own, say
        traceback.print_exc()
        cause = error
    else:
        return "finished", "0", ""
    return "raised", "", "".join(traceback.format_exception_only(cause)).strip()


if __name__ == "__main__":
    main()
