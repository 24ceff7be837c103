"""Validation rows that come as batches: they are kept as they pass, and validation stays as it is."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.record.models import BATCH, ROWS, batches, classifier, rows

import pipetrace
from pipetrace.trace.measurements import VALIDATION, Outcome

pytestmark = pytest.mark.framework

TRAINED = 60


def given(form: str) -> dict[str, Any]:
    """The validation arguments of ``fit``, and what the trace should say of the number of rows."""
    import tensorflow as tf

    x, y = (each[TRAINED:] for each in rows())
    if form == "dataset":
        return {"validation_data": tf.data.Dataset.from_tensor_slices((x, y)).batch(BATCH)}
    if form == "generator":
        endless = (batch for _ in range(99) for batch in batches(x, y))
        return {"validation_data": endless, "validation_steps": 2}
    return {
        "validation_data": tf.data.Dataset.from_tensor_slices((x, y)).batch(BATCH),
        "validation_steps": 2,
    }


def history(form: str, callbacks: list[Any], **options: Any) -> tuple[Any, Any]:
    x, y = (each[:TRAINED] for each in rows())
    model = classifier(**options)
    fit = model.fit(x, y, epochs=3, verbose=0, callbacks=callbacks, **given(form))
    return fit.history, model


@pytest.mark.parametrize(
    ("form", "known", "kept"),
    [
        ("dataset", ROWS - TRAINED, ROWS - TRAINED),
        ("a part", None, 2 * BATCH),
        pytest.param("generator", None, 2 * BATCH, marks=pytest.mark.slow),
    ],
)
def test_they_are_kept_as_they_pass(
    tmp_path: Path, form: str, known: int | None, kept: int
) -> None:
    plain, _ = history(form, [])
    recorder = pipetrace.Recorder(tmp_path / "v.trace", verbose=False, after_training="all")
    recorded, model = history(form, [recorder])
    assert recorded == plain
    trace = recorder.trace
    assert trace.run.data.validation_rows == known
    outcome = trace.measurements.of(Outcome, VALIDATION)
    assert outcome.rows == kept
    x, y = (each[TRAINED : TRAINED + kept] for each in rows())
    right = (model.predict(x, verbose=0).argmax(axis=1) == y).mean()
    assert outcome.accuracy == pytest.approx(right)
    assert all(each.validation for each in trace.predictions)
    assert all(
        any(np.array_equal(each.outputs[trace.stages[0].name], row) for row in x)
        for each in trace.predictions
    )


def test_several_steps_in_one_call(tmp_path: Path) -> None:
    plain, _ = history("dataset", [], steps_per_execution=2)
    recorder = pipetrace.Recorder(tmp_path / "v.trace", verbose=False)
    recorded, _ = history("dataset", [recorder], steps_per_execution=2)
    assert recorded == plain
    assert recorder.trace.run.data.validation_rows == ROWS - TRAINED
