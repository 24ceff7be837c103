from dataclasses import replace

import numpy as np
import pytest

from pipetrace.pipeline.digits import PIPELINE
from pipetrace.record import data_flow
from pipetrace.record.data_flow import Flow, stages_before
from pipetrace.summary import summarise
from pipetrace.trace.document import Array, Parameters, Spec


def doubled(rows: Array) -> dict[str, Array]:
    """A model of two layers, without a framework."""
    return {"double": rows * 2, "sum": (rows * 2).sum(axis=(1, 2))}


FLOW = Flow(PIPELINE, "source", doubled)
ROWS = np.random.default_rng(0).integers(0, 256, (50, 4, 4, 3), np.uint8)


def test_every_stage_in_order() -> None:
    found = FLOW.outputs(ROWS)
    assert list(found) == ["source", "scale", "double", "sum"]
    np.testing.assert_array_equal(found["source"], ROWS)
    np.testing.assert_array_equal(found["scale"], ROWS.astype(np.float32) / np.float32(255))
    np.testing.assert_array_equal(found["double"], found["scale"] * 2)


def test_one_row_is_that_row_of_all() -> None:
    one, every = FLOW.one(ROWS[7]), FLOW.outputs(ROWS)
    for name, values in every.items():
        np.testing.assert_array_equal(one[name], values[7])


@pytest.mark.parametrize("together", [1, 7, 25, 49, 50, 51])
def test_measured_in_batches_as_at_once(monkeypatch: pytest.MonkeyPatch, together: int) -> None:
    monkeypatch.setattr(data_flow, "MEASURED_TOGETHER", together)
    told: list[tuple[int, int]] = []
    found = FLOW.summaries(ROWS, lambda done, total: told.append((done, total)))
    assert told == [(min(50, start + together), 50) for start in range(0, 50, together)]
    assert list(found) == ["source", "scale", "double", "sum"]
    for name, values in FLOW.outputs(ROWS).items():
        whole = summarise(values)
        assert (found[name].count, found[name].min, found[name].max) == (values.size, whole.min, whole.max)
        assert found[name].mean == pytest.approx(whole.mean, rel=1e-12)
        assert found[name].std == pytest.approx(whole.std, rel=1e-9)
        np.testing.assert_array_equal(found[name].histogram.keys, whole.histogram.keys)
        np.testing.assert_array_equal(found[name].histogram.counts, whole.histogram.counts)
        assert len(found[name].channels or ()) == 3
    assert FLOW.summaries(ROWS).keys() == found.keys()


def test_the_stages_before_the_model() -> None:
    source, scale = stages_before(PIPELINE, "source", ROWS, {"name": "digits"})
    pixels = Spec((None, 4, 4, 3), "uint8")
    assert (source.kind, source.inputs, source.outputs, source.config) == (
        "source",
        (pixels,),
        (pixels,),
        {"name": "digits"},
    )
    assert (scale.name, scale.kind, scale.layer) == ("scale", "step", None)
    assert scale.inputs == (replace(pixels, source="source"),)
    assert scale.outputs == (Spec((None, 4, 4, 3), "float32"),)
    assert scale.config == {"operation": "divide", "by": 255}
    assert scale.parameters == Parameters(0, 0)


def test_several_steps_hand_on_to_each_other() -> None:
    (name, step), *_ = PIPELINE.steps
    pipeline = replace(PIPELINE, steps=((name, step), ("again", step)))
    _, first, second = stages_before(pipeline, "source", ROWS, {})
    assert [first.inputs[0].source, second.inputs[0].source] == ["source", "scale"]
    assert second.inputs[0].dtype == "float32"
    np.testing.assert_allclose(Flow(pipeline, "source", doubled).outputs(ROWS)["again"], ROWS / 255 / 255, rtol=1e-6)
