"""The command line that the examples share: how long to train, on how many rows, and where the trace goes."""

import argparse
import inspect
from pathlib import Path


def arguments(epochs: int, rows: int = 256) -> argparse.Namespace:
    """What the command line of the calling example says: ``epochs``, ``rows`` and ``trace``.

    Args:
        epochs, rows: what holds where the command line does not say.
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
