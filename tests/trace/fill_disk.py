"""Writes epochs into a trace on a disk that is soon full: ``python fill_disk.py FILE BYTES``.

No file of this process may grow beyond BYTES. It prints the number of each finished epoch, then the slug of the error.
"""

import resource
import signal
import sys
from pathlib import Path

import numpy as np

from pipetrace.errors import PipetraceError
from pipetrace.trace import TraceWriter
from pipetrace.trace.document import Data, Epoch, Run
from pipetrace.trace.training import Training


def fill(path: Path, limit: int) -> None:
    """Write until an error of ours comes."""
    data = Data("digits", "", None, "embedded", 10, "", (), (), 2, 7, 1, None)
    run = Run(
        "full",
        "",
        "",
        {},
        "tensorflow",
        "",
        "",
        data,
        Training(3, 32, "Adam", {}, "loss", (), 0, 4),
    )
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        writer = TraceWriter(path, run, ())
        for number in range(1, 1000):
            writer.add_epoch(
                Epoch(number, {"loss": 0.5}, 0.1), {f"tensor {number}": np.zeros(5000, np.float32)}
            )
            print(number, flush=True)
    except PipetraceError as error:
        print(error.slug, flush=True)


fill(Path(sys.argv[1]), int(sys.argv[2]))
