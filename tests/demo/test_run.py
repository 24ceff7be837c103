import hashlib
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipetrace.demo.model import MODEL, Plan, draw, training
from pipetrace.demo.source import Source
from pipetrace.errors import (
    DiskFullError,
    InterruptedRunError,
    NotWritableError,
    OutputExistsError,
    TooManyRowsError,
    TrainingError,
)
from pipetrace.stats import summarise
from pipetrace.trace import Trace, TraceWriter, read
from pipetrace.trace.document import Array, Ending
from pipetrace.trace.measurements import Outcome
from pipetrace.trace.summary import Summary

pytestmark = pytest.mark.framework

Record = Callable[..., None]
STAGES = ("input_image", "scale", "conv2d", "max_pooling2d", "flatten", "dense")


def model_with(weights: dict[str, Array]) -> Any:
    """The reference model with these weights, built by Keras alone."""
    from pipetrace.capture.backend import build

    model = build(MODEL, training(0.001))
    model.set_weights(list(weights.values()))
    return model


def by_keras(trace: Trace, source: Source, rows: Array) -> dict[str, Array]:
    """Every stage's output for rows of the source, by a Keras model of its own and NumPy's division."""
    import keras

    model = model_with(dict(trace.weights))
    full = keras.Model(model.inputs[0], [layer.output for layer in model.layers])
    scaled = source.x[rows].astype(np.float32) / np.float32(255)
    outputs = full.predict(scaled, verbose=0, batch_size=len(rows))
    return dict(zip(STAGES, [source.x[rows], scaled, *outputs], strict=True))


def assert_same_summary(ours: Summary, theirs: Summary) -> None:
    assert ours.mean == pytest.approx(theirs.mean, rel=1e-12)
    assert ours.std == pytest.approx(theirs.std, rel=1e-9)
    assert replace(ours, channels=None) == replace(
        theirs, channels=None, mean=ours.mean, std=ours.std
    )
    assert (ours.channels is None) == (theirs.channels is None)
    for mine, yours in zip(ours.channels or (), theirs.channels or (), strict=True):
        assert_same_summary(mine, yours)


def test_the_data_flow_is_that_of_all_rows(digits_trace: Trace, source: Source) -> None:
    drawn = draw(source, Plan(rows=200, epochs=3, seed=0))
    assert digits_trace.rows == 200
    for name, values in by_keras(digits_trace, source, drawn.train).items():
        stage = digits_trace.stage(name)
        assert stage.summary is not None
        assert_same_summary(stage.summary, summarise(values))
        assert stage.summary.count == values.size


def test_examples_and_the_prediction_are_followed_through_every_stage(
    digits_trace: Trace, source: Source
) -> None:
    example = digits_trace.run.data.example_row
    for name, values in by_keras(digits_trace, source, np.array([example])).items():
        shown = digits_trace.stage(name).example
        assert shown is not None
        np.testing.assert_allclose(shown, values[0], rtol=1e-5, atol=1e-6)
    (prediction,) = digits_trace.predictions
    assert prediction.label == source.y[prediction.row]
    assert tuple(prediction.outputs) == STAGES
    for name, values in by_keras(digits_trace, source, np.array([prediction.row])).items():
        np.testing.assert_allclose(prediction.outputs[name], values[0], rtol=1e-5, atol=1e-6)
        assert prediction.outputs[name].dtype == values.dtype


def test_the_stages_are_those_of_the_reference_pipeline(digits_trace: Trace) -> None:
    trace = digits_trace
    assert [(stage.name, stage.kind, stage.layer) for stage in trace.stages] == [
        ("input_image", "source", None),
        ("scale", "step", None),
        ("conv2d", "layer", "Conv2D"),
        ("max_pooling2d", "layer", "MaxPooling2D"),
        ("flatten", "layer", "Flatten"),
        ("dense", "layer", "Dense"),
    ]
    assert [stage.inputs[0].source for stage in trace.stages] == [None, *STAGES[:-1]]
    assert [stage.outputs[0].shape for stage in trace.stages] == [
        (None, 28, 28, 1),
        (None, 28, 28, 1),
        (None, 26, 26, 32),
        (None, 13, 13, 32),
        (None, 5408),
        (None, 10),
    ]
    assert [stage.parameters.total for stage in trace.stages] == [0, 0, 320, 0, 0, 54_090]
    assert trace.stage("input_image").outputs[0].dtype == "uint8"
    assert {stage.outputs[0].dtype for stage in trace.stages[1:]} == {"float32"}


