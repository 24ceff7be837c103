"""Expectations: how they are parsed, and what they are compared with."""

import math

import pytest
from tests.explain.conftest import trace_of
from tests.rules import WRONG, only

from pipetrace import Trace
from pipetrace.errors import ExpectationError
from pipetrace.explain.findings.engine import CheckOptions, check
from pipetrace.explain.findings.expectation import Expectation

METRICS = [
    {"loss": 2.0, "val_loss": 1.5, "val_accuracy": 0.5},
    {"loss": 1.0, "val_loss": 0.8, "val_accuracy": 0.92},
    {"loss": 0.5, "val_loss": 1.2, "val_accuracy": 0.9},
]


@pytest.fixture
def trace() -> Trace:
    return trace_of(METRICS)


def holds(trace: Trace, text: str, found: int = 0) -> bool:
    return not list(Expectation(text, found).check(trace))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("val_accuracy >= 0.9", True),
        ("val_accuracy > 0.9", False),
        ("val_accuracy == 0.9", True),
        ("val_accuracy != 0.9", False),
        ("val_accuracy >= 90 %", True),
        ("val_accuracy >= 91%", False),
        ("best val_accuracy >= 0.92", True),
        ("best  val_accuracy >= .93", False),
        ("best val_loss < 0.81", True),
        ("best val_loss <= 7.9e-1", False),
        ("loss<1", True),
        ("loss>+1", False),
        ("loss > -1", True),
        ("epochs <= 3", True),
        ("epochs < 3", False),
        ("parameters <= 1e6", True),
        ("parameters == 410", True),
        ("parameters > 1_000", False),
        ("parameters < 1,000", True),
    ],
)
def test_what_holds(trace: Trace, text: str, expected: bool) -> None:
    # 3 x 3 x 1 x 4 + 4 of the convolution, 3 x 3 x 4 x 10 + 10 of the dense layer.
    assert (
        sum(stage.parameters.total for stage in trace.stages)
        == 3 * 3 * 4 + 4 + 3 * 3 * 4 * 10 + 10
        == 410
    )
    assert holds(trace, text) == expected


def test_the_finding_says_what_was_measured_and_where(trace: Trace) -> None:
    (found,) = Expectation("best val_accuracy >= 0.95", 0).check(trace)
    assert (found.code, found.level, found.epochs) == ("PT001", "error", (2,))
    assert (found.evidence[0].value, found.evidence[0].place) == (
        0.92,
        "epochs[2].metrics[val_accuracy]",
    )
    (found,) = Expectation("epochs <= 2", 0).check(trace)
    assert found.evidence[0].value == 3
    (found,) = Expectation("parameters <= 1", 0).check(trace)
    assert found.evidence[0].value == 410


@pytest.mark.parametrize("text", ["loss <= 1", "best loss <= 1", "loss >= 1", "loss == 1"])
def test_a_metric_that_is_no_number_meets_nothing(text: str) -> None:
    assert not holds(trace_of([{"loss": math.nan}]), text)


def test_the_best_epoch_is_one_with_a_number() -> None:
    assert holds(
        trace_of([{"loss": math.nan}, {"loss": 0.5}, {"loss": math.nan}]), "best loss <= 1"
    )


def test_the_last_epoch_that_measured_it_counts() -> None:
    (found,) = Expectation("val_loss < 0.1", 0).check(
        trace_of([{"loss": 1.0, "val_loss": 0.3}, {"loss": 0.9}])
    )
    assert found.epochs == (1,)


def test_findings_are_those_of_the_other_rules_at_the_level(
    trace: Trace, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, *WRONG)
    for level, count in (("note", 2), ("error", 1)):
        for expected in (count, count + 1):
            options = CheckOptions(expect=(f"findings == {expected}",), level=level)
            found = check(trace, options).findings
            assert [each.code for each in found].count("PT001") == (expected != count)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "val_accuracy",
        ">= 0.9",
        "val_accuracy >=",
        "val_accuracy >= high",
        "val_accuracy = 0.9",
        "loss < 1; x",
        "loss < 1 < 2",
        "__import__('os').system('true')",
        "loss < 1e",
        "loss < --1",
    ],
)
def test_what_cannot_be_understood_is_refused(text: str) -> None:
    with pytest.raises(ExpectationError, match="cannot be parsed"):
        Expectation(text, 0)


@pytest.mark.parametrize("sign", ["==", "!="])
def test_the_best_needs_a_direction(sign: str) -> None:
    with pytest.raises(ExpectationError, match="no best epoch"):
        Expectation(f"best loss {sign} 1", 0)


def test_a_name_that_the_trace_has_not_is_refused_with_those_that_it_has(trace: Trace) -> None:
    with pytest.raises(
        ExpectationError,
        match="'auc'; it has loss, val_loss, val_accuracy, epochs, rows, parameters and findings",
    ):
        check(trace, CheckOptions(expect=("auc >= 0.5",)))
    with pytest.raises(
        ExpectationError,
        match="finished no epoch, so it has only epochs, rows, parameters and findings",
    ):
        list(Expectation("loss < 1", 0).check(trace_of([])))
