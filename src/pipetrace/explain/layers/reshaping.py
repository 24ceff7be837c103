"""Layers that change the form and no value, or only add, drop or repeat positions."""

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

from pipetrace.explain.layers.parts import (
    Fields,
    Known,
    agree,
    arranged,
    by,
    channels_of,
    demand,
    length_at,
    positions_of,
    tuple_of,
    whole,
)
from pipetrace.explain.text import counted, dimensions, listed, number
from pipetrace.trace.document import Stage

NOUNS = (("step",), ("row", "column"), ("plane", "row", "column"))
"""What the positions are called, by how many directions there are."""
SIDES = (("at the start", "at the end"), ("above", "below"), ("left", "right"))
DEPTH = ("in front", "behind")
CHANNELS_STAY = """
[sums] {sums}; the channels stay {channels}.
[not sums] The channels stay {channels}.
"""


def _flatten(stage: Stage) -> Fields:
    taken = stage.inputs[0].shape[1:]
    lengths = [length for length in taken if length is not None]
    known = len(lengths) == len(taken)
    demand(agree((None, math.prod(lengths) if known else None), stage.outputs[0].shape))
    return {
        "size": dimensions(stage.inputs[0].shape),
        "ordered": len(lengths) == 3 and stage.config.get("data_format") != "channels_first",
        "product": f"{by(lengths)} = {number(math.prod(lengths))}"
        if known and len(lengths) > 1
        else "",
    }


def _reshape(stage: Stage) -> Fields:
    target = stage.config["target_shape"]
    before, after = stage.inputs[0].shape[1:], stage.outputs[0].shape[1:]
    pairs = zip(target, after, strict=True)
    demand(all(want in (-1, None) or want == got or got is None for want, got in pairs))
    known = None not in before and None not in after
    demand(not known or _count(before) == _count(after))
    return {
        "before": by(before) or 1,
        "after": by(after) or 1,
        "known": known,
        "was": _product(before),
        "becomes": _product(after),
    }


def _product(lengths: Sequence[int | None]) -> str:
    total = counted(_count(lengths), "value")
    return f"{by(lengths)} = {total}" if len(lengths) > 1 else total


def _count(lengths: Sequence[int | None]) -> int:
    return math.prod(length or 0 for length in lengths)


def _permute(stage: Stage) -> Fields:
    taken, dims = stage.inputs[0].shape, list(stage.config["dims"])
    demand(sorted(dims) == list(range(1, len(taken))))
    demand(agree((None, *(taken[axis] for axis in dims)), stage.outputs[0].shape))
    case = "idle" if dims == sorted(dims) else "swapped" if len(dims) == 2 else "moved"
    return {
        case: True,
        "order": listed([str(axis) for axis in dims]),
        "before": dimensions(taken),
        "after": dimensions(stage.outputs[0].shape),
    }


def _repeat(stage: Stage) -> Fields:
    times, length = whole(stage.config["n"]), stage.inputs[0].shape[-1]
    demand(len(stage.inputs[0].shape) == 2 and agree((None, times, length), stage.outputs[0].shape))
    product = "" if length is None else f"{times} x {length} = {number(times * length)}"
    return {"times": times, "product": product}


def _bordered(dims: int, word: str, stage: Stage) -> Fields:
    """Padding with zeros, and cropping."""
    sign, sides = ("+" if word == "padding" else "-"), _sides(stage.config[word], dims)
    taken, channels = stage.inputs[0].shape, channels_of(stage, stage.inputs[0].shape)
    before = positions_of(stage, taken)
    after = [
        None if length is None else length + int(f"{sign}1") * sum(pair)
        for length, pair in zip(before, sides, strict=True)
    ]
    demand(agree(arranged(stage, after, channels), stage.outputs[0].shape))
    where = (SIDES[:1], SIDES[1:], (DEPTH, *SIDES[1:]))[dims - 1]
    told = [
        f"{counted(count, noun)} {place}"
        for pair, places, noun in zip(sides, where, NOUNS[dims - 1], strict=True)
        for count, place in zip(pair, places, strict=True)
        if count
    ]
    sums = [
        f"{length}{''.join(f' {sign} {each}' for each in pair if each)} = {counted(got or 0, noun)}"
        for length, pair, got, noun in zip(before, sides, after, NOUNS[dims - 1], strict=True)
        if any(pair) and length is not None
    ]
    return {"told": listed(told), "sums": listed(sums), "channels": channels}


def _sides(given: Any, dims: int) -> list[tuple[int, int]]:
    """What is added or cut off before and behind, in each direction."""
    pairs = [given] if dims == 1 else given
    demand(isinstance(pairs, list | tuple) and len(pairs) == dims)
    return [(one, other) for one, other in (tuple_of(each, 2, 0) for each in pairs)]


