"""``pipetrace check`` and ``pipetrace rules``: what they print, in each form, and how they end."""

import importlib
import json
import re
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from tests.cli.conftest import Ran, Run, is_message, listing
from tests.rules import WRONG, broken, only, rule, silent

from pipetrace.config import CHOICES
from pipetrace.present import rich
from pipetrace.present.formats import FORMS
from pipetrace.present.formats.json import CHECK_VERSION


@pytest.fixture(autouse=True)
def _rules(monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, *WRONG, silent())


def test_every_format_that_can_be_chosen_is_written() -> None:
    assert tuple(FORMS) == CHOICES["format"]


# The exit code, and what is told


def test_findings_end_with_1(run: Run, here: Path) -> None:
    before = listing(here)
    ran = run("check", "digits.trace")
    assert (ran.code, ran.err) == (1, "")
    assert ran.out.startswith(
        "digits.trace: 1 error and 1 warning from 5 rules.\n\n"
        "1. Error PT201 dying-units, stage 3, Conv2D (conv2d), epochs 2 and 3\n"
        "   61 of 64 units give 0 for every row.\n"
        "   Evidence: PT201 measured 61 of 64.\n"
    )
    assert "Root cause of: warning PT402 small-steps, stage 6, Dense (dense), epoch 3:" in ran.out
    assert "\n2. Warning PT501 falls-still, epoch 1\n" in ran.out
    assert all(len(line) <= 88 for line in ran.out.splitlines())
    assert listing(here) == before


def test_nothing_found_ends_with_0(run: Run, here: Path) -> None:
    said = "digits.trace: The 1 rule found nothing wrong.\n"
    assert run("check", "digits.trace", "--select", "PT99") == Ran(0, said, "")


TOLD = (
    ("--level error", 1, "1 error from 5 rules", "--level warning"),
    ("--ignore PT2", 1, "2 warnings from 4 rules", "--level note"),
    ("--ignore PT2 --level note", 1, "2 warnings and 1 note from 4 rules", ""),
    ("--ignore PT2,PT402 --ignore PT501", 0, "No error or warning from 2 rules", "--level note"),
    ("--select PT501 --level error", 0, "No error from 1 rule", "--level warning"),
    ("--ignore PT", 0, "No rule was run", ""),
)
"""Options, the exit code, how many are reported, and the option that shows those that are hidden."""


def test_the_level_decides_what_is_told_and_how_it_ends(run: Run, here: Path) -> None:
    for options, code, counts, hidden in TOLD:
        ran = run("check", "digits.trace", *options.split())
        head = " ".join(ran.out.split("\n\n")[0].split())
        assert ran.code == code, options
        assert head.startswith(f"digits.trace: {counts}."), options
        assert head.endswith(f"{hidden}.") if hidden else "--level" not in head, options


def test_rules_are_selected_by_code_and_by_name(run: Run, here: Path) -> None:
    for options in ("--select dying-units,PT5", "--ignore small-steps,PT9,worth-knowing"):
        ran = run("check", "digits.trace", *options.split())
        assert ("PT201" in ran.out, "PT501" in ran.out, "PT402" in ran.out) == (True, True, False)
    ran = run("check", "digits.trace", "--ignore", "Dying-Unit")
    assert is_message(ran, "no-such-rule", "ignore")
    assert "'Dying-Unit'" in ran.err
    assert "dying-units" in ran.err


def test_the_report_goes_into_a_file_and_the_exit_code_can_be_0(run: Run, here: Path) -> None:
    told = run("check", "digits.trace", "--format", "json")
    assert run("check", "digits.trace", "--format", "json", "--exit-zero") == replace(told, code=0)
    assert run("check", "digits.trace", "--format", "json", "-o", "-") == told
    for _ in range(2):  # the report of an earlier check is replaced
        ran = run("check", "digits.trace", "--format", "json", "--output", "out.json")
        assert (ran.code, ran.out) == (1, "Wrote out.json\n")
        assert (here / "out.json").read_text() == told.out
    for options in (["-o", "digits.trace"], ["--baseline", "out.trace", "-o", "out.trace"]):
        (here / "out.trace").write_bytes((here / "digits.trace").read_bytes())
        assert is_message(run("check", "digits.trace", *options), "bad-argument")
    assert run("check", "missing.trace", "--exit-zero").code == 2


def test_several_traces_are_told_one_after_the_other(run: Run, here: Path) -> None:
    (here / "other.trace").write_bytes((here / "digits.trace").read_bytes())
    ran = run("check", "digits.trace", "other.trace", "--select", "PT501")
    assert ran.code == 1
    assert "\n\nother.trace: 1 warning from 1 rule.\n" in ran.out
    assert ran.out.endswith("\n\n2 of 2 traces have findings.\n")


