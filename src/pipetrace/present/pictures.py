"""Tensors as pictures, bars and histograms, with their scales."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipetrace.explain.wording import figure, number, share
from pipetrace.present.views import Bar, Distribution, Picture
from pipetrace.summary import bins
from pipetrace.trace.document import Array, Summary

BINS = 40
FOLD = 104
"""How many values of a vector make a line of its picture: 5,408 make 52 lines, half as high as wide."""
LEGIBLE = 25
"""A map of at most so many values, such as a kernel of 5 x 5, has its figures written into it when it is opened."""
MOST_MAPS = 256
"""More maps than this are not drawn."""


def tensor(values: Array, label: str, ramp: str, *, whole_scale: tuple[float, float] | None = None) -> Picture | None:
    """A row's tensor as a picture, or None where its form has none.

    Args:
        values: shape ``(height, width, channels)`` or ``(n,)``.
        label: what it shows.
        ramp: the colours.
        whole_scale: the ends of the scale; from the values' own extremes when left out. Activations begin at zero.
    """
    finite = values[np.isfinite(values)]
    if not finite.size:
        return None
    low, high = whole_scale or (float(min(0.0, finite.min())), float(finite.max()))
    if low < 0:
        # Signed values lie around zero, so that one colour always means less than nothing.
        high = max(high, -low)
        low, ramp = -high, "signed"
    if values.ndim == 3 and values.shape[-1] <= MOST_MAPS:
        maps = np.moveaxis(values, -1, 0)
        names = ("",) if len(maps) == 1 else tuple(f"filter {index}" for index in range(len(maps)))
        return _picture("maps", label, maps, low, high, ramp, names)
    if values.ndim == 1:
        return _picture("vector", label, _folded(values), low, high, ramp, ("",))
    return None


def kernels(values: Array, label: str) -> Picture | None:
    """The kernels of a convolution, one map for each filter.

    Args:
        values: shape ``(rows, columns, channels, filters)``; drawn for one channel only.
        label: what it shows.
    """
    if values.ndim != 4 or values.shape[2] != 1 or values.shape[3] > MOST_MAPS or not np.isfinite(values).all():
        return None
    end = float(np.abs(values).max())
    names = tuple(f"filter {index}" for index in range(values.shape[3]))
    return _picture("maps", label, np.moveaxis(values[:, :, 0, :], -1, 0), -end, end, "signed", names)


def scores(values: Array, names: Sequence[str], marked: int | None) -> tuple[Bar, ...]:
    """One bar for each class, its length the probability."""
    return tuple(
        Bar(
            name,
            _inside(float(value)),
            share(float(value)) if np.isfinite(value) else figure(float(value)),
            index == marked,
        )
        for index, (name, value) in enumerate(zip(names, values, strict=True))
    )


def channel_activity(channels: Sequence[Summary]) -> tuple[Bar, ...]:
    """One bar for each channel: the share of its values that is not zero; silent channels are marked."""
    found = []
    for index, each in enumerate(channels):
        active = 1 - each.zeros / each.count if each.count else 0.0
        found.append(Bar(f"filter {index}", active, share(active), active == 0))
    return tuple(found)


def distribution(summary: Summary, what: str) -> Distribution | None:
    """A summary's histogram in 40 equal bins over its range, exact zeros apart; None for fewer than two values."""
    if summary.min is None or summary.max is None or summary.min == summary.max:
        return None
    edges = np.linspace(summary.min, summary.max, BINS + 1)
    counts = bins(summary.histogram, edges)
    zeros = summary.zeros / summary.count
    label = f"How the values of {what} are distributed"
    if zeros > 0.05:
        # A bar of exact zeros would press all others flat; it is told in words instead.
        place = min(BINS - 1, int(np.searchsorted(edges, 0.0, side="right")) - 1)
        counts[place] = max(0.0, counts[place] - summary.zeros)
        label += f", without the {share(zeros)} that are exactly 0"
    top = float(counts.max())
    if top <= 0:
        return None
    texts = tuple(
        f"{figure(float(edges[index]))} to {figure(float(edges[index + 1]))}: about {number(round(float(count)))}"
        for index, count in enumerate(counts)
    )
    heights = tuple(round(float(count) / top, 4) for count in counts)
    return Distribution(f"{label}.", heights, figure(summary.min), figure(summary.max), texts)


def _picture(kind: str, label: str, maps: NDArray[np.generic], low: float, high: float, ramp: str,
             names: tuple[str, ...]) -> Picture:  # fmt: skip
    values = np.ascontiguousarray(maps, dtype=np.float32)
    shape = (int(values.shape[0]), int(values.shape[1]), int(values.shape[2]))
    small = shape[1] * shape[2] <= LEGIBLE
    texts = tuple(figure(float(value)) for value in values.reshape(-1)) if small else ()
    return Picture(kind, label, shape, values, low, high, figure(low), figure(high), ramp, names, None, texts)


def _folded(values: Array) -> Array:
    width = min(FOLD, len(values))
    lines = -(-len(values) // width)
    # What is missing in the last line is drawn as nothing.
    padded = np.full(lines * width, np.nan, np.float32)
    padded[: len(values)] = values
    return padded.reshape(1, lines, width)


def _inside(value: float) -> float:
    return min(1.0, max(0.0, value)) if np.isfinite(value) else 0.0
