"""The programs of ``harm``: small trainings in surroundings that are made to break a recorder.

    python -m benchmarks.reliability.harm_program CASE DOOR FOLDER

``DOOR`` is how the training is recorded: ``none``, ``recorder``, ``watch``, ``pipeline``, or ``run``
where this program is started by ``pipetrace run``. What became of it goes into FOLDER/found.json.
"""

import ctypes
import json
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from benchmarks.reliability import hostile
from benchmarks.reliability.harm import told_of
from benchmarks.reliability.hostile import Hostile, Stream
from benchmarks.reliability.small_model import classifier, rows
from benchmarks.reliability.two_recorders import two

import pipetrace

EPOCHS = 3
Found = dict[str, Any]
Fit = Callable[..., Any]


def fitted(door: str, path: Path, model: Any, **given: Any) -> Any:
    """Train a model by a door; return the history."""
    x, y = rows()
    options = {"x": x, "y": y, "epochs": EPOCHS, "batch_size": 16, "verbose": 0, **given}
    if door == "pipeline":
        x, y = options.pop("x"), options.pop("y")
        return pipetrace.Pipeline((x, y), model=model).fit(path, **options)
    if door == "recorder":
        options["callbacks"] = [*options.get("callbacks", ()), pipetrace.Recorder(path)]
    if door == "watch":
        pipetrace.watch(model, path)
    return model.fit(**options)


def outcome(door: str, path: Path, train: Fit) -> Found:
    """What a training gave, and whether the model could be saved after it."""
    try:
        model, history = train(door, path)
        model.save(path.with_suffix(".keras"))
    except BaseException as error:
        return {"error": f"{type(error).__name__}: {error}"}
    return {"history": {name: list(map(float, each)) for name, each in history.history.items()}}


ERRORS = (ValueError, MemoryError, RecursionError, Hostile)


def objects(door: str, folder: Path) -> Found:
    """Trainings whose layers, losses, callbacks and data raise when they are looked at."""
    found = {}
    for error in ERRORS:

        def layer(door: str, path: Path, error: Any = error) -> Any:
            model = classifier(hostile.layer(error))
            return model, fitted(door, path, model)

        def loss(door: str, path: Path, error: Any = error) -> Any:
            model = classifier(loss=hostile.loss(error))
            history = fitted(door, path, model)
            model.compile("adam", "mse")  # Keras itself describes the loss when it saves
            return model, history

        def callback(door: str, path: Path, error: Any = error) -> Any:
            model = classifier()
            return model, fitted(door, path, model, callbacks=[hostile.callback(error)])

        def data(door: str, path: Path, error: Any = error) -> Any:
            model = classifier()
            given = {"x": hostile.dataset(error), "y": None, "batch_size": None}
            if door == "pipeline":
                return model, fitted("recorder", path, model, **given)
            return model, fitted(door, path, model, **given)

        for name, train in {
            "layer": layer,
            "loss": loss,
            "callback": callback,
            "data": data,
        }.items():
            path = folder / f"{name}-{error.__name__}.trace"
            found[f"{name} raising {error.__name__}"] = outcome(door, path, train)
    return found


# Standard error that cannot be written.


def plain(door: str, path: Path) -> Any:
    """A training with nothing special to it."""
    model = classifier()
    return model, fitted(door, path, model)


def streams(door: str, folder: Path) -> Found:
    """Trainings with another ``sys.stderr``; the descriptor is the caller's to break."""
    before, found = sys.stderr, {"as it is": outcome(door, folder / "as_it_is.trace", plain)}
    closed = (folder / "closed.txt").open("w")
    closed.close()
    others: dict[str, Any] = {"None": None, "closed": closed}
    others |= {f"raising {error.__name__}": Stream(error) for error in (*ERRORS, BrokenPipeError)}
    for name, stream in others.items():
        sys.stderr = stream
        try:
            found[name] = outcome(door, folder / f"{name}.trace", plain)
        finally:
            sys.stderr = before
    return found


def alone(door: str, folder: Path) -> Found:
    """One training; the caller has broken a descriptor."""
    return outcome(door, folder / "plain.trace", plain)


def within_run(door: str, folder: Path) -> Found:  # noqa: ARG001
    """A program with a recorder of its own; its trace is there while it runs."""
    outcome("recorder", folder / "own.trace", plain)
    return {"own": told_of(folder / "own.trace"), "other": told_of(folder / "run.trace")}


def many(door: str, folder: Path) -> Found:
    """Seven trainings, as a cross-validation makes them."""
    for number in range(7):
        fitted(door, folder / f"{number}.trace", classifier())
    return {}


# The process beside the training.


