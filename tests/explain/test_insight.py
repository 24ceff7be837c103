"""The insight of every kind of run: it follows from the figures, and every number comes from the
trace."""

import itertools
import math
import re
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.explain.conftest import Net, longest_sentence, numbers_of, trace_of, unfounded_numbers
from tests.explain.courses import BROKEN, CHANCE, COURSES, LEARNS, LN10, Metrics, histories, run
from tests.tasks import KINDS, several

from pipetrace.explain.headline import headline
from pipetrace.explain.insight import insight
from pipetrace.stats import summarise
from pipetrace.trace import Trace
from pipetrace.trace.document import (
    FAILED,
    INTERRUPTED,
    KILLED,
    RUNNING,
    STOPPED,
    Ending,
    Spec,
    Stages,
)


def test_insight_of_a_run_that_learns() -> None:
    layers, learned, kept = insight(trace_of(LEARNS))
    # 40 + 370 parameters, and 2 x 9 x 6 x 6 x 4 against 2 x 36 x 10 operations.
    assert numbers_of(layers) == [90.2, 410, 78.3, 9.76, 36]
    assert numbers_of(learned) == [1, 2, 44.4, 3]
    assert numbers_of(kept) == [85, 500, 83, 85]


def test_what_the_validation_set_tells() -> None:
    for course, expected, word in (
        ("overfits", [2, 0.8, 1, 4, 0.5, 0.2], "overfitting"),
        ("gap", [150, 500, 70, 95], "a sign of overfitting"),
        ("one epoch", [160, 500, 68, 50], "no sign of overfitting"),
        ("both losses rise", [1, 0.5, 0.6, 3], "rose"),
        ("few validation rows", [4, 20, 90], "luck"),
        ("generalises nothing", [445, 500, 14], "chance"),
        ("no accuracy, validation", [0.8], "last epoch"),
    ):
        metrics, options, *_ = COURSES[course]
        text = insight(trace_of(metrics, **options))[-1]
        assert numbers_of(text) == expected, text
        assert word in text, text


def test_how_the_loss_came_down() -> None:
    for losses, expected in (
        ([0.5, 0.4], [1, 94.7, 2]),
        ([1.9, 0.4], [1, 2, 78.8, 2]),
        ([0.5, 0.2, 0.4], [3]),
        ([0.5, 0.7, 0.4], [2]),
        ([3.0, 2.0, 0.5], [2, 3, 60, 3]),
        ([0.5, 0.6, 0.5, 0.6, 0.5, 0.6, 0.5, 0.6], [4, 8]),
        ([1.0, 0.5, 0.499], [1, 72.2, 3]),
    ):
        text = insight(trace_of(run(losses, [0.8] * len(losses))))[1]
        assert ("barely changed" in text) == (losses[-1] == 0.499)
        assert numbers_of(text) == expected, text


def test_insight_of_a_diverged_run() -> None:
    trace = trace_of(BROKEN, rate=1e20)
    broken = summarise(np.array([[np.nan, 1]], np.float32))
    epochs = tuple(replace(epoch, probe={"dense": broken}) for epoch in trace.epochs)
    said = insight(replace(trace, epochs=(trace.epochs[0], *epochs[1:])))
    assert [numbers_of(text) for text in said] == [[1, 1], [2], [1e20, 2]]
    assert said[1].startswith("Dense ")
    worse = run([9.0], [0.1])
    assert insight(trace_of(worse, rate=None)) == ()
    silent, rate = insight(trace_of(worse, net=Net(dead=(0, 1, 2, 3))))
    assert silent.startswith("Conv2D outputs 0")
    assert numbers_of(rate) == [0.001, 1]


def test_insight_of_a_run_at_chance_tells_whether_the_weights_moved() -> None:
    one, other = (summarise(np.full((1, 4), value, np.float32)) for value in (0.5, 0.6))
    for last, expected in ((one, [1, 3, 0.001]), (other, [1, 2, 1, 3, 0.001])):
        trace = trace_of(CHANCE)
        weights = [{"conv2d/kernel": one, "dense/kernel": one}] * 2 + [
            {"conv2d/kernel": last, "dense/kernel": one}
        ]
        epochs = tuple(
            replace(epoch, weights=each) for epoch, each in zip(trace.epochs, weights, strict=True)
        )
        losses, moved = insight(replace(trace, epochs=epochs))
        assert numbers_of(losses) == [2.3, 2.3]
        assert numbers_of(moved) == expected
    assert [numbers_of(text) for text in insight(trace_of(CHANCE))[1:]] == [[0.001]]
    assert len(insight(trace_of(CHANCE[:1], rate=None))) == 1
    falling = insight(trace_of(run([2.3, 2.2, 2.1], [0.1, 0.11, 0.12])))
    assert "still falling" in falling[0]


