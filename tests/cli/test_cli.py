"""The command: what it prints, where it writes, and what it needs."""

import io
import json
import os
import subprocess
import sys
import webbrowser
import zipfile
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from rich.console import Console
from tests.cli.conftest import COMMAND, Ran, Run, is_message, listing, start
from tests.test_docs_messages import kinds

from pipetrace import __version__
from pipetrace.cli import commands, teach
from pipetrace.errors import IncompleteTraceError
from pipetrace.present.build.document import document
from pipetrace.present.formats.json import to_json
from pipetrace.present.page import trace_page
from pipetrace.present.quiz_prompt import ask
from pipetrace.present.text import document_text
from pipetrace.trace import Trace, read

FRAMEWORKS = {"keras", "tensorflow", "jax", "torch"}
NAMES = sorted(commands.commands)


# Help


def test_each_command_tells_its_options(run: Run) -> None:
    for name in NAMES:
        shown = run(name, "--help")
        assert shown == run(name, "-h")
        assert (shown.code, shown.err) == (0, "")
        assert shown.out.startswith(f"Usage: pipetrace {name} [OPTIONS]")
        for parameter in commands.commands[name].params:
            if isinstance(parameter, click.Option):
                assert parameter.opts[0] in shown.out
                assert parameter.help, (name, parameter.name)
        assert all(len(line) <= 100 for line in shown.out.splitlines())


def test_the_command_names_its_parts_and_where_to_start(run: Run) -> None:
    shown = run("--help")
    assert shown.code == 0
    assert "Start with: pipetrace digits" in shown.out
    for name in NAMES:
        assert f"  {name} " in shown.out
    bare = run()
    assert shown.out.strip() in (bare.out + bare.err)