def test_a_rule_that_fails_is_named_and_ends_with_2(
    run: Run, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, *WRONG, broken())
    ran = run("check", "digits.trace")
    assert ran.code == 2
    assert "PT201" in ran.out
    assert is_message(Ran(2, "", ran.err), "rule-failed", "pipetrace.made")
    assert "PT998 not-written-well raised ZeroDivisionError" in ran.err
    assert json.loads(run("check", "digits.trace", "--format", "json").out)["exit_code"] == 2


REFUSED = (
    (["--select", "PT305"], "no-such-rule", "select"),
    (["--ignore", "dead"], "no-such-rule", "ignore"),
    (["--expect", "loss"], "bad-expectation", "--expect"),
    (["--expect", "auc >= 0.5"], "bad-expectation", "--expect 'auc >= 0.5'"),
    (["missing.trace"], "trace-not-found", "missing.trace"),
    (["--baseline", "missing.trace"], "trace-not-found", "missing.trace"),
    (["--baseline", "digits.trace", "--tolerance", "-1"], "bad-argument", "--tolerance"),
)


def test_what_cannot_be_checked_ends_with_2(run: Run, here: Path) -> None:
    for options, slug, where in REFUSED:
        ran = run("check", "digits.trace", *options)
        assert ran.code == 2, options
        assert is_message(ran, slug, where), options
    assert run("check").code == 2
    assert run("check", "digits.trace", "--level", "severe").code == 2


