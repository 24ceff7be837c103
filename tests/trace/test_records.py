"""What only the schema of today can hold, and going on after the end."""

import math
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from pipetrace.errors import DamagedTraceError
from pipetrace.stats import summarise
from pipetrace.trace import Trace, TraceWriter, read
from pipetrace.trace.claim import claim
from pipetrace.trace.document import (
    Array,
    Ending,
    Epoch,
    Group,
    ModelFacts,
    Parameters,
    Prediction,
    Spec,
)
from pipetrace.trace.events import Event
from pipetrace.trace.measurement_table import Measurement, Measurements
from pipetrace.trace.measurements import KINDS, FitArguments, Gradient, Outcome, Signal
from pipetrace.trace.rows import Target
from pipetrace.trace.training import Callback

Differ = Callable[[Any, Any], list[str]]
MakeEpoch = Callable[[int], Epoch]


def written(path: Path, recording: Any, **changes: Any) -> TraceWriter:
    changed = replace(recording, **changes)
    return TraceWriter(path, changed.run, changed.stages)


def finished(
    path: Path, recording: Any, act: Callable[[TraceWriter], object], **changes: Any
) -> Trace:
    writer = written(path, recording, **changes)
    act(writer)
    writer.end(Ending("finished"), {})
    return read(path)


def test_groups(tmp_path: Path, recording: Any) -> None:
    groups = (
        Group("", "Own", Parameters(3, 1)),
        Group(
            "inner",
            "Functional",
            inputs=(
                Spec((None, 8), "float32", "input", 0, "left"),
                Spec((None, 2), "int64"),
            ),
            outputs=(Spec((None, 3, 4), "float16", name="code"),),
            parameters=Parameters(20, 5),
        ),
        Group("inner:2", "Functional", Parameters(0, 7)),
    )
    path = tmp_path / "run.trace"
    writer = TraceWriter(path, recording.run, recording.stages, groups)
    assert read(path).groups == groups
    writer.describe(recording.run, recording.stages, groups[::-1])
    assert read(path).groups == groups[::-1]
    writer.describe(recording.run, recording.stages)
    assert read(path).groups == ()
    writer.end(Ending("finished"), {})


def test_events_in_their_order(tmp_path: Path, recording: Any) -> None:
    events = (
        Event("weights", 2, 7, "dense", weight="dense/kernel", count=3, total=9),
        Event("exception", stage="dense", error="ValueError: \u00fc \x1b[31m"),
        Event("target_shape", 1, shape=(None, 3), target_shape=(None,), low=-math.inf, high=1.0),
    )

    def act(writer: TraceWriter) -> None:
        for event in events:
            writer.add_event(event)

    found = finished(tmp_path / "run.trace", recording, act).events
    cleaned = replace(events[1], error="ValueError: \u00fc \ufffd[31m")
    assert found == (events[0], cleaned, events[2])


@pytest.mark.parametrize("details", ["", "[]", '{"row": 1.5}', '{"shape": 3}', '{"shape": [true]}'])
def test_details_of_an_event_that_no_writer_writes(
    details: str, tmp_path: Path, recording: Any
) -> None:
    path = tmp_path / "run.trace"
    recording.write(path)
    with closing(sqlite3.connect(path)) as database:
        row = "INSERT INTO event VALUES (NULL, 'loss', 1, 2, NULL, ?)"
        database.execute(row, (details,))
        database.commit()
        with pytest.raises(DamagedTraceError):
            read(path)
        database.execute("""UPDATE event SET details = '{"row":3,"newer":{}}'""")
        database.commit()
    assert read(path).events == (Event("loss", 1, 2, row=3),)


def test_measurements_by_kind_name_and_epoch(
    tmp_path: Path, recording: Any, differ: Differ
) -> None:
    first = Measurement("dense", 0, Signal(rms=1.5, std=math.inf, units=3))
    last = Measurement("dense", 1, Signal(rms=math.nan))
    once = Measurement("training", None, Outcome(accuracy=1.0, loss=1e-300))
    again = Measurement("training", None, Outcome(loss=0.25, rows=3))
    plain = Measurement("fit", None, FitArguments(shuffle=False, validation_split=0.0))

    def act(writer: TraceWriter) -> None:
        writer.add_measurements([first, once])
        writer.add_measurements([last, again, plain])

    found = finished(tmp_path / "run.trace", recording, act).measurements
    # What is written twice is what was written last.
    assert differ(found, Measurements([first, again, last, plain])) == []


