"""The doors to the recorder: each sees the same, whatever the rows come in, and none changes the training."""

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.record.models import (
    BATCH,
    FORMS,
    ROWS,
    as_arrays,
    as_generator,
    batches,
    classifier,
    rows,
)

import pipetrace
from pipetrace.errors import ArgumentError, IncompleteTraceError
from pipetrace.trace import Trace
from pipetrace.trace.events import Event

pytestmark = [pytest.mark.framework, pytest.mark.filterwarnings("ignore:.*shuffle:UserWarning")]

Arguments = Callable[[], dict[str, Any]]


def by_callback(model: Any, path: Path, arguments: dict[str, Any]) -> None:
    model.fit(**arguments, callbacks=[pipetrace.Recorder(path, verbose=False, budget=None)])


def by_callback_with_rows(model: Any, path: Path, arguments: dict[str, Any]) -> None:
    model.fit(
        **arguments, callbacks=[pipetrace.Recorder(path, *rows(), verbose=False, budget=None)]
    )


def by_watch(model: Any, path: Path, arguments: dict[str, Any]) -> None:
    with pipetrace.watch(model, path, verbose=False, budget=None):
        model.fit(**arguments)


DOORS = {"callback": by_callback, "callback with rows": by_callback_with_rows, "watch": by_watch}


def state(model: Any) -> list[Any]:
    return [np.array(each.numpy()) for each in [*model.variables, *model.optimizer.variables]]


@pytest.fixture(scope="module")
def bare() -> Callable[[str], tuple[Any, ...]]:
    """State, history and asked batches of a model that nobody watched, for each form of rows."""
    known: dict[str, tuple[Any, ...]] = {}

    def train(form: str) -> tuple[Any, ...]:
        if form not in known:
            model, arguments = classifier(), FORMS[form]()
            history = model.fit(**arguments, epochs=2, verbose=0).history
            known[form] = state(model), history, getattr(arguments["x"], "asked", None)
        return known[form]

    return train


