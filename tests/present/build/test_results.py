"""What the page tells of its kept rows."""

from dataclasses import replace

from tests.tasks import regression

from pipetrace.present.build.model import model_view
from pipetrace.trace import Trace


def note(trace: Trace) -> str:
    view = model_view(trace)
    assert view
    assert view.results
    return view.results.note


def test_a_row_that_comes_out_otherwise_is_told() -> None:
    trace = regression()
    assert "passed twice" not in note(trace)
    first, *others = trace.predictions
    drawn = {**first.outputs, "price": first.outputs["price"] + 0.5}
    changed = replace(trace, predictions=(replace(first, outputs=drawn), *others))
    assert "row 1, passed twice, differs by up to 0.500" in note(changed)
