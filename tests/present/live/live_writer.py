"""A trace that is written as a test wants it: ``python live_writer.py PATH``, then a command on each line of standard input.

``epoch`` writes the next epoch, ``finish`` the ending; each is answered with a line when it is in the file. The process
then waits for the next one, so that the trace is that of a run that still runs, until it is killed.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from pipetrace.stats import summarise
from pipetrace.trace import TraceWriter
from pipetrace.trace.document import FINISHED, Data, Ending, Epoch, Run
from pipetrace.trace.training import Training

PLANNED = 4
DATA = Data("digits", "", None, "embedded", 10, "", (), (), 2, 7, 1, None)
TRAINING = Training(PLANNED, 32, "Adam", {}, "loss", (), 0, 4)
RUN = Run("followed", "2026-01-01T00:00:00+00:00", "", {}, "tensorflow", "", "", DATA, TRAINING)


class LiveWriter:
    """The process that writes a trace."""

    def __init__(self, path: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, __file__, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )

    def do(self, command: str) -> None:
        """Have it write, and wait until it is written."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(command, file=self.process.stdin)
        assert self.process.stdout.readline() == f"{command}\n"

    def kill(self) -> None:
        """As the kernel does where memory is short."""
        self.process.kill()
        self.process.communicate()


@contextmanager
def writing(path: Path) -> Iterator[LiveWriter]:
    """A writer of a trace, which begins with its first command; it ends with the block."""
    made = LiveWriter(path)
    try:
        yield made
    finally:
        made.kill()


def write(path: Path) -> None:
    """Obey standard input."""
    writer, number = None, 0
    for line in sys.stdin:
        if writer is None:
            writer = TraceWriter(path, RUN, (), force=True)
        if line == "epoch\n":
            number += 1
            summary = summarise(np.full((5, 2), number, np.float32))
            writer.add_epoch(Epoch(number, {"loss": 1 / number}, 0.1, probe={"a": summary}), {})
        else:
            writer.end(Ending(FINISHED, epoch=number), {})
        sys.stdout.write(line)
        sys.stdout.flush()


if __name__ == "__main__":
    write(Path(sys.argv[1]))