def test_the_run_is_told_as_it_was(digits_trace: Trace, source: Source) -> None:
    import keras

    run, drawn = digits_trace.run, draw(source, Plan(rows=200, epochs=3, seed=0))
    assert (run.title, run.command, run.backend) == (
        "Conv2D digits",
        "pipetrace digits",
        "tensorflow",
    )
    assert (run.versions["keras"], run.versions["numpy"]) == (keras.__version__, np.__version__)
    assert (run.training.epochs, run.training.batch_size, run.training.seed) == (3, 32, 0)
    assert (run.training.optimizer, run.training.metrics) == ("Adam", ("accuracy",))
    assert run.training.optimizer_config["learning_rate"] == pytest.approx(0.003)
    assert (run.data.available, run.data.validation_rows) == (1797, 100)
    assert run.data.class_counts == tuple(
        int((source.y[drawn.train] == each).sum()) for each in range(10)
    )
    assert run.data.example_label == source.y[run.data.example_row]
    assert run.data.example_row in drawn.train
    assert digits_trace.predictions[0].row == drawn.prediction
    used = [*drawn.train, *drawn.validation, drawn.prediction]
    pixels = b"".join(source.x[row].tobytes() for row in used)
    labels = b"".join(int(source.y[row]).to_bytes(8, "little") for row in used)
    assert run.data.fingerprint == hashlib.sha256(pixels + labels).hexdigest()


def test_the_end_and_the_cost(digits_trace: Trace, digits_file: Path) -> None:
    assert digits_trace.ending == Ending("finished", epoch=3)
    assert set(digits_trace.cost) > {
        "stages",
        "probe",
        "weights",
        "writing",
        "data flow",
        "prediction",
    }
    overhead = digits_trace.overhead
    assert overhead is not None
    assert (overhead.budget, overhead.skipped) == (None, ())
    assert 0 < overhead.during + overhead.background < overhead.training + overhead.after
    assert [each.name for each in digits_file.parent.iterdir()] == [digits_file.name]


def test_accuracy_is_that_of_keras_over_the_rows(digits_trace: Trace, source: Source) -> None:
    drawn = draw(source, Plan(rows=200, epochs=3, seed=0))
    scores = by_keras(digits_trace, source, drawn.validation)["dense"]
    hits = (scores.argmax(axis=1) == source.y[drawn.validation]).mean()
    assert digits_trace.epochs[-1].metrics["val_accuracy"] == pytest.approx(hits, abs=1e-6)
    loss = -np.log(scores[np.arange(len(scores)), source.y[drawn.validation]]).mean()
    assert digits_trace.epochs[-1].metrics["val_loss"] == pytest.approx(loss, rel=1e-4)


def test_the_same_plan_gives_the_same_trace_and_another_seed_another(
    record: Record, progress: Any, tmp_path: Path, short_trace: Trace, plan: Plan
) -> None:
    path = tmp_path / "run.trace"
    path.write_bytes(b"precious")
    with pytest.raises(OutputExistsError):
        record()
    assert path.read_bytes() == b"precious"
    assert "Training" not in progress.begun
    record(force=True)
    again = read(path)
    assert [epoch.metrics for epoch in again.epochs] == [
        epoch.metrics for epoch in short_trace.epochs
    ]
    assert again.run.model_fingerprint == short_trace.run.model_fingerprint
    for name, values in short_trace.weights.items():
        np.testing.assert_array_equal(again.weights[name], values)
    # Whoever watches is told what happens.
    assert progress.begun[-2:] == ["Training", "Measuring the data flow"]
    assert progress.steps == [(epoch, step) for epoch in (1, 2) for step in (1, 2, 3)]
    assert [epoch.number for epoch in progress.epochs] == [1, 2]
    assert progress.done[-1] == (96, 96)
    record(plan=replace(plan, seed=plan.seed + 1), force=True)
    other = read(path)
    assert other.run.model_fingerprint != short_trace.run.model_fingerprint
    assert other.run.data.fingerprint != short_trace.run.data.fingerprint


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def test_ctrl_c_in_training_keeps_the_finished_epochs(
    record: Record, progress: Any, tmp_path: Path
) -> None:
    import keras

    progress.at_step = lambda epoch, step: interrupt() if (epoch, step) == (2, 2) else None
    with pytest.raises(InterruptedRunError, match=r"Interrupted in epoch 2\.") as caught:
        record()
    assert (caught.value.exit_code, caught.value.where) == (130, str(tmp_path / "run.trace"))
    trace = read(tmp_path / "run.trace")
    assert (trace.ending.kind, trace.ending.epoch, len(trace.epochs)) == ("interrupted", 2, 1)
    assert (trace.rows, trace.predictions, trace.weights) == (0, (), {})
    assert [each.name for each in tmp_path.iterdir()] == ["run.trace"]
    # The hook is gone.
    for owner in (keras.Operation, keras.layers.Layer):
        assert "pipetrace" not in owner.__call__.__code__.co_filename


