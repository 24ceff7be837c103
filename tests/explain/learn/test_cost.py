"""What each stage costs, against the trace."""

import re

import pytest
from tests.tasks import KINDS

from pipetrace.explain.learn.cost import cost
from pipetrace.present.build.document import document
from pipetrace.trace import Trace
from pipetrace.trace.measurements import StageTime


def test_parameters_flops_and_milliseconds_are_those_of_the_trace(digits_trace: Trace) -> None:
    part, seconds = cost(digits_trace), dict[str, float]()
    assert part is not None
    assert part.table is not None
    for name, parameters, flops, _, _, milliseconds in part.table.rows:
        stage = digits_trace.stages[name]
        seconds[name] = digits_trace.measurements.of(StageTime, name).seconds or 0
        assert int(parameters.replace(",", "")) == stage.parameters.total
        assert int(flops.replace(",", "")) == stage.flops
        assert float(milliseconds) == pytest.approx(1000 * seconds[name], rel=0.01)
    slowest = max(seconds, key=lambda name: seconds[name])
    told = re.search(r"took ([\d.]+) ms.*?([\d.]+) % of it in \w+ \((\w+)\)", part.texts[-1])
    assert told is not None
    assert float(told[1]) == pytest.approx(1000 * sum(seconds.values()), rel=0.01)
    assert float(told[2]) == pytest.approx(100 * seconds[slowest] / sum(seconds.values()), rel=0.01)
    assert told[3] == slowest
    shown = {stage.name: stage.time for stage in document(digits_trace).stages}
    assert {name for name, text in shown.items() if text} == set(seconds)


def test_what_was_not_timed_or_counted_is_said() -> None:
    part = cost(KINDS["steps"]())
    assert part is not None
    assert part.table is not None
    assert {row[-1] for row in part.table.rows} == {"not recorded"}
    assert "not recorded" in part.texts[-1]
