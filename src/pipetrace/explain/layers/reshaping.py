"""What changes the form and no value, or only adds, drops or repeats places."""

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

from pipetrace.explain.layers.parts import (
    Known,
    Operation,
    UnfitError,
    agree,
    arranged,
    by,
    channels_of,
    demand,
    demand_no_parameters,
    length_at,
    places_of,
    tuple_of,
    whole,
)
from pipetrace.explain.text import counted, dimensions, listed, number
from pipetrace.trace.document import Stage


def _flatten(stage: Stage) -> Operation:
    demand_no_parameters(stage)
    taken = stage.inputs[0].shape[1:]
    lengths = [length for length in taken if length is not None]
    known = len(lengths) == len(taken)
    demand(agree((None, math.prod(lengths) if known else None), stage.outputs[0].shape))
    order = (
        ": row by row, in each row place by place, at each place all channels"
        if len(lengths) == 3
        else ""
    )
    if stage.config.get("data_format") == "channels_first":
        order = ""
    return Operation(
        "Flatten",
        f"Lays the {dimensions(stage.inputs[0].shape)} values out one after another{order}.",
        f"{by(lengths)} = {number(math.prod(lengths))}; no value changes."
        if known and len(lengths) > 1
        else None,
    )


def _reshape(stage: Stage) -> Operation:
    demand_no_parameters(stage)
    target = stage.config["target_shape"]
    before, after = stage.inputs[0].shape[1:], stage.outputs[0].shape[1:]
    demand(len(target) == len(after))
    demand(
        all(
            want in (-1, None) or want == got or got is None
            for want, got in zip(target, after, strict=True)
        )
    )
    does = f"Puts the {by(before) or 1} values, in the order they are in, into the form {by(after) or 1}."
    if None in before or None in after:
        return Operation("Reshape", does, "No value changes.")
    demand(math.prod(map(int, before)) == math.prod(map(int, after)))  # type: ignore[arg-type]
    return Operation(
        "Reshape", does, f"{_product(before)} before, {_product(after)} after; no value changes."
    )


def _product(lengths: Sequence[int | None]) -> str:
    total = counted(math.prod(length or 0 for length in lengths), "value")
    return f"{by(lengths)} = {total}" if len(lengths) > 1 else total


def _permute(stage: Stage) -> Operation:
    demand_no_parameters(stage)
    taken, dims = stage.inputs[0].shape, stage.config["dims"]
    demand(sorted(dims) == list(range(1, len(taken))))
    demand(agree((None, *(taken[axis] for axis in dims)), stage.outputs[0].shape))
    if list(dims) == sorted(dims):
        return Operation("Permute", "Leaves the axes in their order.", "No value changes.")
    order = listed([str(axis) for axis in dims])
    swapped = (
        "Swaps the two axes: rows become columns."
        if len(dims) == 2
        else f"Puts the axes into the order {order}."
    )
    return Operation(
        "Permute",
        swapped,
        f"{dimensions(taken)} becomes {dimensions(stage.outputs[0].shape)}; no value changes.",
    )


def _repeat(stage: Stage) -> Operation:
    demand_no_parameters(stage)
    times, length = whole(stage.config["n"]), stage.inputs[0].shape[-1]
    demand(len(stage.inputs[0].shape) == 2 and agree((None, times, length), stage.outputs[0].shape))
    values = (
        "the values"
        if length is None
        else f"all {counted(length, 'value')}"
        if length > 1
        else "the one value"
    )
    return Operation(
        "RepeatVector",
        f"Gives {values} {times} times, one copy for each step.",
        None
        if length is None
        else f"{times} x {length} = {number(times * length)}; every step is the same.",
    )


BORDERS = (("at the start", "at the end"), ("above", "below"), ("left", "right"))


def _bordered(dims: int, word: str, stage: Stage) -> Operation:
    """Padding with zeros, and cropping."""
    demand_no_parameters(stage)
    pads = word == "padding"
    sides = _sides(stage.config[word], dims)
    taken, channels = stage.inputs[0].shape, channels_of(stage, stage.inputs[0].shape)
    sign = 1 if pads else -1
    lengths = [
        None if length is None else length + sign * (before + after)
        for length, (before, after) in zip(places_of(stage, taken), sides, strict=True)
    ]
    demand(agree(arranged(stage, lengths, channels), stage.outputs[0].shape))
    where = (BORDERS[:1], BORDERS[1:], (("in front", "behind"), *BORDERS[1:]))[dims - 1]
    nouns = (("step",), ("row", "column"), ("plane", "row", "column"))[dims - 1]
    told = [
        f"{counted(count, noun)} {place}"
        for pair, places, noun in zip(sides, where, nouns, strict=True)
        for count, place in zip(pair, places, strict=True)
        if count
    ]
    does = (
        (f"Puts zeros around: {listed(told)}." if pads else f"Cuts off {listed(told)}.")
        if told
        else None
    )
    sums = [
        f"{length}{_terms(pair, '+' if pads else '-')} = {got} {noun if got == 1 else noun + 's'}"
        for length, pair, got, noun in zip(
            places_of(stage, taken), sides, lengths, nouns, strict=True
        )
        if any(pair) and length is not None
    ]
    return Operation(
        stage.layer or "",
        does or f"{'Puts no zeros around' if pads else 'Cuts nothing off'}, so nothing changes.",
        "; ".join(
            [
                *([listed(sums)] if sums else []),
                f"{'channels' if sums else 'Channels'} stay {channels}",
            ]
        )
        + ".",
    )


