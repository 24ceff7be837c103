"""The sections of a large model: every stage is in one of them, and none is too long to look at."""

import pytest
from tests.graphs import deep, lined, trace_of

from pipetrace.present.build.graph.sections import LONGEST, SMALL, WANTED, section_views, sections
from pipetrace.trace import Trace


def named(names: list[str], joins: dict[str, str] | None = None) -> Trace:
    """A chain of stages; some receive from another one too."""
    lines = [f"{names[0]} InputLayer"]
    for at, name in enumerate(names[1:]):
        more = (joins or {}).get(name, "")
        lines.append(f"{name} {'Add' if more else f'Kind{at}'} {names[at]} {more}")
    return trace_of(lined("\n".join(lines)))


def chain(count: int) -> list[str]:
    return [f"s{at}" for at in range(count)]


def test_a_small_model_has_none() -> None:
    assert sections(named(chain(SMALL))) == ()
    assert section_views(named(chain(SMALL))) == ()


@pytest.mark.parametrize(
    "trace",
    [deep(), deep(5), deep(nested=True), named(chain(200)), named(chain(SMALL + 1))],
    ids=["repeats", "few repeats", "nested", "chain", "barely large"],
)
def test_each_stage_is_in_one_section_in_its_order(trace: Trace) -> None:
    found = sections(trace)
    places = [at for each in found for at in range(each.first, each.last + 1)]
    assert places == list(range(len(trace.stages)))
    assert max(each.length for each in found) <= LONGEST
    views = section_views(trace)
    assert [name for view in views for name in view.stages] == [
        stage.name for stage in trace.stages
    ]


def test_each_repetition_of_a_block_and_each_nested_model_is_one() -> None:
    names = [each.name for each in sections(deep())]
    assert names[1:17] == [f"block{number}" for number in range(1, 17)]
    # A nested model that holds nearly all stages is shown by what it contains.
    inside = [each.name for each in sections(deep(nested=True))]
    assert len(inside) >= WANTED


def test_stages_of_no_group_end_where_branches_have_joined() -> None:
    names = chain(30)
    joins = {"s9": "s5", "s20": "s12"}
    found = sections(named(names, joins))
    assert [each.last for each in found][:2] == [9, 20]
    # A branch that goes on beside the join is not cut there.
    beside = sections(named(names, {"s9": "s5", "s12": "s7"}))
    assert beside[0].last == 12
