"""What pipetrace prints to standard error: errors during training, all findings at its end."""

import textwrap
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pipetrace.explain.findings import labels
from pipetrace.explain.findings.engine import CheckOptions, check
from pipetrace.explain.findings.finding import NOTE, Finding
from pipetrace.explain.findings.rules.stopping import RunNotFinished
from pipetrace.explain.overhead import omissions, spent
from pipetrace.present.build.findings import findings_view
from pipetrace.present.compose import findings_blocks
from pipetrace.present.live.cell import in_cell
from pipetrace.present.text import write_text_of
from pipetrace.trace import Trace, read
from pipetrace.trace.document import RUNNING

__all__ = ["at_end", "in_a_line", "in_cell", "log_artifacts", "meanwhile", "so_far"]

MOST = 5
"""So many findings are printed in full at the end; the others are counted."""
STDERR_WIDTH = 100


def meanwhile(path: Path) -> Iterator[tuple[Finding, str]]:
    """The findings of a trace that may still be written, each with a line."""
    return so_far(read(path))


def so_far(trace: Trace) -> Iterator[tuple[Finding, str]]:
    """The same of a trace; that the run has not finished is none while it runs."""
    for each in check(trace, CheckOptions()).findings:
        if trace.ending.kind != RUNNING or each.code != RunNotFinished.code:
            yield each, labels.in_a_line(trace, each)


def at_end(path: Path) -> str:
    """The overhead of a finished trace, and its errors and warnings with their fixes."""
    trace = read(path)
    view = findings_view(check(trace, CheckOptions()))
    found = [each for each in view.found if each.level != NOTE]
    parts = []
    if overhead := spent(trace):
        parts.append(_noted(f"recording took {overhead}. {omissions(trace)}"))
    if view.title:
        parts.append(_noted(f"{view.title}{':' if found else '.'}"))
    shown = findings_blocks(replace(view, found=tuple(found[:MOST]), failed=()), brief=True)
    text = write_text_of([*shown], STDERR_WIDTH - 2).strip("\n")
    parts.append(textwrap.indent(text, "  "))
    if len(found) > MOST:
        parts.append(f"  and {len(found) - MOST} more.")
    return "\n".join(part for part in [*parts, *map(_noted, view.failed)] if part)


def in_a_line(path: Path) -> str:
    """How many findings a finished trace has."""
    return f"{findings_view(check(read(path), CheckOptions())).title.rstrip('.')}."


def log_artifacts(path: Path, tracker: str) -> str | None:
    """Put a finished trace and its page among the artifacts of an active run."""
    from pipetrace.present.export import trackers

    return trackers.log_artifacts(path, tracker)


def _noted(text: str) -> str:
    """A line that names its origin; where it is long, the rest of it is indented."""
    return textwrap.fill(
        f"pipetrace: {text}",
        STDERR_WIDTH,
        subsequent_indent="  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
