"""The quiz: four options, of which exactly one is right by a computation of the test's own."""

import math
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from pipetrace.explain.quiz import SECTIONS, Question, quiz
from pipetrace.explain.quiz.data_flow import scaled_pixel
from pipetrace.explain.quiz.draft import draft
from pipetrace.explain.quiz.prediction import rest_of_probability
from pipetrace.explain.quiz.training import steps_in_progress_bar
from pipetrace.trace import Trace
from pipetrace.trace.document import KILLED, Ending, Stages

MakeTrace: TypeAlias = Callable[..., Trace]

NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")
EPOCH = {"loss": 1.6, "accuracy": 0.5, "val_loss": 1.0, "val_accuracy": 0.68}


def numbers(text: str) -> list[float]:
    return [float(each.replace(",", "")) for each in NUMBER.findall(text)]


def near(option: str, value: float) -> bool:
    """Whether an option is one number, and that one to three digits."""
    found = numbers(option)
    return len(found) == 1 and abs(found[0] - value) <= 0.00501 * abs(value) + 1e-12


def count(option: str, value: float) -> bool:
    return numbers(option) == [value]


def steps(trace: Trace) -> int:
    return len(range(0, sum(trace.run.data.class_counts), trace.run.training.batch_size or 1))


def shares(trace: Trace) -> Any:
    return trace.predictions[0].outputs["dense"].astype(float)


def shape_of(trace: Trace, stage: str) -> tuple[int, ...]:
    """The shape of the array that the stage gave for one row."""
    return tuple(int(length or 0) for length in trace.stage(stage).outputs[0].shape[1:])


def strongest_filter(trace: Trace) -> int:
    flat = trace.predictions[0].outputs["flatten"]
    return int(flat.reshape(shape_of(trace, "max_pooling2d")).max(axis=(0, 1)).argmax())


TRUTHS: dict[str, Callable[[Trace, str, str], bool]] = {
    "conv_shape": lambda trace, _, option: tuple(numbers(option)) == shape_of(trace, "conv2d"),
    "conv_parameters": lambda trace, _, option: count(
        option, trace.weights["conv2d/kernel"].size + trace.weights["conv2d/bias"].size
    ),
    "flatten_length": lambda trace, _, option: count(
        option, trace.weights["dense/kernel"].shape[0]
    ),
    "scaled_pixel": lambda _, text, option: (
        np.float32(option) == np.float32(numbers(text)[0]) / np.float32(255)
    ),
    "pooled_value": lambda _, text, option: count(
        option, max(numbers(text.partition("holds")[2].partition("What")[0]))
    ),
    "steps_in_progress_bar": lambda trace, _, option: option.startswith(
        f"{steps(trace):,} batches"
    ),
    "weight_updates": lambda trace, _, option: count(option, steps(trace) * len(trace.epochs)),
    "chance_loss": lambda trace, _, option: near(
        option, -math.log(1 / len(trace.run.data.class_names))
    ),
    "best_epoch": lambda trace, _, option: count(
        option, min(trace.epochs, key=lambda epoch: epoch.metrics["val_loss"]).number
    ),
    "validation_ahead": lambda *what: "average over the epoch" in what[2],
    "dense_inputs": lambda trace, _, option: count(
        option, trace.weights["dense/kernel"].shape[0] + 1
    ),
    "channel_of_value": lambda trace, _, option: count(option, strongest_filter(trace)),
    "second_choice": lambda trace, _, option: (
        shares(trace)[int(option.strip("'"))] == sorted(shares(trace))[-2]
    ),
    "rest_of_probability": lambda trace, _, option: (
        option.endswith(" %") and near(option, 100 * (1 - shares(trace).max()))
    ),
}
"""Whether an option answers a question of each kind, found out from the arrays and counts."""


ELSEWHERE = (
    "dense_parameters",
    "embedding_parameters",
    "lstm_parameters",
    "most_parameters",
    "mean_of_a_loss",
    "threshold",
)
"""The questions that other models are asked; ``test_any_model`` holds them."""


def kind(trace: Trace, text: str) -> str:
    """Which kind of question this is: the name of the function that drafts it."""
    return next(
        make.__name__
        for section in SECTIONS
        for make in section
        if (made := make(trace)) and made.text == text
    )


def is_right(trace: Trace, question: Question, option: str) -> bool:
    return TRUTHS[kind(trace, question.text)](trace, question.text, option)


def check(trace: Trace, question: Question) -> None:
    """All that must be so of one question."""
    assert len(question.options) == len(question.remarks) == 4
    assert 0 <= question.answer < 4
    right = [
        index for index, option in enumerate(question.options) if is_right(trace, question, option)
    ]
    assert right == [question.answer], question
    said = [(NUMBER.sub("#", option), *numbers(option)) for option in question.options]
    assert len({*said}) == 4, question
    assert question.remarks[question.answer] == question.explanation
    assert len({*question.remarks}) == 4
    assert all(remark.endswith(".") for remark in question.remarks)
    assert question.text.endswith("?")
    words = " ".join([question.text, *question.options, *question.remarks])
    assert not re.search(r"\bnan\b|\binf\b|None|\de[+-]\d", words), words
    if kind(trace, question.text) == "channel_of_value":
        assert all(
            numbers(option)[0] < shape_of(trace, "max_pooling2d")[2] for option in question.options
        )
    check_evidence(trace, question.evidence)
    check_sums(question.explanation)


