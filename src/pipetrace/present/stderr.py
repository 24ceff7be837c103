"""What is said of findings beside a training: a line for each grave one at once, and the findings at its end."""

import textwrap
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pipetrace.explain.findings.engine import CheckOptions, check
from pipetrace.explain.findings.finding import ERROR, NOTE
from pipetrace.explain.findings.labels import in_a_line
from pipetrace.explain.overhead import omissions, spent
from pipetrace.present.build.findings import findings_view
from pipetrace.present.findings.plain import heading
from pipetrace.present.views import FindingsView
from pipetrace.trace import read

MOST = 5
"""So many findings are told in full at the end; the others are counted."""
WIDTH = 100


def meanwhile(path: Path) -> Iterator[tuple[str, str]]:
    """Of a trace that is still written, a line for each finding of the level error, with a key that names it.

    Args:
        path: the trace.
    """
    trace = read(path)
    for each in check(trace, CheckOptions(level=ERROR)).findings:
        if each.level == ERROR:
            yield f"{each.code} {each.stage}", f"pipetrace: {in_a_line(trace, each)}"


def at_end(path: Path) -> str:
    """What the rules found in a trace: warnings and errors with what to do, notes counted.

    Args:
        path: the trace.
    """
    view = findings_view(check(read(path), CheckOptions()))
    return "\n".join(
        _lines(replace(view, found=tuple(each for each in view.found if each.level != NOTE)))
    )


def took(path: Path) -> str:
    """What recording a trace took, and what was left out for that; empty where no budget was kept.

    Args:
        path: the trace.
    """
    trace = read(path)
    return f"{spent(trace)}. {omissions(trace)}".strip(". ")


def _lines(view: FindingsView) -> Iterator[str]:
    if view.title:
        yield from _wrapped(f"pipetrace: {view.title}{':' if view.found else '.'}", 0)
    for each in view.found[:MOST]:
        yield from _wrapped(heading(each), 2)
        yield from _wrapped(each.text, 5)
        yield from _wrapped(f"To do: {each.advice}", 5)
        yield from (f"        {line}".rstrip() for line in each.change.splitlines())
        if each.symptoms:
            yield from _wrapped(
                f"Root cause of: {'; '.join(heading(symptom) for symptom in each.symptoms)}.", 5
            )
    if len(view.found) > MOST:
        yield f"  and {len(view.found) - MOST} more."
    for text in view.failed:
        yield from _wrapped(f"pipetrace: {text}", 0)


def _wrapped(text: str, indent: int) -> list[str]:
    margin = " " * indent
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=margin,
        subsequent_indent=margin,
        break_long_words=False,
        break_on_hyphens=False,
    )
