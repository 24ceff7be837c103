"""What a notebook shows: a trace's page in a frame, findings and a quiz as tables, and text."""

import html
from collections.abc import Iterable, Sequence
from typing import Any

from pipetrace.comparison.records import Comparison
from pipetrace.errors import PipetraceError
from pipetrace.explain.findings.finding import Finding, Findings
from pipetrace.explain.quiz import Question, Quiz
from pipetrace.present.blocks import LETTERS
from pipetrace.present.build.detail import BRIEF
from pipetrace.present.build.document import document
from pipetrace.present.comparison.blocks import comparison_blocks
from pipetrace.present.formats.runs import runs_as_text, table_of
from pipetrace.present.live.cell import html_table
from pipetrace.present.markdown import write_markdown
from pipetrace.present.page import FRAME, trace_page
from pipetrace.present.text import document_text, write_text_of
from pipetrace.present.views import Document
from pipetrace.run_table.table import Runs
from pipetrace.trace.document import Trace

CELL = "text-align: left; vertical-align: top"
HEIGHT = 720
"""Pixels of the frame; a reader can pull it larger."""
FINDING = ("severity", "rule", "where", "what is wrong", "what to do")
QUESTION = ("question", "options")


def bundle(shown: Any) -> dict[str, str]:
    """The plain text and the HTML of a trace, a recorder with a trace, findings or a quiz; of a
    comparison the Markdown."""
    if isinstance(shown, Findings):
        return _tables(FINDING, [_finding(each) for each in shown], "findings")
    if isinstance(shown, Quiz):
        return _tables(QUESTION, [_question(each) for each in shown], "questions")
    if isinstance(shown, Comparison):
        blocks = tuple(comparison_blocks(shown))
        return {"text/plain": write_text_of(blocks), "text/markdown": write_markdown(blocks)}
    if isinstance(shown, Runs):
        return {**_tables(*table_of(shown), "runs"), "text/plain": runs_as_text(shown)}
    try:
        return _trace(shown if isinstance(shown, Trace) else shown.trace)
    except PipetraceError as error:
        return {"text/plain": f"{shown!r}\n{error.what}"}


def _trace(trace: Trace) -> dict[str, str]:
    made = document(trace)
    label = html.escape(f"{made.title} · {made.kind}")
    page = html.escape(trace_page(trace, detail=BRIEF, where=FRAME))
    style = f"width: 100%; height: {HEIGHT}px; border: 1px solid #8888; resize: vertical"
    frame = f'<iframe title="{label}" sandbox="allow-scripts" style="{style}" srcdoc="{page}">'
    text = f"<pre>{html.escape(document_text(made))}</pre>"
    whole = f"<details><summary>{label} as text</summary>{text}</details>"
    return {"text/plain": _summary(made), "text/html": f"{frame}</iframe>\n{whole}"}


def _summary(made: Document) -> str:
    """What was measured, in a few lines."""
    figures = [
        f"{each.name}: {each.text}{f' ({each.note})' if each.note else ''}" for each in made.figures
    ]
    facts = " · ".join((made.kind, *made.facts))
    return "\n".join([made.title, facts, made.headline, *figures, made.findings.title])


def _finding(each: Finding) -> tuple[str, ...]:
    change = f" {each.change}" if each.change else ""
    where = each.stage or "the whole run"
    return each.level, f"{each.code} {each.name}", where, each.text, f"{each.advice}{change}"


def _question(each: Question) -> tuple[str, str]:
    options = [f"{letter}: {option}" for letter, option in zip(LETTERS, each.options, strict=False)]
    return each.text, "\n".join(options)


def _tables(columns: Sequence[str], rows: Iterable[Sequence[str]], what: str) -> dict[str, str]:
    """The same table as text and as HTML."""
    found = list(rows)
    if not found:
        return {"text/plain": f"No {what}.", "text/html": f"<p>No {what}.</p>"}
    lines = [[f"{name}: {cell}" for name, cell in zip(columns, row, strict=True)] for row in found]
    text = "\n\n".join("\n".join(each) for each in lines)
    return {"text/plain": text, "text/html": html_table(columns, found, CELL)}
