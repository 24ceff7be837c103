"""The headline and the insight of every kind of run: what they claim is so, and every number comes from the trace."""

import itertools
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from pipetrace.explain.findings import NOTE, findings
from pipetrace.explain.insight import headline, insight
from pipetrace.stats import summarise
from pipetrace.trace import Trace
from pipetrace.trace.document import FAILED, INTERRUPTED, KILLED, RUNNING, STOPPED, Ending, Spec

Metrics: TypeAlias = dict[str, float]
MakeTrace: TypeAlias = Callable[..., Trace]
Unfounded: TypeAlias = Callable[[str, Mapping[str, Sequence[float]]], list[str]]

LN10 = math.log(10)
UNEVEN = (910, *[10] * 9)


def run(
    losses: Sequence[float], accuracies: Sequence[float], val: Sequence[tuple[float, float]] = ()
) -> list[Metrics]:
    found: list[Metrics] = [
        {"loss": loss, "accuracy": right} for loss, right in zip(losses, accuracies, strict=True)
    ]
    for metrics, (loss, right) in zip(found, val, strict=False):
        metrics.update(val_loss=loss, val_accuracy=right)
    return found


LEARNS = run([1.6, 0.8, 0.5], [0.5, 0.75, 0.85], [(1.0, 0.68), (0.7, 0.77), (0.55, 0.83)])
MEMORISES = run([1.0, 0.5, 0.2], [0.7, 0.85, 0.95], [(0.8, 0.75), (0.9, 0.75), (1.0, 0.74)])
CHANCE = run([2.303] * 3, [0.1, 0.11, 0.12], [(2.303, 0.1)] * 3)
BROKEN = run([1.0, math.nan, math.nan], [0.6, 0.1, 0.1])

HEADLINES: dict[str, tuple[list[Metrics], dict[str, Any], str]] = {
    "learns": (
        LEARNS,
        {},
        (
            "After 3 epochs the model names 83 % of 500 held-out pictures right "
            "(guessing: 10 %); training loss fell from 1.60 to 0.500."
        ),
    ),
    "one epoch": (
        LEARNS[:1],
        {},
        (
            "After 1 epoch the model names 68 % of 500 held-out pictures right "
            "(guessing: 10 %); training loss is 1.60, guessing gives 2.30."
        ),
    ),
    "one held out": (
        LEARNS[:1],
        {"validation": 1},
        "the model names 68 % of 1 held-out picture right (guessing: 10 %)",
    ),
    "no validation": (
        run([1.6, 0.8], [0.5, 0.75]),
        {},
        (
            "After 2 epochs accuracy is 75 % (guessing: 10 %); training loss fell from "
            "1.60 to 0.800."
        ),
    ),
    "no accuracy": (
        [{"loss": 1.6}, {"loss": 0.8}],
        {},
        "After 2 epochs the loss is 0.800; training loss fell from 1.60 to 0.800.",
    ),
    "memorises": (
        MEMORISES,
        {},
        (
            "names 74 % of 500 held-out pictures right (guessing: 10 %); the "
            "validation loss has turned upward, look at the training chart."
        ),
    ),
    "gap": (
        run([0.5], [0.95], [(1.2, 0.7)]),
        {},
        "of its training rows it gets 95 %, look at the gap.",
    ),
    "only memory": (
        run([0.5], [0.95], [(3.0, 0.11)]),
        {},
        (
            "names 95 % of its training rows right, but 11 % of 500 held-out "
            "pictures (guessing: 10 %); look at the gap."
        ),
    ),
    "chance": (
        CHANCE,
        {},
        (
            "After 3 epochs accuracy is 12 %, within chance: guessing reaches up to 12.8 % on 1,000 rows. "
            "Nothing was learned."
        ),
    ),
    "chance, no accuracy": (
        [{"loss": 2.3}],
        {},
        "After 1 epoch the loss is 2.30; guessing gives 2.30. Nothing was learned.",
    ),
    "no loss": (
        [{"val_loss": 1.0}],
        {},
        "After 1 epoch no loss was measured; guessing gives 2.30. Nothing was learned.",
    ),
    "lost": (run([1.0, 2.4], [0.6, 0.1]), {}, "What it had learned by epoch 1 is lost."),
    "uneven": (
        run([0.52], [0.91]),
        {"counts": UNEVEN},
        "accuracy is 91 %, within chance: guessing reaches up to 93.7 %",
    ),
    "better than uneven": (
        run([0.1], [0.98], [(0.1, 0.97)]),
        {"counts": UNEVEN},
        "(most frequent class: 91 %)",
    ),
    "NaN": (
        BROKEN,
        {},
        "Training went wrong: from epoch 2 on the loss is NaN. Look at the training table.",
    ),
    "NaN at last": (BROKEN[:2], {}, "Training went wrong: in epoch 2 the loss is NaN."),
    "infinite, then well": (
        run([math.inf, 0.5], [0.1, 0.9]),
        {},
        (
            "After 2 epochs accuracy is 90 % (guessing: 10 %); training loss is "
            "0.500, guessing gives 2.30."
        ),
    ),
    "worse than guessing": (
        run([9.0], [0.1]),
        {},
        "Training went wrong: in epoch 1 the loss is 9, where guessing gives 2.30.",
    ),
    "right, but too sure": (
        run([1.0, 4.0], [0.6, 0.7]),
        {},
        ("accuracy is 70 % (guessing: 10 %); training loss is 4, guessing gives 2.30."),
    ),
    "rose": (run([0.5, 0.6], [0.8, 0.8]), {}, "training loss rose from 0.500 to 0.600."),
    "stayed": (run([0.5, 0.5], [0.8, 0.8]), {}, "training loss stayed at 0.500."),
}


