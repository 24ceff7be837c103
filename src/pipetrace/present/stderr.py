"""What pipetrace prints to standard error during a training: errors at once, all findings at its end."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pipetrace.explain.findings.engine import CheckOptions, check
from pipetrace.explain.findings.finding import ERROR, NOTE
from pipetrace.explain.findings.labels import in_a_line
from pipetrace.explain.overhead import omissions, spent
from pipetrace.present.blocks import Block, Paragraph, findings_blocks
from pipetrace.present.build.findings import findings_view
from pipetrace.present.text import write_text_of
from pipetrace.trace import read

MOST = 5
"""So many findings are printed in full at the end; the others are counted."""
STDERR_WIDTH = 100


def meanwhile(path: Path) -> Iterator[tuple[str, str]]:
    """For a trace that is still being written, a line for each error, with a key that names it.

    Args:
        path: the trace.
    """
    trace = read(path)
    for each in check(trace, CheckOptions(level=ERROR)).findings:
        if each.level == ERROR:
            yield f"{each.code} {each.stage}", f"pipetrace: {in_a_line(trace, each)}"


def at_end(path: Path) -> str:
    """What the rules found in a finished trace: errors and warnings with their fixes.

    Args:
        path: the trace.
    """
    view = findings_view(check(read(path), CheckOptions()))
    found = [each for each in view.found if each.level != NOTE]
    lines: list[Block] = []
    if view.title:
        lines.append(Paragraph(f"pipetrace: {view.title}{':' if found else '.'}"))
    lines += findings_blocks(replace(view, found=tuple(found[:MOST]), failed=()), brief=True)
    if len(found) > MOST:
        lines.append(Paragraph(f"and {len(found) - MOST} more."))
    lines += [Paragraph(f"pipetrace: {text}") for text in view.failed]
    return write_text_of(lines, STDERR_WIDTH).strip("\n")


def took(path: Path) -> str:
    """The overhead of recording, and what was skipped to stay within the budget; empty without a budget.

    Args:
        path: the trace.
    """
    trace = read(path)
    return f"{spent(trace)}. {omissions(trace)}".strip(". ")
