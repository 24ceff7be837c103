"""What the machine can do: bytes from memory and operations a second, which bound what any way can reach."""

from __future__ import annotations

import os
import platform
import time
from pathlib import Path

import numpy as np

REPEATS = 7


def bandwidth() -> float:
    """Bytes a second that one pass over a large array reads, by all cores at once: the best of some sums of 256 MB."""
    import tensorflow as tf

    values = tf.random.uniform((64 * 1024 * 1024,))
    run = tf.function(tf.reduce_max)
    run(values)
    return (
        float(values.shape[0])
        * 4
        / min(_seconds(lambda: run(values).numpy()) for _ in range(REPEATS))
    )


def peak() -> float:
    """Floating-point operations a second in the product of two matrices of float32, the best of some."""
    import tensorflow as tf

    side = 2048
    values = tf.random.uniform((side, side))
    run = tf.function(tf.matmul)
    run(values, values)
    return (
        2.0 * side**3 / min(_seconds(lambda: run(values, values).numpy()) for _ in range(REPEATS))
    )


def copying() -> float:
    """Bytes a second that one core copies, read and written counted once."""
    values = np.ones(16 * 1024 * 1024, np.float32)
    other = np.empty_like(values)
    return values.nbytes / min(_seconds(lambda: np.copyto(other, values)) for _ in range(REPEATS))


def facts() -> dict[str, object]:
    """The machine in words and figures."""
    import keras
    import tensorflow as tf

    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "versions": f"TensorFlow {tf.__version__}, Keras {keras.__version__}, NumPy {np.__version__}",
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "bandwidth": bandwidth(),
        "copying": copying(),
        "peak": peak(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")),
        "unknown",
    )


def _seconds(work: object) -> float:
    began = time.perf_counter()
    work()  # type: ignore[operator] # any function without arguments
    return time.perf_counter() - began
