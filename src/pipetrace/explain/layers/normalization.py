"""Normalisations: what is subtracted and divided by, where it comes from, and what is learned."""

import math
from collections.abc import Callable
from typing import Any

from pipetrace.explain.formatting import listed
from pipetrace.explain.layers.parts import (
    BOTH_TIMES,
    SAME_VALUES,
    Fields,
    Known,
    Operation,
    axes_named,
    by,
    demand,
    length_at,
    sum_of,
    whole,
    within,
)
from pipetrace.trace.document import Stage

LEARNED = """
[scale and shift] Then multiplies by a learned scale and adds a learned shift.
[scale] Then multiplies by a learned scale.
[shift] Then adds a learned shift.
"""
BATCH = (
    """
[not stands still] During training, subtracts from each {noun} its mean over the batch and divides
    by its standard deviation. At prediction time, running averages of both take their place
    (momentum {momentum:number}).
[stands still] Subtracts from each {noun} a running mean and divides by a running standard
    deviation, in training too: the layer is frozen (momentum {momentum:number}).
"""
    + LEARNED
)
LAYER = (
    """
[not rms] Normalises {together}: subtracts their mean and divides by their standard deviation.
[rms] Scales {together}: divides by their standard deviation.
"""
    + LEARNED
    + BOTH_TIMES
)
GROUP = (
    """
Splits the channels of each row into {count:# group} of {each}. From each group, subtracts the mean
    and divides by the standard deviation.
"""
    + LEARNED
    + BOTH_TIMES
)
RMS = (
    """
Scales {together}: divides by the root of their mean square and multiplies by a learned scale. The
    mean is not subtracted.
"""
    + BOTH_TIMES
)
SPECTRAL = """
{does}
During training, its kernel is first divided by its largest singular value, estimated in
    {power_iterations:# step}. At prediction time the kernel is used as it is.
"""


def _learned(config: Fields) -> tuple[list[str], dict[str, Any]]:
    """The learned numbers of a normalisation, and the fields of ``LEARNED``."""
    held = [
        name for name, key in (("scale", "scale"), ("shift", "center")) if config.get(key, True)
    ]
    # The configuration has an entry "scale" of its own.
    return held, {"scale": False, " and ".join(held): True, "held": " and one ".join(held)}


def _batch(stage: Stage) -> Fields:
    config, shape = stage.config, stage.inputs[0].shape
    channels, (held, fields) = length_at(shape, config["axis"]), _learned(config)
    renormed, frozen = bool(config.get("renorm")), config.get("trainable") is False
    kept = ["running mean", "running variance"]
    if renormed:
        kept += ["running standard deviation", "mean and standard deviation for renormalising"]
    each = len(held) + (5 if renormed else 2)
    return {
        **fields,
        "noun": "channel" if len(shape) > 2 else "value",
        "stands still": frozen,
        "channels": channels,
        "trained": ""
        if frozen or not held
        else f"{len(held)} trainable ({' and '.join(held)}) and ",
        "kept": f"{each - len(held) * (not frozen)} frozen ({listed([*held * frozen, *kept])})",
        "weights": sum_of([each, channels]),
    }


def _axes(given: Any) -> list[int]:
    axes = list(given) if isinstance(given, list | tuple) else [given]
    demand(all(isinstance(axis, int) and not isinstance(axis, bool) for axis in axes))
    return axes


def _together(stage: Stage, axes: list[int]) -> str:
    """Which values are normalised together: all of a row, or those along an axis."""
    shape = stage.inputs[0].shape
    at = {axis % len(shape) for axis in axes}
    if at == set(range(1, len(shape))):
        return "each row by itself"
    if at == {len(shape) - 1}:
        return f"the {by([shape[-1]])} values at each position by themselves"
    return f"the values along {axes_named(axes, shape)} by themselves"


def _along_axes(stage: Stage) -> Fields:
    axes = _axes(stage.config["axis"])
    return {"together": _together(stage, axes)}


def _layer(stage: Stage) -> Fields:
    config, axes = stage.config, _axes(stage.config["axis"])
    lengths = [length_at(stage.inputs[0].shape, axis) for axis in axes]
    rms = bool(config.get("rms_scaling"))
    held, fields = _learned({"center": False} if rms else config)
    terms = [len(held), *lengths] if len(held) > 1 else lengths
    weights = {"weights": sum_of(terms)} if held else {}
    return {
        **fields,
        **weights,
        "rms": rms,
        "together": _together(stage, axes),
        "length": math.prod(lengths),
    }


def _group(stage: Stage) -> Fields:
    config = stage.config
    channels, groups = length_at(stage.inputs[0].shape, config["axis"]), whole(config["groups"], -1)
    groups = channels if groups == -1 else whole(groups)
    demand(channels % groups == 0)
    held, fields = _learned(config)
    weights = {"weights": sum_of([2, channels] if len(held) > 1 else [channels])} if held else {}
    each = f"{channels} / {groups} = {channels // groups}"
    return {**fields, **weights, "count": groups, "each": each, "channels": channels}


def _rms(stage: Stage) -> Fields:
    axes = _axes(stage.config["axis"])
    lengths = [length_at(stage.inputs[0].shape, axis) for axis in axes]
    return {
        "together": _together(stage, axes),
        "length": math.prod(lengths),
        "weights": sum_of(lengths),
    }


def spectral(operation: Callable[[Stage], Operation]) -> Known:
    """A layer whose kernel is divided by its largest singular value; ``operation`` words it."""

    def fields(stage: Stage) -> Fields:
        vector = [weight.shape for weight in stage.weights if weight.name.endswith("vector_u")]
        extra = math.prod(vector[0]) if vector else 0
        return {**within(stage, operation, extra), "extra": extra}

    return Known(
        SPECTRAL,
        "{shape}",
        "{parts}, and {extra} frozen ones that estimate the singular value",
        fields,
    )


LAYERS = {
    "BatchNormalization": Known(
        BATCH,
        parts="for each of {channels:# {noun}}: {trained}{kept}",
        fields=_batch,
        steady=SAME_VALUES,
    ),
    "LayerNormalization": Known(
        LAYER,
        parts="one {held} for each of {length:# value}",
        fields=_layer,
        steady=SAME_VALUES,
    ),
    "GroupNormalization": Known(
        GROUP,
        parts="one {held} for each of {channels:# channel}",
        fields=_group,
        steady=SAME_VALUES,
    ),
    "UnitNormalization": Known(
        "Scales {together} to length 1 (L2 norm): their squares add up to 1.",
        fields=_along_axes,
        steady=SAME_VALUES,
    ),
    "RMSNormalization": Known(
        RMS, parts="one scale for each of {length:# value}", fields=_rms, steady=SAME_VALUES
    ),
}
"""The normalisations."""
