"""The document as values: equal where everything is, short to print, and its stages found by name."""

import copy
import math
import pickle
from dataclasses import FrozenInstanceError, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.traces import broken

import pipetrace
from pipetrace.errors import UnknownStageError
from pipetrace.trace.document import Stages, stage_of_weight
from pipetrace.trace.records import Record

LONGEST = 700


def records(value: Any) -> list[Any]:
    """Every record inside a value, and the value itself."""
    found = [value] if is_dataclass(value) else []
    if is_dataclass(value):
        for each in fields(value):
            found += records(getattr(value, each.name))
    elif isinstance(value, dict):
        found += [each for one in value.values() for each in records(one)]
    elif isinstance(value, tuple):
        found += [each for one in value for each in records(one)]
    return found


def test_copies_are_equal_and_a_changed_value_is_not(
    digits_trace: pipetrace.Trace, digits_file: Path
) -> None:
    for trace in (digits_trace, broken(digits_trace)):
        for other in (copy.deepcopy(trace), pickle.loads(pickle.dumps(trace))):
            assert other is not trace
            assert other == trace
    assert pipetrace.read(digits_file) == digits_trace
    stage, epoch = digits_trace.stages["conv2d"], digits_trace.epochs[-1]
    example = stage.example
    assert example is not None
    changed = example.copy()
    changed.flat[7] = -1
    differing = (
        replace(digits_trace, rows=7),
        replace(digits_trace, stages=Stages(digits_trace.stages[:-1])),
        replace(digits_trace, weights={**digits_trace.weights, "dense/bias": np.zeros(10)}),
        replace(
            digits_trace, epochs=(replace(epoch, metrics={**epoch.metrics, "loss": math.nan}),)
        ),
        replace(digits_trace, measurements=type(digits_trace.measurements)()),
        replace(digits_trace, stages=Stages([replace(stage, example=changed)])),
    )
    for other in differing:
        assert other != digits_trace
    assert replace(stage, example=changed) != stage
    assert replace(stage, example=example.astype("float64")) != stage
    assert stage != "conv2d"
    for value in (digits_trace, stage, epoch, digits_trace.predictions[0]):
        with pytest.raises(TypeError, match="unhashable"):
            hash(value)


def test_every_record_is_shown_in_a_short_line(digits_trace: pipetrace.Trace) -> None:
    for each in [*records(digits_trace), digits_trace.stages, digits_trace.measurements]:
        shown = repr(each)
        assert len(shown) <= LONGEST, shown
        assert "\n" not in shown
        assert shown.startswith(type(each).__name__)
    assert len(repr(digits_trace)) < 120
    for part in ("Conv2D digits", "finished", "6 stages", "3 epochs", "1 prediction"):
        assert part in repr(digits_trace)
    assert "26 x 26 x 32" in repr(digits_trace.stages["conv2d"])
    assert "val_loss: " in repr(digits_trace.epochs[0])


def test_stages_are_found_by_place_and_by_name(digits_trace: pipetrace.Trace) -> None:
    stages = digits_trace.stages
    assert len(stages) == len([*stages]) == 6
    assert stages["conv2d"] is stages[2] is stages[-4] is digits_trace.stage("conv2d")
    assert [each.name for each in stages[1:3]] == ["scale", "conv2d"]
    assert isinstance(stages[1:3], Stages)
    assert stages == tuple(stages)
    assert isinstance(replace(digits_trace, stages=tuple(stages)).stages, Stages)  # type: ignore[arg-type]
    with pytest.raises(UnknownStageError) as caught:
        stages["conv2"]
    assert isinstance(caught.value, KeyError)
    assert "conv2d" in caught.value.hint
    assert "'conv2'" in str(caught.value)
    with pytest.raises(IndexError):
        stages[len(stages)]
    assert pickle.loads(pickle.dumps(stages)) == copy.deepcopy(stages) == stages


def test_a_weight_is_of_the_stage_whose_name_begins_its_own() -> None:
    stages = ("attention", "dense", "a/b")
    for weight, stage in (
        ("dense/kernel", "dense"),
        ("attention/query/kernel", "attention"),
        ("a/b/kernel", "a/b"),
        ("gone/kernel", "gone"),
    ):
        assert stage_of_weight(weight, stages) == stage


class Point(Record):
    """A record of three values."""

    x: int
    y: int = 2
    names: dict[str, int] = field(default_factory=dict)


def test_a_record_takes_its_values_as_a_dataclass_does() -> None:
    point = Point(1)
    assert (point.x, point.y, point.names, Point(y=3, x=1)) == (1, 2, {}, replace(point, y=3))
    assert point.names is not Point(1).names
    wrong: tuple[tuple[tuple[Any, ...], dict[str, Any]], ...] = (
        ((), {"y": 1}),
        ((1,), {"x": 1}),
        ((1,), {"z": 1}),
        ((1, 2, {}, 4), {}),
    )
    for values, by_name in wrong:
        with pytest.raises(TypeError, match="Point"):
            Point(*values, **by_name)
    with pytest.raises(FrozenInstanceError):
        point.x = 2  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        del point.x
