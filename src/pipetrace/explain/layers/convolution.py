"""Convolutions: filters that slide over a sequence, a picture or a volume, and their transposed and separated kinds."""

import math
from collections.abc import Sequence
from functools import partial

from pipetrace.explain.layers.parts import (
    Known,
    Operation,
    UnfitError,
    afterwards,
    agree,
    arranged,
    by,
    channels_of,
    demand,
    directions,
    length_at,
    parameters,
    places_of,
    same,
    tally,
    then,
    tuple_of,
    whole,
)
from pipetrace.explain.layers.windows import fitted, padding, reach
from pipetrace.explain.text import counted
from pipetrace.trace.document import Stage


def _convolution(dims: int, stage: Stage) -> Operation:
    config = stage.config
    channels, filters = _channels(stage), whole(config["filters"])
    groups, window = whole(config.get("groups", 1)), tuple_of(config["kernel_size"], dims)
    demand(channels % groups == 0 and channels_of(stage, stage.outputs[0].shape) == filters)
    over = (
        "the picture"
        if dims == 2 and channels in (1, 3)
        else ("the sequence", "the maps", "the volume")[dims - 1]
    )
    if groups != 1:
        over = f"{channels // groups} of the {channels} channels each"
    sentence = f"Slides {counted(filters, 'filter')} of {_size(window)}{_spread(stage, window)} over {over} with stride "
    terms = [*window, channels // groups, filters]
    parts = f"{counted(math.prod(terms[:-1]), 'weight')} in {f'each of {filters} filters' if filters > 1 else 'the filter'}"
    bias = filters if config.get("use_bias", True) else 0
    gives = (
        f"each of {filters} filters gives a channel"
        if filters != 1
        else "the one filter gives one channel"
    )
    return Operation(
        stage.layer or "",
        sentence + same(_steps(stage, dims)) + then(config, filters),
        conv_shape(stage, window, gives),
        *parameters(
            stage, terms, bias, f"{parts}, and one bias{' each' * (filters > 1)}" if bias else parts
        ),
    )


def _depthwise(dims: int, stage: Stage) -> Operation:
    config = stage.config
    channels, window = _channels(stage), tuple_of(config["kernel_size"], dims)
    each = whole(config["depth_multiplier"])
    demand(channels_of(stage, stage.outputs[0].shape) == channels * each)
    own = "a filter of its own" if each == 1 else f"{each} filters of its own"
    parts = f"{counted(math.prod(window), 'weight')} in each filter"
    bias = channels * each if config.get("use_bias", True) else 0
    gives = (
        f"channels stay {channels}"
        if each == 1
        else f"{channels} x {each} = {channels * each} channels"
    )
    return Operation(
        stage.layer or "",
        f"Slides over every channel by itself {own}, of {_size(window)}{_spread(stage, window)}, with stride "
        + same(_steps(stage, dims))
        + then(config, channels * each),
        conv_shape(stage, window, gives),
        *parameters(
            stage,
            [*window, channels, each] if each > 1 else [*window, channels],
            bias,
            parts + ", and one bias each" * bool(bias),
        ),
    )


def _separable(dims: int, stage: Stage) -> Operation:
    config = stage.config
    channels, window = _channels(stage), tuple_of(config["kernel_size"], dims)
    each, filters = whole(config["depth_multiplier"]), whole(config["filters"])
    demand(channels_of(stage, stage.outputs[0].shape) == filters)
    between = channels * each
    products = [[*window, channels, each] if each > 1 else [*window, channels], [between, filters]]
    parts = (
        f"{math.prod([*window, between])} weights that slide, {between * filters} that mix {between} channels "
        f"into {filters}"
    )
    bias = filters if config.get("use_bias", True) else 0
    own = "a filter of its own" if each == 1 else f"{each} filters of its own"
    return Operation(
        stage.layer or "",
        f"Slides over every channel by itself {own}, of {_size(window)}{_spread(stage, window)}, with stride "
        f"{same(_steps(stage, dims))}, then mixes the {counted(between, 'channel')} at each place for each of "
        f"{counted(filters, 'filter')}" + then(config, filters),
        conv_shape(stage, window, f"the mixing makes {counted(filters, 'channel')}"),
        *tally(
            stage,
            [*products, [bias]] if bias else products,
            parts + ", and one bias for each filter" * bool(bias),
        ),
    )


def _transposed(dims: int, stage: Stage) -> Operation:
    config = stage.config
    channels, filters = _channels(stage), whole(config["filters"])
    window, step = tuple_of(config["kernel_size"], dims), _steps(stage, dims)
    parts = f"{counted(math.prod(window) * channels, 'weight')} in {_each(filters)}"
    bias = filters if config.get("use_bias", True) else 0
    what = ("step of the sequence", "place of the maps", "place of the volume")[dims - 1]
    return Operation(
        stage.layer or "",
        f"Runs a convolution backwards: every {what} is spread over a window of {_size(window)}"
        f"{_spread(stage, window)} by each of {counted(filters, 'filter')}, the windows {same(step)} apart, and what "
        f"overlaps is added up{afterwards(config, filters)}",
        _transposed_shape(stage, window, step, filters),
        *parameters(
            stage,
            [*window, channels, filters],
            bias,
            parts + ", and one bias for each" * bool(bias),
        ),
    )


def _transposed_shape(
    stage: Stage, window: Sequence[int], step: Sequence[int], filters: int
) -> str:
    gives = (
        f"each of {filters} filters gives a channel"
        if filters != 1
        else "the one filter gives one channel"
    )
    taken, got = places_of(stage, stage.inputs[0].shape), places_of(stage, stage.outputs[0].shape)
    border = padding(stage)
    further = stage.config.get("output_padding")
    extra = (None,) * len(window) if further is None else tuple_of(further, len(window), 0)
    sums, counts = [], []
    for length, size, hop, more in zip(taken, reach(stage, window), step, extra, strict=True):
        text, count = (
            (None, None) if length is None else _spread_sum(length, size, hop, more, border)
        )
        sums.append(text)
        counts.append(count)
    demand(agree(arranged(stage, counts, filters), stage.outputs[0].shape))
    if None in got or None in sums:
        return f"{gives[0].upper()}{gives[1:]}."
    border = "Padding 'same' cuts the border off: " if border == "same" else ""
    return f"{border}{directions([each for each in sums if each], single=got[0] == 1)}; {gives}."


def _spread_sum(
    length: int, size: int, step: int, more: int | None, border: str
) -> tuple[str, int]:
    """How far the windows reach: as Keras counts, ``backend/common/backend_utils.py``."""
    if border == "same" and more is None:
        return (f"{length} x {step} = {length * step}" if step > 1 else str(length)), length * step
    if border == "same":
        count = (length - 1) * step + size % 2 + (more or 0)
        return f"({length} - 1) x {step} + {size % 2 + (more or 0)} = {count}", count
    more = max(size, step) - size if more is None else more
    count = (length - 1) * step + size + more
    left = f"({length} - 1) x {step}" if step > 1 else f"{length} - 1"
    return f"{left} + {size}{f' + {more}' if more else ''} = {count}", count


def conv_shape(stage: Stage, window: Sequence[int], gives: str) -> str:
    """How many places a sliding window gives; the channels alone where a length is not known."""
    stretch, border, step = reach(stage, window), padding(stage), _steps(stage, len(window))
    places = fitted(stage, stretch, step)
    if places is None:
        return f"{gives[0].upper()}{gives[1:]}."
    if border == "valid":
        return f"Without padding a window of {by(stretch)} fits at {places}; {gives}."
    room = (
        "'same' makes room at the border"
        if border == "same"
        else "'causal' makes room before the start"
    )
    if set(step) == {1}:
        size = by(places_of(stage, stage.outputs[0].shape))
        return f"Padding {room}, so {size} places stay {size}; {gives}."
    return f"Padding {room}, so stride {same(step)} leaves {places}; {gives}."


def _channels(stage: Stage) -> int:
    channels = channels_of(stage, stage.inputs[0].shape)
    if channels is None:
        raise UnfitError("the number of channels is not known")
    return length_at((channels,), 0)


def _steps(stage: Stage, dims: int) -> tuple[int, ...]:
    return tuple_of(stage.config.get("strides") or 1, dims)


def _size(window: Sequence[int]) -> str:
    return f"length {window[0]}" if len(window) == 1 else by(window)


def _spread(stage: Stage, window: Sequence[int]) -> str:
    stretch = reach(stage, window)
    return "" if stretch == tuple(window) else f" (spread over {by(stretch)})"


def _each(filters: int) -> str:
    return f"each of {filters} filters" if filters > 1 else "the filter"


LAYERS = {
    **{
        f"Conv{dims}D": Known(partial(_convolution, dims), "filters", dims + 2)
        for dims in (1, 2, 3)
    },
    **{
        f"Conv{dims}DTranspose": Known(partial(_transposed, dims), "filters", dims + 2)
        for dims in (1, 2, 3)
    },
    **{
        f"DepthwiseConv{dims}D": Known(partial(_depthwise, dims), "depth_multiplier", dims + 2)
        for dims in (1, 2)
    },
    **{
        f"SeparableConv{dims}D": Known(partial(_separable, dims), "depth_multiplier", dims + 2)
        for dims in (1, 2)
    },
}
"""The convolutions that have words."""