def check_evidence(trace: Trace, evidence: str) -> None:
    part, _, name = evidence.partition("/")
    stages = [stage.name for stage in trace.stages]
    if part == "epoch":
        assert int(name) in [epoch.number for epoch in trace.epochs]
    elif part == "prediction":
        assert name in stages
        assert trace.predictions
    else:
        assert evidence == "training" or (part == "stage" and name in stages)


def check_sums(text: str) -> None:
    """Every product or sum of whole numbers in an explanation comes out."""
    whole = r"[\d,()]+(?: [x+-] [\d,()]+)*"
    for left, right in re.findall(
        rf"(?<![\d,./])(?<![./] )({whole}) = ({whole})(?!\d|[,.]\d)", text
    ):
        values = [eval(re.sub(r"[^\d()*+-]", "", each.replace("x", "*"))) for each in (left, right)]
        assert values[0] == values[1], text


def all_questions(trace: Trace) -> dict[str, Question]:
    """Every question that any of 60 seeds asks, by its kind."""
    texts = {each.text: each for seed in range(60) for each in quiz(trace, seed)}
    return {kind(trace, text): each for text, each in texts.items()}


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
        "loss": draw(st.floats(0, 1e4) | st.sampled_from([math.nan, math.inf])),
        "val_loss": draw(st.floats(0, 1e4) | st.sampled_from([math.nan, math.inf])),
        "quiz": draw(st.integers(0, 2**32 - 1)),
    }


@settings(deadline=None, max_examples=50)
@given(drawn=traces())
def test_exactly_one_option_is_right_whatever_the_run(
    drawn: dict[str, Any], make_trace: MakeTrace, make_net: Any
) -> None:
    metrics = [{**EPOCH, "loss": drawn["loss"], "val_loss": drawn["val_loss"]}] * drawn["epochs"]
    trace = make_trace(
        metrics, net=make_net(**drawn["net"]), rows=drawn["rows"], batch=drawn["batch"]
    )
    found = quiz(trace, drawn["quiz"])
    drafts = [made for section in SECTIONS for make in section if (made := make(trace))]
    assert len(found) == min(3, sum(len(made.wrong) >= 3 for made in drafts))
    assert len({question.text for question in found}) == len(found)
    for question in found:
        check(trace, question)
    assert quiz(trace, drawn["quiz"]) == found


def test_every_kind_of_question_is_asked_and_right(make_trace: MakeTrace, make_net: Any) -> None:
    falling = [{**EPOCH, "loss": EPOCH["loss"] * 0.8**number} for number in range(3)]
    trace = make_trace(falling, net=make_net(filters=8, image=(10, 9, 1)))
    asked = all_questions(trace)
    for question in asked.values():
        check(trace, question)
    assert set(TRUTHS) - set(asked) == {"best_epoch"}
    assert len(TRUTHS) + len(ELSEWHERE) == sum(len(section) for section in SECTIONS)


def test_there_are_three_questions_on_a_finished_run(make_trace: MakeTrace, make_net: Any) -> None:
    for image in ((8, 8, 1), (7, 9, 3)):
        for epochs in (1, 2, 30):
            trace = make_trace([EPOCH] * epochs, net=make_net(image=image))
            assert all(len(quiz(trace, seed)) == 3 for seed in range(10))


def test_every_part_of_the_trace_is_asked_about(make_trace: MakeTrace) -> None:
    trace = make_trace([EPOCH] * 3)
    for seed in range(20):
        parts = [question.evidence.partition("/")[0] for question in quiz(trace, seed)]
        assert parts[0] == "stage"
        assert parts[1] in ("training", "epoch")
        assert parts[2] == "prediction"


def test_another_seed_asks_another_quiz_and_the_right_answer_moves(make_trace: MakeTrace) -> None:
    trace = make_trace([EPOCH] * 3)
    quizzes = [quiz(trace, seed) for seed in range(200)]
    assert len({*quizzes}) > 150
    places = Counter(question.answer for each in quizzes for question in each)
    # 600 draws of four: 150 each, give or take five standard deviations of 10.6.
    assert all(97 < places[index] < 203 for index in range(4)), places


def test_another_run_asks_another_quiz_under_the_same_seed(make_trace: MakeTrace) -> None:
    first, second = make_trace([EPOCH] * 3), make_trace([EPOCH] * 3)
    second = replace(second, run=replace(second.run, model_fingerprint="another"))
    assert [quiz(first, seed) for seed in range(5)] != [quiz(second, seed) for seed in range(5)]


