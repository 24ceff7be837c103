"""What is said of ablations: the noise, the order, and the project that follows."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from pipetrace.explain.ablations import ablations, project
from pipetrace.explain.ablations.project import BETTER, OPEN, SMALLER
from pipetrace.explain.ablations.rows import noise, spread
from pipetrace.explain.ablations.words import WORDS
from pipetrace.explain.findings.expectation import Expectation
from pipetrace.explain.formatting import figure, share
from pipetrace.trace import Trace
from pipetrace.trace.document import Parameters
from pipetrace.trace.training import Ablation

AS_IT_IS = (0.90, 0.92, 0.91)


def tried(
    change: str, *values: float, parameters: int = 1000, error: str | None = None
) -> list[Ablation]:
    return [
        Ablation(
            change,
            seed,
            "finished",
            3,
            {"loss": 1 - value, "val_accuracy": value},
            parameters,
            2.0,
            ("conv2d",),
            error,
        )
        for seed, value in enumerate(values, 1)
    ] or [Ablation(change, 1, "failed", error=error)]


def with_ablations(
    trace: Trace, *found: Sequence[Ablation], seeds: Sequence[float] = AS_IT_IS
) -> Trace:
    every = [*tried("none", *seeds), *(each for some in found for each in some)]
    return replace(trace, ablations=tuple(every))


def test_the_noise_is_half_of_a_95_percent_interval() -> None:
    # Student's t for 2 degrees of freedom is 4.303, for 4 it is 2.776; the deviation is 1.
    assert noise([1, 2, 3], [2]) == pytest.approx(4.303 * math.sqrt(1 / 3 + 1))
    assert noise([1, 2, 3], [4, 5, 6]) == pytest.approx(2.776 * math.sqrt(2 / 3))
    assert noise([1, 1, 1], [1], least=0.01) == 0.01
    assert noise([1], [2]) is None
    assert noise([], [2]) is None
    rng = np.random.default_rng(0)
    for seeds in (1, 3):
        drawn = [
            (rng.normal(size=3).tolist(), rng.normal(size=seeds).tolist()) for _ in range(2000)
        ]
        false = [
            abs(np.mean(one) - np.mean(other)) > (noise(one, other) or 0) for one, other in drawn
        ]
        assert np.mean(false) == pytest.approx(0.05, abs=0.015)


def test_effects_are_compared_with_the_noise_and_sorted(digits_trace: Trace) -> None:
    trace = with_ablations(
        digits_trace,
        tried("no_dropout", 0.911),
        tried("no_pooling", error="It does not fit."),
        tried("one_filter", 0.50, parameters=50),
        tried("rate_times_100", math.nan),
        tried("no_activation", 0.99),
    )
    rows = ablations(trace)
    assert [(each.code, each.is_larger, each.is_worse) for each in rows] == [
        ("rate_times_100", True, True),
        ("one_filter", True, True),
        ("no_activation", True, False),
        ("no_dropout", False, False),
        ("no_pooling", None, None),
    ]
    filters = rows[1]
    assert filters.effect == pytest.approx(-0.41)
    assert (filters.before.parameters, filters.after.parameters) == (1000, 50)
    for number in ("50 %", "91 %", "4.97 points", "1,000"):
        assert number in filters.text
    assert "3 seeds" in spread(trace)
    assert "2 points" in spread(trace)
    assert "4.97 points" in spread(trace)
    assert spread(digits_trace) == ""
    assert "It does not fit." in rows[-1].text
    assert ablations(digits_trace) == ()
    (alone,) = ablations(with_ablations(digits_trace, tried("one_filter", 0.5), seeds=(0.9,)))
    assert (alone.is_larger, alone.is_worse) == (None, True)


def test_a_loss_is_better_when_lower(digits_trace: Trace) -> None:
    def lower(each: Ablation) -> Ablation:
        return replace(each, metrics={"val_loss": each.metrics["loss"]})

    trace = with_ablations(digits_trace, tried("no_dropout", 0.5), tried("no_penalty", 0.99))
    rows = ablations(replace(trace, ablations=tuple(map(lower, trace.ablations))))
    assert {each.code: each.is_worse for each in rows} == {"no_dropout": True, "no_penalty": False}


def test_runs_without_a_loss_are_compared_by_what_has_a_better_way(digits_trace: Trace) -> None:
    """As those of a ``train_step`` of the program's own."""
    names = {"loss": "noise_loss", "val_accuracy": "width"}

    def named(each: Ablation) -> Ablation:
        return replace(each, metrics={names[name]: v for name, v in each.metrics.items()})

    trace = with_ablations(digits_trace, tried("half_rows", 0.5))
    (row,) = ablations(replace(trace, ablations=tuple(map(named, trace.ablations))))
    assert (row.metric, row.is_worse) == ("noise_loss", True)