def test_the_summaries_are_whole_on_80_columns(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    shown = run("--help").out
    for name in NAMES:
        assert commands.commands[name].get_short_help_str(500) in shown
    assert "..." not in shown.partition("Commands:")[2]
    assert all(len(line) <= 80 for line in shown.splitlines())


def test_help_explains_commands_messages_rules_and_the_schema(run: Run) -> None:
    assert run("help") == run("--help")
    for name in NAMES:
        assert run("help", name) == run(name, "--help")
    for slug in {kind.slug for kind in kinds()}:
        shown = run("help", slug)
        assert (shown.code, shown.err) == (0, "")
        assert shown.out.startswith(f"{slug}\n\n")
        assert len(shown.out.split()) > 5, slug
        assert "](" not in shown.out
    for rule in ("PT001", "PT801", "run-not-finished"):
        assert run("help", rule) == run("rules", rule)
    assert "$defs" in json.loads(run("help", "schema").out)
    wrong = run("help", "diskfull")
    assert is_message(wrong, "bad-argument", "TOPIC")
    assert "disk-full" in wrong.err


def test_the_version_is_that_of_the_package(run: Run) -> None:
    assert run("--version") == Ran(0, f"pipetrace, version {__version__}\n", "")


# Showing a trace


def test_show_prints_the_document_as_plain_text_into_a_pipe(run: Run, here: Path) -> None:
    expected = document_text(document(read(here / "digits.trace")), "digits.trace")
    assert run("show", "digits.trace") == Ran(0, expected, "")
    assert run("show", "digits.trace", "--plain") == Ran(0, expected, "")


def test_page_writes_beside_the_trace(run: Run, here: Path) -> None:
    before = listing(here)
    assert run("page", "digits.trace") == Ran(0, "Wrote digits.html\n", "")
    after = listing(here)
    assert after.keys() - before.keys() == {"digits.html"}
    trace = read(here / "digits.trace")
    assert after["digits.html"].decode() == trace_page(trace)
    assert run("page", "digits.trace", "-o", "other.html") == Ran(0, "Wrote other.html\n", "")
    assert (here / "other.html").read_bytes() == after["digits.html"]


def test_page_takes_a_title_a_detail_and_a_number_of_rows(run: Run, here: Path) -> None:
    options = ("--detail", "brief", "--rows", "1", "--title", "Lesson <1>")
    assert run("page", "digits.trace", *options).code == 0
    expected = trace_page(read(here / "digits.trace"), title="Lesson <1>", detail="brief", rows=1)
    assert (here / "digits.html").read_text(encoding="utf-8") == expected
    assert "<title>Lesson &lt;1&gt; ·" in expected
    assert run("page", "digits.trace", "--rows", "0").code == 2


def test_page_opens_the_browser_or_says_where_the_page_is(
    run: Run, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = (here / "digits.html").absolute().as_uri()
    asked: list[str] = []
    for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(webbrowser, "open", asked.append)
    without = run("page", "digits.trace", "--force", "--open")
    assert (without.code, address in without.out, asked) == (0, True, [])
    monkeypatch.setenv("DISPLAY", ":0")
    refused = run("page", "digits.trace", "--force", "--open")  # append returns None
    assert (refused.code, address in refused.out, asked) == (0, True, [address])
    monkeypatch.setattr(webbrowser, "open", lambda _: True)
    assert run("page", "digits.trace", "--force", "--open") == Ran(0, "Wrote digits.html\n", "")
    assert run("page", "digits.trace", "-o", "-", "--open").code == 2


def test_export_prints_or_writes_the_whole_trace(run: Run, here: Path, digits_trace: Trace) -> None:
    shown = run("export", "digits.trace")
    assert (shown.code, shown.err) == (0, "")
    assert json.loads(shown.out) == json.loads(to_json(digits_trace))
    assert run("export", "digits.trace", "-o", "run.json") == Ran(0, "Wrote run.json\n", "")
    assert (here / "run.json").read_text(encoding="utf-8") == shown.out


def test_a_dash_is_standard_output(run: Run, here: Path) -> None:
    before = listing(here)
    for name in ("page", "export"):
        shown = run(name, "digits.trace", "-o", "-")
        assert (shown.code, shown.err) == (0, "")
        assert listing(here) == before
        run(name, "digits.trace", "-o", "out")
        assert (here / "out").read_text(encoding="utf-8") == shown.out
        (here / "out").unlink()


def test_plain_text_is_as_wide_as_columns_says(
    run: Run, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for columns, widest in (("60", 60), ("", 88), ("wide", 88)):
        monkeypatch.setenv("COLUMNS", columns)
        for command in (("check", "digits.trace", "--expect", "epochs > 9"), ("rules", "PT801")):
            lines = run(*command).out.split("## Evidence")[0].splitlines()
            assert widest - 15 < max(map(len, lines)) <= widest, (columns, command)


# The quiz


def answers(trace: Trace, *chosen: int, seed: int | None = None) -> str:
    """What is typed to take options so many places from the right ones."""
    asked = zip(document(trace, quiz_seed=seed).quiz, chosen, strict=True)
    return "".join("ABCD"[(each.answer + step) % 4] + "\n" for each, step in asked)


def test_the_quiz_asks_tells_and_counts(
    here: Path, digits_trace: Trace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(teach, "_in_terminal", lambda: True)
    typed = answers(digits_trace, 0, 1, 0)
    ran = CliRunner().invoke(commands, ["quiz", "digits.trace"], input=f"x\n\n{typed.lower()}")
    assert ran.exit_code == 0
    text = " ".join(ran.output.split())
    made = document(digits_trace).quiz
    assert text.count("One letter, A to D") == 2
    assert text.count("Right. ") == 2
    assert text.count("No. ") == 1
    for question in made:
        assert " ".join(question.text.split()) in text
        assert " ".join(question.remarks[question.answer].split()) in text
        assert f"See: {question.place}." in text
    wrong = made[1]
    assert f"It is {'ABCD'[wrong.answer]}, {wrong.options[wrong.answer]}. " in text
    assert text.endswith("2 of 3 right.")


def test_another_seed_asks_other_questions(
    here: Path, digits_trace: Trace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(teach, "_in_terminal", lambda: True)
    own = {question.text for question in document(digits_trace).quiz}
    seed = next(
        seed
        for seed in range(20)
        if {each.text for each in document(digits_trace, quiz_seed=seed).quiz} != own
    )
    typed = answers(digits_trace, 0, 0, 0, seed=seed)
    ran = CliRunner().invoke(commands, ["quiz", "digits.trace", "--seed", str(seed)], input=typed)
    assert ran.output.rstrip().endswith("3 of 3 right.")


def test_a_quiz_that_nobody_answers_ends() -> None:
    with pytest.raises(IncompleteTraceError):
        ask((), Console())


def test_a_quiz_whose_input_ends_is_interrupted(
    here: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(teach, "_in_terminal", lambda: True)
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    ran = run("quiz", "digits.trace")
    assert ran.code == 130
    assert "[interrupted]" in ran.err


def test_a_quiz_is_listed_without_a_terminal_and_written_on_request(
    here: Path, run: Run, digits_trace: Trace
) -> None:
    listed = run("quiz", "digits.trace")
    assert listed.code == 0
    for each in document(digits_trace).quiz:
        assert " ".join(each.text.split()) in " ".join(listed.out.split())
    assert "Answer" not in listed.out
    assert "Answer" in run("quiz", "digits.trace", "--answers").out
    assert run("quiz", "digits.trace", "--format", "qti").code == 0
    assert zipfile.is_zipfile(here / "digits.qti.zip")
    assert is_message(run("quiz", "digits.trace", "--format", "qti"), "output-exists")
    gift = ("--format", "gift", "-o", "q.gift", "--title", "Week 7")
    assert run("quiz", "digits.trace", *gift).code == 0
    assert "Week 7" in (here / "q.gift").read_text()


def test_the_quiz_of_a_page_is_chosen_by_its_options(here: Path, run: Run) -> None:
    options = ["--seed", "student-17", "--title", "Week 7", "--questions", 7, "--hide-answers"]
    assert run("page", "digits.trace", *options).code == 0
    written = (here / "digits.html").read_text()
    assert written.count('"answer":-1') == 7
    assert "<title>Week 7" in written
    assert run("page", "digits.trace", *options, "--no-quiz", "--force").code == 0
    assert '"quiz":[]' in (here / "digits.html").read_text()


# In a process of its own


def test_the_exit_code_and_the_streams_are_real(here: Path) -> None:
    ran = start("show", "nothing.trace")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "[trace-not-found]" in ran.stderr
    module = subprocess.run(
        [sys.executable, "-m", "pipetrace", "--version"], capture_output=True, text=True, check=True
    )
    assert module.stdout == f"pipetrace, version {__version__}\n"


COMMANDS = """
import sys
from pipetrace.cli import main
commands = sys.argv[1:]
for each in commands:
    sys.argv = ["pipetrace", *each.split()]
    try:
        main()
    except SystemExit as ending:
        assert not ending.code, each
"""
LOADED = "import atexit, sys; atexit.register(lambda: print('LOADED', *sorted(sys.modules), file=sys.stderr))\n"


def loaded(code: str, *arguments: str, path: Path | None = None) -> set[str]:
    """The modules that are there when a fresh Python has run commands, after some other code."""
    script = f"{LOADED}{code}\n{COMMANDS}"
    searched = [str(each) for each in (path, os.environ.get("PYTHONPATH")) if each]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(searched)}
    ran = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    (line,) = [line for line in ran.stderr.splitlines() if line.startswith("LOADED ")]
    return set(line.split()[1:])


def test_showing_a_trace_imports_no_framework(here: Path) -> None:
    readers = [f"{name} digits.trace" for name in ("show", "page", "export", "runs")]
    found = loaded("", *readers, "--help")
    assert {"pipetrace.cli", "pipetrace.present.page", "pipetrace.run_table.index"} <= found
    assert not (FRAMEWORKS | {"pandas", "polars"}) & found
    assert not any(name.startswith("pipetrace.capture") for name in found)
    # An import would be seen.
    (here / "stubs" / "tensorflow").mkdir(parents=True)
    (here / "stubs" / "tensorflow" / "__init__.py").touch()
    found = loaded("import tensorflow", "show digits.trace", path=here / "stubs")
    assert FRAMEWORKS & found == {"tensorflow"}


def test_plain_has_no_escape_codes_whatever_the_environment_says(
    run: Run, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = run("show", "digits.trace", "--plain")
    for name, value in (("FORCE_COLOR", "1"), ("COLORTERM", "truecolor"), ("TERM", "xterm")):
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b" in run("show", "digits.trace").out
    asked = run("quiz", "digits.trace", "--plain")
    assert (asked.code, "\x1b" in asked.out) == (0, False)
    assert run("show", "digits.trace", "--plain") == plain


@pytest.mark.skipif(os.name == "nt", reason="a pseudo-terminal is wanted")
def test_in_a_terminal_it_is_drawn_as_wide_as_the_window(here: Path) -> None:
    import pty

    leader, follower = pty.openpty()
    wish = {"TERM": "xterm-256color", "COLUMNS": "72", "COLORTERM": "truecolor"}
    environment = {**os.environ, **wish}
    environment.pop("NO_COLOR", None)
    process = subprocess.Popen(
        [COMMAND, "show", "digits.trace"], stdout=follower, stderr=follower, env=environment
    )
    os.close(follower)
    drawn = b""
    try:
        while part := os.read(leader, 65536):
            drawn += part
    except OSError:
        pass  # Linux says so when the other end is closed
    os.close(leader)
    assert process.wait(60) == 0
    text = drawn.decode()
    assert "▀" in text
    assert "\x1b[" in text
    assert max(map(len, click.unstyle(text).splitlines())) <= 72


def test_whoever_reads_may_stop(here: Path) -> None:
    for command, wanted in (("show", 0), ("show", 10), ("export", 100_000)):
        process = subprocess.Popen(
            [COMMAND, command, "digits.trace"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(wanted)
        process.stdout.close()
        assert process.stderr.read() == b"", command
        process.stderr.close()
        assert process.wait(60) == 0, command


@pytest.mark.skipif(
    os.name == "nt" or sys.platform == "darwin", reason="names of any bytes are wanted"
)
def test_a_name_need_not_be_valid_text(here: Path) -> None:
    name = os.fsdecode(b"caf\xe9.trace")
    (here / "digits.trace").rename(here / name)
    ran = start("page", name)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == "Wrote caf\N{REPLACEMENT CHARACTER}.html\n"
    assert (here / os.fsdecode(b"caf\xe9.html")).is_file()