@pytest.mark.parametrize("course", HEADLINES)
def test_the_headline_of_each_kind_of_run(course: str, make_trace: MakeTrace) -> None:
    metrics, options, words = HEADLINES[course]
    assert words in headline(make_trace(metrics, **options))


@pytest.mark.parametrize(
    ("ending", "epochs", "words"),
    [
        (
            Ending(KILLED),
            0,
            "The process was killed: 0 of 5 epochs are finished. Only the stages and their shapes are known.",
        ),
        (Ending(KILLED), 1, "The process was killed: 1 of 5 epochs is finished. After 1 epoch"),
        (
            Ending(INTERRUPTED, "Ctrl-C"),
            2,
            "Ctrl-C ended the run: 2 of 5 epochs are finished. After 2 epochs",
        ),
        (Ending(RUNNING), 2, "The run is still going on: 2 of 5 epochs are finished."),
        (
            Ending(FAILED, "ValueError: no."),
            2,
            "The run failed: 2 of 5 epochs are finished. ValueError: no. After 2 epochs",
        ),
        (Ending(FAILED), 1, "The run failed: 1 of 5 epochs is finished. After 1 epoch"),
        (Ending(STOPPED), 3, "After 3 epochs"),
    ],
)
def test_a_run_that_was_cut_says_so_first(
    ending: Ending, epochs: int, words: str, make_trace: MakeTrace
) -> None:
    trace = make_trace(LEARNS[:epochs], planned=5, ending=ending, measured=False, predicted=False)
    assert headline(trace).startswith(words)
    assert (insight(trace) == ()) == (epochs == 0)


def test_a_run_at_chance_that_goes_on_may_still_learn(make_trace: MakeTrace) -> None:
    assert headline(make_trace(CHANCE, ending=Ending(RUNNING))).endswith("Nothing is learned yet.")


def test_insight_of_a_run_that_learns(make_trace: MakeTrace) -> None:
    where, learned, kept = insight(make_trace(LEARNS))
    # 40 + 370 parameters, and 2 x 9 x 6 x 6 x 4 against 2 x 36 x 10 operations.
    assert where == (
        "Conv2D holds 9.76 % of the 410 parameters but does 78.3 % of the arithmetic, because each of its weights is used "
        "again at 36 places of a picture; Dense holds 90.2 %."
    )
    assert learned == (
        "From the 2.30 of guessing the training loss, an average over each epoch, came down to 0.500 in 96 weight updates; 44.4 % of that fall came between epochs "
        "1 and 2, and the last epoch added 16.6 %."
    )
    assert kept == (
        "Of 500 pictures kept aside 85 are named wrong, an accuracy of 83 % against 85 % in training, averaged over the last epoch: what it learned holds "
        "for rows it never saw."
    )


