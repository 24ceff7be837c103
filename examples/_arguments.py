"""The command line that the examples share."""

import argparse
import inspect
from pathlib import Path


def arguments(epochs: int, rows: int = 256) -> argparse.Namespace:
    """Read the options of the calling example: ``epochs``, ``rows`` and ``trace``.

    Args:
        epochs, rows: the defaults.
    """
    caller = inspect.stack()[1].frame.f_globals
    parser = argparse.ArgumentParser(description=caller["__doc__"])
    parser.add_argument("--epochs", type=int, default=epochs, help=f"how long to train ({epochs})")
    parser.add_argument("--rows", type=int, default=rows, help=f"how many rows to make ({rows})")
    trace = Path(caller["__file__"]).stem + ".trace"
    parser.add_argument(
        "--trace", default=trace, metavar="NAME.trace", help=f"where the trace goes ({trace})"
    )
    return parser.parse_args()
