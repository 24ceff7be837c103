"""A selfcheck in the terminal, in plain text and as JSON."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from pipetrace.explain.text import counted, duration, figure, listed, share
from pipetrace.present.formats.json import encode
from pipetrace.trace.selfcheck import Difference, Ran, Selfcheck, Tally

FORM = 1
"""The version of the JSON's form; it changes where a key goes or means something else."""
NAMES = {
    "weight": "weights",
    "optimizer": "optimizer variables",
    "metric": "metric variables",
    "generator": "layers' seed states",
    "history": "history of fit",
    "random": "random state",
    "left": "left in the process",
    "ending": "end of the program",
}
ONE = {
    "weight": "weight",
    "optimizer": "optimizer variable",
    "metric": "metric variable",
    "generator": "seed state",
}
STATES = ("generator", "random")
"""Kinds whose figures say nothing by themselves."""
MOST = 12
"""Differences that are told of each run; the others are counted, and JSON has all."""
MOST_TEXTS = 3
WIDEST = 110


class Told:
    """Says on a console, best standard error, how far a selfcheck is."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._status: Any = None

    def begins(self, number: int, total: int, ran: Ran) -> None:
        """A run begins; in a terminal that is seen."""
        if self.console.is_terminal:
            self._status = self.console.status(f"Run {number} of {total}, {_run(ran)} ...")
            self._status.start()

    def ends(self, number: int, total: int, ran: Ran) -> None:
        """A run ended: a line that stays."""
        if self._status is not None:
            self._status.stop()
        self.console.print(
            f"Run {number} of {total}, {_run(ran)}: {duration(ran.seconds)}", highlight=False
        )


def as_json(found: Selfcheck, version: str) -> str:
    """For programs: all that was found."""
    made = {"version": FORM, "pipetrace": version, "exit_code": found.exit_code, **encode(found)}
    return json.dumps(made, ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def show(found: Selfcheck, console: Console) -> None:
    """Print what was compared, what differs, and what that says."""
    width = min(console.width, WIDEST)
    for part in _parts(found):
        console.print(part, width=width, highlight=False)


def _parts(found: Selfcheck) -> Iterator[Any]:
    yield Text.assemble((f"Selfcheck of {found.program or 'the built-in program'}", "bold"))
    seeded = "nothing seeded" if found.seed is None else f"seed {found.seed}"
    yield Text(
        f"{counted(len(found.models), 'model')} fitted: {_some(found.models)}; {seeded}; TensorFlow "
        f"{'told to be deterministic' if found.deterministic else 'as it is'}.",
        "dim",
    )
    yield Text()
    yield _table(found)
    yield Text()
    for lines, runs in _by_run(found).items():
        yield Text(f"With the recorder, {listed([_budget(run) for run in runs])}:", "bold red")
        yield from _listed(lines)
    if found.unsure:
        yield Text(
            "Two plain runs differ already, so this says nothing of the recorder:", "bold yellow"
        )
        yield from _listed([_told(each, "in the other") for each in found.unsure])
    for run in found.runs:
        if run.lost:
            yield Text(
                f"The recorder, {_budget(run)}, could not record: {'; '.join(run.lost)}", "yellow"
            )
    yield _conclusion(found)


def _by_run(found: Selfcheck) -> dict[tuple[str, ...], list[Ran]]:
    """What differs, with the recorded runs in which just that does."""
    told: dict[tuple[str, ...], list[Ran]] = {}
    for number, run in enumerate(found.runs):
        lines = tuple(_told(each, "recorded") for each in found.differences if each.run == number)
        if lines:
            told.setdefault(lines, []).append(run)
    return told


def _table(found: Selfcheck) -> Table:
    table = Table(box=None, padding=(0, 1), pad_edge=False, header_style="dim")
    table.add_column("")
    table.add_column("plain runs\nagree in", justify="right")
    for run in found.recorded:
        table.add_column(_budget(run).replace(" ", "\n", 1), justify="right")
    for tally in found.tallies:
        sure = tally.agree == tally.values
        agree = Text(f"{tally.agree} of {tally.values}", "" if sure else "bold yellow")
        table.add_row(NAMES[tally.kind], agree, *(_same(tally, same) for same in tally.same))
    table.add_row(
        Text("epochs recorded", "dim"),
        "",
        *(Text(str(run.epochs), "dim") for run in found.recorded),
    )
    plain = [run for run in found.runs if not run.recorded]
    seconds = Text(listed([_short(run) for run in plain]), "dim")
    table.add_row(
        Text("time, no benchmark", "dim"),
        seconds,
        *(Text(_short(run), "dim") for run in found.recorded),
    )
    return table


def _same(tally: Tally, same: int) -> Text:
    if not tally.agree:
        return Text("?", "bold yellow")
    changed = tally.agree - same
    return (
        Text("same", "green")
        if not changed
        else Text(f"{changed} differ{'s' if changed == 1 else ''}", "bold red")
    )


def _conclusion(found: Selfcheck) -> Text:
    values = sum(each.values for each in found.tallies)
    sure = sum(each.agree for each in found.tallies)
    budgets = "at every budget" if len(found.recorded) > 1 else f"{_budget(found.recorded[0])}"
    if found.differences:
        changed = len({(each.kind, each.owner, each.name) for each in found.differences})
        return Text(
            f"Recording made a difference in {changed} of {counted(sure, 'value')}.", "bold red"
        )
    if found.exit_code:
        return Text(
            f"Not proven: {values - sure} of {counted(values, 'value')} differ between two plain runs. The {sure} others are "
            f"the same with the recorder, {budgets}. Seed all that the program draws from, or try --deterministic.",
            "bold yellow",
        )
    if found.unsure:
        return Text(
            f"Recording changed nothing: the {sure} values in which two plain runs agree are the same, bit by bit, {budgets}. "
            f"The other {values - sure} cannot say.",
            "bold green",
        )
    return Text(
        f"Recording changed nothing: {sure} of {values} values are the same, bit by bit, {budgets}.",
        "bold green",
    )


def _listed(lines: Sequence[str]) -> Iterator[Padding]:
    for line in lines[:MOST]:
        yield Padding(Text(line), (0, 0, 0, 2))
    if len(lines) > MOST:
        yield Padding(
            Text(f"and {len(lines) - MOST} more; --format json has all", "dim"), (0, 0, 0, 2)
        )


def _told(each: Difference, other: str) -> str:
    """One difference in words."""
    called = (
        f"{ONE.get(each.kind, NAMES[each.kind])} {each.name}" if each.kind in ONE else each.name
    )
    name = ", ".join(filter(None, [each.owner, called]))
    if each.elements is not None and each.kind in STATES:
        told = "in another state"
    elif each.elements is not None:
        told = f"{each.elements:,} of {counted(each.size or 0, 'element')} differ{'s' if each.elements == 1 else ''}"
        place = f"[{', '.join(map(str, each.place))}] " if each.place else ""
        told += f", {place}is {each.plain} plain and {each.recorded} {other}"
        if each.largest is not None and (each.elements > 1 or not each.place):
            told += f", at most by {_exactly(each.largest)}"
    elif each.gone or each.added:
        told = "; ".join(
            f"{word}: {_some(texts)}"
            for word, texts in (("new", each.added), ("gone", each.gone))
            if texts
        )
    elif each.plain or each.recorded:
        told = f"{each.plain} plain and {each.recorded} {other}"
    else:
        told = "the same in another order"
    return f"{name}: {told}."


def _exactly(value: float) -> str:
    """Three digits; what ``figure`` calls nearly zero is a difference here."""
    return f"{value:.3g}" if 0 < abs(value) < 1e-3 else figure(value)


def _some(texts: Sequence[str]) -> str:
    more = len(texts) - MOST_TEXTS
    return ", ".join([*texts[:MOST_TEXTS], *([f"and {more} more"] if more > 0 else [])])


def _short(run: Ran) -> str:
    return f"{run.seconds:.1f} s" if run.seconds < 120 else duration(run.seconds)


def _run(run: Ran) -> str:
    return f"recorded, {_budget(run)}" if run.recorded else "plain"


def _budget(run: Ran) -> str:
    return "no limit" if run.budget is None else f"budget {share(run.budget)}"