@pytest.mark.parametrize("kind", KINDS.values())
def test_every_field_of_a_measurement_is_kept_with_its_type(
    kind: Any, tmp_path: Path, recording: Any
) -> None:
    made = {float: 0.1, int: 3, bool: True}
    values = {each.name: made[get_args(each.type)[0]] for each in fields(kind)}
    measurement = Measurement("it", 1, kind(**values))

    def act(writer: TraceWriter) -> None:
        writer.add_measurements([measurement, Measurement("it", 2, kind())])

    found = finished(tmp_path / "run.trace", recording, act).measurements
    assert list(found) == [measurement, Measurement("it", 2, kind())]
    assert {name: type(getattr(found[0].figures, name)) for name in values} == {
        name: type(value) for name, value in values.items()
    }


def test_kinds_and_fields_that_are_not_known_are_left_out(tmp_path: Path, recording: Any) -> None:
    path = tmp_path / "run.trace"
    writer = written(path, recording)
    writer.add_measurements(
        [Measurement("a", 1, Gradient(norm=1.0)), Measurement("b", 1, Gradient(norm=2.0))]
    )
    writer.end(Ending("finished"), {})
    with closing(sqlite3.connect(path)) as database:
        database.execute("UPDATE measurement SET kind = 'newer' WHERE name = 'a'")
        database.execute(
            "UPDATE content SET data = '{\"norm\":2.0,\"newer\":[1]}' WHERE data LIKE '{%'"
        )
        database.commit()
    assert list(read(path).measurements) == [Measurement("b", 1, Gradient(norm=2.0))]


def test_going_on_drops_what_was_measured_at_the_end(tmp_path: Path, recording: Any) -> None:
    path = tmp_path / "run.trace"
    kept = Measurement("dense", 1, Signal(rms=1.0))
    writer = written(path, recording)
    writer.add_measurements([kept, Measurement("training", None, Outcome(rows=3))])
    writer.end(Ending("finished"), {})
    assert writer.resume(claim(path))
    writer.end(Ending("finished"), {})
    assert list(read(path).measurements) == [kept]


def test_predictions_with_all_that_is_known(tmp_path: Path, recording: Any, differ: Differ) -> None:
    rng = np.random.default_rng(0)
    # More targets than nine, whose order must not be that of their digits as text.
    many = tuple(np.asarray(number, np.int64) for number in range(12))
    predictions = (
        Prediction(
            3, 1, {"dense": rng.normal(size=3)}, "surest wrong", math.nan, many, validation=False
        ),
        Prediction(
            4,
            None,
            {},
            "best",
            0.25,
            (rng.normal(size=(2, 2)).astype(np.float32),),
            validation=True,
        ),
        Prediction(5, 0, {"input": np.zeros((0, 2))}, "worst", float("inf"), (), validation=True),
        Prediction(6, None, {}),
    )

    def act(writer: TraceWriter) -> None:
        for prediction in predictions:
            writer.add_prediction(prediction)

    found = finished(tmp_path / "run.trace", recording, act).predictions
    assert differ(found, predictions) == []
    assert [type(each.validation) for each in found] == [bool] * 4


def texts(*values: object) -> Array:
    found = np.empty(len(values), object)
    found[:] = values
    return found


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (texts("plain", "\u00fc\u4f60\U0001f600", ""), ["plain", "\u00fc\u4f60\U0001f600", ""]),
        (texts(b"bytes", b"\xc3\xbc", b"\xff\xfe"), ["bytes", "\u00fc", "\ufffd\ufffd"]),
        (
            texts("\x1b[2J", "a\x00b", "line\n\ttab", "\x7f\x9b"),
            ["\ufffd[2J", "a\ufffdb", "line  tab", "\ufffd\ufffd"],
        ),
        (texts(b"\x1b]0;", 3, None), ["\ufffd]0;", "3", "None"]),
        (texts("</script>", '"; DROP TABLE run; --'), ["</script>", '"; DROP TABLE run; --']),
        (texts(), []),
        (np.array(["fixed", "width"]), ["fixed", "width"]),
        (np.array([b"fixed"]), ["fixed"]),
        (np.array([["a", "b"], ["c", "d"]], object), [["a", "b"], ["c", "d"]]),
        (np.zeros((2, 0, 3), object), [[], []]),
        (np.array("single", object), "single"),
        (np.array("single"), "single"),
    ],
)
def test_tensors_of_texts(tmp_path: Path, recording: Any, given: Array, expected: Any) -> None:
    path = tmp_path / "run.trace"
    prediction = Prediction(0, None, {"input": given})
    trace = finished(path, recording, lambda writer: writer.add_prediction(prediction))
    found = trace.predictions[0].outputs["input"]
    assert found.dtype == object
    assert found.shape == given.shape
    assert found.tolist() == expected
    assert not found.flags.writeable


