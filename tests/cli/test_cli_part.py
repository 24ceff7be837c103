"""``show --stage`` and ``--expand``: a part of a trace, and all that is collapsed."""

import shlex
from contextlib import closing
from pathlib import Path

import pytest
from tests.cli.conftest import Run, is_message
from tests.graphs import deep

from pipetrace.present.build.document import document
from pipetrace.present.build.focus import focus
from pipetrace.present.markdown import document_markdown
from pipetrace.present.text import document_text
from pipetrace.trace import read
from pipetrace.trace.writer import TraceWriter


def test_a_stage_alone_is_shown_in_full(run: Run, here: Path) -> None:
    trace = read(here / "digits.trace")
    shown = run("show", "digits.trace", "--stage", "conv2d")
    assert (shown.code, shown.err) == (0, "")
    assert shown.out == document_text(focus(trace, "conv2d"), file="digits.trace")
    assert "Data flow of conv2d: 1 stage\n" in shown.out
    whole = document_text(document(trace))
    (block,) = [each for each in whole.split("\n\n") if each.startswith("3. Conv2D")]
    assert block in shown.out
    assert "\nTraining:" not in shown.out


def test_a_wrong_name_is_told(run: Run, here: Path) -> None:
    assert is_message(run("show", "digits.trace", "--stage", "conv2"), "no-such-stage", "--stage")
    assert is_message(run("show", "digits.trace", "--stage", ""), "no-such-stage")


def test_open_changes_nothing_where_nothing_is_collapsed(run: Run, here: Path) -> None:
    assert run("show", "digits.trace", "--expand") == run("show", "digits.trace")


@pytest.fixture
def large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A trace of 148 stages, in a file with a space in its name."""
    monkeypatch.chdir(tmp_path)
    trace = deep(nested=True)
    with closing(
        TraceWriter(tmp_path / "a b.trace", trace.run, trace.stages, groups=trace.groups)
    ) as writer:
        writer.end(trace.ending, {})
    return "a b.trace"


def test_what_is_collapsed_says_the_command_that_opens_it(run: Run, large: str) -> None:
    shown = run("show", large).out
    commands = [
        line.strip() for line in shown.splitlines() if line.startswith("    pipetrace show ")
    ]
    assert commands == [
        "pipetrace show 'a b.trace' --stage backbone",
        "pipetrace show 'a b.trace' --expand",
    ]
    assert "block9_bn2" not in shown
    inside = run(*shlex.split(commands[0])[1:]).out
    assert "2. Conv2D (stem)" in inside
    assert "pipetrace show 'a b.trace' --stage block1_conv1..block16_add" in inside
    block = run("show", large, "--stage", "block1_conv1..block16_add").out
    assert "block9_bn2" in block
    everything = run(*shlex.split(commands[1])[1:]).out
    assert "block9_bn2" in everything
    assert "is collapsed" not in everything.replace("\n", " ")


def test_markdown_is_that_of_the_document(run: Run, here: Path) -> None:
    shown = run("show", "digits.trace", "--markdown")
    assert (shown.code, shown.err) == (0, "")
    assert shown.out == document_markdown(document(read(here / "digits.trace")), "digits.trace")
