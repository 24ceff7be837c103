"""What a stage is told to receive and to give, where the order of the stages does not say it."""

from dataclasses import replace

import pytest
from tests.graphs import (
    CHAIN,
    HEADS,
    RESIDUAL,
    SIAMESE,
    TOWERS,
    UNET,
    deep,
    lined,
    nested_twice,
    stage,
    trace_of,
)

from pipetrace.present.build.document import document, minutes_to_read
from pipetrace.present.build.graph.wiring import described, wiring
from pipetrace.trace import Trace
from pipetrace.trace.document import Spec


def said(trace: Trace) -> dict[str, str]:
    wires = wiring(trace)
    return {
        each.name: " ".join(words)
        for each in trace.stages
        if (words := described(trace, wires, each))
    }


@pytest.mark.parametrize(
    ("text", "outputs", "expected"),
    [
        (CHAIN, (), {}),
        (RESIDUAL, (), {"stem": "Used by conv_1 and add.", "add": "Joins stem and conv_2."}),
        (
            UNET,
            (),
            {
                "down_1": "Used by pool_1 and concat_1.",
                "down_2": "Used by pool_2 and concat_2.",
                "concat_2": "Joins down_2 and up_2.",
                "concat_1": "Joins down_1 and up_1.",
            },
        ),
        (
            TOWERS,
            (),
            {
                "picture": "Goes to conv.",
                "words": "Goes to embed.",
                "conv": "From picture.",
                "pool": "Goes to both.",
                "embed": "From words.",
                "both": "Joins pool and lstm.",
            },
        ),
        (
            HEADS,
            ("age", "sex"),
            {
                "trunk": "Used by age and hidden.",
                "age": "Output 1 of the 2 of the model.",
                "hidden": "From trunk.",
                "sex": "Output 2 of the 2 of the model.",
            },
        ),
        (
            SIAMESE,
            (),
            {
                "left": "Goes to tower.",
                "right": "Goes to tower:2.",
                "tower": "From left. Goes to distance.",
                "tower:2": "From right.",
                "distance": "Joins tower and tower:2.",
            },
        ),
    ],
    ids=["chain", "residual", "unet", "towers", "heads", "siamese"],
)
def test_what_the_order_does_not_tell_is_said(
    text: str, outputs: tuple[str, ...], expected: dict[str, str]
) -> None:
    assert said(trace_of(lined(text), outputs)) == expected


def test_the_second_call_of_a_nested_model_receives_its_own_input() -> None:
    assert said(nested_twice())["conv:2"] == "From right."


def test_a_stage_that_gives_several_tensors_says_which() -> None:
    stages = lined("x InputLayer\nlstm LSTM x\nnext LSTM lstm\nend Dense lstm next")
    three = (Spec((None, 4), "float32"),) * 3
    stages[1] = replace(stages[1], outputs=three)
    states = tuple(Spec((None, 4), "float32", "lstm", output) for output in (1, 2))
    stages[2] = replace(stages[2], inputs=states)
    assert said(trace_of(stages)) == {
        "lstm": "Used by next and end.",
        "next": "From the second and third outputs of lstm.",
        "end": "Joins lstm and next.",
    }
    keyed = tuple(replace(each, name=key) for each, key in zip(three, "abc", strict=True))
    named = replace(stages[1], outputs=keyed)
    assert said(trace_of([stages[0], named, *stages[2:]])) == {
        "lstm": "Used by next and end.",
        "next": "From 'b' and 'c' of lstm.",
        "end": "Joins 'a' of lstm and next.",
    }
    stages[2] = replace(stages[2], inputs=(Spec((None, 4), "float32", "lstm"), *states))
    assert said(trace_of(stages))["next"] == "From all 3 outputs of lstm."


def test_the_same_tensor_twice_a_key_and_the_outside_are_said() -> None:
    stages = lined("x InputLayer\nsquare Multiply x\nboth Concatenate square")
    spec = Spec((None, 4), "float32", "x")
    stages[1] = replace(stages[1], inputs=(spec, spec))
    stages[2] = replace(
        stages[2], inputs=(replace(spec, source="square", name="query"), replace(spec, source=None))
    )
    assert said(trace_of(stages)) == {
        "square": "From x (twice).",
        "both": "Joins square as 'query' and from outside.",
    }


def test_a_stage_whose_input_nobody_gave_says_so() -> None:
    stages = [stage("x", "InputLayer"), stage("y", "Dense", "x"), stage("z", "Dense")]
    stages[2] = replace(stages[2], inputs=(Spec((None, 4), "float32", "gone"),))
    assert said(trace_of(stages))["z"] == "Its input comes from outside of the recorded stages."


def test_an_output_that_is_used_further_is_named_with_its_key() -> None:
    trace = trace_of(lined(HEADS), ("hidden", "sex"))
    assert trace.run.model is not None
    outputs = tuple(replace(spec, name=f"key of {spec.source}") for spec in trace.run.model.outputs)
    trace = replace(trace, run=replace(trace.run, model=replace(trace.run.model, outputs=outputs)))
    assert said(trace)["hidden"] == "From trunk. Output 1 of the 2 of the model, 'key of hidden'."
    alone = trace_of(lined(HEADS), ("hidden",))
    assert said(alone)["hidden"] == "From trunk. The output of the model."


def test_many_users_are_counted() -> None:
    text = "x InputLayer\n" + "\n".join(f"d{index} Dense x" for index in range(9))
    assert said(trace_of(lined(text)))["x"] == "Used by d0, d1, d2, d3, d4 and 4 more."


def test_where_nothing_is_known_of_the_model_its_output_is_the_last_layer() -> None:
    trace = trace_of(lined(HEADS))
    unknown = replace(trace, run=replace(trace.run, model=None))
    assert [spec.source for spec in wiring(unknown).outputs] == ["sex"]


def test_the_view_has_the_words_and_the_recorded_chain_has_none(digits_trace: Trace) -> None:
    assert document(trace_of(lined(RESIDUAL))).stages[4].wiring == ("Joins stem and conv_2.",)
    made = document(digits_trace)
    assert all(each.wiring == () for each in made.stages)
    assert (made.graph, made.groups, made.brief) == (None, (), False)


def test_the_minutes_are_those_of_what_is_not_collapsed() -> None:
    collapsed, opened = (document(deep(example=True), expanded=each) for each in (False, True))
    assert minutes_to_read(collapsed) * 4 < minutes_to_read(opened)
