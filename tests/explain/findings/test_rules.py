"""Each rule on a run that has the fault, and on one that nearly has it; the sound run has none."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
from tests.documents import changed
from tests.explain.findings import cases_collapse, cases_data, cases_model, cases_training
from tests.explain.findings.conftest import a_run, poor, told
from tests.explain.findings.faulty import (
    NAN_LOSS,
    POOR,
    SPOILT,
    baselines,
    numbers,
    outcome_before,
    signals,
    with_events,
    with_summary,
)

from pipetrace.explain.findings import NOTE, all_rules
from pipetrace.explain.findings.engine import run
from pipetrace.stats import summarise
from pipetrace.trace.document import Stages
from pipetrace.trace.events import GRADIENT, LOSS, Event
from pipetrace.trace.measurement_table import Measurements
from pipetrace.trace.measurements import Gradient, Update

CASES = [
    *cases_data.CASES,
    *cases_model.CASES,
    *cases_training.CASES,
    *cases_collapse.CASES,
]


def test_the_fault_is_reported_and_what_nearly_is_one_is_not() -> None:
    levels = {rule.code: rule.level for rule in all_rules()}
    for case in CASES:
        assert case.code in case.found, (case.code, sorted(case.found))
        each = case.found[case.code]
        assert (each.stage, each.level) == (case.stage, case.level or levels[case.code])
        assert all(text.endswith(".") for text in (each.text, each.why, each.advice)), each
        assert each.evidence
        assert all(one.text.endswith(".") and one.place for one in each.evidence), each.evidence
        assert 0.5 <= each.confidence <= 1
        assert case.code in ("PT101", "PT406", "PT701") or "NaN" not in each.text
        for near in case.near:
            assert case.code not in told(near), case.code


def test_every_rule_has_a_case() -> None:
    codes = [rule.code for rule in all_rules()]
    assert len(codes) == len(set(codes))
    assert {case.code for case in CASES} == set(codes)


def test_the_sound_run_is_told_nothing() -> None:
    assert told(a_run(), notes=True) == {}
    assert told(numbers()(), notes=True) == {}


def test_what_made_nan_decides_where_and_what_to_do() -> None:
    """The loss itself in the first step, a layer without weights, or steps that grew."""
    finite = POOR | outcome_before(not_finite=0)
    layer: dict[str, Any] = {"layer": "Distance", "config": {}, "weights": ()}
    runs = [
        with_events(a_run(finite, losses=NAN_LOSS), Event(LOSS, 1, 1, value=math.inf)),
        with_events(
            a_run(finite, losses=NAN_LOSS, layers={"second": layer}),
            Event(LOSS, 1, 1, value=math.nan),
            Event(GRADIENT, 1, 1, "first", weight="first/kernel"),
        ),
        with_events(a_run(finite, losses=NAN_LOSS), Event(LOSS, 2, 5, value=math.inf)),
        with_events(
            a_run(finite, losses=NAN_LOSS),
            Event(LOSS, 1, 1, value=math.nan),
            Event(GRADIENT, 1, 1, "last", weight="last/bias"),
        ),
        # The loss stays finite behind a layer that makes something of NaN.
        a_run(
            POOR
            | {
                (Update, "first/kernel", 2): {"weight_norm": math.nan},
                (Update, "first/kernel", 8): {"weight_norm": math.nan},
                (Gradient, "first/kernel", 0): {"not_finite": 1},
            },
            layers={"second": layer},
        ),
    ]
    found = [told(each)["PT701"] for each in runs]
    assert [each.stage for each in found] == [None, "second", None, None, "second"]
    assert [each.change.partition("(")[0] for each in found] == [
        "keras.ops.log",
        "keras.ops.sqrt",
        "clipnorm=1.0",
        "keras.ops.log",
        "keras.ops.sqrt",
    ]
    assert "after epoch 2" in found[-1].text


def test_a_run_without_measurements_is_told_nothing() -> None:
    assert told(replace(a_run(poor()), measurements=Measurements())) == {}


HOPELESS = {
    f"{name}{end}": 0.34
    for name in ("linear", "kernel")
    for end in ("", "_balanced", "_validation", "_validation_balanced", "_within_validation")
}


def test_a_poor_outcome_that_nobody_can_better_is_no_finding() -> None:
    assert told(a_run(poor(0.02) | baselines(**HOPELESS) | signals(rms=90.0, std=60.0))) == {}


def test_that_nothing_relates_inputs_and_targets_is_a_note() -> None:
    """Of series the baseline models know nothing, so there only the model is spoken of."""
    for layers, expected in (({}, True), ({"second": {"layer": "LSTM"}}, False)):
        made = a_run(
            poor(0.0) | baselines(**HOPELESS),
            losses=[math.log(3)] * 8,
            metrics={"accuracy": 0.34, "val_accuracy": 0.34},
            layers=layers,
        )
        made = changed(made, data={"class_counts": (234, 233, 233)})
        found = told(made, notes=True)["PT309"]
        assert found.level == NOTE
        assert any("baseline_model" in each.place for each in found.evidence) == expected


def test_nan_among_the_rows_that_does_no_harm_is_a_note() -> None:
    summary = summarise(SPOILT, by_channel=False)
    found = told(with_summary(a_run(), "rows", summary), notes=True)
    assert {code: each.level for code, each in found.items()} == {"PT101": NOTE}
    assert "1 of 4 values" in found["PT101"].text


def test_no_rule_is_silent_because_something_was_not_recorded() -> None:
    """Without a kind of measurement, a fault is found or its rule is reported as not run."""
    rules = {each.code: each for each in all_rules()}
    for case in CASES:
        whole = case.fault
        for kind in {each.kind for each in whole.measurements}:
            kept = Measurements(each for each in whole.measurements if each.kind != kind)
            report = run(replace(whole, measurements=kept), [rules[case.code]])
            assert report.findings or report.not_run, (case.code, kind)
        for gone in ({"stages": ()}, {"epochs": ()}):
            report = run(replace(whole, **gone), [rules[case.code]])  # type: ignore[arg-type]
            assert report.findings or report.not_run, (case.code, gone)


def test_of_a_complete_run_every_rule_has_run() -> None:
    for trace in (a_run(), numbers()()):
        summary = summarise(np.ones((4, 2), np.float32), by_channel=False)
        report = run(with_summary(trace, "first", summary), all_rules())
        assert (report.findings, report.not_run) == ((), ())
        lacking = {each.rule.code: each.missing for each in run(trace, all_rules()).not_run}
        assert lacking == dict.fromkeys(("PT202", "PT220"), ("summaries",))


def test_of_a_trace_without_anything_no_rule_has_run() -> None:
    nothing = {"measurements": Measurements(), "stages": Stages(), "epochs": ()}
    empty = changed(a_run(), training={"epochs": 0}, **nothing)
    report = run(empty, all_rules())
    assert (report.ran, report.exit_code) == ((), 2)
