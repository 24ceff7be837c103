"""The window of a convolution at its strongest place, as it can be computed again."""

from typing import TypeAlias

import numpy as np

from pipetrace.explain.quiz.generator import activated, agrees, received, weight
from pipetrace.trace.document import Array, Stage, Trace

At: TypeAlias = tuple[int, ...]


def window_at(
    trace: Trace, stage: Stage, channel: int | None = None
) -> tuple[At, Array, Array, float] | None:
    """The strongest place of a convolution that can be computed, of all filters or of one: its
    window, weights and bias."""
    config, example, x = stage.config, stage.example, received(trace, stage)
    kernel, bias = weight(trace, stage, "kernel"), weight(trace, stage, "bias")
    axes = {"Conv1D": 1, "Conv2D": 2, "Conv3D": 3}.get(stage.layer or "")
    if axes is None or example is None or x is None or kernel is None:
        return None
    plain = config.get("data_format") == "channels_last" and config.get("groups", 1) == 1
    if (
        not plain
        or example.ndim != axes + 1
        or x.ndim != axes + 1
        or config.get("padding")
        not in (
            "valid",
            "same",
        )
    ):
        return None
    looked = (
        example
        if channel is None
        else np.where(np.arange(example.shape[-1]) == channel, example, -np.inf)
    )
    at = tuple(int(each) for each in np.unravel_index(int(looked.argmax()), example.shape))
    steps = np.broadcast_to(np.asarray(config.get("strides", 1)), axes)
    gaps = np.broadcast_to(np.asarray(config.get("dilation_rate", 1)), axes)
    covered = (np.asarray(kernel.shape[:axes]) - 1) * gaps + 1
    padding = [(0, 0)] * (axes + 1)
    if config["padding"] == "same":
        for axis in range(axes):
            needed = (example.shape[axis] - 1) * steps[axis] + covered[axis] - x.shape[axis]
            padding[axis] = (max(0, int(needed)) // 2, (max(0, int(needed)) + 1) // 2)
    padded = np.pad(x.astype(np.float64), padding)
    cut = tuple(
        slice(int(place * step), int(place * step + size), int(gap))
        for place, step, size, gap in zip(at, steps, covered, gaps, strict=False)
    )
    window, weights = padded[cut], kernel[..., at[-1]].astype(np.float64)
    if window.shape != weights.shape:
        return None
    added = float(bias[at[-1]]) if bias is not None else 0.0
    value = activated(stage, float((window * weights).sum()) + added)
    return (
        (at, window, weights, added) if value is not None and agrees(value, example, at) else None
    )