def _upsampling(dims: int, stage: Stage) -> Fields:
    size, taken = tuple_of(stage.config["size"], dims), stage.inputs[0].shape
    before, channels = positions_of(stage, taken), channels_of(stage, taken)
    after = [
        None if length is None else length * times
        for length, times in zip(before, size, strict=True)
    ]
    demand(agree(arranged(stage, after, channels), stage.outputs[0].shape))
    way, nouns = stage.config.get("interpolation", "nearest"), NOUNS[dims - 1]
    repeats = [
        f"every {noun} {times} times" for noun, times in zip(nouns, size, strict=True) if times > 1
    ]
    case = "idle" if not repeats else "repeated" if way == "nearest" else "blended"
    sums = [
        f"{length} x {times} = {counted(got or 0, noun)}"
        for length, times, got, noun in zip(before, size, after, nouns, strict=True)
        if length is not None and times > 1
    ]
    return {
        case: True,
        "repeats": listed(repeats),
        "size": by(size),
        "way": str(way),
        "sums": listed(sums),
        "channels": channels,
    }


def _center_crop(stage: Stage) -> Fields:
    size = (whole(stage.config["height"]), whole(stage.config["width"]))
    taken = stage.inputs[0].shape
    demand(agree(arranged(stage, size, channels_of(stage, taken)), stage.outputs[0].shape))
    was = positions_of(stage, taken)
    high, wide = length_at(was, 0), length_at(was, 1)
    sums = [
        f"{length} - {length - got} = {counted(got, noun)}"
        for length, got, noun in zip((high, wide), size, NOUNS[1], strict=True)
        if length != got
    ]
    enlarged = high < size[0] or wide < size[1]
    case = "enlarged" if enlarged else "cut" if sums else "idle"
    return {case: True, "size": by(size), "sums": listed(sums)}


def _resizing(stage: Stage) -> Fields:
    config, taken = stage.config, stage.inputs[0].shape
    size = (whole(config["height"]), whole(config["width"]))
    demand(agree(arranged(stage, size, channels_of(stage, taken)), stage.outputs[0].shape))
    case = "cropped" if config.get("crop_to_aspect_ratio") else ""
    case = case or ("padded" if config.get("pad_to_aspect_ratio") else "stretched")
    return {
        case: True,
        "size": by(size),
        "before": by(positions_of(stage, taken)),
        "way": str(config["interpolation"]),
        "channels": channels_of(stage, taken),
    }


LAYERS = {
    "Flatten": Known(
        does="""
            Lists the {size} values in a single row.
            [ordered] Order: row by row, position by position, channel by channel.
        """,
        shape="""
            [product] {product}; no value changes.
        """,
        fields=_flatten,
    ),
    "Reshape": Known(
        does="Rearranges the {before} values into the shape {after}, in the same order.",
        shape="""
            [known] {was} before, {becomes} after; no value changes.
            [not known] No value changes.
        """,
        fields=_reshape,
    ),
    "Permute": Known(
        does="""
            [idle] Leaves the axes in their order.
            [swapped] Swaps the two axes: rows become columns.
            [moved] Puts the axes into the order {order}.
        """,
        shape="""
            [idle] No value changes.
            [not idle] {before} becomes {after}; no value changes.
        """,
        fields=_permute,
    ),
    "RepeatVector": Known(
        does="Repeats its input {times:# time}, one copy for each step.",
        shape="""
            [product] {product}; every step is the same.
        """,
        fields=_repeat,
    ),
    **{
        f"ZeroPadding{dims}D": Known(
            does="""
                [told] Adds zeros around the input: {told}.
                [not told] Adds no zeros, so nothing changes.
            """,
            shape=CHANNELS_STAY,
            fields=partial(_bordered, dims, "padding"),
        )
        for dims in (1, 2, 3)
    },
    **{
        f"Cropping{dims}D": Known(
            does="""
                [told] Cuts off {told}.
                [not told] Cuts nothing off, so nothing changes.
            """,
            shape=CHANNELS_STAY,
            fields=partial(_bordered, dims, "cropping"),
        )
        for dims in (1, 2, 3)
    },
    **{
        f"UpSampling{dims}D": Known(
            does="""
                [repeated] Repeats {repeats}.
                [blended] Enlarges the image {size} times; new values are interpolated ({way}).
                [idle] Repeats nothing, so nothing changes.
            """,
            shape=CHANNELS_STAY,
            fields=partial(_upsampling, dims),
        )
        for dims in (1, 2, 3)
    },
    "CenterCrop": Known(
        does="""
            [enlarged] Enlarges every image and cuts {size} out of it.
            [not enlarged] Cuts {size} out of the middle of every image.
        """,
        shape="""
            [enlarged] {size}, whatever the input size.
            [cut] {sums}.
            [idle] The image has that size already.
        """,
        fields=_center_crop,
    ),
    "Resizing": Known(
        does="""
            Resizes every image to {size} ({way} interpolation).
            [cropped] Images of other proportions are cropped first.
            [padded] Images of other proportions get a border first.
            [stretched] Images of other proportions are stretched.
        """,
        shape="{before} becomes {size}; the channels stay {channels}.",
        fields=_resizing,
    ),
}
"""The layers that change the form."""