@pytest.mark.parametrize(
    ("door", "form"),
    [
        *(
            pytest.param(
                "callback" if place % 2 else "watch",
                form,
                marks=pytest.mark.slow
                if form in ("class weights", "tensors", "sample weights")
                else (),
            )
            for place, form in enumerate(FORMS)
        ),
        ("callback with rows", "dataset"),
        pytest.param("callback with rows", "arrays", marks=pytest.mark.slow),
        pytest.param("watch", "generator", marks=pytest.mark.slow),
    ],
)
def test_training_is_the_same_to_the_bit_and_the_trace_has_it(
    door: str, form: str, bare: Callable[[str], tuple[Any, ...]], tmp_path: Path
) -> None:
    expected, history, asked = bare(form)
    model, arguments = classifier(), FORMS[form]()
    DOORS[door](model, tmp_path / "run.trace", {**arguments, "epochs": 2, "verbose": 0})
    assert getattr(arguments["x"], "asked", None) == asked
    for ours, theirs in zip(state(model), expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    trace = pipetrace.read(tmp_path / "run.trace")
    assert trace.ending.kind == "finished"
    assert not trace.events
    assert {name: [epoch.metrics[name] for epoch in trace.epochs] for name in history} == history
    of_dataset = form == "dataset" and door != "callback with rows"
    ahead = ["source", "shuffle", "batch", "prefetch"] if of_dataset else ["input"]
    assert [stage.name for stage in trace.stages] == [*ahead, "hidden", "norm", "drop", "answer"]
    assert trace.stage("hidden").inputs[0].source == ahead[-1]
    assert trace.run.data.class_names == ("0", "1", "2")
    assert trace.predictions
    assert_values(trace, model)
    seen = {"generator": None, "validation split": 80}.get(form, ROWS)
    assert (trace.run.data.rows, trace.run.data.complete) == (seen, seen is not None)
    assert (trace.run.training.batch_size, trace.epochs[0].steps) == (BATCH, 5 if seen == 80 else 7)


def assert_values(trace: Trace, model: Any) -> None:
    """What is recorded of a row is what the model's own layers give for it, one by one."""
    for prediction in trace.predictions:
        values = prediction.outputs[str(trace.stage("hidden").inputs[0].source)][None]
        for layer in model.layers:
            values = np.asarray(layer(values, training=False))
            np.testing.assert_allclose(prediction.outputs[layer.name], values[0], atol=1e-6)
    source = trace.stage(str(trace.stage("hidden").inputs[0].source))
    assert source.summary is not None
    assert trace.rows == source.summary.count // 6


def test_rows_of_a_source_are_the_first_that_passed(tmp_path: Path) -> None:
    by_callback(classifier(), tmp_path / "run.trace", {**as_generator(), "epochs": 1, "verbose": 0})
    chance = np.random.default_rng(2)
    expected = np.concatenate(
        [x + chance.normal(size=x.shape).astype(np.float32) for x, _ in batches(*rows())]
    )
    summary = pipetrace.read(tmp_path / "run.trace").stages[0].summary
    assert summary is not None
    assert summary.count == expected.size
    assert (summary.min, summary.max) == (expected.min(), expected.max())


@pytest.mark.filterwarnings("ignore:Your input ran out of data:UserWarning")
def test_fewer_steps_than_the_rows_fill(tmp_path: Path) -> None:
    by_callback(
        classifier(),
        tmp_path / "run.trace",
        {**as_arrays(), "epochs": 2, "verbose": 0, "steps_per_epoch": 4},
    )
    trace = pipetrace.read(tmp_path / "run.trace")
    assert trace.run.data.rows == 4 * BATCH
    # Keras goes on in the rows where the epoch before ended, and they run out.
    assert [epoch.steps for epoch in trace.epochs] == [4, 3]
    assert trace.events == (Event("data_ended", 2, 3, count=3, total=4),)


def test_several_fits_go_on_in_one_trace_and_another_model_replaces_it(tmp_path: Path) -> None:
    model, path = classifier(), tmp_path / "run.trace"
    for epochs in (2, 1, 3):
        by_callback(model, path, {**as_arrays(), "epochs": epochs, "verbose": 0})
    trace = pipetrace.read(path)
    assert [epoch.number for epoch in trace.epochs] == [1, 2, 3, 4, 5, 6]
    assert trace.run.training.epochs == 6
    assert trace.ending.kind == "finished"
    assert len({prediction.reason for prediction in trace.predictions}) == len(trace.predictions)
    by_callback(classifier(), path, {**as_arrays(), "epochs": 1, "verbose": 0})
    assert [epoch.number for epoch in pipetrace.read(path).epochs] == [1]


def test_a_recorder_gives_its_trace_once_a_fit_has_ended(tmp_path: Path) -> None:
    import keras

    model, path = classifier(), tmp_path / "run.trace"
    recorder = pipetrace.Recorder(path, verbose=False)
    assert str(path) in repr(recorder)
    refused = []

    def ask(*_: object) -> None:
        with pytest.raises(IncompleteTraceError) as caught:
            recorder.trace  # noqa: B018
        refused.append(caught.value.where)

    within = keras.callbacks.LambdaCallback(on_epoch_end=ask)
    ask()
    for epochs in (1, 2):
        model.fit(**as_arrays(), verbose=0, callbacks=[recorder, within])
        assert recorder.trace == pipetrace.read(path)
        assert len(recorder.trace.epochs) == epochs
    assert refused == [str(path)] * 3


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_what_other_callbacks_do_is_seen(tmp_path: Path) -> None:
    import keras

    model = classifier()
    stopping = keras.callbacks.EarlyStopping(
        "loss", patience=0, min_delta=100, restore_best_weights=True
    )
    halving = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2 if epoch else rate)
    callbacks = [pipetrace.Recorder(tmp_path / "run.trace", verbose=False), stopping, halving]
    model.fit(**as_arrays(), epochs=9, verbose=0, callbacks=callbacks)
    trace = pipetrace.read(tmp_path / "run.trace")
    assert trace.ending.kind == "stopped"
    assert len(trace.epochs) == 2
    assert trace.run.training.epochs == 9
    assert tuple(each.name for each in trace.run.training.callbacks) == (
        "EarlyStopping",
        "LearningRateScheduler",
    )
    assert trace.epochs[1].learning_rate == pytest.approx(0.0005)
    # The best weights are put back when training ends, and those are the ones that are kept.
    for name, values in trace.weights.items():
        layer, _, variable = name.partition("/")
        (own,) = [each for each in model.get_layer(layer).weights if each.name == variable]
        np.testing.assert_array_equal(values, own.numpy())
    assert len(callbacks) == 3


