"""The key figures are those that were measured, and only those."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.rules import only, rule, silent
from tests.traces import broken, killed, with_metrics

from pipetrace.explain.findings.engine import CheckOptions, check
from pipetrace.present.build.key_figures import key_figures
from pipetrace.present.build.training import training
from pipetrace.trace import Trace
from pipetrace.trace.training import Evaluation


def figures(trace: Trace, options: CheckOptions | None = None) -> dict[str, tuple[str, str, str]]:
    found = key_figures(trace, check(trace, options or CheckOptions()))
    return {each.name: (each.text, each.note, each.level) for each in found}


def percent(text: str) -> float:
    return float(text.removesuffix(" %")) / 100


def test_the_figures_of_a_run_are_its_metrics(digits_trace: Trace) -> None:
    found, last = figures(digits_trace), digits_trace.epochs[-1].metrics
    assert [*found][:4] == [
        "Validation accuracy",
        "Training accuracy",
        "Validation loss",
        "Parameters",
    ]
    assert percent(found["Validation accuracy"][0]) == pytest.approx(last["val_accuracy"], abs=5e-4)
    assert percent(found["Training accuracy"][0]) == pytest.approx(last["accuracy"], abs=5e-4)
    assert float(found["Validation loss"][0]) == pytest.approx(last["val_loss"], rel=5e-3)
    assert found["Parameters"][0] == "54,410"


@pytest.mark.parametrize(
    ("change", "absent"),
    [
        (lambda trace: killed(trace, 0), {"Validation accuracy", "Validation loss"}),
        (broken, {"Validation accuracy"}),
        (
            lambda trace: with_metrics(trace, lambda epoch: {"loss": epoch.metrics["loss"]}),
            {"Validation accuracy", "Training accuracy", "Validation loss"},
        ),
        (lambda trace: replace(trace, run=replace(trace.run, model=None)), {"Parameters"}),
    ],
    ids=["killed at once", "broken", "loss only", "unknown model"],
)
def test_what_was_not_measured_has_no_figure(
    digits_trace: Trace, change: Callable[[Trace], Trace], absent: set[str]
) -> None:
    found = figures(change(digits_trace))
    assert not absent & found.keys()
    assert found


def test_findings_are_counted_by_their_level(
    digits_trace: Trace, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "Checks" not in figures(digits_trace)  # of no rules, of which none ran
    only(monkeypatch, rule("PT901", "one", level="note"))
    assert figures(digits_trace)["Checks"] == ("1 note", "1 rule checked the run", "note")
    both = [rule("PT901", "one", level="note"), rule("PT902", "two", level="error")]
    only(monkeypatch, *both, silent())
    text, note, level = figures(digits_trace)["Checks"]
    assert (text, level) == ("1 error, 1 note", "error")
    assert note.startswith("3 rules")


def test_evaluations_are_a_table(digits_trace: Trace) -> None:
    fit = digits_trace.fits[0]
    assert training(digits_trace).evaluations is None
    made = [
        Evaluation("evaluate", 0, 0, {"accuracy": 0.5, "loss": 2.25}, "array", 100, 4),
        Evaluation("evaluate", 1, 7, {}, "array", fit.rows, 4, fit.fingerprint),
        Evaluation("predict", 2, 0, {}, "tf.data BatchDataset", None, 13),
        Evaluation("predict", 2),
    ]
    run = replace(digits_trace.run, evaluations=tuple(made))
    found = training(replace(digits_trace, run=run)).evaluations
    assert found is not None
    assert found.columns == ("call", "when", "loss", "accuracy", "data")
    assert [row[2:4] for row in found.rows] == [("2.25", "50 %"), *[("", "")] * 3]
    assert [row[1] for row in found.rows] == [
        "before training",
        "epoch 2, after 7 steps",
        *["after epoch 2"] * 2,
    ]
    assert [row[4] for row in found.rows] == [
        "100 rows, array",
        f"{fit.rows:,} rows trained on, array",
        "13 batches, tf.data BatchDataset",
        "not recorded",
    ]
    assert found.note is None
