"""The stages of compared runs: which stand beside each other, and what the page has of each run."""

from dataclasses import replace

from tests.traces import killed

from pipetrace.comparison.compare import compared
from pipetrace.explain.formatting import figure, share
from pipetrace.present.comparison.page import MOST_MODELS, comparison_view
from pipetrace.present.comparison.stages import NO_STAGE, NOT_RECORDED, side_by_side
from pipetrace.trace import Trace
from pipetrace.trace.document import Stages


def other(trace: Trace) -> Trace:
    """The same run without its pooling, without the summary of its last stage, and renamed."""
    stages = [
        replace(each, name=f"{each.name}_1", summary=each.summary if at else None)
        for at, each in enumerate(reversed(trace.stages))
        if each.layer != "MaxPooling2D"
    ]
    return replace(trace, stages=Stages(reversed(stages)))


def test_stages_are_paired_and_those_of_one_run_stand_at_their_place(digits_trace: Trace) -> None:
    ours, theirs = digits_trace, other(digits_trace)
    names = [each.name for each in ours.stages]
    (pooling,) = [each.name for each in ours.stages if each.layer == "MaxPooling2D"]
    found = [[each and each.name for each in row] for row in side_by_side([ours, theirs, ours])]
    assert found == [[name, None if name == pooling else f"{name}_1", name] for name in names]
    # Where the first run lacks it, it stands at the same place.
    back = [[each and each.name for each in row] for row in side_by_side([theirs, ours])]
    assert back == [[None if name == pooling else f"{name}_1", name] for name in names]


def test_the_numbers_are_those_recorded_and_what_is_not_is_said(digits_trace: Trace) -> None:
    traces = [digits_trace, other(digits_trace), killed(digits_trace, 2)]
    made = compared(traces, ["a", "b", "c"])
    view = comparison_view(made, traces, (None, None, None))
    for shown, stage in zip(view.stages, digits_trace.stages, strict=True):
        cells = {row[0]: row[1:] for row in shown.table.rows}
        summary = stage.summary
        assert summary is not None
        assert summary.std is not None
        assert cells["standard deviation"][0] == figure(summary.std)
        assert cells["zeros"][0] == share(summary.zeros / summary.count)
        if stage.layer == "MaxPooling2D":
            assert {row[1] for row in cells.values()} == {NO_STAGE}
        elif stage == list(digits_trace.stages)[-1]:
            assert cells["mean"][1] == NOT_RECORDED
        for chart in shown.charts:
            assert {each.name for each in chart.series} <= {"A", "B", "C"}
            assert {each.role for each in chart.series} == {"of0", "of1"} - (
                set() if any(each.name == "B" for each in chart.series) else {"of1"}
            )
    assert view.lengths == tuple(len(each.epochs) for each in traces)
    assert all(view.omitted)
    assert [len(of) for of in view.final] == [3] * len(view.measured)
    first, *rest = digits_trace.stages
    outputs = tuple(replace(each, dtype="string") for each in first.outputs)
    texts = replace(digits_trace, stages=Stages([replace(first, outputs=outputs), *rest]))
    view = comparison_view(compared([texts, texts], ["a", "b"]), [texts, texts], (None, None))
    assert [row[0] for row in view.stages[0].table.rows] == ["output"]
    many = [digits_trace] * (MOST_MODELS + 2)
    names = [str(at) for at in range(len(many))]
    assert len(comparison_view(compared(many, names), many, (None,)).labels) == len(many)
