"""Layers that make rows ready for a model: scaling, counting, words to numbers, sound to pitches."""

import math
from collections.abc import Sequence
from typing import Any

from pipetrace.explain.layers.parts import (
    Known,
    Operation,
    agree,
    demand,
    demand_no_parameters,
    demand_same_shape,
    length_at,
    none_held,
    numbers,
    parameters,
    real,
    summed,
    whole,
)
from pipetrace.explain.layers.windows import fit_sum
from pipetrace.explain.text import counted, number
from pipetrace.trace.document import Stage

ITSELF = "Every value is changed by itself, so the shape stays."


def _rescaling(stage: Stage) -> Operation:
    demand_same_shape(stage)
    demand_no_parameters(stage)
    scale, offset = stage.config["scale"], stage.config["offset"]
    if isinstance(scale, list) or isinstance(offset, list):
        return Operation(
            "Rescaling",
            "Multiplies every value by a scale and adds an offset of its channel.",
            ITSELF,
        )
    factor, shift = real(scale), real(offset)
    inverse = 1 / factor if factor else 0
    # What was written as 1 / 255 or 1 / 127.5 is told as it was meant.
    if 0 < abs(factor) < 1 and abs(inverse - round(inverse, 1)) < 1e-9 * abs(inverse):
        does = f"Divides every value by {numbers(round(inverse, 1))}"
    else:
        does = f"Multiplies every value by {numbers(factor)}"
    if shift:
        does += f" and {'adds' if shift > 0 else 'subtracts'} {numbers(abs(shift))}"
    return Operation("Rescaling", f"{does}.", ITSELF)


def _normalization(stage: Stage) -> Operation:
    demand_same_shape(stage)
    config, shape = stage.config, stage.inputs[0].shape
    given = config["axis"]
    axes = [] if given is None else list(given) if isinstance(given, list | tuple) else [given]
    held = math.prod(length_at(shape, axis) for axis in axes)
    demand(held > 0)
    noun = (
        "channel"
        if len(shape) > 2 and [axis % len(shape) for axis in axes] == [len(shape) - 1]
        else "value"
    )
    which, own = (
        (f"each of {counted(held, noun)}", "its own") if axes else ("every value", "one common")
    )
    source = (
        "given beforehand"
        if config.get("mean") is not None
        else "measured on data beforehand (adapt)"
    )
    does = f"Subtracts from {which} {own} mean and divides by {own} standard deviation, {source}; nothing is learned."
    if config.get("invert"):
        does = f"Multiplies {which} by {own} standard deviation and adds {own} mean, {source}; nothing is learned."
    if config.get("mean") is not None:
        return Operation("Normalization", does, ITSELF, none_held(stage))
    parts = f"a mean and a variance for {which}, and how many rows were measured"
    return Operation(
        "Normalization", does, ITSELF, *summed(stage, f"2 x {held} + 1", 2 * held + 1, parts)
    )


def _coded(stage: Stage, depth: int | None) -> tuple[str, str]:
    """How a number that stands for something is written down, and the sentence on the shape.

    Args:
        stage: the layer's.
        depth: how many such numbers there are, where that is known.
    """
    mode, taken, given = (
        stage.config.get("output_mode", "int"),
        stage.inputs[0].shape,
        stage.outputs[0].shape,
    )
    if mode == "int":
        demand(agree(taken, given))
        return ".", "One number for each, so the shape stays."
    places = length_at(given, -1)
    demand(depth is None or places == depth)
    how = {
        "one_hot": "of which one is 1",
        "multi_hot": "1 for each that occurs and 0 for the others",
        "count": "each the number of times that it occurs",
        "tf_idf": "each the times that it occurs, weighted by how rare it is",
    }[mode]
    return (
        f"; written as {counted(places, 'value')}, {how}.",
        f"{counted(places, 'value')}, one for each number.",
    )


