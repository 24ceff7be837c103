"""Layers that change the form and no value, or only add, drop or repeat positions."""

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

from pipetrace.explain.formatting import counted, dimensions, listed, number
from pipetrace.explain.layers.parts import (
    Fields,
    Known,
    agree,
    by,
    demand,
    length_at,
    tuple_of,
    whole,
)
from pipetrace.explain.layers.windows import arranged, channels_of, positions_of
from pipetrace.trace.document import Stage

NOUNS = (("step",), ("line", "column"), ("plane", "line", "column"))
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


def _directions(stage: Stage, after: Sequence[int | None], terms: Sequence[str]) -> dict[str, Any]:
    """The fields of ``CHANNELS_STAY``: a sum for each direction that changes.

    ``after`` has the lengths that come out, which must be those of the stage's output; ``terms``
    what is added to a length, taken off or multiplied with; empty where it stays.
    """
    taken = stage.inputs[0].shape
    before, channels = positions_of(stage, taken), channels_of(stage, taken)
    demand(agree(arranged(stage, after, channels), stage.outputs[0].shape))
    rows = zip(before, after, terms, NOUNS[len(after) - 1], strict=True)
    sums = [
        f"{length} {term} = {counted(got or 0, noun)}"
        for length, got, term, noun in rows
        if term and length is not None
    ]
    return {"sums": listed(sums), "channels": channels}


def _bordered(dims: int, word: str, stage: Stage) -> Fields:
    """Padding with zeros, and cropping."""
    pads, given = word == "padding", stage.config[word]
    pairs = [tuple_of(pair, 2, 0) for pair in ([given] if dims == 1 else given)]
    before = positions_of(stage, stage.inputs[0].shape)
    after = [
        None if length is None else length + (sum(pair) if pads else -sum(pair))
        for length, pair in zip(before, pairs, strict=True)
    ]
    where = (SIDES[:1], SIDES[1:], (DEPTH, *SIDES[1:]))[dims - 1]
    borders = [
        f"{counted(count, noun)} {side}"
        for pair, sides, noun in zip(pairs, where, NOUNS[dims - 1], strict=True)
        for count, side in zip(pair, sides, strict=True)
        if count
    ]
    sign = "+" if pads else "-"
    terms = [" ".join(f"{sign} {each}" for each in pair if each) for pair in pairs]
    return {"borders": listed(borders), **_directions(stage, after, terms)}


def _upsampling(dims: int, stage: Stage) -> Fields:
    size, nouns = tuple_of(stage.config["size"], dims), NOUNS[dims - 1]
    before, way = positions_of(stage, stage.inputs[0].shape), stage.config.get("interpolation")
    after = [length and length * times for length, times in zip(before, size, strict=True)]
    repeats = [
        f"every {noun} {times} times" for noun, times in zip(nouns, size, strict=True) if times > 1
    ]
    case = "idle" if not repeats else "repeated" if way in (None, "nearest") else "blended"
    return {
        case: True,
        "repeats": listed(repeats),
        "size": by(size),
        **_directions(stage, after, [f"x {times}" if times > 1 else "" for times in size]),
    }


def _center_crop(stage: Stage) -> Fields:
    size = (whole(stage.config["height"]), whole(stage.config["width"]))
    was = [length_at(positions_of(stage, stage.inputs[0].shape), axis) for axis in (0, 1)]
    left = [length - got for length, got in zip(was, size, strict=True)]
    fields = _directions(stage, size, [f"- {each}" if each else "" for each in left])
    return {**fields, "size": by(size), "enlarged": min(left) < 0}


def _resizing(stage: Stage) -> Fields:
    config, taken = stage.config, stage.inputs[0].shape
    size = (whole(config["height"]), whole(config["width"]))
    cropped = bool(config.get("crop_to_aspect_ratio"))
    case = "cropped" if cropped else "padded" if config.get("pad_to_aspect_ratio") else "stretched"
    return {
        **_directions(stage, size, ("", "")),
        case: True,
        "size": by(size),
        "before": by(positions_of(stage, taken)),
        "way": str(config["interpolation"]),
    }


LAYERS = {
    "Flatten": Known(
        does="""
            Writes the {size} values as one list.
            [ordered] Order: line by line, position by position, channel by channel.
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
                [borders] Adds zeros around the input: {borders}.
                [not borders] Adds no zeros, so nothing changes.
            """,
            shape=CHANNELS_STAY,
            fields=partial(_bordered, dims, "padding"),
        )
        for dims in (1, 2, 3)
    },
    **{
        f"Cropping{dims}D": Known(
            does="""
                [borders] Cuts off {borders}.
                [not borders] Cuts nothing off, so nothing changes.
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
                [blended] Enlarges the image {size} times; new values are interpolated
                    ({interpolation}).
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
            [not enlarged, sums] {sums}.
            [not sums] The image has that size already.
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
