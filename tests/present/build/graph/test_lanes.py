"""The places of a graph's nodes, and the tree that is drawn of them: nothing is lost, nothing is drawn twice."""

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.graphs import (
    CHAIN,
    HEADS,
    RESIDUAL,
    SIAMESE,
    TOWERS,
    UNET,
    lined,
    nested_twice,
    trace_of,
)

from pipetrace.present.build.graph import drawing
from pipetrace.present.build.graph.lanes import Place, places
from pipetrace.present.build.graph.overview import overview
from pipetrace.present.build.graph.wiring import wiring
from pipetrace.trace import Trace

Sources = Mapping[str, tuple[str, ...]]


@st.composite
def graphs(draw: st.DrawFn) -> Sources:
    """A graph: each node receives from up to four of those before it."""
    count = draw(st.integers(1, 30))
    found: dict[str, tuple[str, ...]] = {}
    for index in range(count):
        before = list(found)
        chosen = draw(st.lists(st.sampled_from(before), max_size=4, unique=True)) if before else []
        # Most of a model is a chain.
        found[f"n{index}"] = tuple(chosen or (before[-1:] if draw(st.booleans()) else []))
    return found


def wrong(found: Sequence[Place], sources: Sources) -> list[str]:
    """What is wrong with the places of a graph."""
    at = {place.name: place for place in found}
    said = []
    if [place.name for place in found] != list(sources):
        said.append("a node is lost or out of order")
    if len({(place.lane, place.row) for place in found}) != len(found):
        said.append("two nodes in one place")
    said += [
        f"{place.name} does not branch off to the right"
        for place in found
        if place.off is not None and place.off >= place.lane
    ]
    for name, all_given in sources.items():
        for source in all_given:
            upper, lower = at[source], at[name]
            if upper.row >= lower.row:
                said.append(f"{source} is not above {name}")
            in_lane = [
                each.name
                for each in found
                if each.lane == upper.lane and upper.row < each.row < lower.row
            ]
            if in_lane:
                said.append(f"{in_lane} in the way from {source} to {name}")
    return said


@settings(max_examples=120, deadline=None)
@given(graphs())
def test_every_node_has_a_place_below_its_sources_and_no_line_meets_a_box(sources: Sources) -> None:
    assert wrong(places(list(sources), sources), sources) == []


def test_what_is_wrong_is_seen() -> None:
    sources = {"a": (), "b": ("a",), "c": ("b", "a")}
    good = places(list(sources), sources)
    assert wrong(good[:2], {"a": (), "b": ("a",), "d": ()}) == ["a node is lost or out of order"]
    moved = [
        good[0],
        Place("b", 0, 1, None, (), frozenset()),
        Place("c", 0, 2, None, (), frozenset()),
    ]
    assert wrong(moved, sources) == ["['b'] in the way from a to c"]
    left = Place("b", 1, 1, 2, (), frozenset())
    assert wrong([good[0], left, good[2]], sources) == ["b does not branch off to the right"]
    assert wrong([good[0], Place("b", 0, 0, None, (), frozenset()), good[2]], sources) == [
        "two nodes in one place",
        "a is not above b",
    ]


def trace_from(sources: Sources) -> Trace:
    return trace_of(
        lined(
            "\n".join(
                f"{name} {'Dense' if given else 'InputLayer'} {' '.join(given)}"
                for name, given in sources.items()
            )
        )
    )


@settings(max_examples=80, deadline=None)
@given(graphs())
def test_every_edge_is_in_the_tree_and_in_the_drawing_exactly_once(sources: Sources) -> None:
    trace = trace_from(sources)
    view, _ = overview(trace)
    if view is None:
        assert wiring(trace).chain
        return
    edges = sorted((source, name) for name, given in sources.items() for source in given)
    assert [line.name for line in view.lines] == list(sources)
    assert sorted(tuple(wire.text.split(" to ")) for wire in view.wires) == edges or not view.boxes
    told = [(source, line.name) for line in view.lines for source in line.joins]
    alone = {line.name: sources[line.name] for line in view.lines if not line.joins}
    assert all(len(given) <= 1 for given in alone.values())
    assert sorted([*told, *((given[0], name) for name, given in alone.items() if given)]) == edges
    # In plain text, where no lines are drawn, a single source is the line above unless it is named.
    for (above, line), received in zip(
        pairwise(view.lines), list(sources.values())[1:], strict=True
    ):
        if not line.joins and received:
            assert received[0] == (line.comes or above.name)


@settings(max_examples=80, deadline=None)
@given(graphs())
def test_the_lines_of_the_tree_lead_to_where_the_edges_do(sources: Sources) -> None:
    """A node's own lane, or the arm to it, comes from the one node that it receives from."""
    owner: dict[int, str] = {}
    for place in places(list(sources), sources):
        sign = drawing.drawn(place, 100, collapsed=False)
        given_ = sources[place.name]
        assert sign[2 * place.lane] == "○"
        arm = sign.find("├")
        if len(given_) == 1:
            lane = arm // 2 if arm >= 0 else place.lane
            assert owner[lane] == given_[0]
        if not given_:
            assert arm < 0
            assert place.lane not in place.before
        for lane in place.before - {place.lane}:
            assert sign[2 * lane] in "│├┼┴┘"
        for lane in place.closes:
            assert owner.pop(lane) in given_
        owner[place.lane] = place.name


