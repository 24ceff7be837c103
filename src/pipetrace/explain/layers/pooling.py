"""Poolings: one value for each block, for each of so many blocks, or for all positions at once."""

import math
from collections.abc import Sequence
from functools import partial

from pipetrace.explain.formatting import counted, listed
from pipetrace.explain.layers.parts import Fields, Known, agree, by, demand, same, tuple_of
from pipetrace.explain.layers.windows import (
    arranged,
    channels_of,
    directions,
    fitted,
    padding,
    positions_of,
)
from pipetrace.trace.document import Stage

BLOCKS = {
    "Max": "Keeps the largest value of each {block}, separately in every channel.",
    "Average": "Averages the values of each {block}, separately in every channel.",
}
BORDERS = """
[apart] The blocks start {apart} apart.
[padding=same] Padding 'same' includes blocks that are cut off by the border.
"""
BLOCKS_SHAPE = """
[blocks] {blocks}.
[left] {left}.
The channels stay {channels}.
"""
GLOBAL = {
    "Max": "Keeps the largest value of each channel over all its {nouns}.",
    "Average": "Averages each channel over all its {nouns}.",
}
MASKED = "\n[masked] Steps that a mask hides are not counted."
GLOBAL_SHAPE = """
[count] {count} become one; one value for each channel.
[not count] All {nouns} become one; one value for each channel.
"""
ADAPTIVE = {
    "Max": "Divides the input into {blocks}, as equal as possible.\n"
    "Keeps the largest value of each, separately in every channel.",
    "Average": "Divides the input into {blocks}, as equal as possible.\n"
    "Averages the values of each, separately in every channel.",
}
ADAPTIVE_SHAPE = "{blocks}, whatever the input size{each}; the channels stay {channels}."


def _pooling(dims: int, stage: Stage) -> Fields:
    window = tuple_of(stage.config["pool_size"], dims)
    step = tuple_of(stage.config.get("strides") or list(window), dims)
    channels = channels_of(stage, stage.outputs[0].shape)
    demand(channels == channels_of(stage, stage.inputs[0].shape))
    blocks = fitted(stage, window, step, "block")
    return {
        "block": f"{by(window)} block" if dims > 1 else f"block of {counted(window[0], 'step')}",
        "apart": "" if window == step else f"{same(step)} position{'s' * (set(step) != {1})}",
        "blocks": blocks,
        "left": _left(stage, window, step) if blocks else "",
        "channels": channels,
    }


def _left(stage: Stage, window: Sequence[int], step: Sequence[int]) -> str:
    """What no block covers: lines and columns, or steps, or planes."""
    if padding(stage) == "same":
        return ""
    taken = positions_of(stage, stage.inputs[0].shape)
    given = positions_of(stage, stage.outputs[0].shape)
    nouns = (["step"], ["line", "column"], ["plane", "line", "column"])[len(window) - 1]
    words, total = [], 0
    for length, count, size, hop, noun in zip(taken, given, window, step, nouns, strict=True):
        left = (length or 0) - ((count or 1) * hop - hop + size)
        total += left
        if left:
            words.append(counted(left, noun))
    return f"{listed(words)} at the end {'is' if total == 1 else 'are'} left out" if words else ""


def _global(dims: int, stage: Stage) -> Fields:
    taken = positions_of(stage, stage.inputs[0].shape)
    channels = channels_of(stage, stage.inputs[0].shape)
    demand(len(taken) == dims)
    keeps = stage.config.get("keepdims") is True
    expected = arranged(stage, [1] * dims, channels) if keeps else (None, channels)
    demand(agree(expected, stage.outputs[0].shape))
    noun, count = "step" if dims == 1 else "position", math.prod(length or 0 for length in taken)
    text = f"{by(taken)} = {counted(count, noun)}" if dims > 1 else counted(count, noun)
    return {
        "nouns": f"{noun}s",
        "count": "" if None in taken else text,
        # Only this pooling looks at a mask.
        "masked": stage.layer == "GlobalAveragePooling1D",
    }


def _adaptive(dims: int, stage: Stage) -> Fields:
    size = tuple_of(stage.config["output_size"], dims)
    channels = channels_of(stage, stage.inputs[0].shape)
    demand(agree(arranged(stage, size, channels), stage.outputs[0].shape))
    taken = positions_of(stage, stage.inputs[0].shape)
    lengths = list(zip(taken, size, strict=True))
    even = all(length is not None and length % count == 0 for length, count in lengths)
    sums = [f"{length} / {count} = {(length or 0) // count}" for length, count in lengths if even]
    return {
        "blocks": counted(size[0], "block") if dims == 1 else f"{by(size)} blocks",
        "each": f", each {directions(sums, 'step' if dims == 1 else 'position')}" if sums else "",
        "channels": channels,
    }


LAYERS = {
    f"{kind}{name}Pooling{dims}D": Known(does[name] + more, shape, fields=partial(fields, dims))
    for kind, does, more, shape, fields in (
        ("", BLOCKS, BORDERS, BLOCKS_SHAPE, _pooling),
        ("Global", GLOBAL, MASKED, GLOBAL_SHAPE, _global),
        ("Adaptive", ADAPTIVE, "", ADAPTIVE_SHAPE, _adaptive),
    )
    for name in ("Max", "Average")
    for dims in (1, 2, 3)
}
"""The poolings."""