def test_every_change_is_said_in_words(digits_trace: Trace) -> None:
    for row in ablations(
        with_ablations(digits_trace, *(tried(code, 0.5) for code in [*WORDS, "new"]))
    ):
        assert row.text.startswith(row.title)
        assert "instead of 91 %" in row.text


def test_the_goal_of_a_project_was_reached_or_is_open(digits_trace: Trace) -> None:
    value = digits_trace.epochs[-1].metrics["val_accuracy"]
    total = digits_trace.run.model.parameters.total if digits_trace.run.model else 0
    near = (value, value + 0.004, value - 0.004)
    better = tried("no_activation", 0.9991, parameters=total + 5)
    smaller = tried("half_units", value, parameters=total - 5)
    expected = {
        BETTER: (with_ablations(digits_trace, better, smaller, seeds=near), total + 5),
        SMALLER: (with_ablations(digits_trace, smaller, seeds=near), total - 5),
        OPEN: (digits_trace, total),
    }
    for kind, (trace, most) in expected.items():
        made = project(trace)
        assert made is not None
        assert (made.kind, made.reached) == (kind, kind != OPEN)
        assert f"parameters <= {most}" in made.expectations
        assert {"epochs <= 3", "rows <= 200"} <= {*made.expectations}
        # A run with the figures of the ablation meets all, the run itself does not.
        unmet = [each for each in made.expectations if [*Expectation(each, 0).check(trace)]]
        assert len(unmet) == 1
        # It leaves room for the noise of the seeds, and says so.
        limit = float(made.expectations[0].rpartition(" ")[2])
        for row in ablations(trace):
            if row.title == made.way:
                assert row.after.mean is not None
                assert row.noise is not None
                assert limit == pytest.approx(row.after.mean - row.noise, abs=0.001)
                assert limit <= row.after.mean - row.noise
                assert f"{figure(100 * row.noise)} points" in made.goal
                assert made.goal.count(share(limit)) == 2
        reached = {BETTER: better, SMALLER: smaller, OPEN: tried("", 1.0, parameters=most)}[kind][0]
        model = trace.run.model and replace(
            trace.run.model, parameters=Parameters(reached.parameters or 0)
        )
        epochs = (*trace.epochs[:-1], replace(trace.epochs[-1], metrics=reached.metrics))
        done = replace(trace, run=replace(trace.run, model=model), epochs=epochs)
        assert not [each for each in made.expectations if [*Expectation(each, 0).check(done)]]
        assert all("--expect" in part for part in made.command("a b").split("'a b'")[1:])
    assert project(replace(digits_trace, epochs=())) is None
    thrice = tried("no_activation", 0.9991, 0.9992, 0.9993, parameters=total + 5)
    several = project(with_ablations(digits_trace, thrice, seeds=near))
    assert several is not None
    assert "3 recorded trainings each reached 99.9 % or more" in several.goal
    # A goal is more than chance gives, and more than a seed of the run as it is reached.
    noisy = with_ablations(digits_trace, tried("half_units", 0.9, parameters=5), seeds=(0.1, 0.9))
    ahead = tried("no_activation", 0.99, parameters=total)
    lucky = with_ablations(digits_trace, ahead, seeds=(0.90, 0.93, 0.95))
    assert ablations(lucky)[0].is_larger is False
    wide = with_ablations(digits_trace, ahead * 3, seeds=(0.90, 0.93, 0.955))
    assert ablations(wide)[0].is_larger
    for trace in (noisy, lucky, wide):
        unsure = project(trace)
        assert unsure is not None
        assert unsure.kind == OPEN
    # No run reached an open goal, not even one that is better within the noise.
    tried_once = tried("no_dropout", 0.95, parameters=total)
    luck = project(with_ablations(digits_trace, tried_once, seeds=(0.7, 0.8, 0.96)))
    assert luck is not None
    assert luck.kind == OPEN
    assert float(luck.expectations[0].rpartition(" ")[2]) > 0.96
