"""When a recorded training is over, however it ended, nothing of the recorder is left in the process or on the model."""

import contextlib
import functools
import gc
import weakref
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.record.models import as_arrays, batches, classifier, rows
from tests.record.random_state import random_state
from tests.record.surroundings import attributes, methods, noting_at_exit, surroundings

import pipetrace

pytestmark = [
    pytest.mark.framework,
    pytest.mark.filterwarnings(
        "ignore:.*shuffle:UserWarning", "ignore:Your input ran out of data:UserWarning"
    ),
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]

Fit = Callable[[Any, list[Any]], None]


class Broken(Exception):
    """Raised on purpose."""


def well(model: Any, callbacks: list[Any]) -> None:
    model.fit(**as_arrays(), epochs=2, validation_split=0.2, verbose=0, callbacks=callbacks)


def in_the_model(model: Any, callbacks: list[Any]) -> None:
    """A layer raises in the second epoch; the model runs eagerly, so that it is the training that raises."""
    model.compile("adam", "sparse_categorical_crossentropy", run_eagerly=True)
    model.fit(**as_arrays(), epochs=1, verbose=0)
    layer = model.get_layer("hidden")

    def call(*arguments: Any, **options: Any) -> Any:
        raise Broken

    layer.call = call
    try:
        model.fit(**as_arrays(), epochs=1, verbose=0, callbacks=callbacks)
    finally:
        del layer.call


def another(error: type[BaseException], when: str) -> Any:
    import keras

    def raising(*arguments: Any, **options: Any) -> None:
        raise error

    made = keras.callbacks.Callback()
    setattr(made, when, raising)
    return made


def in_a_callback(when: str, error: type[BaseException] = Broken) -> Fit:
    def fit(model: Any, callbacks: list[Any]) -> None:
        others = [another(error, when)]
        model.fit(
            **as_arrays(),
            epochs=2,
            validation_split=0.2,
            verbose=0,
            callbacks=[*callbacks, *others],
        )

    return fit


def in_the_generator(model: Any, callbacks: list[Any]) -> None:
    def given() -> Iterator[Any]:
        for number, batch in enumerate(batches(*rows())):
            if number == 3:
                raise Broken
            yield batch

    model.fit(given(), epochs=1, steps_per_epoch=6, verbose=0, callbacks=callbacks)


ENDS: Mapping[str, Fit] = {
    "well": well,
    "the model raises": in_the_model,
    "a callback raises after an epoch": in_a_callback("on_epoch_end"),
    "a callback raises after a step": in_a_callback("on_train_batch_end"),
    "a callback raises in validation": in_a_callback("on_test_batch_end"),
    "a callback raises at the end": in_a_callback("on_train_end"),
    "the generator raises": in_the_generator,
    "Ctrl-C": in_a_callback("on_train_batch_end", KeyboardInterrupt),
}


def unwatched(model: Any, path: Path, fit: Fit) -> None:
    fit(model, [])


def by_callback(model: Any, path: Path, fit: Fit) -> None:
    fit(model, [pipetrace.Recorder(path, verbose=False)])


def by_watch(model: Any, path: Path, fit: Fit) -> None:
    watched = pipetrace.watch(model, path, verbose=False)
    try:
        fit(model, [])
    finally:
        watched.stop()


def by_run(model: Any, path: Path, fit: Fit) -> None:
    from pipetrace.record.watch import watching_all

    with watching_all(lambda number: path, [], {}, command=""):
        fit(model, [])


DOORS = {"callback": by_callback, "watch": by_watch, "run": by_run}


def tried(door: Callable[[Any, Path, Fit], None], path: Path, fit: Fit) -> Any:
    """The model, when it is over."""
    import keras
    import tensorflow as tf

    keras.utils.clear_session()  # names that Keras makes up begin anew
    model = classifier()
    with contextlib.suppress(Broken, KeyboardInterrupt, tf.errors.OpError):
        door(model, path, fit)
    return model


