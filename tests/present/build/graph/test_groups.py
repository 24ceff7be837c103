"""What groups: nested models and blocks that repeat, in large models; nothing is lost in them and all can be opened."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.documents import a_trace
from tests.graphs import deep, lined, measured, nested_twice, stage, trace_of

from pipetrace.errors import UnknownStageError
from pipetrace.present.build.document import document
from pipetrace.present.build.focus import focus
from pipetrace.present.build.graph.groups import LARGE, stage_groups
from pipetrace.present.build.graph.overview import overview
from pipetrace.present.build.graph.wiring import wiring
from pipetrace.present.text import document_text
from pipetrace.trace import Trace
from pipetrace.trace.document import LAYER, STEP, Parameters, Spec, Stage, Stages

DEEP = deep()


def found(trace: Trace) -> list[tuple[str, int, int, int]]:
    return [
        (group.name, group.first, group.last, group.times)
        for group in stage_groups(trace, wiring(trace))
    ]


def test_blocks_that_repeat_fold_in_a_large_model() -> None:
    assert found(DEEP) == [("block1_conv1..block16_add", 2, 145, 16)]
    assert found(deep(skip=False)) == [("block1_conv1..block16_add", 2, 145, 16)]


def test_a_small_model_keeps_its_blocks() -> None:
    small = deep(4)
    assert len(small.stages) <= LARGE
    assert found(small) == []
    assert found(deep(5)) == [("block1_conv1..block5_add", 2, 46, 5)]


def test_a_nested_model_folds_and_its_blocks_within_it() -> None:
    trace = deep(nested=True)
    assert found(trace) == [("backbone", 1, 145, 1), ("block1_conv1..block16_add", 2, 145, 16)]
    _, views = overview(trace)
    assert not any(view.expanded for view in views)
    _, opened = overview(trace, expanded=True)
    assert all(view.expanded for view in opened)


def test_two_alike_are_no_repetition_and_another_wiring_is_another_block() -> None:
    trace = deep(5)
    stages = list(trace.stages)
    # In the third block the skip begins one stage later.
    at = next(index for index, each in enumerate(stages) if each.name == "block3_add")
    other = replace(stages[at].inputs[0], source="block3_conv1")
    stages[at] = replace(stages[at], inputs=(other, *stages[at].inputs[1:]))
    alike = [(f"block{number}", 9 * number - 7, 9 * number + 1, 1) for number in range(1, 6)]
    assert found(replace(trace, stages=Stages(stages))) == alike


def test_names_that_begin_alike_make_groups_but_counted_ones_do_not() -> None:
    rest = ("expand_conv", "expand_bn", "depth_conv", "depth_bn", "project")
    names = [f"net_block_{number}_{each}" for number in (1, 2) for each in rest]
    names += [f"dense_{number}" for number in range(1, 7)]
    names += [f"head{at}" for at in range(LARGE)]
    lines = [f"{name} Kind{at} {names[at - 1]}" for at, name in enumerate(names) if at]
    trace = trace_of(lined("\n".join([f"{names[0]} InputLayer", *lines])))
    assert found(trace) == [("net_block_1", 0, 4, 1), ("net_block_2", 5, 9, 1)]


def test_a_block_begins_where_the_fewest_lines_cross() -> None:
    """What comes before the blocks looks like the end of one: they begin behind it, and so end at their joins."""
    text = ["p InputLayer", "q InputLayer", "a0 Add p q"]
    for number in range(1, 21):
        text += [
            f"c{number} Conv2D a{number - 1}",
            f"d{number} Dense c{number}",
            f"a{number} Add c{number} d{number}",
        ]
    assert found(trace_of(lined("\n".join(text)))) == [("c1..a20", 3, 62, 20)]


def test_a_group_shows_its_own_inputs_outputs_and_parameters() -> None:
    trace = nested_twice()
    inside = replace(
        trace.groups[0],
        inputs=(Spec((None, 5), "float32", "left"),),
        outputs=(Spec((None, 2), "float32"), Spec((None, 3), "float32")),
        parameters=Parameters(1000, 24),
    )
    _, views = overview(replace(trace, groups=(inside, *trace.groups[1:])))
    assert (views[0].input, views[0].output) == ("4 rows x 5", "4 rows x 2 and 4 rows x 3")
    assert views[0].parameters == "1,024: 1,000 trainable, 24 frozen"


def test_a_block_counts_a_layer_that_is_called_twice_once() -> None:
    stages = lined("x InputLayer\n" + "\n".join(f"a:{n} Dense a:{n - 1}" for n in range(2, 50)))
    stages[1] = replace(stages[1], name="a", inputs=(replace(stages[1].inputs[0], source="x"),))
    stages[2] = replace(stages[2], inputs=(replace(stages[2].inputs[0], source="a"),))
    shared = [replace(each, parameters=Parameters(30)) for each in stages[1:]]
    _, (block,) = overview(trace_of([stages[0], *shared]))
    assert block.parameters == "30, all trainable"


@st.composite
def sequences(draw: st.DrawFn) -> list[str]:
    """Classes of a chain: blocks that come several times, and others between them."""
    classes: list[str] = []
    for _ in range(draw(st.integers(1, 4))):
        block = draw(st.lists(st.sampled_from("ABCD"), min_size=1, max_size=5))
        classes += block * draw(st.integers(1, 12))
    return classes


def wrong(trace: Trace) -> list[str]:
    """What is wrong with the groups of a trace."""
    said = []
    all_folds = stage_groups(trace, wiring(trace))
    for group in all_folds:
        if group.nested is None:
            length = (group.last + 1 - group.first) // group.times
            blocks = [
                [each.layer for each in trace.stages[start : start + length]]
                for start in range(group.first, group.last + 1, length)
            ]
            if len(blocks) < 3 or any(block != blocks[0] for block in blocks):
                said.append(f"{group.name} does not repeat")
    for one in all_folds:
        said += [
            f"{one.name} crosses {other.name}"
            for other in all_folds
            if one.first < other.first <= one.last < other.last
        ]
    view, views = overview(trace)
    hidden = {at for each in views if not each.expanded for at in range(each.first, each.last + 1)}
    if view and sum(line.number.count("-") == 0 for line in view.lines) != len(trace.stages) - len(
        hidden
    ):
        said.append("a stage is lost")
    return said


@settings(max_examples=60, deadline=None)
@given(sequences())
def test_a_fold_repeats_and_no_stage_is_lost(classes: Sequence[str]) -> None:
    text = [
        "s0 InputLayer",
        *(f"s{index} {layer} s{index - 1}" for index, layer in enumerate(classes, 1)),
    ]
    assert wrong(trace_of(lined("\n".join(text)))) == []


def test_a_failed_stage_and_a_group_in_two_parts_are_shown() -> None:
    stages = lined("x InputLayer\na Dense x\nb Dense a\nc Dense b\nd Dense c\ne Dense d")
    paths = {"a": "m/a", "b": "m/b", "d": "m/d", "e": "m/e"}
    stages = [replace(each, path=paths.get(each.name, each.name)) for each in stages]
    trace = trace_of(stages, groups=[("m", "Model")])
    assert found(trace) == [("m", 1, 2, 1), ("m, part 2", 4, 5, 1)]
    assert document_text(document(trace)).count("m (Model)") == 1
    failed = trace_of(
        [*stages[:-1], replace(stages[-1], outputs=())], outputs=["d"], groups=[("m", "Model")]
    )
    assert "no output: it failed here" in document_text(document(failed))
    assert document(failed).stages[-1].image is None


# Parts


@pytest.mark.parametrize(
    ("name", "first", "count"),
    [
        ("stem", "stem", 1),
        ("backbone/stem", "stem", 1),
        ("backbone", "stem", 145),
        ("backbone/", "stem", 145),
        ("block1_conv1..block16_add", "block1_conv1", 144),
        ("block7_bn2", "block7_bn2", 1),
        ("backbone/block7_bn2", "block7_bn2", 1),
    ],
)
def test_a_part_is_what_is_asked_for(name: str, first: str, count: int) -> None:
    made = focus(deep(nested=True), name)
    assert (made.stages[0].name, len(made.stages), made.focus) == (first, count, name.strip("/"))
    text = document_text(made)
    assert "About this trace" not in text
    assert f"Data flow of {made.focus}" in text


def test_a_part_folds_within_it_and_opens() -> None:
    trace = deep(nested=True)
    closed = focus(trace, "backbone")
    assert [(group.name, group.first, group.last, group.expanded) for group in closed.groups] == [
        ("block1_conv1..block16_add", 1, 144, False)
    ]
    assert closed.graph is not None
    assert [line.number for line in closed.graph.lines] == ["2", "3-146"]
    opened = focus(trace, "backbone", expanded=True)
    assert opened.graph is not None
    assert len(opened.graph.lines) == 145
    assert all(group.expanded for group in opened.groups)


def test_a_wrong_name_says_what_is_near() -> None:
    with pytest.raises(
        UnknownStageError, match=r"no stage, model or block 'stm'.*Did you mean stem"
    ):
        focus(DEEP, "stm")
    with pytest.raises(UnknownStageError, match=r"such as block1_conv1\.\.block16_add, picture"):
        focus(DEEP, "?")


def test_a_part_has_the_images_that_the_whole_leaves_out() -> None:
    trace = deep(32, example=True)
    trace = replace(
        trace,
        stages=Stages(
            measured(replace(each, outputs=(replace(each.outputs[0], shape=(None, 64, 64, 8)),)))
            for each in trace.stages
        ),
    )
    whole = document(trace)
    assert whole.stages[200].image is None
    assert "--stage" in (whole.stages[200].omitted or "")
    assert whole.stages[0].image is not None
    assert whole.stages[-1].image is not None, "what no group hides comes first"
    (one,) = focus(trace, whole.stages[200].name).stages
    assert one.image is not None
    assert one.omitted is None


def test_many_stages_that_do_not_fold_are_told_in_short() -> None:
    draw = np.random.default_rng(0)
    text = [
        "s0 InputLayer",
        *(f"s{index} Kind{draw.integers(40)} s{index - 1}" for index in range(1, 60)),
    ]
    made = document(trace_of([measured(each) for each in lined("\n".join(text))]))
    assert made.brief
    assert "Each stage is shown in short." in document_text(made)
    assert "Measured:" not in document_text(made)
    opened = document(trace_of([measured(each) for each in lined("\n".join(text))]), expanded=True)
    assert "Measured:" in document_text(opened)


def test_a_stage_alone_says_what_it_is_inside_of() -> None:
    stages = [
        stage("x", "InputLayer"),
        replace(stage("a", "Dense", "x"), path="wrap/a"),
        stage("b", "Dense", "a"),
    ]
    made = document(trace_of(stages, groups=[("wrap", "TimeDistributed")]))
    assert made.stages[1].wiring == ("Inside wrap (TimeDistributed).",)
    assert made.groups == ()


def test_different_steps_of_a_dataset_are_no_block_that_repeats() -> None:
    def steps(*operations: str) -> Trace:
        stages, before = list[Stage](), None
        for at in range(LARGE + 1):
            spec = Spec((None, 4), "float32", before)
            before = f"stage{chr(97 + at // 26)}{chr(97 + at % 26)}"
            facts = {"dataset": {"operation": operations[at % len(operations)]}} if at < 12 else {}
            kind, layer = (STEP, None) if at < 12 else (LAYER, f"Own{at}")
            stages.append(Stage(before, kind, layer, before, facts, (spec,), (spec,)))
        return a_trace(stages)

    def times(trace: Trace) -> list[int]:
        return [each.times for each in stage_groups(trace, wiring(trace)) if each.times > 1]

    assert times(steps(*"abcdefghijkl")) == []
    assert times(steps("map")) in ([11], [12])