def drawn(text: str) -> str:
    view, _ = overview(trace_of(lined(text)))
    assert view is not None
    return "\n".join(
        f"{line.drawn} {line.name}{' ← ' + ', '.join(line.joins) if line.joins else ''}"
        for line in view.lines
    )


def test_a_short_chain_has_no_graph() -> None:
    assert overview(trace_of(lined(CHAIN))) == (None, ())


def test_a_skip_keeps_its_lane_and_what_is_skipped_lies_beside_it() -> None:
    assert drawn(RESIDUAL).splitlines() == [
        "○ picture",
        "○ stem",
        "├─○ conv_1",
        "│ ○ conv_2",
        "○─┘ add ← stem, conv_2",
        "○ relu",
        "○ direction",
    ]


def test_a_unet_goes_in_and_comes_out_again() -> None:
    assert drawn(UNET).splitlines() == [
        "○ picture",
        "○ down_1",
        "├─○ pool_1",
        "│ ○ down_2",
        "│ ├─○ pool_2",
        "│ │ ○ bottom",
        "│ │ ○ up_2",
        "│ ○─┘ concat_2 ← down_2, up_2",
        "│ ○ dec_2",
        "│ ○ up_1",
        "○─┘ concat_1 ← down_1, up_1",
        "○ mask",
    ]


def test_two_towers_stand_side_by_side() -> None:
    assert drawn(TOWERS).splitlines() == [
        "○ picture",
        "│ ○ words",
        "○ │ conv",
        "○ │ pool",
        "│ ○ embed",
        "│ ○ lstm",
        "○─┘ both ← pool, lstm",
        "○ answer",
    ]
    view, _ = overview(trace_of(lined(TOWERS)))
    assert view is not None
    assert view.boxes[0].y == view.boxes[1].y
    assert view.boxes[2].y == view.boxes[4].y


def test_heads_branch_off_and_say_that_they_are_outputs() -> None:
    view, _ = overview(trace_of(lined(HEADS), outputs=["age", "sex"]))
    assert view is not None
    assert [(line.drawn, line.name, line.output) for line in view.lines] == [
        ("○", "x", False),
        ("○", "trunk", False),
        ("├─○", "age", True),
        ("○", "hidden", False),
        ("○", "sex", True),
    ]
    assert view.label == "How the stages are connected: 5 boxes, 0 joins, 2 outputs."


def test_a_shared_layer_is_two_boxes_and_a_join() -> None:
    assert drawn(SIAMESE).splitlines()[2:5] == [
        "○ │ tower",
        "│ ○ tower:2",
        "○─┘ distance ← tower, tower:2",
    ]


def test_a_nested_model_that_is_called_twice_is_drawn_open_and_collapsed() -> None:
    trace = nested_twice()
    view, groups = overview(trace)
    assert view is not None
    assert [line.name for line in view.lines] == [stage.name for stage in trace.stages]
    assert [(group.name, group.first, group.last, group.expanded) for group in groups] == [
        ("encoder", 2, 4, True),
        ("encoder:2", 5, 7, True),
    ]
    assert groups[0].parameters == "55: 50 trainable, 5 frozen"
    assert (groups[0].input, groups[0].output) == ("4 rows x 8 x 8 x 4", "4 rows x 8 x 8 x 4")
    assert "It is the second call of encoder, with the same weights." in groups[1].text


@pytest.mark.parametrize("count", [1, 2, 12, 30])
def test_very_many_lanes_are_cut_and_the_sources_said(count: int) -> None:
    sources: dict[str, tuple[str, ...]] = {"x": ()}
    sources |= {f"a{index}": ("x",) for index in range(count)}
    sources |= {"end": tuple(f"a{index}" for index in range(count))}
    view, _ = overview(trace_from(sources), expanded=True)
    if view is None:
        return
    widest = max(len(line.drawn) for line in view.lines)
    assert widest <= 2 * drawing.MOST_LANES + 1
    for line in view.lines:
        if len(re.sub(r"[○■].*", "", line.drawn)) >= 2 * drawing.MOST_LANES:
            assert line.joins == sources[line.name]


def test_wires_start_and_end_at_their_boxes() -> None:
    view, _ = overview(trace_of(lined(UNET)))
    assert view is not None
    boxes = {box.name: box for box in view.boxes}
    for wire in view.wires:
        source, target = (boxes[name] for name in wire.text.split(" to "))
        numbers = [int(each) for each in re.findall(r"\d+", wire.path)]
        assert numbers[:2] == [source.x + source.width // 2, source.y + source.height]
        assert numbers[-1] == target.y
        assert f" {target.x + target.width // 2} {target.y}" in wire.path or source.x == target.x
    assert view.width >= max(box.x + box.width for box in view.boxes)
    assert view.height >= max(box.y + box.height for box in view.boxes)
