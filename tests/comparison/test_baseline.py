"""Comparison with a baseline: stages by what they are, metrics by how close they are."""

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from tests.explain.conftest import MakeTrace

from pipetrace import Finding, Trace
from pipetrace.comparison.baseline import LISTED_DIFFERENCES, Baseline
from pipetrace.errors import ArgumentError
from pipetrace.trace.document import SOURCE, Parameters, Stage, Stages

METRICS = [{"loss": 2.3, "acc": 0.1}, {"loss": 0.3, "acc": 0.8}]


@pytest.fixture
def good(make_trace: MakeTrace) -> Trace:
    return make_trace(METRICS)


def differences(trace: Trace, good: Trace, tolerance: float = 0.1) -> list[Finding]:
    return list(Baseline(good, tolerance).check(trace))


def changed(trace: Trace, place: int, **fields: Any) -> Trace:
    stages = list(trace.stages)
    stages[place] = replace(stages[place], **fields)
    return replace(trace, stages=Stages(stages))


def test_a_run_does_not_differ_from_itself(good: Trace) -> None:
    assert differences(good, good, 0.0) == []


def test_names_are_not_compared(good: Trace) -> None:
    def renamed(stage: Stage) -> Stage:
        inputs = (replace(e, source=e.source and f"{e.source}_7") for e in stage.inputs)
        return replace(stage, name=f"{stage.name}_7", path="x", inputs=tuple(inputs))

    assert differences(replace(good, stages=Stages(map(renamed, good.stages))), good) == []


def test_another_class_is_named_with_its_stage(good: Trace) -> None:
    (found,) = differences(changed(good, 3, layer="AveragePooling2D"), good)
    assert (found.code, found.stage, found.level) == ("PT002", "max_pooling2d", "error")
    (told,) = found.evidence
    assert "AveragePooling2D" in told.text
    assert "MaxPooling2D" in told.text
    assert found.epochs == ()


def test_another_configuration_is_a_cause_and_what_follows_from_it_is_none(
    good: Trace, make_trace: MakeTrace, make_net: Any
) -> None:
    (found,) = differences(make_trace(METRICS, net=make_net(units=7)), good)
    assert found.stage == "dense"
    (told,) = found.evidence
    assert re.findall(r"\b\d+\b", told.text) == ["7", "10"]


def test_shapes_and_parameters_are_compared_where_no_setting_differs(good: Trace) -> None:
    total = good.stages[5].parameters.total
    (found,) = differences(changed(good, 5, parameters=Parameters(0, total)), good)
    assert re.findall(r"\b\d+\b", found.evidence[0].text) == ["0", "370"]
    assert found.evidence[0].place == "stages[dense]"
    (found,) = differences(changed(good, 3, outputs=()), good)
    assert "nothing" in found.evidence[0].text


@pytest.mark.parametrize("more", [True, False])
def test_a_stage_of_one_run_is_a_difference(good: Trace, more: bool) -> None:
    short = replace(good, stages=good.stages[:-1])
    (found,) = differences(good, short) if more else differences(short, good)
    assert "dense" in found.evidence[0].text
    assert found.stage == ("dense" if more else None)


def test_stages_that_are_not_recorded_do_not_pass_for_the_same(good: Trace) -> None:
    empty = replace(good, stages=Stages(()))
    assert differences(good, empty)
    assert differences(empty, good)
    assert differences(empty, empty) == []


def with_rate(trace: Trace, rate: float) -> Trace:
    training = replace(trace.run.training, optimizer_config={"learning_rate": rate})
    return replace(trace, run=replace(trace.run, training=training))


def test_causes_come_first_where_metrics_differ(make_trace: MakeTrace, good: Trace) -> None:
    slow = with_rate(near(make_trace, 2.0, 0.2), 1e-5)
    (found,) = differences(slow, with_rate(good, 0.001))
    assert [each.text.split(" is ")[0] for each in found.evidence] == [
        "learning rate",
        "loss",
        "acc",
    ]
    assert "1e-05" in found.evidence[0].text
    assert "0.001" in found.evidence[0].text
    assert found.text.index("learning rate") < found.text.index("loss")
    assert (found.stage, found.epochs) == (None, (2,))
    # A setting that differs is no fault by itself.
    assert differences(with_rate(good, 1e-5), with_rate(good, 0.001)) == []


def near(make_trace: MakeTrace, loss: float, acc: float) -> Trace:
    return make_trace([METRICS[0], {"loss": loss, "acc": acc}])


@pytest.mark.parametrize(
    ("loss", "acc", "tolerance", "told"),
    [
        # In the baseline the loss moved by 2 to 0.3, and the accuracy by 0.7 to 0.8.
        (0.49, 0.8, 0.1, []),
        (0.51, 0.8, 0.1, ["loss"]),
        (0.11, 0.73, 0.1, []),
        (0.09, 0.71, 0.1, ["loss", "acc"]),
        (0.31, 0.8, 0.0, ["loss"]),
        (9.0, 0.0, 10.0, []),
        (math.nan, 0.8, 0.1, ["loss"]),
        (math.inf, 0.8, 0.1, ["loss"]),
    ],
)
def test_metrics_may_differ_by_the_tolerance(
    make_trace: MakeTrace,
    good: Trace,
    loss: float,
    acc: float,
    tolerance: float,
    told: Sequence[str],
) -> None:
    found = differences(near(make_trace, loss, acc), good, tolerance)
    said = [text for each in found for text in each.evidence if text.place or not each.epochs]
    assert [text.text.split()[0] for text in said] == told
    assert all(each.epochs == (2,) and each.stage is None for each in found)


def test_what_was_no_number_before_may_be_none_now(make_trace: MakeTrace) -> None:
    lost = make_trace([{"loss": math.nan}])
    assert differences(lost, lost) == []


def test_a_metric_that_is_gone_and_an_epoch_that_was_not_finished_are_told(
    make_trace: MakeTrace, good: Trace
) -> None:
    (found,) = differences(make_trace([{"loss": 0.3}]), good)
    assert found.evidence[-1].text.startswith("acc was not measured")
    assert "0.8" in found.evidence[-1].text
    (found,) = differences(make_trace([]), good)
    assert sum("was not measured" in each.text for each in found.evidence) == 2
    assert found.epochs == ()


def test_of_many_differences_the_first_are_told(good: Trace) -> None:
    def grown(stage: Stage) -> Stage:
        if stage.kind == SOURCE:
            return stage
        return replace(stage, parameters=Parameters(9), outputs=())

    (found,) = differences(replace(good, stages=Stages(map(grown, good.stages))), good)
    assert len(found.evidence) == LISTED_DIFFERENCES + 1
    assert "more difference" in found.evidence[-1].text


@pytest.mark.parametrize("tolerance", [-0.1, math.nan, math.inf])
def test_a_tolerance_is_a_share(good: Trace, tolerance: float) -> None:
    with pytest.raises(ArgumentError, match="tolerance"):
        Baseline(good, tolerance)