def _terms(pair: Sequence[int], sign: str) -> str:
    return "".join(f" {sign} {each}" for each in pair if each)


def _sides(given: Any, dims: int) -> list[tuple[int, int]]:
    """What is added or cut off before and behind, in each direction."""
    if dims == 1:
        before, after = tuple_of(given, 2, 0)
        return [(before, after)]
    if not isinstance(given, list | tuple) or len(given) != dims:
        raise UnfitError(f"no borders: {given!r}")
    return [(one, other) for one, other in (tuple_of(each, 2, 0) for each in given)]


def _upsampling(dims: int, stage: Stage) -> Operation:
    demand_no_parameters(stage)
    size, taken = tuple_of(stage.config["size"], dims), stage.inputs[0].shape
    lengths = [
        None if length is None else length * times
        for length, times in zip(places_of(stage, taken), size, strict=True)
    ]
    channels = channels_of(stage, taken)
    demand(agree(arranged(stage, lengths, channels), stage.outputs[0].shape))
    nouns = (("step",), ("row", "column"), ("plane", "row", "column"))[dims - 1]
    way = stage.config.get("interpolation", "nearest")
    told = listed(
        [
            f"every {noun} {times} times"
            for noun, times in zip(nouns, size, strict=True)
            if times > 1
        ]
    )
    does = f"Gives {told}." if told else "Repeats nothing, so nothing changes."
    if way != "nearest" and told:
        times = by(size)
        does = f"Enlarges {times} times, with values in between worked out from their neighbours ({way})."
    sums = [
        f"{length} x {times} = {counted(got or 0, noun)}"
        for length, times, got, noun in zip(
            places_of(stage, taken), size, lengths, nouns, strict=True
        )
        if length is not None and times > 1
    ]
    return Operation(
        stage.layer or "",
        does,
        "; ".join(
            [
                *([listed(sums)] if sums else []),
                f"{'channels' if sums else 'Channels'} stay {channels}",
            ]
        )
        + ".",
    )


def _center_crop(stage: Stage) -> Operation:
    demand_no_parameters(stage)
    size = (whole(stage.config["height"]), whole(stage.config["width"]))
    taken = places_of(stage, stage.inputs[0].shape)
    demand(
        agree(
            arranged(stage, size, channels_of(stage, stage.inputs[0].shape)), stage.outputs[0].shape
        )
    )
    high, wide = length_at(taken, 0), length_at(taken, 1)
    if high < size[0] or wide < size[1]:
        return Operation(
            "CenterCrop",
            f"Enlarges every picture and cuts {by(size)} out of it.",
            f"{by(size)} whatever goes in.",
        )
    sums = [
        f"{length} - {length - got} = {counted(got, noun)}"
        for length, got, noun in zip((high, wide), size, ("row", "column"), strict=True)
        if length != got
    ]
    return Operation(
        "CenterCrop",
        f"Cuts {by(size)} out of the middle of every picture.",
        f"{listed(sums)}." if sums else "The picture has that size already.",
    )


def _resizing(stage: Stage) -> Operation:
    demand_no_parameters(stage)
    config = stage.config
    size = (whole(config["height"]), whole(config["width"]))
    demand(
        agree(
            arranged(stage, size, channels_of(stage, stage.inputs[0].shape)), stage.outputs[0].shape
        )
    )
    way = config["interpolation"]
    told = (
        "the nearest value"
        if way == "nearest"
        else f"values worked out from their neighbours ({way})"
    )
    ratio = "so that its proportions may change"
    if config.get("crop_to_aspect_ratio"):
        ratio = "after cutting off what keeps it from these proportions"
    elif config.get("pad_to_aspect_ratio"):
        ratio = "after adding a border that gives it these proportions"
    return Operation(
        "Resizing",
        f"Brings every picture to {by(size)}, with {told}, {ratio}.",
        f"{by(places_of(stage, stage.inputs[0].shape))} becomes {by(size)}; channels stay "
        f"{channels_of(stage, stage.inputs[0].shape)}.",
    )


LAYERS = {
    "Flatten": Known(_flatten),
    "Reshape": Known(_reshape, "target_shape"),
    "Permute": Known(_permute, "dims"),
    "RepeatVector": Known(_repeat, "n"),
    **{
        f"ZeroPadding{dims}D": Known(partial(_bordered, dims, "padding"), "padding", dims + 2)
        for dims in (1, 2, 3)
    },
    **{
        f"Cropping{dims}D": Known(partial(_bordered, dims, "cropping"), "cropping", dims + 2)
        for dims in (1, 2, 3)
    },
    **{
        f"UpSampling{dims}D": Known(partial(_upsampling, dims), "size", dims + 2)
        for dims in (1, 2, 3)
    },
    "CenterCrop": Known(_center_crop, "height", 4),
    "Resizing": Known(_resizing, "interpolation", 4),
}
"""The layers of other forms that have words."""