def _discretization(stage: Stage) -> Operation:
    demand_no_parameters(stage)
    edges = stage.config["bin_boundaries"]
    bins = len(edges) + 1 if edges else whole(stage.config["num_bins"])
    ways, shape = _coded(stage, bins)
    text = "bins that its data were divided into beforehand (adapt)"
    if edges:
        text = f"bins between {counted(len(edges), 'boundary', 'boundaries')}"
        shape = f"{len(edges)} + 1 = {counted(bins, 'bin')}. {shape}"
    return Operation(
        "Discretization",
        f"Replaces every value by the number of its bin, one of {bins} {text}{ways}",
        shape,
    )


def _category(stage: Stage) -> Operation:
    demand_no_parameters(stage)
    tokens = whole(stage.config["num_tokens"])
    ways, shape = _coded(stage, tokens)
    return Operation(
        "CategoryEncoding", f"Takes whole numbers from 0 to {number(tokens - 1)}{ways}", shape
    )


def _hashing(stage: Stage) -> Operation:
    demand_no_parameters(stage)
    bins = whole(stage.config["num_bins"])
    ways, shape = _coded(stage, bins)
    return Operation(
        "Hashing",
        f"Turns every value into one of {counted(bins, 'number')} by hashing it, the same value always into the same "
        f"number, different ones sometimes too{ways}",
        shape,
    )


def _crossing(stage: Stage) -> Operation:
    demand_no_parameters(stage)
    bins = whole(stage.config["num_bins"])
    ways, shape = _coded(stage, bins)
    return Operation(
        "HashedCrossing",
        f"Turns the values of its {len(stage.inputs)} inputs together into one of {counted(bins, 'number')} by hashing "
        f"them; different pairs may get the same{ways}",
        shape,
    )


def _vocabulary(config: Any) -> tuple[int | None, str]:
    """How many numbers a lookup gives, and how they come about."""
    size = config.get("vocabulary_size")
    size = None if size is None else whole(size)
    entries, unknown = config.get("vocabulary"), config.get("num_oov_indices", 1)
    if not isinstance(entries, list) or size is None:
        return size, ""
    spare = size - len(entries)
    if not isinstance(unknown, int) or spare < unknown or spare == 0:
        return size, ""
    reserved = f"{unknown} for what is unknown" if unknown else ""
    if spare > unknown:
        padding = f"{spare - unknown} for padding"
        reserved = f"{padding} and {reserved}" if reserved else padding
    return (
        size,
        f"{len(entries)} + {spare} = {counted(size, 'number')}: the entries, and {reserved}. ",
    )


def _lookup(what: str, stage: Stage) -> Operation:
    demand_no_parameters(stage)
    config = stage.config
    size, total = _vocabulary(config)
    if config.get("invert"):
        return Operation(
            stage.layer or "",
            f"Looks up for every number the {what} that it stands for.",
            "One entry for each, so the shape stays.",
        )
    depth = whole(config["max_tokens"]) if config.get("pad_to_max_tokens") else size
    ways, shape = _coded(stage, depth)
    among = f" of {number(size)}" if size else ""
    return Operation(
        stage.layer or "",
        f"Replaces every {what} by its number in a fixed list{among}{ways}",
        f"{total}{shape}",
    )


def _text(stage: Stage) -> Operation:
    demand_no_parameters(stage)
    config = stage.config
    size, _ = _vocabulary(config)
    steps = {
        "lower_and_strip_punctuation": "puts it into small letters, drops punctuation",
        "lower": "puts it into small letters",
        "strip_punctuation": "drops punctuation",
    }
    before = steps.get(str(config["standardize"]))
    split = {"whitespace": "cuts it into words", "character": "cuts it into characters"}.get(
        str(config["split"])
    )
    among = f" of {number(size)}" if size else ""
    phrases = [each for each in (before, split) if each]
    does = (
        f"Takes each text, {', '.join(phrases)} and looks"
        if phrases
        else "Takes each text and looks"
    )
    given, mode = stage.outputs[0].shape, config["output_mode"]
    if mode == "int":
        length = config.get("output_sequence_length")
        demand(length is None or given[-1] in (None, length))
        ends = (
            f" Texts are cut or filled with 0 to {length} places."
            if length
            else " Short texts are filled up with 0."
        )
        shape = (
            f"{counted(length, 'number')} for each text, whatever its length." if length else None
        )
        return Operation(
            stage.layer or "",
            f"{does} up the number of each piece in a fixed list{among}.{ends}",
            shape,
        )
    ways, shape = _coded(stage, None)
    return Operation(
        stage.layer or "", f"{does} up the number of each piece in a fixed list{among}{ways}", shape
    )