@pytest.mark.parametrize("form", ["arrays", pytest.param("dataset", marks=pytest.mark.slow)])
def test_every_door_gives_the_same_trace(form: str, tmp_path: Path) -> None:
    import keras

    from pipetrace.present.formats.json import encode
    from pipetrace.record.watch import watching_all

    def by_run(model: Any, path: Path, arguments: dict[str, Any]) -> None:
        with watching_all(lambda number: path, [], {}, command="", budget=None):
            model.fit(**arguments)

    found = []
    for number, door in enumerate((by_callback, by_watch, by_run)):
        keras.utils.clear_session()  # names that Keras makes up begin anew
        model = classifier()
        door(model, tmp_path / f"{number}.trace", {**FORMS[form](), "epochs": 2, "verbose": 0})
        trace = encode(pipetrace.read(tmp_path / f"{number}.trace"))
        for changing in ("created", "command", "constructed_at"):
            del trace["run"][changing]
        del trace["cost"], trace["overhead"]
        for fit in trace["run"]["fits"]:
            del fit["called_from"]
        for timed in trace["epochs"]:
            del timed["seconds"]
        # How long a stage takes differs, how often there was time to measure it, and what is written first.
        every = [each for each in trace["measurements"] if each["kind"] != "stage_time"]
        every.sort(key=lambda each: (each["kind"], each["name"], str(each["epoch"])))
        trace["measurements"] = every
        found.append(trace)
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize(
    "given",
    [
        ([[1, 2], [3]], None),
        (np.ones((3, 2)), np.ones(2)),
        (np.ones((0, 2)), np.ones(0)),
        (None, np.ones(2)),
        ("rows.npz", None),
    ],
)
def test_rows_that_are_none_are_refused_before_training(given: Any, tmp_path: Path) -> None:
    with pytest.raises(pipetrace.PipetraceError, match=r"\["):
        pipetrace.Recorder(tmp_path / "run.trace", *given)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("stop_on", "warning"),
        ("stop_on", True),
        ("on_finding", "print"),
        ("after_training", "some"),
        *(("budget", each) for each in (-0.1, 1.5, "2 %", True, float("nan"))),
    ],
)
def test_options_that_cannot_be_are_refused(tmp_path: Path, name: str, value: Any) -> None:
    options: dict[str, Any] = {name: value}
    with pytest.raises(ArgumentError) as caught:
        pipetrace.Recorder(tmp_path / "run.trace", **options)
    assert caught.value.where == name


def test_every_share_is_a_budget_and_none_too(tmp_path: Path) -> None:
    for share in (None, 0, 0.02, 1):
        pipetrace.Recorder(tmp_path / "run.trace", budget=share)


def test_a_file_that_is_no_trace_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "thesis.txt"
    path.write_text("my thesis")
    with pytest.raises(pipetrace.PipetraceError, match="output-exists"):
        pipetrace.Recorder(path)
    with pytest.raises(pipetrace.PipetraceError, match="not-writable"):
        pipetrace.Recorder(tmp_path / "missing" / "run.trace")
    with pytest.raises(pipetrace.PipetraceError, match="not-writable"):
        pipetrace.Recorder(tmp_path)
    assert path.read_text() == "my thesis"


@pytest.mark.parametrize(
    "options",
    [
        {"steps_per_execution": 3},
        pytest.param({"run_eagerly": True}, marks=pytest.mark.slow),
        pytest.param({"jit_compile": True}, marks=pytest.mark.slow),
    ],
)
def test_steps_taken_together_and_compiled_otherwise(
    options: dict[str, Any], tmp_path: Path
) -> None:
    bare = classifier(**options)
    bare.fit(**as_generator(), epochs=2, verbose=0)
    model = classifier(**options)
    by_callback(model, tmp_path / "run.trace", {**as_generator(), "epochs": 2, "verbose": 0})
    for ours, theirs in zip(state(model), state(bare), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    trace = pipetrace.read(tmp_path / "run.trace")
    assert [epoch.steps for epoch in trace.epochs] == [7, 7]


def test_what_other_threads_write_to_standard_error_arrives(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The descriptor belongs to the whole process, so the recorder leaves it alone in training."""
    written, over = 0, threading.Event()

    def write() -> None:
        nonlocal written
        while not over.wait(0.001):
            os.write(2, b"a line of another thread\n")
            written += 1

    thread = threading.Thread(target=write)
    thread.start()
    try:
        model = classifier()
        model.fit(
            **as_arrays(),
            epochs=3,
            verbose=0,
            callbacks=[pipetrace.Recorder(tmp_path / "run.trace", verbose=False, budget=None)],
        )
    finally:
        over.set()
        thread.join()
    assert capfd.readouterr().err.count("a line of another thread\n") == written > 20
