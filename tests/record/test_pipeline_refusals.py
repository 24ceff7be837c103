"""What a pipeline refuses: before any step runs, and without harm to model and files."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.record.test_pipelines import STEPS, X, Y, dense, names, scale

import pipetrace
from pipetrace.errors import ArgumentError, OutputExistsError, StepError

pytestmark = pytest.mark.framework


def test_a_step_that_raises_changes_neither_the_model_nor_the_trace_that_was_there(
    tmp_path: Path,
) -> None:
    def broken(x: Any) -> Any:
        raise KeyError("no such column")

    path, model = tmp_path / "run.trace", dense()
    pipetrace.Pipeline((X, Y), model=dense()).fit(path, verbose=0)
    there, before = path.read_bytes(), [np.array(each.numpy()) for each in model.variables]
    pipeline = pipetrace.Pipeline((X, Y), steps=[("Scale", scale), ("Break", broken)], model=model)
    for act in (pipeline.fit, pipeline.trace):
        for place in (path, tmp_path / "new.trace"):
            with pytest.raises(
                StepError, match=r"'Break' raised KeyError.*no such column"
            ) as caught:
                act(place)
            assert (caught.value.slug, caught.value.where) == ("step-failed", "steps[1]")
            assert isinstance(caught.value.__cause__, KeyError)
    assert [each.name for each in tmp_path.iterdir()] == ["run.trace"]
    assert path.read_bytes() == there
    for variable, values in zip(model.variables, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), values)


def test_what_is_no_model_and_what_are_no_steps() -> None:
    for model in (None, "model.keras", object()):
        with pytest.raises(ArgumentError, match="needs a Keras model") as caught:
            pipetrace.Pipeline((X, Y), steps=STEPS[:1], model=model)
        assert caught.value.where == "model"
    with pytest.raises(ArgumentError):
        pipetrace.Pipeline((X, Y), steps=[("Scale", scale), ("Scale", scale)], model=dense())


def test_the_place_is_looked_at_before_the_steps_run(tmp_path: Path) -> None:
    path, ran = tmp_path / "thesis.txt", list[Any]()
    path.write_text("my thesis")
    pipeline = pipetrace.Pipeline((X, Y), steps=[("Note", ran.append)], model=dense())
    for act in (pipeline.fit, pipeline.trace):
        with pytest.raises(OutputExistsError):
            act(path)
    assert ran == []
    assert path.read_text() == "my thesis"


def test_rows_that_the_model_cannot_take(tmp_path: Path) -> None:
    path = tmp_path / "run.trace"
    pipeline = pipetrace.Pipeline((X, Y), steps=[("Cut", lambda x: x[:, :4])], model=dense())
    with pytest.raises(pipetrace.PipetraceError, match="cannot take these rows"):
        pipeline.trace(path)
    assert pipetrace.read(path).ending.kind == "failed"
    with pytest.raises(ValueError, match=r"shape"):
        pipeline.fit(path, verbose=0)
    trace = pipetrace.read(path)
    assert trace.ending.kind == "failed"
    assert names(trace)[:2] == ["source", "Cut"]