def _mel(stage: Stage) -> Operation:
    demand_no_parameters(stage)
    config, given = stage.config, stage.outputs[0].shape
    bands = whole(config["num_mel_bins"])
    demand(given[-2] == bands)
    low, high = numbers(real(config["min_freq"])), numbers(real(config["max_freq"]))
    unit = ", in decibels" if config.get("power_to_db") else ""
    return Operation(
        "MelSpectrogram",
        f"Cuts a sound of {number(whole(config['sampling_rate']))} samples a second into overlapping pieces of "
        f"{number(whole(config['sequence_length']))}, {number(whole(config['sequence_stride']))} apart, and tells for "
        f"each how strong {bands} bands of pitch from {low} to {high} Hz are (mel scale){unit}.",
        f"{counted(bands, 'band')} at {'?' if given[-1] is None else given[-1]} moments.",
    )


def _stft(stage: Stage) -> Operation:
    config, taken, given = stage.config, stage.inputs[0].shape, stage.outputs[0].shape
    frame = whole(config["frame_length"])
    step = whole(config["frame_step"] or max(frame // 2, 1))
    points = whole(config["fft_length"] or 2 ** math.ceil(math.log2(frame)))
    first, bins = config.get("data_format") == "channels_first", points // 2 + 1
    channels = length_at(taken, 1 if first else -1)
    each = bins * (2 if config["mode"] == "stft" else 1)
    frames = given[(2 if first else 1)]
    order: Sequence[int | None] = (frames, each * channels)
    if config.get("expand_dims"):
        order = (channels, frames, each) if first else (frames, each, channels)
    elif first:
        order = (each * channels, frames)
    demand(agree((None, *order), given))
    length = taken[2 if first else 1]
    pieces = None
    if length is not None and frames is not None:
        pieces = fit_sum(length, frames, frame, step, str(config["padding"]))
        demand(pieces is not None)
    kernels = 1 if config["mode"] in ("real", "imag") else 2
    terms = [kernels, frame, bins] if kernels > 1 else [frame, bins]
    parts = f"the waves of {bins} frequencies over {frame} samples" + ", as cosine and as sine" * (
        kernels > 1
    )
    return Operation(
        "STFTSpectrogram",
        f"Cuts the signal into pieces of {frame} samples, {step} apart, and tells for each how much of each of {bins} "
        f"frequencies is in it ({config['mode']}).",
        f"{f'{pieces} pieces; ' if pieces else ''}{points} / 2 + 1 = {bins} frequencies.",
        *parameters(stage, terms, 0, parts),
    )


def _integers(stage: Stage) -> Operation:
    return _lookup("whole number", stage)


def _strings(stage: Stage) -> Operation:
    return _lookup("word", stage)


LAYERS = {
    "Rescaling": Known(_rescaling, "scale"),
    "Normalization": Known(_normalization, "axis"),
    "Discretization": Known(_discretization, "bin_boundaries"),
    "CategoryEncoding": Known(_category, "num_tokens", inputs=(1, 2)),
    "Hashing": Known(_hashing, "num_bins"),
    "HashedCrossing": Known(_crossing, "num_bins", inputs=(2, 99)),
    "IntegerLookup": Known(_integers, "invert"),
    "StringLookup": Known(_strings, "invert"),
    "TextVectorization": Known(_text, "standardize"),
    "MelSpectrogram": Known(_mel, "num_mel_bins"),
    "STFTSpectrogram": Known(_stft, "frame_length"),
}
"""The layers that make rows ready and have words."""
