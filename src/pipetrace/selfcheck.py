"""``pipetrace selfcheck``: a program run twice plain, then recorded, and compared bit by bit."""

import json
import os
import random
import subprocess
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipetrace.capture.backend import set_seed
from pipetrace.capture.weights import Fitted, Results, remembering, results_of
from pipetrace.errors import NothingToCompareError, ScriptError
from pipetrace.explain.formatting import counted
from pipetrace.record.run import Watched, check_program, record_all, run_alone, when_imported

SHOWN_LINES = 12
"""Of what a program wrote, in the message that it failed."""
LISTED_DIFFERENCES = 20


@dataclass(frozen=True)
class Difference:
    """An array that differs, in so many of its elements; None where it is missing or reshaped."""

    key: tuple[str, str, str]
    elements: int | None = None

    def __str__(self) -> str:
        how = "missing or reshaped" if self.elements is None else counted(self.elements, "element")
        return f"{', '.join(filter(None, self.key))}: {how}"


@dataclass(frozen=True)
class Selfcheck:
    """What a selfcheck found."""

    values: Mapping[str, int]  # how many arrays were compared, by kind
    # what differs between the plain runs already, so that it says nothing
    unsure: tuple[Difference, ...]
    # what else differs between the plain runs and the recorded one
    differences: tuple[Difference, ...]

    @property
    def exit_code(self) -> int:
        """1 where recording changed something; 2 where that could not be seen of all; else 0."""
        if self.differences:
            return 1
        # A history may hold times; all else has to be proven.
        return 2 if any(each.key[0] not in ("history", "ending") for each in self.unsure) else 0

    def __str__(self) -> str:
        lines = [f"Recording changed: {each}" for each in self.differences]
        lines += [f"Differs between two plain runs: {each}" for each in self.unsure]
        if (more := len(lines) - LISTED_DIFFERENCES) > 0:
            lines[LISTED_DIFFERENCES:] = [f"{more} more."]
        kinds = ", ".join(f"{kind} {count}" for kind, count in self.values.items())
        total = sum(self.values.values())
        lines.append(f"Compared {total} values: {kinds}.")
        if self.differences:
            differ = counted(len(self.differences), "value")
            lines.append(f"Recording made a difference in {differ} of {total}.")
        elif self.exit_code:
            lines.append(
                f"Not proven: {len(self.unsure)} of {total} values differ between two plain runs. "
                "Seed everything that the program draws from, or set TF_DETERMINISTIC_OPS=1."
            )
        else:
            same = f"{total - len(self.unsure)} of {total} values are the same, bit by bit."
            lines.append(f"Recording changed nothing: {same}")
        return "\n".join([*lines, ""])


def selfcheck(
    program: str,
    arguments: Sequence[str] = (),
    *,
    is_module: bool = False,
    budget: float | None = 0.02,
    seed: int = 0,
    show_output: bool = False,
) -> Selfcheck:
    """Run a program twice plain and once recorded, each time in its own process, and compare.

    Each run is seeded with ``seed``; the recorded one has the budget. With ``show_output`` the
    program's output goes to standard error. A ``ScriptError`` where it raises or ends its process
    without a recorder; a ``NothingToCompareError`` where it fits no model or cannot be recorded.
    """
    check_program(program, is_module=is_module)
    plan = json.dumps([program, list(arguments), is_module, budget, seed])
    plain, again, recorded = (
        _run(program, plan, how, show_output=show_output) for how in ("plain", "plain", "recorded")
    )
    unsure = tuple(_differences(plain, again))
    doubtful = {each.key for each in unsure}
    differences = tuple(each for each in _differences(plain, recorded) if each.key not in doubtful)
    return Selfcheck(Counter(kind for kind, _, _ in plain), unsure, differences)


