"""Record the eight golden traces, in one process: ``python record_traces.py FOLDER``.

Only public doors are used: ``Recorder``, ``watch`` and the commands ``digits`` and ``trace``. No budget is kept and no
epoch left out for a disk that is behind, so what is recorded does not depend on how busy the machine is. The last run
kills this process with signal 9.
"""

import os
import runpy
import signal
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from keras import layers

import pipetrace
from pipetrace.record import writer_thread

writer_thread.MOST_WAITING_EPOCHS = 1000
EXAMPLES = Path(__file__).parents[2] / "examples"
QUIET: Any = {"budget": None, "verbose": False}


class Raising(layers.Layer):  # type: ignore[misc] # Keras has no types
    """A layer that cannot be called."""

    def call(self, inputs: Any) -> Any:
        """Raise, whatever comes in."""
        raise ValueError(f"needs 3 columns, received {inputs.shape[-1]}")


class KilledIn(keras.callbacks.Callback):  # type: ignore[misc]
    """Kill the process in the middle of an epoch, once the epochs before it are in the trace."""

    def __init__(self, trace: Path, epoch: int) -> None:
        super().__init__()
        self.trace = trace
        self.killed_in = epoch

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Wait for the writer, then die."""
        if batch == 1 and self.reached == self.killed_in:
            until = time.monotonic() + 60
            while self.lacks_epochs() and time.monotonic() < until:
                time.sleep(0.05)
            os.kill(os.getpid(), signal.SIGKILL)

    def lacks_epochs(self) -> bool:
        """Whether the last measurement of the epoch before, or its weights, are to be written."""
        trace, before = pipetrace.read(self.trace), self.killed_in - 1
        measured = {(each.kind, each.epoch) for each in trace.measurements}
        return ("gradient", before) not in measured or before not in trace.weights_after

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Note which epoch it is; Keras counts from 0."""
        self.reached = epoch + 1


def example(name: str) -> SimpleNamespace:
    """What the example defines; it does not train."""
    if str(EXAMPLES) not in sys.path:
        sys.path.append(str(EXAMPLES))
    return SimpleNamespace(**runpy.run_path(str(EXAMPLES / f"{name}.py")))


def command(*arguments: object) -> None:
    """Run one command line of pipetrace in this process."""
    sys.argv = ["pipetrace", *map(str, arguments)]
    try:
        runpy.run_module("pipetrace", run_name="__main__")
    except SystemExit as ending:
        if ending.code:
            raise


def dense(name: str, *, hidden: int = 8) -> Any:
    """A small classifier of three classes, on columns that tell them apart."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((6,), name="columns"),
            layers.Dense(hidden, activation="relu", name="hidden"),
            layers.Dense(3, activation="softmax", name="classes"),
        ],
        name=name,
    )
    model.compile(
        optimizer=keras.optimizers.SGD(0.1),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def columns(count: int = 96) -> tuple[Any, Any]:
    """Six columns of noise, and the class is which of the first three is largest."""
    x = np.random.default_rng(0).normal(size=(count, 6)).astype("float32")
    return x, x[:, :3].argmax(axis=1)


def digits(path: Path) -> None:
    """The reference pipeline, small."""
    command("digits", "--rows", 200, "--epochs", 3, "--out", path, "--quiet")


def unet(path: Path) -> None:
    """Skips over many stages."""
    made = example("unet")
    x, y = made.rows(96)
    recorder = pipetrace.Recorder(path, x, y, **QUIET)
    made.build().fit(x, y, epochs=2, validation_split=0.25, callbacks=[recorder], verbose=0)


def attention(path: Path) -> None:
    """A stage that feeds another one three times, and additions."""
    made = example("attention")
    x, y = made.rows(128)
    recorder = pipetrace.Recorder(path, x, y, **QUIET)
    made.build().fit(x, y, epochs=3, validation_split=0.25, callbacks=[recorder], verbose=0)


def tf_data(path: Path) -> None:
    """Rows out of a tf.data pipeline, watched."""
    made = example("tf_data")
    model = made.build()
    pipetrace.watch(model, path, **QUIET)
    model.fit(made.dataset(128), epochs=3, shuffle=False, verbose=0)


def nan(path: Path) -> None:
    """One sound epoch, then a learning rate that no weight survives."""
    model = dense("nan")
    x, y = columns()
    pipetrace.watch(model, path, **QUIET)
    rate = keras.callbacks.LearningRateScheduler(lambda epoch: 1e30 if epoch else 0.1)
    model.fit(x, y, epochs=3, batch_size=16, shuffle=False, callbacks=[rate], verbose=0)


def raising(path: Path) -> None:
    """A layer in a subclassed model raises in the first step."""

    class Fails(keras.Model):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(name="fails")
            self.first = layers.Dense(4, activation="relu", name="first")
            self.broken = Raising(name="broken")

        def call(self, inputs: Any) -> Any:
            return self.broken(self.first(inputs))

    keras.utils.set_random_seed(0)
    model = Fails()
    model.compile(optimizer="sgd", loss="mse")
    x, _ = columns()
    pipetrace.watch(model, path, **QUIET)
    try:
        model.fit(x, x[:, :1], epochs=2, verbose=0)
    except ValueError:
        return
    raise AssertionError("the layer did not raise")


def saved(path: Path) -> None:
    """A model from a file, and rows from a file."""
    model, rows = path.with_name("saved.keras"), path.with_name("rows.npz")
    dense("saved").save(model)
    x, y = columns()
    np.savez(rows, x=x, y=y)
    command("trace", model, "--data", rows, "--out", path, "--quiet")


def killed(path: Path) -> None:
    """Killed in the third epoch."""
    model = dense("killed")
    x, y = columns()
    recorder = pipetrace.Recorder(path, x, y, **QUIET)
    model.fit(
        x,
        y,
        epochs=9,
        batch_size=16,
        shuffle=False,
        callbacks=[recorder, KilledIn(path, 3)],
        verbose=0,
    )


RUNS = (digits, unet, attention, tf_data, nan, raising, saved, killed)

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    for run in RUNS:
        keras.backend.clear_session()
        run(folder / f"{run.__name__}.trace")
