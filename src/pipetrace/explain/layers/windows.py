"""Positions and channels, and at how many positions a window fits, in sums that must come out."""

from collections.abc import Sequence
from typing import Any

from pipetrace.explain.layers.parts import Shape, UnfitError, tuple_of
from pipetrace.trace.document import Stage


def channels_first(stage: Stage) -> bool:
    """Whether the channels come before the positions."""
    return stage.config.get("data_format") == "channels_first"


def positions_of(stage: Stage, shape: Shape) -> tuple[int | None, ...]:
    """The lengths of the axes that are positions, such as height and width."""
    return tuple(shape[2:]) if channels_first(stage) else tuple(shape[1:-1])


def channels_of(stage: Stage, shape: Shape) -> int | None:
    """How many channels there are."""
    return shape[1] if channels_first(stage) else shape[-1]


def arranged(stage: Stage, positions: Shape, channels: int | None) -> tuple[int | None, ...]:
    """A batch's shape from its positions and channels."""
    return (None, channels, *positions) if channels_first(stage) else (None, *positions, channels)


def directions(sums: Sequence[str], noun: str = "position", single: bool = False) -> str:
    """A sum such as ``28 - 3 + 1 = 26`` for each direction with its noun, or for all alike."""
    nouns = noun if single else f"{noun}s"
    if len(sums) == 1:
        return f"{sums[0]} {nouns}"
    if len(set(sums)) == 1:
        return f"{sums[0]} {nouns} in each direction"
    if len(sums) == 2:
        return f"{sums[0]} {nouns} down and {sums[1]} across"
    return f"{sums[0]} {nouns} in depth, {sums[1]} down and {sums[2]} across"


def kernel(stage: Stage) -> tuple[int, ...]:
    """The kernel or window of a convolution or pooling, such as (3, 3)."""
    return _pair(stage.config.get("kernel_size") or stage.config.get("pool_size") or ())


def strides(stage: Stage) -> tuple[int, ...]:
    """The strides of a convolution or pooling; a pooling without any uses its window."""
    return _pair(stage.config.get("strides") or kernel(stage))


def span(stage: Stage, window: Sequence[int]) -> tuple[int, ...]:
    """How many positions a kernel covers from end to end, the gaps of its dilation included."""
    gaps = tuple_of(stage.config.get("dilation_rate") or 1, len(window))
    return tuple(gap * (size - 1) + 1 for gap, size in zip(gaps, window, strict=True))


def padding(stage: Stage) -> str:
    """The border's ``valid``, ``same`` or ``causal``; an ``UnfitError`` for anything else."""
    given = stage.config.get("padding", "valid")
    if given not in ("valid", "same", "causal"):
        raise UnfitError(f"no padding: {given!r}")
    return str(given)


def fitted(
    stage: Stage, window: Sequence[int], step: Sequence[int], noun: str = "position"
) -> str | None:
    """The sum that says at how many positions a window fits: one where all directions are alike.

    None where a length is not known; an ``UnfitError`` where the sums give others.
    """
    taken = positions_of(stage, stage.inputs[0].shape)
    given = positions_of(stage, stage.outputs[0].shape)
    sums: list[str] = []
    for length, got, size, hop in zip(taken, given, window, step, strict=True):
        if length is None or got is None:
            return None
        text = fit_sum(length, got, size, hop, padding(stage))
        if text is None:
            raise UnfitError(f"a window of {size} does not fit at {got} of {length} positions")
        sums.append(text)
    return directions(sums, noun, given[0] == 1)


def fit_sum(length: int, got: int, size: int, step: int, border: str) -> str | None:
    """The sum that gives so many positions for a window; None where it does not."""
    padded = border != "valid"
    whole, rest = divmod(length if padded else length - size, step)
    if got != whole + (bool(rest) if padded else 1):
        return None
    way = f" rounded {'up' if padded else 'down'}" if rest else ""
    if padded:
        return f"{length} / {step}{way} = {got}" if step > 1 else str(got)
    if size == step > 1:
        return f"{length} / {step}{' rounded down' if length % step else ''} = {got}"
    if step == 1:
        return f"{length} - {size} + 1 = {got}"
    return f"({length} - {size}) / {step}{way} + 1 = {got}"


def _pair(value: Any) -> tuple[int, ...]:
    if isinstance(value, int):
        return (value, value)
    return tuple(int(each) for each in value)