@pytest.mark.parametrize("epochs", [0, 1])
def test_a_killed_run_is_asked_about_what_it_has(epochs: int, make_trace: MakeTrace) -> None:
    trace = make_trace(
        [EPOCH] * epochs, planned=5, ending=Ending(KILLED), measured=False, predicted=False
    )
    trace = replace(trace, weights=make_trace().weights, stages=make_trace().stages)
    bare = replace(
        trace, stages=Stages(replace(stage, summary=None, example=None) for stage in trace.stages)
    )
    for seed in range(30):
        found = quiz(bare, seed)
        assert len(found) == 3
        for question in found:
            check(trace, question)
            assert not question.evidence.startswith("prediction")
            assert epochs or not question.evidence.startswith("epoch")


def test_a_trace_of_unknown_layers_asks_what_is_left(make_trace: MakeTrace) -> None:
    trace = make_trace([EPOCH] * 2, predicted=False)
    assert [question.evidence for question in quiz(replace(trace, stages=trace.stages[:1]))][
        1:
    ] != []
    assert quiz(replace(trace, stages=trace.stages[:1], epochs=()), 1)[0].evidence == "training"


def test_a_wrong_option_with_a_number_that_occurs_is_answered_for_it(make_trace: MakeTrace) -> None:
    for batch, rows, epochs, part in (
        (32, 1000, 5, "32 rows here as well"),
        (32, 900, 5, "A batch holds 32 rows;"),
        (100, 500, 5, "there are 5 as well"),
        (250, 1000, 5, "as many filters"),
    ):
        trace = make_trace([EPOCH] * epochs, rows=rows, batch=batch)
        made = steps_in_progress_bar(trace)
        assert made
        assert any(part in remark for _, remark in made.wrong), part


def test_batches_of_one_row_are_not_told_from_rows(make_trace: MakeTrace) -> None:
    assert "steps_in_progress_bar" not in all_questions(make_trace([EPOCH] * 2, batch=1))


def test_updates_that_are_gathered_are_not_asked_for(make_trace: MakeTrace) -> None:
    trace = make_trace([EPOCH] * 2)
    training = replace(trace.run.training, optimizer_config={"gradient_accumulation_steps": 4})
    asked = all_questions(replace(trace, run=replace(trace.run, training=training)))
    assert "weight_updates" not in asked


def with_shares(trace: Trace, values: Any) -> Trace:
    """The trace with other probabilities in its prediction."""
    first = trace.predictions[0]
    outputs = {**first.outputs, "dense": np.asarray(values, np.float32)}
    return replace(trace, predictions=(replace(first, outputs=outputs),))


def test_a_rest_that_the_text_cannot_tell_is_not_asked_for(make_trace: MakeTrace) -> None:
    for top in (0.9999, 1.0):
        values = np.full(10, (1 - top) / 9)
        values[4] = top
        trace = with_shares(make_trace([EPOCH]), values)
        assert "rest_of_probability" not in all_questions(trace)


def test_a_share_beside_the_right_one_is_not_offered(make_trace: MakeTrace) -> None:
    values = np.full(10, 0.098 / 9)  # 9.80 % are left, and chance level is 10 %
    values[4] = 0.902
    found = rest_of_probability(with_shares(make_trace([EPOCH]), values))
    assert found
    assert found.right == "9.80 %"
    assert [answer for answer, _ in found.wrong[:-1]] == ["1.09 %", "90 %"]


def test_a_loss_that_is_not_finite_is_not_asked_about(make_trace: MakeTrace) -> None:
    for loss in (math.inf, math.nan):
        asked = all_questions(make_trace([{**EPOCH, "loss": loss}]))
        assert not {"validation_ahead", "chance_loss"} & set(asked)


def test_the_mistakes_of_a_scaling(make_trace: MakeTrace) -> None:
    trace = make_trace()
    data = replace(trace.run.data, example_value=128.0)
    pixels = np.full((8, 8, 1), 128, np.uint8)
    stages = (
        replace(trace.stages[0], example=pixels),
        replace(trace.stages[1], example=(pixels / 255).astype(np.float32)),
    )
    found = scaled_pixel(replace(trace, run=replace(trace.run, data=data), stages=Stages(stages)))
    assert found
    assert found.right == "0.5019608"
    assert [answer for answer, _ in found.wrong] == ["0.5", "0.003921569", "1.28", "128"]


def test_a_tie_is_not_asked_for(make_trace: MakeTrace) -> None:
    for order in ((0.4, 0.4, 0.2), (0.6, 0.2, 0.2)):
        trace = with_shares(make_trace([EPOCH]), [*order, *[0.0] * 7])
        assert "second_choice" not in all_questions(trace)


def test_an_answer_is_not_offered_twice_in_two_spellings() -> None:
    found = draft(
        "?",
        "10 %",
        "",
        [("10.0 %", "a"), ("1,000", "b"), ("1000.0", "c"), ("10.0", "d"), ("x", "e")],
        "training",
    )
    assert [answer for answer, _ in found.wrong] == ["1,000", "10.0", "x"]


@pytest.mark.framework
def test_the_quiz_of_a_recorded_run_is_right(digits_trace: Trace) -> None:
    asked = all_questions(digits_trace)
    for question in asked.values():
        check(digits_trace, question)
    assert len(asked) >= 10