def test_lone_halves_of_characters_are_replaced(tmp_path: Path, recording: Any) -> None:
    path = tmp_path / "run.trace"
    prediction = Prediction(0, None, {"input": texts("\ud800", "ok\udfff")})
    trace = finished(path, recording, lambda writer: writer.add_prediction(prediction))
    assert trace.predictions[0].outputs["input"].tolist() == ["\ufffd", "ok\ufffd"]


@pytest.mark.parametrize(
    "data", ['{"a": 1}', "[1]", '"text"', '["a", null]', "[", "", '["a", "b"]', "null"]
)
def test_a_damaged_tensor_of_texts_is_refused(tmp_path: Path, recording: Any, data: str) -> None:
    path = tmp_path / "run.trace"
    finished(path, recording, lambda writer: writer.add_weights({"words": texts("a")}))
    with closing(sqlite3.connect(path)) as database:
        database.execute("UPDATE tensor SET data = ?", (data.encode(),))
        database.commit()
    with pytest.raises(DamagedTraceError):
        read(path)


def test_details_of_some_stages(tmp_path: Path, recording: Any, differ: Differ) -> None:
    rng = np.random.default_rng(1)
    mask = rng.random((9, 4)) < 0.5
    dropped = rng.normal(size=(9, 4)).astype(np.float32)
    further = [rng.normal(size=(4,)).astype(np.float32) for _ in range(12)]

    def act(writer: TraceWriter) -> None:
        writer.add_details("mask", {"dense": summarise(mask)}, {"dense": mask[0]})
        writer.add_details("training", {"dense": summarise(dropped)}, {"dense": dropped[0]})
        for place, values in enumerate(further, 1):
            writer.add_details(f"example/{place}", {}, {"dense": values})

    trace = finished(tmp_path / "run.trace", recording, act)
    plain, dense = trace.stages
    assert differ(dense.mask, summarise(mask)) == []
    assert differ(dense.example_mask, mask[0]) == []
    assert differ(dense.training, summarise(dropped)) == []
    assert differ(dense.training_example, dropped[0]) == []
    assert differ(dense.others, tuple(further)) == []
    assert (
        plain.mask,
        plain.example_mask,
        plain.training,
        plain.training_example,
        plain.others,
    ) == (*[None] * 4, ())
    assert dense.example is None
    assert dense.summary is None


def test_specs_tell_which_output_and_which_key(tmp_path: Path, recording: Any) -> None:
    first, second = recording.stages
    stage = replace(
        second,
        inputs=(Spec((None, 4), "float32", "input", 0, "left"), Spec((), "string", None, 0, None)),
        outputs=(Spec((None, None), "bool", name="a"), Spec((3,), "bfloat16", name="b \u00fc")),
    )
    trace = finished(tmp_path / "run.trace", recording, lambda writer: None, stages=(first, stage))
    assert trace.stages == (first, stage)


