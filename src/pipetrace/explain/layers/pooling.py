"""Poolings: one value for each block, for each of so many blocks, or for all places at once."""

import math
from collections.abc import Sequence
from functools import partial

from pipetrace.explain.layers.parts import (
    Known,
    Operation,
    agree,
    arranged,
    by,
    channels_of,
    demand,
    demand_no_parameters,
    directions,
    places_of,
    same,
    tuple_of,
)
from pipetrace.explain.layers.windows import fitted, padding
from pipetrace.explain.text import counted, listed, number
from pipetrace.trace.document import Stage

LARGEST, MEAN = "Keeps the largest value", "Takes the mean"


def _pooling(dims: int, verb: str, stage: Stage) -> Operation:
    demand_no_parameters(stage)
    window = tuple_of(stage.config["pool_size"], dims)
    step = tuple_of(stage.config.get("strides") or list(window), dims)
    channels = channels_of(stage, stage.outputs[0].shape)
    demand(channels == channels_of(stage, stage.inputs[0].shape))
    shape, blocks = f"channels stay {channels}", fitted(stage, window, step, "block")
    if blocks is not None:
        shape = f"{blocks}{_left(stage, window, step)}; {shape}"
    apart = "" if window == step else f", blocks {same(step)} apart"
    block = (
        f"each block of {counted(window[0], 'step')}" if dims == 1 else f"each {by(window)} block"
    )
    return Operation(
        stage.layer or "",
        f"{verb} of {block}{apart}, in every channel by itself.",
        f"{shape[0].upper()}{shape[1:]}.",
    )


def _left(stage: Stage, window: Sequence[int], step: Sequence[int]) -> str:
    """What no block reaches: rows and columns, or steps, or planes."""
    if padding(stage) == "same":
        return ""
    taken, given = places_of(stage, stage.inputs[0].shape), places_of(stage, stage.outputs[0].shape)
    nouns = (["step"], ["row", "column"], ["plane", "row", "column"])[len(window) - 1]
    words = []
    for length, count, size, hop, noun in zip(taken, given, window, step, nouns, strict=True):
        left = (length or 0) - ((count or 1) * hop - hop + size)
        if left:
            words.append(counted(left, noun))
    return f", {listed(words)} at the end left out" if words else ""


def _global(dims: int, verb: str, stage: Stage) -> Operation:
    demand_no_parameters(stage)
    taken, channels = (
        places_of(stage, stage.inputs[0].shape),
        channels_of(stage, stage.inputs[0].shape),
    )
    demand(len(taken) == dims)
    keeps = stage.config.get("keepdims") is True
    expected = arranged(stage, [1] * dims, channels) if keeps else (None, channels)
    demand(agree(expected, stage.outputs[0].shape))
    noun = "step" if dims == 1 else "place"
    # A mask is heeded by this one pooling alone.
    masked = " that no mask hides" if stage.layer == "GlobalAveragePooling1D" else ""
    if None in taken:
        return Operation(
            stage.layer or "",
            f"{verb} of every channel over all {noun}s{masked}.",
            _for_each(channels),
        )
    places = math.prod(length or 0 for length in taken)
    count = f"{by(taken)} = {number(places)}" if dims > 1 else str(places)
    left = f"{count} {noun if places == 1 else noun + 's'} become one; {_for_each(channels)}"
    return Operation(
        stage.layer or "", f"{verb} of every channel over all its {noun}s{masked}.", left
    )


def _for_each(channels: int | None) -> str:
    return (
        f"one value for each of {counted(channels, 'channel')}."
        if channels
        else "One value for each channel."
    )


def _adaptive(dims: int, verb: str, stage: Stage) -> Operation:
    demand_no_parameters(stage)
    size = tuple_of(stage.config["output_size"], dims)
    channels = channels_of(stage, stage.inputs[0].shape)
    demand(agree(arranged(stage, size, channels), stage.outputs[0].shape))
    blocks = counted(size[0], "block") if dims == 1 else f"{by(size)} blocks"
    sums = _even(places_of(stage, stage.inputs[0].shape), size)
    even = f", each {directions(sums, 'step' if dims == 1 else 'place')}" if sums else ""
    return Operation(
        stage.layer or "",
        f"{verb} of each of {blocks} that together cover all, as even as can be, in every channel by itself.",
        f"{blocks[0].upper()}{blocks[1:]} whatever goes in{even}; channels stay {channels}.",
    )


def _even(taken: Sequence[int | None], size: Sequence[int]) -> list[str]:
    """How long each block is; nothing where the blocks are not all alike."""
    if any(length is None or length % count for length, count in zip(taken, size, strict=True)):
        return []
    return [
        f"{length} / {count} = {(length or 0) // count}"
        for length, count in zip(taken, size, strict=True)
    ]


LAYERS = {
    **{
        f"{name}Pooling{dims}D": Known(partial(_pooling, dims, verb), "pool_size", dims + 2)
        for dims in (1, 2, 3)
        for name, verb in (("Max", LARGEST), ("Average", MEAN))
    },
    **{
        f"Global{name}Pooling{dims}D": Known(partial(_global, dims, verb))
        for dims in (1, 2, 3)
        for name, verb in (("Max", LARGEST), ("Average", MEAN))
    },
    **{
        f"Adaptive{name}Pooling{dims}D": Known(
            partial(_adaptive, dims, verb), "output_size", dims + 2
        )
        for dims in (1, 2, 3)
        for name, verb in (("Max", LARGEST), ("Average", MEAN))
    },
}
"""The poolings that have words."""
