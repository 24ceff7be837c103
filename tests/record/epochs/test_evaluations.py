"""``evaluate`` and ``predict`` beside training: the trace has them, and they give what they would."""

import contextlib
import io
import re
from pathlib import Path
from typing import Any

import pytest
from tests.record.models import BATCH, ROWS, batches, classifier, rows
from tests.record.random_state import random_state

import pipetrace
from pipetrace.record.attached import evaluated
from pipetrace.record.watch import watching_all
from pipetrace.trace.training import MOST_EVALUATIONS, Evaluation

pytestmark = pytest.mark.framework

OTHER = rows(seed=7)


def program(model: Any, callbacks: list[Any]) -> list[Any]:
    """Evaluate before, while and after training, as programs do; what each call gave."""
    import keras
    import tensorflow as tf

    given = []

    class Test(keras.callbacks.Callback):  # type: ignore[misc] # Keras has no types
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if batch == 2:
                given.append(self.model.evaluate(*OTHER, 50, 0))

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            given.append(self.model.evaluate(*OTHER, verbose=0))

    given.append(model.evaluate(*OTHER, verbose=2))
    x, y = rows()
    options = {"batch_size": BATCH, "validation_data": OTHER, "verbose": 0}
    model.fit(x, y, epochs=2, callbacks=[*callbacks, Test()], **options)
    given.append(model.evaluate(x, y, verbose=0, return_dict=True))
    dataset = tf.data.Dataset.from_tensor_slices((x, y)).batch(BATCH)
    given.append(model.evaluate(dataset, callbacks=[keras.callbacks.Callback()], verbose=0))
    given.append(model.evaluate(batches(x, y), steps=3, verbose=0))
    given.append(model.predict(x[:3], verbose=0).tolist())
    return given


def tried(door: str, path: Path) -> tuple[Any, ...]:
    """What a program gives, leaves and prints that is recorded by a door, or by none."""
    import keras

    keras.utils.clear_session()
    model, out = classifier(), io.StringIO()
    with contextlib.redirect_stdout(out):
        if door == "watch":
            with pipetrace.watch(model, path, verbose=False):
                given = program(model, [])
        elif door:
            own = [pipetrace.Recorder(path, verbose=False)] if door == "both" else []
            with watching_all(lambda number: path, [], {}, command=""):
                given = program(model, own)
        else:
            given = program(model, [])
    printed = re.sub(r"\d+m?s", "", out.getvalue())
    return given, list(random_state()), [each.tolist() for each in model.get_weights()], printed


@pytest.fixture(scope="module")
def plain() -> tuple[Any, ...]:
    return tried("", Path())


@pytest.mark.parametrize("door", ["watch", pytest.param("run", marks=pytest.mark.slow), "both"])
def test_the_trace_has_what_a_program_evaluates(
    door: str, plain: tuple[Any, ...], tmp_path: Path
) -> None:
    assert tried(door, tmp_path / "run.trace") == plain
    given, found = plain[0], pipetrace.read(tmp_path / "run.trace").evaluations
    assert [(each.kind, each.epoch, each.step, each.rows, each.batches) for each in found] == [
        ("evaluate", 0, 0, ROWS, 4),
        ("evaluate", 0, 3, ROWS, 2),
        ("evaluate", 1, 0, ROWS, 4),
        ("evaluate", 1, 3, ROWS, 2),
        ("evaluate", 2, 0, ROWS, 4),
        ("evaluate", 2, 0, ROWS, 4),
        ("evaluate", 2, 0, None, 7),
        ("evaluate", 2, 0, None, 3),
        ("predict", 2, 0, 3, 1),
    ]
    names = "loss", "accuracy"
    for each, result in zip(found[:-1], given, strict=False):
        values = result if isinstance(result, dict) else dict(zip(names, result, strict=True))
        assert dict(each.metrics) == pytest.approx(values)
    assert not found[-1].metrics
    assert [each.data for each in found[-4:]] == [
        "array",
        "tf.data BatchDataset",
        "generator",
        "array",
    ]
    fingerprints = [each.fingerprint for each in found]
    assert len(set(fingerprints[:5])) == 1  # the same rows
    assert fingerprints[5] == pipetrace.read(tmp_path / "run.trace").fits[0].fingerprint
    assert fingerprints[6:] == [""] * 3


def test_an_evaluation_that_a_recorder_is_given_to(tmp_path: Path) -> None:
    model, recorder = classifier(), pipetrace.Recorder(tmp_path / "run.trace", verbose=False)
    model.fit(*rows(), epochs=1, validation_data=OTHER, verbose=0, callbacks=[recorder])
    loss, _ = model.evaluate(*OTHER, verbose=0, callbacks=[recorder])
    model.predict(OTHER[0], verbose=0, callbacks=[recorder])
    first, last = recorder.trace.evaluations
    assert (first.kind, first.epoch, first.rows, first.batches) == ("evaluate", 1, None, 4)
    assert first.metrics["loss"] == pytest.approx(loss)
    assert last.kind == "predict"


def test_equal_calls_are_told_once_and_the_first_ones_are_kept(tmp_path: Path) -> None:
    model, path, (x, y) = classifier(), tmp_path / "run.trace", rows()
    with pipetrace.watch(model, path, verbose=False, after_training="none"):
        for _ in range(3):
            model.predict(x[:1], verbose=0)
        model.fit(x, y, epochs=1, verbose=0)
        assert len(pipetrace.read(path).evaluations) == 1
        recorder = pipetrace.Recorder(path)
        for number in range(MOST_EVALUATIONS + 5):
            evaluated(model, recorder.settings, Evaluation("predict", rows=number))
        found = pipetrace.read(path).evaluations
        assert [each.rows for each in found] == [1, *range(MOST_EVALUATIONS - 1)]
        model.fit(x, y, epochs=1, verbose=0)
    assert [*pipetrace.read(path).evaluations][: len(found)] == [*found]


def test_a_trace_that_somebody_took_or_wrote_anew_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, path = classifier(), tmp_path / "run.trace"
    with pipetrace.watch(model, path, verbose=False, after_training="none"):
        model.fit(*rows(), epochs=1, verbose=0)
        was = path.read_bytes()
        path.unlink()
        path.write_bytes(was)
        model.evaluate(*OTHER, verbose=0)
        assert path.read_bytes() == was
        path.unlink()
        model.evaluate(*rows(), verbose=0)
    assert list(tmp_path.iterdir()) == []
    assert capsys.readouterr().err == ""
