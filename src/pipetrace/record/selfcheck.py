"""Whether recording changes a training: a program run twice as it is and then recorded, and all that it left compared."""

import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from pipetrace.errors import NothingToCompareError, PipetraceError, ScriptError
from pipetrace.record.run import check_program
from pipetrace.record.selfcheck_run import Order
from pipetrace.trace import read
from pipetrace.trace.document import Array
from pipetrace.trace.events import RECORDER
from pipetrace.trace.selfcheck import KINDS, Difference, Ran, Selfcheck, Tally

REFERENCE = "pipetrace.capture.reference_program"
"""The module that is run where no program is given."""
PLAIN = 2
LAST_LINES = 12
"""Of what a program wrote, in the message that it failed."""

Key = tuple[str, str, str]
"""Kind, owner and name of a value."""


@dataclass(frozen=True)
class Plan:
    """What to check.

    Attributes:
        program, arguments, is_module: as for ``run_script``.
        budgets: of the recorded runs, one for each.
        seed: what to seed ahead of the program, in each run the same; None for nothing.
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

    @property
    def command(self) -> tuple[str, ...]:
        """The program as it would be started by Python."""
        return (*(("-m",) if self.is_module else ()), self.program, *self.arguments)


class Progress(Protocol):
    """Who hears how far it is."""

    def begins(self, number: int, total: int, ran: Ran) -> None:
        """A run begins; nothing is known of it yet but whether it is recorded, and at which budget."""

    def ends(self, number: int, total: int, ran: Ran) -> None:
        """It ended."""


@dataclass(frozen=True)
class _Found:
    """What one run left."""

    ran: Ran
    models: tuple[str, ...]
    values: Mapping[Key, Mapping[str, Any]]
    arrays: Mapping[Key, Array]


def selfcheck(plan: Plan, progress: Progress) -> Selfcheck:
    """Run a program twice plain and once recorded at each budget, each time in a process of its own, and compare.

    Args:
        plan: what to check.
        progress: hears how far it is.

    Raises:
        ArgumentError: there is no such program.
        ScriptError: it raises, or ends its process, without a recorder.
        NothingToCompareError: it fits no model, records itself, or cannot be recorded.
    """
    check_program(plan.program, is_module=plan.is_module)
    orders = [(False, None)] * PLAIN + [(True, budget) for budget in plan.budgets]
    found: list[_Found] = []
    with tempfile.TemporaryDirectory(prefix="pipetrace-selfcheck-") as folder:
        for number, (recorded, budget) in enumerate(orders, 1):
            place = Path(folder) / str(number)
            place.mkdir()
            order = Order(
                str(place),
                plan.program,
                plan.arguments,
                plan.is_module,
                recorded,
                budget,
                plan.seed,
                plan.deterministic,
            )
            progress.begins(number, len(orders), Ran(recorded, budget, 0.0))
            found.append(_run(plan, order))
            progress.ends(number, len(orders), found[-1].ran)
        return _compared(plan, found)


def _run(plan: Plan, order: Order) -> _Found:
    folder = Path(order.folder)
    began = time.perf_counter()
    # One name for all runs, since what is open in the process is compared.
    with (folder.parent / "output.txt").open("w+", encoding="utf-8", errors="replace") as output:
        ended = subprocess.run(
            # Without -P the working folder would stand ahead of the program's own in its import path.
            [
                sys.executable,
                "-P",
                "-m",
                "pipetrace.record.selfcheck_run",
                json.dumps(asdict(order)),
            ],
            env={**os.environ, "PYTHONHASHSEED": "0"},
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr if plan.show_output else output,
            stderr=None if plan.show_output else output,
            check=False,
        )
        output.seek(0)
        said = output.read()
    seconds = time.perf_counter() - began
    try:
        found = json.loads((folder / "found.json").read_text())
    except OSError:
        raise _died(plan, order, ended.returncode, said) from None
    if not order.recorded:
        _refuse(plan, found, said)
    elif not found["traces"]:
        reason = " ".join(found["told"]) or "No model was fitted where the recorder could see it."
        raise NothingToCompareError(
            f"The recorded run recorded nothing. {reason}",
            where=plan.program,
            hint="See what pipetrace run says of the program.",
        )
    epochs, lost = _recorded(found["traces"])
    with np.load(folder / "arrays.npz", allow_pickle=False) as kept:
        arrays = {
            _key(each): kept[str(at)] for at, each in enumerate(found["values"]) if str(at) in kept
        }
    values = {_key(each): each for each in found["values"]}
    return _Found(
        Ran(order.recorded, order.budget, seconds, epochs, lost),
        tuple(found["models"]),
        values,
        arrays,
    )


def _key(entry: Mapping[str, Any]) -> Key:
    return entry["kind"], entry["owner"], entry["name"]


def _died(plan: Plan, order: Order, code: int, said: str) -> ScriptError:
    how = f"signal {-code}" if code < 0 else f"exit code {code}"
    return ScriptError(
        f"The {'recorded' if order.recorded else 'plain'} run ended its process by {how}, so that nothing can be "
        f"compared.{_last(said)}",
        where=plan.program,
        hint="Let the program end by itself, without os._exit; with --show-output all that it writes is seen.",
    )


def _refuse(plan: Plan, found: Mapping[str, Any], said: str) -> None:
    """See whether a plain run is one that others can be compared with."""
    ending = found["ending"]
    if ending["kind"] == "raised":
        raise ScriptError(
            f"The program fails without a recorder: {ending['text'].rstrip('.')}.{_last(said)}",
            where=plan.program,
            hint="Repair it first, or give it the arguments that it needs, after its name.",
        )
    if not found["models"]:
        raise NothingToCompareError(
            f"The program fits no model, so there is nothing to compare.{_last(said)}",
            where=plan.program,
            hint="Give a program that calls fit of a Keras model in its own process.",
        )
    if found["records_itself"]:
        raise NothingToCompareError(
            "The program records itself with pipetrace, so that there is no run of it without a recorder.",
            where=plan.program,
            hint="Take its Recorder or its watch out for this; selfcheck records it by itself.",
        )


def _last(said: str) -> str:
    """The last lines of what a program wrote, set in below a message."""
    lines = [line.rstrip() for line in said.splitlines() if line.strip()][-LAST_LINES:]
    return "\n" + "\n".join(f"   | {line}" for line in lines) if lines else ""


def _recorded(traces: Sequence[str]) -> tuple[int, tuple[str, ...]]:
    """How many epochs the traces hold, and what the recorder could not record."""
    epochs, lost = 0, []
    for each in traces:
        try:
            trace = read(Path(each))
        except PipetraceError as error:
            lost.append(error.what)
            continue
        epochs += len(trace.epochs)
        lost += [f"{event.part}: {event.error}" for event in trace.events if event.kind == RECORDER]
    return epochs, tuple(lost)


def _compared(plan: Plan, found: Sequence[_Found]) -> Selfcheck:
    first = found[0]
    unsure = [
        each
        for run in range(1, PLAIN)
        for each in _differences(first, found[run], run, frozenset())
    ]
    left_out = frozenset((each.kind, each.owner, each.name) for each in unsure)
    differences = [
        each
        for run in range(PLAIN, len(found))
        for each in _differences(first, found[run], run, left_out)
    ]
    everything = Counter(
        kind for kind, _, _ in {key for run in found[:PLAIN] for key in run.values}
    )
    doubtful = Counter(kind for kind, _, _ in left_out)
    changed = Counter((each.kind, each.run) for each in differences)
    tallies = [
        Tally(
            kind,
            everything[kind],
            everything[kind] - doubtful[kind],
            tuple(
                max(0, everything[kind] - doubtful[kind] - changed[kind, run])
                for run in range(PLAIN, len(found))
            ),
        )
        for kind in KINDS
        if everything[kind] or any(changed[kind, run] for run in range(PLAIN, len(found)))
    ]
    return Selfcheck(
        program=" ".join(plan.command) if plan.program != REFERENCE else "",
        seed=plan.seed,
        deterministic=plan.deterministic,
        models=first.models,
        runs=tuple(each.ran for each in found),
        tallies=tuple(tallies),
        unsure=tuple(unsure),
        differences=tuple(differences),
    )


def _differences(
    first: _Found, other: _Found, run: int, without: frozenset[Key]
) -> Iterable[Difference]:
    """The values that are not the same, in the order of the first run's, then what only the other one has."""
    for key in dict.fromkeys([*first.values, *other.values]):
        ours, theirs = first.values.get(key), other.values.get(key)
        if key not in without and (
            ours is None or theirs is None or ours["digest"] != theirs["digest"]
        ):
            yield _difference(
                key, run, (ours, first.arrays.get(key)), (theirs, other.arrays.get(key))
            )


