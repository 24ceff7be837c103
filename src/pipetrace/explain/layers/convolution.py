"""Convolutions: plain, transposed, depthwise and separable, in one to three dimensions."""

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

from pipetrace.explain.layers.activation import activated
from pipetrace.explain.layers.parts import (
    Fields,
    Known,
    agree,
    by,
    demand,
    length_at,
    same,
    spelled,
    sum_of,
    tuple_of,
    whole,
)
from pipetrace.explain.layers.windows import (
    arranged,
    channels_of,
    directions,
    fitted,
    padding,
    positions_of,
    span,
)
from pipetrace.trace.document import Stage

COVERING = """
[weights_each>1, use_bias] At every position the filter covers {patch}: the {values} are multiplied
    by the {weights_each:~ weight}, summed, and a bias is added.
[weights_each>1, not use_bias] At every position the filter covers {patch}: the {values} are
    multiplied by the {weights_each:~ weight} and summed.
[weights_each=1, use_bias] At every position the value is multiplied by the weight, and a bias is
    added.
[weights_each=1, not use_bias] At every position the value is multiplied by the weight.
"""
MOVING = """
[strided] The filter moves {stride} positions at a time.
[dilated] Dilation leaves gaps, so that the filter spans {span} positions.
{activation}
"""
CONVOLUTION = (
    """
    [filters>1] Each of the {filters} filters holds {weights_each:~ weight}.
    [filters=1] The filter holds {weights_each:~ weight}.
    """,
    COVERING,
    """
    [groups>1] The channels form {groups} groups; each filter sees {seen} of the {channels}
        channels.
    """,
    MOVING,
)
DEPTHWISE = (
    """
    [depth_multiplier=1] Each channel has a filter of its own, of {weights_each:~ weight}.
    [depth_multiplier>1] Each channel has {depth_multiplier} filters of its own, of
        {weights_each:~ weight} each.
    """,
    COVERING,
    "Channels are not mixed.",
    MOVING,
)
SEPARABLE = """
Works in two steps.
[depth_multiplier=1] First, a filter of size {window} slides over each channel by itself.
[depth_multiplier>1] First, {depth_multiplier} filters of size {window} slide over each channel by
    itself.
[strided] They move {stride} positions at a time.
[dilated] Dilation leaves gaps, so that a filter spans {span} positions.
Then {filters:# filter} of size {one} mix the {between:# channel} at every position.
[use_bias] A bias is added.
{activation}
"""
TRANSPOSED = """
Works like a convolution in reverse.
[filters>1] For each of {filters} filters, every input value is multiplied by a window of {window}
    weights and placed in the output.
[filters=1] Every input value is multiplied by the filter's window of {window} weights and placed in
    the output.
The windows start {apart} apart; where they overlap, the products are summed, over all channels too.
[dilated] Dilation leaves gaps, so that a window spans {span} positions.
[use_bias] A bias is added.
{activation}
"""
SLIDING_SHAPE = """
[padding=valid, fits] Without padding, a window of {span} fits at {fits}.
[not padding=valid, fits, not strided] Padding '{padding}' adds zeros {where} as needed, so {size}
    positions stay {size}.
[not padding=valid, fits, strided] Padding '{padding}' adds zeros {where} as needed, so stride
    {stride} leaves {fits}.
"""
"""The shape of everything that slides a window: convolutions here, and those of ``recurrent``."""
CHANNEL_EACH = """
[filters>1] Each of the {filters} filters gives one channel.
[filters=1] The filter gives one channel.
"""
CHANNELS_STAY = """
[depth_multiplier=1] The channels stay {channels}.
[depth_multiplier>1] {channels} x {depth_multiplier} = {between} channels.
"""
TRANSPOSED_SHAPE = """
[fits, padding=valid] {fits}.
[fits, padding=same] Padding 'same' gives {fits}.
"""
WEIGHTS = """
[filters>1] {weights_each:# weight} in each of {filters} filters
[filters=1] {weights_each:# weight} in the filter
[use_bias] and one bias for each filter
"""
EACH_WEIGHTS = """
{weights_each:# weight} in each filter
[use_bias] and one bias for each filter
"""
MIXED_WEIGHTS = """
{sliding:# weight} that slide
{mixing:# weight} that mix {between:# channel} into {filters}
[use_bias] and one bias for each output channel
"""

IMAGE_CHANNELS = (1, 3)
"""With so many channels, the input of a two-dimensional convolution is called an image."""


def sliding(stage: Stage, window: Sequence[int]) -> dict[str, Any]:
    """The fields that all sliding windows share: size, stride, dilation, padding and bias."""
    step, stretch, border = _stride(stage, window), span(stage, window), padding(stage)
    return {
        "padding": border,
        "where": "before the start" if border == "causal" else "at the border",
        "fits": fitted(stage, stretch, step),
        "size": by(positions_of(stage, stage.outputs[0].shape)),
        "window": by(window),
        "span": by(stretch),
        "stride": same(step),
        "strided": set(step) != {1},
        "dilated": stretch != tuple(window),
        "use_bias": bool(stage.config.get("use_bias", True)),
        "activation": activated(stage),
    }


def _weighing(window: Sequence[int], channels: int, pixels: bool = False) -> dict[str, Any]:
    """What one filter multiplies at a position: how many values, and in what patch."""
    count, noun = math.prod(window) * channels, ("step", "patch", "block")[len(window) - 1]
    return {
        "weights_each": count,
        "values": spelled(count, "pixel" if pixels else "value"),
        "patch": f"a {by(window)} {noun}" if len(window) > 1 else spelled(window[0], noun),
    }