def test_the_model_its_outputs_and_its_targets(tmp_path: Path, recording: Any) -> None:
    outputs = (Spec((None, 2), "float32", "dense", 0, "out"), Spec((None,), "int64"))
    model = ModelFacts(
        "net", "Functional", Parameters(5, 6), 3, outputs, {"layers": [{"a": None}]}, {"dense": 2}
    )
    targets = (
        Target("a", (None, 3), "int64", True, 0.0, 2.0, 1.5, 0.5, 3),
        Target(None, (None,), "float32", False, None, None, None, None, None),
    )
    data = replace(
        recording.run.data, rows=70, targets=targets, complete=False, validation_rows=None
    )
    training = replace(
        recording.run.training,
        losses={"a": "mse", "b": "mae"},
        from_logits=True,
        callbacks=(Callback("One", {"monitor": "loss"}), Callback("Two")),
        class_weights={"0": 1.0, "1": 3.5},
        policy="mixed_float16",
        compile_config={"loss": {"a": "mse"}},
        fit_config={"shuffle": False},
        batch_size=None,
    )
    run = replace(recording.run, model=model, data=data, training=training)
    trace = finished(tmp_path / "run.trace", recording, lambda writer: None, run=run)
    assert trace.run == run


# Going on after the end


def test_a_trace_goes_on_after_its_end(
    tmp_path: Path, recording: Any, epoch: MakeEpoch, differ: Differ
) -> None:
    path = tmp_path / "run.trace"
    writer = TraceWriter(path, recording.run, recording.stages)
    values = np.arange(6, dtype=np.float32)
    summary = summarise(values)
    writer.add_epoch(epoch(1), {"dense": values})
    event = Event("data_ended", 1, 3, count=3, total=7)
    writer.add_event(event)
    writer.add_data_flow(20, {"dense": summary}, {"dense": values})
    for part in ("mask", "training", "prediction"):
        writer.add_details(part, {"dense": summary}, {"dense": values})
    writer.add_details("example/1", {}, {"dense": values})
    writer.add_prediction(Prediction(3, 1, {"dense": values}, targets=(values,)))
    writer.add_weights({"dense/kernel": values})
    writer.end(Ending("stopped", epoch=1), {"writing": 1.0})
    assert read(path).ending.kind == "stopped"
    assert writer.resume(claim(path))
    trace = read(path)
    assert trace.ending == Ending("running", epoch=1)
    assert (trace.rows, trace.predictions, dict(trace.weights), dict(trace.cost)) == (0, (), {}, {})
    assert [(stage.summary, stage.mask, stage.training) for stage in trace.stages] == [
        (None, None, None)
    ] * 2
    assert differ(trace.epochs, (epoch(1),)) == []
    assert trace.events == (event,)
    writer.add_epoch(epoch(2), {"dense": values + 1})
    # The number of the row begins anew, and nothing of an earlier prediction shows in it.
    writer.add_prediction(Prediction(9, 0, {"input": values}, "right"))
    writer.end(Ending("finished", epoch=2), {"writing": 2.0})
    trace = read(path)
    assert differ(trace.epochs, (epoch(1), epoch(2))) == []
    assert trace.events == (event,)
    (prediction,) = trace.predictions
    assert (prediction.row, list(prediction.outputs), prediction.targets) == (9, ["input"], ())
    assert trace.ending == Ending("finished", epoch=2)
    assert trace.cost == {"writing": 2.0}
    example = trace.stage("dense").example
    assert example is not None
    np.testing.assert_array_equal(example, values + 1)
    assert [each.name for each in tmp_path.iterdir()] == ["run.trace"]


def test_stages_said_anew_replace_those_said_before(
    tmp_path: Path, recording: Any, epoch: MakeEpoch
) -> None:
    path = tmp_path / "run.trace"
    writer = TraceWriter(path, recording.run, ())
    assert read(path).stages == ()
    writer.add_epoch(epoch(1), {})
    writer.describe(replace(recording.run, title="another"), recording.stages)
    trace = read(path)
    assert (trace.stages, trace.run.title, len(trace.epochs)) == (recording.stages, "another", 1)
    fewer = (replace(recording.stages[0], name="rows"),)
    writer.describe(recording.run, fewer)
    assert read(path).stages == fewer
    writer.end(Ending("finished"), {})
    assert read(path).run == recording.run


def test_stages_that_cannot_be_said_leave_those_that_were(tmp_path: Path, recording: Any) -> None:
    path = tmp_path / "run.trace"
    writer = TraceWriter(path, recording.run, recording.stages)
    with pytest.raises(sqlite3.IntegrityError):
        writer.describe(replace(recording.run, title="another"), recording.stages * 2)
    trace = read(path)
    assert (trace.stages, trace.run.title) == (recording.stages, recording.run.title)
    writer.end(Ending("finished"), {})
