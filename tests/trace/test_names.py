"""Names are text everywhere: each form of output with each hostile name, from a file that somebody forged."""

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from benchmarks.reliability import base_traces
from benchmarks.reliability.hostile_values import NAMES
from markdown_it import MarkdownIt
from tests.present.terminal import bare, in_terminal

from pipetrace.errors import HIDDEN, TraceNotFoundError, visible
from pipetrace.explain.findings.engine import check
from pipetrace.explain.quiz import quiz
from pipetrace.present.build.document import document
from pipetrace.present.formats import FORMS
from pipetrace.present.formats.json import to_json
from pipetrace.present.markdown import document_markdown
from pipetrace.present.page import page
from pipetrace.present.text import document_text
from pipetrace.trace import Trace, read

SHORT = [name for name in NAMES if name.strip() and len(name) < 1000]


def named(path: Path, name: str) -> Trace:
    """A trace with this name for its title, a class, a stage, a layer, a metric and an error."""
    base_traces.written(path)
    with closing(sqlite3.connect(path)) as database, database:
        for query in (
            "UPDATE stage SET name = ?1, layer = ?1, path = ?1 WHERE name = 'conv2d'",
            "UPDATE spec SET stage = ?1 WHERE stage = 'conv2d'",
            "UPDATE spec SET source = ?1, name = ?1 WHERE source = 'conv2d'",
            "UPDATE summary SET name = ?1 WHERE name = 'conv2d'",
            "UPDATE tensor SET name = ?1 WHERE name = 'conv2d'",
            "UPDATE metric SET name = ?1 WHERE name = 'accuracy'",
            "UPDATE ending SET kind = 'failed', error = ?1, stage = ?1",
            "UPDATE event SET stage = ?1",
            "UPDATE run SET value = json_quote(?1) WHERE key IN ('title', 'command')",
            (
                "UPDATE run SET value = json_set(value, '$.class_names[1]', ?1, '$.name', ?1, "
                "'$.notice', ?1) WHERE key = 'data'"
            ),
        ):
            database.execute(query, (name,))
    return read(path)


def outputs(trace: Trace) -> dict[str, str]:
    """All that can be put out of a trace, by the form."""
    made, report = document(trace), check(trace, file="a.trace")
    return {
        "terminal": bare(in_terminal(made, 100, "truecolor")),
        "text": document_text(made),
        "markdown": document_markdown(made),
        "page": page(made),
        "export": to_json(trace),
        "quiz": "\n".join(str(each) for each in quiz(trace)),
        **{f"check as {form}": write((report,), "0") for form, write in FORMS.items()},
    }


@pytest.mark.parametrize("name", SHORT)
def test_each_form_of_output_shows_each_name_as_text(tmp_path: Path, name: str) -> None:
    trace = named(tmp_path / "a.trace", name)
    assert trace.run.title == visible(name)
    found = outputs(trace)
    for form, said in found.items():
        assert said, form
        lines = said.splitlines()
        assert not HIDDEN.search("".join(lines)), form
        if form not in ("terminal", "page", "check as github"):  # whose lines go into logs
            assert not [line for line in lines if line.lstrip().startswith(("::", "##["))], form
    assert " ".join(visible(name).split()) in " ".join(found["terminal"].split())
    commands = found["check as github"].splitlines()
    assert all(re.match(r"::(error|warning|notice) (file=|title=)", each) for each in commands)
    tokens = MarkdownIt("commonmark").parse(found["markdown"])
    kinds = {
        child.type
        for token in tokens
        for child in token.children or ()
        if child.content != "<!-- -->"
    }
    assert not kinds & {"link_open", "image", "html_inline"}
    assert not [token for token in tokens if token.type == "html_block"]
    sarif = json.loads(found["check as sarif"])
    assert not [
        each for run in sarif["runs"] for each in run["results"] if "](" in each["message"]["text"]
    ]
    assert "<img" not in found["page"].partition('id="document">')[2].partition("</script>")[0]


def test_errors_show_names_as_text(tmp_path: Path) -> None:
    with pytest.raises(TraceNotFoundError) as caught:
        read(tmp_path / "no\x1b[31m\u202e.trace")
    assert "no\ufffd[31m\ufffd.trace" in caught.value.what
    assert not HIDDEN.search(str(caught.value))
