"""How rows came out, in words, held against counts by NumPy."""

import re
from dataclasses import replace

import numpy as np
import pytest
from tests.explain.conftest import numbers_of
from tests.tasks import KINDS, binary, logits, mask, multilabel, regression

from pipetrace.explain import task
from pipetrace.explain.facts import words_of
from pipetrace.explain.remarks import example
from pipetrace.explain.results import Results, results
from pipetrace.trace import Trace
from pipetrace.trace.document import Array


def told(trace: Trace, given: Array, wanted: Array) -> Results | None:
    [output] = task.outputs(trace)
    return results(
        trace, output, given.astype(np.float32), wanted, np.arange(100, 100 + len(given))
    )


def test_the_hardest_class_and_what_it_was_taken_for(digits_trace: Trace) -> None:
    true = np.array([0] * 10 + [3] * 10 + [7] * 5)
    said = true.copy()
    said[10:14], said[14:16], said[0] = 5, 2, 1
    found = told(digits_trace, np.eye(10)[said], true)
    assert found is not None
    assert numbers_of(found.title) == [18, 25, 72]
    hardest, easiest = found.sentences[:2]
    assert re.findall(r"'(\d)'", hardest) == ["3", "5", "2"]
    assert numbers_of(hardest.partition("predicted")[0].replace("'3'", "")) == [4, 10]
    assert "'5' (4 times)" in hardest
    assert "'2' (twice)" in hardest
    assert "'7'" in easiest
    assert len(found.sentences) == 2
    never = told(digits_trace, np.eye(10)[np.where(said == 7, 0, said)], true)
    assert never is not None
    assert "'7'" in never.sentences[-1]
    everything = told(digits_trace, np.eye(10)[true], true)
    assert everything == Results("25 of 25 right (100 %)")


def test_the_class_that_gained_most_and_the_one_that_lost_most(digits_trace: Trace) -> None:
    true = np.array([0] * 10 + [3] * 10 + [7] * 5)
    was, now = true.copy(), true.copy()
    was[:6], was[10:12] = 1, 5
    now[10:15], now[20:21] = 5, 9
    [output] = task.outputs(digits_trace)
    given, before = (np.eye(10, dtype=np.float32)[each] for each in (now, was))
    numbers = np.arange(25)
    found = results(digits_trace, output, given, true, numbers, (1, before))
    assert found is not None
    assert re.findall(
        r"'(\d)' (gained|lost) most: (\d+) to (\d+) of (\d+)", found.sentences[-1]
    ) == [
        ("0", "gained", "4", "10", "10"),
        ("3", "lost", "8", "5", "10"),
    ]
    assert "epoch 1" in found.sentences[-1]
    same = results(digits_trace, output, given, true, numbers, (1, given))
    broken = results(digits_trace, output, given, true, numbers, (1, before * np.nan))
    assert same == broken == results(digits_trace, output, given, true, numbers)


def test_the_recorded_run_has_its_own_counts(digits_trace: Trace) -> None:
    kept = digits_trace.kept_rows
    assert kept is not None
    [output] = task.outputs(digits_trace)
    for given in (*(each[0] for each in kept.outputs_after.values()), kept.outputs[0]):
        found = results(digits_trace, output, given, kept.targets[0], kept.numbers)
        assert found is not None
        right = (given.argmax(axis=1) == kept.targets[0]).sum()
        assert numbers_of(found.title)[:2] == [right, len(given)]


@pytest.mark.parametrize("of_logits", [False, True])
def test_yes_or_no(of_logits: bool) -> None:
    trace = binary(logits=of_logits)
    given = np.array([[0.9], [0.2], [0.4], [0.8]]) - (0.5 if of_logits else 0)
    found = told(trace, given, np.array([[1], [0], [1], [0]]))
    assert found is not None
    assert numbers_of(found.title) == [2, 4, 50]
    if of_logits:
        given = np.array([[3.0], [-2.0]])
        assert numbers_of(told(trace, given, np.array([[1], [0]])).title)[:2] == [2, 2]  # type: ignore[union-attr]


def test_numbers_are_off_by_their_mean_absolute_error() -> None:
    rng = np.random.default_rng(3)
    given, wanted = rng.normal(size=(50, 1)), rng.normal(size=(50, 1)) + 1
    found = told(regression(), given, wanted)
    assert found is not None
    off = np.abs(given.astype(np.float32) - wanted)
    assert numbers_of(found.title) == [pytest.approx(off.mean(), rel=0.01)]
    bias, worst = found.sentences
    assert "low" in bias
    assert numbers_of(bias)[0] == pytest.approx(abs((given - wanted).mean()), rel=0.01)
    assert numbers_of(worst)[0] == 100 + off.argmax()
    assert numbers_of(worst)[1] == pytest.approx(off.max(), rel=0.01)


