"""Running rules: which there are, are selected and could not run, and what is not a rule."""

import time
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
from tests.explain.conftest import trace_of
from tests.rules import WRONG, broken, only, rule, silent

from pipetrace import Finding, PipetraceError, Rule, Trace, findings
from pipetrace.errors import (
    ArgumentError,
    BadRuleError,
    RuleClashError,
    RuleError,
    UnknownRuleError,
)
from pipetrace.explain.findings import selection
from pipetrace.explain.findings.engine import CheckOptions, at_level, check, run
from pipetrace.explain.findings.measured_run import MeasuredRun
from pipetrace.explain.findings.rules.stopping import RunNotFinished
from pipetrace.trace.document import FAILED, FINISHED, INTERRUPTED, KILLED, RUNNING, Ending, Stages
from pipetrace.trace.measurement_table import Measurement, Measurements
from pipetrace.trace.measurements import Gradient, Signal
from pipetrace.trace.training import StepFacts


class Own(Rule):
    """A rule of somebody's own."""

    code, name, category = "MY001", "own-rule", "own"
    what, why = "What it finds.", "Why it matters."

    def check(self, trace: Trace) -> Iterator[Finding]:
        yield self.found("It is wrong.", (), "Mend it.")


@pytest.fixture
def trace() -> Trace:
    return trace_of([{"loss": 2.0}, {"loss": 1.0}])


@pytest.fixture(autouse=True)
def _rules(monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, *WRONG, silent())


def codes(found: tuple[Finding, ...]) -> list[str]:
    return [each.code for each in found]


def install(monkeypatch: pytest.MonkeyPatch, **values: Any) -> None:
    """Make these rules those of an installed package; an exception is raised when it is loaded."""

    class Made(EntryPoint):
        def load(self) -> Any:
            value = values[self.name]
            if isinstance(value, Exception):
                raise value
            return value

    entries = [Made(name, f"package:{name}", selection.GROUP) for name in values]
    monkeypatch.setattr(selection, "entry_points", lambda: entries)


# Whose rules


def test_all_rules_are_run(trace: Trace) -> None:
    assert codes(findings(trace)) == codes(check(trace).findings) == ["PT201", "PT501"]
    assert codes(findings(trace)[0].symptoms) == ["PT402", "PT901"]


ENDED = (
    (KILLED, "", True),
    (FAILED, "PT", True),
    (INTERRUPTED, "PT8", True),
    (FAILED, "PT801", False),
    (KILLED, "PT2, Run-Not-Finished", False),
    (FINISHED, "", False),
    (RUNNING, "", False),
)
"""How a run ended, what is ignored, and whether it is an error of its own."""


def test_a_run_that_did_not_finish_is_found_whatever_is_selected(
    trace: Trace, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, *WRONG, silent(), RunNotFinished)
    for kind, ignored, is_found in ENDED:
        run_ = replace(trace, ending=Ending(kind, epoch=2))
        options = CheckOptions(select=("PT99",), ignore=(ignored,) if ignored else ())
        report = check(run_, options)
        assert codes(report.findings) == ["PT801"] * is_found, (kind, ignored)
        assert report.exit_code == is_found
        assert codes(findings(run_, select=options.select, ignore=options.ignore)) == codes(
            report.findings
        )


def test_further_rules_are_asked_beside_ours_as_classes_or_made(trace: Trace) -> None:
    for given in (Own, Own()):
        assert set(codes(findings(trace, rules=[given]))) == {"PT201", "PT501", "MY001"}
    assert codes(run(trace, [Own()]).findings) == ["MY001"]


def test_an_installed_rule_is_asked(trace: Trace, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, own=Own)
    assert "MY001" in codes(findings(trace))
    assert codes(findings(trace, select=["MY"])) == ["MY001"]
    # Given as well, it is asked once.
    assert codes(findings(trace, rules=[Own], select=["MY"])) == ["MY001"]