KEPT: dict[str, tuple[list[Metrics], dict[str, Any], str]] = {
    "memorises": (
        MEMORISES,
        {},
        (
            "Validation was best in epoch 1 (loss 0.800); since then the training loss fell from 1 to "
            "0.200 and the validation loss rose to 1: that is memorising."
        ),
    ),
    "gap": (
        run([0.5], [0.95], [(1.2, 0.7)]),
        {},
        (
            "against 95 % in training, averaged over the last epoch: it knows what it trained on better than the "
            "rest."
        ),
    ),
    "ahead": (
        run([1.5], [0.5], [(1.0, 0.7)]),
        {},
        "against 50 % in training, averaged over the last epoch: what it learned holds for rows it never saw.",
    ),
    "turned": (
        run([0.5, 0.4], [0.8, 0.85], [(0.5, 0.8), (0.6, 0.83)]),
        {},
        ("Validation was best in epoch 1 (loss 0.500); it is 0.600 at the end."),
    ),
    "few": (
        run([0.5], [0.9], [(0.5, 0.8)]),
        {"validation": 10},
        (
            "Of 10 pictures kept aside 2 are named wrong, an accuracy "
            "of 80 % against 90 % in training, averaged over the last epoch; so few do not tell whether it memorised."
        ),
    ),
    "one": (
        run([0.5], [0.9], [(0.5, 1.0)]),
        {"validation": 1},
        "Of 1 picture kept aside 0 are named wrong",
    ),
    "only memory": (
        run([0.5], [0.95], [(3.0, 0.11)]),
        {},
        "no more are right than guessing may reach.",
    ),
}


@pytest.mark.parametrize("course", KEPT)
def test_what_is_kept_for_rows_never_trained_on(course: str, make_trace: MakeTrace) -> None:
    metrics, options, words = KEPT[course]
    assert insight(make_trace(metrics, **options))[-1].endswith(words) or course == "one"
    assert words in insight(make_trace(metrics, **options))[-1]


@pytest.mark.parametrize(
    ("losses", "words"),
    [
        ([0.5, 0.4], "78.3 % of that fall came in epoch 1, and the last epoch added 5.26 %."),
        ([1.9, 0.4], "78.8 % of that fall came in the last epoch."),
        ([0.5, 0.2, 0.4], "in 96 weight updates; in the last epoch it rose by 0.200."),
        ([0.5, 0.7, 0.4], "came down to 0.400 in 96 weight updates."),
    ],
)
def test_how_the_loss_came_down(losses: list[float], words: str, make_trace: MakeTrace) -> None:
    said = insight(make_trace(run(losses, [0.8] * len(losses))))[1]
    if "78.3 %" in words:
        words = words.replace("78.3 %", "94.7 %")
    assert said.endswith(words)


def test_insight_of_a_diverged_run(make_trace: MakeTrace) -> None:
    trace = make_trace(BROKEN, rate=1e20)
    broken = summarise(np.array([[np.nan, 1]], np.float32))
    epochs = tuple(replace(epoch, probe={"dense": broken}) for epoch in trace.epochs)
    assert insight(replace(trace, epochs=(trace.epochs[0], *epochs[1:]))) == (
        "From epoch 2 on the loss is NaN: what the model is at the end cannot be used. In epoch 1 the loss was 1.",
        "The first output with values that are not finite is that of Dense, after epoch 2.",
        "The learning rate was 1.00 x 10^20.",
    )


def test_insight_of_a_run_worse_than_guessing(make_trace: MakeTrace) -> None:
    assert insight(make_trace(run([9.0], [0.1]), rate=None)) == (
        "In epoch 1 the loss is 9, where guessing gives 2.30: what the model is at the end cannot be used.",
    )


