"""The sentences on each epoch: the right numbers, and no number that nobody measured."""

import math
import re
from typing import Any

from hypothesis import given, settings
from tests.explain.conftest import longest_sentence, numbers_of, trace_of, unfounded_numbers
from tests.explain.courses import COURSES, LEARNS, LN10, Metrics, histories, run

from pipetrace.explain.judgement import epochs
from pipetrace.explain.observations import observations
from pipetrace.trace import Trace

NUMBERS: list[tuple[str, int, list[float]]] = [
    ("learns", 1, [1.6, 30.5, 10, 2.3, 50, 5, 10, 68]),
    ("learns", 2, [50, 1.6, 0.8, 50, 75, 77]),
    ("learns", 3, [38, 0.8, 0.5, 75, 85, 83]),
    ("stays at chance", 1, [2.3, 10, 2.3, 10, 10]),
    ("stays at chance", 2, [2.3, 10, 2.3, 11, 1000, 12.8]),
    ("slowly from chance", 3, [2.1, 8.8, 10, 2.3, 12, 1000, 12.8]),
    ("worse than chance", 1, [9, 3.9, 10, 2.3, 10]),
    ("becomes NaN", 2, []),
    ("rises from nothing", 3, [0, 0.7, 90, 80]),
    ("rises", 3, [40, 0.5, 0.7, 80, 75]),
    ("plateau", 2, [0.2, 0.5, 0.499, 80, 80]),
    ("plateau", 3, [0.2, 0.499, 0.5, 80, 80]),
    ("overfits", 3, [40, 0.5, 0.3, 85, 90, 0.9, 0.8, 2]),
    ("overfits", 4, [33, 0.3, 0.2, 90, 95, 1, 0.8, 2, 0.5, 0.2]),
    ("overfits on", 4, [33, 0.3, 0.2, 70, 1.1, 0.8, 1]),
    ("gap", 2, [50, 1, 0.5, 70, 95, 70, 25]),
    ("few validation rows", 1, [1, 56.6, 10, 2.3, 70, 7, 10, 60, 20, 32.9]),
    ("few validation rows", 2, [50, 1, 0.5, 70, 90, 80]),
    ("90 % of one class", 1, [0.52, 0.5, 90, 91]),
    ("two of ten classes", 1, [0.69, 0.454, 0.693, 50, 50]),
    ("no accuracy, validation", 2, [50, 1.6, 0.8, 0.8]),
    ("validation is NaN", 1, [1, 56.6, 10, 2.3, 60, 6, 10]),
]
"""A course, an epoch, and the numbers of its sentences: on loss, accuracy and validation."""


def test_a_sentence_has_the_numbers_of_its_epoch() -> None:
    for course, epoch, expected in NUMBERS:
        metrics, options, *_ = COURSES[course]
        text = observations(trace_of(metrics, **options))[epoch - 1].text
        assert numbers_of(text) == expected, (course, text)


def test_an_observation_has_the_kinds_of_its_judgement() -> None:
    trace = trace_of(LEARNS)
    assert [each.kinds for each in observations(trace)] == [each.kinds for each in epochs(trace)]
    assert observations(trace_of()) == ()


def test_what_one_epoch_explains_the_next_one_does_not() -> None:
    for course in ("learns", "overfits on", "gap twice", "few validation rows"):
        metrics = COURSES[course][0] if course in COURSES else COURSES["gap"][0][-1:] * 2
        texts = [each.text for each in observations(trace_of(metrics, validation=500))]
        assert len(texts[-1]) < len(texts[-2]), texts


def test_overfitting_is_named_in_its_epoch_alone() -> None:
    for course, (metrics, options, *_) in COURSES.items():
        for each in observations(trace_of(metrics, **options)):
            named = re.search(r"(?<!no sign of )overfitting", each.text) is not None
            assert named <= bool({"overfitting", "gap"}.intersection(each.kinds)), course
            assert ("no sign of" in each.text) <= ("follows" in each.kinds), course


def test_a_loss_that_is_written_like_chance_level_is_neither_below_nor_above_it() -> None:
    for loss, beside in (
        (LN10 - 1e-4, "equal to"),
        (LN10 + 1e-4, "equal to"),
        (LN10 - 0.02, "below"),
        (LN10 + 0.02, "above"),
    ):
        (told,) = observations(trace_of(run([loss], [0.5])))
        assert [word for word in ("equal to", "below", "above") if word in told.text] == [beside]


def allowed(trace: Trace, index: int) -> dict[str, list[float]]:
    """What the sentences of an epoch may name: its figures, those of the epoch before and of the
    best one, and chance."""
    counts = trace.run.data.class_counts
    shares = [count / sum(counts) for count in counts if count]
    level = -sum(each * math.log(each) for each in shares)
    largest, rows, held = max(shares), sum(counts), max(1, trace.run.data.validation_rows or 0)
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
    validation = now.get("val_accuracy", 0.0)
    apart = abs(now.get("accuracy", 0.0) - validation)
    error = 3 * math.sqrt(max(validation * (1 - validation), 1 / held) / held)
    moved = (
        [round(abs(loss - was) / was, 2), abs(loss - was) / was]
        if was > 0 and math.isfinite(was) and math.isfinite(loss)
        else []
    )
    below = [1 - loss / LN10] + ([1 - loss / level] if level else [])
    return {
        "classes": [10],
        "epochs": [trace.epochs[index].number, trace.epochs[max(0, index - 1)].number, best.number],
        "shares": [
            100 * each
            for each in [*accuracies, *moved, *below, luck, largest, 1 / len(shares), 1.0]
        ],
        "points": [100 * apart, 100 * error],
        "times": [now.get("accuracy", 0.0) * len(shares), loss / LN10],
        "counts": [10, len(shares), rows, held],
        "figures": [*losses, LN10, level],
    }


@settings(max_examples=100, deadline=None)
@given(history=histories())
def test_no_sentence_has_a_number_that_was_not_measured(
    history: tuple[list[Metrics], dict[str, Any]],
) -> None:
    trace = trace_of(history[0], **history[1])
    found = observations(trace)
    assert [each.epoch for each in found] == [epoch.number for epoch in trace.epochs]
    for index, each in enumerate(found):
        assert unfounded_numbers(each.text, allowed(trace, index)) == [], each.text
        assert not re.search(r"\bnan\b|\binf\b|None|\be[+-]?\d", each.text), each.text
        assert each.text.endswith(".")
        assert longest_sentence(each.text) <= 20, each.text


def test_the_check_of_numbers_finds_a_wrong_one() -> None:
    trace = trace_of(LEARNS)
    text = observations(trace)[1].text
    for right, wrong in [("1.60", "1.61"), ("0.800", "0.805"), ("75 %", "74 %"), ("77 %", "7.7 %")]:
        assert len(unfounded_numbers(text.replace(right, wrong, 1), allowed(trace, 1))) == 1, wrong
