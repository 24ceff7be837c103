"""The forward pass once more, in plain NumPy from the stored weights: a check of the recording that anyone can read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from pipetrace.explain.operations import kernel, strides
from pipetrace.trace.document import SOURCE, STEP, Array, Prediction, Stage, Trace

TOLERANCE = 1e-5
"""The largest difference between a recorded and a recomputed output that still counts as agreement."""


@dataclass(frozen=True)
class Recomputed:
    """What the second computation of a prediction gave.

    Attributes:
        stages: how many stages were computed again.
        difference: the largest absolute difference from the recorded outputs.
        unknown: the first stage whose layer cannot be recomputed here, or None.
    """

    stages: int
    difference: float
    unknown: str | None = None

    @property
    def agrees(self) -> bool:
        """Whether every recomputed output is within 0.00001 of the recorded one."""
        return self.stages > 0 and self.difference <= TOLERANCE


def recompute(trace: Trace, prediction: Prediction) -> Recomputed:
    """Compute a prediction's stages again, each from the recomputed output of the one before.

    Args:
        trace: with the weights after training.
        prediction: with its recorded outputs.

    Returns:
        how far the two are apart; a stage that cannot be recomputed ends the computation and is named.
    """
    values: dict[str, Array] = {}
    largest, done = 0.0, 0
    for stage in trace.stages:
        recorded = prediction.outputs[stage.name]
        if stage.kind == SOURCE:
            values[stage.name] = recorded
            continue
        source = stage.inputs[0].source
        compute = _step if stage.kind == STEP else LAYERS.get(stage.layer or "")
        if compute is None or source not in values or len(stage.inputs) != 1:
            return Recomputed(done, largest, stage.name)
        weights = {each.name: trace.weights[f"{stage.name}/{each.name}"] for each in stage.weights}
        result = compute(stage, values[source], weights)
        if result is None:
            return Recomputed(done, largest, stage.name)
        values[stage.name] = result
        apart = np.abs(result.astype(np.float64) - recorded)
        # A NaN on both sides agrees; on one side it is a difference without end.
        apart = np.where(np.isnan(result) & np.isnan(recorded), 0.0, np.nan_to_num(apart, nan=np.inf))
        largest, done = max(largest, float(apart.max(initial=0.0))), done + 1
    return Recomputed(done, largest)


def _step(stage: Stage, x: Array, weights: Mapping[str, Array]) -> Array | None:  # noqa: ARG001 one form for all
    if stage.config.get("operation") != "divide":
        return None
    return x.astype(np.float32) / np.float32(stage.config["by"])


def _conv2d(stage: Stage, x: Array, weights: Mapping[str, Array]) -> Array | None:
    config = stage.config
    plain = config.get("data_format") == "channels_last" and config.get("groups", 1) == 1
    if config.get("padding") != "valid" or not plain or tuple(config.get("dilation_rate", (1, 1))) != (1, 1):
        return None
    down, across = strides(stage)
    # (rows, columns, channels, kernel rows, kernel columns)
    patches = np.lib.stride_tricks.sliding_window_view(x, kernel(stage), axis=(0, 1))[::down, ::across]
    return _activate(stage, np.einsum("hwcij,ijcf->hwf", patches, weights["kernel"], optimize=True) + _bias(weights))


def _max_pooling2d(stage: Stage, x: Array, weights: Mapping[str, Array]) -> Array | None:  # noqa: ARG001
    if stage.config.get("padding") != "valid" or stage.config.get("data_format") != "channels_last":
        return None
    down, across = strides(stage)
    blocks = np.lib.stride_tricks.sliding_window_view(x, kernel(stage), axis=(0, 1))[::down, ::across]
    result: Array = blocks.max(axis=(-2, -1))
    return result


def _flatten(stage: Stage, x: Array, weights: Mapping[str, Array]) -> Array | None:  # noqa: ARG001
    return x.reshape(-1)


def _dense(stage: Stage, x: Array, weights: Mapping[str, Array]) -> Array | None:
    return _activate(stage, x @ weights["kernel"] + _bias(weights))


LAYERS: dict[str, Callable[[Stage, Array, Mapping[str, Array]], Array | None]] = {
    "Conv2D": _conv2d,
    "MaxPooling2D": _max_pooling2d,
    "Flatten": _flatten,
    "Dense": _dense,
}


def _bias(weights: Mapping[str, Array]) -> Array:
    return weights.get("bias", np.zeros(1, np.float32))


def _activate(stage: Stage, x: Array) -> Array | None:
    name = stage.config.get("activation") or "linear"
    if name == "linear":
        return x
    if name == "relu":
        return np.maximum(x, 0)
    if name == "softmax":
        powers = np.exp(x - x.max(axis=-1, keepdims=True))
        result: Array = powers / powers.sum(axis=-1, keepdims=True)
        return result
    return None