def test_insight_of_a_diverged_run_names_a_layer_that_gives_nothing(
    make_trace: MakeTrace, make_net: Any
) -> None:
    said = insight(make_trace(run([9.0], [0.1]), net=make_net(dead=(0, 1, 2, 3))))
    assert said[1:] == (
        "All outputs of Conv2D are 0, whatever the row.",
        "The learning rate was 0.001.",
    )


def test_insight_of_a_run_at_chance_tells_whether_the_weights_moved(make_trace: MakeTrace) -> None:
    one, other = (summarise(np.full((1, 4), value, np.float32)) for value in (0.5, 0.6))
    for last, words in (
        (one, "The weights did not change at all from epoch 1 to 3, at a learning rate of 0.001."),
        (
            other,
            "The weights did change (1 of 2 arrays) from epoch 1 to 3, at a learning rate of 0.001: the steps are too few, too small or in no direction.",
        ),
    ):
        trace = make_trace(CHANCE)
        weights = [{"conv2d/kernel": one, "dense/kernel": one}] * 2 + [
            {"conv2d/kernel": last, "dense/kernel": one}
        ]
        epochs = tuple(
            replace(epoch, weights=each) for epoch, each in zip(trace.epochs, weights, strict=True)
        )
        said = insight(replace(trace, epochs=epochs))
        assert (
            said[0]
            == "After 3 epochs the loss is 2.30 and guessing gives 2.30: the answers tell no more than guesses do."
        )
        assert said[1] == words
    assert insight(make_trace(CHANCE))[1:] == ("The learning rate was 0.001.",)
    assert len(insight(make_trace(CHANCE[:1], rate=None))) == 1


def test_insight_of_a_run_at_chance_names_a_layer_that_gives_nothing(
    make_trace: MakeTrace, make_net: Any
) -> None:
    dead = make_net(dead=(0, 1, 2, 3))
    assert "All outputs of Conv2D are 0, whatever the row." in insight(make_trace(CHANCE, net=dead))
    # A killed run has no measurement of all rows, but one of the probe.
    trace = make_trace(CHANCE, net=dead, measured=False, ending=Ending(KILLED))
    probe = {"dense": summarise(np.zeros((4, 10), np.float32))}
    epochs = (*trace.epochs[:2], replace(trace.epochs[2], probe=probe))
    assert "All outputs of Dense are 0, whatever the row." in insight(replace(trace, epochs=epochs))
    assert not any(
        "All outputs" in each for each in insight(make_trace(CHANCE, net=make_net(dead=(0,))))
    )


def test_layers_of_one_class_are_told_apart_by_name(make_trace: MakeTrace) -> None:
    trace = make_trace(LEARNS)
    conv, dense = trace.stages[2], trace.stages[5]
    twice = replace(
        dense, name="hidden", inputs=(Spec((None, 36), "float32", "flatten"),), flops=10**9
    )
    said = insight(replace(trace, stages=(*trace.stages[:5], twice, dense)))[0]
    assert said.startswith("Dense (hidden) holds ")
    same = replace(conv, parameters=replace(conv.parameters, trainable=10**6))
    said = insight(replace(trace, stages=(*trace.stages[:2], same, *trace.stages[3:])))[0]
    assert re.fullmatch(
        r"Conv2D holds over 99.9 % of the 1,000,370 parameters and does 78.3 % of the arithmetic\.",
        said,
    )


def test_a_layer_that_is_called_twice_holds_its_weights_once(make_trace: MakeTrace) -> None:
    trace = make_trace(LEARNS)
    again = replace(trace.stages[5], name="dense:2")
    assert " of the 410 parameters " in insight(replace(trace, stages=(*trace.stages, again)))[0]


LOSSES = st.one_of(
    st.floats(0, 5), st.floats(0, 1e30), st.sampled_from([0.0, LN10, 2.2, 3.5, math.nan, math.inf])
)
SHARES = st.integers(0, 1000).map(lambda count: count / 1000)
HISTORIES = st.lists(
    st.dictionaries(st.sampled_from(["loss", "val_loss"]), LOSSES).flatmap(
        lambda losses: st.dictionaries(st.sampled_from(["accuracy", "val_accuracy"]), SHARES).map(
            lambda rest: {**losses, **rest}
        )
    ),
    max_size=6,
)


