"""The forward pass computed again in plain NumPy from the stored weights, as a check of the
recording."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np

from pipetrace.explain.facts import first_call
from pipetrace.explain.layers import kernel, strides
from pipetrace.trace.document import LAYER, SOURCE, STEP, Array, Prediction, Stage, Trace
from pipetrace.trace.records import Record

TOLERANCE = 1e-5
"""The largest difference between a recorded and a recomputed output that still counts as
agreement."""

SUMMABLE = 1e30
"""Values below this can be weighted and summed in float32 without overflow, in any order."""
HALF = ("float16", "bfloat16")
AXES = {"Conv1D": 1, "Conv2D": 2, "Conv3D": 3}
At: TypeAlias = tuple[int, ...]
Window: TypeAlias = tuple[Array, Array, float]
"""The values that a filter sees, its weights, and its bias, 0 where it has none."""


class Recomputed(Record):
    """What computing a prediction again gave."""

    stages: int  # how many stages were computed again
    # the largest difference from the recorded outputs. Where values exceed 1, it is relative to the
    # stage's largest value, as float32 is. Infinite where only one side is NaN or Inf.
    difference: float
    # the first stage that cannot be computed here, or None. Either its layer is unknown, or its
    # input is so large or broken that the result depends on the order of the sum.
    unknown: str | None = None

    @property
    def agrees(self) -> bool:
        """Whether every recomputed output is within 0.00001 of the recorded one."""
        return self.stages > 0 and self.difference <= TOLERANCE


def recompute(trace: Trace, prediction: Prediction) -> Recomputed:
    """Compute a prediction's stages again, each from the one before, up to one that cannot be
    computed.
    """
    values: dict[str, Array] = {}
    largest, done = 0.0, 0
    for stage in trace.stages:
        recorded = prediction.outputs.get(stage.name)
        source = stage.inputs[0].source if len(stage.inputs) == 1 else None
        # What a dataset gave is known from where it was recorded on.
        of_dataset = "dataset" in stage.config and stage.kind in (SOURCE, STEP)
        if of_dataset or (stage.kind == SOURCE and recorded is not None):
            values |= {} if recorded is None else {stage.name: recorded}
            continue
        if recorded is None or recorded.dtype.kind not in "fiub" or len(stage.outputs) != 1:
            return Recomputed(done, largest, stage.name)
        x, weights = values.get(source or ""), _weights(trace, stage)
        result = None if x is None or weights is None else _computed(stage, x, weights)
        if result is None:
            return Recomputed(done, largest, stage.name)
        values[stage.name] = result
        largest, done = max(largest, _difference(result, recorded)), done + 1
    return Recomputed(done, largest)


def _weights(trace: Trace, stage: Stage) -> Mapping[str, Array] | None:
    """A stage's stored weights by their names, or None where one is missing."""
    owner = first_call(trace, stage)
    names = [each.name for each in stage.weights]
    if any(f"{owner}/{name}" not in trace.weights for name in names):
        return None
    return {name: trace.weights[f"{owner}/{name}"] for name in names}


def _computed(stage: Stage, x: Array, weights: Mapping[str, Array]) -> Array | None:
    if stage.outputs[0].dtype in HALF:  # computed with fewer digits than here
        return None
    compute = {LAYER: LAYERS.get(stage.layer or ""), STEP: _step}.get(stage.kind)
    if (
        compute is None
        or x.dtype.kind not in "fiub"
        or (stage.weights and not (np.abs(x) < SUMMABLE).all())
    ):
        return None
    # NaN and Inf of the run appear here as well, and are no reason to warn.
    with np.errstate(all="ignore"):
        try:
            return compute(stage, x, weights)
        except (KeyError, ValueError, TypeError):  # a custom layer with the name of a known one
            return None


def _difference(result: Array, recorded: Array) -> float:
    """How far two outputs are apart: see ``Recomputed.difference``."""
    if result.shape != recorded.shape:
        return np.inf
    ours, theirs = result.astype(np.float64), recorded.astype(np.float64)
    same = (ours == theirs) | (np.isnan(ours) & np.isnan(theirs))
    both = np.isfinite(ours) & np.isfinite(theirs)
    if not (same | both).all():
        return np.inf
    apart = np.abs(ours[both] - theirs[both]).max(initial=0.0)
    return float(apart / np.abs(theirs[both]).max(initial=1.0))


def _step(stage: Stage, x: Array, weights: Mapping[str, Array]) -> Array | None:  # noqa: ARG001
    if stage.config.get("operation") != "divide":
        return None
    return x.astype(np.float32) / np.float32(stage.config["by"])


def _conv2d(stage: Stage, x: Array, weights: Mapping[str, Array]) -> Array | None:
    config = stage.config
    plain = config.get("data_format") == "channels_last" and config.get("groups", 1) == 1
    if (
        config.get("padding") != "valid"
        or not plain
        or tuple(config.get("dilation_rate", (1, 1))) != (1, 1)
    ):
        return None
    sums = np.einsum("hwcij,ijcf->hwf", _windows(stage, x), weights["kernel"], optimize=True)
    return _activate(stage, sums + _bias(weights))