def test_insight_of_a_run_at_chance_names_a_layer_that_gives_nothing() -> None:
    dead = Net(dead=(0, 1, 2, 3))
    assert "Conv2D outputs 0 for every row." in insight(trace_of(CHANCE, net=dead))
    # A killed run has no measurement of all rows, but one of the probe.
    trace = trace_of(CHANCE, net=dead, measured=False, ending=Ending(KILLED))
    probe = {"dense": summarise(np.zeros((4, 10), np.float32))}
    epochs = (*trace.epochs[:2], replace(trace.epochs[2], probe=probe))
    assert "Dense outputs 0 for every row." in insight(replace(trace, epochs=epochs))
    alive = insight(trace_of(CHANCE, net=Net(dead=(0,))))
    assert not any("outputs 0" in each for each in alive)


def test_layers_of_one_class_are_told_apart_by_name() -> None:
    trace = trace_of(LEARNS)
    conv, dense = trace.stages[2], trace.stages[5]
    twice = replace(
        dense, name="hidden", inputs=(Spec((None, 36), "float32", "flatten"),), flops=10**9
    )
    said = insight(replace(trace, stages=Stages((*trace.stages[:5], twice, dense))))[0]
    assert said.startswith("Dense (hidden) holds ")
    same = replace(conv, parameters=replace(conv.parameters, trainable=10**6))
    said = insight(replace(trace, stages=Stages((*trace.stages[:2], same, *trace.stages[3:]))))[0]
    assert numbers_of(said) == [99.9, 1_000_370, 78.3]


def test_a_layer_that_is_called_twice_holds_its_weights_once() -> None:
    trace = trace_of(LEARNS)
    again = replace(trace.stages[5], name="dense:2")
    assert 410 in numbers_of(insight(replace(trace, stages=Stages((*trace.stages, again))))[0])


def test_several_losses_are_told_one_by_one() -> None:
    text = next(text for text in insight(several()) if "kind_loss" in text)
    assert numbers_of(text) == [1, 0.5, 2, 0.5]


def test_a_failed_stage_has_its_settings_and_what_was_passed_to_it() -> None:
    (text,) = insight(KINDS["failed"]())
    for part in ("Dense (price)", "units=1, activation=linear", "Dense (hidden)", "shape 8"):
        assert part in text
    assert insight(replace(KINDS["failed"](), ending=Ending(FAILED, "no", "gone"))) == ()


@settings(deadline=None, max_examples=80)
@given(
    history=histories(),
    ending=st.sampled_from([FAILED, INTERRUPTED, KILLED, RUNNING, STOPPED]),
)
def test_no_run_is_told_with_a_number_that_is_not_in_its_trace(
    history: tuple[list[Metrics], dict[str, Any]], ending: str
) -> None:
    trace = trace_of(history[0], **history[1], ending=Ending(ending))
    for text in (headline(trace), *insight(trace)):
        assert unfounded_numbers(text, allowed(trace)) == [], text
        assert not re.search(r"\bnan\b|\binf\b|None|\de[+-]\d", text), text
        assert text.endswith(".")
        assert text[0].isupper()
        assert longest_sentence(text) <= 20, text


def allowed(trace: Trace) -> dict[str, list[float]]:
    """What a headline or an insight may name, found from the trace alone."""
    counts, epochs = trace.run.data.class_counts, trace.epochs
    rows, held = sum(counts), trace.run.data.validation_rows or 0
    parts = [count / rows for count in counts if count]
    level, largest = -sum(each * math.log(each) for each in parts), max(parts)
    metrics = {True: [0.0], False: [0.0]}
    for epoch in epochs:
        for name, value in epoch.metrics.items():
            metrics["accuracy" in name].append(value)
    luck = [
        min(1.0, largest + 3 * math.sqrt(largest * (1 - largest) / max(1, each)))
        for each in (rows, held)
    ]
    falls = []
    for start in ([level], [LN10], []):
        losses = [*start, *(epoch.metrics.get("loss", math.nan) for epoch in epochs)] or [0.0]
        whole = losses[0] - losses[-1]
        if whole:
            falls += [(was - now) / whole for was, now in itertools.pairwise(losses)]
    layers = [stage for stage in trace.stages if stage.kind == "layer"]
    total = sum(stage.parameters.total for stage in layers)
    effort = sum(stage.flops or 0 for stage in layers)
    held_by = [
        share
        for stage in layers
        for share in (stage.parameters.total / total, (stage.flops or 0) / effort)
    ]
    apart = [
        abs(epoch.metrics.get("accuracy", 0.0) - epoch.metrics.get("val_accuracy", 0.0))
        for epoch in epochs
    ]
    wrong = [round((1 - epoch.metrics.get("val_accuracy", 0.0)) * held) for epoch in epochs]
    rose = range(len(epochs) + 1)
    return {
        "epochs": [0.0, *(float(epoch.number) for epoch in epochs)],
        "shares": [
            100 * each
            for each in [*metrics[True], *luck, largest, 1 / len(parts), *falls, *held_by]
        ],
        "points": [100 * each for each in apart],
        "counts": [len(epochs), 9, rows, held, *wrong, 36, total, *rose],
        "figures": [*metrics[False], LN10, level, 0.001, total],
    }