def test_labels_are_missed_or_given_wrongly() -> None:
    wanted = np.zeros((10, 4))
    wanted[:, 2] = 1
    given = wanted * 0.9
    given[:3, 2], given[5, 1] = 0.1, 0.8
    found = told(multilabel(), given, wanted)
    assert found is not None
    assert numbers_of(found.title) == [36, 40, 90]
    assert numbers_of(found.sentences[0])[-3:] == [7, 10, 3]
    assert "never given wrongly" in found.sentences[0]


def test_masks_overlap() -> None:
    trace = mask()
    [output] = task.outputs(trace)
    shape = tuple(each or 3 for each in output.shape)
    wanted = np.zeros(shape)
    wanted[:, :2] = 1
    given = np.full(shape, 0.1)
    given[:, :1], given[0, :3] = 0.9, 0.9
    found = told(trace, given, wanted)
    assert found is not None
    said, true = given[..., 0] > 0.5, wanted[..., 0] > 0.5
    each = (said & true).sum(axis=(1, 2)) / (said | true).sum(axis=(1, 2))
    assert numbers_of(found.title) == [pytest.approx(each.mean(), rel=0.01)]
    assert numbers_of(found.sentences[1])[:2] == [
        100 + each.argmin(),
        pytest.approx(each.min(), rel=0.01),
    ]


def test_rows_without_a_finite_output_are_counted_apart() -> None:
    given = np.eye(4)[[0, 1, 2]]
    given[1] = np.nan
    found = told(logits(), given, np.array([0, 1, 2]))
    assert found is not None
    assert numbers_of(found.title) == [2, 2, 100]
    assert numbers_of(found.sentences[-1]) == [1]
    nothing = told(logits(), np.full((2, 4), np.inf), np.array([0, 1]))
    assert nothing is not None
    assert numbers_of(nothing.title) == []
    assert told(logits(), np.empty((0, 4)), np.empty(0, int)) is None
    assert told(logits(), given, np.array(["a", "b", "c"])) is None


@pytest.mark.parametrize("kind", KINDS)
def test_any_kind_of_output(kind: str) -> None:
    trace = KINDS[kind]()
    kept = trace.kept_rows
    if kept is None or not kept.targets:
        return
    for output, given, wanted in zip(task.outputs(trace), kept.outputs, kept.targets, strict=False):
        found = results(trace, output, given, wanted, kept.numbers)
        assert found is None or found.title[0].isupper() or found.title[0].isdigit()


def test_the_words_that_numbers_stand_for(digits_trace: Trace) -> None:
    """As Keras lays them out: padding, unknown entries, then the vocabulary."""

    def words(layer: str, **config: object) -> tuple[str, ...]:
        known = {"vocabulary": ["a", "b"], "output_mode": "int", **config}
        return words_of(replace(digits_trace.stages["dense"], layer=layer, config=known))

    assert words("TextVectorization", vocabulary_size=4) == ("", "[UNK]", "a", "b")
    assert words("StringLookup", vocabulary_size=3, num_oov_indices=1) == ("[UNK]", "a", "b")
    assert words("StringLookup", vocabulary_size=5, num_oov_indices=2)[:3] == ("", "[UNK]", "[UNK]")
    assert words("StringLookup", vocabulary_size=3, invert=True) == ()
    assert words("TextVectorization", vocabulary_size=4, output_mode="multi_hot") == ()
    assert words("TextVectorization", vocabulary_size=4, vocabulary=None) == ()
    assert words("Dense", vocabulary_size=4) == ()
    config = {"vocabulary": ["a", "b"], "output_mode": "int", "vocabulary_size": 4}
    made = replace(digits_trace.stages["dense"], layer="TextVectorization", config=config)
    for numbers, parts in {
        (3, 2, 0): ["3 for 'b', 2 for 'a', 0 for padding"],
        (1,) * 9: ["First 8 of 9", "1 for '[UNK]'"],
        (4,): ["only value"],
    }.items():
        told = str(example(digits_trace, replace(made, example=np.array(numbers))))
        assert all(part in told for part in parts), told
