"""Layers that prepare rows for a model: scaling, bins, lookups of words, spectrograms of sound."""

import math
from collections.abc import Sequence
from typing import Any

from pipetrace.explain.formatting import counted
from pipetrace.explain.layers.parts import (
    ELEMENTWISE,
    Fields,
    Known,
    agree,
    demand,
    length_at,
    numbers,
    real,
    sum_of,
    whole,
)
from pipetrace.explain.layers.windows import fit_sum
from pipetrace.trace.document import Stage

CODED = """
[output_mode=one_hot] Each number is written as {codes:# value}, of which one is 1 and the others
    are 0.
[output_mode=multi_hot] The result has {codes:# value}: 1 for each number that occurs, and 0 for the
    others.
[output_mode=count] The result has {codes:# value}: how often each number occurs.
[output_mode=tf_idf] The result has {codes:# value}: how often each number occurs, weighted by how
    rare it is (TF-IDF).
"""
"""How a number that stands for something is written down."""
CODED_SHAPE = """
[output_mode=int] One number for each value, so the shape stays the same.
[codes] {codes:# value}, one for each possible number.
"""
RESCALING = """
[by_channel] Multiplies every value by its channel's scale and adds its channel's offset.
[divisor] Divides every value by {divisor:number}{shift}.
[factor] Multiplies every value by {factor}{shift}.
"""
NORMALIZATION = """
[not invert] Subtracts from {which} {own} mean and divides by {own} standard deviation.
[invert] Multiplies {which} by {own} standard deviation and adds {own} mean.
[given] Both were given by the author; nothing is learned.
[not given] Both were measured on data before training (adapt); nothing is learned.
"""
DISCRETIZATION = """
[edges] Replaces every value with the number of its bin, one of {bins}, split at
    {edges:# boundary/boundaries}.
[not edges] Replaces every value with the number of its bin, one of {bins}, set on data before
    training (adapt).
"""
HASHING = """
Hashes every value to one of {num_bins:# number}. The same value always gets the same number;
    different values can share one.
"""
CROSSING = """
Combines its {inputs} inputs and hashes each combination to one of {num_bins:# number}; different
    combinations can share one.
"""
LOOKUP = """
[inverted] Replaces every number with the {what} that it stands for.
[not inverted] Replaces every {what} with its number in a fixed vocabulary{among}.
"""
LOOKUP_SHAPE = """
[inverted] One {what} for each number, so the shape stays the same.
[total] {total}
"""
VECTORIZATION = """
Splits each text and replaces its pieces with their numbers in a fixed vocabulary{among}.
[standardize=lower_and_strip_punctuation] First the text is lowercased, and punctuation is removed.
[standardize=lower] First the text is lowercased.
[standardize=strip_punctuation] First punctuation is removed.
[split=whitespace] The pieces are words.
[split=character] The pieces are characters.
[length] The result is cut, or filled with 0, to {length:# number}.
[short] Short texts are filled up with 0.
"""
MEL = """
Splits a sound of {sampling_rate:,} samples per second into overlapping frames of
    {sequence_length:,} samples, {sequence_stride:,} apart.
For each frame it measures the energy{unit} in {num_mel_bins:# mel band} from {min_freq:number} to
    {max_freq:number} Hz.
"""
STFT = """
Splits the signal into frames of {frame:# sample}, {step} apart, and measures how much of each of
    {bins} frequencies each frame holds (mode '{how}').
"""


def _rescaling(stage: Stage) -> Fields:
    scale, offset = stage.config["scale"], stage.config["offset"]
    if isinstance(scale, list) or isinstance(offset, list):
        return {"by_channel": True}
    factor, shift = real(scale), real(offset)
    inverse = 1 / factor if factor else 0
    added = f" and {'adds' if shift > 0 else 'subtracts'} {numbers(abs(shift))}" if shift else ""
    # What was written as 1 / 255 or 1 / 127.5 is written as it was meant.
    if 0 < abs(factor) < 1 and abs(inverse - round(inverse, 1)) < 1e-9 * abs(inverse):
        return {"divisor": round(inverse, 1), "shift": added}
    return {"factor": numbers(factor), "shift": added}


def _normalization(stage: Stage) -> Fields:
    config, shape, given = stage.config, stage.inputs[0].shape, stage.config["axis"]
    axes = [] if given is None else list(given) if isinstance(given, list | tuple) else [given]
    held = math.prod(length_at(shape, axis) for axis in axes)
    demand(held > 0)
    last = len(shape) > 2 and [axis % len(shape) for axis in axes] == [len(shape) - 1]
    known = config.get("mean") is not None
    noun = "channel" if last else "value"
    each = f"each of {counted(held, noun)}" if held > 1 else f"the {noun}"
    return {
        "which": each if axes else "every value",
        "own": "its own" if axes else "one common",
        "given": known,
        **({} if known else {"weights": sum_of([2, held], [1])}),
    }


def _coded(stage: Stage, depth: int | None) -> dict[str, Any]:
    """The fields of ``CODED``; ``depth`` is how many different numbers there are, where known."""
    mode = stage.config.get("output_mode", "int")
    taken, given = stage.inputs[0].shape, stage.outputs[0].shape
    demand(mode in ("int", "one_hot", "multi_hot", "count", "tf_idf"))
    if mode == "int":
        demand(agree(taken, given))
        return {"output_mode": mode}
    codes = length_at(given, -1)
    demand(depth is None or codes == depth)
    return {"output_mode": mode, "codes": codes}


def _discretization(stage: Stage) -> Fields:
    edges = stage.config["bin_boundaries"]
    bins = len(edges) + 1 if edges else whole(stage.config["num_bins"])
    return {**_coded(stage, bins), "bins": bins, "edges": len(edges or [])}


