"""The names that JAX and PyTorch do not promise: the store through which processes find each other.

Keys and texts are enough to compare weights. A collective operation would have to be made by every
process, and would wait for one that has ended.
"""

import sys
from datetime import timedelta
from typing import Any

from pipetrace.capture.backend import name


def put(key: str, text: str) -> None:
    """Leave a text for the other processes; nothing is done without support."""
    store = _store()
    if store is not None:
        (store.set if name() == "torch" else store.key_value_set)(key, text)


def taken(key: str, seconds: float) -> str | None:
    """The text that another process has left, or leaves within so many seconds; else None."""
    store = _store()
    try:
        if name() == "torch":
            store.wait([key], timedelta(seconds=seconds))
            return str(store.get(key).decode())
        return str(store.blocking_key_value_get(key, round(1000 * seconds)))
    except Exception:  # the time is over, the other process has ended, or there is no support
        return None


def _store() -> Any:
    try:
        if name() == "torch":
            return sys.modules["torch.distributed.distributed_c10d"]._get_default_store()
        return sys.modules["jax._src.distributed"].global_state.client
    except Exception:
        return None
