"""The graph and the groups in a terminal: within the window, joins named, names as they are."""

import re
from dataclasses import replace

import pytest
from rich.cells import cell_len
from tests.graphs import HEADS, UNET, deep, lined, measured, nested_twice, trace_of
from tests.present.terminal import Colours, bare, in_terminal
from tests.traces import HOSTILE

from pipetrace.present.build.document import document
from pipetrace.present.build.focus import focus
from pipetrace.present.views import Document
from pipetrace.trace import Trace
from pipetrace.trace.document import Stages

WIDE = "x InputLayer\n" + "\n".join(
    f"a_long_name_of_a_head_number_{index} Dense x" for index in range(14)
)
TRACES = {
    "unet": trace_of([measured(each) for each in lined(UNET)]),
    "heads": trace_of(lined(HEADS), ("age", "sex")),
    "fourteen heads": trace_of(lined(WIDE)),
    "nested": nested_twice(),
    "deep": deep(nested=True, example=True),
}


def drawn(made: Document, width: int, colour: Colours = None) -> str:
    return bare(in_terminal(made, width, colour, file="a.trace"))


def tree_of(text: str) -> list[str]:
    """The lines of the graph."""
    return text.partition("How the stages")[2].partition("\n\n")[0].splitlines()[1:]


@pytest.mark.parametrize("width", [40, 62, 100])
@pytest.mark.parametrize("name", TRACES)
def test_nothing_is_wider_than_the_window(name: str, width: int) -> None:
    colours: tuple[Colours, ...] = ("truecolor", None)
    for colour in colours:
        for line in drawn(document(TRACES[name]), width, colour).splitlines():
            assert cell_len(line) <= width


def named(trace: Trace, name: str) -> Trace:
    """The trace with a text before the name of each stage."""
    stages = tuple(
        replace(
            each,
            name=name + each.name,
            path=name + each.path,
            inputs=tuple(
                replace(spec, source=name + spec.source) if spec.source else spec
                for spec in each.inputs
            ),
        )
        for each in trace.stages
    )
    return replace(trace, stages=Stages(stages), run=replace(trace.run, model=None))


@pytest.mark.parametrize("name", [HOSTILE, "W" * 3000, "[bold]x[/bold] "])
def test_names_stay_as_they_are_and_within_the_window(name: str) -> None:
    made = document(named(TRACES["unet"], name))
    for width in (40, 100):
        assert max(map(cell_len, drawn(made, width).splitlines())) <= width
    assert name[:20] in drawn(made, 100)


def test_the_tree_names_its_joins_and_the_shapes_stand_at_the_right() -> None:
    lines = tree_of(drawn(document(TRACES["unet"]), 70))
    assert len(lines) == len(TRACES["unet"].stages)
    assert any("○─┘   concat_1 ← down_1, up_1" in line for line in lines)
    assert all(line.rstrip().endswith("8 x 8 x 4") for line in lines)
    assert len({len(line.rstrip()) for line in lines}) == 1


def test_outputs_are_marked() -> None:
    lines = tree_of(drawn(document(TRACES["heads"]), 70))
    assert ["output" in line for line in lines] == [False, False, True, False, True]


def test_a_collapsed_group_says_how_to_expand_it() -> None:
    text = drawn(document(TRACES["deep"]), 100)
    assert re.search(
        r"2-146 ■ backbone \(Functional\)\n +│ ?4 rows x 16 x 16 x 8 → 4 rows x 8 x 8 x 16\n", text
    )
    assert "pipetrace show a.trace --stage backbone " in text
    assert "pipetrace show a.trace --expand " in text
    assert "block3_bn1" not in text
    opened = drawn(document(TRACES["deep"], expanded=True), 100)
    assert opened.count(" ○ ") > 148
    assert "--expand" not in opened


def test_a_part_is_the_data_flow_alone() -> None:
    text = drawn(focus(TRACES["unet"], "concat_1"), 80)
    assert "Data flow of concat_1 · 1 stage" in text
    assert "Joins down_1 and up_1." in text
    assert "Training" not in text
    assert "About this trace" not in text


def test_an_expanded_group_comes_before_its_stages() -> None:
    text = drawn(document(TRACES["nested"]), 80)
    heads = re.findall(r"^ *([\d-]+) ([○□]) (\S+)", text.partition("\n\n 1 ○ ")[2], re.MULTILINE)
    assert [number for number, _, _ in heads] == [
        "2",
        "3-5",
        "3",
        "4",
        "5",
        "6-8",
        "6",
        "7",
        "8",
        "9",
    ]
    assert [name for _, knot, name in heads if knot == "□"] == ["encoder", "encoder:2"]
