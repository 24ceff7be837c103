"""What a notebook shows of a trace, of findings and of a quiz."""

import html
import json
from dataclasses import replace
from pathlib import Path

import pytest

import pipetrace
from pipetrace.present.page import trace_page
from pipetrace.trace import Trace
from pipetrace.trace.document import RUNNING, Ending


def test_a_trace_is_its_page_in_a_sandboxed_frame_with_its_text_beside(digits_trace: Trace) -> None:
    running = replace(digits_trace, ending=Ending(RUNNING))
    for trace in (digits_trace, running):
        shown = trace._repr_mimebundle_()
        page = html.escape(trace_page(trace, detail="brief", where="frame"))
        assert shown["text/html"].count('sandbox="allow-scripts" style="') == 1
        assert shown["text/html"].count(f'srcdoc="{page}"') == 1
        assert "data-reload" not in page
        assert "<pre>" in shown["text/html"].split("</iframe>")[1]
        assert len(shown["text/plain"].splitlines()) < 15
        assert trace.run.title in shown["text/plain"]


def test_a_recorder_is_shown_as_its_trace_or_says_that_there_is_none(
    digits_trace: Trace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = pipetrace.Recorder(tmp_path / "run.trace")
    shown = recorder._repr_mimebundle_()
    assert (list(shown), "No fit has come to its end" in shown["text/plain"]) == (
        ["text/plain"],
        True,
    )
    monkeypatch.setattr(pipetrace.Recorder, "trace", digits_trace)
    assert recorder._repr_mimebundle_() == digits_trace._repr_mimebundle_()


def test_findings_and_questions_are_tables_and_still_tuples(digits_trace: Trace) -> None:
    found, asked = pipetrace.findings(digits_trace), pipetrace.quiz(digits_trace)
    assert isinstance(found, tuple)
    assert json.dumps([each.code for each in found])
    for rows in (found, asked):
        shown = rows._repr_mimebundle_()
        assert shown["text/html"].count("<tr>") == (len(rows) + 1 if rows else 0)
        assert all(each.text in shown["text/plain"] for each in rows)
    hostile = type(asked)([replace(asked[0], text="<script>")])
    assert "<script>" not in hostile._repr_mimebundle_()["text/html"]
