"""What each epoch is said to have done: the right kind for every course of a run, and no number that nobody measured."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from pipetrace.explain.observations import Observation, observations
from pipetrace.trace import Trace

Metrics: TypeAlias = dict[str, float]
MakeTrace: TypeAlias = Callable[..., Trace]
Unfounded: TypeAlias = Callable[[str, Mapping[str, Sequence[float]]], list[str]]

LN10 = math.log(10)
UNEVEN = (910, *[10] * 9)
TRAINING = {"learning", "plateau", "rise", "chance", "worse", "unmeasured", "non-finite"}
VALIDATION = {"follows", "ahead", "gap", "turned", "memorising", "unclear", "validation"}


def run(
    losses: Sequence[float], accuracies: Sequence[float], val: Sequence[tuple[float, float]] = ()
) -> list[Metrics]:
    """The metrics of each epoch, with validation where it is given."""
    found: list[Metrics] = [
        {"loss": loss, "accuracy": right} for loss, right in zip(losses, accuracies, strict=True)
    ]
    for metrics, (loss, right) in zip(found, val, strict=False):
        metrics.update(val_loss=loss, val_accuracy=right)
    return found


LEARNS = run([1.6, 0.8, 0.5], [0.5, 0.75, 0.85], [(1.0, 0.68), (0.7, 0.77), (0.55, 0.83)])

COURSES: dict[str, tuple[list[Metrics], dict[str, Any], list[set[str]]]] = {
    "learns": (
        LEARNS,
        {},
        [{"learning", "ahead"}, {"learning", "follows"}, {"learning", "follows"}],
    ),
    "one epoch": (LEARNS[:1], {}, [{"learning", "ahead"}]),
    "no validation": (run([1.6, 0.8], [0.5, 0.75]), {}, [{"learning"}, {"learning"}]),
    "no accuracy": ([{"loss": 1.6}, {"loss": 0.8}], {}, [{"learning"}, {"learning"}]),
    "no accuracy, validation": (
        [{"loss": 1.6, "val_loss": 1.5}, {"loss": 0.8, "val_loss": 0.8}],
        {},
        [{"learning", "validation"}, {"learning", "validation"}],
    ),
    "no loss": ([{"accuracy": 0.5}], {}, [{"unmeasured"}]),
    "plateau": (
        run([0.5, 0.499, 0.5], [0.8] * 3, [(0.5, 0.8)] * 3),
        {},
        [{"learning", "follows"}, *[{"plateau", "follows"}] * 2],
    ),
    "slow is no plateau": (run([0.5, 0.494], [0.8, 0.8]), {}, [{"learning"}, {"learning"}]),
    "rises": (run([1.0, 0.5, 0.7], [0.6, 0.8, 0.75]), {}, [{"learning"}, {"learning"}, {"rise"}]),
    "rises from nothing": (
        run([1.0, 0.0, 0.7], [0.6, 0.9, 0.8]),
        {},
        [{"learning"}, {"learning"}, {"rise"}],
    ),
    "memorises": (
        run(
            [1.0, 0.5, 0.3, 0.2],
            [0.7, 0.85, 0.9, 0.95],
            [(0.9, 0.7), (0.8, 0.75), (0.9, 0.75), (1.0, 0.75)],
        ),
        {},
        [
            {"learning", "follows"},
            {"learning", "gap"},
            {"learning", "turned"},
            {"learning", "memorising"},
        ],
    ),
    "memorises on": (
        run([1.0, 0.5, 0.3, 0.2], [0.7] * 4, [(0.8, 0.7), (0.9, 0.7), (1.0, 0.7), (1.1, 0.7)]),
        {},
        [{"learning", "follows"}, {"learning", "turned"}, *[{"learning", "memorising"}] * 2],
    ),
    "both losses rise": (
        run([0.5, 0.6, 0.55], [0.8] * 3, [(0.5, 0.8), (0.6, 0.8), (0.6, 0.8)]),
        {},
        [{"learning", "follows"}, {"rise", "turned"}, {"learning", "turned"}],
    ),
    "gap": (
        run([1.0, 0.5], [0.7, 0.95], [(1.2, 0.68), (1.1, 0.7)]),
        {},
        [{"learning", "follows"}, {"learning", "gap"}],
    ),
    "near, on few": (
        run([1.0], [0.62], [(1.2, 0.6)]),
        {"validation": 20},
        [{"learning", "unclear"}],
    ),
    "a difference that may be luck": (
        run([1.0], [0.88], [(0.6, 0.8)]),
        {"validation": 200},
        [{"learning", "unclear"}],
    ),
    "few held out": (
        run([1.0, 0.5], [0.7, 0.9], [(1.2, 0.6), (1.1, 0.8)]),
        {"validation": 20},
        [{"learning", "unclear"}] * 2,
    ),
    "one held out": (
        run([1.0], [1.0], [(9.0, 0.0)]),
        {"validation": 1},
        [{"learning", "complete", "unclear"}],
    ),
    "far too low with few": (
        run([1.0], [1.0], [(9.0, 0.0)]),
        {"validation": 30},
        [{"learning", "complete", "gap"}],
    ),
    "stays at chance": (
        run([2.303] * 3, [0.1, 0.11, 0.09], [(2.303, 0.1)] * 3),
        {},
        [{"chance"}] * 3,
    ),
    "slowly from chance": (run([2.3, 2.2, 2.1], [0.1, 0.11, 0.12]), {}, [{"chance"}] * 3),
    "chance, yet validation not": (
        run([2.31, 1.9], [0.1, 0.5], [(2.0, 0.4), (1.6, 0.5)]),
        {},
        [{"learning", "ahead"}, {"learning", "follows"}],
    ),
    "falls back to chance": (run([1.0, 2.303], [0.6, 0.1]), {}, [{"learning"}, {"chance"}]),
    "worse than guessing": (
        run([40.0, 12.0, 2.6], [0.1, 0.1, 0.1], [(9.0, 0.1)] * 3),
        {},
        [{"worse"}, {"worse"}, {"chance"}],
    ),
    "becomes NaN": (
        run(
            [1.0, math.nan, math.nan],
            [0.6, 0.1, 0.1],
            [(1.0, 0.6), (math.nan, 0.1), (math.nan, 0.1)],
        ),
        {},
        [{"learning", "follows"}, {"non-finite"}, {"non-finite"}],
    ),
    "is infinite once": (run([math.inf, 1.0], [0.1, 0.6]), {}, [{"non-finite"}, {"learning"}]),
    "validation is NaN": (run([1.0], [0.6], [(math.nan, 0.1)]), {}, [{"learning", "non-finite"}]),
    "perfect": (
        run([1.0, 0.01, 0.001], [0.8, 1.0, 1.0]),
        {},
        [{"learning"}, {"learning", "complete"}, {"learning"}],
    ),
    "90 % of one class": (
        run([0.52, 0.46], [0.9, 0.91]),
        {"counts": UNEVEN},
        [{"chance"}, {"chance"}],
    ),
    "beyond 90 % of one class": (
        run([0.5, 0.2], [0.91, 0.95]),
        {"counts": UNEVEN},
        [{"chance"}, {"learning"}],
    ),
    "guesses equal shares of uneven classes": (
        run([2.303], [0.9]),
        {"counts": UNEVEN},
        [{"chance"}],
    ),
    "two of ten classes": (
        run([0.69, 0.2], [0.5, 0.95]),
        {"counts": (500, 500, *[0] * 8)},
        [{"chance"}, {"learning"}],
    ),
}


def told(trace: Trace) -> list[set[str]]:
    return [set(each.kinds) for each in observations(trace)]


@pytest.mark.parametrize("course", COURSES)
def test_each_course_of_a_run_is_told_for_what_it_is(course: str, make_trace: MakeTrace) -> None:
    metrics, options, kinds = COURSES[course]
    assert told(make_trace(metrics, **options)) == kinds


WORDS: dict[str, tuple[str, int, *tuple[str, ...]]] = {
    "guessing": (
        "stays at chance",
        0,
        "Loss 2.30 is no better than the 2.30 of guessing among 10 classes (ln 10); accuracy ",
        "10 % is within chance, as the most frequent class alone makes up 10 %. Nothing is learned yet.",
    ),
    "luck": (
        "stays at chance",
        1,
        "accuracy 11 % is within chance: luck alone reaches 12.8 % on 1,000 rows.",
    ),
    "below chance, not yet told apart": (
        "slowly from chance",
        2,
        "Loss 2.10 is 8.80 % below the 2.30 of guessing",
    ),
    "lost": ("falls back to chance", 1, "What was learned before is lost."),
    "worse": (
        "worse than guessing",
        0,
        "Loss 40 is 17 times the 2.30 of guessing: the true class gets far less than an ",
        "equal share; accuracy is 10 %.",
    ),
    "above, not that of guessing": (
        "worse than guessing",
        2,
        "Loss 2.60 is above the 2.30 of guessing",
    ),
    "NaN": ("becomes NaN", 1, "Loss became NaN"),
    "still NaN": ("becomes NaN", 2, "Loss is still NaN"),
    "from zero": (
        "rises from nothing",
        2,
        "Loss rose from 0 to 0.700, accuracy from 90 % to 80 %.",
    ),
    "back": (
        "rises",
        2,
        "Loss rose from 0.500 to 0.700 (40 %), accuracy from 80 % to 75 %: a step back.",
    ),
    "fall": (
        "learns",
        1,
        "Loss fell from 1.60 to 0.800 (50 %), accuracy from 50 % to 75 %. Validation agrees at 77 %, so ",
        "this is learning, not memorising.",
    ),
    "once explained": ("learns", 2, "Validation agrees at 83 %."),
    "ahead": (
        "learns",
        0,
        "accuracy 50 % is 5 times the 10 % of chance. Validation, measured after the epoch, is ahead at ",
        "68 %: the training figure averages in the epoch's weak first steps.",
    ),
    "memory": (
        "memorises",
        3,
        "Validation loss 1 is above its best, 0.800 in epoch 2, while the training loss fell from ",
        "0.500 to 0.200: that is memorising.",
    ),
    "memory again": (
        "memorises on",
        3,
        "(33.3 %), accuracy at 70 %. Validation loss 1.10 is above its best, 0.800 in epoch 1.",
    ),
    "gap": (
        "gap",
        1,
        "Validation is at 70 %, 25 points lower: the model knows its training rows better than others.",
    ),
    "few": (
        "few held out",
        0,
        "Validation is at 60 %; on 20 rows a difference of up to 32.9 points may be luck.",
    ),
    "complete": ("perfect", 1, "In this epoch every training row was named right."),
    "uneven": (
        "90 % of one class",
        0,
        "is above the 0.500 of guessing each class as often as it occurs; accuracy 90 % is ",
        "within chance, as the most frequent class alone makes up 91 %.",
    ),
    "better than uneven": ("beyond 90 % of one class", 1, "accuracy from 91 % to 95 %"),
    "few classes": (
        "two of ten classes",
        0,
        "no better than the 0.693 of guessing each class as often as it occurs",
    ),
}


@pytest.mark.parametrize("case", WORDS)
def test_the_sentence_says_it(case: str, make_trace: MakeTrace) -> None:
    course, epoch, *words = WORDS[case]
    metrics, options, _ = COURSES[course]
    assert "".join(words) in observations(make_trace(metrics, **options))[epoch].text


def test_a_rise_in_loss_with_a_better_accuracy_is_no_step_back(make_trace: MakeTrace) -> None:
    last = observations(make_trace(run([0.5, 0.7], [0.8, 0.85])))[-1]
    assert last.text == "Loss rose from 0.500 to 0.700 (40 %), accuracy from 80 % to 85 %."


def test_validation_ahead_late_in_a_run_is_not_laid_to_weak_first_steps(
    make_trace: MakeTrace,
) -> None:
    metrics = run([1.0, 0.5, 0.49], [0.6, 0.8, 0.8], [(1.0, 0.6), (0.5, 0.8), (0.4, 0.9)])
    assert observations(make_trace(metrics))[-1].text.endswith("Validation is ahead at 90 %.")


def test_a_hundred_epochs_have_a_hundred_observations(make_trace: MakeTrace) -> None:
    losses = [2 * 0.97**number for number in range(100)]
    found = observations(make_trace(run(losses, [0.5 + number / 250 for number in range(100)])))
    assert [each.epoch for each in found] == list(range(1, 101))


def test_no_epochs_have_no_observations(make_trace: MakeTrace) -> None:
    assert observations(make_trace()) == ()


LOSSES = st.one_of(
    st.floats(0, 5),
    st.floats(0, 1e30),
    st.sampled_from([0.0, 1e-9, LN10, 2.2, 3.5, math.nan, math.inf, -math.inf]),
)
SHARES = st.integers(0, 1000).map(lambda count: count / 1000)


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Metrics], dict[str, Any]]:
    """Metrics of up to eight epochs, each perhaps without one of them, with any rows and classes."""
    epochs = []
    for _ in range(draw(st.integers(0, 8))):
        drawn = {
            "loss": draw(LOSSES),
            "accuracy": draw(SHARES),
            "val_loss": draw(LOSSES),
            "val_accuracy": draw(SHARES),
        }
        missing = (
            draw(st.sets(st.sampled_from([*drawn]), max_size=2)) if draw(st.booleans()) else set()
        )
        epochs.append({name: value for name, value in drawn.items() if name not in missing})
    counts = draw(st.lists(st.integers(0, 500), min_size=10, max_size=10).filter(any))
    return epochs, {
        "counts": counts,
        "validation": draw(st.integers(1, 1000)),
        "batch": draw(st.integers(1, 64)),
    }


def allowed(trace: Trace, index: int) -> dict[str, list[float]]:
    """What the sentences of an epoch may name: its figures, those of the epoch before and of the best one, and guessing."""
    counts = trace.run.data.class_counts
    shares = [count / sum(counts) for count in counts if count]
    level = -sum(each * math.log(each) for each in shares)
    largest, rows, held = max(shares), sum(counts), trace.run.data.validation_rows or 0
    now, before = trace.epochs[index].metrics, trace.epochs[max(0, index - 1)].metrics
    finite = [
        epoch
        for epoch in trace.epochs[:index]
        if math.isfinite(epoch.metrics.get("val_loss", math.nan))
    ]
    best = min(finite, key=lambda epoch: epoch.metrics["val_loss"], default=trace.epochs[index])
    losses = [
        m[name] for m in (now, before, best.metrics) for name in ("loss", "val_loss") if name in m
    ]
    accuracies = [
        m[name] for m in (now, before) for name in ("accuracy", "val_accuracy") if name in m
    ]
    loss, was = now.get("loss", math.nan), before.get("loss", math.nan)
    luck = min(1.0, largest + 3 * math.sqrt(largest * (1 - largest) / rows))
    held_out = now.get("val_accuracy", 0.0)
    apart = abs(now.get("accuracy", 0.0) - held_out)
    error = 3 * math.sqrt(max(held_out * (1 - held_out), 1 / held) / held)
    moved = (
        [abs(loss - was) / was] if was > 0 and math.isfinite(was) and math.isfinite(loss) else []
    )
    below = [1 - loss / LN10] + ([1 - loss / level] if level else [])
    return {
        "classes": [10],
        "epochs": [trace.epochs[index].number, trace.epochs[max(0, index - 1)].number, best.number],
        "shares": [
            100 * each for each in [*accuracies, *moved, *below, luck, largest, 1 / len(shares)]
        ],
        "points": [100 * apart, 100 * error],
        "times": [now.get("accuracy", 0.0) * len(shares), loss / LN10],
        "counts": [10, len(shares), rows, held],
        "figures": [*losses, LN10, level],
    }


@settings(max_examples=300, deadline=None)
@given(history=histories())
def test_no_sentence_has_a_number_that_was_not_measured(
    history: tuple[list[Metrics], dict[str, Any]], make_trace: MakeTrace, unfounded: Unfounded
) -> None:
    trace = make_trace(history[0], **history[1])
    found = observations(trace)
    assert [each.epoch for each in found] == [epoch.number for epoch in trace.epochs]
    for index, each in enumerate(found):
        assert unfounded(each.text, allowed(trace, index)) == [], each.text
        assert not re.search(r"\bnan\b|\binf\b|None|\be[+-]?\d", each.text), each.text
        assert each.text.endswith(".")
        check_kinds(each)


def check_kinds(found: Observation) -> None:
    """One word on training, at most one on validation, and none that contradict each other."""
    kinds = found.kinds
    assert len(kinds) == len({*kinds})
    assert kinds[0] in TRAINING
    assert not (TRAINING - {"non-finite"}).intersection(kinds[1:])
    assert len(VALIDATION.intersection(kinds)) <= 1
    if {"chance", "worse", "unmeasured"}.intersection(kinds) or kinds[0] == "non-finite":
        assert not VALIDATION.intersection(kinds)
        assert "complete" not in kinds
    assert ("not memorising" in found.text) <= ("learning" in kinds and "follows" in kinds)
    assert ("that is memorising" in found.text) <= ("memorising" in kinds)


def test_the_check_of_numbers_finds_a_wrong_one(
    make_trace: MakeTrace, unfounded: Unfounded
) -> None:
    trace = make_trace(LEARNS)
    text = observations(trace)[1].text
    assert text.startswith("Loss fell from 1.60 to 0.800 (50 %), accuracy from 50 % to 75 %.")
    for right, wrong in [
        ("1.60", "1.61"),
        ("0.800", "0.805"),
        ("(50 %)", "(51 %)"),
        ("75 %", "74 %"),
        ("77 %", "7.7 %"),
    ]:
        assert len(unfounded(text.replace(right, wrong, 1), allowed(trace, 1))) == 1, wrong


@pytest.mark.framework
def test_a_recorded_run_is_told_with_its_own_figures(
    digits_trace: Trace, unfounded: Unfounded
) -> None:
    found = observations(digits_trace)
    assert len(found) == len(digits_trace.epochs)
    for index, each in enumerate(found):
        assert unfounded(each.text, allowed(digits_trace, index)) == [], each.text


def test_a_loss_that_is_written_like_that_of_guessing_is_neither_below_nor_above_it(
    make_trace: MakeTrace,
) -> None:
    for loss in (LN10 - 1e-4, LN10 + 1e-4):
        (told,) = observations(make_trace(run([loss], [0.5])))
        assert "Loss 2.30 is about the 2.30 of guessing" in told.text
    (told,) = observations(make_trace(run([LN10 - 0.02], [0.5])))
    assert "Loss 2.28 is below the 2.30 of guessing" in told.text
