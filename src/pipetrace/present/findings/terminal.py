"""Findings in a terminal."""

from collections.abc import Iterator, Sequence

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from pipetrace.explain.findings.engine import Report
from pipetrace.explain.findings.labels import report_title
from pipetrace.present.build.findings import findings_view
from pipetrace.present.views import FindingsView, FindingView, Mark

STYLES = {"error": "bold red", "warning": "bold yellow", "note": "bold"}
INDENT = 3
WIDEST = 110
"""Sentences longer than this are hard to follow with the eye, however wide the window."""


def show(checked: Sequence[Report], console: Console) -> None:
    """Print what a check found."""
    width = min(console.width, WIDEST)
    for number, each in enumerate(checked):
        if number:
            console.print()
        console.print(
            Text.assemble((f"{each.file}: ", "bold"), f"{report_title(each)}."),
            width=width,
            highlight=False,
        )
        for part in findings(findings_view(each)):
            console.print(part, width=width, highlight=False)


def findings(view: FindingsView) -> Iterator[RenderableType]:
    """What was found, each with its evidence and what to do."""
    for each in view.found:
        yield finding(each)
    for text in view.failed:
        yield Padding(Text(text, "yellow"), (1, 0, 0, 0))


def finding(view: FindingView) -> RenderableType:
    """One finding, and in short its symptoms."""
    told: list[tuple[str, Text]] = []
    if view.evidence:
        told.append(("Evidence", Text(" ".join(view.evidence))))
    told.append(("Why", Text(view.why)))
    told.append(("To do", Text(view.advice)))
    if view.change:
        told.append(("", Text(view.change, "green")))
    if view.sure:
        told.append(("How sure", Text(f"{view.sure}.")))
    told += [
        ("Root cause of", Text.assemble(_heading(each), f": {each.text}")) for each in view.symptoms
    ]
    table = Table.grid(padding=(0, 1))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(ratio=1)
    for name, text in told:
        table.add_row(name, text)
    body = Group(Text(view.text), table)
    return Group(Text(), _heading(view), Padding(body, (0, 0, 0, INDENT)))


def marks(found: Sequence[Mark]) -> Iterator[Text]:
    """What was found at a place."""
    for mark in found:
        yield Text.assemble(
            (f"{mark.level} ", STYLES[mark.level]), (f"{mark.rule}: ", "bold"), mark.text
        )


def _heading(view: FindingView) -> Text:
    places = ", ".join(link.text for link in view.places)
    return Text.assemble(
        (f"{view.level} ", STYLES[view.level]),
        (view.rule, "bold"),
        (f"  {places}" if places else "", "cyan"),
    )
