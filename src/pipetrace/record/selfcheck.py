"""Whether recording changes a training: a program run twice plain, then recorded, and compared."""

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

from pipetrace.capture.fingerprints import (
    Fitted,
    Results,
    model_name,
    prepare,
    remembering,
    results_of,
)
from pipetrace.errors import NothingToCompareError, ScriptError
from pipetrace.record.run import Watched, check_program, record_all, run_alone, when_imported
from pipetrace.trace import read
from pipetrace.trace.document import Array
from pipetrace.trace.selfcheck import CheckedRun, Difference, Selfcheck

REFERENCE = "pipetrace.capture.reference_program"
"""The module that is run where no program is given."""
PLAIN_RUNS = 2
SHOWN_LINES = 12
"""Of what a program wrote, in the message that it failed."""


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


def selfcheck(plan: Plan, ended: Callable[[int, int, CheckedRun], None]) -> Selfcheck:
    """Run a program twice plain and once recorded at each budget, each in its own process.

    Args:
        plan: what to check.
        ended: is called after each run with its number, the number of all, and the run.

    Raises:
        ArgumentError: there is no such program.
        ScriptError: it raises, or ends its process, without a recorder.
        NothingToCompareError: it fits no model, records itself, or cannot be recorded.
    """
    check_program(plan.program, is_module=plan.is_module)
    begun = [CheckedRun(False, None, 0.0)] * PLAIN_RUNS
    begun += [CheckedRun(True, budget, 0.0) for budget in plan.budgets]
    runs, results = list[CheckedRun](), list[Results]()
    models: tuple[str, ...] = ()
    with tempfile.TemporaryDirectory(prefix="pipetrace-selfcheck-") as folder:
        for number, run in enumerate(begun, 1):
            (place := Path(folder) / str(number)).mkdir()
            done, found, models = _run(plan, run, place)
            runs.append(done)
            results.append(found)
            ended(number, len(begun), done)
    unsure = tuple(_differences(results[0], results[1], 1))
    doubtful = {(each.kind, each.model, each.name) for each in unsure}
    differences = (
        each
        for number in range(PLAIN_RUNS, len(runs))
        for each in _differences(results[0], results[number], number)
        if (each.kind, each.model, each.name) not in doubtful
    )
    program = "" if plan.program == REFERENCE else " ".join([plan.program, *plan.arguments])
    values = dict(Counter(kind for kind, _, _ in results[0]))
    return Selfcheck(program, models, tuple(runs), values, unsure, tuple(differences))


def _run(plan: Plan, run: CheckedRun, folder: Path) -> tuple[CheckedRun, Results, tuple[str, ...]]:
    began = time.perf_counter()
    order = json.dumps([str(folder), asdict(plan), asdict(run)])
    with (folder / "output.txt").open("w+", encoding="utf-8", errors="replace") as output:
        ended = subprocess.run(
            # Without -P the working folder would stand before the program's own in its import path.
            [sys.executable, "-P", "-m", "pipetrace.record.selfcheck", order],
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
    _refuse(plan, run, found, said)
    with np.load(folder / "arrays.npz", allow_pickle=False) as kept:
        results = {tuple(key): kept[str(at)] for at, key in enumerate(found["keys"])}
    traces = [read(Path(each)) for each in found["traces"]]
    epochs = sum(len(trace.epochs) for trace in traces)
    return replace(run, seconds=seconds, epochs=epochs), results, tuple(found["models"])


def _refuse(plan: Plan, run: CheckedRun, found: Mapping[str, Any], said: str) -> None:
    """Raise where a run is none that can be compared."""

    def nothing(what: str, hint: str) -> NothingToCompareError:
        return NothingToCompareError(what, where=plan.program, hint=hint)

    kind, _, error = found["ending"]
    if run.recorded:
        if not found["traces"]:
            reason = " ".join(found["told"]) or "No model was fitted where the recorder could see."
            hint = "See what pipetrace run says of the program."
            raise nothing(f"The recorded run recorded nothing. {reason}", hint)
    elif kind == "raised":
        raise ScriptError(
            f"The program fails without a recorder: {error.rstrip('.')}.{said}",
            where=plan.program,
            hint="Repair it first, or give it the arguments that it needs, after its name.",
        )
    elif not found["models"]:
        hint = "Give a program that calls fit of a Keras model in its own process."
        raise nothing(f"The program fits no model, so there is nothing to compare.{said}", hint)
    elif found["records_itself"]:
        raise nothing(
            "The program records itself with pipetrace, so there is no run without a recorder.",
            "Remove its Recorder or watch for this; selfcheck records it by itself.",
        )


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


def main() -> None:
    """One run, in its own process: the program, recorded or not, and then what it left."""
    place, plan, run = json.loads(sys.argv[1])
    folder, fitted, traces, told = Path(place), list[Fitted](), list[Path](), list[str]()
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
                record_all(stack, watched, traces, told.append, "pipetrace selfcheck")
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
        "models": [model_name(number, each.model) for number, each in enumerate(fitted, 1)],
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
        if error.__cause__ is not None:
            return "raised", "1", _in_short(error.__cause__)
        return "ended" if error.code else "finished", str(error.code or 0), ""
    except BaseException as error:  # Ctrl-C of the program's own, say
        traceback.print_exc()
        return "raised", "", _in_short(error)
    return "finished", "0", ""


def _in_short(error: BaseException) -> str:
    return "".join(traceback.format_exception_only(error)).strip()


if __name__ == "__main__":
    main()