def _max_pooling2d(stage: Stage, x: Array, weights: Mapping[str, Array]) -> Array | None:  # noqa: ARG001
    if stage.config.get("padding") != "valid" or stage.config.get("data_format") != "channels_last":
        return None
    # TensorFlow's pooling passes over NaN, and gives the lowest float where there is no number.
    lowest = np.finfo(np.float32).min
    result: Array = np.fmax.reduce(_windows(stage, x), axis=(-2, -1), initial=lowest)
    return result


def _windows(stage: Stage, x: Array) -> Array:
    """What is covered at each position: (rows, columns, channels, kernel rows, kernel columns)."""
    down, across = strides(stage)
    windows = np.lib.stride_tricks.sliding_window_view(x, kernel(stage), axis=(0, 1))
    return windows[::down, ::across]


def _flatten(stage: Stage, x: Array, weights: Mapping[str, Array]) -> Array | None:  # noqa: ARG001
    if stage.config.get("data_format") == "channels_first" and x.ndim > 2:
        return None
    return x.reshape(-1)


def _dense(stage: Stage, x: Array, weights: Mapping[str, Array]) -> Array | None:
    return _activate(stage, x @ weights["kernel"] + _bias(weights))


LAYERS: dict[str, Callable[[Stage, Array, Mapping[str, Array]], Array | None]] = {
    "Conv2D": _conv2d,
    "MaxPooling2D": _max_pooling2d,
    "Flatten": _flatten,
    "Dense": _dense,
    "Dropout": lambda _stage, x, _weights: x,  # once trained
    "Activation": lambda stage, x, _weights: _activate(stage, x),
}


def _bias(weights: Mapping[str, Array]) -> Array:
    return weights.get("bias", np.zeros(1, np.float32))


def _activate(stage: Stage, x: Array) -> Array | None:
    name = stage.config.get("activation") or "linear"
    if name == "linear":
        return x
    if name == "relu":
        return np.maximum(x, 0)
    if name == "tanh":
        return np.tanh(x)
    if name == "sigmoid":
        return np.asarray(1 / (1 + np.exp(-x)), x.dtype)
    if name == "softmax":
        powers = np.exp(x - x.max(axis=-1, keepdims=True))
        result: Array = powers / powers.sum(axis=-1, keepdims=True)
        return result
    return None


def weight(trace: Trace, stage: Stage, name: str) -> Array | None:
    """A weight of a stage after training; None where it is not recorded or not finite."""
    found = trace.weights.get(f"{first_call(trace, stage)}/{name}")
    if found is None or found.dtype.kind != "f" or not np.isfinite(found).all():
        return None
    return found


def received(trace: Trace, stage: Stage) -> Array | None:
    """What a stage received for the example row, all of it finite; None where not recorded."""
    spec = stage.inputs[0] if stage.inputs else None
    source = trace.stages.by_name.get(spec.source or "") if spec and not spec.output else None
    found = source.example if source is not None else None
    if found is None or found.dtype.kind not in "fiub" or not np.isfinite(found).all():
        return None
    return found


def seen_at(trace: Trace, stage: Stage, at: At) -> Window | None:
    """What the filter of a position of a convolution's output sees; None where that is unknown."""
    config, x, kernel = stage.config, received(trace, stage), weight(trace, stage, "kernel")
    axes, bias = AXES.get(stage.layer or ""), weight(trace, stage, "bias")
    plain = config.get("data_format") == "channels_last" and config.get("groups", 1) == 1
    known = plain and config.get("padding") in ("valid", "same")
    if axes is None or x is None or kernel is None or not known:
        return None
    if x.ndim != axes + 1 or len(at) != axes + 1:
        return None
    steps = np.broadcast_to(np.asarray(config.get("strides", 1)), axes)
    gaps = np.broadcast_to(np.asarray(config.get("dilation_rate", 1)), axes)
    covered = (np.asarray(kernel.shape[:axes]) - 1) * gaps + 1
    if config["padding"] == "same":
        counts = -(-np.asarray(x.shape[:axes]) // steps)
        needed = np.maximum(0, (counts - 1) * steps + covered - x.shape[:axes])
        x = np.pad(x, [*((int(each) // 2, int(each + 1) // 2) for each in needed), (0, 0)])
    cut = tuple(
        slice(int(place * step), int(place * step + size), int(gap))
        for place, step, size, gap in zip(at, steps, covered, gaps, strict=False)
    )
    seen, weights = x[cut].astype(np.float64), kernel[..., at[-1]].astype(np.float64)
    if seen.shape != weights.shape:
        return None
    return seen, weights, float(bias[at[-1]]) if bias is not None else 0.0
