"""Writers to be killed: ``python write_forever.py``, then the name of a trace on each line of its standard input.

For each name a child is forked, which writes epochs into that trace until it is killed. Written to standard output are
the child's process number, ``epoch N`` for each epoch that it has finished, and ``gone`` when it is dead and waited for.
Forking saves the start of an interpreter for each kill. After ``wait`` instead of a name, a killed child is waited for
only when the next line comes.
"""

import os
import sys
from pathlib import Path

import numpy as np

from pipetrace.stats import summarise
from pipetrace.trace import TraceWriter
from pipetrace.trace.document import Data, Epoch, Run
from pipetrace.trace.training import Training

DATA = Data("digits", "", None, "embedded", 10, "", (), (), 2, 7, 1, None)
RUN = Run(
    "killed", "", "", {}, "tensorflow", "", "", DATA, Training(3, 32, "Adam", {}, "loss", (), 0, 4)
)
SUMMARY = summarise(np.random.default_rng(0).normal(size=(50, 8)).astype(np.float32))


def write(path: Path) -> None:
    """Write epochs and say so, without end."""
    writer = TraceWriter(path, RUN, ())
    number = 0
    while True:
        number += 1
        epoch = Epoch(
            number, {"loss": 1 / number, "accuracy": 0.5}, 0.1, probe={"a": SUMMARY, "b": SUMMARY}
        )
        writer.add_epoch(epoch, {"a": np.full(500, number, np.float32)})
        os.write(1, f"epoch {number}\n".encode())


def serve() -> None:
    """Fork a writer for each name."""
    late = False
    for line in sys.stdin:
        if line.strip() == "wait":
            late = True
            continue
        child = os.fork()
        if not child:
            write(Path(line.rstrip("\n")))
        os.write(1, f"{child}\n".encode())
        if late:
            sys.stdin.readline()
        os.waitpid(child, 0)
        os.write(1, b"gone\n")


serve()