def _category(stage: Stage) -> Fields:
    tokens = whole(stage.config["num_tokens"])
    return {**_coded(stage, tokens), "last": tokens - 1}


def _hashed(stage: Stage) -> Fields:
    return {**_coded(stage, whole(stage.config["num_bins"])), "inputs": len(stage.inputs)}


def _vocabulary(config: Fields) -> tuple[int | None, str]:
    """How many numbers a lookup gives, and the sum of what they are for."""
    size = config.get("vocabulary_size")
    size = None if size is None else whole(size)
    entries, unknown = config.get("vocabulary"), config.get("num_oov_indices", 1)
    if not isinstance(entries, list) or size is None:
        return size, ""
    spare = size - len(entries)
    if not isinstance(unknown, int) or spare < unknown or spare == 0:
        return size, ""
    kept = [f"{spare - unknown} for padding"] * (spare > unknown)
    kept += [f"{unknown} for unknown entries"] * bool(unknown)
    total = f"{len(entries)} + {spare} = {counted(size, 'number')}"
    return size, f"{total}: the entries, and {' and '.join(kept)}."


def _lookup(stage: Stage) -> Fields:
    config = stage.config
    size, total = _vocabulary(config)
    what = {"IntegerLookup": "integer", "StringLookup": "string"}[str(stage.layer)]
    if config["invert"]:
        return {"what": what, "inverted": True}
    depth = whole(config["max_tokens"]) if config.get("pad_to_max_tokens") else size
    return {
        **_coded(stage, depth),
        "what": what,
        "among": f" of {counted(size, 'number')}" if size else "",
        "total": total,
    }


def _text(stage: Stage) -> Fields:
    config, given = stage.config, stage.outputs[0].shape
    size, _ = _vocabulary(config)
    fields = {"among": f" of {counted(size, 'entry', 'entries')}" if size else ""}
    demand("standardize" in config and "split" in config)
    if config["output_mode"] != "int":
        return {**fields, **_coded(stage, None)}
    length = config.get("output_sequence_length")
    demand(length is None or given[-1] in (None, length))
    return {**fields, "output_mode": "", "length": length, "short": length is None}


def _mel(stage: Stage) -> Fields:
    bands, given = whole(stage.config["num_mel_bins"]), stage.outputs[0].shape
    demand(given[-2] == bands)
    return {
        "moments": "?" if given[-1] is None else given[-1],
        "unit": " in decibels" if stage.config.get("power_to_db") else "",
    }


def _stft(stage: Stage) -> Fields:
    config, taken, given = stage.config, stage.inputs[0].shape, stage.outputs[0].shape
    frame = whole(config["frame_length"])
    step = whole(config["frame_step"] or max(frame // 2, 1))
    points = whole(config["fft_length"] or 2 ** math.ceil(math.log2(frame)))
    first, bins = config.get("data_format") == "channels_first", points // 2 + 1
    channels = length_at(taken, 1 if first else -1)
    each = bins * (2 if config["mode"] == "stft" else 1)
    length, frames = taken[2 if first else 1], given[2 if first else 1]
    order: Sequence[int | None] = (each * channels, frames) if first else (frames, each * channels)
    if config.get("expand_dims"):
        order = (channels, frames, each) if first else (frames, each, channels)
    demand(agree((None, *order), given))
    pieces = None
    if length is not None and frames is not None:
        pieces = fit_sum(length, frames, frame, step, str(config["padding"]))
        demand(pieces is not None)
    both = config["mode"] not in ("real", "imag")
    return {
        "frame": frame,
        "step": step,
        "bins": bins,
        "how": str(config["mode"]),
        "pieces": f"{pieces} frames; " if pieces else "",
        "frequencies": f"{points} / 2 + 1 = {bins} frequencies",
        "both": both,
        "weights": sum_of([2] * both + [frame, bins]),
    }


LAYERS = {
    "Rescaling": Known(RESCALING, steady=ELEMENTWISE, fields=_rescaling),
    "Normalization": Known(
        NORMALIZATION,
        parts="a mean and a variance for {which}\nand the number of rows measured",
        fields=_normalization,
        steady=ELEMENTWISE,
    ),
    "Discretization": Known(
        DISCRETIZATION + CODED,
        "[edges] {edges} + 1 = {bins:# bin}.\n" + CODED_SHAPE,
        fields=_discretization,
    ),
    "CategoryEncoding": Known(
        "Takes integers from 0 to {last:,}.\n" + CODED, CODED_SHAPE, fields=_category, inputs=(1, 2)
    ),
    "Hashing": Known(HASHING + CODED, CODED_SHAPE, fields=_hashed),
    "HashedCrossing": Known(CROSSING + CODED, CODED_SHAPE, fields=_hashed, inputs=(2, 99)),
    "IntegerLookup": Known(LOOKUP + CODED, LOOKUP_SHAPE + CODED_SHAPE, fields=_lookup),
    "StringLookup": Known(LOOKUP + CODED, LOOKUP_SHAPE + CODED_SHAPE, fields=_lookup),
    "TextVectorization": Known(
        VECTORIZATION + CODED,
        "[length] {length:# number} for each text, whatever its length.\n" + CODED_SHAPE,
        fields=_text,
    ),
    "MelSpectrogram": Known(MEL, "{num_mel_bins:# band} at {moments} moments.", fields=_mel),
    "STFTSpectrogram": Known(
        STFT,
        "{pieces}{frequencies}.",
        "the waves of {bins} frequencies over {frame:# sample}\n[both] as cosine and as sine",
        _stft,
    ),
}
"""The layers that prepare rows."""
