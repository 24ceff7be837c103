"""``pipetrace rules``: the list, one rule explained, and rules that cannot be loaded."""

import json
import re

import pytest
from tests.cli.conftest import Ran, Run, is_message
from tests.rules import WRONG, only, silent

from pipetrace.explain.findings import selection
from pipetrace.present import help as rules


@pytest.fixture(autouse=True)
def _rules(monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, *WRONG, silent())


def test_the_rules_are_listed_with_those_that_are_given(run: Run) -> None:
    ran = run("rules")
    assert (ran.code, ran.err) == (0, "")
    heads = re.findall(r"^(\S.*)$", ran.out, re.MULTILINE)
    assert heads[0] == "PT001 expectation-not-met (error, expectation)"
    assert heads[2] == "PT201 dying-units (error, dying_units)"
    assert heads[-1] == "7 rules. Explain one with: pipetrace rules CODE"
    assert "      What PT201 finds.\n" in ran.out


def test_one_rule_is_explained_by_code_or_name(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "page", lambda code: None)
    for code in ("PT201", "pt201", "dying-units"):
        ran = run("rules", code)
        assert (ran.code, ran.err) == (0, "")
        heads = [line.partition(" ")[0] for line in ran.out.splitlines() if line]
        assert heads == ["PT201", "Severity:", "What", "Why", "Root", "It"]
        for part in ("error", "dying_units", "PT402 small-steps", "pipetrace.made.DyingUnits"):
            assert part in ran.out


def test_the_page_of_a_rule_follows_what_its_class_says(run: Run) -> None:
    ran = run("rules", "PT001")
    assert ran.out.startswith("PT001 expectation-not-met\n")
    for heading in ("## Evidence it needs", "## Example", "## When to ignore it"):
        assert ran.out.count(heading) == 1
    assert "<!--" not in ran.out


def test_the_rules_as_json(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    made = json.loads(run("rules", "--format", "json").out)
    assert [each["code"] for each in made][:3] == ["PT001", "PT002", "PT201"]
    assert made[0]["page"].startswith("## Evidence it needs")
    monkeypatch.setattr(rules, "page", lambda code: None)
    assert json.loads(run("rules", "PT201", "--format", "json").out) == [
        {
            "code": "PT201",
            "name": "dying-units",
            "level": "error",
            "category": "dying_units",
            "what": "What PT201 finds.",
            "why": "Why PT201 matters.",
            "root_cause_of": ["PT402", "PT901"],
            "needs": [],
            "from": "pipetrace.made.DyingUnits",
            "page": None,
        }
    ]


def test_a_rule_that_there_is_not_is_an_error(run: Run) -> None:
    assert is_message(run("rules", "PT305"), "no-such-rule", "CODE")


def test_an_installed_rule_that_cannot_be_loaded_is_said_beside_the_others(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from importlib.metadata import EntryPoint

    monkeypatch.setattr(
        selection,
        "entry_points",
        lambda: [EntryPoint("own", "no.such.module:Own", selection.GROUP)],
    )
    ran = run("rules")
    assert ran.code == 2
    assert "PT201" in ran.out
    assert is_message(Ran(2, "", ran.err), "bad-rule", "the entry point own of pipetrace.rules")