@pytest.fixture(scope="module", autouse=True)
def warm(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What Python, Keras and TensorFlow make at their first use and keep, they keep without a recorder too."""
    for door, fit in ((by_watch, well), (by_callback, in_the_generator), (by_run, well)):
        tried(door, tmp_path_factory.mktemp("warm") / "run.trace", fit)


def state() -> dict[str, Any]:
    return {**surroundings(), "identity": {name: id(value) for name, value in methods().items()}}


def unlike(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    return {name: (before[name], after[name]) for name in before if before[name] != after[name]}


@functools.cache
def unwatched_end(end: str) -> tuple[set[str], list[Any], bool]:
    """The attributes, the random state and whether the model goes, after a training that nobody watched."""
    model = tried(unwatched, Path(), ENDS[end])
    found, random, gone = set(attributes(model)), list(random_state()), weakref.ref(model)
    del model
    gc.collect()
    return found, random, gone() is None


FEW = {
    "well": "callback",
    "the model raises": "watch",
    "a callback raises at the end": "run",
    "the generator raises": "callback",
    "Ctrl-C": "watch",
}


@pytest.mark.parametrize(
    ("door", "end"),
    [
        pytest.param(
            door,
            end,
            # Each door, and the ends that differ most, once; all of both in ``make test-all``.
            marks=() if FEW.get(end) == door else pytest.mark.slow,
        )
        for door in DOORS
        for end in ENDS
    ],
)
def test_nothing_is_left_of_a_training_that_ended(door: str, end: str, tmp_path: Path) -> None:
    plain, random, goes = unwatched_end(end)
    before, at_exit = state(), list[str]()
    with noting_at_exit(at_exit):
        model = tried(DOORS[door], tmp_path / "run.trace", ENDS[end])
        ours = list(random_state())
    assert unlike(before, state()) == {}
    assert [each for each in at_exit if "pipetrace" in each or "finalize" in each] == []
    assert ours == random
    kept = {line for line in attributes(model) if "_pipetrace" in line}
    assert {line.partition(": ")[0] for line in kept} <= (
        {"small._pipetrace_kept"} if door != "run" else set()
    )
    assert set(attributes(model)) - kept == plain
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None or not goes  # TensorFlow keeps a generator that raised
    trace = pipetrace.read(tmp_path / "run.trace")
    expected = {"well": "finished", "Ctrl-C": "interrupted"}.get(end, "failed")
    assert trace.ending.kind == (
        expected if end != "a callback raises at the end" else trace.ending.kind
    )
    assert trace.ending.kind != "running"


@pytest.mark.parametrize(
    "door", ["watch", *(pytest.param(door, marks=pytest.mark.slow) for door in ("callback", "run"))]
)
def test_nothing_is_left_where_the_disk_breaks(
    door: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*arguments: Any, **options: Any) -> None:
        raise OSError(28, "No space left on device")

    before = state()
    monkeypatch.setattr("pipetrace.trace.writer.TraceWriter.add_epoch", broken)
    tried(DOORS[door], tmp_path / "run.trace", well)
    assert "writing failed and is now off" in capsys.readouterr().err
    assert unlike(before, state()) == {}


def test_nothing_is_left_of_a_watch_that_was_stopped(tmp_path: Path) -> None:
    model, before = classifier(), state()
    attributes_before = set(vars(model))
    pipetrace.watch(model, tmp_path / "run.trace").stop()
    assert unlike(before, state()) == {}
    assert set(vars(model)) == attributes_before


def test_a_model_goes_while_others_are_watched(tmp_path: Path) -> None:
    from pipetrace.record.watch import watching_all

    made: list[Path] = []
    with watching_all(lambda number: tmp_path / f"{number}.trace", made, {}, command=""):
        gone = weakref.ref(tried(unwatched, tmp_path, well))
        gc.collect()
        assert gone() is None
        tried(unwatched, tmp_path, well)
    assert made == [tmp_path / "1.trace", tmp_path / "2.trace"]


def test_what_a_model_keeps_is_not_saved_with_it(tmp_path: Path) -> None:
    import copy

    import keras

    model = tried(by_callback, tmp_path / "run.trace", well)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for again in (loaded, keras.models.clone_model(model), copy.deepcopy(model)):
        assert [weight.shape for weight in again.weights] == [
            weight.shape for weight in model.weights
        ]
        assert "_pipetrace_kept" not in vars(again)


def test_what_is_left_is_seen(tmp_path: Path) -> None:
    import os
    import signal
    import sys
    import threading
    import warnings

    import keras
    import numpy as np

    before = state()
    ended = threading.Event()
    thread = threading.Thread(target=ended.wait, name="left")
    thread.start()
    opened = (tmp_path / "left.txt").open("w")
    fit, hook, handler = keras.Model.fit, sys.excepthook, signal.getsignal(signal.SIGUSR1)
    owner = next(kind for kind in keras.Model.__mro__ if "fit" in vars(kind))
    try:
        os.environ["LEFT"] = "1"
        sys.excepthook = lambda *details: None
        signal.signal(signal.SIGUSR1, lambda *details: None)
        owner.fit = lambda *arguments, **options: None
        keras.config.set_floatx("float64")
        with warnings.catch_warnings(), np.errstate(all="raise"):
            warnings.simplefilter("ignore")
            seen = set(unlike(before, state()))
    finally:
        owner.fit = fit
        sys.excepthook = hook
        signal.signal(signal.SIGUSR1, handler)
        del os.environ["LEFT"]
        keras.config.set_floatx("float32")
        opened.close()
        ended.set()
        thread.join()
    assert seen == {
        "threads",
        "open files",
        "environment",
        "hooks",
        "signal handlers",
        "warnings filters",
        "settings of NumPy",
        "settings of Keras",
        "methods of Keras",
        "identity",
    }
    assert unlike(before, state()) == {}
