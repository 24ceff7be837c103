"""A selfcheck as text and as JSON."""

import json

from pipetrace.explain.text import counted, duration, figure, share
from pipetrace.present.formats.json import encode
from pipetrace.trace.selfcheck import CheckedRun, Difference, Selfcheck

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


def as_json(found: Selfcheck, version: str) -> str:
    """All that was found."""
    made = {"version": JSON_VERSION, "pipetrace": version, "exit_code": found.exit_code}
    return json.dumps({**made, **encode(found)}, ensure_ascii=False, indent=1) + "\n"


def run_line(number: int, total: int, run: CheckedRun) -> str:
    """That a run is over."""
    return f"Run {number} of {total}, {_run(run)}: {duration(run.seconds)}"


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
    told = [
        f"Differs when {_run(found.runs[each.run])}: {_told(each)}" for each in found.differences
    ]
    told += [f"Differs between two plain runs: {_told(each)}" for each in found.unsure]
    lines += ["", *told[:MOST_LISTED]]
    if len(told) > MOST_LISTED:
        lines.append(f"{len(told) - MOST_LISTED} more; --format json has all.")
    return "\n".join([*lines, _conclusion(found), ""])


def _conclusion(found: Selfcheck) -> str:
    values = sum(found.values.values())
    if found.differences:
        changed = {(each.kind, each.model, each.name) for each in found.differences}
        return f"Recording made a difference in {counted(len(changed), 'value')} of {values}."
    if found.exit_code:
        return (
            f"Not proven: {len(found.unsure)} of {values} values differ between two plain runs. "
            "Seed everything that the program draws from, or try --deterministic."
        )
    same = values - len(found.unsure)
    return f"Recording changed nothing: {same} of {values} values are the same, bit by bit."


def _told(each: Difference) -> str:
    name = ", ".join(filter(None, [each.model, each.kind, each.name]))
    if each.elements is None:
        return f"{name}: not there, or of another shape"
    largest = "" if each.largest is None else f", by at most {figure(each.largest)}"
    if each.largest is not None and 0 < each.largest < 1e-3:
        largest = f", by at most {each.largest:.3g}"
    return f"{name}: {each.elements:,} of {counted(each.size or 0, 'element')}{largest}"


def _run(run: CheckedRun) -> str:
    if not run.recorded:
        return "plain"
    return f"recorded, {'no limit' if run.budget is None else f'budget {share(run.budget)}'}"