def _difference(
    key: Key,
    run: int,
    first: tuple[Mapping[str, Any] | None, Any],
    other: tuple[Mapping[str, Any] | None, Any],
) -> Difference:
    (ours, left), (theirs, right) = first, other
    if ours is None or theirs is None:
        return Difference(*key, run, plain=_in_short(ours), recorded=_in_short(theirs))
    if "texts" in ours and "texts" in theirs:
        gone, added = (
            Counter(ours["texts"]) - Counter(theirs["texts"]),
            Counter(theirs["texts"]) - Counter(ours["texts"]),
        )
        return Difference(*key, run, gone=tuple(gone.elements()), added=tuple(added.elements()))
    if (
        left is None
        or right is None
        or left.shape != right.shape
        or ours["dtype"] != theirs["dtype"]
    ):
        return Difference(*key, run, plain=_in_short(ours), recorded=_in_short(theirs))
    return Difference(*key, run, **_elements(left, right))


def _in_short(entry: Mapping[str, Any] | None) -> str:
    if entry is None:
        return "not there"
    if "texts" in entry:
        return "; ".join(entry["texts"]) or "empty"
    return f"{entry['dtype']} of shape {tuple(entry['shape'])}, SHA-256 {entry['digest'][:8]}"


def _elements(left: Array, right: Array) -> dict[str, Any]:
    """Which elements of two arrays of one shape and type differ in any bit, and by how much."""
    bits = [
        np.ascontiguousarray(each).reshape(-1).view(np.uint8).reshape(left.size, -1)
        for each in (left, right)
    ]
    places = np.flatnonzero((bits[0] != bits[1]).any(axis=1))
    found: dict[str, Any] = {"elements": len(places), "size": left.size}
    if not len(places):  # kept in another form than it was compared in
        return found
    place = tuple(int(each) for each in np.unravel_index(places[0], left.shape))
    found |= {"place": place, "plain": str(left[place]), "recorded": str(right[place])}
    if left.dtype.kind in "fiu":
        with np.errstate(all="ignore"):
            largest = np.abs(
                left.reshape(-1)[places].astype(np.float64)
                - right.reshape(-1)[places].astype(np.float64)
            )
        finite = largest[np.isfinite(largest)]
        found["largest"] = float(finite.max()) if len(finite) else math.nan
    return found
