"""Normalisations: what is subtracted and divided by, where it comes from, and what is learned."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from pipetrace.explain.layers.parts import (
    Known,
    Operation,
    axes_named,
    by,
    demand,
    demand_no_parameters,
    demand_same_shape,
    length_at,
    none_held,
    numbers,
    real,
    summed,
    tally,
    whole,
)
from pipetrace.explain.text import counted, listed, number
from pipetrace.trace.document import Parameters, Stage

STAYS = "Every value keeps its place, so the shape stays."


def _learned(config: Any) -> tuple[str, list[str]]:
    """What is done after normalising, and with which learned numbers."""
    held = [
        word for word, key in (("scale", "scale"), ("shift", "center")) if config.get(key, True)
    ]
    does = {"scale": "multiplies by a learned scale", "shift": "adds a learned shift"}
    return (f"; then {' and '.join(does[word] for word in held)}" if held else ""), held


def _batch(stage: Stage) -> Operation:
    demand_same_shape(stage)
    config, shape = stage.config, stage.inputs[0].shape
    channels = length_at(shape, config["axis"])
    after, held = _learned(config)
    momentum = numbers(real(config["momentum"]))
    noun = "channel" if len(shape) > 2 else "value"
    frozen = config.get("trainable") is False
    averages = f"the running averages of both that it keeps (momentum {momentum})"
    if frozen:
        does = f"Subtracts from each {noun} a mean and divides by a standard deviation, in training too {averages}"
    else:
        does = (
            f"In training subtracts from each {noun} its mean over the batch and divides by its standard deviation; in "
            f"prediction it uses {averages}"
        )
    kept = ["running mean", "running variance"]
    if config.get("renorm"):
        kept += ["running standard deviation", "mean and standard deviation for renormalising"]
    each = len(held) + (5 if config.get("renorm") else 2)
    count = each if frozen else each - len(held)
    kept = [*(held if frozen else []), *kept]
    trained = f"{len(held)} trainable, {' and '.join(held)}, and " if held and not frozen else ""
    parts = f"for each of {counted(channels, noun)} {trained}{count} frozen, {listed(kept)}"
    return Operation(
        "BatchNormalization", f"{does}{after}.", STAYS, *tally(stage, [[each, channels]], parts)
    )


def _axes(given: Any) -> list[int]:
    axes = list(given) if isinstance(given, list | tuple) else [given]
    demand(all(isinstance(axis, int) and not isinstance(axis, bool) for axis in axes))
    return axes


def _together(stage: Stage, axes: list[int]) -> str:
    """Which values are taken together: all of a row, or those along an axis."""
    shape = stage.inputs[0].shape
    positions = {axis % len(shape) for axis in axes}
    if positions == set(range(1, len(shape))):
        return "each row"
    if positions == {len(shape) - 1}:
        return f"the {by([shape[-1]])} values at each place of each row"
    return f"the values along {axes_named(axes, shape)} of each row"


def _layer(stage: Stage) -> Operation:
    demand_same_shape(stage)
    config, axes = stage.config, _axes(stage.config["axis"])
    lengths = [length_at(stage.inputs[0].shape, axis) for axis in axes]
    if config.get("rms_scaling"):
        config = {**config, "center": False, "scale": True}
    after, held = _learned(config)
    what = "subtracts their mean and divides by their standard deviation"
    if config.get("rms_scaling"):
        what = "divides by their standard deviation"
    parts = f"one {' and one '.join(held)} for each of {counted(math.prod(lengths), 'value')}"
    return Operation(
        "LayerNormalization",
        f"Takes {_together(stage, axes)} by itself, {what}{after}. In training and in prediction alike.",
        STAYS,
        *_sum(stage, len(held), lengths, parts),
    )


def _sum(stage: Stage, held: int, lengths: list[int], parts: str) -> tuple[str | None, str | None]:
    if not held:
        return none_held(stage), None
    return tally(stage, [[held, *lengths] if held > 1 else lengths], parts)


def _group(stage: Stage) -> Operation:
    demand_same_shape(stage)
    config = stage.config
    channels, groups = length_at(stage.inputs[0].shape, config["axis"]), whole(config["groups"], -1)
    groups = channels if groups == -1 else whole(groups)
    demand(channels % groups == 0)
    after, held = _learned(config)
    each = f"{channels} / {groups} = {channels // groups}"
    return Operation(
        "GroupNormalization",
        f"In each row puts the channels into {counted(groups, 'group')} of {each}, subtracts each group's mean and "
        f"divides by its standard deviation{after}. In training and in prediction alike.",
        STAYS,
        *_sum(
            stage,
            len(held),
            [channels],
            f"one {' and one '.join(held)} for each of {counted(channels, 'channel')}",
        ),
    )


def _unit(stage: Stage) -> Operation:
    demand_same_shape(stage)
    demand_no_parameters(stage)
    return Operation(
        "UnitNormalization",
        f"Takes {_together(stage, _axes(stage.config['axis']))} by itself and divides by its length, so that the squares "
        "add up to 1.",
        STAYS,
    )


def _rms(stage: Stage) -> Operation:
    demand_same_shape(stage)
    axes = _axes(stage.config["axis"])
    lengths = [length_at(stage.inputs[0].shape, axis) for axis in axes]
    return Operation(
        "RMSNormalization",
        f"Takes {_together(stage, axes)} by itself, divides by the root of the mean of the squares and multiplies by a "
        "learned scale. No mean is subtracted. In training and in prediction alike.",
        STAYS,
        *tally(stage, [lengths], f"one scale for each of {counted(math.prod(lengths), 'value')}"),
    )


def spectral(operation: Callable[[Stage], Operation]) -> Callable[[Stage], Operation]:
    """The words of a layer whose kernel is divided by its largest singular value.

    Args:
        operation: puts the layer within into words.
    """

    def describe(stage: Stage) -> Operation:
        layer, times = stage.config["layer"], whole(stage.config["power_iterations"])
        vector = [weight.shape for weight in stage.weights if weight.name.endswith("vector_u")]
        extra = math.prod(vector[0]) if vector else 0
        inner = operation(
            replace(
                stage,
                layer=str(layer["class_name"]),
                config=layer["config"],
                parameters=Parameters(stage.parameters.total - extra),
            )
        )
        total, parts = number(stage.parameters.total), None
        if inner.parameters and inner.parts and extra:
            left = inner.parameters.rpartition(" = ")[0] or inner.parameters
            held = f"{inner.parts}, and {extra} frozen ones that follow the singular value"
            total, parts = summed(stage, f"{left} + {extra}", stage.parameters.total, held)
        return Operation(
            "SpectralNormalization",
            f"{inner.does} In training its kernel is first divided by its largest singular value, estimated in "
            f"{counted(times, 'step')}; in prediction it is used as it is.",
            inner.shape,
            total,
            parts,
        )

    return describe


LAYERS = {
    "BatchNormalization": Known(_batch, "momentum"),
    "LayerNormalization": Known(_layer, "axis"),
    "GroupNormalization": Known(_group, "groups"),
    "UnitNormalization": Known(_unit, "axis"),
    "RMSNormalization": Known(_rms, "axis"),
}
"""The normalisations that have words."""