def test_a_terminal_gets_colours_and_a_pipe_does_not(
    run: Run, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal(Console):
        def __init__(self, **options: Any) -> None:
            super().__init__(
                **{"force_terminal": True, "color_system": "truecolor", "width": 80, **options}
            )

    monkeypatch.setattr(rich, "LastingConsole", Terminal)
    ran = run("check", "digits.trace")
    assert (ran.code, "\x1b[1;31merror" in ran.out) == (1, True)
    shown = " ".join(re.sub("\x1b\\[[0-9;]*m", "", ran.out).split())
    assert "digits.trace: 1 error and 1 warning from 5 rules." in shown
    assert "PT402 small-steps" in shown
    assert "\x1b" not in run("check", "digits.trace", "--plain").out


def test_what_could_not_run_is_reported(
    run: Run, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, silent(), silent("PT998", needs=("stages", "gradients")))
    with sqlite3.connect(here / "digits.trace") as database:
        database.execute("DELETE FROM measurement")
    database.close()
    ran = run("check", "digits.trace")
    assert ran.code == 0
    assert "nothing wrong" not in ran.out
    assert "not recorded: gradients" in " ".join(ran.out.split())
    assert re.search(r"gradients .*: PT998 nothing-at-all\.", ran.out)
    (made,) = json.loads(run("check", "digits.trace", "--format", "json").out)["traces"]
    assert (made["rules"], made["not_run"]) == (["PT999"], {"PT998": ["gradients"]})
    assert "gradients" in run("check", "digits.trace", "--format", "github").out
    assert run("check", "digits.trace", "--select", "PT998").code == 2


# Expectations


def test_expectations_stand_first_and_end_with_1(run: Run, here: Path) -> None:
    expect = ("check", "digits.trace", "--ignore", "PT", "--expect")
    ran = run(*expect, "epochs <= 2", "--expect", "loss < 100")
    assert ran.code == 1
    assert "1 error from 2 rules" in ran.out
    assert "PT001" in ran.out
    assert run(*expect, "epochs == 3").code == 0


def test_the_number_of_findings_is_that_of_the_level(run: Run, here: Path) -> None:
    for level, count in (("error", 1), ("warning", 2), ("note", 2)):
        ran = run("check", "digits.trace", "--level", level, "--expect", f"findings == {count}")
        assert "PT001" not in ran.out
    assert run("check", "digits.trace", "--ignore", "PT", "--expect", "findings == 0").code == 0


def test_a_trace_is_like_itself_and_unlike_a_changed_one(run: Run, here: Path) -> None:
    like = ("--ignore", "PT", "--baseline", "digits.trace")
    assert run("check", "digits.trace", *like, "--tolerance", "0").code == 0
    (here / "other.trace").write_bytes((here / "digits.trace").read_bytes())
    with sqlite3.connect(here / "other.trace") as database:
        database.execute("UPDATE metric SET value = 9.0 WHERE epoch = 3 AND name = 'loss'")
    database.close()
    ran = run("check", "other.trace", *like)
    assert ran.code == 1
    assert "PT002" in ran.out
    assert "loss is 9" in " ".join(ran.out.split())
    assert run("check", "other.trace", *like, "--tolerance", "10").code == 0


# The settings


def test_pyproject_sets_the_same_and_options_come_first(
    run: Run, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "pyproject.toml").write_text(
        '[tool.pipetrace]\nselect = ["PT5"]\nlevel = "error"\nformat = "json"\nexpect = ["epochs <= 2"]\n'
    )
    (here / "below").mkdir()
    monkeypatch.chdir(here / "below")
    made = json.loads(run("check", "../digits.trace").out)["traces"][0]
    assert (made["rules"], made["level"]) == (["PT001", "PT501"], "error")
    assert [each["code"] for each in made["findings"]] == ["PT001"]
    ran = run(
        "check", "../digits.trace", "--format", "text", "--select", "PT2", "--expect", "epochs == 3"
    )
    assert "../digits.trace: 1 error from 2 rules." in ran.out
    assert "Error PT201 dying-units" in ran.out
    assert "PT001" not in ran.out


def test_the_earlier_trace_of_the_settings_lies_beside_them(
    run: Run, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "pyproject.toml").write_text(
        '[tool.pipetrace]\nignore = ["PT"]\nbaseline = "digits.trace"\ntolerance = 0\n'
    )
    (here / "below").mkdir()
    monkeypatch.chdir(here / "below")
    assert run("check", "../digits.trace").code == 0
    (here / "pyproject.toml").write_text('[tool.pipetrace]\nbaseline = "gone.trace"\n')
    assert is_message(run("check", "../digits.trace"), "trace-not-found", "gone.trace")


def test_settings_that_cannot_be_read_end_with_2(run: Run, here: Path) -> None:
    (here / "pyproject.toml").write_text("[tool.pipetrace]\nselects = []\n")
    assert is_message(run("check", "digits.trace"), "bad-settings", "pyproject.toml")


# JSON and GitHub


def test_json_has_all_of_a_finding(run: Run, here: Path) -> None:
    ran = run("check", "digits.trace", "--format", "json")
    assert ran.code == 1
    made = json.loads(ran.out)
    assert (made["version"], made["exit_code"], len(made["traces"])) == (CHECK_VERSION, 1, 1)
    (trace,) = made["traces"]
    assert {key: trace[key] for key in ("file", "title", "level", "hidden", "failed")} == {
        "file": "digits.trace",
        "title": "Conv2D digits",
        "level": "warning",
        "hidden": 0,
        "failed": [],
    }
    assert trace["findings"][0] | {"symptoms": []} == {
        "code": "PT201",
        "name": "dying-units",
        "level": "error",
        "category": "dying_units",
        "stage": "conv2d",
        "epochs": [2, 3],
        "text": "61 of 64 units give 0 for every row.",
        "evidence": [
            {
                "text": "PT201 measured 61 of 64.",
                "value": 61,
                "place": "stages[conv2d].summary.zeros",
            }
        ],
        "why": "Why PT201 matters.",
        "advice": "Do something about PT201.",
        "change": 'Dense(64, "dying-units")\n→ Dense(64)',
        "confidence": 1.0,
        "symptoms": [],
    }
    assert [each["code"] for each in trace["findings"][0]["symptoms"]] == ["PT402", "PT901"]


def unescaped(text: str, *, property: bool = False) -> str:  # noqa: A002
    for code, sign in (("%3A", ":"), ("%2C", ",")) if property else ():
        text = text.replace(code, sign)
    return text.replace("%0A", "\n").replace("%0D", "\r").replace("%25", "%")


def test_github_gets_a_command_for_each_finding(
    run: Run, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "100 % of 3,\r\nlines: %0A ::error::no"
    only(
        monkeypatch,
        rule("PT201", "one", level="error", stage="conv2d", text=text),
        rule("PT901", "two", level="note"),
    )
    (here / "a,b: c%.trace").write_bytes((here / "digits.trace").read_bytes())
    module = importlib.import_module("pipetrace.present.formats.github")
    monkeypatch.setattr(module, "line_of", lambda *_: ("a,b.py", 7))
    ran = run("check", "digits.trace", "--format", "github", "--level", "note")
    assert ran.out.count("file=a%2Cb.py,line=7,title=") == 2
    monkeypatch.setattr(module, "line_of", lambda *_: None)
    ran = run("check", "a,b: c%.trace", "--format", "github", "--level", "note")
    first, second = ran.out.splitlines()
    found = re.fullmatch(r"::error file=([^,:]*),title=([^,:]*)::(.*)", first)
    assert found is not None
    assert unescaped(found[1], property=True) == "a,b: c%.trace"
    assert unescaped(found[2], property=True) == "PT201 one, stage 3, Conv2D (conv2d)"
    assert unescaped(found[3]) == f"{text}\nTo do: Do something about PT201."
    assert second.startswith("::notice file=")


def test_github_hears_of_a_rule_that_fails(
    run: Run, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, broken())
    ran = run("check", "digits.trace", "--format", "github")
    assert ran.code == 2
    assert ran.out.startswith("::error title=rule-failed::The rule PT998 not-written-well raised")
