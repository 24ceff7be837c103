"""The quiz: four options, of which exactly one is right by a computation of the test's own."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from random import Random
from typing import Any, TypeAlias

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from tests.explain.quiz import computed
from tests.explain.quiz.computed import NUMBER, holds
from tests.explain.quiz.truths import TRUTHS
from tests.tasks import KINDS, regression

from pipetrace.explain.quiz import GENERATORS, quiz
from pipetrace.explain.quiz.generator import LEVELS, Draft, Generator, draft
from pipetrace.explain.quiz.prediction import rest_of_probability, second_choice
from pipetrace.explain.quiz.training import steps_in_progress_bar, weight_updates
from pipetrace.explain.quiz.windows import pooling_shape
from pipetrace.trace import Trace
from pipetrace.trace.document import KILLED, Ending, Stages

MakeTrace: TypeAlias = Callable[..., Trace]

EPOCH = {"loss": 1.6, "accuracy": 0.5, "val_loss": 1.0, "val_accuracy": 0.68}
FORM = 0.75
"""Most that a way of telling the answer by its form may be right, of one kind of question; a quarter
is by chance."""


def drafts(trace: Trace, seeds: int) -> Iterator[tuple[Generator, Draft]]:
    """All that can be asked, with so many seeds."""
    for generator in GENERATORS:
        for seed in range(seeds):
            made = generator.draft(trace, Random(seed))
            if made is not None and len(made.wrong) > 2:
                yield generator, made


def check(trace: Trace, generator: Generator, made: Draft) -> None:
    """All that must be so of one question."""
    options = [made.right, *(answer for answer, _ in made.wrong)]
    truth = TRUTHS[generator.name](trace, made)
    assert [each for each in options if holds(each, truth)] == [made.right], (truth, made)
    remarks = [made.explanation, *(remark for _, remark in made.wrong)]
    assert len({*remarks}) == len(remarks)
    assert all(each.endswith(".") for each in remarks), made
    assert made.text.endswith("?")
    words = " ".join([made.text, *options, *remarks]).replace("None", "", made.text.count("None"))
    assert not re.search(r"\bnan\b|\binf\b|None|\de[+-]\d|  ", words), words
    check_place(trace, made.evidence)
    check_sums(made.explanation)


def check_place(trace: Trace, evidence: str) -> None:
    part, _, name = evidence.partition("/")
    if part == "epoch":
        assert int(name) in [epoch.number for epoch in trace.epochs]
    elif part in ("stage", "prediction"):
        assert name in trace.stages.by_name
    else:
        assert evidence in ("training", "results")


def check_sums(text: str) -> None:
    """Every product or sum of whole numbers in an explanation comes out."""
    whole = r"[\d,()]+(?: [x+-] [\d,()]+)*"
    for left, right in re.findall(
        rf"(?<![\d,./])(?<![./x] )({whole}) = ({whole})(?!\d|[,.]\d| %)", text
    ):
        values = [eval(re.sub(r"[^\d()*+-]", "", each.replace("x", "*"))) for each in (left, right)]
        assert values[0] == values[1], text


@st.composite
def traces(draw: st.DrawFn) -> dict[str, Any]:
    """Sizes of a network, of its training and its data."""
    wide = st.integers(5, 14)
    return {
        "net": {
            "image": (draw(wide), draw(wide), draw(st.sampled_from([1, 3]))),
            "filters": draw(st.integers(1, 33)),
            "kernel": draw(st.tuples(st.integers(1, 4), st.integers(1, 4))),
            "pool": draw(st.sampled_from([(1, 1), (2, 2), (2, 2), (2, 1), (1, 2)])),
            "units": draw(st.integers(2, 12)),
            "seed": draw(st.integers(0, 20)),
        },
        "rows": draw(st.integers(1, 3000)),
        "batch": draw(st.integers(1, 300)),
        "epochs": draw(st.integers(0, 40)),
        "loss": draw(st.floats(0, 1e4) | st.sampled_from([np.nan, np.inf])),
        "val_loss": draw(st.floats(0, 1e4) | st.sampled_from([np.nan, np.inf])),
    }


@pytest.mark.framework  # Keras computes shapes and parameters
@settings(deadline=None, max_examples=10)
@given(drawn=traces())
def test_exactly_one_option_is_right_whatever_the_run(
    drawn: dict[str, Any], make_trace: MakeTrace, make_net: Any
) -> None:
    metrics = [{**EPOCH, "loss": drawn["loss"], "val_loss": drawn["val_loss"]}] * drawn["epochs"]
    trace = make_trace(
        metrics, net=make_net(**drawn["net"]), rows=drawn["rows"], batch=drawn["batch"]
    )
    for generator, made in drafts(trace, 3):
        check(trace, generator, made)


@pytest.mark.framework
@pytest.mark.parametrize("name", KINDS, ids=lambda name: str(name).replace(" ", "-"))
def test_exactly_one_option_is_right_whatever_the_model(name: str) -> None:
    trace = KINDS[name]()
    for generator, made in drafts(trace, 20):
        check(trace, generator, made)


@pytest.mark.framework
def test_the_questions_of_a_recorded_run_are_right(digits_trace: Trace) -> None:
    kinds = Counter[str]()
    for generator, made in drafts(digits_trace, 30):
        kinds[generator.name] += 1
        check(digits_trace, generator, made)
    assert len(kinds) >= 50


def test_there_are_enough_kinds() -> None:
    assert set(TRUTHS) == {each.name for each in GENERATORS}
    assert len(GENERATORS) >= 60
    assert {each.level for each in GENERATORS} == set(LEVELS)
    skills = Counter(each.skill for each in GENERATORS)
    assert len(skills) == 6
    assert min(skills.values()) >= 8


def test_enough_kinds_apply_to_any_trained_model(make_trace: MakeTrace) -> None:
    asked = {each.name for each, _ in drafts(make_trace([EPOCH, EPOCH]), 20)}
    assert len(asked) >= 25
    for name in ("regression", "binary", "steps", "multilabel", "mask"):
        asked = {each.name for each, _ in drafts(with_epochs(KINDS[name]()), 20)}
        assert len(asked) >= 12, name


def with_epochs(trace: Trace) -> Trace:
    """The trace with losses that fell, of an epoch of known steps."""
    epochs = tuple(
        replace(each, metrics={"loss": 3.0 / each.number}, steps=5) for each in trace.epochs
    )
    return replace(trace, epochs=epochs)


def test_the_form_of_an_option_does_not_give_it_away(make_trace: MakeTrace, make_net: Any) -> None:
    """Neither the longest option, nor the only round number, nor the largest is mostly the answer."""
    found: dict[str, list[tuple[bool, bool]]] = defaultdict(list)
    for size in (8, 11):
        trace = make_trace([EPOCH] * 3, net=make_net(filters=size, image=(10, size, 1)))
        for generator, made in drafts(trace, 40):
            for sample in range(3):
                others = Random(sample).sample([answer for answer, _ in made.wrong], 3)
                longest = len(made.right) > max(map(len, others))
                round_ones = [is_round(each) for each in (made.right, *others)]
                found[generator.name].append((longest, round_ones == [True, False, False, False]))
    for name, each in found.items():
        for way in zip(*each, strict=True):
            # Layers and weights have the names that they have.
            assert np.mean(way) <= FORM or name in ("MostMoved", "MostParameters"), name
    everything = [each for forms in found.values() for each in forms]
    assert all(np.mean(way) < 0.4 for way in zip(*everything, strict=True))


def is_round(option: str) -> bool:
    found = NUMBER.findall(option)
    return len(found) == 1 and found[0].endswith("0") and found[0] != "0"


def test_every_student_has_a_quiz_of_their_own() -> None:
    """Of a small dense model as well: before the class command looks, one class of thirty in fifty
    has two students with the same set."""
    trace = with_epochs(regression())
    names = [f"student-{number}" for number in range(1000)]
    sets = Counter(frozenset(each.text for each in quiz(trace, name)) for name in names)
    same = sum(count * (count - 1) / 2 for count in sets.values())
    assert (30 * 29 / 2) * same / (1000 * 999 / 2) < 0.05
    assert quiz(trace, names[0]) == quiz(trace, names[0])


@pytest.mark.parametrize("kind", ["regression", "binary", "logits", "multilabel"])
def test_thirty_students_share_no_set(kind: str) -> None:
    made = [quiz(KINDS[kind](), f"student-{number}") for number in range(30)]
    assert len({frozenset(each.text for each in one) for one in made}) == 30


def test_questions_are_not_asked_twice(make_trace: MakeTrace) -> None:
    trace = make_trace([EPOCH] * 3)
    for count in (1, 3, 12, 60):
        made = quiz(trace, 1, count)
        assert len(made) == len({each.text for each in made}) == count
        assert all(len({*each.options}) == len({*each.remarks}) == 4 for each in made)


def test_every_part_of_the_trace_is_asked_about(make_trace: MakeTrace) -> None:
    trace = make_trace([EPOCH] * 3)
    for seed in range(20):
        skills = [each.skill for each in quiz(trace, seed)]
        assert skills[0] in ("shapes", "values")
        assert len(set(skills)) > 1


def test_another_seed_asks_another_quiz_and_the_right_answer_moves(make_trace: MakeTrace) -> None:
    trace = make_trace([EPOCH] * 3)
    quizzes = [quiz(trace, seed) for seed in range(200)]
    assert len({*quizzes}) > 190
    places = Counter(question.answer for each in quizzes for question in each)
    # 600 draws of four: 150 each, give or take five standard deviations of 10.6.
    assert all(97 < places[index] < 203 for index in range(4)), places


def test_another_run_asks_another_quiz_under_the_same_seed(make_trace: MakeTrace) -> None:
    first, second = make_trace([EPOCH] * 3), make_trace([EPOCH] * 3)
    second = replace(second, run=replace(second.run, model_fingerprint="another"))
    assert [quiz(first, seed) for seed in range(5)] != [quiz(second, seed) for seed in range(5)]


@pytest.mark.framework
@pytest.mark.parametrize("epochs", [0, 1])
def test_a_killed_run_is_asked_about_what_it_has(epochs: int, make_trace: MakeTrace) -> None:
    trace = make_trace(
        [EPOCH] * epochs, planned=5, ending=Ending(KILLED), measured=False, predicted=False
    )
    trace = replace(trace, weights=make_trace().weights, stages=make_trace().stages)
    bare = replace(
        trace, stages=Stages(replace(stage, summary=None, example=None) for stage in trace.stages)
    )
    assert len(quiz(bare)) == 3
    for generator, made in drafts(bare, 5):
        check(bare, generator, made)
        assert not made.evidence.startswith("prediction")
        assert epochs or not made.evidence.startswith("epoch")


def test_a_wrong_option_with_a_number_that_occurs_is_answered_for_it(make_trace: MakeTrace) -> None:
    for batch, rows, epochs, part in (
        (32, 1000, 5, "32 rows here as well"),
        (32, 900, 5, "A batch holds 32 rows;"),
        (100, 500, 5, "there are 5 as well"),
        (250, 1000, 5, "as many filters"),
    ):
        trace = make_trace([EPOCH] * epochs, rows=rows, batch=batch)
        made = steps_in_progress_bar.draft(trace, Random(0))
        assert made
        assert any(part in remark for _, remark in made.wrong), part


def test_what_cannot_be_told_is_not_asked(make_trace: MakeTrace) -> None:
    trace = make_trace([EPOCH] * 2)
    assert steps_in_progress_bar.draft(make_trace([EPOCH] * 2, batch=1), Random(0)) is None
    training = replace(trace.run.training, optimizer_config={"gradient_accumulation_steps": 4})
    gathered = replace(trace, run=replace(trace.run, training=training))
    assert weight_updates.draft(gathered, Random(0)) is None
    for top in (0.9999, 1.0):
        values = np.full(10, (1 - top) / 9)
        values[4] = top
        assert rest_of_probability.draft(with_shares(trace, values), Random(0)) is None
    for order in ((0.4, 0.4, 0.2), (0.6, 0.2, 0.2)):
        tied = with_shares(trace, [*order, *[0.0] * 7])
        assert second_choice.draft(tied, Random(0)) is None


def with_shares(trace: Trace, values: Any) -> Trace:
    """The trace with other probabilities in its prediction."""
    first = trace.predictions[0]
    outputs = {**first.outputs, "dense": np.asarray(values, np.float32)}
    return replace(trace, predictions=(replace(first, outputs=outputs),))


def test_a_share_beside_the_right_one_is_not_offered(make_trace: MakeTrace) -> None:
    values = np.full(10, 0.098 / 9)  # 9.80 % are left, and chance level is 10 %
    values[4] = 0.902
    found = rest_of_probability.draft(with_shares(make_trace([EPOCH]), values), Random(0))
    assert found
    assert found.right == "9.80 %"
    assert [answer for answer, _ in found.wrong] == ["1.09 %", "90 %"]


def test_an_answer_is_not_offered_twice_in_two_spellings() -> None:
    mistakes = [("10.0 %", "a"), ("1,000", "b"), ("1000.0", "c"), ("10.0", "d"), ("x", "e")]
    found = draft("?", "10 %", "", [*mistakes, ("y", "e"), ("2 x 0", "f")], "training")
    assert [answer for answer, _ in found.wrong] == ["1,000", "10.0", "x"]


def test_a_block_is_left_out_only_where_one_does_not_fit(
    make_trace: MakeTrace, make_net: Any
) -> None:
    said = Counter[bool]()
    for side in (8, 9, 10, 14):
        trace = make_trace([EPOCH], net=make_net(image=(side, side, 1)))
        for seed in range(9):
            made = pooling_shape.draft(trace, Random(seed))
            if made is None:
                continue
            high = computed.taken(computed.asked_stage(trace, made))[0]
            is_left_out = any("left out" in remark for _, remark in made.wrong)
            assert is_left_out == bool(high % made.about["pool_size"])
            said[is_left_out] += 1
    assert min(said[True], said[False]) > 2