def surroundings(door: str, folder: Path) -> Found:
    """A training that warns, forks and looks at its process all the while."""
    calls = {"eager": 0}

    class Warns(keras.layers.Layer):  # type: ignore[misc]
        def call(self, x: Any) -> Any:
            warnings.warn("a layer of the user's warns", UserWarning, stacklevel=1)
            return keras.ops.pad(x, [[0, 0], [0, 1]])

    class Counts(keras.layers.Layer):  # type: ignore[misc]
        def call(self, x: Any, training: bool = False) -> Any:
            calls["eager"] += tf.executing_eagerly()
            return x * (2.0 if training else 1.0)

    before = inventory()
    moved: set[str] = set()
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.0005):
            if (id(sys.stdout), id(sys.stderr), _files()) != streams_before:
                moved.add("streams")

    streams_before = (id(sys.stdout), id(sys.stderr), _files())
    looking = threading.Thread(target=look)
    looking.start()
    model = classifier(Counts(name="counting"), Warns(name="warning"))
    history = fitted(door, folder / "run.trace", model, callbacks=[Forking(folder)], verbose=0)
    over.set()
    looking.join()
    second = classifier(Warns(name="warning"))
    fitted(door, folder / "second.trace", second)
    third, traced = classifier(), {"train_step": 0, "test_step": 0}
    for name in traced:
        setattr(third, name, counted(getattr(third, name), name, traced))
    batches = tf.data.Dataset.from_tensor_slices(rows()).shuffle(64, seed=1).batch(16)
    given = {"x": batches, "y": None, "batch_size": None, "validation_data": batches}
    third_history = fitted(door, folder / "third.trace", third, **given)
    return {
        "history": {name: list(map(float, each)) for name, each in history.history.items()},
        "eager calls": calls["eager"],
        "exit status of the child": (folder / "child.txt").read_text(),
        "streams moved": sorted(moved),
        "left": {
            name: (before[name], now) for name, now in inventory().items() if now != before[name]
        },
        "name of the next layer": keras.layers.Dense(1).name,
        "number of the next operation": keras.backend.get_uid("pad"),
        "random": [np.random.random(), float(keras.random.uniform(()))],
        "history of a data set": third_history.history,
        "times that Keras traced its steps": traced,
        "memory is kept": keeps_memory(),
    }


def counted(step: Callable[..., Any], name: str, calls: dict[str, int]) -> Callable[..., Any]:
    """A step that counts how often it is called: once for each time that it is traced."""

    def calling(*given: Any) -> Any:
        calls[name] += 1
        return step(*given)

    return calling


def keeps_memory() -> bool | None:
    """Whether the C library keeps an array of 1 MB for the next one, once larger ones were let go.

    It does so unless somebody has told it, for the whole process, from which size on not to. None
    where it cannot be asked.
    """

    class Info(ctypes.Structure):
        names = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"
        _fields_ = [(name, ctypes.c_size_t) for name in names.split()]

    library = ctypes.CDLL(None)
    if not hasattr(library, "mallinfo2"):
        return None
    library.mallinfo2.restype, library.malloc.restype = Info, ctypes.c_void_p
    library.free.argtypes = [ctypes.c_void_p]
    library.free(library.malloc(ctypes.c_size_t(24_000_000)))
    before = library.mallinfo2().hblks
    held = library.malloc(ctypes.c_size_t(1_000_000))
    after = library.mallinfo2().hblks
    library.free(held)
    return bool(before == after)


class Forking(keras.callbacks.Callback):  # type: ignore[misc]
    """Forks a child in the second epoch, which trains and goes on as its parent does."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        """Fork; the child calls what Keras would call, and ends without Python's own end."""
        if epoch != 1:
            return
        child = os.fork()
        if child:
            _, status = os.waitpid(child, 0)
            (self.folder / "child.txt").write_text(str(status))
            return
        status = 1
        try:
            for each in _recorders(self.model):
                each.on_epoch_begin(7)
                each.on_epoch_end(7, {"loss": 123.0})
                each.on_train_end()
                each.failed(ValueError("of the child"))
            status = 0
        finally:
            os._exit(status)


def _recorders(model: Any) -> list[Any]:
    kept = vars(model).get("_pipetrace_kept")
    return [] if kept is None or kept.recording is None else [kept.recording()]


def _files() -> tuple[tuple[int, int], ...]:
    stats = [os.fstat(number) for number in (1, 2)]
    return tuple((each.st_dev, each.st_ino) for each in stats)


def inventory() -> Found:
    """What a process is like beside its models."""
    import logging

    return {
        "threads": sorted(
            each.name for each in threading.enumerate() if not each.name.startswith("Dummy")
        ),
        "filters": [repr(each[:1] + each[2:3]) for each in warnings.filters],
        "environment": dict(os.environ),
        "handlers": [repr(signal.getsignal(each)) for each in (signal.SIGINT, signal.SIGTERM)],
        "limit": sys.getrecursionlimit(),
        "levels": [logging.getLogger(name).level for name in ("", "absl", "tensorflow", "keras")],
        "streams": [id(sys.stdout), id(sys.stderr)],
    }


# Ctrl-C and signal handlers while the recorder works.


class AlarmError(Exception):
    """Raised by a signal handler of the program."""


def interrupted(door: str, folder: Path) -> Found:
    """Ctrl-C, or a signal handler that raises, while an epoch is measured or training begins."""
    from pipetrace.record.epochs.recorder import EpochRecorder

    found: Found = {}

    def handler(*_: Any) -> None:
        raise AlarmError

    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGALRM)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGALRM, handler)
    for method in ("begins", "epoch_ends"):
        original = getattr(EpochRecorder, method)
        for number, expected in ((signal.SIGINT, KeyboardInterrupt), (signal.SIGALRM, AlarmError)):

            def signalled(*_: Any, number: Any = number, **__: Any) -> None:
                signal.raise_signal(number)

            path = folder / f"{method}-{number.name}.trace"
            setattr(EpochRecorder, method, signalled)
            try:
                fitted(door, path, classifier())
                raised: Any = None
            except BaseException as error:
                raised = type(error)
            finally:
                setattr(EpochRecorder, method, original)
            ending = told_of(path)[1] if door != "none" else None
            found[f"{number.name} in {method}"] = [raised is expected, ending]
    for each, previous in before.items():
        signal.signal(each, previous)
    return found


CASES: dict[str, Callable[[str, Path], Found]] = {
    "streams": streams,
    "objects": objects,
    "plain": alone,
    "within run": within_run,
    "many": many,
    "surroundings": surroundings,
    "two": two,
    "interrupted": interrupted,
}


def main(case: str, door: str, folder: str) -> None:
    """Run a case; see above."""
    Path(folder, "found.json").write_text(json.dumps(CASES[case](door, Path(folder))))


if __name__ == "__main__":
    main(*sys.argv[1:])