def _convolution(dims: int, stage: Stage) -> Fields:
    config = stage.config
    channels, filters = _channels(stage), whole(config["filters"])
    groups, window = whole(config.get("groups", 1)), tuple_of(config["kernel_size"], dims)
    demand(channels % groups == 0 and channels_of(stage, stage.outputs[0].shape) == filters)
    seen, image = channels // groups, dims == 2 and channels in IMAGE_CHANNELS
    fields = sliding(stage, window) | _weighing(window, seen, image and channels == 1)
    what = ("the sequence", "the image" if image else "the feature maps", "the volume")[dims - 1]
    inside = f" in all {channels} channels" if seen == channels > 1 else ""
    return {
        **fields,
        "patch": f"{fields['patch']} of {what}{inside}",
        "groups": groups,
        "seen": seen,
        "channels": channels,
        "weights": sum_of([*window, seen, filters], [filters] * fields["use_bias"]),
    }


def _depthwise(dims: int, stage: Stage) -> Fields:
    channels, window = _channels(stage), tuple_of(stage.config["kernel_size"], dims)
    each = whole(stage.config["depth_multiplier"])
    between = channels * each
    demand(channels_of(stage, stage.outputs[0].shape) == between)
    fields = sliding(stage, window) | _weighing(window, 1)
    fields["patch"] += " of its channel"
    terms = [*window, channels, *[each] * (each > 1)]
    weights = sum_of(terms, [between] * fields["use_bias"])
    return {**fields, "channels": channels, "between": between, "weights": weights}


def _separable(dims: int, stage: Stage) -> Fields:
    channels, window = _channels(stage), tuple_of(stage.config["kernel_size"], dims)
    each, filters = whole(stage.config["depth_multiplier"]), whole(stage.config["filters"])
    demand(channels_of(stage, stage.outputs[0].shape) == filters)
    first, between = [*window, channels, *[each] * (each > 1)], channels * each
    fields = sliding(stage, window)
    return {
        **fields,
        "one": by([1] * dims),
        "between": between,
        "sliding": math.prod(first),
        "mixing": between * filters,
        "weights": sum_of(first, [between, filters], [filters] * fields["use_bias"]),
    }


def _transposed(dims: int, stage: Stage) -> Fields:
    config = stage.config
    channels, filters = _channels(stage), whole(config["filters"])
    window, biased = tuple_of(config["kernel_size"], dims), bool(config.get("use_bias", True))
    step = _stride(stage, window)
    return {
        "padding": padding(stage),
        "fits": _spread(stage, window, step, filters),
        "window": by(window),
        "span": by(span(stage, window)),
        "dilated": span(stage, window) != window,
        "apart": f"{same(step)} position{'s' * (set(step) != {1})}",
        "use_bias": biased,
        "activation": activated(stage),
        "weights_each": math.prod(window) * channels,
        "weights": sum_of([*window, channels, filters], [filters] * biased),
    }


def _spread(stage: Stage, window: Sequence[int], step: Sequence[int], filters: int) -> str | None:
    """The sum that says how many positions the windows cover; None where a length is not known."""
    taken, given = positions_of(stage, stage.inputs[0].shape), stage.outputs[0].shape
    further = stage.config.get("output_padding")
    extra = (None,) * len(window) if further is None else tuple_of(further, len(window), 0)
    border, sums, counts = padding(stage), [], []
    for length, size, hop, more in zip(taken, span(stage, window), step, extra, strict=True):
        text, count = ("", None) if length is None else _spread_sum(length, size, hop, more, border)
        sums.append(text)
        counts.append(count)
    demand(agree(arranged(stage, counts, filters), given))
    got = positions_of(stage, given)
    return None if None in got or not all(sums) else directions(sums, single=got[0] == 1)


def _spread_sum(
    length: int, size: int, step: int, more: int | None, border: str
) -> tuple[str, int]:
    """How far the windows go: as Keras counts, ``backend/common/backend_utils.py``."""
    if border == "same" and more is None:
        return (f"{length} x {step} = {length * step}" if step > 1 else str(length)), length * step
    if border == "same":
        count = (length - 1) * step + size % 2 + (more or 0)
        return f"({length} - 1) x {step} + {size % 2 + (more or 0)} = {count}", count
    more = max(size, step) - size if more is None else more
    count = (length - 1) * step + size + more
    left = f"({length} - 1) x {step}" if step > 1 else f"{length} - 1"
    return f"{left} + {size}{f' + {more}' if more else ''} = {count}", count


def _channels(stage: Stage) -> int:
    return length_at((channels_of(stage, stage.inputs[0].shape),), 0)


def _stride(stage: Stage, window: Sequence[int]) -> tuple[int, ...]:
    return tuple_of(stage.config.get("strides") or 1, len(window))


LAYERS = {
    name.format(dims): Known(does, (shape, channels), parts, partial(fields, dims))
    for name, most, does, shape, channels, parts, fields in (
        ("Conv{}D", 3, CONVOLUTION, SLIDING_SHAPE, CHANNEL_EACH, WEIGHTS, _convolution),
        ("Conv{}DTranspose", 3, TRANSPOSED, TRANSPOSED_SHAPE, CHANNEL_EACH, WEIGHTS, _transposed),
        ("DepthwiseConv{}D", 2, DEPTHWISE, SLIDING_SHAPE, CHANNELS_STAY, EACH_WEIGHTS, _depthwise),
        ("SeparableConv{}D", 2, SEPARABLE, SLIDING_SHAPE, CHANNEL_EACH, MIXED_WEIGHTS, _separable),
    )
    for dims in range(1, most + 1)
}
"""The convolutions."""
