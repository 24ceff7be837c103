"""Markdown: what a real parser finds in it is what the document says, whatever the names are."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token
from tests.graphs import UNET, deep, lined, trace_of
from tests.rules import WRONG, only
from tests.traces import HOSTILE, broken, killed, renamed

from pipetrace.present.build.document import document
from pipetrace.present.markdown import CUT, code, document_markdown, escaped
from pipetrace.trace import Trace

PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
PLAIN = {"text", "text_special", "code_inline", "strong_open", "strong_close"}
MARKUP = "# *x* [y](z) ![i](j) `c` | <b>b</b> &amp; ~~s~~ __u__ $m$ 1. - > https://x.y"


def seen(token: Token) -> list[Token]:
    """What is within, without the comments that keep GitHub from making links."""
    return [child for child in token.children or () if child.content != CUT]


def inline(tokens: list[Token]) -> list[Token]:
    return [child for token in tokens for child in seen(token)]


def text_of(token: Token) -> str:
    return "".join(child.content for child in seen(token))


def headings(tokens: list[Token], tag: str) -> list[str]:
    return [
        text_of(tokens[at + 1])
        for at, token in enumerate(tokens)
        if token.type == "heading_open" and token.tag == tag
    ]


def tables(tokens: list[Token]) -> list[list[list[str]]]:
    found: list[list[list[str]]] = []
    for at, token in enumerate(tokens):
        if token.type == "table_open":
            found.append([])
        elif token.type == "tr_open":
            found[-1].append([])
        elif token.type in ("th_open", "td_open"):
            found[-1][-1].append(text_of(tokens[at + 1]))
    return found


def test_the_sections_and_stages_are_headings(digits_trace: Trace) -> None:
    made = document(digits_trace)
    tokens = PARSER.parse(document_markdown(made))
    assert headings(tokens, "h1") == [made.title]
    assert [text.partition(" (")[0] for text in headings(tokens, "h2")] == [
        "Data flow",
        "Training",
        "Prediction",
        "Quiz",
        "Key insight",
        "About this trace",
    ]
    stages = [f"{stage.number}. {stage.title} ({stage.name})" for stage in made.stages]
    assert headings(tokens, "h3")[: len(stages)] == stages


def test_the_epochs_are_a_table(digits_trace: Trace) -> None:
    view = document(digits_trace).training
    table = next(
        table
        for table in tables(PARSER.parse(document_markdown(document(digits_trace))))
        if table[0][0] == "epoch"
    )
    assert table == [list(view.columns[:-1]), *(list(row.cells) for row in view.rows)]


def test_findings_have_their_evidence_and_their_code(
    digits_trace: Trace, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, *WRONG)
    made = document(digits_trace)
    tokens = PARSER.parse(document_markdown(made))
    found = made.findings.found
    for view, heading in zip(found, headings(tokens, "h3"), strict=False):
        assert heading.startswith(f"{view.level.capitalize()} {view.rule}")
    fences = [token.content for token in tokens if token.type == "fence" and token.info == "python"]
    assert fences == [f"{view.change}\n" for view in found if view.change]
    written = " ".join(text_of(token) for token in tokens if token.type == "inline")
    assert all(evidence in written for view in found for evidence in view.evidence)


def test_the_graph_is_a_fenced_block_with_a_line_for_each_stage() -> None:
    trace = trace_of(lined(UNET))
    tokens = PARSER.parse(document_markdown(document(trace)))
    (graph,) = [token.content for token in tokens if token.type == "fence"]
    lines = graph.splitlines()
    assert len(lines) == len(trace.stages)
    assert all(stage.name in line for stage, line in zip(trace.stages, lines, strict=True))


def test_a_collapsed_group_is_one_entry_and_has_its_commands() -> None:
    tokens = PARSER.parse(document_markdown(document(deep(nested=True)), "a.trace"))
    assert "■ 2-146. backbone (Functional)" in headings(tokens, "h3")
    commands = [token.content for token in tokens if token.info == "console"]
    assert commands == [
        "pipetrace show a.trace --stage backbone\npipetrace show a.trace --expand\n"
    ]


def test_names_never_become_markup(digits_trace: Trace) -> None:
    for trace in (
        renamed(digits_trace, HOSTILE),
        renamed(digits_trace, MARKUP),
        broken(renamed(digits_trace, MARKUP)),
        killed(renamed(digits_trace, MARKUP), 0),
    ):
        tokens = PARSER.parse(document_markdown(document(trace)))
        assert {token.type for token in inline(tokens)} <= PLAIN
        assert not {"html_block", "code_block", "hr"} & {token.type for token in tokens}
        assert headings(tokens, "h1") == [" ".join(trace.run.title.split())]


def test_addresses_people_and_issues_become_no_links() -> None:
    for live in ("https://a.b", "HTTP://a.b", "www.a.b", "@team", "x#12"):
        assert CUT in escaped(live)
    assert escaped("a: b, c@ d, # 3, 5 // 2") == "a: b, c@ d, # 3, 5 // 2"


@given(st.text(st.sampled_from(string.printable + "éü“”→■"), max_size=40))
def test_an_escaped_text_is_read_as_it_was(text: str) -> None:
    words = " ".join(text.split())
    tokens = PARSER.parse(escaped(text))
    if not words:
        assert tokens == []
        return
    assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"]
    assert {token.type for token in inline(tokens)} <= {"text", "text_special"}
    assert text_of(tokens[1]) == words


@given(st.text(st.sampled_from("`a b|*"), min_size=1, max_size=12))
def test_a_code_span_is_read_as_it_was(text: str) -> None:
    words = " ".join(text.split())
    if not words:
        return
    (token,) = inline(PARSER.parse(f"x {code(text)}"))[1:]
    assert (token.type, token.content) == ("code_inline", words)
