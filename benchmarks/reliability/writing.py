"""Processes that write a trace and say how far they are; forked, so that a kill costs little."""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from pipetrace.stats import summarise
from pipetrace.trace import TraceWriter
from pipetrace.trace.document import (
    FINISHED,
    Data,
    Ending,
    Epoch,
    Prediction,
    Run,
    Spec,
    Stage,
)
from pipetrace.trace.training import Training

DATA = Data("rows", "", None, "embedded", 10, "", (), (), 2, 7, 1, None)
RUN = Run("tried", "", "", {}, "", "", "", DATA, Training(3, 32, "Adam", {}, "loss", (), 0, 4))
STAGES = tuple(
    Stage(name, "layer", "Dense", name, {}, (), (Spec((None, 200), "float32"),))
    for name in ("one", "two")
)
EPOCHS = 8

Say = Callable[[str], None]


def values(number: int) -> np.ndarray:
    """Numbers that tell which epoch they are of."""
    return np.full((30, 200), number, np.float32)


def epoch(number: int) -> Epoch:
    """An epoch of about the size of the digits'."""
    found = {stage.name: summarise(values(number) + np.arange(200)) for stage in STAGES}
    return Epoch(number, {"loss": 1 / number}, 0.1, 0.001, 7, probe=found, weights=found)


def synthetic(path: Path, say: Say, *, pause: float = 0.005, epochs: int = EPOCHS) -> None:
    """Write a whole trace without a framework."""
    writer = TraceWriter(path, RUN, (), force=True)
    say("made")
    writer.describe(replace(RUN, title="described"), STAGES)
    for number in range(1, epochs + 1):
        time.sleep(pause)
        writer.add_epoch(epoch(number), {})
        say(f"epoch {number}")
    writer.add_data_flow(30, epoch(1).probe, {})
    writer.add_prediction(Prediction(0, 1, {}))
    writer.add_weights({"one/kernel": values(epochs)})
    say("ending")
    writer.end(Ending(FINISHED, epoch=epochs), {})
    say("ended")


def training(path: Path, say: Say) -> None:
    """Train a small model with a recorder."""
    import keras

    import pipetrace

    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(16), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    x = np.random.default_rng(0).normal(size=(256, 8)).astype(np.float32)
    told = keras.callbacks.LambdaCallback(
        on_train_begin=lambda _: say("began"),
        on_epoch_end=lambda number, _: say(f"epoch {number + 1}"),
        on_train_end=lambda _: say("ending"),
    )
    recorder = pipetrace.Recorder(path, verbose=False)
    model.fit(x, x[:, :1], epochs=EPOCHS, verbose=0, callbacks=[told, recorder])
    say("ended")


class Forked:
    """A child that writes, until it ends or is killed.

    Attributes:
        child: its process number.
    """

    def __init__(self, write: Callable[[Path, Say], None], path: Path) -> None:
        self._hears, tells = os.pipe()
        self._heard = b""
        self.child = os.fork()
        if not self.child:
            code = 1
            try:
                write(path, lambda line: _tell(tells, line))
                code = 0
            finally:
                os._exit(code)
        os.close(tells)
        os.set_blocking(self._hears, False)

    @property
    def said(self) -> list[str]:
        """The lines that it has written so far."""
        with suppress(BlockingIOError):
            while more := os.read(self._hears, 4096):
                self._heard += more
        return self._heard.decode().splitlines()

    def wait(self) -> int:
        """Until it is gone; the status that it ended with."""
        status = os.waitpid(self.child, 0)[1]
        self._heard = "\n".join(self.said).encode()
        os.close(self._hears)
        return status

    def last_words(self) -> list[str]:
        """What it had written when it was gone."""
        return self._heard.decode().splitlines()


def _tell(where: int, line: str) -> None:
    os.write(where, f"{line}\n".encode())