def _run(program: str, plan: str, how: str, *, show_output: bool) -> Results:
    """One run in a process of its own; raises where it is none that can be compared."""
    with tempfile.TemporaryDirectory(prefix="pipetrace-selfcheck-") as folder:
        ran = subprocess.run(
            # Without -P the working folder would stand before the program's own.
            [sys.executable, "-P", "-m", "pipetrace.selfcheck", folder, plan, how],
            env={**os.environ, "PYTHONHASHSEED": "0"},
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr if show_output else subprocess.PIPE,
            stderr=None if show_output else subprocess.STDOUT,
            check=False,
        )
        lines = (ran.stdout or b"").decode(errors="replace").splitlines()
        shown = [line.rstrip() for line in lines if line.strip()][-SHOWN_LINES:]
        output = "".join(f"\n   | {line}" for line in shown)
        try:
            found = json.loads(Path(folder, "found.json").read_text())
        except FileNotFoundError:
            code = ran.returncode
            ended = f"signal {-code}" if code < 0 else f"exit code {code}"
            raise ScriptError(
                f"The {how} run ended its process by {ended}, so that nothing can be compared."
                f"{output}",
                where=program,
                hint="Let the program end by itself, without os._exit; with --show-output all that "
                "it writes is seen.",
            ) from None
        _check_comparable(program, found, output, recorded=how == "recorded")
        with np.load(Path(folder, "arrays.npz"), allow_pickle=False) as kept:
            return {tuple(json.loads(key)): kept[key] for key in kept.files}


def _check_comparable(
    program: str, found: Mapping[str, Any], output: str, *, recorded: bool
) -> None:
    _, error = found["ending"]
    if error and not recorded:
        raise ScriptError(
            f"The program fails without a recorder: {error.rstrip('.')}.{output}",
            where=program,
            hint="Repair it first, or give it the arguments that it needs, after its name.",
        )
    if recorded and not found["traces"]:
        reason = " ".join(found["told"]) or "No model was fitted where the recorder could see."
        what = f"The recorded run recorded nothing. {reason}"
        hint = "See what pipetrace run says of the program."
    elif not found["fits"]:
        what = f"The program fits no model, so there is nothing to compare.{output}"
        hint = "Give a program that calls fit of a Keras model in its own process."
    elif not recorded and found["has_recorder"]:
        what = "The program records itself with pipetrace, so there is no run without a recorder."
        hint = "Remove its Recorder or watch for this; selfcheck records it by itself."
    else:
        return
    raise NothingToCompareError(what, where=program, hint=hint)


def _differences(first: Results, other: Results) -> Iterator[Difference]:
    for key in dict.fromkeys([*first, *other]):
        pair = [np.ascontiguousarray(each[key]) for each in (first, other) if key in each]
        if len({(each.dtype, each.shape) for each in pair}) != 1 or len(pair) != 2:
            yield Difference(key)
            continue
        ours, theirs = (each.reshape(-1, 1).view(np.uint8) for each in pair)
        if elements := int((ours != theirs).any(axis=1).sum()):
            yield Difference(key, elements)


def main(folder: str, plan: str, how: str) -> None:
    """One run, in its own process: the program, recorded or not, and then what it left."""
    program, arguments, is_module, budget, seed = json.loads(plan)
    fits, traces, told = list[Fitted](), list[Path](), list[str]()
    random.seed(seed)
    np.random.seed(seed)
    with ExitStack() as stack:

        def ready() -> None:
            set_seed(seed)
            if how == "recorded":
                watched = Watched(lambda at: Path(folder, f"{at}.trace"), {"budget": budget})
                record_all(stack, watched, traces, told.append, "pipetrace selfcheck", {})
            stack.enter_context(remembering(fits))

        stack.enter_context(when_imported(("keras", "tensorflow"), ready))
        ending = _ending(program, arguments, is_module=is_module)
    results = results_of(fits)
    results["ending", "", "end of the program"] = np.asarray(ending)
    arrays: dict[str, Any] = {json.dumps(key): array for key, array in results.items()}
    np.savez(Path(folder, "arrays.npz"), **arrays)
    found = {
        "fits": len(fits),
        "has_recorder": "pipetrace.record.recorder" in sys.modules,
        "traces": len(traces),
        "told": told,
        "ending": ending,
    }
    Path(folder, "found.json").write_text(json.dumps(found))


def _ending(program: str, arguments: Sequence[str], *, is_module: bool) -> tuple[str, str]:
    """How the program ended: its exit code, and the error that it raised."""
    try:
        run_alone(program, arguments, is_module=is_module)
    except SystemExit as error:
        if error.__cause__ is None:
            return str(error.code or 0), ""
        raised = error.__cause__
    except BaseException as error:  # Ctrl-C of the program's own, say
        traceback.print_exc()
        raised = error
    else:
        return "0", ""
    return "", "".join(traceback.format_exception_only(raised)).strip()


if __name__ == "__main__":
    main(*sys.argv[1:])