@settings(deadline=None, max_examples=200)
@given(
    history=HISTORIES,
    counts=st.lists(st.integers(0, 500), min_size=10, max_size=10).filter(any),
    ending=st.sampled_from([FAILED, INTERRUPTED, KILLED, RUNNING, STOPPED]),
    validation=st.integers(1, 800),
)
def test_no_run_is_told_with_a_number_that_is_not_in_its_trace(
    history: list[Metrics],
    counts: list[int],
    ending: str,
    validation: int,
    make_trace: MakeTrace,
    unfounded: Unfounded,
) -> None:
    trace = make_trace(
        history, counts=counts, ending=Ending(ending), validation=validation, planned=9
    )
    for text in (headline(trace), *insight(trace)):
        assert unfounded(text, allowed(trace)) == [], text
        assert not re.search(r"\bnan\b|\binf\b|None|\de[+-]\d", text), text
        assert text.endswith(".")
        assert text[0].isupper()


def allowed(trace: Trace) -> dict[str, list[float]]:
    """What a headline or an insight may name, found from the trace alone."""
    counts, epochs, held = (
        trace.run.data.class_counts,
        trace.epochs,
        trace.run.data.validation_rows or 0,
    )
    rows = sum(counts)
    parts = [count / rows for count in counts if count]
    level, largest = -sum(each * math.log(each) for each in parts), max(parts)
    metrics = [
        value for epoch in epochs for name, value in epoch.metrics.items() if "accuracy" not in name
    ]
    accuracies = [
        value for epoch in epochs for name, value in epoch.metrics.items() if "accuracy" in name
    ]
    luck = [
        min(1.0, largest + 3 * math.sqrt(largest * (1 - largest) / each)) for each in (rows, held)
    ]
    falls = []
    for start in (level, LN10):
        losses = [start, *(epoch.metrics.get("loss", math.nan) for epoch in epochs)]
        whole = losses[0] - losses[-1]
        if whole:
            falls += [(was - now) / whole for was, now in itertools.pairwise(losses)]
    layers = [stage for stage in trace.stages if stage.kind == "layer"]
    total, effort = (
        sum(stage.parameters.total for stage in layers),
        sum(stage.flops or 0 for stage in layers),
    )
    held_by = [stage.parameters.total / total for stage in layers] + [
        (stage.flops or 0) / effort for stage in layers
    ]
    wrong = [round((1 - epoch.metrics.get("val_accuracy", 0.0)) * held) for epoch in epochs]
    steps = len(range(0, rows, trace.run.training.batch_size or 1))
    rises = [metrics_after(epochs)] if len(epochs) > 1 else []
    return {
        "epochs": [float(epoch.number) for epoch in epochs],
        "shares": [
            100 * each for each in [*accuracies, *luck, largest, 1 / len(parts), *falls, *held_by]
        ],
        "counts": [len(epochs), 9, rows, held, *wrong, steps * len(epochs), 36, total],
        "figures": [*metrics, LN10, level, 0.001, total, *wrong, *rises],
    }


def metrics_after(epochs: Sequence[Any]) -> float:
    """By how much the loss rose in the last epoch."""
    return float(epochs[-1].metrics.get("loss", 0.0) - epochs[-2].metrics.get("loss", 0.0))


def test_nothing_is_wrong_in_a_run_that_learns_and_something_in_one_that_broke(
    make_trace: MakeTrace,
) -> None:
    assert findings(make_trace(LEARNS)) == ()
    (found,) = findings(make_trace(BROKEN))
    assert (found.level, found.category) == ("error", "nan")


@pytest.mark.framework
def test_a_recorded_run_is_told_with_its_own_figures(
    digits_trace: Trace, unfounded: Unfounded
) -> None:
    known = allowed(digits_trace)
    known["counts"] += [3, 676]
    for text in (headline(digits_trace), *insight(digits_trace)):
        assert unfounded(text, known) == [], text
    assert [each for each in findings(digits_trace) if each.level != NOTE] == []
