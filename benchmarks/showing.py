"""The whole process `pipetrace show` of a long trace, beside what such a process cannot do without.

    python -m benchmarks.showing [ROUNDS]

The processes take turns, 10 times where no number is given, and `import keras` twice. The first round is not counted. It
also writes the byte code, which an installed package has from the beginning and a checkout may lack.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

SHOW, IMPORTS, PYTHON, KERAS = (
    "pipetrace show",
    "import sqlite3, numpy, rich, click",
    "python",
    "import keras",
)


def long_trace(path: Path) -> tuple[int, int]:
    """Record a training of 30 stages over 200 epochs on small images, everything after every epoch.

    Returns:
        how many stages and epochs the trace has.
    """
    import keras
    import numpy as np

    import pipetrace

    layers = keras.layers
    stack = [keras.Input((6, 6, 3))]
    for _ in range(8):
        stack += [layers.Conv2D(16, 3, padding="same"), layers.BatchNormalization(), layers.ReLU()]
    stack += [
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dropout(0.1),
        layers.Dense(32, "relu"),
        layers.Dense(10, "softmax"),
    ]
    keras.utils.set_random_seed(0)
    model = keras.Sequential(stack)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    x = np.random.default_rng(0).normal(size=(64, 6, 6, 3)).astype(np.float32)
    y = np.arange(64) % 10
    recorder = pipetrace.Recorder(path, budget=None, verbose=False)
    model.fit(x, y, epochs=200, verbose=0, validation_split=0.25, callbacks=[recorder])
    trace = pipetrace.read(path)
    return len(trace.stages), len(trace.epochs)


def times(rounds: int) -> dict[str, Any]:
    """Seconds of each process, and the size of the trace."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "long.trace"
        stages, epochs = long_trace(path)
        commands = {
            SHOW: [sys.executable, "-m", "pipetrace", "show", str(path)],
            IMPORTS: [sys.executable, "-c", "import sqlite3, numpy, rich.console, click"],
            PYTHON: [sys.executable, "-c", "pass"],
            KERAS: [sys.executable, "-c", "import keras"],
        }
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(Path(folder) / "byte_code")}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        found: dict[str, list[float]] = {name: [] for name in commands}
        for number in range(rounds + 1):
            for name, command in commands.items():
                if name == KERAS and number not in (0, 1, rounds):
                    continue
                began = time.perf_counter()
                subprocess.run(command, check=True, capture_output=True, env=environment)
                if number:
                    found[name].append(time.perf_counter() - began)
        return {"ways": found, "stages": stages, "epochs": epochs, "bytes": path.stat().st_size}


def main() -> None:
    """Print the median and the range of each process."""
    measured = times(int(sys.argv[1]) if sys.argv[1:] else 10)
    print("{stages} stages, {epochs} epochs, {bytes:,} bytes".format(**measured))
    for name, seconds in measured["ways"].items():
        median, least, most = statistics.median(seconds), min(seconds), max(seconds)
        print(f"{name:40} {median:.3f} s, {least:.3f} to {most:.3f}")


if __name__ == "__main__":
    main()