def test_the_entry_points_are_those_of_the_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A package as pip leaves it, and one without rules beside it; neither is imported."""
    assert selection.GROUP == "pipetrace.rules"
    for name, text in (
        ("plain", "[console_scripts]\nplain = plain:main\n"),
        ("own", "[pipetrace.rules]\nb = own:B\na = own:A\n"),
    ):
        folder = tmp_path / f"{name}-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (folder / "entry_points.txt").write_text(text)
    assert selection.entry_points() == []
    monkeypatch.syspath_prepend(tmp_path)
    assert [(each.name, each.value) for each in selection.entry_points()] == [
        ("a", "own:A"),
        ("b", "own:B"),
    ]
    time.sleep(0.02)  # a folder's time of change goes by the ticks of the clock
    (tmp_path / "own-1.0.dist-info").rename(tmp_path / "gone")
    assert selection.entry_points() == []
    time.sleep(0.02)
    (tmp_path / "gone").rename(tmp_path / "own-1.0.dist-info")
    assert len(selection.entry_points()) == 2
    # What lies in the current folder may be a stranger's.
    monkeypatch.chdir(tmp_path)
    assert selection.entry_points() == []


def test_nothing_is_read_of_packages_where_none_declares_a_rule(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def never(**_: object) -> None:
        raise AssertionError

    monkeypatch.setattr("importlib.metadata.distributions", never)
    assert selection.entry_points() == []
    # Into an archive only importlib.metadata can look.
    monkeypatch.setattr("sys.path", [__file__])
    with pytest.raises(AssertionError):
        selection.entry_points()


def test_one_class_made_with_different_arguments_is_asked_for_each(trace: Trace) -> None:
    class Limit(Own):
        def __init__(self, limit: int) -> None:
            self.limit = limit

    assert codes(findings(trace, rules=[Limit(1), Limit(2), Limit(2)], select=["MY"])) == [
        "MY001",
        "MY001",
    ]


# Which of them


@pytest.mark.parametrize(
    ("select", "ignore", "expected"),
    [
        (["PT2"], [], ["PT201"]),
        (["PT201"], [], ["PT201"]),
        (["pt5, PT4"], [], ["PT402", "PT501"]),
        (["PT"], ["PT5"], ["PT201"]),
        ([], ["PT201"], ["PT402", "PT501", "PT901"]),
        (["PT201"], ["PT2"], []),
    ],
)
def test_codes_are_chosen_by_how_they_begin(
    trace: Trace, select: list[str], ignore: list[str], expected: list[str]
) -> None:
    assert codes(findings(trace, select=select, ignore=ignore)) == expected


def test_symptoms_stand_for_themselves_where_their_cause_is_not_asked(trace: Trace) -> None:
    assert findings(trace, ignore=["PT201"])[0].symptoms == ()
    assert codes(findings(trace, ignore=["PT402"])[0].symptoms) == ["PT901"]


@pytest.mark.parametrize(
    ("level", "expected"),
    [("note", ["PT402", "PT501", "PT901"]), ("warning", ["PT402", "PT501"]), ("error", [])],
)
def test_a_level_leaves_out_what_is_less_grave(
    trace: Trace, level: str, expected: list[str]
) -> None:
    assert codes(findings(trace, ignore=["PT201"], level=level)) == expected


def test_a_warning_that_explains_an_error_is_kept(trace: Trace) -> None:
    cause, symptom = (
        rule("PT101", "cause", root_cause_of=("PT102",)),
        rule("PT102", "effect", level="error"),
    )
    found = run(trace, [cause(), symptom()]).findings
    assert codes(found) == ["PT101"]
    assert codes(at_level(found, "error")) == ["PT101"]


@pytest.mark.parametrize("where", ["select", "ignore"])
@pytest.mark.parametrize("code", ["PT305", "XX", "", "PT201,", "dying-unit"])
def test_a_code_of_no_rule_is_an_error(trace: Trace, where: str, code: str) -> None:
    with pytest.raises(UnknownRuleError) as caught:
        findings(trace, **{where: [code]})  # type: ignore[arg-type]
    assert caught.value.where == where


def test_a_near_code_or_name_is_proposed(trace: Trace) -> None:
    with pytest.raises(UnknownRuleError, match=r"Did you mean .*PT501"):
        findings(trace, select=["PT510"])
    rules = [kind() for kind in WRONG]
    with pytest.raises(UnknownRuleError, match="dying-units"):
        selection.find_rule(rules, "dying-unit")
    assert (
        selection.find_rule(rules, "pt201") is selection.find_rule(rules, "Dying-Units") is rules[0]
    )


def test_a_level_that_is_none_is_an_error(trace: Trace) -> None:
    with pytest.raises(ArgumentError, match="'error', 'warning' or 'note'"):
        findings(trace, level="severe")


# What raises


def test_a_rule_that_raises_is_named_and_the_others_are_asked(
    trace: Trace, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, broken("PT101"), *WRONG)
    with pytest.raises(
        RuleError, match=r"PT101 not-written-well raised ZeroDivisionError"
    ) as caught:
        findings(trace)
    assert codes(caught.value.findings) == ["PT201", "PT501"]
    assert "--ignore PT101" in caught.value.hint
    assert isinstance(caught.value.__cause__, RuleError)
    assert isinstance(caught.value.__cause__.__cause__, ZeroDivisionError)
    assert codes(findings(trace, ignore=["PT101"])) == ["PT201", "PT501"]
    report = check(trace)
    assert (len(report.ran), len(report.failed), report.exit_code) == (4, 1, 2)


def test_several_that_raise_are_counted(trace: Trace) -> None:
    with pytest.raises(RuleError, match="1 more rule failed"):
        findings(trace, rules=[broken("PT101"), broken("PT102")], select=["PT1"])


@pytest.mark.parametrize("given", ["text", None, 3])
def test_what_is_no_finding_is_the_rules_fault(trace: Trace, given: object) -> None:
    kind = rule("PT101", "strange")
    kind.check = lambda self, trace: iter([given])  # type: ignore[method-assign,list-item]
    (error,) = run(trace, [kind()]).failed
    assert isinstance(error.__cause__, TypeError)


def test_a_level_of_a_finding_that_is_none_is_the_rules_fault(trace: Trace) -> None:
    (error,) = run(trace, [rule("PT101", "strange", level="severe")()]).failed
    assert isinstance(error.__cause__, ValueError)


def test_an_error_on_purpose_passes_through(trace: Trace) -> None:
    class Careful(Own):
        def check(self, trace: Trace) -> Iterator[Finding]:
            raise ArgumentError("It needs more.", hint="Give it.")

    with pytest.raises(ArgumentError, match=r"It needs more\."):
        findings(trace, rules=[Careful])


# What could not run


def test_a_rule_whose_needs_were_not_recorded_has_not_run(
    trace: Trace, monkeypatch: pytest.MonkeyPatch
) -> None:
    needy = silent("PT901", needs=("stages", "gradients", "activations"))
    only(monkeypatch, silent("PT902"), needy)
    lacking = replace(trace, measurements=Measurements())
    report = check(lacking)
    assert [each.code for each in report.ran] == ["PT902"]
    assert [(each.rule.code, each.missing) for each in report.not_run] == [
        ("PT901", ("gradients", "activations"))
    ]
    assert (report.missing, report.exit_code) == (("gradients", "activations"), 0)
    # Where none could run, nothing was checked.
    assert check(lacking, CheckOptions(select=("PT901",))).exit_code == 2
    measured = Measurements(Measurement("x", 0, figures) for figures in (Gradient(), Signal()))
    report = check(replace(trace, measurements=measured))
    assert (len(report.ran), report.not_run) == (2, ())
    report = check(replace(trace, measurements=measured, stages=Stages()))
    assert report.missing == ("stages",)


def test_a_fault_that_shows_without_them_is_a_finding(
    trace: Trace, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, rule("PT901", "seen-anyway", needs=("gradients",)))
    report = check(replace(trace, measurements=Measurements()))
    assert (codes(report.findings), report.not_run) == (["PT901"], ())


# What is no rule


def without(name: str) -> type[Rule]:
    return type("Lacking", (Own,), {name: None})


class NoCheck(Rule):
    code, name, category, what, why = "MY002", "no-check", "own", "What.", "Why."


class NeedsArguments(Own):
    def __init__(self, limit: int) -> None:
        self.limit = limit


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (int, "received builtins.int"),
        (3, "received builtins.int"),
        (without("why"), "lacks why"),
        (without("code"), "lacks code"),
        (NoCheck, "lacks its method check"),
        (type("Ours", (Own,), {"code": "PT777"}), "code 'PT777'"),
        (type("Small", (Own,), {"code": "my1"}), "code 'my1'"),
        (type("Grave", (Own,), {"level": "severe"}), "level 'severe'"),
        (type("Needy", (Own,), {"needs": ("stages", "gradient")}), "needs 'gradient'"),
        (NeedsArguments, "cannot be created: TypeError"),
    ],
)
def test_what_is_no_rule_is_refused(trace: Trace, given: Any, told: str) -> None:
    with pytest.raises(BadRuleError, match=told):
        findings(trace, rules=[given])


def test_two_rules_of_one_code_are_refused(trace: Trace) -> None:
    with pytest.raises(RuleClashError, match=r"MY001: .*\.Own and .*\.Other"):
        findings(trace, rules=[Own, type("Other", (Own,), {"code": "MY001"})])


@pytest.mark.parametrize(
    "loaded", [ImportError("no module named package"), 3, type("Other", (Own,), {"code": "PT201"})]
)
def test_an_installed_rule_that_is_none_is_named_and_the_others_are_asked(
    trace: Trace, monkeypatch: pytest.MonkeyPatch, loaded: Any
) -> None:
    install(monkeypatch, strange=loaded, own=Own)
    report = check(trace)
    assert "MY001" in codes(report.findings)
    (error,) = report.failed
    assert isinstance(error, PipetraceError)
    assert "strange" in str(error) or "PT201" in str(error)
    with pytest.raises(RuleError):
        findings(trace)


def test_what_a_step_of_the_programs_own_computes_last_is_not_hidden(digits_trace: Trace) -> None:
    """Such as the images of a decoder, which a loss compares; a model's outputs tell that elsewhere."""
    side = replace(digits_trace.stages["conv2d"], name="side", path="side")
    for own, hidden in ((True, False), (False, True)):
        run = replace(digits_trace.run, step=StepFacts(own=own))
        stages = Stages((*digits_trace.stages[:-1], side, digits_trace.stages[-1]))
        found = MeasuredRun(replace(digits_trace, run=run, stages=stages)).hidden
        assert ("side" in [each.name for each in found]) == hidden
        assert "conv2d" in [each.name for each in found]