def test_ctrl_c_before_the_first_epoch(record: Record, progress: Any, tmp_path: Path) -> None:
    progress.begins = lambda what: interrupt() if what == "Training" else None
    with pytest.raises(InterruptedRunError, match="before the first epoch"):
        record()
    trace = read(tmp_path / "run.trace")
    assert (trace.ending.kind, trace.ending.epoch, trace.epochs) == ("interrupted", None, ())


def test_ctrl_c_after_training_keeps_all_epochs(
    record: Record, progress: Any, tmp_path: Path
) -> None:
    progress.at_rows = interrupt
    with pytest.raises(InterruptedRunError, match="after the last epoch"):
        record()
    trace = read(tmp_path / "run.trace")
    assert (trace.ending.kind, len(trace.epochs), trace.rows) == ("finished", 2, 0)


def test_an_error_in_training_is_the_ending(record: Record, progress: Any, tmp_path: Path) -> None:
    def fail(epoch: int, step: int) -> None:
        if epoch == 2:
            raise RuntimeError("the layer broke\nin two lines")

    progress.at_step = fail
    with pytest.raises(TrainingError, match=r"in epoch 2.*the layer broke") as caught:
        record()
    assert isinstance(caught.value.__cause__, RuntimeError)
    trace = read(tmp_path / "run.trace")
    assert (trace.ending.kind, trace.ending.epoch, len(trace.epochs)) == ("failed", 2, 1)
    assert str(trace.ending.error).startswith("RuntimeError: the layer broke")


def test_a_disk_that_fills_up_is_the_ending(
    record: Record,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    original = TraceWriter.add_epoch

    def add_epoch(self: TraceWriter, epoch: Any, *rest: Any) -> None:
        if epoch.number == 2:
            raise DiskFullError("No room.", hint="Make room.")
        original(self, epoch, *rest)

    monkeypatch.setattr(TraceWriter, "add_epoch", add_epoch)
    with pytest.raises(DiskFullError, match=r"No room\."):
        record()
    trace = read(tmp_path / "run.trace")
    assert (trace.ending.kind, trace.ending.error, len(trace.epochs)) == ("failed", "No room.", 1)
    assert "pipetrace" not in capsys.readouterr().err


def test_a_part_that_fails_is_no_silence_here(
    record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any) -> None:
        raise ZeroDivisionError("no yardstick")

    monkeypatch.setattr("pipetrace.record.measure.dataset_checks.baselines.learned", fails)
    with pytest.raises(
        TrainingError, match="Measuring after training failed: ZeroDivisionError: no yardstick"
    ):
        record()


def test_the_rules_have_figures_to_judge_by(digits_trace: Trace) -> None:
    kinds = {each.kind for each in digits_trace.measurements}
    assert kinds >= {
        "initial_weight",
        "signal",
        "loss",
        "gradient",
        "update",
        "outcome",
        "class_outcome",
        "dataset_check",
        "baseline_model",
        "dimensions",
        "stage_time",
    }
    validation = digits_trace.measurements.of(Outcome, "validation")
    assert validation.rows == 100
    assert validation.accuracy == pytest.approx(
        digits_trace.epochs[-1].metrics["val_accuracy"], abs=1e-6
    )


def test_a_loss_that_is_no_number_is_recorded_and_read_back(
    record: Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import keras

    wild = {**training(0.001), "optimizer": keras.optimizers.SGD(1e30)}
    monkeypatch.setattr("pipetrace.demo.run.training", lambda learning_rate: wild)
    record()
    trace = read(tmp_path / "run.trace")
    last = trace.epochs[-1]
    assert trace.ending.kind == "finished"
    assert math.isnan(last.metrics["loss"])
    assert math.isnan(last.metrics["val_loss"])
    assert last.learning_rate == pytest.approx(1e30)
    bias = last.weights["dense/bias"]
    assert (bias.nan, bias.finite, bias.min, bias.mean) == (10, 0, None, None)
    assert last.probe["dense"].nan == last.probe["dense"].count
    assert np.isnan(trace.weights["dense/bias"]).all()
    dense = trace.stage("dense").summary
    assert dense is not None
    assert dense.nan == 96 * 10
    assert np.isnan(trace.predictions[0].outputs["dense"]).all()


def test_a_place_that_takes_no_file_is_found_before_training(
    source: Source, plan: Plan, progress: Any, tmp_path: Path
) -> None:
    from pipetrace.demo.run import record_digits

    with pytest.raises(NotWritableError):
        record_digits(source, plan, tmp_path / "missing" / "run.trace", progress)
    assert "Training" not in progress.begun


def test_too_many_rows_are_found_before_anything_is_loaded(
    record: Record, progress: Any, tmp_path: Path
) -> None:
    with pytest.raises(TooManyRowsError):
        record(plan=Plan(rows=5000))
    assert progress.begun == []
    assert list(tmp_path.iterdir()) == []
